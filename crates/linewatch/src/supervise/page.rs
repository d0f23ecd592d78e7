//! Asks our own page whether it still takes calls. Any word of it is an answer, a refusal too.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Whether the page has taken a call and said something within `patience`. What keeps the call from reaching it is no
/// fault of the page: an address that was taken away with its network is answered with yes.
pub(super) fn has_answered(page: SocketAddr, patience: Duration) -> bool {
    let mut stream = match TcpStream::connect_timeout(&page, patience) {
        Ok(stream) => stream,
        Err(error) => return is_of_network(&error),
    };
    let asked = stream
        .set_read_timeout(Some(patience))
        .and_then(|()| stream.set_write_timeout(Some(patience)))
        .and_then(|()| {
            write!(
                stream,
                "GET /healthz HTTP/1.1\r\nHost: {page}\r\nConnection: close\r\n\r\n"
            )
        });
    // One byte or the orderly end: with TLS an alert, with too many visitors "503". Silence is what a stuck loop gives.
    asked.is_ok() && stream.read(&mut [0; 64]).is_ok()
}

/// The call had no way to the page. Refused or timed out means: it had, and nobody was there.
fn is_of_network(error: &io::Error) -> bool {
    use io::ErrorKind::{
        AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable, PermissionDenied,
    };
    matches!(
        error.kind(),
        AddrNotAvailable | HostUnreachable | NetworkDown | NetworkUnreachable | PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(200);

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let addr = listener.local_addr().expect("bound");
        (listener, addr)
    }

    #[test]
    fn a_page_that_takes_no_calls_has_not_answered_though_the_kernel_has() {
        let (_parked, addr) = listener();
        assert!(!has_answered(addr, MOMENT));
    }

    #[test]
    fn a_refusal_is_an_answer_and_a_page_that_is_gone_gives_none() {
        let (listener, addr) = listener();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a call");
            let mut asked = [0; 16];
            stream.read_exact(&mut asked).expect("a question");
            stream
                .write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
                .expect("answered");
        });
        assert!(has_answered(addr, MOMENT * 10));
        served.join().expect("no panic");
        assert!(!has_answered(addr, MOMENT), "nobody listens any more");
    }

    #[test]
    fn a_network_that_is_gone_is_not_the_pages_fault() {
        assert!(is_of_network(&io::ErrorKind::NetworkUnreachable.into()));
        assert!(is_of_network(&io::ErrorKind::AddrNotAvailable.into()));
        assert!(!is_of_network(&io::ErrorKind::ConnectionRefused.into()));
        assert!(!is_of_network(&io::ErrorKind::TimedOut.into()));
    }
}

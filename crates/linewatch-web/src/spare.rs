//! Keeps a file descriptor for the moment when there is none: with it, who waits at the door is refused instead of left waiting.
//!
//! A connection that cannot be accepted stays in the kernel's queue, and its client waits for an answer that never comes. The
//! spare one is a second handle of the listener: to have it back asks nothing of the file system, of which a confined process
//! sees little.

use std::future::poll_fn;
use std::task::Poll;

use tokio::net::TcpListener;

use crate::server::refuse;

#[cfg(unix)]
type Handle = std::os::fd::OwnedFd;
#[cfg(windows)]
type Handle = std::os::windows::io::OwnedSocket;

/// Refused one after the other before others get a turn: a whole queue of the kernel's.
const AT_ONCE: usize = 1024;

/// `None` while there is no descriptor for it.
#[derive(Debug)]
pub(crate) struct Spare(Option<Handle>);

impl Spare {
    /// Takes a descriptor.
    pub(crate) fn of(listener: &TcpListener) -> Self {
        Self(handle(listener).ok())
    }

    /// Gives the descriptor up for everybody who waits, one at a time, and takes it back. How many were refused; none where it
    /// was gone already, or somebody else was quicker.
    pub(crate) async fn refuse_all(&mut self, listener: &TcpListener) -> usize {
        self.0 = None;
        let mut refused = 0;
        while refused < AT_ONCE {
            // Only who waits already: with nobody there the answer is not awaited.
            let accepted = poll_fn(|context| Poll::Ready(listener.poll_accept(context))).await;
            let Poll::Ready(Ok((stream, _))) = accepted else {
                break;
            };
            refuse(stream);
            refused += 1;
        }
        self.0 = handle(listener).ok();
        refused
    }
}

#[cfg(unix)]
fn handle(listener: &TcpListener) -> std::io::Result<Handle> {
    std::os::fd::AsFd::as_fd(listener).try_clone_to_owned()
}

#[cfg(windows)]
fn handle(listener: &TcpListener) -> std::io::Result<Handle> {
    std::os::windows::io::AsSocket::as_socket(listener).try_clone_to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn everybody_who_waits_is_told_that_there_is_no_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut waiting: Vec<_> = (0..20)
            .map(|_| TcpStream::connect(address).expect("in the queue"))
            .collect();
        for stream in &mut waiting {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("asked");
        }
        // The runtime learns that somebody is there.
        drop(listener.accept().await.expect("the first"));
        waiting.remove(0);
        let mut spare = Spare::of(&listener);
        assert_eq!(spare.refuse_all(&listener).await, 19);
        assert!(spare.0.is_some(), "taken back");
        for mut stream in waiting {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer and the end");
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        }
    }
}

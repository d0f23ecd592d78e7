//! Finds who listens on a TCP port, from `/proc` alone.
//!
//! The kernel's table gives the socket's inode, the open files of every process its owner. Other people's processes
//! show their files only to root: then the port is known to be held, and not by whom.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::line;

/// `TCP_LISTEN` (net/tcp_states.h), as the table writes it.
const LISTEN: &str = "0A";

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The name of its program, as the kernel keeps it (15 bytes); anything may stand in it.
    pub name: String,
}

/// The process that listens where `addr` wants to; `None` if nobody does, or nobody we may look at.
pub fn listener(addr: SocketAddr) -> Option<Process> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let tables = [
        read("/proc/thread-self/net/tcp"),
        read("/proc/thread-self/net/tcp6"),
    ];
    let inodes: Vec<u64> = tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(listening)
        .filter(|(bound, _)| is_in_the_way(*bound, addr))
        .map(|(_, inode)| inode)
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let processes = std::fs::read_dir("/proc").ok()?;
    let mut pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.find(|pid| holds(*pid, &links))?;
    let name = line(&format!("/proc/{pid}/comm"))?;
    Some(Process { pid, name })
}

fn holds(pid: u32, links: &[String]) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let mut targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    targets.any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
}

/// One address takes the port, and so does the address of all; `::` takes it for IPv4 too.
fn is_in_the_way(bound: SocketAddr, wanted: SocketAddr) -> bool {
    let same_family = bound.is_ipv6() == wanted.is_ipv6();
    bound.port() == wanted.port()
        && (bound.ip() == wanted.ip()
            || bound.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
            || (same_family && (bound.ip().is_unspecified() || wanted.ip().is_unspecified())))
}

/// A line of `/proc/net/tcp`: `sl local remote state queues timer retransmits uid timeout inode …`; address and inode
/// if it listens. Addresses are hexadecimal machine words, the port is a number.
fn listening(line: &str) -> Option<(SocketAddr, u64)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let &[_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else {
        return None;
    };
    if state != LISTEN {
        return None;
    }
    let (ip, port) = local.split_once(':')?;
    let word = |index: usize| {
        let digits = ip.get(index * 8..index * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut bytes = [0; 16];
            for (place, byte) in bytes.iter_mut().zip(words.as_flattened()) {
                *place = *byte;
            }
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((SocketAddr::new(ip, port), inode.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn listening_sockets_are_read_from_the_kernels_table() {
        let rest = "00000000:00000000 00:00000000 00000000  1000        0";
        for (line, expected) in [
            (
                format!("0: 0100007F:1388 00000000:0000 0A {rest} 4711 1 x"),
                Some(("127.0.0.1:5000", 4711)),
            ),
            (
                format!(
                    "0: 00000000000000000000000001000000:1388 {:0>32}:0000 0A {rest} 8 1 x",
                    0
                ),
                Some(("[::1]:5000", 8)),
            ),
            (format!("0: 0100007F:1388 0100007F:9999 01 {rest} 4711 1 x"), None),
            ("sl local_address rem_address st".to_owned(), None),
            (String::new(), None),
        ] {
            let found = listening(&line).map(|(addr, inode)| (addr.to_string(), inode));
            let found = found.as_ref().map(|(addr, inode)| (addr.as_str(), *inode));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn an_address_of_all_is_in_the_way_of_each() {
        for (bound, wanted, expected) in [
            ("127.0.0.1:5000", "127.0.0.1:5000", true),
            ("127.0.0.1:5000", "127.0.0.1:5001", false),
            ("0.0.0.0:5000", "127.0.0.1:5000", true),
            ("127.0.0.1:5000", "0.0.0.0:5000", true),
            ("[::]:5000", "127.0.0.1:5000", true),
            ("127.0.0.2:5000", "127.0.0.1:5000", false),
            ("0.0.0.0:5000", "[::1]:5000", false),
        ] {
            let parse = |text: &str| text.parse::<SocketAddr>().expect("literal");
            assert_eq!(
                is_in_the_way(parse(bound), parse(wanted)),
                expected,
                "{bound} {wanted}"
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn our_own_listener_is_found_by_pid() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let found = listener(socket.local_addr().expect("bound")).expect("found");
        assert_eq!(found.pid, std::process::id());
    }
}

//! Packets from and to bytes, right and deliberately wrong: what the far end of the line reads and answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Where the checksum of a datagram is.
const UDP_CHECKSUM_AT: usize = 6;
const ICMPV6: u8 = 58;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A request seen on the line, or a reply: the two share their [`Key`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Sender.
    pub from: IpAddr,
    /// Receiver.
    pub to: IpAddr,
    /// What it is.
    pub kind: Kind,
    /// From its IP header on.
    pub bytes: Vec<u8>,
    /// Where the payload of the IP packet begins.
    pub body_start: usize,
}

/// What matters about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// ICMP or ICMPv6 echo request.
    EchoRequest {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// Its reply.
    EchoReply {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// The first packet of a TCP handshake.
    Syn {
        /// Port it comes from.
        from_port: u16,
        /// Port it goes to.
        to_port: u16,
        /// Initial sequence number.
        number: u32,
    },
    /// A UDP datagram.
    Datagram {
        /// Port it comes from.
        from_port: u16,
        /// Port it goes to.
        to_port: u16,
    },
    /// Anything else.
    Other,
}

/// What makes a request and its reply the same exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The far end.
    pub far: IpAddr,
    /// Identifier, or near port.
    pub id: u16,
    /// Sequence number; 0 for TCP, the far port for UDP.
    pub seq: u16,
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As it should be: the echo reply, the SYN-ACK, or the datagram sent back.
    Right,
    /// A reset (TCP only).
    Reset,
    /// An echo reply whose payload is not the one that was sent.
    WrongPayload,
    /// An echo reply from an address that was not asked.
    WrongSource,
    /// The datagram sent back, from a port that was not asked (UDP only).
    WrongPort,
    /// An echo reply to another sequence number.
    WrongSequence,
    /// An echo reply with a wrong checksum.
    BadChecksum,
    /// An echo reply that ends after eight bytes of payload.
    Truncated,
    /// An ICMP error of this type and code from [`router`], quoting the request.
    Error {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
    },
}

/// Who reports errors in the family of `ip`.
pub fn router(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(10, 9, 0, 254)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0xfe)),
    }
}

/// Whether this is our end of the line.
fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip == Ipv4Addr::new(10, 9, 0, 1),
        IpAddr::V6(ip) => ip == Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 1),
    }
}

/// Who sends what nobody asked for.
fn stranger(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(10, 9, 0, 253)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0xfd)),
    }
}

impl Packet {
    /// Reads a packet from its IP header on; `None` if it is no IP packet.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (from, to, protocol, body_start): (IpAddr, IpAddr, u8, usize) = match bytes.first()? >> 4 {
            4 => {
                let header = usize::from(bytes[0] & 0x0f) * 4;
                let from: [u8; 4] = bytes.get(12..16)?.try_into().ok()?;
                let to: [u8; 4] = bytes.get(16..20)?.try_into().ok()?;
                (
                    Ipv4Addr::from(from).into(),
                    Ipv4Addr::from(to).into(),
                    bytes[9],
                    header,
                )
            }
            6 => {
                let from: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
                let to: [u8; 16] = bytes.get(24..40)?.try_into().ok()?;
                (
                    Ipv6Addr::from(from).into(),
                    Ipv6Addr::from(to).into(),
                    bytes[6],
                    40,
                )
            }
            _ => return None,
        };
        let kind = read_kind(protocol, bytes.get(body_start..)?).unwrap_or(Kind::Other);
        Some(Self {
            from,
            to,
            kind,
            bytes: bytes.to_vec(),
            body_start,
        })
    }

    /// The exchange it belongs to; `None` for [`Kind::Other`].
    pub fn key(&self) -> Option<Key> {
        match self.kind {
            Kind::EchoRequest { id, seq } => Some(Key {
                far: self.to,
                id,
                seq,
            }),
            Kind::EchoReply { id, seq } => Some(Key {
                far: self.from,
                id,
                seq,
            }),
            Kind::Syn { from_port, .. } => Some(Key {
                far: self.to,
                id: from_port,
                seq: 0,
            }),
            // Both ports and who is near: the same for the datagram and what comes back.
            Kind::Datagram { from_port, to_port } => {
                let is_request = is_near(self.from);
                let (far, near_port, far_port) = if is_request {
                    (self.to, from_port, to_port)
                } else {
                    (self.from, to_port, from_port)
                };
                Some(Key {
                    far,
                    id: near_port,
                    seq: far_port,
                })
            }
            Kind::Other => None,
        }
    }

    /// The packet that answers this request.
    ///
    /// # Panics
    ///
    /// When the request cannot be answered so.
    pub fn answered(&self, answer: Answer) -> Vec<u8> {
        match (answer, self.kind) {
            (
                Answer::Right | Answer::Reset,
                Kind::Syn {
                    from_port,
                    to_port,
                    number,
                },
            ) => {
                let is_reset = answer == Answer::Reset;
                let body = tcp_answer(from_port, to_port, number, is_reset);
                packet(self.to, self.from, TCP, body, Some(16))
            }
            (Answer::Error { kind, code }, _) => {
                let body = self.error_body(kind, code);
                packet(router(self.from), self.from, icmp_of(self.from), body, Some(2))
            }
            (_, Kind::EchoRequest { .. }) => self.echo_answer(answer),
            (_, Kind::Datagram { from_port, to_port }) => self.datagram_answer(answer, from_port, to_port),
            (answer, kind) => panic!("{answer:?} is no answer to {kind:?}"),
        }
    }

    fn echo_answer(&self, answer: Answer) -> Vec<u8> {
        let mut body = self.bytes[self.body_start..].to_vec();
        body[0] = if self.from.is_ipv4() { 0 } else { 129 };
        let mut from = self.to;
        let last = body.len() - 1;
        match answer {
            Answer::WrongPayload => body[8..].iter_mut().for_each(|byte| *byte ^= 0x5a),
            Answer::WrongSource => from = stranger(self.to),
            Answer::WrongSequence => body[7] ^= 1,
            Answer::Truncated => body.truncate(last.min(16)),
            _ => {}
        }
        let mut whole = packet(from, self.from, icmp_of(self.from), body, Some(2));
        if answer == Answer::BadChecksum {
            whole[self.body_start + 2] ^= 0xff;
        }
        whole
    }

    fn datagram_answer(&self, answer: Answer, from_port: u16, to_port: u16) -> Vec<u8> {
        let mut payload = self.bytes[self.body_start + 8..].to_vec();
        let (mut from, mut port) = (self.to, to_port);
        match answer {
            Answer::WrongPayload => payload.iter_mut().for_each(|byte| *byte ^= 0x5a),
            Answer::WrongSource => from = stranger(self.to),
            Answer::WrongPort => port ^= 1,
            // The cookie is whole and the rest is not.
            Answer::Truncated => payload.truncate(24),
            _ => {}
        }
        let mut body = port.to_be_bytes().to_vec();
        body.extend(from_port.to_be_bytes());
        body.extend((8 + payload.len() as u16).to_be_bytes());
        body.extend([0, 0]);
        body.extend(payload);
        let mut whole = packet(from, self.from, UDP, body, Some(UDP_CHECKSUM_AT));
        if answer == Answer::BadChecksum {
            whole[self.body_start + UDP_CHECKSUM_AT] ^= 0xff;
        }
        whole
    }

    fn error_body(&self, kind: u8, code: u8) -> Vec<u8> {
        let mut body = vec![kind, code, 0, 0, 0, 0, 0, 0];
        // RFC 792 asks for 8 bytes behind the IP header, RFC 1812 and 4443 for as much as fits; routers do the latter.
        body.extend(self.bytes.iter().take(548));
        body
    }
}

/// An ICMP message that asks for an echo, with its checksum for IPv4.
pub fn echo_request(is_v6: bool, id: u16, seq: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![if is_v6 { 128 } else { 8 }, 0, 0, 0];
    body.extend(id.to_be_bytes());
    body.extend(seq.to_be_bytes());
    body.extend(payload);
    if !is_v6 {
        let sum = checksum(0, &body);
        body[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    body
}

fn read_kind(protocol: u8, body: &[u8]) -> Option<Kind> {
    let word = |at: usize| Some(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?));
    Some(match (protocol, *body.first()?) {
        (ICMP, 8) | (ICMPV6, 128) => Kind::EchoRequest {
            id: word(4)?,
            seq: word(6)?,
        },
        (ICMP, 0) | (ICMPV6, 129) => Kind::EchoReply {
            id: word(4)?,
            seq: word(6)?,
        },
        (TCP, _) if *body.get(13)? & (SYN | ACK | RST) == SYN => {
            let number = u32::from(word(4)?) << 16 | u32::from(word(6)?);
            Kind::Syn {
                from_port: word(0)?,
                to_port: word(2)?,
                number,
            }
        }
        (UDP, _) => Kind::Datagram {
            from_port: word(0)?,
            to_port: word(2)?,
        },
        _ => Kind::Other,
    })
}

fn icmp_of(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { ICMP } else { ICMPV6 }
}

fn tcp_answer(from_port: u16, to_port: u16, number: u32, is_reset: bool) -> Vec<u8> {
    let mut body = Vec::with_capacity(20);
    body.extend(to_port.to_be_bytes());
    body.extend(from_port.to_be_bytes());
    body.extend(if is_reset { 0 } else { 0x0102_0304_u32 }.to_be_bytes());
    body.extend(number.wrapping_add(1).to_be_bytes());
    body.extend([0x50, ACK | if is_reset { RST } else { SYN }]);
    body.extend(0xffff_u16.to_be_bytes());
    body.extend([0; 4]);
    body
}

/// Puts `body` behind an IP header; `checksum_at` is where its checksum goes.
fn packet(from: IpAddr, to: IpAddr, protocol: u8, mut body: Vec<u8>, checksum_at: Option<usize>) -> Vec<u8> {
    let mut whole = header(from, to, protocol, body.len());
    if let Some(at) = checksum_at {
        body[at..at + 2].fill(0);
        let pseudo = if protocol == ICMP {
            0
        } else {
            pseudo_sum(from, to, protocol, body.len())
        };
        let sum = checksum(pseudo, &body);
        body[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    whole.append(&mut body);
    whole
}

fn header(from: IpAddr, to: IpAddr, protocol: u8, body_len: usize) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = vec![0x45, 0];
            header.extend((20 + body_len as u16).to_be_bytes());
            header.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum(0, &header);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            header
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend((body_len as u16).to_be_bytes());
            header.extend([protocol, 64]);
            header.extend(from.octets());
            header.extend(to.octets());
            header
        }
        _ => panic!("{from} and {to} are of different families"),
    }
}

fn pseudo_sum(from: IpAddr, to: IpAddr, protocol: u8, len: usize) -> u32 {
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    sum(&octets(from)) + sum(&octets(to)) + u32::from(protocol) + len as u32
}

/// RFC 1071.
fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let mut total = start + sum(bytes);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

fn sum(bytes: &[u8]) -> u32 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    words.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(is_v6: bool) -> Packet {
        let (from, to, protocol): (IpAddr, IpAddr, u8) = if is_v6 {
            (
                [0x2001, 0xdb8, 9, 0, 0, 0, 0, 1].into(),
                [0x2001, 0xdb8, 9, 0, 0, 0, 0, 2].into(),
                ICMPV6,
            )
        } else {
            ([10, 9, 0, 1].into(), [10, 9, 0, 2].into(), ICMP)
        };
        let body = echo_request(is_v6, 7, 9, b"sixteen bytes...");
        Packet::read(&packet(from, to, protocol, body, Some(2))).expect("an IP packet")
    }

    #[test]
    fn a_right_answer_belongs_to_its_request_and_a_forged_sequence_does_not() {
        for is_v6 in [false, true] {
            let request = request(is_v6);
            let read = |answer| Packet::read(&request.answered(answer)).expect("an IP packet");
            assert_eq!(read(Answer::Right).key(), request.key());
            assert_ne!(read(Answer::WrongSequence).key(), request.key());
            assert_ne!(read(Answer::WrongSource).key(), request.key());
        }
    }

    #[test]
    fn only_the_bad_checksum_is_bad() {
        for answer in [
            Answer::Right,
            Answer::WrongPayload,
            Answer::Truncated,
            Answer::BadChecksum,
        ] {
            let bytes = request(false).answered(answer);
            assert_eq!(
                checksum(0, &bytes[20..]) == 0,
                answer != Answer::BadChecksum,
                "{answer:?}"
            );
        }
    }
}

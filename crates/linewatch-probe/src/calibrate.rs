//! Measures what a probe costs on this computer, so that more than it can do in time is refused beforehand.
//!
//! A shard probes addresses of this computer itself for some thousandths of a second, in bursts as a full engine
//! does, and its thread's processor time is divided by what it sent. The far end answers within the same calls and is
//! part of the figure: it errs on the safe side. Not here: what follows from a cost (`linewatch_core::caps`).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use linewatch_core::caps::Costs;
use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::port::Wire;
use linewatch_core::target::{Address, EgressIndex, Method, ProbePlan, TargetId};
use socket2::{Domain, Socket, Type};

use crate::clock::SystemClock;
use crate::shard::{Command, EngineTarget, Shard};

/// Bursts of which the middle one counts.
const ROUNDS: usize = 7;
/// Packets of one burst: eight full batches.
const PACKETS: u32 = 256;
/// Handshakes of one burst: each holds a descriptor.
const HANDSHAKES: u32 = 64;
/// Between two bursts; every target is due once in it.
const ROUND: Duration = Duration::from_millis(1);
/// More rounds are not tried, whatever the clock does.
const TRIES: usize = 4 * ROUNDS;

/// Measures over `wire`, which comes back as it was. What cannot be measured gets the cost of a slow computer.
pub fn measure<W: Wire>(wire: W, clock: SystemClock) -> (W, Costs) {
    let (wire, packet_ns) = cost(wire, clock, Method::IcmpEcho, PACKETS);
    let Some((_holder, port)) = closed_port() else {
        return (wire, costs(packet_ns, None));
    };
    let (wire, handshake_ns) = cost(wire, clock, Method::TcpConnect { port }, HANDSHAKES);
    (wire, costs(packet_ns, handshake_ns))
}

fn costs(packet_ns: Option<u64>, handshake_ns: Option<u64>) -> Costs {
    let slow = Costs::default();
    Costs {
        packet_ns: packet_ns.unwrap_or(slow.packet_ns),
        handshake_ns: handshake_ns.unwrap_or(slow.handshake_ns),
    }
}

/// The middle cost of a probe; `None` when nothing could be sent, or processor time is not known here.
fn cost<W: Wire>(wire: W, clock: SystemClock, method: Method, targets: u32) -> (W, Option<u64>) {
    if wire.ability(method, false).is_err() || clock.thread_cpu().is_zero() {
        return (wire, None);
    }
    // Nothing that leaves this shard is kept, so its key needs to be nobody's secret.
    let mut shard = Shard::new(wire, clock, CookieKey::new([0; 16]), 0);
    for id in 0..targets {
        shard.apply(Command::Set(target(id, method)));
    }
    let mut costs_ns = Vec::with_capacity(ROUNDS);
    for _ in 0..TRIES {
        let (cpu, sent) = (clock.thread_cpu(), shard.sent());
        shard.turn_now(&mut |_| None);
        let spent = clock.thread_cpu().saturating_sub(cpu);
        let sent = shard.sent() - sent;
        // A burst that is not one says nothing about bursts.
        if sent >= u64::from(targets / 2) && !spent.is_zero() {
            costs_ns.push(linewatch_core::time::nanos_of(spent) / sent);
        }
        if costs_ns.len() == ROUNDS {
            break;
        }
        shard.wait(ROUND);
    }
    costs_ns.sort_unstable();
    let middle = costs_ns.get(costs_ns.len() / 2).copied();
    (shard.into_wire(), middle)
}

fn target(id: u32, method: Method) -> EngineTarget {
    EngineTarget {
        id: TargetId(id),
        // 127.0.77.0 and the next: distinct, so that the kernel looks up as many routes as it would.
        address: Address::from(std::net::IpAddr::V4(Ipv4Addr::from_bits(0x7f00_4d01 + id))),
        method,
        plan: ProbePlan {
            interval: ROUND,
            timeout: 100 * ROUND,
            ..ProbePlan::default()
        },
        egress: EgressIndex::default(),
        allow_high_rate: true,
        slots: None,
    }
}

/// A port that surely refuses, on every address of this computer: taken, but not listened on.
fn closed_port() -> Option<(Socket, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket
        .bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into())
        .ok()?;
    let port = socket.local_addr().ok()?.as_socket()?.port();
    Some((socket, port))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::sys::{IcmpMode, LinuxWire, WireOptions};

    #[test]
    fn a_handshake_costs_something_and_the_wire_comes_back() {
        let clock = SystemClock::start();
        let options = WireOptions {
            icmp: IcmpMode::None,
            ..WireOptions::default()
        };
        let (wire, _) = LinuxWire::open(clock, options).expect("opens without permission");
        let (wire, costs) = measure(wire, clock);
        assert_eq!(costs.packet_ns, Costs::default().packet_ns, "no ICMP to measure");
        assert!(
            (500..1_000_000).contains(&costs.handshake_ns)
                && costs.handshake_ns != Costs::default().handshake_ns,
            "{costs:?}"
        );
        assert!(wire.ability(Method::TcpConnect { port: 1 }, false).is_ok());
    }
}

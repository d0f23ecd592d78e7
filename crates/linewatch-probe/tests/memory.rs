//! Counts what the engine really allocates for its targets (a test binary of its own, for its allocator's sake).

use std::alloc::System;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use cap::Cap;
use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::port::{Clock, Incoming, Outgoing, SendResult, Waker, Wire};
use linewatch_core::record::Class;
use linewatch_core::target::{Address, EgressIndex, Method, ProbePlan, TargetId};
use linewatch_core::time::{Anchor, MonoTime, WallTime};
use linewatch_probe::shard::{Command, EngineTarget, Shard};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const TARGETS: u32 = 100_000;
/// The goal of one target in the engine, tables and their slack included.
const TARGET_BYTES_MAX: usize = 256;

/// A network that swallows everything, and a clock that its reader turns on.
#[derive(Clone)]
struct Hole(Arc<std::sync::atomic::AtomicU64>);

impl Clock for Hole {
    fn mono(&self) -> MonoTime {
        MonoTime::from_nanos(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn wall(&self) -> WallTime {
        WallTime::from_nanos(self.mono().as_nanos() as i64)
    }

    fn asleep(&self) -> Duration {
        Duration::ZERO
    }

    fn anchor(&self) -> Anchor {
        Anchor {
            mono: self.mono(),
            wall: self.wall(),
        }
    }
}

impl Wire for Hole {
    fn send(&mut self, outgoing: &Outgoing, results: &mut Vec<SendResult>) {
        let sent_at = self.mono();
        results.extend(outgoing.shots.iter().map(|_| SendResult {
            sent_at,
            result: Ok(()),
        }));
    }

    fn receive(&mut self, until: MonoTime, _incoming: &mut Incoming) {
        let now = self.mono().max(until).as_nanos();
        self.0.store(now, std::sync::atomic::Ordering::Relaxed);
    }

    fn ability(&self, _method: Method, _is_v6: bool) -> Result<Class, String> {
        Ok(Class::K)
    }

    fn waker(&self) -> Waker {
        Arc::new(|| ())
    }
}

#[test]
fn a_target_with_a_probe_in_flight_costs_256_bytes_at_most() {
    let hole = Hole(Arc::default());
    let before = HEAP.allocated();
    let mut shard = Shard::new(hole.clone(), hole.clone(), CookieKey::new([1; 16]), 1);
    for index in 0..TARGETS {
        shard.apply(Command::Set(EngineTarget {
            id: TargetId(index),
            address: Address::from(IpAddr::V4(Ipv4Addr::from_bits(0x7f01_0001 + index))),
            method: Method::IcmpEcho,
            plan: ProbePlan {
                interval: Duration::from_secs(1),
                timeout: Duration::from_secs(2),
                payload_bytes: 56,
            },
            egress: EgressIndex::default(),
            allow_high_rate: true,
            slots: None,
        }));
    }
    while shard.in_flight() < u64::from(TARGETS) {
        shard.turn(&mut |_| None);
    }
    let target_bytes = (HEAP.allocated() - before) / TARGETS as usize;
    assert!(target_bytes <= TARGET_BYTES_MAX, "{target_bytes} bytes a target");
}

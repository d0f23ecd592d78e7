//! Counts what the monitor and the caps really allocate for their targets (a test binary of its own, for its allocator's
//! sake).

use std::alloc::System;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use cap::Cap;
use linewatch_core::caps::{CapEntry, Costs, Ledger};
use linewatch_core::event::RunId;
use linewatch_core::limits::{TICK_VIEWS, WINDOW};
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord, Progress, RecordBatch};
use linewatch_core::target::{Host, Target, TargetId};
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const TARGETS: u32 = 20_000;
/// One target of the monitor at 1/s, its window of 60 s full: 100,000 of them are 128 MB.
const WATCHED_BYTES_MAX: usize = 1_280;
/// What the caps remember of one.
const ADMITTED_BYTES_MAX: usize = 32;

fn target(id: u32) -> Target {
    Target {
        slug: format!("target-{id}"),
        name: format!("target {id}"),
        ..Target::plain(
            TargetId(id),
            Host::Literal {
                ip: IpAddr::V4(Ipv4Addr::from_bits(0x7f01_0000 + id)),
                zone: None,
            },
        )
    }
}

fn anchor(second: u64) -> Anchor {
    Anchor {
        mono: MonoTime::from_nanos(second * 1_000_000_000),
        wall: WallTime::from_nanos(second as i64 * 1_000_000_000),
    }
}

/// The replies of one second: 12 ms, each a little other than the last.
fn second(seq: u64) -> RecordBatch {
    let mut batch = RecordBatch::new(anchor(seq + 1));
    for id in 0..TARGETS {
        let due_at = anchor(seq).mono.plus(Duration::from_micros(u64::from(id) * 10));
        let rtt_ns = 12_000_000 + (seq * 7919 + u64::from(id) * 31) % 1_000_000;
        batch.records.push(ProbeRecord {
            target: TargetId(id),
            seq,
            due_at,
            sent_at: due_at.plus(Duration::from_micros(20)),
            outcome: Outcome::Reply,
            rtt: Some(Rtt::from_nanos(rtt_ns)),
            host_rtt: Some(Rtt::from_nanos(rtt_ns + 30_000)),
            class: Class::K,
            cause: Cause::None,
            is_reordered: false,
        });
        batch.progress.push(Progress {
            target: TargetId(id),
            scheduled: seq + 1,
            in_flight: 0,
        });
    }
    batch
}

/// One test, because both count the same heap.
#[test]
fn a_target_costs_the_monitor_and_the_caps_no_more_than_was_said() {
    let before = HEAP.allocated();
    let mut ledger = Ledger::new(Costs::default());
    for id in 0..TARGETS {
        let entry = CapEntry::of_literal(TargetId(id), &target(id)).expect("an enabled literal");
        ledger.admit(entry).expect("loopback at 1/s is let in");
    }
    check("caps", HEAP.allocated() - before, ADMITTED_BYTES_MAX);

    let before = HEAP.allocated();
    let (mut monitor, mut effects) = (Monitor::new(RunId(1), anchor(0)), Vec::new());
    for id in 0..TARGETS {
        monitor.set_target(&target(id), MonoTime::ZERO, &mut effects);
    }
    for seq in 0..WINDOW.as_secs() + 5 {
        monitor.ingest(&second(seq), &mut effects);
        let mut views = 0;
        monitor.tick_by_parts(anchor(seq + 1), &mut effects, |part| {
            for effect in part.drain(..) {
                let Effect::Views(told) = effect else { continue };
                assert!(told.len() <= TICK_VIEWS, "the views of all targets at once");
                views += told.len();
            }
        });
        assert_eq!(views, TARGETS as usize, "each has news each second");
    }
    drop(effects);
    check("monitor", HEAP.allocated() - before, WATCHED_BYTES_MAX);
}

#[track_caller]
fn check(layer: &str, allocated_bytes: usize, most: usize) {
    let target_bytes = allocated_bytes / TARGETS as usize;
    assert!(target_bytes <= most, "{layer}: {target_bytes} bytes a target");
}

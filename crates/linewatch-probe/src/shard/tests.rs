//! Claims about the loop: what the clocks, the network and people do to it, and the law over all of it.

mod law;
mod net;
mod people;

use std::collections::BTreeMap;
use std::net::IpAddr;

use linewatch_core::limits::SEND_BATCH;
use linewatch_core::record::{Cause, Counts, Outcome, ProbeRecord, RecordBatch, StrayKind};
use linewatch_core::time::Rtt;

use super::*;
use net::{Fate, Jolt, Net};

const MS: Duration = Duration::from_millis(1);

/// A shard on a network, and everything that came out of it.
struct Bench {
    net: Net,
    shard: Shard<Net, Net>,
    found: Found,
}

/// What was handed on, and the law checked with every batch.
#[derive(Default)]
struct Found {
    records: Vec<ProbeRecord>,
    gaps: Vec<Gap>,
    strays: Vec<linewatch_core::record::Stray>,
    counts: BTreeMap<TargetId, Counts>,
    steps_ns: Vec<i64>,
    largest_batch: usize,
}

impl Found {
    fn take(&mut self, batch: &RecordBatch) {
        for record in &batch.records {
            self.counts.entry(record.target).or_default().add(record);
        }
        for gap in &batch.gaps {
            self.counts.entry(gap.target).or_default().unmeasured += gap.slots;
        }
        for progress in &batch.progress {
            let counts = self.counts.entry(progress.target).or_default();
            counts.scheduled = progress.scheduled;
            counts.in_flight = progress.in_flight;
        }
        for (target, counts) in &self.counts {
            assert!(counts.is_conserved(), "{target:?}: {counts:?} after {batch:?}");
        }
        self.records.extend_from_slice(&batch.records);
        self.gaps.extend_from_slice(&batch.gaps);
        self.strays.extend_from_slice(&batch.strays);
        self.steps_ns.extend(batch.clock_step_ns);
        self.largest_batch = self.largest_batch.max(batch.records.len());
    }

    fn counts(&self, id: u32) -> Counts {
        self.counts.get(&TargetId(id)).copied().unwrap_or_default()
    }

    fn gaps(&self, kind: GapKind) -> Vec<&Gap> {
        self.gaps.iter().filter(|gap| gap.kind == kind).collect()
    }
}

fn target(id: u32, interval_ms: u32, timeout_ms: u32) -> EngineTarget {
    let plan = ProbePlan {
        interval: interval_ms * MS,
        timeout: timeout_ms * MS,
        payload_bytes: 56,
    };
    let ip = IpAddr::from([192, 0, 2, id as u8]);
    EngineTarget {
        id: TargetId(id),
        address: ip.into(),
        method: Method::IcmpEcho,
        plan,
        allow_high_rate: false,
        egress: EgressIndex::default(),
        slots: None,
    }
}

impl Bench {
    /// Target 1 with this plan.
    fn new(interval_ms: u32, timeout_ms: u32, fate: impl FnMut(usize) -> Fate + Send + 'static) -> Self {
        let mut bench = Self::empty(fate);
        bench
            .shard
            .apply(Command::Set(target(1, interval_ms, timeout_ms)));
        bench
    }

    fn empty(fate: impl FnMut(usize) -> Fate + Send + 'static) -> Self {
        let net = Net::new(fate);
        let shard = Shard::new(net.clone(), net.clone(), CookieKey::new([3; 16]), 5);
        Self {
            net,
            shard,
            found: Found::default(),
        }
    }

    /// Lets something happen so many milliseconds from now.
    fn jolt(&self, after_ms: u32, jolt: Jolt) {
        let mut state = self.net.lock();
        let at = state.now.plus(after_ms * MS);
        state.jolts.push_back((at, jolt));
    }

    fn run(&mut self, length_ms: u32) {
        let end_at = self.shard.now().plus(length_ms * MS);
        while self.shard.now() < end_at {
            let found = &mut self.found;
            self.shard.turn_before(end_at, &mut |batch| {
                found.take(&batch);
                None
            });
        }
    }

    /// Stops, waits for what is in flight, ends.
    fn end(&mut self) {
        self.shard.stop_sending();
        self.run(5000);
        let found = &mut self.found;
        self.shard.finish(&mut |batch| {
            found.take(&batch);
            None
        });
    }
}

fn answer(millis: u32) -> Fate {
    Fate::Answer(millis * MS)
}

#[test]
fn b1_displayed_loss_is_zero_at_every_instant() {
    let mut bench = Bench::new(20, 100, |_| answer(77));
    bench.run(10_000);
    let counts = bench.found.counts(1);
    assert_eq!((counts.lost, counts.unmeasured), (0, 0));
    assert!((490..=500).contains(&counts.replied), "{counts:?}");
    let rtt = Some(Rtt::from_nanos(77_000_000));
    assert!(
        bench
            .found
            .records
            .iter()
            .all(|record| record.rtt == rtt && record.class == Class::K)
    );
    assert!(
        bench
            .found
            .records
            .iter()
            .all(|record| record.lateness().is_zero())
    );
}

#[test]
fn b2_every_slow_reply_is_received() {
    let delays = [500, 501, 1000, 1501, 2000, 500, 1501, 2000];
    let mut bench = Bench::new(1000, 2000, move |count| {
        delays.get(count).map_or(Fate::Silence, |ms| answer(*ms))
    });
    bench.run(8000);
    bench.end();
    assert_eq!(
        (bench.found.counts(1).replied, bench.found.counts(1).lost),
        (8, 0)
    );
}

#[test]
fn b3_one_late_reply_is_one_late_and_its_neighbours_are_right() {
    let mut bench = Bench::new(1000, 1000, |count| answer(if count == 3 { 1500 } else { 20 }));
    bench.run(10_000);
    bench.end();
    let counts = bench.found.counts(1);
    assert_eq!((counts.replied, counts.lost, bench.found.strays.len()), (9, 1, 1));
    assert_eq!(
        (bench.found.strays[0].kind, bench.found.strays[0].seq),
        (StrayKind::Late, 3)
    );
    let rtts = bench.found.records.iter().filter_map(|record| record.rtt);
    assert!(rtts.into_iter().all(|rtt| rtt == Rtt::from_nanos(20_000_000)));
}

#[test]
fn b4_two_hundred_thousand_probes_on_one_flow() {
    let mut bench = Bench::new(1, 25, |_| answer(20));
    bench.run(200_000);
    bench.end();
    let counts = bench.found.counts(1);
    assert_eq!((counts.replied, counts.scheduled), (200_000, 200_000));
    assert!(bench.found.strays.is_empty());
}

#[test]
fn silence_is_lost_once_its_time_out_has_passed() {
    let mut bench = Bench::new(1000, 300, |_| Fate::Silence);
    bench.run(10_000);
    bench.end();
    assert_eq!(bench.found.counts(1).lost, 10);
}

#[test]
fn a_computer_that_cannot_send_has_lost_nothing() {
    let mut bench = Bench::new(100, 300, |count| {
        if count % 2 == 0 {
            Fate::Errno(105)
        } else {
            answer(5)
        }
    });
    bench.run(1000);
    bench.end();
    assert_eq!((bench.found.counts(1).unsent, bench.found.counts(1).lost), (5, 0));
    let unsent = bench
        .found
        .records
        .iter()
        .find(|record| record.outcome == Outcome::Unsent)
        .expect("five");
    assert_eq!((unsent.sent_at, unsent.cause), (unsent.due_at, Cause::Errno(105)));
}

#[test]
fn a_silent_neighbour_is_unreachable() {
    let mut bench = Bench::new(100, 300, |_| Fate::Errno(113));
    bench.run(500);
    assert_eq!(bench.found.counts(1).unreachable, bench.found.counts(1).scheduled);
}

#[test]
fn b8_a_stall_is_a_gap_and_what_was_under_way_keeps_its_rtt() {
    let mut bench = Bench::new(100, 400, |_| answer(150));
    bench.jolt(1000, Jolt::Stall(Duration::from_secs(5)));
    bench.run(10_000);
    bench.end();
    let counts = bench.found.counts(1);
    let gaps = bench.found.gaps(GapKind::Stalled);
    assert_eq!((counts.lost, gaps.len()), (0, 1));
    // 50 slots passed, and none of them is made up for.
    assert!((49..=51).contains(&gaps[0].slots), "{gaps:?}");
    let seen = &bench.net.lock().seen;
    assert!(
        seen.windows(2)
            .all(|pair| pair[1].at.since(pair[0].at) >= 99 * MS)
    );
    assert_eq!(
        gaps[0].to.nanos_after(gaps[0].from) as u64,
        gaps[0].slots * 100_000_000
    );
    assert!(
        bench
            .found
            .records
            .iter()
            .all(|record| record.rtt == Some(Rtt::from_nanos(150_000_000)))
    );
}

#[test]
fn b8_a_stall_that_begins_while_a_probe_is_sent_is_no_burst_either() {
    let stall = Duration::from_secs(5);
    let mut bench = Bench::new(100, 400, move |count| match count {
        9 => Fate::AnswerThenStall(150 * MS, stall),
        _ => answer(150),
    });
    bench.run(10_000);
    bench.end();
    let gaps = bench.found.gaps(GapKind::Stalled);
    assert_eq!((bench.found.counts(1).lost, gaps.len()), (0, 1));
    assert!((49..=51).contains(&gaps[0].slots), "{gaps:?}");
    let seen = &bench.net.lock().seen;
    assert!(
        seen.windows(2)
            .all(|pair| pair[1].at.since(pair[0].at) >= 99 * MS)
    );
}

#[test]
fn b8_a_sleep_is_a_gap_of_the_slots_that_passed_and_no_burst_follows() {
    let mut bench = Bench::new(1000, 2000, |_| answer(50));
    bench.jolt(5300, Jolt::Sleep(Duration::from_secs(30)));
    bench.run(10_000);
    bench.end();
    let gaps = bench.found.gaps(GapKind::Suspended);
    assert_eq!((gaps.len(), gaps[0].slots), (1, 30));
    assert_eq!(gaps[0].to.nanos_after(gaps[0].from), 30_000_000_000);
    assert_eq!((bench.found.counts(1).lost, bench.found.steps_ns.len()), (0, 0));
    let seen = &bench.net.lock().seen;
    assert!(
        seen.windows(2)
            .all(|pair| pair[1].at.since(pair[0].at) >= 900 * MS)
    );
}

#[test]
fn a_clock_step_is_reported_once_and_no_rtt_notices() {
    let mut bench = Bench::new(100, 400, |_| answer(80));
    bench.jolt(1050, Jolt::Step(-20));
    bench.jolt(2000, Jolt::Step(3_600_000));
    bench.run(3000);
    bench.end();
    assert_eq!(bench.found.steps_ns, [-20_000_000, 3_600_000_000_000]);
    assert_eq!(bench.found.gaps(GapKind::ClockStepped).len(), 2);
    assert_eq!(bench.found.counts(1).lost, 0);
    assert!(
        bench
            .found
            .records
            .iter()
            .all(|record| record.rtt == Some(Rtt::from_nanos(80_000_000)))
    );
    assert!(bench.found.records.iter().any(|record| record.class == Class::U));
    assert!(
        bench
            .found
            .records
            .last()
            .is_some_and(|record| record.class == Class::K)
    );
}

#[test]
fn an_overflow_makes_the_unanswered_unmeasured_and_never_lost() {
    let mut bench = Bench::new(20, 500, |_| answer(30));
    bench.jolt(1000, Jolt::Overflow);
    bench.run(3000);
    bench.end();
    let counts = bench.found.counts(1);
    assert_eq!((counts.lost, bench.found.gaps.len()), (0, 0));
    assert!((1..=3).contains(&counts.unmeasured), "{counts:?}");
    let unmeasured = bench
        .found
        .records
        .iter()
        .filter(|record| record.outcome == Outcome::Unmeasured);
    assert!(
        unmeasured
            .into_iter()
            .all(|record| record.cause == Cause::Gap(GapKind::RxOverflow))
    );
}

#[test]
fn nothing_expires_while_a_reply_may_still_wait_in_a_socket() {
    let mut bench = Bench::new(100, 50, |_| answer(40));
    bench.jolt(1000, Jolt::Backlog(Duration::from_millis(500)));
    bench.run(3000);
    bench.end();
    let counts = bench.found.counts(1);
    assert_eq!((counts.lost, counts.replied), (0, counts.scheduled));
}

#[test]
fn b13_a_thousand_targets_leave_evenly_and_in_small_batches() {
    let mut bench = Bench::empty(|_| answer(5));
    (0..1000).for_each(|id| {
        let mut one = target(id, 1000, 500);
        one.address = IpAddr::from([10, 0, (id >> 8) as u8, id as u8]).into();
        bench.shard.apply(Command::Set(one));
    });
    bench.run(1000);
    let state = bench.net.lock();
    assert_eq!(state.seen.len(), 1000);
    assert!(state.largest_batch <= 3, "{}", state.largest_batch);
}

#[test]
fn no_batch_to_the_kernel_is_larger_than_its_limit() {
    let mut bench = Bench::empty(|_| answer(5));
    (0..200).for_each(|id| bench.shard.apply(Command::Set(target(id, 1000, 500))));
    bench.jolt(0, Jolt::Stall(900 * MS));
    bench.run(3000);
    assert_eq!(bench.net.lock().largest_batch, SEND_BATCH);
}

#[test]
fn late_slots_of_one_target_in_one_batch_each_have_their_own_place() {
    let mut bench = Bench::new(1, 400, |_| answer(150));
    bench.jolt(20, Jolt::Stall(30 * MS));
    bench.run(1000);
    bench.end();
    let counts = bench.found.counts(1);
    assert_eq!((counts.replied, counts.scheduled), (1000, 1000));
    assert!(bench.net.lock().largest_batch >= 30);
}

#[test]
fn b12_a_rotation_changes_the_identifier_on_the_wire() {
    let mut bench = Bench::new(100, 400, |_| answer(150));
    bench.run(1000);
    let old = bench.net.lock().seen[0].id;
    bench.shard.apply(Command::RotateId(TargetId(1)));
    bench.run(1000);
    bench.end();
    let ids: Vec<_> = bench.net.lock().seen.iter().map(|seen| seen.id).collect();
    assert!(
        ids[..10].iter().all(|id| *id == old) && ids[10..].iter().all(|id| *id != old),
        "{ids:?}"
    );
    assert_eq!(
        (bench.found.counts(1).replied, bench.found.counts(1).lost),
        (20, 0)
    );
}

#[test]
fn a_queue_that_is_full_for_long_costs_gaps_and_no_count() {
    let mut bench = Bench::new(1, 25, |_| answer(10));
    bench.run(100);
    let refused_until = bench.shard.now().plus(Duration::from_secs(10));
    while bench.shard.now() < refused_until {
        bench.shard.turn(&mut Some);
    }
    bench.run(1000);
    bench.end();
    let counts = bench.found.counts(1);
    let overrun: u64 = bench
        .found
        .gaps(GapKind::Overrun)
        .iter()
        .map(|gap| gap.slots)
        .sum();
    assert_eq!((counts.lost, counts.unmeasured), (0, overrun));
    assert_eq!(counts.replied + overrun, counts.scheduled);
    assert!((4096..=9000).contains(&overrun), "{overrun}");
    assert_eq!(bench.found.gaps(GapKind::Overrun).len(), 1);
}

#[test]
fn the_end_of_everything_is_unmeasured_and_settled() {
    let mut bench = Bench::new(100, 5000, |_| Fate::Silence);
    bench.run(1000);
    let found = &mut bench.found;
    bench.shard.finish(&mut |batch| {
        found.take(&batch);
        None
    });
    assert!(bench.shard.is_settled());
    assert_eq!(
        (bench.found.counts(1).unmeasured, bench.found.counts(1).in_flight),
        (10, 0)
    );
}

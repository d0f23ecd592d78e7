//! Claims about what people change while the line is measured.

use super::*;

#[test]
fn a_pause_awaits_what_is_in_flight_and_becomes_a_gap_without_slots() {
    let mut bench = Bench::new(100, 400, |_| answer(150));
    bench.run(1000);
    bench.shard.apply(Command::Pause(TargetId(1)));
    bench.run(5000);
    assert_eq!(
        (bench.found.counts(1).scheduled, bench.found.counts(1).replied),
        (10, 10)
    );
    bench.shard.apply(Command::Resume(TargetId(1)));
    bench.run(1000);
    bench.end();
    let gaps = bench.found.gaps(GapKind::Paused);
    assert_eq!((gaps.len(), gaps[0].slots, gaps[0].first_seq), (1, 0, 10));
    assert_eq!(gaps[0].to.nanos_after(gaps[0].from), 5_000_000_000);
    assert_eq!(bench.found.counts(1).replied, 20);
}

#[test]
fn who_is_removed_leaves_nothing_open_and_comes_back_with_the_next_number() {
    let mut bench = Bench::new(100, 400, |_| answer(150));
    bench.run(1000);
    bench.shard.apply(Command::Remove(TargetId(1)));
    bench.run(1000);
    let counts = bench.found.counts(1);
    assert_eq!((counts.scheduled, counts.in_flight, counts.lost), (10, 0, 0));
    assert!((1..=2).contains(&counts.unmeasured), "{counts:?}");
    assert!(bench.found.strays.is_empty());
    bench.shard.apply(Command::Set(target(1, 100, 400)));
    bench.run(1000);
    let mut numbers: Vec<_> = bench.found.records.iter().map(|record| record.seq).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
}

#[test]
fn a_new_plan_keeps_the_old_time_out_for_what_is_in_flight() {
    let mut bench = Bench::new(100, 400, |_| answer(150));
    bench.run(1000);
    bench.shard.apply(Command::Set(target(1, 50, 20)));
    bench.run(20);
    let before = bench.found.counts(1).lost;
    assert_eq!(before, 0);
    bench.run(1000);
    bench.end();
    let late = bench
        .found
        .strays
        .iter()
        .filter(|stray| stray.kind == StrayKind::Late)
        .count() as u64;
    let counts = bench.found.counts(1);
    assert_eq!((counts.replied, counts.lost, counts.unmeasured), (10, late, 0));
}

#[test]
fn a_new_address_under_the_same_number_is_reconfigured() {
    let mut bench = Bench::new(100, 400, |_| answer(150));
    bench.run(1000);
    let mut moved = target(1, 100, 400);
    moved.address = IpAddr::from([192, 0, 2, 99]).into();
    bench.shard.apply(Command::Set(moved));
    bench.run(1000);
    let cause = Cause::Gap(GapKind::Reconfigured);
    assert!(bench.found.records.iter().any(|record| record.cause == cause));
    assert_eq!(bench.found.counts(1).lost, 0);
    assert!(bench.net.lock().seen.iter().any(|seen| seen.to == moved.address));
}

#[test]
fn coming_and_going_leaves_the_slots_of_others_alone() {
    let slots_of_one = |is_busy: bool| {
        let mut bench = Bench::new(20, 100, |_| answer(5));
        for round in 0..20 {
            if is_busy {
                bench.shard.apply(Command::Set(target(2 + round, 7, 100)));
                bench.shard.apply(Command::Remove(TargetId(round)).not_one());
            }
            bench.run(100);
        }
        bench.end();
        let slots = bench
            .found
            .records
            .iter()
            .filter(|record| record.target == TargetId(1));
        slots
            .map(|record| (record.seq, record.due_at, record.sent_at))
            .collect::<Vec<_>>()
    };
    assert_eq!(slots_of_one(true), slots_of_one(false));
}

impl Command {
    fn not_one(self) -> Self {
        if self == Self::Remove(TargetId(1)) {
            Self::Remove(TargetId(0))
        } else {
            self
        }
    }
}

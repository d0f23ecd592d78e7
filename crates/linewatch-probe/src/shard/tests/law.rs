//! The conservation law under everything that can happen to a computer, its network and its operator.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Run(u32),
    Refuse(u32),
    Jolt(Jolt),
    Set(u32, u32, u32),
    Change(Command),
}

fn step() -> impl Strategy<Value = Step> {
    let id = (0..4_u32).prop_map(TargetId);
    let jolt = prop_oneof![
        (0..4000_u64).prop_map(|millis| Jolt::Stall(Duration::from_millis(millis))),
        (0..100_000_u64).prop_map(|millis| Jolt::Sleep(Duration::from_millis(millis))),
        (-5000..5000_i64).prop_map(Jolt::Step),
        Just(Jolt::Overflow),
    ];
    prop_oneof![
        6 => (1..600_u32).prop_map(Step::Run),
        1 => (1..600_u32).prop_map(Step::Refuse),
        3 => jolt.prop_map(Step::Jolt),
        3 => (0..4_u32, 1..300_u32, 1..400_u32).prop_map(|(id, interval, timeout)| Step::Set(id, interval, timeout)),
        1 => id.clone().prop_map(|id| Step::Change(Command::Remove(id))),
        1 => id.clone().prop_map(|id| Step::Change(Command::Pause(id))),
        1 => id.clone().prop_map(|id| Step::Change(Command::Resume(id))),
        1 => id.prop_map(|id| Step::Change(Command::RotateId(id))),
    ]
}

/// The fate of the n-th probe of a network with this seed.
fn fate(seed: u64, count: usize) -> Fate {
    let mut value = seed ^ (count as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let delay = Duration::from_micros((value >> 32) % 500_000);
    match value % 16 {
        0 => Fate::Silence,
        1 => Fate::Errno(105),
        2 => Fate::Errno(113),
        3 => Fate::Twice(delay, 2 * delay),
        _ => Fate::Answer(delay),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_slot_is_accounted_for_in_every_batch(seed: u64, steps in prop::collection::vec(step(), 1..40)) {
        let mut bench = Bench::empty(move |count| fate(seed, count));
        bench.shard.apply(Command::Set(target(0, 10, 50)));
        for step in steps {
            match step {
                Step::Run(length_ms) => bench.run(length_ms),
                Step::Refuse(length_ms) => {
                    let end_at = bench.shard.now().plus(length_ms * MS);
                    while bench.shard.now() < end_at {
                        bench.shard.turn_before(end_at, &mut Some);
                    }
                }
                Step::Jolt(jolt) => bench.jolt(0, jolt),
                Step::Set(id, interval_ms, timeout_ms) => {
                    bench.shard.apply(Command::Set(target(id, interval_ms, timeout_ms)));
                }
                Step::Change(command) => bench.shard.apply(command),
            }
        }
        bench.end();
        prop_assert!(bench.shard.is_settled());
        for (target, counts) in &bench.found.counts {
            prop_assert_eq!(counts.in_flight, 0);
            let mut spans: Vec<_> = bench.found.records.iter().filter(|record| record.target == *target)
                .map(|record| (record.seq, 1)).collect();
            spans.extend(bench.found.gaps.iter().filter(|gap| gap.target == *target && gap.slots > 0)
                .map(|gap| (gap.first_seq, gap.slots)));
            spans.sort_unstable();
            let mut next = 0;
            for (first, count) in spans {
                prop_assert_eq!(first, next, "numbers without a hole and none twice");
                next += count;
            }
            prop_assert_eq!(next, counts.scheduled);
        }
        for record in &bench.found.records {
            prop_assert!(record.rtt <= record.host_rtt);
            prop_assert!(record.sent_at >= record.due_at);
        }
    }
}

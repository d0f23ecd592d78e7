//! The conservation law under everything at once, checked after every step.

use proptest::prelude::*;

use super::*;
use crate::record::Counts;

const TARGETS: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Send(u32),
    /// The reply to the n-th newest probe, open or not, with or without stamps.
    Reply(u32, u64, bool),
    Forge(u32, u64),
    Error(u32, u64),
    Tcp(u32, u64, u8),
    Wait(u64),
    Expire,
    Doubt,
    SetClock,
    Rotate(u32),
    Replace(u32),
    Timeout(u64),
    /// Numbers go to a gap.
    Skip(u32, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0..TARGETS;
    prop_oneof![
        6 => index.clone().prop_map(Step::Send),
        6 => (index.clone(), 0..12_u64, any::<bool>()).prop_map(|(i, back, has_stamps)| Step::Reply(i, back, has_stamps)),
        1 => (index.clone(), 0..12_u64).prop_map(|(i, back)| Step::Forge(i, back)),
        1 => (index.clone(), 0..12_u64).prop_map(|(i, back)| Step::Error(i, back)),
        1 => (index.clone(), 0..12_u64, 0..4_u8).prop_map(|(i, back, end)| Step::Tcp(i, back, end)),
        4 => (0..200_u64).prop_map(Step::Wait),
        3 => Just(Step::Expire),
        1 => Just(Step::Doubt),
        1 => Just(Step::SetClock),
        1 => index.clone().prop_map(Step::Rotate),
        1 => index.clone().prop_map(Step::Replace),
        1 => (1..300_u64).prop_map(Step::Timeout),
        1 => (index, 1..100_000_u64).prop_map(|(i, count)| Step::Skip(i, count)),
    ]
}

/// What the test knows of one target.
#[derive(Default)]
struct Known {
    generation: u32,
    next_seq: u64,
    skipped: u64,
    counts: Counts,
    seen: std::collections::BTreeSet<u64>,
}

struct World {
    bench: Bench,
    known: Vec<Known>,
    now: MonoTime,
}

impl World {
    fn new() -> Self {
        let mut bench = Bench::new(100);
        (1..TARGETS).for_each(|index| bench.add(index, 0, 0));
        Self {
            bench,
            known: (0..TARGETS).map(|_| Known::default()).collect(),
            now: ms(0),
        }
    }

    fn handle(&self, index: u32) -> Handle {
        Handle::new(index, self.known[index as usize].generation)
    }

    fn seq(&self, index: u32, back: u64) -> Option<u64> {
        self.known[index as usize].next_seq.checked_sub(back + 1)
    }

    fn take(&mut self, step: &Step) {
        let now = self.now;
        match *step {
            Step::Send(index) => {
                let (handle, known) = (self.handle(index), &mut self.known[index as usize]);
                known.next_seq += 1;
                let seq = known.next_seq - 1;
                if self.bench.launch(handle, seq, now) {
                    self.bench.in_flight.left(handle, seq, now);
                } else {
                    // A gap put it so far from an open probe that the wire could not tell the two apart.
                    known.skipped += 1;
                }
            }
            Step::Reply(index, back, has_stamps) => {
                let Some(seq) = self.seq(index, back) else { return };
                self.bench
                    .reply_at(self.handle(index), seq, has_stamps.then(|| wire(now)), now);
            }
            Step::Forge(index, back) => {
                let Some(seq) = self.seq(index, back) else { return };
                let echo = Echo {
                    id: ID,
                    sequence: seq as u16,
                    payload: &[1; 16],
                };
                self.bench.echo(address(index), &echo, None, now);
            }
            Step::Error(index, back) => {
                let Some(seq) = self.seq(index, back) else { return };
                path_error(&mut self.bench, address(index), ID, seq as u16, &[]);
            }
            Step::Tcp(index, back, end) => {
                let Some(seq) = self.seq(index, back) else { return };
                let end = match end {
                    0 => TcpEnd::Refused,
                    1 => TcpEnd::Retransmitted,
                    2 => TcpEnd::Failed { errno: 99 },
                    _ => TcpEnd::Connected { rtt: None },
                };
                let token = self.handle(index).token(seq);
                self.bench
                    .in_flight
                    .on_tcp(token, end, now, &mut self.bench.batch);
            }
            Step::Wait(millis) => self.now = now.plus(Duration::from_millis(millis)),
            Step::Expire => while self.bench.in_flight.expire(now, 2, &mut self.bench.batch) {},
            Step::Doubt => self.bench.in_flight.doubt(GapKind::RxOverflow, now),
            Step::SetClock => self.bench.in_flight.clock_stepped(now),
            Step::Rotate(index) => self.bench.in_flight.rotate_id(self.handle(index), ID),
            Step::Replace(index) => {
                let handle = self.handle(index);
                self.bench
                    .in_flight
                    .remove(handle, GapKind::Stopped, &mut self.bench.batch);
                let known = &mut self.known[index as usize];
                known.generation += 1;
                self.bench.add(index, known.generation, known.next_seq);
            }
            Step::Timeout(millis) => self.bench.timeout = Duration::from_millis(millis),
            Step::Skip(index, count) => {
                let known = &mut self.known[index as usize];
                known.next_seq += count;
                known.skipped += count;
            }
        }
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        for record in self.bench.records() {
            let known = &mut self.known[record.target.0 as usize];
            prop_assert!(
                known.seen.insert(record.seq),
                "{record:?} is the second of its number"
            );
            prop_assert!(record.rtt.is_some() == record.outcome.is_answer(), "{record:?}");
            prop_assert!(record.rtt <= record.host_rtt, "{record:?}");
            known.counts.add(&record);
        }
        for stray in self.bench.batch.strays.drain(..) {
            self.known[stray.target.0 as usize].counts.add_stray(&stray);
        }
        for index in 0..TARGETS {
            self.bench.in_flight.touch(index);
        }
        let known = &mut self.known;
        self.bench
            .in_flight
            .drain_touched(|index, _, open| known[index as usize].counts.in_flight = open);
        let mut open = 0;
        for known in &self.known {
            let counts = Counts {
                scheduled: known.next_seq - known.skipped,
                ..known.counts
            };
            prop_assert!(counts.is_conserved(), "{counts:?}");
            open += counts.in_flight;
        }
        prop_assert_eq!(open, self.bench.in_flight.open());
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_probe_has_one_end_and_the_sum_is_right_at_every_instant(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check()?;
        }
        // In the end nothing is left over, and nobody waits for it.
        world.now = world.now.plus(Duration::from_secs(60));
        world.take(&Step::Expire);
        world.check()?;
        prop_assert_eq!(world.bench.in_flight.open(), 0);
        prop_assert_eq!(world.bench.in_flight.next_deadline(), None);
    }
}

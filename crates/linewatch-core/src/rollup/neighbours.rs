//! Pairs answers of adjacent sequence numbers in whatever order probes are decided.
//!
//! Input: decided probes of one series. Output: the pairs each completes. In memory for what is open only: a probe goes
//! as soon as both its neighbours are decided, answered or not. Mostly one waits, which has its place here; with 100,000
//! series a tree for each would be 40 MB.

use std::collections::BTreeMap;

use crate::limits::IN_FLIGHT_PER_TARGET;
use crate::time::{Rtt, WallTime};

/// More halves than this are found by a tree.
const FEW: usize = 16;

/// A decided probe that waits for a neighbour: half of a pair, if both are answers.
#[derive(Clone, Copy, Debug)]
struct Half {
    sent_at: WallTime,
    /// Zero without an answer.
    rtt: Rtt,
    /// Apart from the RTT, in bytes that are there anyway.
    is_answer: bool,
    /// The probe before and the one after are decided.
    is_met: [bool; 2],
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    halves: Halves,
    newest: u64,
}

/// By sequence number.
#[derive(Clone, Debug, Default)]
enum Halves {
    #[default]
    None,
    One(u64, Half),
    /// In order, up to [`FEW`].
    Few(Vec<(u64, Half)>),
    Many(BTreeMap<u64, Half>),
}

impl Halves {
    fn get_mut(&mut self, seq: u64) -> Option<&mut Half> {
        match self {
            Self::None => None,
            Self::One(here, half) => (*here == seq).then_some(half),
            Self::Few(few) => few
                .iter_mut()
                .find(|(here, _)| *here == seq)
                .map(|(_, half)| half),
            Self::Many(many) => many.get_mut(&seq),
        }
    }

    fn insert(&mut self, seq: u64, half: Half) {
        if let Some(known) = self.get_mut(seq) {
            *known = half;
            return;
        }
        match self {
            Self::None => *self = Self::One(seq, half),
            Self::One(here, other) => {
                let mut two = vec![(*here, *other), (seq, half)];
                two.sort_unstable_by_key(|(seq, _)| *seq);
                *self = Self::Few(two);
            }
            Self::Few(few) if few.len() < FEW => {
                let at = few.partition_point(|(here, _)| *here < seq);
                few.insert(at, (seq, half));
            }
            Self::Few(few) => {
                let mut many: BTreeMap<u64, Half> = few.drain(..).collect();
                many.insert(seq, half);
                *self = Self::Many(many);
            }
            Self::Many(many) => {
                many.insert(seq, half);
            }
        }
    }

    fn remove(&mut self, seq: u64) {
        match self {
            Self::None => {}
            Self::One(here, _) => {
                if *here == seq {
                    *self = Self::None;
                }
            }
            Self::Few(few) => few.retain(|(here, _)| *here != seq),
            Self::Many(many) => {
                many.remove(&seq);
            }
        }
        self.settle();
    }

    fn remove_before(&mut self, oldest: u64) {
        match self {
            Self::None => return,
            Self::One(here, _) if *here >= oldest => return,
            Self::One(..) => *self = Self::None,
            Self::Few(few) if few.first().is_none_or(|(first, _)| *first >= oldest) => return,
            Self::Few(few) => few.retain(|(here, _)| *here >= oldest),
            Self::Many(many) => {
                while let Some(entry) = many.first_entry().filter(|entry| *entry.key() < oldest) {
                    entry.remove();
                }
            }
        }
        self.settle();
    }

    /// Gives back the memory of what is over.
    fn settle(&mut self) {
        *self = match self {
            Self::Few(few) if few.len() == 1 => Self::One(few[0].0, few[0].1),
            Self::Many(many) if many.is_empty() => Self::None,
            _ => return,
        };
    }
}

impl Half {
    /// Of a probe whose neighbours are decided or not.
    fn new(sent_at: WallTime, rtt: Option<Rtt>, is_met: [bool; 2]) -> Self {
        Self {
            sent_at,
            rtt: rtt.unwrap_or(Rtt::from_nanos(0)),
            is_answer: rtt.is_some(),
            is_met,
        }
    }

    /// How far its RTT is from this one; `None` unless both are answers.
    fn difference(&self, rtt: Option<Rtt>) -> Option<Rtt> {
        let nanos = rtt.filter(|_| self.is_answer)?.as_nanos();
        Some(Rtt::from_nanos(nanos.abs_diff(self.rtt.as_nanos())))
    }
}

impl Neighbours {
    /// Takes one decided probe. The pairs it completes: when the later probe of each was sent, and the difference.
    pub fn add(&mut self, seq: u64, sent_at: WallTime, rtt: Option<Rtt>) -> [Option<(WallTime, Rtt)>; 2] {
        // One after the other, as in a block: the newest takes the place of the one before.
        if let Halves::One(here, half) = &mut self.halves
            && *here < seq
            && seq - *here == 1
            && half.is_met[0]
        {
            let difference = half.difference(rtt);
            *half = Half::new(sent_at, rtt, [true, false]);
            *here = seq;
            self.newest = self.newest.max(seq);
            return [difference.map(|difference| (sent_at, difference)), None];
        }
        let before = seq.checked_sub(1).and_then(|before| self.meet(before, 1));
        let after = seq.checked_add(1).and_then(|after| self.meet(after, 0));
        self.newest = self.newest.max(seq);
        // What is a whole memory older cannot be met any more (as in the live jitter).
        self.halves
            .remove_before(self.newest.saturating_sub(IN_FLIGHT_PER_TARGET as u64));
        let is_met = [before.is_some(), after.is_some()];
        if is_met != [true, true] {
            self.halves.insert(seq, Half::new(sent_at, rtt, is_met));
        }
        [
            before.and_then(|before| Some((sent_at, before.difference(rtt)?))),
            after.and_then(|after| Some((after.sent_at, after.difference(rtt)?))),
        ]
    }

    /// Probes that wait for another.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        match &self.halves {
            Halves::None => 0,
            Halves::One(..) => 1,
            Halves::Few(few) => few.len(),
            Halves::Many(many) => many.len(),
        }
    }

    /// Notes that the neighbour of `seq` on this side is decided; `seq` itself, if it waits.
    fn meet(&mut self, seq: u64, side: usize) -> Option<Half> {
        let half = self.halves.get_mut(seq)?;
        half.is_met[side] = true;
        let met = *half;
        if met.is_met == [true, true] {
            self.halves.remove(seq);
        }
        Some(met)
    }
}

//! Reads what a scenario expects to be found.
//!
//! Conservation, order of sequence numbers, the fate of every probe and the outages of the oracle are checked
//! in every scenario without being asked for; these lines say what a person would look at.

use std::time::Duration;

use linewatch_core::event::EventKind;
use linewatch_core::record::{Counts, GapKind};
use linewatch_core::target::TargetId;
use linewatch_core::time::MonoTime;
use linewatch_core::view::State;

use super::directives::{find, target_id};
use super::words::{Words, duration, share};
use super::{Scenario, ScenarioError};

/// One line that begins with `expect`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// Its line, for the message when it is not so.
    pub line: u32,
    /// Whom it is about; `None`: every target in turn, or nobody in particular.
    pub target: Option<TargetId>,
    /// What.
    pub kind: ExpectKind,
}

/// From and to, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<T> {
    /// At least.
    pub from: T,
    /// At most.
    pub to: T,
}

impl<T: PartialOrd> Range<T> {
    /// Whether `value` lies inside.
    pub fn has(&self, value: &T) -> bool {
        *value >= self.from && *value <= self.to
    }
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectKind {
    /// An outage with these ends.
    Outage {
        /// Send time of the first lost probe.
        from: MonoTime,
        /// Send time of the first reply after it.
        to: MonoTime,
        /// How far either may be off.
        within: Duration,
    },
    /// So many outages in the whole run.
    Outages(Range<u64>),
    /// A count at the end.
    Count(CountName, Range<u64>),
    /// Loss over the whole run.
    Loss(Range<f64>),
    /// The loss that is displayed, at every second of the run that displays one.
    ShownLoss(Range<f64>),
    /// Every wire RTT.
    Rtt(Range<Duration>),
    /// Every process latency.
    Process(Range<Duration>),
    /// The lateness of every probe sent.
    Lateness(Range<Duration>),
    /// The state displayed at a time.
    StateAt(State, MonoTime),
    /// A state that is never displayed.
    StateNever(State),
    /// So many events of a kind.
    Events(EventKind, Range<u64>),
    /// So many gaps of a kind.
    Gaps(GapKind, Range<u64>),
    /// Exactly these messages, in this order.
    Mails {
        /// When each is handed over, and what it says in the words of `tests/scenarios/README.md`.
        mails: Vec<(MonoTime, String)>,
        /// How far the moments may be off.
        within: Duration,
    },
    /// At no moment are more probes sent at once than this: phases are spread.
    Burst(Range<u64>),
}

/// A field of [`Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountName(usize);

/// Reads one count.
type Field = fn(&Counts) -> u64;

impl CountName {
    const ALL: [(&'static str, Field); 13] = [
        ("scheduled", |counts| counts.scheduled),
        ("replied", |counts| counts.replied),
        ("refused", |counts| counts.refused),
        ("unreachable", |counts| counts.unreachable),
        ("lost", |counts| counts.lost),
        ("unsent", |counts| counts.unsent),
        ("unmeasured", |counts| counts.unmeasured),
        ("in_flight", |counts| counts.in_flight),
        ("late", |counts| counts.late),
        ("slow", |counts| counts.slow),
        ("duplicate", |counts| counts.duplicate),
        ("reordered", |counts| counts.reordered),
        ("forged", |counts| counts.forged),
    ];

    fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().position(|(name, _)| *name == word).map(Self)
    }

    /// The word of the scenario.
    pub fn word(self) -> &'static str {
        Self::ALL[self.0].0
    }

    /// Its value.
    pub fn value(self, counts: &Counts) -> u64 {
        Self::ALL[self.0].1(counts)
    }
}

/// `expect WHAT [NAME] …`; without a name it is expected of every target.
pub(super) fn parse(scenario: &Scenario, words: &mut Words) -> Result<Expect, ScenarioError> {
    let line = words.line();
    let verb = words.any("what is expected")?;
    let named = words.peek().and_then(|name| find(scenario, name));
    let target = if named.is_some() {
        Some(target_id(scenario, words)?)
    } else {
        None
    };
    let kind = match verb.as_str() {
        "outage" => outage(words)?,
        "outages" => ExpectKind::Outages(range(words, whole)?),
        "loss" => ExpectKind::Loss(range(words, share)?),
        "shown-loss" => ExpectKind::ShownLoss(range(words, share)?),
        "rtt" => ExpectKind::Rtt(range(words, duration)?),
        "process" => ExpectKind::Process(range(words, duration)?),
        "lateness" => ExpectKind::Lateness(range(words, duration)?),
        "state" => state(words)?,
        "event" => {
            let word = words.any("a kind of event")?;
            let kind = EventKind::from_word(&word);
            let kind = kind.ok_or_else(|| words.wrong_word(&word, "no such kind of event"))?;
            ExpectKind::Events(kind, range(words, whole)?)
        }
        "gap" => {
            let word = words.any("a kind of gap")?;
            let kind = GapKind::ALL.into_iter().find(|kind| kind.word() == word);
            let kind = kind.ok_or_else(|| words.wrong_word(&word, "no such kind of gap"))?;
            ExpectKind::Gaps(kind, range(words, whole)?)
        }
        "mails" | "mails:" => super::alerts::mails(words)?,
        "burst" => ExpectKind::Burst(range(words, whole)?),
        _ => match CountName::of(&verb) {
            Some(name) => ExpectKind::Count(name, range(words, whole)?),
            None => {
                let known = "expected outage, outages, loss, shown-loss, rtt, process, lateness, state, event, gap, \
                             mails, burst, or one of the counts of MEASURING";
                return Err(words.wrong_word(&verb, known));
            }
        },
    };
    Ok(Expect { line, target, kind })
}

/// `from T to T within D`.
fn outage(words: &mut Words) -> Result<ExpectKind, ScenarioError> {
    words.need("from")?;
    let from = words.instant()?;
    words.need("to")?;
    let to = words.instant()?;
    words.need("within")?;
    Ok(ExpectKind::Outage {
        from,
        to,
        within: words.duration()?,
    })
}

/// `STATE at T` or `never STATE`.
fn state(words: &mut Words) -> Result<ExpectKind, ScenarioError> {
    let is_never = words.take("never");
    let word = words.any("a state")?;
    let state = State::ALL.into_iter().find(|state| state.word() == word);
    let state = state.ok_or_else(|| words.wrong_word(&word, "no such state"))?;
    if is_never {
        return Ok(ExpectKind::StateNever(state));
    }
    words.need("at")?;
    Ok(ExpectKind::StateAt(state, words.instant()?))
}

/// `5` or `3..5`.
fn range<T: Copy + PartialOrd>(
    words: &mut Words,
    read: fn(&str) -> Option<T>,
) -> Result<Range<T>, ScenarioError> {
    let word = words.any("a value, or two with .. between")?;
    let (from, to) = word.split_once("..").unwrap_or((&word, &word));
    match (read(from), read(to)) {
        (Some(from), Some(to)) if from <= to => Ok(Range { from, to }),
        _ => Err(words.wrong_word(
            &word,
            "expected a value with its unit, or two with .. between, the smaller first",
        )),
    }
}

fn whole(word: &str) -> Option<u64> {
    word.parse().ok()
}

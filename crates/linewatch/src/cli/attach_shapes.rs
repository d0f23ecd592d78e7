//! The shapes of the API that `attach` reads, as far as it reads them, and what they become in the view.
//!
//! The server's own shapes are `linewatch_web::api`; fields nobody needs here are passed over. Words of states, grades and
//! events are those of the core, and an unknown one is passed over too: the monitor may be newer.

use std::time::Duration;

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::record::Outcome;
use linewatch_core::time::{Rtt, WallTime};
use linewatch_core::view::{Grade, State};
use linewatch_render::text::printable;
use linewatch_render::words::duration_text;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::attach_monitor::Point;
use super::watch_live::spaced;
use crate::term::{EventLine, Fleet, LastProbe, Row, Sample};

/// A late or second answer: a row beside its probe.
const FLAGS_BESIDE: u8 = 2 | 4;
/// Every grade, by its word.
const GRADES: [Grade; 5] = [
    Grade::Excellent,
    Grade::Good,
    Grade::Fair,
    Grade::Poor,
    Grade::Critical,
];

/// `/api/v1/overview`.
#[derive(Debug, Deserialize)]
pub(super) struct Overview {
    pub now: i64,
    pub targets: Vec<Target>,
    epoch: String,
    seq: u64,
}

impl Overview {
    /// Where the live connection goes on from it.
    pub(super) fn point(&self) -> Point {
        Point {
            epoch: self.epoch.clone(),
            seq: self.seq,
        }
    }
}

/// One row of it.
#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub key: u32,
    id: String,
    name: String,
    address: String,
    probe: String,
    port: Option<u16>,
    interval_ms: f64,
    country: String,
    state: String,
    state_since: i64,
    reasons: Vec<String>,
    error: Option<TargetError>,
    grade: Option<String>,
    grade_since: i64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    jitter_ms: Option<f64>,
    loss_ppm: Option<u32>,
    finished: u64,
    failed: u64,
    rto: u64,
    spark: Batch,
}

#[derive(Debug, Deserialize)]
struct TargetError {
    text: String,
}

/// Key, seq, dt_us, outcome, rtt_us, host_us, flags.
type ProbeRow = (u32, u64, i64, u8, Option<u32>, Option<u32>, u8);
/// Key, dt_us, n, lost, min_us, p50_us, max_us.
type BinRow = (u32, i64, u32, u32, Option<u32>, Option<u32>, Option<u32>);

/// Probes of a short time.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    seq: Option<u64>,
    base: i64,
    d: Vec<ProbeRow>,
    #[serde(default)]
    m: Vec<BinRow>,
}

/// A changed row of the table: key, state, grade, p50_us, p95_us, jitter_us, loss_ppm, rto, up_ppm, more.
#[derive(Debug, Deserialize)]
pub(super) struct SumRow(
    u32,
    String,
    Option<String>,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<u32>,
    u64,
    IgnoredAny,
    Option<SumMore>,
);

/// What is unusual about it.
#[derive(Debug, Deserialize)]
struct SumMore {
    state_since: i64,
    #[serde(default)]
    reasons: Vec<String>,
    error: Option<TargetError>,
}

/// A message of the live connection.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(super) enum Message {
    Welcome {
        now: i64,
        reset: bool,
    },
    B(Batch),
    Sum {
        seq: u64,
        d: Vec<SumRow>,
    },
    Ev {
        seq: u64,
        e: Event,
    },
    Cfg {
        seq: u64,
    },
    Hb {
        now: i64,
    },
    #[serde(other)]
    Other,
}

impl Message {
    /// Its number, if it has one of its own.
    pub(super) const fn seq(&self) -> Option<u64> {
        match self {
            Self::B(batch) => batch.seq,
            Self::Sum { seq, .. } | Self::Ev { seq, .. } | Self::Cfg { seq } => Some(*seq),
            Self::Welcome { .. } | Self::Hb { .. } | Self::Other => None,
        }
    }
}

/// `/api/v1/events`.
#[derive(Debug, Deserialize)]
pub(super) struct Events {
    pub rows: Vec<Event>,
}

/// One event.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    severity: String,
    target: Option<String>,
    target_name: Option<String>,
    at: i64,
    until: Option<i64>,
    message: String,
}

impl Event {
    /// As the view has it.
    pub(super) fn into_line(self) -> EventLine {
        let kind = EventKind::ALL.into_iter().find(|kind| kind.word() == self.kind);
        EventLine {
            at: at_ms(self.at),
            kind: kind.unwrap_or(EventKind::TargetChanged),
            severity: Severity::from_word(&self.severity).unwrap_or(Severity::Info),
            is_over: self.until.is_some_and(|until| until != self.at),
            target: self.target_name.or(self.target).map(|name| printable(&name)),
            message: printable(&self.message),
            id: self.id,
        }
    }
}

impl Target {
    /// As the view has it. With the trail it had, else with the last minute that came along.
    pub(super) fn into_row(self, trail: Option<crate::term::Trail>) -> Row {
        let mut row = Row::new(self.key, &self.id, &self.name, &self.address);
        row.country = printable(&self.country);
        row.interval = Duration::from_secs_f64((self.interval_ms / 1_000.0).max(0.0));
        let port = self.port.map(|port| format!(":{port} ")).unwrap_or_default();
        row.method = format!(
            "{} {port}{}",
            printable(&self.probe).to_uppercase(),
            spaced(&duration_text(row.interval))
        );
        row.state = state(&self.state).unwrap_or(State::Waiting);
        row.grade = self.grade.as_deref().and_then(grade);
        row.reasons = self.reasons.iter().map(|reason| printable(reason)).collect();
        row.error = self.error.map(|error| printable(&error.text));
        let since = if row.status().is_some() {
            self.grade_since
        } else {
            self.state_since
        };
        row.since = Some(at_ms(since));
        row.p50 = rtt_ms(self.p50_ms);
        row.p95 = rtt_ms(self.p95_ms);
        row.jitter = rtt_ms(self.jitter_ms);
        row.loss_ppm = self.loss_ppm;
        row.failed_of = Some((self.failed, self.finished));
        row.rto = self.rto;
        self.spark.each(|_, last, sample| row.add(last, sample));
        if let Some(trail) = trail {
            row.trail = trail;
        }
        row
    }
}

impl Batch {
    /// Puts the probes where they belong.
    pub(super) fn show(&self, fleet: &mut Fleet) {
        self.each(|key, last, sample| {
            if let Some(row) = fleet.row_mut(key) {
                row.add(last, sample);
            }
        });
    }

    fn each(&self, mut take: impl FnMut(u32, LastProbe, &Sample)) {
        for &(key, _, dt_us, outcome, rtt_us, host_us, flags) in &self.d {
            let Some(outcome) = Outcome::from_u8(outcome).filter(|_| flags & FLAGS_BESIDE == 0) else {
                continue;
            };
            let last = LastProbe {
                at: self.at(dt_us),
                outcome,
                rtt: rtt_us.map(micros),
                host_rtt: host_us.map(micros),
            };
            let sample = Sample::of_probe(last.at, outcome, last.rtt, last.host_rtt);
            take(key, last, &sample);
        }
        for &(key, dt_us, count, lost, min_us, p50_us, max_us) in &self.m {
            let last = LastProbe {
                at: self.at(dt_us),
                outcome: if lost < count {
                    Outcome::Reply
                } else {
                    Outcome::Lost
                },
                rtt: p50_us.map(micros),
                host_rtt: None,
            };
            let sample = Sample {
                at: last.at,
                answers: count.saturating_sub(lost),
                failures: lost,
                rtt: min_us.zip(max_us).map(|(min, max)| (micros(min), micros(max))),
                host_rtt: None,
            };
            take(key, last, &sample);
        }
    }

    const fn at(&self, dt_us: i64) -> WallTime {
        let us = self.base.saturating_mul(1_000).saturating_add(dt_us);
        WallTime::from_nanos(us.saturating_mul(1_000))
    }
}

impl SumRow {
    /// Puts the figures into their row.
    pub(super) fn show(self, fleet: &mut Fleet) {
        let Self(key, state_word, grade_word, p50, p95, jitter, loss_ppm, rto, _, more) = self;
        let now = fleet.now;
        let Some(row) = fleet.row_mut(key) else { return };
        let was = row.badge();
        row.state = state(&state_word).unwrap_or(row.state);
        row.grade = grade_word.as_deref().and_then(grade);
        let more_since = more.as_ref().map(|more| at_ms(more.state_since));
        if row.badge() != was {
            // The begin of a grade is not told; that of a state is.
            row.since = more_since.filter(|_| row.status().is_none()).or(Some(now));
        }
        row.p50 = p50.map(micros_of);
        row.p95 = p95.map(micros_of);
        row.jitter = jitter.map(micros_of);
        row.loss_ppm = loss_ppm;
        // How many of how many is not told.
        row.failed_of = None;
        row.rto = rto;
        let (reasons, error) = more.map_or_else(Default::default, |more| (more.reasons, more.error));
        row.reasons = reasons.iter().map(|reason| printable(reason)).collect();
        row.error = error.map(|error| printable(&error.text));
    }
}

fn state(word: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| state.word() == word)
}

fn grade(word: &str) -> Option<Grade> {
    GRADES.into_iter().find(|grade| grade.word() == word)
}

const fn at_ms(ms: i64) -> WallTime {
    WallTime::from_nanos(ms.saturating_mul(1_000_000))
}

fn rtt_ms(ms: Option<f64>) -> Option<Rtt> {
    ms.map(|ms| Rtt::from_nanos((ms.max(0.0) * 1e6).round() as u64))
}

const fn micros_of(us: u64) -> Rtt {
    Rtt::from_nanos(us.saturating_mul(1_000))
}

const fn micros(us: u32) -> Rtt {
    micros_of(us as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Fleet {
        let row = Row::new(7, "gw", "gw", "192.0.2.1");
        Fleet::of(WallTime::default(), vec![row])
    }

    fn message(text: &str) -> Message {
        serde_json::from_str(text).expect("a message")
    }

    #[test]
    fn probes_land_in_their_row_and_late_answers_do_not() {
        let mut fleet = fleet();
        let text = r#"{"t":"b","seq":3,"base":1000,"d":[[7,0,500,0,20000,21000,0],[7,1,900,3,null,null,0],[7,1,950,0,90000,null,2],[8,0,0,0,1,1,0]]}"#;
        let batch = message(text);
        assert_eq!(batch.seq(), Some(3));
        if let Message::B(batch) = batch {
            batch.show(&mut fleet);
        }
        let last = fleet.rows[0].last.expect("a probe");
        assert_eq!(
            (last.outcome, last.rtt, last.at.as_nanos()),
            (Outcome::Lost, None, 1_000_900_000)
        );
    }

    #[test]
    fn a_bin_is_answered_as_long_as_one_of_it_is() {
        let mut fleet = fleet();
        if let Message::B(batch) = message(r#"{"t":"b","seq":1,"base":0,"d":[],"m":[[7,0,5,1,10,20,30]]}"#) {
            batch.show(&mut fleet);
        }
        let last = fleet.rows[0].last.expect("a probe");
        assert_eq!(
            (last.outcome, last.rtt),
            (Outcome::Reply, Some(Rtt::from_nanos(20_000)))
        );
    }

    #[test]
    fn a_changed_row_brings_figures_and_why() {
        let mut fleet = fleet();
        let text = r#"{"t":"sum","seq":9,"d":[[7,"warn","good",20000,30000,100,17000,1,990000,{"state_since":5,"reasons":["loss"]}]]}"#;
        if let Message::Sum { d, .. } = message(text) {
            d.into_iter().for_each(|row| row.show(&mut fleet));
        }
        let row = &fleet.rows[0];
        assert_eq!(
            (row.state, row.grade, row.rto),
            (State::Warn, Some(Grade::Good), 1)
        );
        assert_eq!(
            (row.loss_ppm, &*row.reasons),
            (Some(17_000), ["loss".to_owned()].as_slice())
        );
    }

    #[test]
    fn what_a_newer_monitor_says_beside_is_passed_over() {
        assert!(matches!(message(r#"{"t":"news","x":1}"#), Message::Other));
        assert!(matches!(
            message(r#"{"t":"hb","seq":4,"now":8,"x":1}"#),
            Message::Hb { now: 8 }
        ));
    }

    #[test]
    fn names_of_strangers_cannot_move_the_cursor() {
        let text = r#"{"id":"1-2","type":"outage","severity":"critical","target":"gw","target_name":"a\u001b[2J","at":5,"until":null,"count":1,"count_of":"x","message":"down\u202e"}"#;
        let event: Event = serde_json::from_str(text).expect("an event");
        let line = event.into_line();
        assert_eq!(line.target.as_deref(), Some("a\\u{1b}[2J"));
        assert_eq!(line.message, "down\\u{202e}");
    }
}

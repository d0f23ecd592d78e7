//! Sorts probes into calendar seconds and closes each when nothing can be added to it any more.
//!
//! Everything else is a sum over closed seconds, so that the files of one moment agree with each other. A clock that is
//! set back begins a new era: seconds of the same name stay apart. A probe that comes for a closed second (it cannot, by
//! the engine's clock) is counted in the next one: rows and totals always add up.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use linewatch_core::record::{Counts, Gap, ProbeRecord, Progress, RecordBatch, Stray};
use linewatch_core::rollup::{Neighbours, Rollup};
use linewatch_core::time::{Anchor, WallTime};
use linewatch_core::view::RttStats;

use super::console::Achieved;
use super::files::{self, Attempt, Totals};
use super::pace::Pace;
use super::row::{Row, SecondOutage, decided};
use super::{CONSOLE_S, Facts, Growing, Pages, export, minutes};
use crate::json::{OutageInput, SummaryInput};
use crate::when::date_time;

const SECOND_NS: i64 = 1_000_000_000;
/// A decided probe needs this long from the engine to here: a batch's age, and a busy computer.
const HAND_OVER: Duration = Duration::from_millis(250);
/// Lines of the log that wait for a disk: 64 MiB are 14 minutes at 1,000 a second.
const LOG_BYTES: usize = 64 * 1024 * 1024;

/// Something that alerts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The first second of an outage.
    Began(SecondOutage),
    /// The second after its last one is known.
    Ended(SecondOutage),
}

/// A second of the calendar; the era counts how often the clock was set.
type Key = (u32, i64);

/// A second that may still change.
#[derive(Default)]
struct Open {
    rollup: Rollup,
    attempts: Vec<Attempt>,
}

/// A span of a table that goes on.
struct Span {
    era: u32,
    number: i64,
    row: Row,
}

/// One target's session. See the module.
pub struct Session {
    facts: Facts,
    start: Anchor,
    era: u32,
    open: BTreeMap<Key, Open>,
    closed: Option<Key>,
    kept: VecDeque<Row>,
    totals: Rollup,
    neighbours: Neighbours,
    /// Slots of gaps: unmeasured without a second of their own.
    beside: Counts,
    progress: Option<(u64, u64)>,
    outages: Vec<SecondOutage>,
    is_in_outage: bool,
    minute: Option<(Span, Rollup, u64)>,
    hour: Option<Span>,
    console: Option<Span>,
    rows: Vec<Row>,
    news: Vec<News>,
    fresh: Pages,
    log_dropped: u64,
    pace: Pace,
}

impl Session {
    /// A session that begins at `start`.
    pub fn new(facts: Facts, start: Anchor) -> Self {
        Self {
            facts,
            start,
            era: 0,
            open: BTreeMap::new(),
            closed: None,
            kept: VecDeque::new(),
            totals: Rollup::default(),
            neighbours: Neighbours::default(),
            beside: Counts::default(),
            progress: None,
            outages: Vec::new(),
            is_in_outage: false,
            minute: None,
            hour: None,
            console: None,
            rows: Vec::new(),
            news: Vec::new(),
            fresh: Pages::default(),
            log_dropped: 0,
            pace: Pace::default(),
        }
    }

    /// What was asked for.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Hears from a batch what concerns every target: that the calendar was set.
    pub fn hear(&mut self, batch: &RecordBatch) {
        if batch.clock_step_ns.is_some() {
            self.era += 1;
        }
    }

    /// Adds one finished probe of a batch with this anchor.
    pub fn add(&mut self, record: &ProbeRecord, anchor: Anchor) {
        let at = anchor.wall_at(record.sent_at);
        let key = self.key_of(at);
        let answered = record.rtt.filter(|_| record.outcome.is_answer());
        let pairs = self.neighbours.add(record.seq, at, answered);
        let open = self.open.entry(key).or_default();
        open.rollup.add(record.outcome, record.rtt, record.is_reordered);
        // Jitter needs no second of its own: the pair counts where its later answer is decided.
        for (_, difference) in pairs.into_iter().flatten() {
            open.rollup.add_difference(difference);
        }
        if self.facts.has_log {
            open.attempts.push(Attempt {
                at,
                seq: record.seq,
                outcome: record.outcome,
                rtt: record.rtt,
                cause: record.cause,
            });
        }
        self.pace.add(record);
    }

    /// Adds an answer beside the probes.
    pub fn add_stray(&mut self, stray: &Stray) {
        self.beside.add_stray(stray);
    }

    /// Adds a hole: its slots are unmeasured, in the totals alone.
    pub fn add_gap(&mut self, gap: &Gap) {
        self.beside.unmeasured += gap.slots;
    }

    /// Takes over how far the schedule has come.
    pub fn set_progress(&mut self, progress: &Progress) {
        self.progress = Some((progress.scheduled, progress.in_flight));
    }

    fn key_of(&self, at: WallTime) -> Key {
        let key = (self.era, at.as_nanos().div_euclid(SECOND_NS));
        match self.closed {
            Some((era, second)) if key <= (era, second) => {
                let next = (era, second + 1);
                self.open.keys().next().copied().unwrap_or(next).min(next)
            }
            _ => key,
        }
    }

    /// Closes every second whose probes are all decided at `now`, by which every batch so far has been added.
    pub fn close(&mut self, now: Anchor) {
        let decided_at = now.wall.minus(self.facts.timeout).minus(HAND_OVER);
        let upto = (self.era, decided_at.as_nanos().div_euclid(SECOND_NS));
        while let Some(entry) = self.open.first_entry().filter(|entry| *entry.key() < upto) {
            let (key, open) = entry.remove_entry();
            self.close_second(key, open);
        }
        self.end_console_before(upto);
    }

    /// Closes everything: the run is over.
    pub fn close_all(&mut self) {
        while let Some((key, open)) = self.open.pop_first() {
            self.close_second(key, open);
        }
        if self.is_in_outage {
            self.end_outage();
        }
        self.end_console();
    }

    fn close_second(&mut self, key: Key, mut open: Open) {
        self.closed = Some(key);
        let from = WallTime::from_nanos(key.1.saturating_mul(SECOND_NS));
        let row = Row::of_second(from, &open.rollup, self.facts.loss_threshold);
        self.totals.merge(&open.rollup);
        self.fresh.seconds.push_str(&files::table_row(&row, &self.facts));
        if self.facts.has_csv {
            self.fresh.csv.push_str(&export::csv_row(&row, &self.facts));
        }
        self.log(&mut open.attempts, from);
        let begins_outage = self.judge(&row);
        self.add_to_minute(key, &row, &open.rollup, begins_outage);
        self.add_to_hour(key, &row);
        self.add_to_console(key, &row);
        self.kept.push_back(row);
        while self.kept.len() > self.facts.max_seconds {
            self.kept.pop_front();
        }
    }

    fn log(&mut self, attempts: &mut [Attempt], from: WallTime) {
        if attempts.is_empty() {
            return;
        }
        if self.fresh.log.len() > LOG_BYTES {
            self.log_dropped += attempts.len() as u64;
            return;
        }
        if self.log_dropped > 0 {
            let line = format!(
                "{} - {} attempts are not in this log: the disk was too slow\n",
                date_time(from, &self.facts.zone),
                std::mem::take(&mut self.log_dropped)
            );
            self.fresh.log.push_str(&line);
        }
        attempts.sort_unstable_by_key(|attempt| (attempt.at, attempt.seq));
        let second = date_time(from, &self.facts.zone);
        for attempt in attempts.iter() {
            self.fresh.log.push_str(&files::log_line(attempt, &second));
        }
    }

    /// Whether an outage begins with this second.
    fn judge(&mut self, row: &Row) -> bool {
        // A target that is asked less often than once a second has no probe in every second: its neighbours are
        // the seconds of the probes before and after.
        let apart_s = if self.facts.interval < Duration::from_secs(1) {
            1
        } else {
            self.facts.interval.as_secs() + 1
        };
        let apart_ns = i64::try_from(apart_s)
            .unwrap_or(i64::MAX)
            .saturating_mul(SECOND_NS);
        let follows = self.outages.last().is_some_and(|last| {
            let after_ns = row.from.nanos_after(last.to);
            self.is_in_outage && (1..=apart_ns).contains(&after_ns)
        });
        match (row.is_outage, self.outages.last_mut().filter(|_| follows)) {
            (true, Some(last)) => {
                last.to = row.from;
                last.sent += row.sent;
                last.received += row.received;
                false
            }
            (is_outage, _) => {
                if self.is_in_outage {
                    self.end_outage();
                }
                if is_outage {
                    let outage = SecondOutage::of(row);
                    self.outages.push(outage);
                    self.news.push(News::Began(outage));
                    self.is_in_outage = true;
                }
                is_outage
            }
        }
    }

    fn end_outage(&mut self) {
        self.is_in_outage = false;
        self.news
            .extend(self.outages.last().map(|outage| News::Ended(*outage)));
    }

    fn add_to_minute(&mut self, key: Key, row: &Row, rollup: &Rollup, begins_outage: bool) {
        let number = key.1.div_euclid(60);
        if let Some((span, sum, outages)) = self
            .minute
            .take_if(|(span, ..)| (span.era, span.number) != (key.0, number))
        {
            self.fresh
                .minutes
                .closed
                .push_str(&files::table_row(&span.row, &self.facts));
            self.fresh
                .histograms
                .push_str(&minutes::line(span.number, &sum, outages));
        }
        let (span, sum, outages) = self
            .minute
            .get_or_insert_with(|| (Span::of(key.0, number, 60), Rollup::default(), 0));
        span.row.add(row);
        sum.merge(rollup);
        *outages += u64::from(begins_outage);
    }

    fn add_to_hour(&mut self, key: Key, row: &Row) {
        // Hours of the calendar on the wall: most zones lie whole hours from UTC, some half an hour.
        let offset_s = i64::from(crate::when::offset_seconds(row.from, &self.facts.zone));
        let number = (key.1 + offset_s).div_euclid(3600);
        let ended = self
            .hour
            .take_if(|span| (span.era, span.number) != (key.0, number));
        if let Some(span) = ended {
            let text = files::table_row(&span.row, &self.facts);
            self.fresh.hours.closed.push_str(&text);
        }
        let span = self.hour.get_or_insert_with(|| {
            let mut span = Span::of(key.0, number, 3600);
            span.row.from = WallTime::from_nanos((number * 3600 - offset_s).saturating_mul(SECOND_NS));
            span
        });
        span.row.add(row);
    }

    fn add_to_console(&mut self, key: Key, row: &Row) {
        let begin = match &self.console {
            Some(span) if span.era == key.0 && key.1 < span.number + CONSOLE_S as i64 => span.number,
            _ => {
                let before = self.end_console();
                // Rows follow each other without a hole where the probes do.
                let after = before.filter(|(era, next)| *era == key.0 && *next <= key.1);
                after.map_or(key.1, |(_, next)| {
                    let behind = (key.1 - next).rem_euclid(CONSOLE_S as i64);
                    key.1 - behind
                })
            }
        };
        let span = self.console.get_or_insert_with(|| Span::of(key.0, begin, 1));
        span.row.add(row);
    }

    fn end_console_before(&mut self, upto: Key) {
        let is_over = |span: &Span| (span.era, span.number + CONSOLE_S as i64) <= upto;
        if self.console.as_ref().is_some_and(is_over) {
            self.end_console();
        }
    }

    /// Era and first second behind the row that has ended.
    fn end_console(&mut self) -> Option<(u32, i64)> {
        let span = self.console.take()?;
        self.rows.push(span.row);
        Some((span.era, span.number + CONSOLE_S as i64))
    }

    /// Rows of the console that are complete since the last call.
    pub fn take_rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }

    /// Outages that began or ended since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Every outage so far, oldest first.
    pub fn outages(&self) -> &[SecondOutage] {
        &self.outages
    }

    /// The seconds in memory, oldest first: `max_seconds` at most.
    pub fn kept(&self) -> &VecDeque<Row> {
        &self.kept
    }

    /// The lines of the log so far, and nothing else: it grows faster than the rest is written.
    pub fn take_log(&mut self) -> Pages {
        Pages {
            log: std::mem::take(&mut self.fresh.log),
            ..Pages::default()
        }
    }

    /// Bytes of the log that wait to be written.
    pub fn waiting_log_bytes(&self) -> usize {
        self.fresh.log.len()
    }

    /// Everything the files shall hold now; `is_end`: the session ends at `now`.
    pub fn pages(&mut self, now: Anchor, is_end: bool) -> Pages {
        let mut pages = std::mem::take(&mut self.fresh);
        let minute = self.minute.as_ref();
        if let Some((span, sum, outages)) = minute.filter(|_| is_end) {
            pages
                .histograms
                .push_str(&minutes::line(span.number, sum, *outages));
        }
        let row = |span: &Span| files::table_row(&span.row, &self.facts);
        pages.minutes = Growing {
            open: minute.map(|(span, ..)| row(span)).unwrap_or_default(),
            ..pages.minutes
        };
        pages.hours = Growing {
            open: self.hour.as_ref().map(row).unwrap_or_default(),
            ..pages.hours
        };
        let achieved = self.achieved();
        let totals = Totals {
            counts: self.counts(),
            avg: self.totals.avg(),
            outages: self.outages.len(),
            duration_s: now.mono.since(self.start.mono).as_secs(),
            at: now.wall,
            has_ended: is_end,
            achieved: achieved.as_ref(),
        };
        pages.session = files::session(&self.facts, &totals);
        pages.packetloss = files::packetloss(&self.outages, &self.facts);
        pages
    }

    /// What became of the probes of all closed seconds.
    pub fn counts(&self) -> Counts {
        let mut counts = decided(self.totals.counts());
        counts.merge(&self.beside);
        counts.scheduled = counts.finished();
        counts
    }

    /// How often this computer really sent, and how late.
    pub fn achieved(&self) -> Option<Achieved> {
        let (p50, p99, max) = self.pace.lateness()?;
        Some(Achieved {
            asked_per_s: 1.0 / self.facts.interval.as_secs_f64(),
            achieved_per_s: self.pace.achieved_per_s()?,
            p50,
            p99,
            max,
        })
    }

    /// The figures of the whole run. `episodes`: outages as the monitor dates them, to the probe.
    pub fn summary(&self, now: Anchor, episodes: Vec<OutageInput>) -> SummaryInput {
        let mut counts = self.counts();
        if let Some((scheduled, in_flight)) = self.progress {
            (counts.scheduled, counts.in_flight) = (scheduled, in_flight);
        }
        SummaryInput {
            target: self.facts.target.clone(),
            duration: now.mono.since(self.start.mono),
            counts,
            rtt: self.rtt_stats(),
            jitter: self.totals.jitter(),
            jitter_rfc3550: None,
            process: None,
            lateness: self.pace.lateness(),
            achieved_per_s: self.pace.achieved_per_s(),
            outages: episodes,
        }
    }

    fn rtt_stats(&self) -> Option<RttStats> {
        let [p50, p95, p99] = self.totals.quantiles([0.5, 0.95, 0.99]);
        Some(RttStats {
            min: self.totals.min()?,
            avg: self.totals.avg()?,
            p50: p50?,
            p95: p95?,
            p99: p99?,
            max: self.totals.max()?,
            mdev: self.totals.sd()?,
        })
    }

    /// The sum of all closed seconds.
    pub const fn totals(&self) -> &Rollup {
        &self.totals
    }
}

impl Span {
    fn of(era: u32, number: i64, seconds: i64) -> Self {
        let from = number.saturating_mul(seconds).saturating_mul(SECOND_NS);
        Self {
            era,
            number,
            row: Row::new(WallTime::from_nanos(from)),
        }
    }
}

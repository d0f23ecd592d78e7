//! Prints a run of `linewatch watch`: JSON objects, or the plain table, and the summary.
//!
//! Input: the engine's batches. A row of the table belongs to the probes *sent* in its span, so it is printed when they are
//! decided, at most a time-out later. Not here: the look of a line (`linewatch_render`).

use std::io::IsTerminal as _;
use std::time::Duration;

use linewatch_core::event::RunId;
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::record::{ProbeRecord, RecordBatch};
use linewatch_core::stats::summary::Summary;
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::Anchor;
use linewatch_render::json::{self, OutageInput, SummaryInput};
use linewatch_render::message::Language;
use linewatch_render::text::{self, PlainRow, PlainTable};

use super::watch_live::Live;
use super::watch_rows::Rows;
use crate::say::{self, Reader};
use crate::term::{Fleet, Link};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// One object per probe.
    Json,
    /// One row per span and target.
    Plain,
    /// Nothing until the summary: the terminal view shows it.
    Screen,
}

/// What `--fail-on` asks about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Happened {
    /// Outages of all targets.
    pub outages: u64,
    /// Lost and unreachable probes of all targets.
    pub failed: u64,
}

/// One target of the run.
struct Line {
    id: TargetId,
    name: String,
    timeout: Duration,
    summary: Summary,
    /// Slots the engine said it has scheduled, and those undecided.
    scheduled: u64,
    in_flight: u64,
}

impl Line {
    fn new(target: &Target) -> Self {
        Self {
            id: target.id,
            name: target.name.clone(),
            timeout: target.plan.timeout,
            summary: Summary::new(),
            scheduled: 0,
            in_flight: 0,
        }
    }
}

/// The run.
pub(super) struct View {
    lines: Vec<Line>,
    monitor: Monitor,
    effects: Vec<Effect>,
    mode: Mode,
    /// Above the table, once.
    preamble: Option<String>,
    table: PlainTable,
    language: Language,
    start: Anchor,
    rows: Rows,
    count: Option<u64>,
    /// What the terminal view shows; empty in the other modes.
    live: Live,
}

impl View {
    /// A run that begins at `start`, in rows of `every`. With `count` it is complete when every target has that many decided probes.
    pub(super) fn new<'a>(
        mode: Mode,
        every: Duration,
        targets: impl Iterator<Item = &'a Target>,
        count: Option<u64>,
        start: Anchor,
        language: Language,
    ) -> Self {
        let mut monitor = Monitor::new(RunId(1), start);
        let mut effects = Vec::new();
        let mut lines = Vec::new();
        let mut live = Live::default();
        for target in targets {
            monitor.set_target(target, start.mono, &mut effects);
            lines.push(Line::new(target));
            live.add_target(target);
        }
        live.note(&effects, start.wall);
        effects.clear();
        let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        let is_terminal = std::io::stdout().is_terminal();
        let zone = jiff::tz::TimeZone::system();
        let preamble = matches!(mode, Mode::Plain).then(|| text::zone_line(start.wall, &zone, language));
        let table = PlainTable::new(every.as_secs(), &names, is_terminal, zone, language);
        Self {
            lines,
            monitor,
            effects,
            mode,
            preamble,
            table,
            language,
            start,
            rows: Rows::new(every, start),
            count,
            live,
        }
    }

    /// What the terminal view shows.
    pub(super) const fn fleet(&self) -> &Fleet {
        self.live.fleet()
    }

    /// How what it shows comes there.
    pub(super) fn set_link(&mut self, link: Link) {
        self.live.fleet_mut().link = link;
    }

    /// One more target, or one that is started or stopped.
    pub(super) fn set_target(&mut self, target: &Target, anchor: Anchor) {
        if !self.lines.iter().any(|line| line.id == target.id) {
            self.lines.push(Line::new(target));
            self.live.add_target(target);
        }
        self.monitor.set_target(target, anchor.mono, &mut self.effects);
        self.hand_on(anchor);
    }

    /// The terminal view shows this target no more; the summary does.
    pub(super) fn hide(&mut self, id: TargetId) {
        self.live.remove_target(id);
    }

    /// Lets the terminal view know what the monitor made of it.
    fn hand_on(&mut self, anchor: Anchor) {
        if matches!(self.mode, Mode::Screen) {
            self.live.note(&self.effects, anchor.wall);
        }
        self.effects.clear();
    }

    /// Prints what stands above the table. Only then is anything printed: a run that is refused says nothing else.
    pub(super) fn open(&mut self) {
        if let Some(line) = self.preamble.take() {
            // Whether anybody reads shows with the first row.
            let _ = say::to_stdout(&line);
        }
    }

    /// Takes a batch: objects are printed at once.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Reader {
        self.monitor.ingest(batch, &mut self.effects);
        if matches!(self.mode, Mode::Screen) {
            self.live.take(batch);
        }
        self.hand_on(batch.anchor);
        for progress in &batch.progress {
            if let Some(line) = self.lines.iter_mut().find(|line| line.id == progress.target) {
                line.scheduled = progress.scheduled;
                line.in_flight = progress.in_flight;
                line.summary.set_progress(progress);
            }
        }
        for stray in &batch.strays {
            if let Some(line) = self.lines.iter_mut().find(|line| line.id == stray.target) {
                line.summary.add_stray(stray);
            }
        }
        for gap in &batch.gaps {
            if let Some(line) = self.lines.iter_mut().find(|line| line.id == gap.target) {
                line.summary.add_gap(gap);
            }
        }
        for record in &batch.records {
            if self.take_record(record, batch.anchor) == Reader::Gone {
                return Reader::Gone;
            }
        }
        Reader::There
    }

    fn take_record(&mut self, record: &ProbeRecord, anchor: Anchor) -> Reader {
        let found = self.lines.iter().position(|line| line.id == record.target);
        let Some(place) = found else {
            return Reader::There;
        };
        let line = &mut self.lines[place];
        line.summary.add(record);
        match self.mode {
            Mode::Json => say::to_stdout(&json::probe_line(record, &line.name, anchor, None)),
            Mode::Plain => {
                self.rows.add(place, record);
                Reader::There
            }
            Mode::Screen => Reader::There,
        }
    }

    /// Evaluates, and prints the rows whose probes are decided.
    pub(super) fn tick(&mut self, anchor: Anchor) -> Reader {
        self.monitor.tick(anchor, &mut self.effects);
        self.hand_on(anchor);
        if !matches!(self.mode, Mode::Plain) {
            return Reader::There;
        }
        let in_flight = self.lines.iter().filter(|line| line.in_flight > 0);
        let slowest = in_flight.map(|line| line.timeout).max().unwrap_or_default();
        while let Some(number) = self.rows.complete(anchor.mono, slowest) {
            if self.print_row(number, anchor) == Reader::Gone {
                return Reader::Gone;
            }
        }
        Reader::There
    }

    /// Every target has its number of decided probes.
    pub(super) fn is_complete(&self) -> bool {
        self.count.is_some_and(|count| {
            self.lines
                .iter()
                .all(|line| line.scheduled >= count && line.in_flight == 0)
        })
    }

    /// Ends the run: the rows that are left, and the summary.
    pub(super) fn finish(&mut self, anchor: Anchor, reader: Reader) -> Happened {
        self.monitor.finish(anchor, &mut self.effects);
        self.effects.clear();
        if reader == Reader::There {
            while let Some(number) = self.rows.left() {
                if self.print_row(number, anchor) == Reader::Gone {
                    break;
                }
            }
            self.print_summary(anchor);
        }
        let mut happened = Happened::default();
        for line in &self.lines {
            happened.failed += line.summary.view().counts.loss().failed;
            happened.outages += self.monitor.outage_rows(line.id).count() as u64;
        }
        happened
    }

    /// SIGUSR1: the summary so far, beside the output.
    pub(super) fn print_statistics(&self, anchor: Anchor) {
        for input in self.summaries(anchor) {
            say::to_stderr(&text::summary_block(&input, self.language).join("\n"));
        }
    }

    fn print_summary(&self, anchor: Anchor) {
        let inputs = self.summaries(anchor);
        match self.mode {
            Mode::Json => {
                say::to_stdout(&json::summary_line(&inputs));
            }
            Mode::Plain | Mode::Screen => {
                for input in &inputs {
                    say::to_stdout(&format!(
                        "\n{}",
                        text::summary_block(input, self.language).join("\n")
                    ));
                }
            }
        }
    }

    fn summaries(&self, anchor: Anchor) -> Vec<SummaryInput> {
        let duration = anchor.mono.since(self.start.mono);
        self.lines
            .iter()
            .map(|line| self.summary_of(line, duration))
            .collect()
    }

    fn summary_of(&self, line: &Line, duration: Duration) -> SummaryInput {
        let view = line.summary.view();
        let outages = self.monitor.outage_rows(line.id);
        SummaryInput {
            target: line.name.clone(),
            duration,
            counts: view.counts,
            rtt: view.rtt,
            jitter: view.jitter,
            jitter_rfc3550: view.jitter_rfc3550,
            process: view.process_p50.zip(view.process_p99),
            lateness: match (view.lateness_p50, view.lateness_p99, view.lateness_max) {
                (Some(p50), Some(p99), Some(max)) => Some((p50, p99, max)),
                _ => None,
            },
            achieved_per_s: view.achieved_per_s,
            outages: outages
                .map(|row| OutageInput {
                    from: row.from,
                    to: row.to,
                    duration: Duration::from_nanos(row.duration_ns),
                    sent: row.sent,
                    lost: row.lost,
                })
                .collect(),
        }
    }

    fn print_row(&mut self, number: u64, anchor: Anchor) -> Reader {
        let (from, to) = self.rows.labels(number, anchor);
        let spans = self.rows.take(number);
        for (place, line) in self.lines.iter().enumerate() {
            let span = spans.get(&place).copied().unwrap_or_default();
            let counts = span.counts;
            let is_outage = self
                .monitor
                .outage_rows(line.id)
                .any(|row| row.from < to && row.to.is_none_or(|end| end > from));
            let row = PlainRow {
                target: &line.name,
                from,
                // Inclusive, by the second, as S3 writes it.
                to: to.minus(Duration::from_secs(1)),
                sent: counts.sent(),
                received: counts.replied + counts.refused,
                avg_rtt: span.avg_rtt(),
                failed: counts.lost + counts.unreachable,
                loss: counts.loss(),
                is_outage,
            };
            for text in self.table.row(&row) {
                if say::to_stdout(&text) == Reader::Gone {
                    return Reader::Gone;
                }
            }
        }
        Reader::There
    }
}

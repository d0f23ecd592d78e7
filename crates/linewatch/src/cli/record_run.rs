//! Follows a session from its first batch to its summary: folds, prints, hands files and news on, and waits for none of them.
//!
//! The monitor runs beside the session for one thing: outages dated to the probe, in `session.json`. Not here: what a
//! second comes to (`linewatch_render::session`), and the disk (`crate::record`).

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::Result;
use jiff::tz::TimeZone;
use linewatch_core::event::RunId;
use linewatch_core::limits;
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::port::Clock as _;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::{Anchor, MonoTime};
use linewatch_probe::clock::SystemClock;
use linewatch_render::json::OutageInput;
use linewatch_render::message::Language;
use linewatch_render::session::{
    ConsoleTable, Facts, SecondOutage, Session, json_document, late_line, picture,
};
use linewatch_render::text;

use super::record::{incomplete, repeats_header};
use crate::exit::Exit;
use crate::record::alerts::Alerts;
use crate::record::files::{Job, Writer};
use crate::say::{self, Reader};
use crate::signals::Order;

/// A signal is noticed this fast; the batches themselves come at once.
const WAKE: Duration = Duration::from_millis(100);
/// Pictures take 50 ms of a core each: once a minute is 0.2 %.
const DRAW_EVERY: Duration = Duration::from_secs(60);
/// The log of attempts goes to the disk in such pieces, however seldom the other files do: 3 s at 1,000 a second.
const LOG_PIECE_BYTES: usize = 256 * 1024;
/// Alerts that are under way at the end have so long (MEASURING "Signals and exit").
const ALERTS_GRACE: Duration = Duration::from_secs(5);

/// What is written beside the text files, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outputs {
    pub(super) has_json: bool,
    pub(super) has_charts: bool,
    pub(super) write_interval: Duration,
}

/// One target of the session.
struct Line {
    id: TargetId,
    session: Session,
    scheduled: u64,
    in_flight: u64,
    /// Probes after which it is done.
    slots: Option<u64>,
}

/// The session.
pub(super) struct Run {
    lines: Vec<Line>,
    monitor: Monitor,
    effects: Vec<Effect>,
    table: ConsoleTable,
    language: Language,
    outputs: Outputs,
    writer: Writer,
    alerts: Option<Alerts>,
    /// Jobs for which the disk was too slow: first in line.
    held: Vec<Job>,
    drawn_at: Option<MonoTime>,
}

impl Run {
    /// A session of these targets, each with its facts, that begins at `start`.
    pub(super) fn new(
        targets: &[&Target],
        all: &[Facts],
        start: Anchor,
        outputs: Outputs,
        language: Language,
        (writer, alerts): (Writer, Option<Alerts>),
    ) -> Self {
        let mut monitor = Monitor::new(RunId(1), start);
        let mut effects = Vec::new();
        let mut lines = Vec::new();
        for (target, facts) in targets.iter().zip(all) {
            monitor.set_target(target, start.mono, &mut effects);
            lines.push(Line {
                id: target.id,
                session: Session::new(facts.clone(), start),
                scheduled: 0,
                in_flight: 0,
                slots: None,
            });
        }
        let names: Vec<&str> = all.iter().map(|facts| facts.target.as_str()).collect();
        let zone = all.first().map_or(TimeZone::UTC, |facts| facts.zone.clone());
        Self {
            table: ConsoleTable::new(&names, repeats_header(), zone, language),
            lines,
            monitor,
            effects,
            language,
            outputs,
            writer,
            alerts,
            held: Vec::new(),
            drawn_at: None,
        }
    }

    /// This target is done after so many probes.
    pub(super) fn expect(&mut self, id: TargetId, slots: Option<u64>) {
        for line in self.lines.iter_mut().filter(|line| line.id == id) {
            line.slots = slots;
        }
    }

    /// Folds until it is over: by number, by time, by signal, or because nobody reads.
    pub(super) fn follow(
        &mut self,
        batches: &Receiver<Arc<RecordBatch>>,
        orders: &Receiver<Order>,
        clock: &SystemClock,
        end_at: Option<MonoTime>,
    ) -> Reader {
        let end_at = end_at.unwrap_or(MonoTime::MAX);
        let mut tick_at = clock.mono().plus(limits::EVALUATE_EVERY);
        // Whoever looks into the folder finds every file from the beginning.
        self.write(clock.anchor());
        let mut write_at = clock.mono().plus(self.outputs.write_interval);
        loop {
            let decided = match batches.recv_timeout(WAKE.min(tick_at.min(end_at).since(clock.mono()))) {
                Ok(batch) => {
                    self.take(&batch);
                    Anchor {
                        mono: batch.flushed_at,
                        wall: batch.anchor.wall_at(batch.flushed_at),
                    }
                }
                Err(RecvTimeoutError::Timeout) => clock.anchor(),
                Err(RecvTimeoutError::Disconnected) => return Reader::There,
            };
            self.close(decided);
            if self.print_rows() == Reader::Gone {
                return Reader::Gone;
            }
            match orders.try_recv() {
                Ok(Order::Statistics) => self.print_statistics(clock.anchor()),
                Ok(Order::Stop(_) | Order::Hangup) => return Reader::There,
                Err(_) => {}
            }
            let now = clock.mono();
            if now >= tick_at {
                tick_at = tick_at.plus(limits::EVALUATE_EVERY).max(now);
                self.monitor.tick(clock.anchor(), &mut self.effects);
                self.effects.clear();
            }
            if now >= write_at {
                write_at = write_at.plus(self.outputs.write_interval).max(now);
                self.write(clock.anchor());
            } else {
                self.write_log();
            }
            if now >= end_at || self.is_complete() {
                return Reader::There;
            }
        }
    }

    /// Folds one batch.
    pub(super) fn take(&mut self, batch: &RecordBatch) {
        self.monitor.ingest(batch, &mut self.effects);
        self.effects.clear();
        for line in &mut self.lines {
            line.session.hear(batch);
        }
        for record in &batch.records {
            if let Some(line) = self.line(record.target) {
                line.session.add(record, batch.anchor);
            }
        }
        for stray in &batch.strays {
            if let Some(line) = self.line(stray.target) {
                line.session.add_stray(stray);
            }
        }
        for gap in &batch.gaps {
            if let Some(line) = self.line(gap.target) {
                line.session.add_gap(gap);
            }
        }
        for progress in &batch.progress {
            if let Some(line) = self.line(progress.target) {
                line.scheduled = progress.scheduled;
                line.in_flight = progress.in_flight;
                line.session.set_progress(progress);
            }
        }
    }

    /// Targets are numbered from 1 in the order of the lines.
    fn line(&mut self, id: TargetId) -> Option<&mut Line> {
        self.lines.get_mut(usize::try_from(id.0).ok()?.checked_sub(1)?)
    }

    fn close(&mut self, decided: Anchor) {
        for line in &mut self.lines {
            line.session.close(decided);
        }
        self.tell(decided);
    }

    fn tell(&mut self, now: Anchor) {
        for (number, line) in self.lines.iter_mut().enumerate() {
            for news in line.session.take_news() {
                if let Some(alerts) = &mut self.alerts {
                    let session = &line.session;
                    let picture = || picture(session, now);
                    alerts.tell(number, &session.facts().target, news, now.wall, picture);
                }
            }
        }
    }

    fn print_rows(&mut self) -> Reader {
        for line in &mut self.lines {
            for row in line.session.take_rows() {
                for text in self.table.row(&line.session.facts().target, &row) {
                    if say::to_stdout(&text) == Reader::Gone {
                        return Reader::Gone;
                    }
                }
            }
        }
        Reader::There
    }

    /// Every target has its number of decided probes.
    fn is_complete(&self) -> bool {
        self.lines
            .iter()
            .all(|line| line.slots.is_some_and(|slots| line.scheduled >= slots) && line.in_flight == 0)
    }

    /// Hands everything that the files shall hold to the writer, unless it is behind: then it is in the next.
    fn write(&mut self, now: Anchor) {
        if self.hand_on_held() {
            let jobs = self.jobs(now, false);
            self.held = self.writer.try_write(jobs).err().unwrap_or_default();
        }
    }

    fn write_log(&mut self) {
        let is_long = |line: &Line| line.session.waiting_log_bytes() > LOG_PIECE_BYTES;
        if self.lines.iter().any(is_long) && self.hand_on_held() {
            let jobs = self.lines.iter_mut().enumerate().map(|(target, line)| Job {
                target,
                pages: line.session.take_log(),
                ..Job::default()
            });
            let jobs = jobs.collect();
            self.held = self.writer.try_write(jobs).err().unwrap_or_default();
        }
    }

    fn hand_on_held(&mut self) -> bool {
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.held = self.writer.try_write(held).err().unwrap_or_default();
        }
        self.held.is_empty()
    }

    fn jobs(&mut self, now: Anchor, is_end: bool) -> Vec<Job> {
        let is_drawing = self.outputs.has_charts
            && (is_end || self.drawn_at.is_none_or(|at| now.mono.since(at) >= DRAW_EVERY));
        if is_drawing && self.lines.iter().any(|line| !line.session.kept().is_empty()) {
            self.drawn_at = Some(now.mono);
        }
        let mut jobs = Vec::new();
        for (target, line) in self.lines.iter_mut().enumerate() {
            let episodes = self.monitor.outage_rows(line.id).map(|row| OutageInput {
                from: row.from,
                to: row.to,
                duration: Duration::from_nanos(row.duration_ns),
                sent: row.sent,
                lost: row.lost,
            });
            let json = self
                .outputs
                .has_json
                .then(|| json_document(&line.session, now, is_end, episodes.collect()));
            jobs.push(Job {
                target,
                pages: line.session.pages(now, is_end),
                json,
                picture: is_drawing
                    .then(|| picture(&line.session, now).map(Box::new))
                    .flatten(),
            });
        }
        jobs
    }

    /// Ends the session: the rows that are left, every file, the summary.
    ///
    /// # Errors
    ///
    /// Files that could not be finished.
    pub(super) fn finish(mut self, now: Anchor, reader: Reader) -> Result<Exit> {
        self.monitor.finish(now, &mut self.effects);
        for line in &mut self.lines {
            line.session.close_all();
        }
        self.tell(now);
        let jobs = self.jobs(now, true);
        let held = std::mem::take(&mut self.held);
        let printed = match reader {
            Reader::There => self.print_rows(),
            Reader::Gone => Reader::Gone,
        };
        let summary = self.summary(now);
        let written = self.writer.finish(held.into_iter().chain(jobs).collect());
        if printed == Reader::There {
            for text in summary {
                if say::to_stdout(&text) == Reader::Gone {
                    break;
                }
            }
        }
        if let Some(alerts) = self.alerts {
            alerts.finish(ALERTS_GRACE);
        }
        match written.trouble {
            Some(words) => Err(incomplete(&words, written.lines_dropped).into()),
            None if written.lines_dropped > 0 => {
                Err(incomplete("the files of the session have holes", written.lines_dropped).into())
            }
            None => Ok(Exit::Ok),
        }
    }

    /// SIGUSR1: the summary so far, beside the output.
    fn print_statistics(&self, now: Anchor) {
        for text in self.summary(now) {
            say::to_stderr(&text);
        }
    }

    fn summary(&self, now: Anchor) -> Vec<String> {
        let blocks = self.lines.iter().map(|line| {
            let session = &line.session;
            let outages = session.outages().iter().map(as_episode).collect();
            let input = session.summary(now, outages);
            let mut lines = vec![String::new()];
            lines.extend(text::summary_block(&input, self.language));
            if let Some(achieved) = session.achieved() {
                lines.extend(achieved.lines(self.language));
            }
            lines.extend(late_line(input.counts.late, session.facts(), self.language));
            lines.join("\n")
        });
        blocks.collect()
    }
}

/// The number of S3's outages is what the summary counts.
fn as_episode(outage: &SecondOutage) -> OutageInput {
    let second = Duration::from_secs(1);
    OutageInput {
        from: outage.from,
        to: Some(outage.to.plus(second)),
        duration: second * u32::try_from(outage.seconds()).unwrap_or(u32::MAX),
        sent: outage.sent,
        lost: outage.loss().failed,
    }
}

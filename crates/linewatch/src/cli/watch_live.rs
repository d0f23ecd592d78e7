//! Fills the terminal view of `watch` from what the engine and the monitor say.

use std::collections::HashMap;

use linewatch_core::monitor::Effect;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::{Method, Target, TargetId};
use linewatch_core::time::WallTime;
use linewatch_core::view::TargetView;
use linewatch_render::text::printable;
use linewatch_render::words::duration_text;

use crate::term::{EventLine, Fleet, LastProbe, Row, Sample};

/// What is shown, and whose name belongs to which event.
#[derive(Debug, Default)]
pub(super) struct Live {
    fleet: Fleet,
    names: HashMap<TargetId, String>,
}

impl Live {
    /// What is shown.
    pub(super) const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The same, for what the monitor does not know.
    pub(super) const fn fleet_mut(&mut self) -> &mut Fleet {
        &mut self.fleet
    }

    /// A target of the run.
    pub(super) fn add_target(&mut self, target: &Target) {
        let mut row = Row::new(target.id.0, &target.name, &target.name, &target.address_text());
        row.method = method_text(target.method, target.plan.interval);
        row.interval = target.plan.interval;
        self.fleet.rows.push(row);
        self.names.insert(target.id, printable(&target.name));
    }

    /// One is not to be seen any more; its events are.
    pub(super) fn remove_target(&mut self, id: TargetId) {
        self.fleet.rows.retain(|row| row.key != id.0);
    }

    /// Finished probes.
    pub(super) fn take(&mut self, batch: &RecordBatch) {
        for record in &batch.records {
            let Some(row) = self.fleet.row_mut(record.target.0) else {
                continue;
            };
            let last = LastProbe {
                at: batch.anchor.wall_at(record.sent_at),
                outcome: record.outcome,
                rtt: record.rtt,
                host_rtt: record.host_rtt,
            };
            let sample = Sample::of_probe(last.at, last.outcome, last.rtt, last.host_rtt);
            row.add(last, &sample);
        }
    }

    /// What came of them, as of `now`.
    pub(super) fn note(&mut self, effects: &[Effect], now: WallTime) {
        self.fleet.now = now;
        for effect in effects {
            match effect {
                Effect::Views(views) => views.iter().for_each(|view| self.show(view)),
                Effect::Event(event) => self.fleet.note(EventLine {
                    id: event.id.to_string(),
                    at: event.at,
                    kind: event.kind,
                    severity: event.severity,
                    is_over: event.until.is_some_and(|until| until != event.at),
                    target: event.target.and_then(|id| self.names.get(&id).cloned()),
                    message: printable(&event.message),
                }),
                Effect::Outage(_) | Effect::Break(_) => {}
            }
        }
    }

    fn show(&mut self, view: &TargetView) {
        let Some(row) = self.fleet.row_mut(view.id.0) else {
            return;
        };
        row.state = view.state;
        row.reasons = view.state_reasons.iter().map(ToString::to_string).collect();
        row.error = view.error.as_ref().map(|error| printable(error.text()));
        row.grade = view.grade;
        row.since = Some(if row.status().is_some() {
            view.grade_since
        } else {
            view.state_since
        });
        let window = &view.window;
        row.p50 = window.rtt.map(|rtt| rtt.p50);
        row.p95 = window.rtt.map(|rtt| rtt.p95);
        row.jitter = window.jitter;
        row.loss_ppm = window.loss.ppm();
        row.failed_of = Some((window.loss.failed, window.loss.finished));
        row.rto = window.rto;
    }
}

/// `ICMP 1 s`, `TCP :443 250 ms`.
fn method_text(method: Method, interval: std::time::Duration) -> String {
    let word = method.word().to_uppercase();
    let every = spaced(&duration_text(interval));
    match method.port() {
        Some(port) => format!("{word} :{port} {every}"),
        None => format!("{word} {every}"),
    }
}

/// `250ms` as `250 ms`.
pub(super) fn spaced(length: &str) -> String {
    let split = length.find(|letter: char| !letter.is_ascii_digit());
    split.map_or_else(
        || length.to_owned(),
        |at| format!("{} {}", &length[..at], &length[at..]),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_method_is_said_with_its_port_and_interval() {
        let text = |method, ms| method_text(method, Duration::from_millis(ms));
        assert_eq!(text(Method::IcmpEcho, 1_000), "ICMP 1 s");
        assert_eq!(text(Method::TcpConnect { port: 443 }, 250), "TCP :443 250 ms");
    }
}

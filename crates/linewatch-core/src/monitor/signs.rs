//! Counts what advice is made of, for the targets that have something of it: late replies, and late sends.
//!
//! A target without either costs a pointer. The newest lost probes are remembered one by one, so that each is counted
//! once, by what became of it. Not here: what follows (`advice`).

use std::collections::VecDeque;
use std::time::Duration;

use crate::advice::{LateShare, Signs, lateness_limit};
use crate::limits;
use crate::record::{Outcome, ProbeRecord, Stray, StrayKind};
use crate::time::{MonoTime, Rtt};
use crate::view::WindowView;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SignKeeper(Option<Box<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// In the order in which they were found lost; none while no reply came late.
    losses: VecDeque<Loss>,
    /// Lateness has been too much since.
    late_sends_since: Option<MonoTime>,
}

#[derive(Debug)]
struct Loss {
    seq: u64,
    sent_at: MonoTime,
    /// Of its late reply.
    delay: Option<Rtt>,
}

impl SignKeeper {
    /// Another plan: what was counted under the old one says nothing about it.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }

    pub(super) fn on_record(&mut self, record: &ProbeRecord) {
        let Some(kept) = &mut self.0 else { return };
        if record.outcome == Outcome::Lost && !kept.losses.is_empty() {
            kept.push(Loss {
                seq: record.seq,
                sent_at: record.sent_at,
                delay: None,
            });
        }
    }

    pub(super) fn on_stray(&mut self, stray: &Stray) {
        let (StrayKind::Late, Some(_)) = (stray.kind, stray.delay) else {
            return;
        };
        let kept = self.0.get_or_insert_default();
        // Its probe was lost not long ago: looked for from the end.
        if let Some(loss) = kept.losses.iter_mut().rev().find(|loss| loss.seq == stray.seq) {
            loss.delay = stray.delay;
            return;
        }
        let is_forgotten = kept.losses.len() == limits::ADVICE_LOSSES
            && kept.losses.front().is_some_and(|first| stray.seq < first.seq);
        if !is_forgotten {
            kept.push(Loss {
                seq: stray.seq,
                sent_at: stray.sent_at,
                delay: stray.delay,
            });
        }
    }

    /// Looks at the lateness and forgets what is old, once a second.
    pub(super) fn tick(&mut self, figures: &WindowView, interval: Duration, now: MonoTime) {
        let is_late = figures
            .lateness_p99
            .is_some_and(|p99| p99 > lateness_limit(interval));
        if is_late {
            self.0.get_or_insert_default().late_sends_since.get_or_insert(now);
        }
        let Some(kept) = &mut self.0 else { return };
        if !is_late {
            kept.late_sends_since = None;
        }
        let is_old = |loss: &Loss| now.since(loss.sent_at) > limits::ADVICE_AGE;
        while kept.losses.front().is_some_and(is_old) {
            kept.losses.pop_front();
        }
        if kept.losses.is_empty() && kept.late_sends_since.is_none() {
            self.0 = None;
        }
    }

    /// What was counted so far.
    pub(super) fn signs(&self, figures: &WindowView, now: MonoTime) -> Signs {
        let Some(kept) = &self.0 else {
            return Signs::default();
        };
        let has_lasted = |since: MonoTime| now.since(since) >= limits::ADVICE_LATENESS_TIME;
        Signs {
            late: kept.late_share(),
            lateness_p99: figures
                .lateness_p99
                .filter(|_| kept.late_sends_since.is_some_and(has_lasted)),
        }
    }
}

impl Kept {
    fn push(&mut self, loss: Loss) {
        if self.losses.len() == limits::ADVICE_LOSSES {
            self.losses.pop_front();
        }
        self.losses.push_back(loss);
    }

    fn late_share(&self) -> Option<LateShare> {
        let mut delays: Vec<Rtt> = self.losses.iter().filter_map(|loss| loss.delay).collect();
        delays.sort_unstable();
        // The smallest value with F(x) >= 0.95 (MEASURING.md).
        let rank = (delays.len() * 95).div_ceil(100).max(1);
        let p95 = Duration::from_nanos(delays.get(rank - 1)?.as_nanos());
        let within = rounded_up(p95);
        let came = delays
            .iter()
            .filter(|delay| Duration::from_nanos(delay.as_nanos()) <= within);
        Some(LateShare {
            lost: self.losses.len() as u32,
            late: delays.len() as u32,
            came: came.count() as u32,
            within,
            p95,
        })
    }
}

/// To two digits of microseconds, so that a person reads "80 ms" and it is true of what was counted.
fn rounded_up(length: Duration) -> Duration {
    let us = u64::try_from(length.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX);
    let step = 10_u64.pow(us.max(1).ilog10().saturating_sub(1));
    Duration::from_micros(us.div_ceil(step).saturating_mul(step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cause, Class};
    use crate::target::TargetId;

    const SECOND: u64 = 1_000_000_000;

    fn lost(seq: u64) -> ProbeRecord {
        let sent_at = MonoTime::from_nanos(seq * SECOND);
        ProbeRecord {
            target: TargetId(1),
            seq,
            due_at: sent_at,
            sent_at,
            outcome: Outcome::Lost,
            rtt: None,
            host_rtt: None,
            class: Class::K,
            cause: Cause::None,
            is_reordered: false,
        }
    }

    fn late(seq: u64, millis: u64) -> Stray {
        Stray {
            target: TargetId(1),
            seq,
            kind: StrayKind::Late,
            sent_at: MonoTime::from_nanos(seq * SECOND),
            delay: Some(Rtt::from_nanos(millis * 1_000_000)),
        }
    }

    /// One letter a lost probe: `.` never answered, `l` answered after 50 ms and one more for each before it.
    fn told(story: &str) -> SignKeeper {
        let mut keeper = SignKeeper::default();
        for (seq, letter) in (0..).zip(story.chars()) {
            keeper.on_record(&lost(seq));
            if letter == 'l' {
                keeper.on_stray(&late(seq, 50 + seq));
            }
        }
        keeper
    }

    #[track_caller]
    fn check(story: &str, expected: Option<(u32, u32, u64)>) {
        let share = told(story).signs(&WindowView::default(), MonoTime::ZERO).late;
        let share = share.map(|share| (share.lost, share.late, share.p95.as_millis() as u64));
        assert_eq!(share, expected, "{story}");
    }

    #[test]
    fn each_lost_probe_is_counted_once_from_the_first_late_reply_on() {
        check("....", None);
        check("l", Some((1, 1, 50)));
        check("..l.l.", Some((4, 2, 54)));
        check(&"l".repeat(20), Some((20, 20, 68)));
        // Of more than are kept the newest count.
        check(&"l".repeat(70), Some((64, 64, 116)));
        check(&format!("l{}", ".".repeat(64)), None);
    }

    #[test]
    fn a_reply_to_a_forgotten_probe_is_not_counted_again() {
        let mut keeper = told(&"l".repeat(70));
        keeper.on_stray(&late(2, 900));
        let share = keeper.signs(&WindowView::default(), MonoTime::ZERO).late;
        assert_eq!(share.map(|share| share.p95), Some(Duration::from_millis(116)));
    }

    #[test]
    fn what_is_an_hour_old_is_forgotten_and_costs_nothing_more() {
        let mut keeper = told("ll");
        let interval = Duration::from_secs(1);
        let at = |seconds: u64| MonoTime::from_nanos(seconds * SECOND);
        keeper.tick(&WindowView::default(), interval, at(3_600));
        assert!(keeper.0.is_some());
        keeper.tick(&WindowView::default(), interval, at(3_602));
        assert!(keeper.0.is_none());
    }

    #[test]
    fn late_sends_are_a_sign_after_a_minute_without_a_break() {
        let check = |p99_ms: u64, interval_ms: u64, expected: &str| {
            let mut keeper = SignKeeper::default();
            let figures = WindowView {
                lateness_p99: Some(Duration::from_millis(p99_ms)),
                ..WindowView::default()
            };
            let shown = [0, 30, 60, 61].map(|second| {
                let now = MonoTime::from_nanos(second * SECOND);
                keeper.tick(&figures, Duration::from_millis(interval_ms), now);
                let is_sign = keeper.signs(&figures, now).lateness_p99.is_some();
                if is_sign { 'x' } else { '.' }
            });
            assert_eq!(
                shown.iter().collect::<String>(),
                expected,
                "{p99_ms} of {interval_ms}"
            );
            let fine = WindowView::default();
            keeper.tick(
                &fine,
                Duration::from_millis(interval_ms),
                MonoTime::from_nanos(62 * SECOND),
            );
            assert!(keeper.0.is_none());
        };
        check(8, 10, "..xx");
        check(5, 10, "....");
        check(8, 1_000, "....");
        check(101, 1_000, "..xx");
    }

    #[test]
    fn a_length_is_rounded_up_to_two_digits() {
        for (us, expected) in [
            (78_200, 79_000),
            (80_000, 80_000),
            (80_001, 81_000),
            (7, 7),
            (1_390_001, 1_400_000),
        ] {
            assert_eq!(
                rounded_up(Duration::from_micros(us)),
                Duration::from_micros(expected),
                "{us}"
            );
        }
    }
}

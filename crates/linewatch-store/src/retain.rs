//! Decides what is too old, and in which order room is made; deletes it in short turns.
//!
//! A sweep looks first (the oldest and newest of each kind) and deletes then. Two reasons to delete: its time is over,
//! or there is no room; the second gives up a sixteenth of the least worthy kind at a time. Nothing is believed of
//! the calendar until it has gone on normally for an hour: before that nothing is too old.
//! Open rollups, unsealed samples and what still goes on are never touched.

use std::time::Duration;

use linewatch_core::port::Clock;
use linewatch_core::rollup::Resolution;
use linewatch_core::time::{MonoTime, WallTime};
use rusqlite::Connection;

use crate::sqlite::retain::{Kind, delete_doubles, delete_some, ends, next_series};
use crate::sqlite::write::meta_number;

/// The writer's time for one turn, its commit not counted: with that it stays below 50 ms.
const TURN: Duration = Duration::from_millis(20);
/// Steps of one turn, should the clock stand still.
const TURN_STEPS: usize = 2_000;
/// Of them for doubles: 32,000 rows are more than any second brings one by one.
const DOUBLES_STEPS: usize = 16;
/// From one sweep to the next. What is ten minutes too old does not matter to limits of hours and days.
const REST: Duration = Duration::from_secs(600);
/// A calendar that moves by more than this beside the monotonic clock has been set.
const JUMP: Duration = Duration::from_secs(3600);
/// A calendar is believed after so long without a jump, in this run: a wrong clock at boot is set right in minutes.
const TRUST: Duration = Duration::from_secs(3600);
/// More than one part in so many that a calendar would delete which is not believed is told (SAFETY T19). Less is the rule after
/// every start. (It cannot be the bound of what is deleted: one row from ten years ahead makes any other a small part.)
const DOUBTFUL_PART: i128 = 10;
/// Without room, one part in so many of a kind goes at a time.
const PRESSED_PART: i128 = 16;
/// And at least so much.
const PRESSED_MIN: Duration = Duration::from_secs(600);
const KINDS: usize = Kind::ALL.len();

/// How long each kind is kept; `None`: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Single samples.
    pub raw: Option<Duration>,
    /// Rollups per second.
    pub seconds: Option<Duration>,
    /// Rollups per minute.
    pub minutes: Option<Duration>,
    /// Rollups per ten minutes.
    pub ten_minutes: Option<Duration>,
    /// Rollups per hour.
    pub hours: Option<Duration>,
    /// Outages.
    pub outages: Option<Duration>,
    /// Events.
    pub events: Option<Duration>,
    /// Log lines.
    pub logs: Option<Duration>,
}

impl Retention {
    fn of(&self, kind: Kind) -> Option<Duration> {
        match kind {
            Kind::Raw => self.raw,
            Kind::Tier(Resolution::Second) => self.seconds,
            Kind::Tier(Resolution::Minute) => self.minutes,
            Kind::Tier(Resolution::TenMinutes) => self.ten_minutes,
            Kind::Tier(Resolution::Hour) => self.hours,
            Kind::Outages => self.outages,
            Kind::Events => self.events,
            Kind::Logs => self.logs,
            // A hole is worth as much as the longest line it can be drawn in.
            Kind::Gaps => {
                let lines = [self.raw, self.seconds, self.minutes, self.ten_minutes, self.hours];
                lines.into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()
            }
        }
    }
}

/// How much room is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// There is enough.
    None,
    /// Samples are given up for it, which live on in the rollups.
    Samples,
    /// Whatever it takes.
    Any,
}

impl Pressure {
    /// So many of [`Kind::ALL`] may be given up.
    const fn kinds(self) -> usize {
        match self {
            Self::None => 0,
            Self::Samples => 1,
            Self::Any => KINDS,
        }
    }
}

/// The oldest and the newest of one kind.
type Span = Option<(WallTime, WallTime)>;

/// Where a sweep is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    kind: usize,
    /// The last series that is done.
    series: i64,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Rest { until: MonoTime },
    Look(Place),
    Delete(Place),
}

/// What a turn came to.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Rows deleted.
    pub(crate) deleted: usize,
    /// A look was finished: what it found is in [`Retainer::oldest`].
    pub(crate) has_looked: bool,
    /// What was not deleted although its time is over, in a sentence; told once.
    pub(crate) held: Option<String>,
}

/// Deletes, turn by turn.
#[derive(Debug)]
pub(crate) struct Retainer {
    retention: Retention,
    stage: Stage,
    found: [Span; KINDS],
    /// Delete what is older, of each kind.
    before: [Option<WallTime>; KINDS],
    /// Kinds from this one on are given up next, when there is no room.
    pressed_from: usize,
    /// Rows deleted for lack of room in this sweep.
    pressed_deleted: usize,
    /// Calendar minus monotonic time, suspensions included.
    offset_ns: Option<i64>,
    /// Since when the calendar has been normal, on the monotonic clock with suspensions.
    normal_since: Duration,
    is_held: bool,
}

impl Retainer {
    /// Begins with a look.
    pub(crate) fn new(retention: Retention) -> Self {
        Self {
            retention,
            stage: Stage::Look(Place::default()),
            found: [None; KINDS],
            before: [None; KINDS],
            pressed_from: 0,
            pressed_deleted: 0,
            offset_ns: None,
            normal_since: Duration::ZERO,
            is_held: false,
        }
    }

    /// From now on it is kept so long. What was learned of the calendar stays.
    pub(crate) fn set_retention(&mut self, retention: Retention) {
        if self.retention != retention {
            self.retention = retention;
            self.stage = Stage::Look(Place::default());
        }
    }

    /// The oldest of each kind there is, as of the last whole look.
    pub(crate) fn oldest(&self) -> Vec<(&'static str, WallTime)> {
        let all = Kind::ALL.into_iter().zip(self.found);
        all.filter_map(|(kind, span)| Some((kind.word(), span?.0)))
            .collect()
    }

    /// Works for a moment, in one transaction.
    ///
    /// # Errors
    ///
    /// SQLite's; nothing of this turn is deleted then, and the next turn tries again.
    pub(crate) fn turn(
        &mut self,
        connection: &mut Connection,
        clock: &dyn Clock,
        pressure: Pressure,
    ) -> rusqlite::Result<Turn> {
        let is_pressed = pressure != Pressure::None;
        self.watch_calendar(clock);
        let mut turn = Turn::default();
        if let Stage::Rest { until } = self.stage {
            if clock.mono() < until && !is_pressed {
                return Ok(turn);
            }
            self.stage = Stage::Look(Place::default());
        }
        if !is_pressed {
            self.pressed_from = 0;
        }
        let end_at = clock.mono().plus(TURN);
        let stage = self.stage;
        // Deferred: a turn that only looks commits nothing and costs no write.
        let transaction = connection.transaction()?;
        let sealed_below = meta_number(&transaction, "sealed_below")?.unwrap_or(0);
        let worked = self.work(&transaction, clock, (pressure, sealed_below, end_at), &mut turn);
        if let Err(error) = worked.and_then(|()| transaction.commit()) {
            self.stage = stage;
            return Err(error);
        }
        Ok(turn)
    }

    fn work(
        &mut self,
        connection: &Connection,
        clock: &dyn Clock,
        (pressure, sealed_below, end_at): (Pressure, i64, MonoTime),
        turn: &mut Turn,
    ) -> rusqlite::Result<()> {
        if pressure != Pressure::None {
            // Doubles first: they cost nothing but convenience.
            for _ in 0..DOUBLES_STEPS {
                let deleted = delete_doubles(connection, sealed_below)?;
                turn.deleted += deleted;
                if deleted == 0 || clock.mono() >= end_at {
                    break;
                }
            }
            if turn.deleted > 0 {
                return Ok(());
            }
        }
        for _ in 0..TURN_STEPS {
            match self.stage {
                Stage::Rest { .. } => break,
                Stage::Look(place) => self.look(connection, place)?,
                Stage::Delete(place) => turn.deleted += self.delete(connection, place, sealed_below)?,
            }
            match self.stage {
                Stage::Look(place) if place.kind == KINDS => {
                    turn.has_looked = true;
                    turn.held = self.judge(clock.wall(), pressure, self.is_trusted(clock));
                    self.stage = Stage::Delete(Place::default());
                }
                Stage::Delete(place) if place.kind == KINDS => {
                    self.end_sweep(clock.mono(), pressure);
                    break;
                }
                _ => {}
            }
            if clock.mono() >= end_at {
                break;
            }
        }
        Ok(())
    }

    /// One step of looking.
    fn look(&mut self, connection: &Connection, place: Place) -> rusqlite::Result<()> {
        let kind = Kind::ALL[place.kind];
        if place.series == 0 {
            self.found[place.kind] = None;
        }
        let next = if kind.is_by_series() {
            next_series(connection, place.series)?
        } else {
            (place.series == 0).then_some(1)
        };
        let Some(series) = next else {
            self.stage = Stage::Look(Place {
                kind: place.kind + 1,
                series: 0,
            });
            return Ok(());
        };
        if let Some((oldest, newest)) = ends(connection, kind, series)? {
            let span = &mut self.found[place.kind];
            let (first, last) = span.unwrap_or((oldest, newest));
            *span = Some((first.min(oldest), last.max(newest)));
        }
        self.stage = Stage::Look(Place {
            kind: place.kind,
            series,
        });
        Ok(())
    }

    /// One step of deleting; how many rows.
    fn delete(
        &mut self,
        connection: &Connection,
        place: Place,
        sealed_below: i64,
    ) -> rusqlite::Result<usize> {
        let kind = Kind::ALL[place.kind];
        let next_kind = Stage::Delete(Place {
            kind: place.kind + 1,
            series: 0,
        });
        let Some(before) = self.before[place.kind] else {
            self.stage = next_kind;
            return Ok(0);
        };
        let next = if kind.is_by_series() {
            next_series(connection, place.series)?
        } else {
            (place.series == 0).then_some(1)
        };
        let Some(series) = next else {
            self.stage = next_kind;
            return Ok(0);
        };
        let deleted = delete_some(connection, kind, series, before, sealed_below)?;
        if deleted == 0 {
            self.stage = Stage::Delete(Place {
                kind: place.kind,
                series,
            });
        }
        self.pressed_deleted += deleted;
        Ok(deleted)
    }

    /// Decides what goes, from what was found.
    fn judge(&mut self, now: WallTime, pressure: Pressure, is_trusted: bool) -> Option<String> {
        let mut held = Vec::new();
        self.pressed_deleted = 0;
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            self.before[index] = None;
            let (Some((oldest, newest)), Some(kept)) = (self.found[index], self.retention.of(kind)) else {
                continue;
            };
            let before = now.minus(kept);
            if before <= oldest {
                continue;
            }
            let expired = nanos(oldest, before).min(nanos(oldest, newest));
            if is_trusted {
                self.before[index] = Some(before);
            } else if expired * DOUBTFUL_PART > nanos(oldest, newest) {
                held.push(kind.word());
            }
        }
        self.press(pressure);
        let is_new = !self.is_held;
        self.is_held = !held.is_empty();
        (is_new && self.is_held).then(|| {
            format!(
                "retention waits: by the calendar more than a tenth of {} is too old at once; it is deleted when the \
                 clock has run without a jump for an hour, and kept if the clock is set back before",
                held.join(", ")
            )
        })
    }

    /// Gives up the oldest part of the least worthy kind that has any.
    fn press(&mut self, pressure: Pressure) {
        for index in self.pressed_from..pressure.kinds() {
            let Some((oldest, newest)) = self.found[index] else {
                continue;
            };
            self.pressed_from = index;
            let part = nanos(oldest, newest) / PRESSED_PART;
            let part = part.max(PRESSED_MIN.as_nanos() as i128);
            let part = Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX));
            let before = oldest.plus(part);
            let wanted = &mut self.before[index];
            *wanted = Some(wanted.map_or(before, |by_age| by_age.max(before)));
            return;
        }
    }

    fn end_sweep(&mut self, now: MonoTime, pressure: Pressure) {
        if self.pressed_from < pressure.kinds() {
            // What cannot be deleted (it is needed still) must not keep the next kind from being asked.
            if self.pressed_deleted == 0 {
                self.pressed_from += 1;
            }
            self.stage = Stage::Look(Place::default());
        } else {
            self.pressed_from = 0;
            self.stage = Stage::Rest {
                until: now.plus(REST),
            };
        }
    }

    fn watch_calendar(&mut self, clock: &dyn Clock) {
        let anchor = clock.anchor();
        let elapsed = elapsed(anchor.mono, clock);
        let offset_ns = anchor
            .wall
            .as_nanos()
            .saturating_sub(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX));
        let jump = self
            .offset_ns
            .map_or(0, |before| offset_ns.saturating_sub(before).unsigned_abs());
        if self.offset_ns.is_none() || Duration::from_nanos(jump) > JUMP {
            self.normal_since = elapsed;
            // What was decided by the other calendar is decided anew.
            self.stage = Stage::Look(Place::default());
        }
        self.offset_ns = Some(offset_ns);
    }

    fn is_trusted(&self, clock: &dyn Clock) -> bool {
        elapsed(clock.mono(), clock).saturating_sub(self.normal_since) >= TRUST
    }
}

/// Suspensions included: the calendar goes on in them.
fn elapsed(mono: MonoTime, clock: &dyn Clock) -> Duration {
    Duration::from_nanos(mono.as_nanos()).saturating_add(clock.asleep())
}

/// Nanoseconds from one moment to a later one; 0 if it is not later.
fn nanos(from: WallTime, to: WallTime) -> i128 {
    (i128::from(to.as_nanos()) - i128::from(from.as_nanos())).max(0)
}

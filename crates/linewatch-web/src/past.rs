//! Keeps what the overview says of a span of history: the sums of every target, and the strip of 24 hours.
//!
//! One question to the store tells all targets; it is asked anew when the answer is older than a few seconds, or than
//! twenty times what it took. Who comes meanwhile waits for the same answer. A target that had several series (other
//! addresses, other methods) is all of them. Not here: what a request means (`routes::overview`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linewatch_core::limits::API_ROWS;
use linewatch_core::past::{SeriesSum, Stretch, SumQuery};
use linewatch_core::port::{History, HistoryError, RowQuery};
use linewatch_core::rollup::floor;
use linewatch_core::target::{TargetId, Thresholds};
use linewatch_core::time::{MonoTime, WallTime};
use linewatch_core::view::Grade;

use crate::respond::Refusal;
use crate::routes::App;

/// Cells of the strip: half an hour each.
const STRIP_CELLS: usize = 48;
const STRIP_CELL: Duration = Duration::from_secs(30 * 60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The code of a cell with an outage.
const OUTAGE: u8 = 6;
/// An answer is kept so long: the page asks every 30 s, and several pages share one.
const KEPT_MIN: Duration = Duration::from_secs(5);
/// And at most so long, however long it took.
const KEPT_MAX: Duration = Duration::from_secs(120);
/// A thread that does nothing else spends a twentieth of its time on it.
const KEPT_COSTS: u32 = 20;
/// Spans kept at once: the three of the page, and some people's own.
const SPANS_KEPT: usize = 16;

/// The period of an overview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Period {
    /// So long until now.
    Last { word: &'static str, length: Duration },
    /// From one instant to another.
    Custom { from: WallTime, to: WallTime },
}

impl Period {
    /// The last 24 hours.
    pub(crate) const DAY: Self = Self::Last {
        word: "24h",
        length: DAY,
    };

    /// The periods that have a name.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let days = match word {
            "24h" => return Some(Self::DAY),
            "7d" => ("7d", 7),
            "30d" => ("30d", 30),
            _ => return None,
        };
        Some(Self::Last {
            word: days.0,
            length: DAY * days.1,
        })
    }

    /// The word used in every interface.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Last { word, .. } => word,
            Self::Custom { .. } => "custom",
        }
    }

    /// Begin and end, as of `now`: time that has not been yet is no part of it.
    pub(crate) fn span(self, now: WallTime) -> (WallTime, WallTime) {
        match self {
            Self::Last { length, .. } => (now.minus(length), now),
            Self::Custom { from, to } => (from, to.min(now).max(from)),
        }
    }
}

/// What a span of history says, by the id of the target.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) from: WallTime,
    pub(crate) to: WallTime,
    pub(crate) sums: HashMap<String, SeriesSum>,
    /// Of the last 24 hours, whatever the span: one code a cell, 0 no data, 1 to 5 the grades, 6 an outage.
    pub(crate) strips: HashMap<String, [u8; STRIP_CELLS]>,
}

impl Past {
    /// How long the span is.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.to.nanos_after(self.from)).unwrap_or(0))
    }
}

/// An answer, when it was made, and how long it is good.
type Kept = Option<(Arc<Past>, MonoTime, Duration)>;

/// The newest answers.
#[derive(Debug, Default)]
pub(crate) struct PastCache {
    spans: Mutex<HashMap<Period, Arc<tokio::sync::Mutex<Kept>>>>,
}

impl PastCache {
    /// The place of a period. The lock inside is held while it is being asked.
    fn place(&self, period: Period) -> Arc<tokio::sync::Mutex<Kept>> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() >= SPANS_KEPT && !spans.contains_key(&period) {
            // Anything is asked anew within seconds: no order is worth keeping.
            spans.retain(|_, place| Arc::strong_count(place) > 1);
        }
        Arc::clone(spans.entry(period).or_default())
    }
}

/// The history of a period, of every target there is.
pub(crate) async fn ask(app: Arc<App>, period: Period) -> Result<Arc<Past>, Refusal> {
    let place = app.past.place(period);
    let mut kept = place.lock().await;
    let asked_at = app.clock.mono();
    if let Some((past, at, good_for)) = kept.as_ref()
        && asked_at.since(*at) < *good_for
    {
        return Ok(Arc::clone(past));
    }
    let targets = {
        let state = app.hub.state();
        let members = state.members();
        members
            .map(|member| {
                let target = &member.entry.target;
                (target.slug.clone(), (target.id, target.thresholds))
            })
            .collect::<HashMap<_, _>>()
    };
    let now = app.clock.wall();
    let past = app
        .ask_history(move |history| read(history, &targets, period, now))
        .await?;
    let past = Arc::new(past);
    let done_at = app.clock.mono();
    let good_for = (done_at.since(asked_at) * KEPT_COSTS).clamp(KEPT_MIN, KEPT_MAX);
    *kept = Some((Arc::clone(&past), done_at, good_for));
    Ok(past)
}

fn read(
    history: &dyn History,
    targets: &HashMap<String, (TargetId, Thresholds)>,
    period: Period,
    now: WallTime,
) -> Result<Past, HistoryError> {
    // A series of this run is told even if the store does not name it yet.
    let mut slugs: HashMap<TargetId, &str> = targets
        .iter()
        .map(|(slug, (id, _))| (*id, slug.as_str()))
        .collect();
    for stored in history.targets()? {
        if let Some((slug, _)) = targets.get_key_value(&stored.slug) {
            slugs.entry(stored.id).or_insert(slug);
        }
    }
    let series: Vec<TargetId> = slugs.keys().copied().collect();
    let (from, to) = period.span(now);
    let mut sums = HashMap::<String, SeriesSum>::new();
    for (id, sum) in history.sums(&SumQuery {
        targets: series.clone(),
        from,
        to,
    })? {
        if let Some(slug) = slugs.get(&id) {
            sums.entry((*slug).to_owned()).or_default().merge(&sum);
        }
    }
    let first = floor(now, STRIP_CELL).minus(STRIP_CELL * (STRIP_CELLS as u32 - 1));
    let stretches = history.stretches(&SumQuery {
        targets: series,
        from: first,
        to: now,
    })?;
    let mut strips = strips(&stretches, &slugs, targets, first);
    let begun_in_it = RowQuery {
        targets: Some(slugs.keys().copied().collect()),
        kind: None,
        severity: None,
        level: None,
        from: Some(first),
        to: None,
        before: None,
        limit: API_ROWS,
    };
    for outage in history.outages(&begun_in_it)? {
        let Some(cells) = slugs.get(&outage.target).and_then(|slug| strips.get_mut(*slug)) else {
            continue;
        };
        let end = outage
            .to
            .unwrap_or_else(|| outage.from.plus(Duration::from_nanos(outage.duration_ns)));
        let inside = cell_of(first, outage.from)..=cell_of(first, end).min(STRIP_CELLS - 1);
        cells
            .get_mut(inside)
            .into_iter()
            .flatten()
            .for_each(|cell| *cell = OUTAGE);
    }
    Ok(Past {
        from,
        to,
        sums,
        strips,
    })
}

/// Which cell of a strip that begins at `first` holds an instant; beyond the last there are more.
fn cell_of(first: WallTime, at: WallTime) -> usize {
    let since_ns = u64::try_from(at.nanos_after(first)).unwrap_or(0);
    usize::try_from(u128::from(since_ns) / STRIP_CELL.as_nanos()).unwrap_or(usize::MAX)
}

fn strips(
    stretches: &[Stretch],
    slugs: &HashMap<TargetId, &str>,
    targets: &HashMap<String, (TargetId, Thresholds)>,
    first: WallTime,
) -> HashMap<String, [u8; STRIP_CELLS]> {
    let mut strips = HashMap::<String, [u8; STRIP_CELLS]>::new();
    for stretch in stretches {
        let known = slugs.get(&stretch.target).copied();
        let Some((slug, (_, thresholds))) = known.and_then(|slug| targets.get_key_value(slug)) else {
            continue;
        };
        let cells = strips.entry(slug.clone()).or_insert([0; STRIP_CELLS]);
        if let Some(cell) = cells.get_mut(cell_of(first, stretch.from)) {
            *cell = (*cell).max(level(stretch, thresholds));
        }
    }
    strips
}

/// The grade of the mean as 1 to 5, raised where packets were lost: a cell must not look well that was not.
fn level(stretch: &Stretch, thresholds: &Thresholds) -> u8 {
    let Some(ratio) = stretch.loss.ratio() else {
        return 0;
    };
    let of_delay = match stretch.avg.map(|avg| thresholds.grades.grade(avg)) {
        Some(Grade::Excellent) => 1,
        Some(Grade::Good) => 2,
        Some(Grade::Fair) => 3,
        Some(Grade::Poor) => 4,
        Some(Grade::Critical) => 5,
        None => 0,
    };
    let of_loss = match ratio {
        _ if stretch.loss.failed == stretch.loss.finished => OUTAGE,
        _ if ratio >= thresholds.outage.loss_ratio => 5,
        _ if ratio >= thresholds.warn.loss => 4,
        _ if ratio >= thresholds.ok.loss => 3,
        _ => 1,
    };
    of_delay.max(of_loss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linewatch_core::record::Loss;
    use linewatch_core::time::Rtt;

    #[track_caller]
    fn check(ms: Option<u64>, failed: u64, finished: u64, expected: u8) {
        let stretch = Stretch {
            target: TargetId(1),
            from: WallTime::from_nanos(0),
            avg: ms.map(|ms| Rtt::from_nanos(ms * 1_000_000)),
            loss: Loss { failed, finished },
        };
        assert_eq!(
            level(&stretch, &Thresholds::default()),
            expected,
            "{ms:?} {failed}/{finished}"
        );
    }

    #[test]
    fn a_cell_is_as_bad_as_its_delay_or_its_loss() {
        check(None, 0, 0, 0);
        check(Some(20), 0, 600, 1);
        check(Some(80), 0, 600, 2);
        check(Some(400), 0, 600, 5);
        check(Some(20), 6, 600, 3);
        check(Some(20), 30, 600, 4);
        check(Some(20), 200, 600, 5);
        check(None, 600, 600, 6);
        check(None, 0, 5, 1);
    }
}

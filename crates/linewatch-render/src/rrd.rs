//! Writes a genuine round-robin database (RRDtool's format 0003) of one target, and its XML for `rrdtool restore`.
//!
//! Input: spans of measurement, oldest first ([`Bucket`], from samples by [`Gather`] or from rollups). Output: bytes.
//! The rows are what `rrdtool create` and `rrdtool update` make of the same values, and the scratch areas too, so that
//! `rrdtool` may go on updating the file. What was not measured is unknown (NaN), never zero.
//! Not here: reading the history, and writing the file.

mod binary;
mod fold;
mod gather;
mod summed;
#[cfg(test)]
mod tests;
mod xml;

use linewatch_core::record::Loss;
use linewatch_core::time::Rtt;

pub use fold::Database;
pub use gather::{Gather, Part};
pub use summed::spans;

/// Names of the data sources, in the order of the file (INTERFACE.md): ms, share of 0 to 1, ms, ms, ms.
pub const SOURCES: [&str; 5] = ["latency", "loss", "jitter", "p50", "p95"];
/// Longest span one update may speak for, in seconds: S2's value. A longer silence is unknown.
pub const HEARTBEAT_S: i64 = 600;
/// Share of a row's steps that may be unknown (RRDtool's `xff`).
const UNKNOWN_SHARE_MAX: f64 = 0.5;
/// Seconds of one row of the month's archives: 2 of them make a pixel of a wide graph.
pub const MONTH_ROW_S: i64 = 300;
/// Seconds of one row of the year's archives.
pub const YEAR_ROW_S: i64 = 3600;
/// Seconds the day's archives reach back.
pub const DAY_S: i64 = 86_400;
/// Seconds the month's archives reach back: the longest month.
pub const MONTH_S: i64 = 31 * DAY_S;
/// Seconds the year's archives reach back: a leap year.
pub const YEAR_S: i64 = 366 * DAY_S;

/// Answers of one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// How many; at least 1.
    pub count: u64,
    /// Their sum.
    pub sum_ns: u128,
    /// The fastest.
    pub min: Rtt,
    /// The slowest.
    pub max: Rtt,
}

/// What was measured from `from_s` (not included) to `until_s` (included), both whole seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Begin.
    pub from_s: i64,
    /// End.
    pub until_s: i64,
    /// `None`: nothing answered, latency is unknown.
    pub answers: Option<Answers>,
    /// Nothing finished: loss is unknown.
    pub loss: Loss,
    /// Mean absolute difference of adjacent answers.
    pub jitter: Option<Rtt>,
    /// Median.
    pub p50: Option<Rtt>,
    /// 95th percentile.
    pub p95: Option<Rtt>,
}

/// One value of one data source over one span; all NaN when unknown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// What AVERAGE archives take, and what `rrdtool update` would be given.
    pub average: f64,
    /// What MIN archives take.
    pub min: f64,
    /// What MAX archives take.
    pub max: f64,
}

/// How rows are made from steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consolidation {
    Average,
    Min,
    Max,
}

/// One archive: a ring of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    pub(crate) consolidation: Consolidation,
    /// Steps of one row.
    pub(crate) steps: u64,
    pub(crate) rows: u64,
}

/// The shape of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    step_s: i64,
    archives: Vec<Archive>,
}

impl Layout {
    /// Day by step, month by 5 minutes, year by hour, each as AVERAGE, MIN and MAX; `None` unless `step_s` divides
    /// [`MONTH_ROW_S`].
    pub fn new(step_s: i64) -> Option<Self> {
        if step_s < 1 || MONTH_ROW_S % step_s != 0 {
            return None;
        }
        let reaches = [(step_s, DAY_S), (MONTH_ROW_S, MONTH_S), (YEAR_ROW_S, YEAR_S)];
        let archives = [Consolidation::Average, Consolidation::Min, Consolidation::Max]
            .into_iter()
            .flat_map(|consolidation| {
                reaches.map(|(row_s, reach_s)| Archive {
                    consolidation,
                    steps: row_s.unsigned_abs() / step_s.unsigned_abs(),
                    rows: (reach_s / row_s).unsigned_abs(),
                })
            })
            .collect();
        Some(Self { step_s, archives })
    }

    /// Seconds of a step.
    pub const fn step_s(&self) -> i64 {
        self.step_s
    }

    /// What `rrdtool create` is told to make the same file, after its name and `--start`.
    pub fn create_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--step".to_owned(), self.step_s.to_string()];
        arguments.extend(SOURCES.iter().zip(0..).map(|(name, index)| {
            let max = source_max(index);
            let max = if max.is_nan() {
                "U".to_owned()
            } else {
                max.to_string()
            };
            format!("DS:{name}:GAUGE:{HEARTBEAT_S}:0:{max}")
        }));
        arguments.extend(self.archives.iter().map(|archive| {
            let name = archive.consolidation.name();
            format!(
                "RRA:{name}:{UNKNOWN_SHARE_MAX}:{}:{}",
                archive.steps, archive.rows
            )
        }));
        arguments
    }
}

impl Consolidation {
    /// RRDtool's word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Average => "AVERAGE",
            Self::Min => "MIN",
            Self::Max => "MAX",
        }
    }

    /// The part of a value this kind of archive takes.
    const fn part(self, value: Value) -> f64 {
        match self {
            Self::Average => value.average,
            Self::Min => value.min,
            Self::Max => value.max,
        }
    }
}

impl Value {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        average: f64::NAN,
        min: f64::NAN,
        max: f64::NAN,
    };

    /// The same for all archives.
    pub const fn plain(value: f64) -> Self {
        Self {
            average: value,
            min: value,
            max: value,
        }
    }
}

impl Bucket {
    /// The values of the data sources. Whole nanoseconds and millionths: short to write, and the same in any reader.
    pub fn values(&self) -> [Value; SOURCES.len()] {
        let ms = |rtt: Option<Rtt>| rtt.map_or(Value::UNKNOWN, |rtt| Value::plain(rtt.as_millis_f64()));
        let latency = self.answers.filter(|answers| answers.count > 0);
        [
            latency.map_or(Value::UNKNOWN, |answers| Value {
                average: answers.mean().as_millis_f64(),
                min: answers.min.as_millis_f64(),
                max: answers.max.as_millis_f64(),
            }),
            self.loss
                .ppm()
                .map_or(Value::UNKNOWN, |ppm| Value::plain(f64::from(ppm) / 1e6)),
            ms(self.jitter),
            ms(self.p50),
            ms(self.p95),
        ]
    }
}

impl Answers {
    fn mean(&self) -> Rtt {
        let count = u128::from(self.count.max(1));
        let mean_ns = (self.sum_ns + count / 2) / count;
        Rtt::from_nanos(u64::try_from(mean_ns).unwrap_or(u64::MAX))
    }
}

/// Largest value of a data source that is believed; NaN: any.
pub(crate) fn source_max(index: usize) -> f64 {
    if SOURCES.get(index) == Some(&"loss") {
        1.0
    } else {
        f64::NAN
    }
}

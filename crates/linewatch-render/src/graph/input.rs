//! Says what a graph is drawn from: one target's buckets, gaps, outages and totals, and the look.
//!
//! Plain data: nothing here reads a store or a clock. Data may be unordered, doubled or hostile; the drawing copes.

use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::record::GapKind;
use linewatch_core::time::{Rtt, WallTime};

use crate::message::Language;

/// One target over one period.
#[derive(Clone, Debug)]
pub struct GraphInput {
    /// The target's name: the title.
    pub name: String,
    /// Its address, as a person knows it.
    pub address: String,
    /// How and from where it is measured (`ICMP every 1 s · from jkt-office`); empty for nothing.
    pub note: String,
    /// Begin of the picture.
    pub from: WallTime,
    /// End of the picture; not after `from` is drawn as one second.
    pub to: WallTime,
    /// The moment of drawing: what is later is left blank, and an outage without end lasts until here.
    pub now: WallTime,
    /// The zone of every printed time.
    pub zone: TimeZone,
    /// Length of each bucket.
    pub bucket_length: Duration,
    /// The measurements. More than there are pixels are merged for the picture.
    pub buckets: Vec<GraphBucket>,
    /// Spans that were not measured.
    pub gaps: Vec<GraphGap>,
    /// Spans in which the target was down.
    pub outages: Vec<GraphOutage>,
    /// Lines of the configuration.
    pub thresholds: Vec<GraphThreshold>,
    /// Numbers over the whole period, printed below; they cannot be had from the buckets' quantiles.
    pub totals: GraphTotals,
}

/// What became of the probes of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphBucket {
    /// Begin.
    pub from: WallTime,
    /// Probes that were sent and decided; 0 is "not measured".
    pub sent: u64,
    /// Of these, the lost and unreachable ones.
    pub lost: u64,
    /// The quantiles 0, 10, 25, 40, 50, 60, 75, 90 and 100 of the round trips; `None` if nothing replied.
    pub quantiles: Option<[Rtt; 9]>,
}

/// A span that was not measured, and whose fault that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphGap {
    /// Begin.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// Why.
    pub kind: GapKind,
}

/// A span in which the target was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphOutage {
    /// Begin.
    pub from: WallTime,
    /// End; `None` while it lasts.
    pub to: Option<WallTime>,
}

/// One line of the configuration across the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphThreshold {
    /// Where.
    pub at: Rtt,
    /// What it is (`latency`).
    pub label: String,
}

/// Numbers over the whole period; `None` is printed as no data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraphTotals {
    /// Probes that were sent and decided.
    pub sent: u64,
    /// Of these, the lost and unreachable ones.
    pub lost: u64,
    /// Smallest round trip.
    pub min: Option<Rtt>,
    /// Median.
    pub p50: Option<Rtt>,
    /// 95th percentile.
    pub p95: Option<Rtt>,
    /// 99th percentile.
    pub p99: Option<Rtt>,
    /// Largest round trip.
    pub max: Option<Rtt>,
    /// Mean difference of neighbouring round trips.
    pub jitter: Option<Rtt>,
    /// Share of the measured time without outage, in parts per million.
    pub availability_ppm: Option<u32>,
    /// How much of the period was measured.
    pub measured: Duration,
    /// The same as a share of what of the period is past, in parts per million.
    pub coverage_ppm: Option<u32>,
}

/// Colours on dark or on light ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Light marks on a dark ground.
    Dark,
    /// Dark marks on white: for paper and mail.
    Light,
}

/// How round trips become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueAxis {
    /// Equal steps of milliseconds, fitted to the data; single spikes are cut off and marked.
    Linear,
    /// Equal steps of ratio; nothing is cut off.
    Log,
}

/// The look of a graph. Made by [`GraphStyle::new`], so that every size in it can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphStyle {
    width: u32,
    height: u32,
    scale: u32,
    theme: Theme,
    axis: ValueAxis,
    language: Language,
}

/// Why there is no picture.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The size cannot be drawn legibly, or would need too much memory.
    #[error(
        "graph of {width}x{height} at scale {scale}: the width must be {}-{}, the height {}-{}, the scale 1-{}",
        GraphStyle::WIDTHS.0, GraphStyle::WIDTHS.1, GraphStyle::HEIGHTS.0, GraphStyle::HEIGHTS.1, GraphStyle::MAX_SCALE
    )]
    Size {
        /// Asked width, CSS pixels.
        width: u32,
        /// Asked height, CSS pixels.
        height: u32,
        /// Asked device pixels per CSS pixel.
        scale: u32,
    },
    /// The PNG could not be made.
    #[error("the PNG could not be made: {0}")]
    Encode(String),
}

impl GraphStyle {
    /// Least and greatest width in CSS pixels: below, the labels no longer fit; above, 3 x 4000 x 3 x 2400 x 4 bytes
    /// are 350 MB.
    pub const WIDTHS: (u32, u32) = (320, 4000);
    /// Least and greatest height in CSS pixels.
    pub const HEIGHTS: (u32, u32) = (160, 2400);
    /// Greatest number of device pixels per CSS pixel.
    pub const MAX_SCALE: u32 = 3;

    /// A look of `width` x `height` CSS pixels with `scale` device pixels each (2 for a sharp screen).
    ///
    /// # Errors
    /// [`GraphError::Size`] outside the limits above.
    pub fn new(
        width: u32,
        height: u32,
        scale: u32,
        theme: Theme,
        axis: ValueAxis,
    ) -> Result<Self, GraphError> {
        let fits = (Self::WIDTHS.0..=Self::WIDTHS.1).contains(&width)
            && (Self::HEIGHTS.0..=Self::HEIGHTS.1).contains(&height)
            && (1..=Self::MAX_SCALE).contains(&scale);
        if !fits {
            return Err(GraphError::Size { width, height, scale });
        }
        Ok(Self {
            width,
            height,
            scale,
            theme,
            axis,
            language: Language::English,
        })
    }

    /// The same look with words of this language.
    #[must_use]
    pub const fn in_language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    pub(super) const fn language(&self) -> Language {
        self.language
    }

    pub(super) const fn width(&self) -> u32 {
        self.width
    }

    pub(super) const fn height(&self) -> u32 {
        self.height
    }

    pub(super) const fn scale(&self) -> u32 {
        self.scale
    }

    pub(super) const fn theme(&self) -> Theme {
        self.theme
    }

    pub(super) const fn axis(&self) -> ValueAxis {
        self.axis
    }
}

impl Default for GraphStyle {
    /// 900 x 320, light, linear, English: fits a mail.
    fn default() -> Self {
        Self {
            width: 900,
            height: 320,
            scale: 1,
            theme: Theme::Light,
            axis: ValueAxis::Linear,
            language: Language::English,
        }
    }
}

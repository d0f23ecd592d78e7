//! Describes the watched targets to the page: settings, their origins, and what is known beside the views.
//!
//! Filled by the program through [`crate::Hub`]; a whole new set replaces the old one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use linewatch_core::target::{Origins, Target};
use linewatch_core::view::{State, TargetView};

/// One target as configured now.
#[derive(Clone, Debug)]
pub struct CatalogEntry {
    /// Its settings; `target.id` is its key on the wire.
    pub target: Target,
    /// The address in use, once resolved.
    pub ip: Option<IpAddr>,
    /// Where its values come from.
    pub origins: Origins,
    /// One of the lines the program watches by itself.
    pub is_built_in: bool,
    /// A TCP port that answered while ICMP was silent.
    pub tcp_answers: Option<u16>,
    /// Grows with every change of the settings; the ETag.
    pub version: u64,
}

impl CatalogEntry {
    /// The state to show: the view's, except that switching off counts at once, and so does a new target.
    pub(crate) fn state(&self, view: Option<&TargetView>) -> State {
        match view {
            _ if !self.target.is_enabled => State::Paused,
            Some(view) => view.state,
            None => State::Waiting,
        }
    }

    /// Probed so often that the live view gets bins of 100 ms instead of single probes.
    pub(crate) fn is_fast(&self) -> bool {
        self.target.plan.interval < linewatch_core::limits::LIVE_ROW_INTERVAL_MIN
    }

    /// Slug and name.
    pub(crate) fn named(&self) -> (String, String) {
        (self.target.slug.clone(), self.target.name.clone())
    }
}

/// What the routes of the five tools say of the settings beside their target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolSettings {
    /// Slug of S0's one target (REQUIREMENTS X12); `None` when there is no target at all.
    pub target: Option<String>,
    /// Points of the live chart.
    pub live_points: u32,
    /// How long events are kept; `None`: for ever.
    pub event_retention: Option<Duration>,
}

/// What the program knows of itself, refreshed about once a second.
#[derive(Clone, Debug, Default)]
pub struct StatusInfo {
    /// Of the program.
    pub version: String,
    /// Name of this monitor.
    pub vantage: String,
    /// Probes a second by configuration.
    pub asked_per_s: f64,
    /// Probes a second as sent.
    pub achieved_per_s: f64,
    /// Lateness over the last minute, 99th percentile.
    pub lateness_p99: Option<Duration>,
    /// Lateness over the last minute, largest.
    pub lateness_max: Option<Duration>,
    /// ICMP method and class, or why there is none.
    pub icmp_v4: String,
    /// The same for ICMPv6.
    pub icmp_v6: String,
    /// `SCHED_FIFO 10`, or why not.
    pub scheduling: String,
    /// The command that grants real-time priority, where that is lacking and can be had.
    pub realtime_cure: Option<String>,
    /// Unmeasured probes of this run by cause.
    pub unmeasured: BTreeMap<String, u64>,
    /// Unsent probes of this run by cause.
    pub unsent: BTreeMap<String, u64>,
}

//! Says what is to be told: rules, whom they match, and the times of silence. As meant, not as written.
//!
//! Not here: deciding (`state`), reading the configuration (`linewatch::config`).

use std::time::Duration;

use crate::event::Severity;
use crate::target::{Target, TargetId};
use crate::time::WallTime;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A target is down.
    Outage,
    /// Its median RTT is above a limit, in ms.
    Latency,
    /// Its loss is above a limit, as a ratio.
    Loss,
    /// Its jitter is above a limit, in ms.
    Jitter,
    /// No finished probe for too long.
    Stale,
    /// No route or no link on this computer.
    Local,
    /// Its name has no address.
    Dns,
    /// The disk or the database is in trouble.
    Storage,
    /// It goes down again and again; takes the place of its outages and has no rule of its own.
    Flapping,
}

impl Kind {
    /// Every kind a rule can be written for.
    pub const OF_RULES: [Self; 8] = [
        Self::Outage,
        Self::Latency,
        Self::Loss,
        Self::Jitter,
        Self::Stale,
        Self::Local,
        Self::Dns,
        Self::Storage,
    ];

    /// The word used in the configuration and in every message.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Latency => "latency",
            Self::Loss => "loss",
            Self::Jitter => "jitter",
            Self::Stale => "stale",
            Self::Local => "local",
            Self::Dns => "dns",
            Self::Storage => "storage",
            Self::Flapping => "flapping",
        }
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == Self::Flapping.word() {
            return Some(Self::Flapping);
        }
        Self::OF_RULES.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether a rule of this kind has a limit of its own.
    pub const fn has_limit(self) -> bool {
        matches!(self, Self::Latency | Self::Loss | Self::Jitter)
    }

    /// Whether it concerns one target, and not the monitor itself.
    pub const fn is_of_a_target(self) -> bool {
        !matches!(self, Self::Local | Self::Storage)
    }

    /// How much it matters.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Outage | Self::Flapping | Self::Storage => Severity::Critical,
            Self::Latency | Self::Loss | Self::Jitter | Self::Stale | Self::Local | Self::Dns => {
                Severity::Warning
            }
        }
    }
}

/// What rules can say about a target, and what messages call it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Its series.
    pub id: TargetId,
    /// Its name in addresses of pages.
    pub slug: String,
    /// What a person calls it.
    pub name: String,
    /// Its address, as a person writes it.
    pub address: String,
    /// ISO country.
    pub country: String,
    /// Free text.
    pub partner: String,
    /// Free text.
    pub group: String,
    /// Free pairs.
    pub labels: Vec<(String, String)>,
    /// Slug of the target it is reached through.
    pub behind: Option<String>,
    /// It is this computer: up when everything else is down, and no evidence against "every target".
    pub is_here: bool,
    /// Probed at all.
    pub is_enabled: bool,
    /// Limits of rules that name none.
    pub limits: Limits,
}

/// A target's own limits, for rules without `above`: its `latency_threshold_ms`, and what is worse than WARN.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Median RTT, in ms.
    pub latency_ms: f64,
    /// Loss, as a ratio.
    pub loss: f64,
    /// Jitter, in ms.
    pub jitter_ms: f64,
}

impl Limits {
    /// The limit for a kind that has one.
    pub const fn of(self, kind: Kind) -> Option<f64> {
        match kind {
            Kind::Latency => Some(self.latency_ms),
            Kind::Loss => Some(self.loss),
            Kind::Jitter => Some(self.jitter_ms),
            _ => None,
        }
    }
}

impl Subject {
    /// What alerts need of a target; `behind` of the target, else `gateway`: the slug of the target that is this
    /// computer's next hop.
    pub fn of(target: &Target, gateway: Option<&str>) -> Self {
        let is_here = matches!(&target.host, crate::target::Host::Literal { ip, .. } if ip.is_loopback());
        let gateway = gateway.filter(|gateway| !is_here && *gateway != target.slug);
        Self {
            id: target.id,
            slug: target.slug.clone(),
            name: target.name.clone(),
            address: target.address_text(),
            country: target.country.clone(),
            partner: target.partner.clone(),
            group: target.group.clone(),
            labels: target.labels.clone(),
            behind: target.behind.clone().or_else(|| gateway.map(ToOwned::to_owned)),
            is_here,
            is_enabled: target.is_enabled,
            limits: Limits {
                latency_ms: target.thresholds.latency.as_millis_f64(),
                loss: target.thresholds.warn.loss,
                jitter_ms: target.thresholds.warn.jitter.as_millis_f64(),
            },
        }
    }
}

/// Which targets. Empty fields match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Slug.
    pub target: String,
    /// Group.
    pub group: String,
    /// Country.
    pub country: String,
    /// Partner.
    pub partner: String,
    /// `key=value`, or a key alone.
    pub label: String,
}

impl Matcher {
    /// Whether it is about this target. What concerns the monitor itself (`None`) is matched by no condition only.
    pub fn matches(&self, subject: Option<&Subject>) -> bool {
        let Some(subject) = subject else {
            return *self == Self::default();
        };
        let holds = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        holds(&self.target, &subject.slug)
            && holds(&self.group, &subject.group)
            && holds(&self.country, &subject.country)
            && holds(&self.partner, &subject.partner)
            && self.matches_label(subject)
    }

    fn matches_label(&self, subject: &Subject) -> bool {
        if self.label.is_empty() {
            return true;
        }
        let (key, value) = self
            .label
            .split_once('=')
            .map_or((self.label.as_str(), None), |(key, value)| (key, Some(value)));
        subject
            .labels
            .iter()
            .any(|(is, has)| is == key && value.is_none_or(|value| value == has))
    }
}

/// Whom else to tell when nobody acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// So long after the first message.
    pub after: Duration,
    /// Destinations; empty: everybody.
    pub to: Vec<String>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Tells it from every other rule, also after a restart: its name, else what it says.
    pub key: String,
    /// Which targets.
    pub matcher: Matcher,
    /// Which fault.
    pub kind: Kind,
    /// Its limit: ms, or a ratio for loss. `None`: the target's own.
    pub above: Option<f64>,
    /// How long the fault must last.
    pub hold: Duration,
    /// Destinations; empty: everybody.
    pub to: Vec<String>,
    /// Whom else, if it lasts.
    pub escalation: Option<Escalation>,
}

/// A stretch of the calendar in which nothing is told about some targets. What began in it and still lasts at its
/// end is told then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Which targets.
    pub matcher: Matcher,
    /// From then on.
    pub from: WallTime,
    /// And no longer.
    pub to: WallTime,
}

/// A silence made by hand on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Given by whoever keeps it.
    pub id: u64,
    /// Which targets.
    pub matcher: Matcher,
    /// And no longer.
    pub until: WallTime,
    /// Why, for people.
    pub comment: String,
}

/// Everything that is configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Looked at one by one; each that matches tells.
    pub rules: Vec<Rule>,
    /// Between two alerts of one target and kind.
    pub cooldown: Duration,
    /// Faults of this span travel together.
    pub group_wait: Duration,
    /// Times of silence.
    pub maintenance: Vec<Maintenance>,
}

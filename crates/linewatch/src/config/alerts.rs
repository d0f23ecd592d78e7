//! Holds the settings of alerts: when to tell, whom, and by which way.
//!
//! They are read and checked here. Not here: deciding and sending.

use std::time::Duration;

use linewatch_core::alert::{Escalation, Kind, Matcher};

use super::secret::Secret;

/// `[alerts]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Alerts {
    /// Between two alerts of one target and kind.
    pub cooldown: Duration,
    /// How long a fault must last.
    pub hold: Duration,
    /// Faults of this span travel together.
    pub group_wait: Duration,
    /// A mail when the monitor ends.
    pub exit_mail: bool,
    /// S2's graph is also written here; empty: nowhere.
    pub graph_file: String,
    /// Told regularly that we live.
    pub dead_man: DeadMan,
    /// When delivery fails.
    pub retry: Retry,
    /// Without any: outage, latency, loss, jitter, stale on all targets.
    pub rules: Vec<Rule>,
    /// Times of silence.
    pub maintenance: Vec<Maintenance>,
    /// `[alerts.email]`.
    pub email: Email,
    /// `[[alerts.webhooks]]`.
    pub webhooks: Vec<Webhook>,
}

/// `alerts.dead_man`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadMan {
    /// Empty: off. The address is the key to it, hence secret.
    pub url: Secret<String>,
    /// Period.
    pub every: Duration,
}

/// `alerts.retry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Before the second attempt.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
    /// Then it is given up, visibly.
    pub give_up: Duration,
}

/// `[[alerts.rules]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// For people.
    pub name: String,
    /// Which targets.
    pub matcher: Matcher,
    /// Which fault.
    pub kind: Kind,
    /// Its limit: ms, or a ratio for loss; `None` for kinds without.
    pub above: Option<f64>,
    /// How long it must last; `None`: `alerts.for`.
    pub hold: Option<Duration>,
    /// Whom; empty: everybody configured.
    pub to: Vec<String>,
    /// Whom else, if it lasts.
    pub escalate: Option<Escalation>,
}

/// `[[alerts.maintenance]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Which targets.
    pub matcher: Matcher,
    /// RFC 3339 with offset.
    pub from: String,
    /// RFC 3339 with offset.
    pub to: String,
}

/// `[alerts.email]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// Host name.
    pub server: String,
    /// 465 implicit TLS, 587 STARTTLS.
    pub port: u16,
    /// How it is protected.
    pub tls: Tls,
    /// Empty: no login, hence no mail unless the server takes it without.
    pub user: String,
    /// Path; empty: the environment.
    pub password_file: String,
    /// Sender.
    pub from: String,
    /// Empty: the sender.
    pub to: Vec<String>,
    /// What the last week or month was, by mail.
    pub report: Reports,
}

/// `alerts.email.report`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reports {
    /// None.
    #[default]
    Off,
    /// Each Monday, of the week before.
    Weekly,
    /// On the first of each month, of the month before.
    Monthly,
}

impl Reports {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Off, Self::Weekly, Self::Monthly];

    /// The word of the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }
}

/// `alerts.email.tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By port.
    Auto,
    /// From the first byte.
    Implicit,
    /// By command, required.
    StartTls,
    /// Never with a password.
    None,
}

impl Tls {
    /// The word of the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Implicit => "implicit",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }
}

/// `[[alerts.webhooks]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Often carries the token.
    pub url: Secret<String>,
    /// `json`, `slack`, `discord`, `telegram`, `ntfy`, `template`.
    pub format: String,
    /// Values often are tokens.
    pub headers: Vec<(String, Secret<String>)>,
    /// Path of the key that signs the body; empty: unsigned.
    pub secret_file: String,
    /// Path of the minijinja template that makes the body, for `template`.
    pub template_file: String,
    /// May go to private addresses.
    pub allow_private: bool,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            cooldown: Duration::from_secs(300),
            hold: Duration::from_secs(10),
            group_wait: Duration::from_secs(5),
            exit_mail: true,
            graph_file: String::new(),
            dead_man: DeadMan {
                url: Secret::new(String::new()),
                every: Duration::from_secs(60),
            },
            retry: Retry {
                first: Duration::from_secs(30),
                max: Duration::from_secs(15 * 60),
                give_up: Duration::from_secs(72 * 3600),
            },
            rules: Vec::new(),
            maintenance: Vec::new(),
            email: Email::default(),
            webhooks: Vec::new(),
        }
    }
}

impl Default for Email {
    fn default() -> Self {
        Self {
            server: "smtp.gmail.com".to_owned(),
            port: 465,
            tls: Tls::Auto,
            user: String::new(),
            password_file: String::new(),
            from: String::new(),
            to: Vec::new(),
            report: Reports::Off,
        }
    }
}

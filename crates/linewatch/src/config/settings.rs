//! Holds the configuration as it is meant: checked, with units and defaults.
//!
//! What was written, and where, is in the origins: a key that is not there has its default.
//! Not here: reading (`sections`, `targets`), alerts (`alerts`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::target::{Method, Origin, Origins, ProbePlan, Source, Target, Thresholds};

use super::alerts::Alerts;
use super::units::Keep;

/// Everything, in the sections of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// `[server]`.
    pub server: Server,
    /// `[web]`.
    pub web: Web,
    /// `[storage]`.
    pub storage: Storage,
    /// `[defaults]`.
    pub defaults: Defaults,
    /// `[[targets]]`, of the file, the page, the command line, or built in.
    pub targets: Vec<Arc<TargetSettings>>,
    /// `[alerts]`.
    pub alerts: Alerts,
    /// `[rrd]`.
    pub rrd: Rrd,
    /// `[prometheus]`.
    pub prometheus: Prometheus,
    /// `[logging]`.
    pub logging: Logging,
    /// Where values outside `targets` come from, by key (`server.listen`); defaults are not in it.
    pub origins: Origins,
}

impl Settings {
    /// Where the value of a key outside `targets` comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The target with this id.
    pub fn target(&self, id: &str) -> Option<&TargetSettings> {
        let mut targets = self.targets.iter().map(Arc::as_ref);
        targets.find(|target| target.target.slug == id)
    }
}

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// Begins and ends with `/`.
    pub base_path: String,
    /// Path; empty: none.
    pub tls_cert: String,
    /// Path; empty: none.
    pub tls_key: String,
    /// Who may change things on addresses other than loopback.
    pub auth: Auth,
    /// Reading needs no password.
    pub public_read: bool,
    /// Host names beside literals, localhost and this computer's own.
    pub allowed_hosts: Vec<String>,
    /// This monitor's name; empty: the host name.
    pub vantage: String,
}

/// `server.auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// A password for changes.
    Password,
    /// Nothing is asked for.
    Off,
}

/// `[web]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Points of the live chart (S0's `max_graph_points`).
    pub live_points: u32,
    /// `auto`, `en`, `id`.
    pub language: String,
}

/// `[storage]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// As written; empty: chosen by the environment. The one in use is `Loaded::data_dir`.
    pub data_dir: String,
    /// One transaction each.
    pub flush_interval: Duration,
    /// Bytes of the database.
    pub max_size_bytes: u64,
    /// How long each kind is kept.
    pub retention: Retention,
}

/// `storage.retention`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Single probes.
    pub raw: Keep,
    /// Per second.
    pub seconds: Keep,
    /// Per minute.
    pub minutes: Keep,
    /// Per ten minutes.
    pub ten_minutes: Keep,
    /// Per hour.
    pub hours: Keep,
    /// Outages.
    pub outages: Keep,
    /// Events.
    pub events: Keep,
    /// Log lines.
    pub logs: Keep,
}

/// `[defaults]`: for every target that does not say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Defaults {
    /// How often and how patiently.
    pub plan: ProbePlan,
    /// Judged by.
    pub thresholds: Thresholds,
}

/// One target with what only the configuration knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSettings {
    /// What is probed; its series id is 0 until the store has given one.
    pub target: Target,
    /// Address or interface to send from.
    pub source: Source,
    /// 0 to 63.
    pub dscp: u8,
    /// Where its values come from, by key (`interval`, `status.ok.loss`); defaults are not in it.
    pub origins: Origins,
    /// One of the lines that are there when nothing is configured.
    pub is_built_in: bool,
    /// Typed at start: never saved.
    pub is_command_line: bool,
}

impl TargetSettings {
    /// Where the value of one of its keys comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The method a person asked for; `None` if only a host was written, which leaves the best permitted one.
    pub fn asked_method(&self) -> Option<Method> {
        let is_written = self.origins.get("probe").is_some() || self.target.method != Method::IcmpEcho;
        is_written.then_some(self.target.method)
    }

    /// The operator's file has it, so that the page can hide but not delete it.
    pub fn stands_in_file(&self) -> bool {
        self.origins
            .iter()
            .any(|(_, origin)| matches!(origin, Origin::File { .. }))
    }
}

/// What a UDP probe carries, as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Payload {
    /// `dns` on port 53, else `echo`.
    #[default]
    ByPort,
    /// Our cookie, echoed.
    Echo,
    /// A DNS query.
    Dns,
}

/// `[rrd]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rrd {
    /// Directory; empty: none is written.
    pub dir: String,
}

/// `[prometheus]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prometheus {
    /// Networks that `/probe` may reach beside configured targets.
    pub probe_allow: Vec<Network>,
}

/// An address prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its address.
    pub ip: IpAddr,
    /// Bits of it that count.
    pub prefix: u8,
}

/// `[logging]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// `error`, `warn`, `info`, `debug`, `trace`.
    pub level: String,
}

/// The port of S0, S1, S3 and S4 (REQUIREMENTS X1), on this computer only (X8).
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: LISTEN_DEFAULT,
            base_path: "/".to_owned(),
            tls_cert: String::new(),
            tls_key: String::new(),
            auth: Auth::Password,
            public_read: true,
            allowed_hosts: Vec::new(),
            vantage: String::new(),
        }
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            live_points: 60,
            language: "auto".to_owned(),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            data_dir: String::new(),
            flush_interval: Duration::from_secs(1),
            max_size_bytes: 2 << 30,
            retention: Retention::default(),
        }
    }
}

impl Storage {
    /// As the store takes it.
    pub fn keeping(&self) -> linewatch_store::Keeping {
        let kept = &self.retention;
        linewatch_store::Keeping {
            max_size_bytes: self.max_size_bytes,
            retention: linewatch_store::Retention {
                raw: kept.raw.length(),
                seconds: kept.seconds.length(),
                minutes: kept.minutes.length(),
                ten_minutes: kept.ten_minutes.length(),
                hours: kept.hours.length(),
                outages: kept.outages.length(),
                events: kept.events.length(),
                logs: kept.logs.length(),
            },
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Keep::For(Duration::from_secs(days * 86_400));
        Self {
            raw: days(30),
            seconds: days(7),
            minutes: days(90),
            ten_minutes: days(365),
            hours: Keep::Forever,
            outages: Keep::Forever,
            events: days(30),
            logs: days(30),
        }
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

//! Reads the sections of a file, except targets and alerts, over settings that are already there.

use std::time::Duration;

use linewatch_core::limits;
use linewatch_core::outage::OutagePolicy;
use linewatch_core::spec::parse_host;
use linewatch_core::target::{GradeLimits, ProbePlan, StatusLimit, Thresholds};
use toml::de::DeValue;

use super::convert;
use super::error::Mistake;
use super::reader::{Node, Reader};
use super::settings::{Auth, Retention, Server, Settings, Storage};
use super::source::Layer;

/// Keys of the top.
pub(super) const TOP: &[&str] = &[
    "server",
    "web",
    "storage",
    "defaults",
    "targets",
    "alerts",
    "rrd",
    "prometheus",
    "logging",
];
pub(super) const SERVER: &[&str] = &[
    "listen",
    "base_path",
    "tls_cert",
    "tls_key",
    "auth",
    "public_read",
    "allowed_hosts",
    "vantage",
];
pub(super) const WEB: &[&str] = &["live_points", "language"];
pub(super) const STORAGE: &[&str] = &["data_dir", "flush_interval", "max_size", "retention"];
pub(super) const RETENTION: &[&str] = &[
    "raw",
    "seconds",
    "minutes",
    "ten_minutes",
    "hours",
    "outages",
    "events",
    "logs",
];
/// Keys that `[defaults]` and every target share.
pub(super) const PLAN: &[&str] = &[
    "interval",
    "timeout",
    "payload_bytes",
    "grades_ms",
    "status",
    "outage",
    "latency_threshold_ms",
];
const GRADES: &[&str] = &["excellent", "good", "fair", "poor", "critical"];
const STATUS: &[&str] = &["ok", "warn"];
const STATUS_LIMIT: &[&str] = &["loss", "jitter_ms", "rtt_ms"];
const OUTAGE: &[&str] = &["lost_to_open", "replies_to_close", "loss_ratio", "window"];

/// Fewer points draw no line; more than an hour of seconds belongs to the history.
const LIVE_POINTS: (u64, u64) = (10, 3600);
/// The smallest database that holds a day of one target with its indexes.
const MAX_SIZE_BYTES_MIN: u64 = 16 << 20;
/// More often costs the disk more than it saves; less often loses more than SAFETY T28 allows to call safe.
const FLUSH: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// An outage rule over more probes than an hour of seconds would open hours late.
const RUN_MAX: u64 = 3600;

/// Reads every section but targets.
pub(super) fn read(reader: &mut Reader<'_>, top: Node<'_>, settings: &mut Settings) {
    reader.known(top, TOP);
    reader.child(top, "server", SERVER, |reader, node| {
        server(reader, node, &mut settings.server)
    });
    reader.child(top, "web", WEB, |reader, node| {
        let (from, to) = LIVE_POINTS;
        let points = |value: &DeValue<'_>| convert::whole(from, to)(value).map(|points| points as u32);
        reader.set(node, "live_points", &mut settings.web.live_points, points);
        let languages = [("auto", "auto"), ("en", "en"), ("id", "id")];
        if let Some(language) = reader.get(node, "language", convert::word(&languages)) {
            settings.web.language = language.to_owned();
        }
    });
    reader.child(top, "storage", STORAGE, |reader, node| {
        storage(reader, node, &mut settings.storage)
    });
    reader.child(top, "defaults", PLAN, |reader, node| {
        plan(reader, node, &mut settings.defaults.plan);
        thresholds(reader, node, &mut settings.defaults.thresholds);
    });
    super::alert_sections::read(reader, top, &mut settings.alerts);
    reader.child(top, "rrd", &["dir"], |reader, node| {
        reader.set(node, "dir", &mut settings.rrd.dir, convert::string);
    });
    reader.child(top, "prometheus", &["probe_allow"], |reader, node| {
        let networks = |value: &DeValue<'_>| convert::list(value, convert::network);
        reader.set(
            node,
            "probe_allow",
            &mut settings.prometheus.probe_allow,
            networks,
        );
    });
    reader.child(top, "logging", &["level"], |reader, node| {
        let levels = ["error", "warn", "info", "debug", "trace"].map(|word| (word, word));
        if let Some(level) = reader.get(node, "level", convert::word(&levels)) {
            settings.logging.level = level.to_owned();
        }
    });
}

fn server(reader: &mut Reader<'_>, node: Node<'_>, server: &mut Server) {
    reader.set(node, "listen", &mut server.listen, |value| {
        convert::listen(&convert::string(value)?)
    });
    reader.set(node, "base_path", &mut server.base_path, base_path);
    reader.set(node, "tls_cert", &mut server.tls_cert, convert::string);
    reader.set(node, "tls_key", &mut server.tls_key, convert::string);
    let web = reader.layer() == Layer::Web;
    reader.set(node, "auth", &mut server.auth, |value| {
        let auth = convert::word(&[("password", Auth::Password), ("off", Auth::Off)])(value)?;
        if web && auth == Auth::Off {
            // REQUIREMENTS X8: switching the password off must be written by hand.
            return Err(Mistake::new(
                "\"off\" cannot be set from the page",
                "write it in the operator's file",
            ));
        }
        Ok(auth)
    });
    reader.set(node, "public_read", &mut server.public_read, convert::flag);
    let hosts = |value: &DeValue<'_>| convert::list(value, host);
    reader.set(node, "allowed_hosts", &mut server.allowed_hosts, hosts);
    reader.set(
        node,
        "vantage",
        &mut server.vantage,
        convert::short(limits::NAME_CHARS),
    );
}

fn host(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = convert::string(value)?;
    match parse_host(&text) {
        Ok(_) => Ok(text.to_ascii_lowercase()),
        Err(error) => Err(Mistake::new(
            format!("\"{text}\" is no host: {error}"),
            error.help(),
        )),
    }
}

/// Begins and ends with a slash, so that joining needs no thought.
fn base_path(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = convert::string(value)?;
    let is_path = text.starts_with('/')
        && !text.contains("//")
        && !text.contains("..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte));
    if !is_path {
        return Err(Mistake::new(
            format!("\"{text}\" is not a path"),
            "write \"/\" or \"/linewatch/\"",
        ));
    }
    Ok(if text.ends_with('/') { text } else { text + "/" })
}

fn storage(reader: &mut Reader<'_>, node: Node<'_>, storage: &mut Storage) {
    let web = reader.layer() == Layer::Web;
    reader.set(node, "data_dir", &mut storage.data_dir, |value| {
        if web {
            return Err(Mistake::new(
                "cannot be set in web.toml, which lies in the data directory itself",
                "write it in the operator's file",
            ));
        }
        convert::string(value)
    });
    reader.set(
        node,
        "flush_interval",
        &mut storage.flush_interval,
        convert::duration(FLUSH.0, FLUSH.1),
    );
    reader.set(
        node,
        "max_size",
        &mut storage.max_size_bytes,
        convert::size(MAX_SIZE_BYTES_MIN),
    );
    reader.child(node, "retention", RETENTION, |reader, node| {
        for (key, slot) in retention_slots(&mut storage.retention) {
            reader.set(node, key, slot, convert::keep);
        }
    });
}

fn retention_slots(retention: &mut Retention) -> [(&'static str, &mut super::units::Keep); 8] {
    [
        ("raw", &mut retention.raw),
        ("seconds", &mut retention.seconds),
        ("minutes", &mut retention.minutes),
        ("ten_minutes", &mut retention.ten_minutes),
        ("hours", &mut retention.hours),
        ("outages", &mut retention.outages),
        ("events", &mut retention.events),
        ("logs", &mut retention.logs),
    ]
}

/// `interval`, `timeout`, `payload_bytes`, and whether they fit together.
pub(super) fn plan(reader: &mut Reader<'_>, node: Node<'_>, plan: &mut ProbePlan) {
    let interval = convert::duration(limits::INTERVAL_MIN, limits::INTERVAL_MAX);
    reader.set(node, "interval", &mut plan.interval, interval);
    reader.set(node, "timeout", &mut plan.timeout, |value| {
        convert::duration(limits::TIMEOUT_MIN, limits::TIMEOUT_MAX)(value).map_err(|mistake| {
            let is_long = mistake.message.contains("longer");
            let help = "lower `timeout`, or probe less often (limit: 32768 probes in flight per target)";
            if is_long {
                Mistake::new(mistake.message, help)
            } else {
                mistake
            }
        })
    });
    let (from, to) = (
        u64::from(limits::PAYLOAD_BYTES_MIN),
        u64::from(limits::PAYLOAD_BYTES_MAX),
    );
    let bytes = |value: &DeValue<'_>| convert::whole(from, to)(value).map(|bytes| bytes as u16);
    reader.set(node, "payload_bytes", &mut plan.payload_bytes, bytes);
}

/// `grades_ms`, `status`, `outage`, `latency_threshold_ms`.
pub(super) fn thresholds(reader: &mut Reader<'_>, node: Node<'_>, thresholds: &mut Thresholds) {
    reader.child(node, "grades_ms", GRADES, |reader, node| {
        grades(reader, node, &mut thresholds.grades)
    });
    reader.child(node, "status", STATUS, |reader, node| {
        for (key, limit) in [("ok", &mut thresholds.ok), ("warn", &mut thresholds.warn)] {
            reader.child(node, key, STATUS_LIMIT, |reader, node| {
                status_limit(reader, node, limit)
            });
        }
        check_status(reader, node, thresholds);
    });
    reader.child(node, "outage", OUTAGE, |reader, node| {
        outage(reader, node, &mut thresholds.outage)
    });
    reader.set(
        node,
        "latency_threshold_ms",
        &mut thresholds.latency,
        convert::delay_ms,
    );
}

fn grades(reader: &mut Reader<'_>, node: Node<'_>, grades: &mut GradeLimits) {
    reader.set(node, "excellent", &mut grades.excellent, convert::delay_ms);
    reader.set(node, "good", &mut grades.good, convert::delay_ms);
    reader.set(node, "fair", &mut grades.fair, convert::delay_ms);
    reader.set(node, "poor", &mut grades.poor, convert::delay_ms);
    reader.set(node, "critical", &mut grades.very_high, convert::delay_ms);
    let steps = [
        grades.excellent,
        grades.good,
        grades.fair,
        grades.poor,
        grades.very_high,
    ];
    if !steps.is_sorted() {
        let shown = steps.map(|step| step.as_millis_f64().to_string()).join(", ");
        let message = format!(
            "{}grades_ms do not rise: {shown}",
            node.path.trim_end_matches("grades_ms.")
        );
        let mistake = Mistake::new(
            message,
            "order them excellent <= good <= fair <= poor <= critical",
        );
        reader.mistake(reader.source.place(node.offset), "grades_ms", mistake);
    }
}

fn status_limit(reader: &mut Reader<'_>, node: Node<'_>, limit: &mut StatusLimit) {
    reader.set(node, "loss", &mut limit.loss, convert::ratio);
    reader.set(node, "jitter_ms", &mut limit.jitter, convert::delay_ms);
    reader.set(node, "rtt_ms", &mut limit.rtt, convert::delay_ms);
}

fn check_status(reader: &mut Reader<'_>, node: Node<'_>, thresholds: &Thresholds) {
    let (ok, warn) = (thresholds.ok, thresholds.warn);
    if ok.loss > warn.loss || ok.jitter > warn.jitter || ok.rtt > warn.rtt {
        let message = format!("{}ok is looser than {}warn", node.path, node.path);
        let mistake = Mistake::new(message, "every number of ok must be at most that of warn");
        reader.mistake(reader.source.place(node.offset), "status", mistake);
    }
}

fn outage(reader: &mut Reader<'_>, node: Node<'_>, outage: &mut OutagePolicy) {
    let run = |value: &DeValue<'_>| convert::whole(1, RUN_MAX)(value).map(|probes| probes as u32);
    reader.set(node, "lost_to_open", &mut outage.lost_to_open, run);
    reader.set(node, "replies_to_close", &mut outage.replies_to_close, run);
    reader.set(node, "loss_ratio", &mut outage.loss_ratio, convert::ratio);
    let window = convert::duration(Duration::from_secs(1), Duration::from_secs(3600));
    reader.set(node, "window", &mut outage.window, window);
}

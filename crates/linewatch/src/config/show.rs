//! Shows the effective configuration as TOML, each value with its origin, and the report of `check-config`.
//!
//! What is printed can be loaded again and gives the same settings; secrets are three stars.

use std::fmt::Write as _;
use std::net::IpAddr;

use linewatch_core::limits;
use linewatch_core::target::{Family, Host, Method, Origin, Origins, Thresholds};
use linewatch_render::text::printable;
use linewatch_render::words::origin_text;

use super::check::{asked_per_s, rate_text};
use super::load::Loaded;
use super::settings::{Auth, Settings, TargetSettings};
use super::units::{duration_text, keep_text, size_text};
use crate::method;

/// Column at which origins stand, where the value leaves room.
const ORIGIN_COLUMN: usize = 44;

/// The whole configuration in the order of the manual.
pub fn config_show(loaded: &Loaded) -> String {
    let settings = &loaded.settings;
    let mut text = sections_text(settings);
    for target in &settings.targets {
        text.push('\n');
        text.push_str(&target_text(target));
    }
    text
}

/// Everything but the targets.
pub(super) fn sections_text(settings: &Settings) -> String {
    let mut page = Page::new(&settings.origins);
    sections(&mut page, settings);
    alerts(&mut page, settings);
    page.text
}

/// One target.
pub(super) fn target_text(target: &TargetSettings) -> String {
    let mut page = Page::new(&target.origins);
    one_target(&mut page, target);
    page.text
}

/// What `check-config` says about a file without mistakes: counts, sums, and the caps they stay under.
pub fn check_report(loaded: &Loaded) -> String {
    let targets = &loaded.settings.targets;
    let file = loaded
        .config_path
        .as_ref()
        .map_or_else(|| "defaults".to_owned(), |path| path.display().to_string());
    let stopped = targets.iter().filter(|target| !target.target.is_enabled).count();
    let in_flight: f64 = targets
        .iter()
        .filter(|target| target.target.is_enabled)
        .map(|target| target.target.plan.timeout.as_secs_f64() * target.target.plan.rate_per_s())
        .sum();
    let count = |number: f64| linewatch_render::format::count(Some(number.ceil() as i64));
    let mut text = format!("ok: {}\n", printable(&file));
    let _ = writeln!(
        text,
        "  {} target{} of {}{}",
        count(targets.len() as f64),
        if targets.len() == 1 { "" } else { "s" },
        count(limits::TARGETS as f64),
        if stopped == 0 {
            String::new()
        } else {
            format!(", {stopped} stopped")
        },
    );
    let asked = rate_text(asked_per_s(targets));
    let _ = writeln!(
        text,
        "  {asked} probes/s of {}",
        rate_text(limits::PROBES_PER_S as f64)
    );
    let _ = writeln!(text, "  at most {} probes in flight", count(in_flight));
    let unnamed = targets
        .iter()
        .filter(|target| target.asked_method().is_none())
        .count();
    if unnamed > 0 {
        let _ = writeln!(
            text,
            "  {unnamed} without a method: by ICMP where that is permitted, else by {}; each way is a series of its own, because \
             their times cannot be compared (`probe` names one)",
            method::words(Method::TcpConnect {
                port: method::FALLBACK_PORT
            })
        );
    }
    for warning in &loaded.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

/// A text being written: values with their origins.
struct Page<'a> {
    text: String,
    origins: &'a Origins,
    /// What origins call the keys of this section: `server.`.
    prefix: &'static str,
}

impl<'a> Page<'a> {
    fn new(origins: &'a Origins) -> Self {
        Self {
            text: String::new(),
            origins,
            prefix: "",
        }
    }

    fn section(&mut self, header: &str, prefix: &'static str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.text, "{gap}{header}");
        self.prefix = prefix;
    }

    /// One line `key = value  # origin`. A table in one line has the origin of the first of its keys that has one.
    fn line(&mut self, key: &str, value: &str) {
        let path = format!("{}{key}", self.prefix);
        let inside = format!("{path}.");
        let origin = self.origins.get(&path).or_else(|| {
            self.origins
                .iter()
                .find(|(key, _)| key.starts_with(&inside))
                .map(|(_, origin)| origin)
        });
        let text = format!("{key} = {value}");
        let origin = origin_text(origin.unwrap_or(&Origin::Default));
        let _ = writeln!(self.text, "{text:<ORIGIN_COLUMN$} # {origin}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(key, &quoted(value));
    }
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn list(texts: impl IntoIterator<Item = String>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(|text| quoted(&text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// `{ a = 1, b = 2 }`.
fn inline(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if pairs.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", pairs.join(", "))
    }
}

fn stars(secret: &str) -> String {
    quoted(if secret.is_empty() { "" } else { "***" })
}

fn sections(page: &mut Page<'_>, settings: &Settings) {
    let server = &settings.server;
    page.section("[server]", "server.");
    page.text("listen", &server.listen.to_string());
    page.text("base_path", &server.base_path);
    page.text("tls_cert", &server.tls_cert);
    page.text("tls_key", &server.tls_key);
    page.text(
        "auth",
        if server.auth == Auth::Off {
            "off"
        } else {
            "password"
        },
    );
    page.line("public_read", &server.public_read.to_string());
    page.line("allowed_hosts", &list(server.allowed_hosts.iter().cloned()));
    page.text("vantage", &server.vantage);
    page.section("[web]", "web.");
    page.line("live_points", &settings.web.live_points.to_string());
    page.text("language", &settings.web.language);
    page.section("[storage]", "storage.");
    page.text("data_dir", &settings.storage.data_dir);
    page.text("flush_interval", &duration_text(settings.storage.flush_interval));
    page.text("max_size", &size_text(settings.storage.max_size_bytes));
    let kept = &settings.storage.retention;
    let kept = [
        ("raw", kept.raw),
        ("seconds", kept.seconds),
        ("minutes", kept.minutes),
        ("ten_minutes", kept.ten_minutes),
        ("hours", kept.hours),
        ("outages", kept.outages),
        ("events", kept.events),
        ("logs", kept.logs),
    ];
    page.line(
        "retention",
        &inline(&kept.map(|(key, keep)| (key, quoted(&keep_text(keep))))),
    );
    page.section("[defaults]", "defaults.");
    plan(page, &settings.defaults);
    page.section("[rrd]", "rrd.");
    page.text("dir", &settings.rrd.dir);
    page.section("[prometheus]", "prometheus.");
    page.line(
        "probe_allow",
        &list(settings.prometheus.probe_allow.iter().map(ToString::to_string)),
    );
    page.section("[logging]", "logging.");
    page.text("level", &settings.logging.level);
}

fn plan(page: &mut Page<'_>, defaults: &super::settings::Defaults) {
    page.text("interval", &duration_text(defaults.plan.interval));
    page.text("timeout", &duration_text(defaults.plan.timeout));
    page.line("payload_bytes", &defaults.plan.payload_bytes.to_string());
    thresholds(page, &defaults.thresholds);
}

fn thresholds(page: &mut Page<'_>, thresholds: &Thresholds) {
    let ms = |rtt: linewatch_core::time::Rtt| rtt.as_millis_f64().to_string();
    let grades = thresholds.grades;
    let grades = [
        ("excellent", grades.excellent),
        ("good", grades.good),
        ("fair", grades.fair),
        ("poor", grades.poor),
        ("critical", grades.very_high),
    ];
    page.line("grades_ms", &inline(&grades.map(|(key, limit)| (key, ms(limit)))));
    let [ok, warn] = [thresholds.ok, thresholds.warn].map(|limit| {
        inline(&[
            ("loss", limit.loss.to_string()),
            ("jitter_ms", ms(limit.jitter)),
            ("rtt_ms", ms(limit.rtt)),
        ])
    });
    page.line("status", &inline(&[("ok", ok), ("warn", warn)]));
    let outage = thresholds.outage;
    page.line(
        "outage",
        &inline(&[
            ("lost_to_open", outage.lost_to_open.to_string()),
            ("replies_to_close", outage.replies_to_close.to_string()),
            ("loss_ratio", outage.loss_ratio.to_string()),
            ("window", quoted(&duration_text(outage.window))),
        ]),
    );
    page.line("latency_threshold_ms", &ms(thresholds.latency));
}

fn alerts(page: &mut Page<'_>, settings: &Settings) {
    let alerts = &settings.alerts;
    page.section("[alerts]", "alerts.");
    page.text("cooldown", &duration_text(alerts.cooldown));
    page.text("for", &duration_text(alerts.hold));
    page.text("group_wait", &duration_text(alerts.group_wait));
    page.line("exit_mail", &alerts.exit_mail.to_string());
    page.text("graph_file", &alerts.graph_file);
    let every = quoted(&duration_text(alerts.dead_man.every));
    page.line(
        "dead_man",
        &inline(&[("url", stars(alerts.dead_man.url.reveal())), ("every", every)]),
    );
    let retry = [
        ("first", alerts.retry.first),
        ("max", alerts.retry.max),
        ("give_up", alerts.retry.give_up),
    ];
    page.line(
        "retry",
        &inline(&retry.map(|(key, length)| (key, quoted(&duration_text(length))))),
    );
    page.section("[alerts.email]", "alerts.email.");
    let email = &alerts.email;
    page.text("server", &email.server);
    page.line("port", &email.port.to_string());
    page.text("tls", email.tls.word());
    page.text("user", &email.user);
    page.text("password_file", &email.password_file);
    page.text("from", &email.from);
    page.line("to", &list(email.to.iter().cloned()));
    page.text("report", email.report.word());
    super::show_alerts::lists(&mut page.text, alerts);
}

fn one_target(page: &mut Page<'_>, it: &TargetSettings) {
    let target = &it.target;
    page.section("[[targets]]", "");
    page.text("id", &target.slug);
    page.text("name", &target.name);
    page.text("address", &host_text(&target.host));
    page.text("probe", target.method.word());
    if let Some(port) = target.method.port() {
        page.line("port", &port.to_string());
    }
    if let Some(payload) = target.method.payload() {
        page.text("payload", payload.word());
    }
    page.text("family", family_text(target.family));
    page.text("source", &it.source.text());
    page.line("dscp", &it.dscp.to_string());
    page.text("behind", target.behind.as_deref().unwrap_or(""));
    page.text("country", &target.country);
    page.text("partner", &target.partner);
    page.text("group", &target.group);
    let labels: Vec<(String, String)> = target
        .labels
        .iter()
        .map(|(key, value)| (quoted(key), quoted(value)))
        .collect();
    let labels: Vec<(&str, String)> = labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect();
    page.line("labels", &inline(&labels));
    page.line("enabled", &target.is_enabled.to_string());
    page.line("allow_high_rate", &target.allow_high_rate.to_string());
    plan(
        page,
        &super::settings::Defaults {
            plan: target.plan,
            thresholds: target.thresholds,
        },
    );
}

/// `auto`, `4`, `6`.
pub fn family_text(family: Family) -> &'static str {
    match family {
        Family::Auto => "auto",
        Family::V4 => "4",
        Family::V6 => "6",
    }
}

/// The host as a person writes it, without its port.
pub fn host_text(host: &Host) -> String {
    match host {
        Host::Literal {
            ip: IpAddr::V6(ip),
            zone: Some(zone),
        } => format!("{ip}%{zone}"),
        Host::Literal { ip, .. } => ip.to_string(),
        Host::Name(name) => name.clone(),
    }
}

//! Scripts with their settings as constants: Latency Monitoring Script, Network Connection Monitor (its options too),
//! Internet Stability Monitor.

use std::time::Duration;

use super::constants::Constants;
use super::sheet::{Sheet, plain, seconds};
use super::{ImportError, Tool};

/// Rates above this need a permission for public addresses (REQUIREMENTS X9).
const FREE_INTERVAL: Duration = Duration::from_millis(100);

/// Whose constants these are.
pub(super) fn tool(constants: &Constants) -> Option<Tool> {
    let has = |names: &[&str]| constants.any(names).is_some();
    if has(&[
        "PING_HOST",
        "LATENCY_STEP",
        "LATENCY_THRESHOLD",
        "EMAIL_SENDER",
        "EMAIL_PASSWORD",
    ]) {
        Some(Tool::LatencyMonitoringScript)
    } else if has(&[
        "PACKET_LOSS_THRESHOLD",
        "MAX_SECONDS_IN_MEMORY",
        "FILE_WRITE_INTERVAL",
        "SAVE_CONNECTION_LOG",
    ]) {
        Some(Tool::NetworkConnectionMonitor)
    } else if has(&TARGET) {
        Some(Tool::InternetStabilityMonitor)
    } else {
        None
    }
}

const TARGET: [&str; 4] = ["TARGET", "TARGET_HOST", "DEFAULT_TARGET", "PING_TARGET"];

/// The options of Network Connection Monitor as somebody called it, by the names of its constants.
pub(super) fn options(text: &str) -> Result<Option<Constants>, ImportError> {
    let mut words = text.split_whitespace().peekable();
    if !text
        .split_whitespace()
        .any(|word| matches!(word, "-H" | "--hosts"))
    {
        return Ok(None);
    }
    let mut constants = Constants::default();
    while let Some(word) = words.next() {
        let name = match word {
            "-H" | "--hosts" => "HOSTS",
            "-i" | "--interval" => "INTERVAL",
            "-t" | "--timeout" => "TIMEOUT",
            "--threshold" => "PACKET_LOSS_THRESHOLD",
            "--write-interval" => "FILE_WRITE_INTERVAL",
            "--max-seconds" => "MAX_SECONDS_IN_MEMORY",
            "--web-port" => "WEB_PORT",
            "--email-to" => "EMAIL_TO",
            "--email-from" => "EMAIL_FROM",
            "--email-user" => "EMAIL_USER",
            "--email-pass" => "EMAIL_PASSWORD",
            "--smtp-host" => "SMTP_HOST",
            "--smtp-port" => "SMTP_PORT",
            "--webhook" => "WEBHOOK",
            "--alert-cooldown" => "ALERT_COOLDOWN",
            "--csv" | "--json" | "--charts" | "--web" => {
                constants.put(word.trim_start_matches('-'), "True".to_owned());
                continue;
            }
            _ => continue,
        };
        let mut values = Vec::new();
        while let Some(value) = words.next_if(|word| !word.starts_with('-')) {
            values.push(value);
        }
        if values.is_empty() {
            return Err(ImportError {
                message: format!("the option {word} has no value"),
                help: "write its value behind it",
            });
        }
        constants.put(name, values.join(" "));
    }
    Ok(Some(constants))
}

pub(super) fn write(tool: Tool, constants: &Constants, sheet: &mut Sheet) -> Result<(), ImportError> {
    let mut known: Vec<&str> = Vec::new();
    match tool {
        Tool::LatencyMonitoringScript => latency_script(constants, sheet, &mut known)?,
        Tool::NetworkConnectionMonitor => connection_monitor(constants, sheet, &mut known)?,
        _ => stability_monitor(constants, sheet, &mut known)?,
    }
    for (name, value) in constants.iter() {
        let is_known = known.iter().any(|known| known.eq_ignore_ascii_case(name));
        // Names in small letters are variables of the script.
        if !is_known && !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
            let shown = if name.contains("PASS") { "***" } else { value };
            sheet.without(name, shown, "linewatch has nothing of this kind");
        }
    }
    Ok(())
}

fn latency_script(
    constants: &Constants,
    sheet: &mut Sheet,
    known: &mut Vec<&str>,
) -> Result<(), ImportError> {
    known.extend([
        "PING_HOST",
        "LATENCY_THRESHOLD",
        "LATENCY_STEP",
        "PING_COUNT",
        "PING_TIMEOUT",
    ]);
    known.extend(["GRAPH_FILE", "GRAPH_PATH", "RRD_FILE", "RRD_DATABASE"]);
    let is_script = constants
        .any(&["PING_HOST", "LATENCY_STEP", "LATENCY_THRESHOLD"])
        .is_some();
    if is_script {
        sheet.table("defaults");
        if let Some(step) = number(constants, "LATENCY_STEP")? {
            let count = number(constants, "PING_COUNT")?.unwrap_or(1.0).max(1.0);
            let why = format!("{count} in each LATENCY_STEP of {step} s");
            sheet.seconds("interval", seconds("LATENCY_STEP", step / count)?, &why);
        }
        if let Some(timeout) = number(constants, "PING_TIMEOUT")? {
            sheet.seconds("timeout", seconds("PING_TIMEOUT", timeout)?, "PING_TIMEOUT");
        }
        if let Some(threshold) = number(constants, "LATENCY_THRESHOLD")? {
            sheet.set("latency_threshold_ms", plain(threshold), "LATENCY_THRESHOLD");
        }
        target(
            sheet,
            constants.get("PING_HOST").unwrap_or("8.8.8.8"),
            "PING_HOST",
        );
        sheet.table("alerts");
        let graph = constants
            .any(&["GRAPH_FILE", "GRAPH_PATH"])
            .unwrap_or("latency_graph.png");
        sheet.set("graph_file", graph, "the last 24 hours, drawn anew at each alert");
        sheet.table("rrd");
        let file = constants
            .any(&["RRD_FILE", "RRD_DATABASE"])
            .unwrap_or("latency.rrd");
        let why = format!(
            "in place of {file}: one .rrd a target, refreshed every minute; rrdtool reads and updates them"
        );
        sheet.set("dir", "rrd", &why);
    }
    email(constants, sheet, known)
}

fn connection_monitor(
    constants: &Constants,
    sheet: &mut Sheet,
    known: &mut Vec<&str>,
) -> Result<(), ImportError> {
    known.extend([
        "HOST",
        "PORT",
        "HOSTS",
        "INTERVAL",
        "TIMEOUT",
        "PACKET_LOSS_THRESHOLD",
        "WEB",
        "WEB_PORT",
        "WEBHOOK",
        "ALERT_COOLDOWN",
    ]);
    let interval = seconds("INTERVAL", number(constants, "INTERVAL")?.unwrap_or(0.001))?;
    let timeout = seconds("TIMEOUT", number(constants, "TIMEOUT")?.unwrap_or(0.025))?;
    for (name, option) in [
        ("SAVE_CONNECTION_LOG", "--connection-log"),
        ("FILE_WRITE_INTERVAL", "--write-interval"),
        ("MAX_SECONDS_IN_MEMORY", "--max-seconds"),
        ("CSV", "--csv"),
        ("JSON", "--json"),
        ("CHARTS", "--charts"),
    ] {
        known.push(name);
        if let Some(value) = constants.get(name) {
            let why = format!(
                "an option of `linewatch record`: {option}; the monitor keeps every probe in its database"
            );
            sheet.without(name, value, &why);
        }
    }
    if let Some(port) = number(constants, "WEB_PORT")? {
        sheet.table("server");
        sheet.set(
            "listen",
            format!("127.0.0.1:{port}"),
            "for other computers: 0.0.0.0, and a password",
        );
    }
    sheet.table("defaults");
    sheet.seconds("interval", interval, "");
    sheet.seconds("timeout", timeout, "");
    if let Some(ratio) = number(constants, "PACKET_LOSS_THRESHOLD")? {
        let mut outage = toml_edit::InlineTable::new();
        outage.insert("loss_ratio", ratio.into());
        outage.insert("window", "1s".into());
        sheet.set("outage", outage, "PACKET_LOSS_THRESHOLD, of each second");
    }
    let hosts = match constants.get("HOSTS") {
        Some(hosts) => hosts
            .split([' ', ','])
            .filter(|host| !host.is_empty())
            .map(str::to_owned)
            .collect(),
        None => {
            let host = constants.get("HOST").unwrap_or("1.1.1.1");
            vec![format!(
                "{}:{}",
                bracketed(host),
                constants.get("PORT").unwrap_or("53")
            )]
        }
    };
    for host in hosts {
        connection_target(sheet, &host, interval)?;
    }
    if let Some(cooldown) = number(constants, "ALERT_COOLDOWN")? {
        sheet.table("alerts");
        sheet.seconds("cooldown", seconds("ALERT_COOLDOWN", cooldown)?, "ALERT_COOLDOWN");
    }
    for url in constants
        .get("WEBHOOK")
        .into_iter()
        .flat_map(str::split_whitespace)
    {
        sheet.table("[alerts.webhooks]");
        sheet.set("url", url, "");
    }
    email(constants, sheet, known)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// `HOST`, `HOST:PORT`, `HOST:PORT/PROTOCOL`.
fn connection_target(sheet: &mut Sheet, text: &str, interval: Duration) -> Result<(), ImportError> {
    let (place, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => (place, "53"),
    };
    let wrong = || ImportError {
        message: format!("\"{text}\" is no HOST:PORT"),
        help: "mend it in the file that is imported",
    };
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let probe = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => "tcp",
        "udp" => "udp",
        "icmp" => "icmp",
        _ => return Err(wrong()),
    };
    let host = host.trim_matches(['[', ']']);
    target(sheet, host, "");
    sheet.set("probe", probe, "");
    if probe != "icmp" {
        sheet.set("port", i64::from(port), "");
    }
    if interval < FREE_INTERVAL {
        let why = "more than 10 probes a second, to a public address only if its owner agreed; false, and interval = \"1s\", is polite";
        sheet.set("allow_high_rate", true, why);
    }
    Ok(())
}

fn stability_monitor(
    constants: &Constants,
    sheet: &mut Sheet,
    known: &mut Vec<&str>,
) -> Result<(), ImportError> {
    known.extend(TARGET);
    known.extend(["INTERVAL", "PING_INTERVAL", "WINDOW", "WINDOW_SIZE"]);
    if let Some(interval) = number(constants, "INTERVAL")?.or(number(constants, "PING_INTERVAL")?) {
        sheet.table("defaults");
        sheet.seconds("interval", seconds("INTERVAL", interval)?, "");
    }
    if let Some(window) = constants.any(&["WINDOW", "WINDOW_SIZE"]) {
        sheet.without(
            "WINDOW",
            window,
            "figures are of the last 60 s, and of 20 probes at least",
        );
    }
    target(sheet, constants.any(&TARGET).unwrap_or("8.8.8.8"), "");
    Ok(())
}

fn target(sheet: &mut Sheet, address: &str, why: &str) {
    sheet.table("[targets]");
    sheet.set("name", address, "");
    sheet.set("address", address, why);
}

/// Mail as the scripts have it. The password stays where it is: in the environment.
fn email(constants: &Constants, sheet: &mut Sheet, known: &mut Vec<&str>) -> Result<(), ImportError> {
    const SENDER: [&str; 2] = ["EMAIL_SENDER", "EMAIL_FROM"];
    const SERVER: [&str; 2] = ["EMAIL_SMTP_SERVER", "SMTP_HOST"];
    const PORT: [&str; 2] = ["EMAIL_SMTP_PORT", "SMTP_PORT"];
    const TO: [&str; 3] = ["EMAIL_RECEIVER", "EMAIL_RECIPIENT", "EMAIL_TO"];
    known.extend(SENDER.iter().chain(&SERVER).chain(&PORT).chain(&TO));
    known.extend(["EMAIL_PASSWORD", "EMAIL_USER"]);
    if constants.get("EMAIL_PASSWORD").is_some() {
        sheet.note("EMAIL_PASSWORD = ***: not copied; linewatch reads it from the environment or .env, or set password_file");
    }
    if constants
        .any(&SENDER)
        .or(constants.any(&TO))
        .or(constants.any(&SERVER))
        .is_none()
    {
        return Ok(());
    }
    sheet.table("alerts.email");
    sheet.set("server", constants.any(&SERVER).unwrap_or("smtp.gmail.com"), "");
    let default = if constants.any(&["SMTP_HOST", "SMTP_PORT"]).is_some() {
        587.0
    } else {
        465.0
    };
    let port = match constants.any(&PORT) {
        Some(text) => parse("the port of mail", text)?,
        None => default,
    };
    sheet.set(
        "port",
        port as i64,
        "465 is TLS from the first byte, 587 STARTTLS, which must succeed",
    );
    let sender = constants.any(&SENDER);
    if let Some(user) = constants.get("EMAIL_USER").or(sender) {
        sheet.set("user", user, "");
    }
    if let Some(from) = sender {
        sheet.set("from", from, "");
    }
    if let Some(to) = constants.any(&TO) {
        sheet.set(
            "to",
            toml_edit::Array::from_iter(to.split([',', ' ']).filter(|to| !to.is_empty())),
            "",
        );
    }
    Ok(())
}

fn number(constants: &Constants, name: &str) -> Result<Option<f64>, ImportError> {
    constants.get(name).map(|text| parse(name, text)).transpose()
}

fn parse(name: &str, text: &str) -> Result<f64, ImportError> {
    let number: Option<f64> = text.trim().parse().ok();
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| ImportError {
            message: format!("{name} = {text} is no number"),
            help: "mend it in the file that is imported",
        })
}

//! `config.json` of Network Monitoring System: servers by partner and country, pinged some times a minute.

use linewatch_core::spec::unique_slug;
use serde_json::{Map, Value};

use super::ImportError;
use super::country;
use super::sheet::{Sheet, plain, seconds};
use super::single::{number, rest, text};

/// Its cycle, which stands in its source alone.
const CYCLE_S: f64 = 60.0;
const GRADES: [&str; 5] = ["excellent", "good", "fair", "poor", "critical"];
const KNOWN: [&str; 8] = [
    "database_path",
    "servers",
    "ping_count",
    "ping_timeout",
    "windows_params",
    "unix_params",
    "latency_thresholds",
    "alert_conditions",
];

pub(super) fn write(keys: &Map<String, Value>, sheet: &mut Sheet) -> Result<(), ImportError> {
    if let Some(path) = text(keys, "database_path")? {
        sheet.note(&format!(
            "database_path = {path}: to bring its history along: linewatch import --history {path}"
        ));
    }
    for key in ["windows_params", "unix_params"] {
        if let Some(value) = keys.get(key) {
            sheet.without(
                key,
                &value.to_string(),
                "not needed, linewatch calls no ping program",
            );
        }
    }
    if let Some(value) = keys.get("alert_conditions") {
        let why = "it had no effect there; a rule here is [[alerts.rules]] with kind and above";
        sheet.without("alert_conditions", &value.to_string(), why);
    }
    sheet.table("defaults");
    let count = number(keys, "ping_count")?.unwrap_or(4.0).max(1.0);
    let interval = seconds("ping_count", CYCLE_S / count)?;
    sheet.seconds(
        "interval",
        interval,
        &format!("ping_count {count} in each minute"),
    );
    if let Some(timeout) = number(keys, "ping_timeout")? {
        sheet.seconds("timeout", seconds("ping_timeout", timeout)?, "ping_timeout");
    }
    if let Some(Value::Object(thresholds)) = keys.get("latency_thresholds") {
        let mut grades = toml_edit::InlineTable::new();
        for grade in GRADES {
            if let Some(limit) = number(thresholds, grade)? {
                grades.insert(grade, plain(limit));
            }
        }
        sheet.set("grades_ms", grades, "latency_thresholds");
    }
    servers(keys, sheet)?;
    rest(keys, &KNOWN, sheet);
    Ok(())
}

fn servers(keys: &Map<String, Value>, sheet: &mut Sheet) -> Result<(), ImportError> {
    let wrong = |what: String| ImportError {
        message: what,
        help: "each server is an object with partner, country, ip and dn_ext",
    };
    let Some(Value::Array(servers)) = keys.get("servers") else {
        return Err(wrong("\"servers\" is no list".to_owned()));
    };
    let mut ids: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        let at = |what: &str| wrong(format!("server {} of \"servers\" {what}", index + 1));
        let Value::Object(server) = server else {
            return Err(at("is no object"));
        };
        let Some(ip) = text(server, "ip")?.filter(|ip| !ip.is_empty()) else {
            return Err(at("has no \"ip\""));
        };
        let partner = text(server, "partner")?.unwrap_or_default();
        let place = text(server, "country")?.unwrap_or_default();
        let extension = match server.get("dn_ext") {
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => text(server, "dn_ext")?,
        };
        let name = [partner.as_str(), place.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let name = if name.is_empty() { ip.clone() } else { name };
        // Two servers of one partner in one country stay two.
        let same = names.iter().filter(|known| **known == name).count();
        names.push(name.clone());
        let name = match same {
            0 => name,
            _ if name == ip => format!("{ip} {}", same + 1),
            _ => format!("{name} ({ip})"),
        };
        let id = unique_slug(&name, |slug| ids.iter().any(|id| id == slug));
        sheet.table("[targets]");
        sheet.set("id", id.as_str(), "");
        sheet.set("name", name.as_str(), "");
        sheet.set("address", ip.as_str(), "");
        ids.push(id);
        if !partner.is_empty() {
            sheet.set("partner", partner.as_str(), "");
        }
        let mut labels = toml_edit::InlineTable::new();
        if !place.is_empty() {
            match country::code(&place) {
                Some(code) => sheet.set("country", code, ""),
                None => drop(labels.insert("country", place.as_str().into())),
            }
        }
        if let Some(extension) = extension.filter(|extension| !extension.is_empty()) {
            labels.insert("dn_ext", extension.into());
        }
        if !labels.is_empty() {
            sheet.set("labels", labels, "");
        }
        rest(server, &["ip", "partner", "country", "dn_ext"], sheet);
    }
    Ok(())
}

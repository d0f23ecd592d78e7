//! Reads `[alerts]` and the lists below it over settings that are already there.
//!
//! A list in a later file replaces that of an earlier one: rules have no identity by which to merge them.

use std::time::Duration;

use linewatch_core::alert::{Escalation, Kind, Matcher};
use linewatch_core::limits;
use toml::de::DeValue;

use super::alerts::{Alerts, Email, Maintenance, Reports, Rule, Tls, Webhook};
use super::convert;
use super::error::Mistake;
use super::reader::{Node, Reader};
use super::secret::Secret;

pub(super) const ALERTS: &[&str] = &[
    "cooldown",
    "for",
    "group_wait",
    "exit_mail",
    "graph_file",
    "dead_man",
    "retry",
    "rules",
    "maintenance",
    "email",
    "webhooks",
];
pub(super) const RULE: &[&str] = &["name", "match", "kind", "above", "for", "to", "escalate"];
pub(super) const MATCH: &[&str] = &["target", "group", "country", "partner", "label"];
pub(super) const MAINTENANCE: &[&str] = &["match", "from", "to"];
pub(super) const EMAIL: &[&str] = &[
    "server",
    "port",
    "tls",
    "user",
    "password_file",
    "from",
    "to",
    "report",
];
pub(super) const WEBHOOK: &[&str] = &[
    "url",
    "format",
    "headers",
    "secret_file",
    "template_file",
    "allow_private",
];

/// Nothing of alerts waits longer than a month.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// A dead man told more often than this is a flood.
const EVERY_MIN: Duration = Duration::from_secs(5);

pub(super) fn read(reader: &mut Reader<'_>, top: Node<'_>, alerts: &mut Alerts) {
    reader.child(top, "alerts", ALERTS, |reader, node| {
        let any = || convert::duration(Duration::ZERO, LONGEST);
        reader.set(node, "cooldown", &mut alerts.cooldown, any());
        reader.set(node, "for", &mut alerts.hold, any());
        reader.set(node, "group_wait", &mut alerts.group_wait, any());
        reader.set(node, "exit_mail", &mut alerts.exit_mail, convert::flag);
        reader.set(node, "graph_file", &mut alerts.graph_file, convert::string);
        reader.child(node, "dead_man", &["url", "every"], |reader, node| {
            reader.set(node, "url", &mut alerts.dead_man.url, |value| {
                convert::url(value).map(Secret::new)
            });
            reader.set(
                node,
                "every",
                &mut alerts.dead_man.every,
                convert::duration(EVERY_MIN, LONGEST),
            );
        });
        reader.child(node, "retry", &["first", "max", "give_up"], |reader, node| {
            let some = || convert::duration(Duration::from_secs(1), LONGEST);
            reader.set(node, "first", &mut alerts.retry.first, some());
            reader.set(node, "max", &mut alerts.retry.max, some());
            reader.set(node, "give_up", &mut alerts.retry.give_up, some());
        });
        lists(reader, node, alerts);
        reader.child(node, "email", EMAIL, |reader, node| {
            email(reader, node, &mut alerts.email)
        });
    });
}

fn lists(reader: &mut Reader<'_>, node: Node<'_>, alerts: &mut Alerts) {
    if reader.has(node, "rules") {
        alerts.rules.clear();
    }
    reader.children(node, "rules", RULE, |reader, node| {
        alerts.rules.extend(rule(reader, node))
    });
    if reader.has(node, "maintenance") {
        alerts.maintenance.clear();
    }
    reader.children(node, "maintenance", MAINTENANCE, |reader, node| {
        let mut window = Maintenance {
            matcher: Matcher::default(),
            from: String::new(),
            to: String::new(),
        };
        matcher(reader, node, &mut window.matcher);
        reader.set(node, "from", &mut window.from, convert::instant);
        reader.set(node, "to", &mut window.to, convert::instant);
        alerts.maintenance.push(window);
    });
    if reader.has(node, "webhooks") {
        alerts.webhooks.clear();
    }
    reader.children(node, "webhooks", WEBHOOK, |reader, node| {
        alerts.webhooks.push(webhook(reader, node))
    });
}

fn rule(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Rule> {
    let kinds = Kind::OF_RULES.map(|kind| (kind.word(), kind));
    let kind = reader.get(node, "kind", convert::word(&kinds));
    if !reader.has(node, "kind") {
        let message = format!("{} has no kind", node.path.trim_end_matches('.'));
        let words = Kind::OF_RULES.map(Kind::word).join(", ");
        let mistake = Mistake::new(message, format!("add kind = one of {words}"));
        reader.mistake(reader.source.place(node.offset), "kind", mistake);
    }
    let mut matching = Matcher::default();
    matcher(reader, node, &mut matching);
    let name = reader
        .get(node, "name", convert::short(limits::NAME_CHARS))
        .unwrap_or_default();
    // A ratio for loss, else milliseconds; no delay is longer than the longest time-out.
    let most = if kind == Some(Kind::Loss) {
        1.0
    } else {
        limits::TIMEOUT_MAX.as_millis() as f64
    };
    let above = reader.get(node, "above", convert::number(0.0, most));
    let hold = reader.get(node, "for", convert::duration(Duration::ZERO, LONGEST));
    let to = reader.get(node, "to", convert::strings).unwrap_or_default();
    let mut escalate = None;
    reader.child(node, "escalate", &["after", "to"], |reader, node| {
        let after = reader.get(node, "after", convert::duration(Duration::ZERO, LONGEST));
        let to = reader.get(node, "to", convert::strings).unwrap_or_default();
        escalate = after.map(|after| Escalation { after, to });
    });
    let kind = kind?;
    if above.is_some() && !kind.has_limit() {
        let message = format!("{}above means nothing for kind \"{}\"", node.path, kind.word());
        let mistake = Mistake::new(message, "leave it away; latency, loss and jitter have a limit");
        reader.mistake(reader.source.place(node.offset), "above", mistake);
    }
    Some(Rule {
        name,
        matcher: matching,
        kind,
        above,
        hold,
        to,
        escalate,
    })
}

fn matcher(reader: &mut Reader<'_>, node: Node<'_>, matcher: &mut Matcher) {
    reader.child(node, "match", MATCH, |reader, node| {
        reader.set(node, "target", &mut matcher.target, convert::string);
        reader.set(node, "group", &mut matcher.group, convert::string);
        reader.set(node, "country", &mut matcher.country, convert::string);
        reader.set(node, "partner", &mut matcher.partner, convert::string);
        reader.set(node, "label", &mut matcher.label, label);
    });
}

fn label(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = convert::string(value)?;
    if text.is_empty() || text.contains('=') {
        return Ok(text);
    }
    Err(Mistake::new(
        format!("\"{text}\" is not a label"),
        "write \"site=fra1\"",
    ))
}

fn email(reader: &mut Reader<'_>, node: Node<'_>, email: &mut Email) {
    reader.set(node, "server", &mut email.server, convert::string);
    reader.set(node, "port", &mut email.port, |value| {
        convert::whole(1, 65_535)(value).map(|port| port as u16)
    });
    let words = [Tls::Auto, Tls::Implicit, Tls::StartTls, Tls::None].map(|tls| (tls.word(), tls));
    reader.set(node, "tls", &mut email.tls, convert::word(&words));
    reader.set(node, "user", &mut email.user, convert::string);
    reader.set(node, "password_file", &mut email.password_file, convert::string);
    reader.set(node, "from", &mut email.from, mailbox);
    reader.set(node, "to", &mut email.to, |value| convert::list(value, mailbox));
    let reports = Reports::ALL.map(|reports| (reports.word(), reports));
    reader.set(node, "report", &mut email.report, convert::word(&reports));
    if email.tls == Tls::None && !(email.user.is_empty() && email.password_file.is_empty()) {
        // SAFETY T13: plain text never with a password.
        let message = format!("{}tls \"none\" would send the password readable", node.path);
        let mistake = Mistake::new(message, "use \"auto\", or leave user and password_file empty");
        reader.mistake(reader.source.place(node.offset), "tls", mistake);
    }
}

/// Empty, `a@b` or `Name <a@b>`; control characters are refused for every text.
fn mailbox(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = convert::string(value)?;
    let is_right = text.split_once('@').is_some_and(|(user, host)| {
        !user.trim().is_empty() && !host.trim().is_empty() && !host.contains('@') && !text.contains(',')
    });
    if text.is_empty() || is_right {
        return Ok(text);
    }
    Err(Mistake::new(
        format!("\"{text}\" is not a mail address"),
        "write \"name@example.com\"",
    ))
}

fn webhook(reader: &mut Reader<'_>, node: Node<'_>) -> Webhook {
    let template_file = reader
        .get(node, "template_file", convert::string)
        .unwrap_or_default();
    let formats = ["json", "slack", "discord", "telegram", "ntfy", "template"].map(|word| (word, word));
    Webhook {
        url: Secret::new(reader.get(node, "url", convert::url).unwrap_or_default()),
        format: reader
            .get(node, "format", convert::word(&formats))
            .unwrap_or("json")
            .to_owned(),
        headers: reader
            .get(node, "headers", convert::pairs)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, Secret::new(value)))
            .collect(),
        secret_file: reader
            .get(node, "secret_file", convert::string)
            .unwrap_or_default(),
        template_file,
        allow_private: reader.get(node, "allow_private", convert::flag).unwrap_or(false),
    }
}

//! Shows the lists of `[alerts]` for `config show`: rules, maintenance, webhooks without their secrets.

use std::fmt::Write as _;

use linewatch_core::alert::Matcher;

use super::alerts::Alerts;
use super::units::duration_text;

/// Writes every list element as a table of its own.
pub(super) fn lists(text: &mut String, alerts: &Alerts) {
    let quoted = |value: &str| toml_edit::Value::from(value).to_string();
    let list = |values: &[String]| {
        format!(
            "[{}]",
            values
                .iter()
                .map(|value| quoted(value))
                .collect::<Vec<_>>()
                .join(", ")
        )
    };
    for rule in &alerts.rules {
        let _ = writeln!(
            text,
            "\n[[alerts.rules]]\nname = {}\nmatch = {}",
            quoted(&rule.name),
            matching(&rule.matcher)
        );
        let _ = writeln!(text, "kind = {}", quoted(rule.kind.word()));
        if let Some(above) = rule.above {
            let _ = writeln!(text, "above = {above}");
        }
        if let Some(hold) = rule.hold {
            let _ = writeln!(text, "for = {}", quoted(&duration_text(hold)));
        }
        let _ = writeln!(text, "to = {}", list(&rule.to));
        if let Some(escalate) = &rule.escalate {
            let after = quoted(&duration_text(escalate.after));
            let _ = writeln!(
                text,
                "escalate = {{ after = {after}, to = {} }}",
                list(&escalate.to)
            );
        }
    }
    for window in &alerts.maintenance {
        let (from, to) = (quoted(&window.from), quoted(&window.to));
        let matching = matching(&window.matcher);
        let _ = writeln!(
            text,
            "\n[[alerts.maintenance]]\nmatch = {matching}\nfrom = {from}\nto = {to}"
        );
    }
    for webhook in &alerts.webhooks {
        let headers: Vec<String> = webhook
            .headers
            .iter()
            .map(|(name, _)| format!("{} = \"***\"", quoted(name)))
            .collect();
        let headers = if headers.is_empty() {
            "{}".to_owned()
        } else {
            format!("{{ {} }}", headers.join(", "))
        };
        let url = if webhook.url.reveal().is_empty() {
            "\"\""
        } else {
            "\"***\""
        };
        let format = quoted(&webhook.format);
        let _ = writeln!(
            text,
            "\n[[alerts.webhooks]]\nurl = {url}\nformat = {format}\nheaders = {headers}"
        );
        let file = quoted(&webhook.secret_file);
        let template = quoted(&webhook.template_file);
        let _ = writeln!(
            text,
            "secret_file = {file}\ntemplate_file = {template}\nallow_private = {}",
            webhook.allow_private
        );
    }
}

fn matching(matcher: &Matcher) -> String {
    let pairs = [
        ("target", &matcher.target),
        ("group", &matcher.group),
        ("country", &matcher.country),
        ("partner", &matcher.partner),
        ("label", &matcher.label),
    ];
    let set: Vec<String> = pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key} = {}", toml_edit::Value::from(value.as_str())))
        .collect();
    if set.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", set.join(", "))
    }
}

//! Says who is told: from the `to` of a rule to the destinations of the outbox, and from those to the ways they are reached by.

use sha2::{Digest as _, Sha256};

use crate::config::alerts::Alerts;

use super::credentials;

/// The way of all mail, and the destination of everybody configured.
pub(super) const EMAIL: &str = "email";
/// The way of reports: mail too, but on a thread of its own with trouble of its own, so that no alert waits for one.
pub(super) const REPORT: &str = "report";
/// Before the address of one person.
const EMAIL_TO: &str = "email:";
const REPORT_TO: &str = "report:";
const WEBHOOK: &str = "webhook:";

/// Whom there is.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    has_email: bool,
    /// The part of the sender behind `@`.
    domain: String,
    /// Address and host of each webhook.
    webhooks: Vec<(String, String)>,
}

impl Routes {
    /// Whom the configuration names.
    pub(super) fn of(alerts: &Alerts) -> Self {
        let from = credentials::sender(&alerts.email);
        let domain = from
            .as_deref()
            .and_then(|from| from.rsplit_once('@'))
            .map(|(_, domain)| domain.trim_matches(['>', ' ']).to_owned());
        let webhooks = alerts.webhooks.iter().map(|webhook| {
            let url = webhook.url.reveal().clone();
            let host = host_of(&url).to_owned();
            (url, host)
        });
        Self {
            has_email: from.is_some(),
            // RFC 2606: nobody's, for those who have no address of their own.
            domain: domain.unwrap_or_else(|| "linewatch.invalid".to_owned()),
            webhooks: webhooks.collect(),
        }
    }

    /// A key for each way that has a thread: those of alerts, and that of reports.
    pub(super) fn threads(&self) -> Vec<String> {
        let mut ways = self.ways();
        ways.extend(self.has_email.then(|| REPORT.to_owned()));
        ways
    }

    /// Whether something can be sent by mail.
    pub(super) const fn has_email(&self) -> bool {
        self.has_email
    }

    /// A key for each way that alerts take.
    pub(super) fn ways(&self) -> Vec<String> {
        let email = self.has_email.then(|| EMAIL.to_owned());
        let webhooks = (1..=self.webhooks.len()).map(|number| format!("{WEBHOOK}{number}"));
        email.into_iter().chain(webhooks).collect()
    }

    /// The destination a person means by `email`, an address, `webhook:1`, a webhook's host or its url.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        if name == EMAIL {
            return self.has_email.then(|| EMAIL.to_owned());
        }
        let same = |(place, (url, host)): (usize, &(String, String))| {
            let key = format!("{WEBHOOK}{}", place + 1);
            (name == key || name == url || name.eq_ignore_ascii_case(host)).then_some(key)
        };
        if let Some(key) = self.webhooks.iter().enumerate().find_map(same) {
            return Some(key);
        }
        let address = name.strip_prefix(EMAIL_TO).unwrap_or(name);
        (self.has_email && address.contains('@') && !address.contains("//"))
            .then(|| format!("{EMAIL_TO}{address}"))
    }

    /// The destinations of a notification; nobody named, or nobody of them known: everybody. An alert for somebody who is
    /// configured no longer must not be lost.
    pub(super) fn destinations(&self, to: &[String]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in to {
            match self.find(name) {
                Some(destination) if !found.contains(&destination) => found.push(destination),
                Some(_) => {}
                None => {
                    tracing::warn!(target: "notify", "a rule names a destination that is not configured; everybody is told instead");
                    return self.ways();
                }
            }
        }
        if found.is_empty() { self.ways() } else { found }
    }

    /// The same for the same thing told to the same destination, whatever happens in between.
    pub(super) fn message_id(&self, vantage: &str, name: &str, destination: &str) -> String {
        let digest = Sha256::digest(destination.as_bytes());
        let tag: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{name}.{tag}.{vantage}@{}", self.domain)
    }
}

/// The way a destination is reached by.
pub(super) fn way_of(destination: &str) -> &str {
    if destination.starts_with(EMAIL_TO) {
        EMAIL
    } else if destination.starts_with(REPORT_TO) {
        REPORT
    } else {
        destination
    }
}

/// The one address of a destination; `None`: everybody configured.
pub(super) fn address_of(destination: &str) -> Option<&str> {
    destination
        .strip_prefix(EMAIL_TO)
        .or_else(|| destination.strip_prefix(REPORT_TO))
}

/// One person of those a mail of this way was for.
pub(super) fn person(way: &str, address: &str) -> String {
    format!("{way}:{address}")
}

/// Whether this is a webhook, of now or of before.
pub(super) fn is_webhook(destination: &str) -> bool {
    destination.starts_with(WEBHOOK)
}

/// The place of a webhook in the configuration, from 0.
pub(super) fn webhook_index(way: &str) -> Option<usize> {
    way.strip_prefix(WEBHOOK)?.parse::<usize>().ok()?.checked_sub(1)
}

/// The host of a url as written, without port or user.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.split(':').next().unwrap_or(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::config::alerts::Webhook;

    fn routes() -> Routes {
        let mut alerts = Alerts::default();
        alerts.email.from = "Ops <ops@example.com>".to_owned();
        for url in [
            "https://hooks.example.net/a?token=x",
            "https://[2001:db8::1]:8443/b",
        ] {
            alerts.webhooks.push(Webhook {
                url: Secret::new(url.to_owned()),
                format: "json".to_owned(),
                headers: Vec::new(),
                secret_file: String::new(),
                template_file: String::new(),
                allow_private: false,
            });
        }
        Routes::of(&alerts)
    }

    #[track_caller]
    fn check(to: &[&str], destinations: &[&str]) {
        let to: Vec<String> = to.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(routes().destinations(&to), destinations);
    }

    #[test]
    fn nobody_named_is_everybody() {
        check(&[], &["email", "webhook:1", "webhook:2"]);
    }

    #[test]
    fn people_and_webhooks_are_named_by_what_is_written() {
        check(&["a@x.org", "hooks.example.net"], &["email:a@x.org", "webhook:1"]);
        check(
            &["2001:db8::1", "webhook:2", "https://hooks.example.net/a?token=x"],
            &["webhook:2", "webhook:1"],
        );
        check(&["email"], &["email"]);
    }

    #[test]
    fn an_alert_for_somebody_unknown_goes_to_everybody() {
        check(&["gone.example.net"], &["email", "webhook:1", "webhook:2"]);
    }

    #[test]
    fn a_report_has_a_thread_of_its_own_and_is_no_destination_of_alerts() {
        assert_eq!(routes().threads(), ["email", "webhook:1", "webhook:2", "report"]);
        check(&["report"], &["email", "webhook:1", "webhook:2"]);
        let one = person(REPORT, "a@x.org");
        assert_eq!((way_of(&one), address_of(&one)), (REPORT, Some("a@x.org")));
        assert_eq!((way_of(REPORT), address_of(REPORT)), (REPORT, None));
    }

    #[test]
    fn a_message_id_is_stable_and_of_the_senders_domain() {
        let id = |destination: &str| routes().message_id("ab12", "alert-7", destination);
        assert_eq!(id("email"), id("email"));
        assert_ne!(id("email"), id("email:a@x.org"));
        assert!(id("email").ends_with(".ab12@example.com"), "{}", id("email"));
    }
}

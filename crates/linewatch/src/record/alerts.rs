//! Tells of a session's outages by webhook and mail, on a thread of its own.
//!
//! The body of a webhook is S3's (S3-33): `{"event":"outage_detected","host":…,"timestamp":…,"stats":{…}}`, and
//! `outage_ended` when it is over. Between two `outage_detected` of one target lies the cooldown; an end is told whenever
//! its begin was. Not here: what an outage is.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use linewatch_core::alert::{Item, Kind, Notification, Telling};
use linewatch_core::event::Severity;
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use linewatch_render::graph::{self, GraphInput, GraphStyle};
use linewatch_render::message::Letterhead;
use linewatch_render::session::{News, SecondOutage};
use linewatch_render::when::rfc3339_us;
use serde_json::json;

use crate::config::alerts::Email;
use crate::notify::direct;
use crate::say;

/// Messages that wait for a slow server: more are dropped and told.
const WAITING: usize = 64;

/// Whom to tell.
pub(crate) struct Told {
    /// Addresses of webhooks, as typed.
    pub webhooks: Vec<String>,
    /// Mail, where somebody asked for it.
    pub email: Option<Email>,
    /// Who writes.
    pub head: Letterhead,
    /// Between two begins of one target's outages.
    pub cooldown: Duration,
}

/// One piece of news of one target.
#[derive(Debug)]
struct Message {
    target: usize,
    name: String,
    news: News,
    at: WallTime,
    /// What the graph of a mail shows.
    picture: Option<Box<GraphInput>>,
}

/// The way to the thread.
pub(crate) struct Alerts {
    messages: SyncSender<Message>,
    thread: JoinHandle<()>,
    cooldown: Duration,
    has_email: bool,
    /// When the begin of an outage was last told, and whether it goes on.
    told: BTreeMap<usize, (WallTime, bool)>,
}

impl Alerts {
    /// Starts the thread `record-alerts`.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub(crate) fn start(told: Told) -> std::io::Result<Self> {
        let (messages, come) = sync_channel(WAITING);
        let (cooldown, has_email) = (told.cooldown, told.email.is_some());
        let thread = thread::Builder::new()
            .name("record-alerts".to_owned())
            .spawn(move || tell_until_finished(&told, &come))?;
        Ok(Self {
            messages,
            thread,
            cooldown,
            has_email,
            told: BTreeMap::new(),
        })
    }

    /// Hands news on without waiting; `picture` is asked for where a mail will show it.
    pub(crate) fn tell(
        &mut self,
        target: usize,
        name: &str,
        news: News,
        at: WallTime,
        picture: impl FnOnce() -> Option<GraphInput>,
    ) {
        if !self.is_due(target, news, at) {
            return;
        }
        let message = Message {
            target,
            name: name.to_owned(),
            news,
            at,
            picture: self.has_email.then(picture).flatten().map(Box::new),
        };
        if self.messages.try_send(message).is_err() {
            say::to_stderr("warning: an alert was not sent: too many wait for their server");
        }
    }

    fn is_due(&mut self, target: usize, news: News, at: WallTime) -> bool {
        let known = self.told.get(&target).copied();
        match news {
            News::Began(_) => {
                let since_ns = known.map(|(last, _)| at.nanos_after(last).unsigned_abs());
                let is_due = since_ns.is_none_or(|since_ns| u128::from(since_ns) >= self.cooldown.as_nanos());
                if is_due {
                    self.told.insert(target, (at, true));
                }
                is_due
            }
            News::Ended(_) => {
                let was_told = known.is_some_and(|(_, goes_on)| goes_on);
                if let Some((_, goes_on)) = self.told.get_mut(&target) {
                    *goes_on = false;
                }
                was_told
            }
        }
    }

    /// Waits until everything was tried once, but no longer than `limit`.
    pub(crate) fn finish(self, limit: Duration) {
        drop(self.messages);
        let (done, wait) = sync_channel(1);
        let thread = self.thread;
        // A server that hangs must not hold up the end of the program.
        let waiter = thread::spawn(move || {
            drop(thread.join());
            // Whoever waited may have given up.
            let _ = done.send(());
        });
        if wait.recv_timeout(limit).is_ok() {
            drop(waiter.join());
        } else {
            say::to_stderr("warning: an alert was not delivered in time");
        }
    }
}

fn tell_until_finished(told: &Told, come: &Receiver<Message>) {
    let mut serial = 0;
    while let Ok(message) = come.recv() {
        serial += 1;
        let body = body(&message);
        for (number, url) in (1..).zip(&told.webhooks) {
            if let Err(words) = direct::post(url, body.clone()) {
                say::to_stderr(&format!(
                    "warning: webhook {number} was not told of an outage: {words}"
                ));
            }
        }
        if let Some(email) = &told.email {
            let notification = notification(&message, serial);
            let name = format!("record-{serial}-{}", message.at.as_nanos());
            let picture = message.picture.as_deref().and_then(drawn);
            if let Err(words) = direct::mail(email, &told.head, &name, &notification, picture) {
                say::to_stderr(&format!(
                    "warning: the mail about an outage was not sent: {words}"
                ));
            }
        }
    }
}

/// The graph, and what it shows. A mail without it is better than none.
fn drawn(input: &GraphInput) -> Option<(Vec<u8>, String)> {
    let png = graph::png(input, &GraphStyle::default()).ok()?;
    Some((png, input.name.clone()))
}

const fn outage_of(news: News) -> SecondOutage {
    match news {
        News::Began(outage) | News::Ended(outage) => outage,
    }
}

fn body(message: &Message) -> String {
    let outage = outage_of(message.news);
    let event = match message.news {
        News::Began(_) => "outage_detected",
        News::Ended(_) => "outage_ended",
    };
    json!({
        "event": event,
        "host": message.name,
        "timestamp": rfc3339_us(message.at),
        "stats": {
            "from": rfc3339_us(outage.from),
            "to": rfc3339_us(outage.to),
            "duration_s": outage.seconds(),
            "sent": outage.sent,
            "received": outage.received,
            "lost": outage.loss().failed,
            "loss_ratio": outage.loss().ratio(),
        },
    })
    .to_string()
}

fn notification(message: &Message, serial: u64) -> Notification {
    let outage = outage_of(message.news);
    let end = outage.to.plus(Duration::from_secs(1));
    let (telling, until, severity) = match message.news {
        News::Began(_) => (Telling::Began, None, Severity::Critical),
        News::Ended(_) => (Telling::Ended, Some(end), Severity::Info),
    };
    Notification {
        serial,
        at: message.at,
        to: Vec::new(),
        severity,
        causes: Vec::new(),
        items: vec![Item {
            target: Some(TargetId(message.target as u32 + 1)),
            slug: String::new(),
            name: message.name.clone(),
            address: message.name.clone(),
            kind: Kind::Outage,
            telling,
            since: outage.from,
            until,
            duration_ns: outage.seconds().saturating_mul(1_000_000_000),
            sent: outage.sent,
            lost: outage.loss().failed,
            outages: 1,
            value: None,
            limit: None,
            event: None,
        }],
        more: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage() -> SecondOutage {
        SecondOutage {
            from: WallTime::from_nanos(1_795_254_962_000_000_000),
            to: WallTime::from_nanos(1_795_254_964_000_000_000),
            sent: 892,
            received: 234,
        }
    }

    fn alerts() -> Alerts {
        let (messages, _) = sync_channel(1);
        Alerts {
            messages,
            thread: thread::spawn(|| {}),
            cooldown: Duration::from_secs(300),
            has_email: false,
            told: BTreeMap::new(),
        }
    }

    #[test]
    fn the_body_has_s3s_keys() {
        let message = Message {
            target: 0,
            name: "1.1.1.1:53".to_owned(),
            news: News::Began(outage()),
            at: WallTime::from_nanos(1_795_254_965_500_000_000),
            picture: None,
        };
        let object: serde_json::Value = serde_json::from_str(&body(&message)).expect("JSON");
        assert_eq!(object["event"], "outage_detected");
        assert_eq!(object["host"], "1.1.1.1:53");
        assert_eq!(object["timestamp"], "2026-11-21T09:56:05.500000Z");
        assert_eq!(object["stats"]["duration_s"], 3);
        assert_eq!(object["stats"]["lost"], 658);
    }

    #[test]
    fn a_begin_waits_for_its_cooldown_and_an_end_for_its_begin() {
        let mut alerts = alerts();
        let at = |second: i64| WallTime::from_nanos(second * 1_000_000_000);
        let (began, ended) = (News::Began(outage()), News::Ended(outage()));
        let told: Vec<bool> = [(began, 0), (ended, 5), (began, 10), (ended, 15), (began, 301)]
            .into_iter()
            .map(|(news, second)| alerts.is_due(0, news, at(second)))
            .collect();
        assert_eq!(told, [true, true, false, false, true]);
        assert!(alerts.is_due(1, began, at(302)), "another target");
    }
}

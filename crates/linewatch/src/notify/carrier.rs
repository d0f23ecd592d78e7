//! Carries one message to one destination, and tells apart what became of it: accepted, refused for good, or to be tried again.

use linewatch_core::alert::Item;
use linewatch_core::time::WallTime;
use linewatch_render::message::{Letterhead, Matter};

use crate::config::alerts::Alerts;

use super::Page;
use super::mail::Mailer;
use super::route;
use super::webhook::Hook;

/// One message on its way.
pub(super) struct Parcel<'a> {
    /// See [`linewatch_store::NewLetter::destination`].
    pub destination: String,
    /// Without brackets.
    pub message_id: String,
    /// When it leaves.
    pub at: WallTime,
    /// Who writes.
    pub head: Letterhead,
    /// What.
    pub matter: Matter<'a>,
    /// A PNG, and what it shows.
    pub picture: Option<(Vec<u8>, String)>,
    /// Documents to be opened by themselves; none of them reaches a webhook.
    pub pages: &'a [Page],
}

impl Parcel<'_> {
    /// What a message is about first: the picture shows it.
    pub(super) fn first_item<'a>(matter: &Matter<'a>) -> Option<&'a Item> {
        match matter {
            Matter::Alerts(notifications) => notifications
                .iter()
                .flat_map(|notification| &notification.items)
                .find(|item| item.target.is_some()),
            Matter::Stopped { .. } | Matter::Interrupted { .. } | Matter::Report(_) | Matter::Test { .. } => {
                None
            }
        }
    }
}

/// One of several recipients did not get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub address: String,
    pub words: String,
    /// Trying again does not help.
    pub is_permanent: bool,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server has it, in its words; not for these.
    Accepted { words: String, refused: Vec<Refusal> },
    /// The server will never take this one.
    Refused { words: String },
    /// Not now. `is_unknown`: perhaps it has it all the same.
    Failed { words: String, is_unknown: bool },
}

impl Outcome {
    /// It certainly has not arrived, and may the next time.
    pub(super) fn failed(words: impl Into<String>) -> Self {
        Self::Failed {
            words: words.into(),
            is_unknown: false,
        }
    }
}

/// A way to deliver.
pub(super) enum Carrier {
    Mail(Mailer),
    Webhook(Box<Hook>),
}

impl Carrier {
    /// The way with this key as configured; `None`: there is none.
    pub(super) fn of(way: &str, alerts: &Alerts) -> Option<Self> {
        if way == route::EMAIL || way == route::REPORT {
            return Mailer::of(&alerts.email).map(Self::Mail);
        }
        let webhook = alerts.webhooks.get(route::webhook_index(way)?)?;
        Some(Self::Webhook(Box::new(Hook::new(webhook.clone()))))
    }

    /// Sends it; waits for the server, a minute or two at most.
    pub(super) fn deliver(&self, parcel: &Parcel<'_>) -> Outcome {
        match self {
            Self::Mail(mailer) => mailer.deliver(parcel),
            Self::Webhook(hook) => hook.deliver(parcel),
        }
    }

    /// Whether its messages show a picture.
    pub(super) const fn has_picture(&self) -> bool {
        matches!(self, Self::Mail(_))
    }
}

/// Who was refused and why, in one line.
pub(super) fn refusals(refused: &[Refusal]) -> String {
    let each: Vec<String> = refused
        .iter()
        .map(|refusal| format!("<{}>: {}", refusal.address, refusal.words))
        .collect();
    each.join("; ")
}

//! Sends one message at once, past the outbox: for a session of `record`, which keeps no store and ends with its person.
//!
//! What cannot be delivered is told and not tried again later. Not here: when there is something to tell.

use std::time::Duration;

use linewatch_core::alert::Notification;
use linewatch_render::message::{Letterhead, Matter};

use crate::config::alerts::Email;

use super::carrier::{self, Outcome, Parcel};
use super::mail::Mailer;
use super::pin::{self, Reach};

/// A whole request. A session's end waits for it.
const WHOLE: Duration = Duration::from_secs(5);

/// Posts JSON to an address that a person typed at a prompt: anything they can reach is meant.
///
/// # Errors
///
/// What went wrong; never the address, which often is a key.
pub(crate) fn post(url: &str, body: String) -> Result<(), String> {
    let request = pin::agent(Reach::Anything, WHOLE).post(url);
    let answer = request
        .header("Content-Type", "application/json")
        .send(body.as_bytes())
        .map_err(|error| super::webhook::words_of(&error, WHOLE))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let reason = status.canonical_reason().unwrap_or_default();
    Err(format!("{} {reason}", status.as_u16()).trim_end().to_owned())
}

/// Whether these settings (and the environment) name a sender.
pub(crate) fn has_sender(email: &Email) -> bool {
    Mailer::of(email).is_some()
}

/// Sends a notification by mail to those of `email`; `picture` is a PNG and what it shows.
///
/// # Errors
///
/// The server's words, or what is missing.
pub(crate) fn mail(
    email: &Email,
    head: &Letterhead,
    name: &str,
    notification: &Notification,
    picture: Option<(Vec<u8>, String)>,
) -> Result<(), String> {
    let mailer = Mailer::of(email)
        .ok_or("nobody sends: set [alerts.email] from, or EMAIL_SENDER in the environment")?;
    let domain = super::credentials::sender(email)
        .and_then(|from| from.rsplit_once('@').map(|(_, domain)| domain.to_owned()));
    // RFC 2606: nobody's, for those who have no address of their own.
    let domain = domain.unwrap_or_else(|| "linewatch.invalid".to_owned());
    let parcel = Parcel {
        destination: super::route::EMAIL.to_owned(),
        message_id: format!("{name}@{}", domain.trim_matches(['>', ' '])),
        at: notification.at,
        head: head.clone(),
        matter: Matter::Alerts(std::slice::from_ref(notification)),
        pages: &[],
        picture,
    };
    match mailer.deliver(&parcel) {
        Outcome::Accepted { refused, .. } if refused.is_empty() => Ok(()),
        Outcome::Accepted { refused, .. } => Err(carrier::refusals(&refused)),
        Outcome::Refused { words } | Outcome::Failed { words, .. } => Err(words),
    }
}

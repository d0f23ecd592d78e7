//! What a person asks of delivery: a test past the outbox, a report at once, and a message that no webhook took by mail instead.

use linewatch_core::time::WallTime;
use linewatch_render::message::Matter;
use linewatch_store::{Redirect, StoreError};

use super::carrier::{self, Outcome, Parcel};
use super::shape::Order;
use super::{Made, Notify, Page, calendar, reports, route};

/// Why a message does not go by mail instead.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// None with this number was given up.
    Unknown,
    /// It cannot, in words.
    Refused(String),
    /// The store does not take it now.
    Store(StoreError),
}

impl From<StoreError> for Unsent {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Notify {
    /// Sends a test message to one destination (`email`, an address, `webhook:1`, a webhook's host or url) past the
    /// outbox; the server's words. Waits for the server, a minute at most.
    ///
    /// # Errors
    ///
    /// What went wrong, in the server's words where it had any.
    pub(crate) fn test(&self, destination: &str) -> Result<String, String> {
        let routes = self.shared.routes();
        if destination == route::REPORT && routes.has_email() {
            return self.try_report();
        }
        let Some(known) = routes.find(destination) else {
            let ways = routes.ways().join(", ");
            return Err(match ways.as_str() {
                "" => "no destination is configured: set [alerts.email] from, or add [[alerts.webhooks]]"
                    .to_owned(),
                _ => format!("no destination \"{destination}\" is configured; there are: {ways}"),
            });
        };
        let at = self.shared.clock.wall();
        self.send_now(&known, at, Matter::Test { at }, &[])
    }

    /// The report of the last days, as it would come by itself.
    fn try_report(&self) -> Result<String, String> {
        let now = self.shared.clock.wall();
        let kind = self.shared.plan().alerts.email.report;
        let (from, to) = calendar::latest(kind, now);
        let order = Order {
            span: reports::span(crate::config::alerts::Reports::Off),
            from,
            to,
            made: now,
        };
        let Made { digest, pages } = self.shared.made(&order)?;
        self.send_now(route::REPORT, now, Matter::Report(&digest), &pages)
    }

    fn send_now(
        &self,
        known: &str,
        at: WallTime,
        matter: Matter<'_>,
        pages: &[Page],
    ) -> Result<String, String> {
        let carrier = self
            .shared
            .carrier(route::way_of(known))
            .ok_or_else(|| format!("{known} is configured no longer"))?;
        let name = format!("test-{}", at.as_nanos());
        let parcel = Parcel {
            destination: known.to_owned(),
            message_id: self
                .shared
                .routes()
                .message_id(&self.shared.vantage, &name, known),
            at,
            head: self.shared.plan().head.clone(),
            matter,
            picture: None,
            pages,
        };
        match carrier.deliver(&parcel) {
            Outcome::Accepted { words, refused } if refused.is_empty() => Ok(words),
            Outcome::Accepted { refused, .. } => Err(carrier::refusals(&refused)),
            Outcome::Refused { words } | Outcome::Failed { words, .. } => Err(words),
        }
    }

    /// What no webhook took goes by mail instead, to everybody who gets mail. Waits for nothing but the store.
    ///
    /// # Errors
    ///
    /// [`Unsent`]; nothing has changed then.
    pub(crate) fn mail_instead(&self, id: i64) -> Result<(), Unsent> {
        let letter = self.shared.store.dead_letter(id)?.ok_or(Unsent::Unknown)?;
        if !route::is_webhook(&letter.destination) {
            return Err(Unsent::Refused(
                "this message was a mail: try it again".to_owned(),
            ));
        }
        let routes = self.shared.routes();
        if !routes.has_email() {
            let words = "no mail is configured: set [alerts.email] server and from";
            return Err(Unsent::Refused(words.to_owned()));
        }
        let to = Redirect {
            destination: route::EMAIL.to_owned(),
            message_id: routes.message_id(&self.shared.vantage, &format!("instead-{id}"), route::EMAIL),
        };
        let is_there = self
            .shared
            .store
            .redirect_letter(id, to, self.shared.clock.wall())?;
        self.wake();
        is_there.then_some(()).ok_or(Unsent::Unknown)
    }
}

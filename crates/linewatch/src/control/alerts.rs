//! Hooks of alerts in the control thread: what the rules need at start and after a change, and what people ask about them.
//!
//! Silences and acknowledgements are kept by the store first and told to the rules then. A test waits for its server on a thread
//! of its own. Not here: the rules (`alerting`), delivery (`notify`).

use std::thread;
use std::time::Duration;

use linewatch_core::alert::Matcher;
use linewatch_core::event::EventId;
use linewatch_core::limits;
use linewatch_core::port::Clock;
use linewatch_core::time::MonoTime;
use linewatch_probe::route;
use linewatch_store::{Acknowledged, Letter, LetterState, NewSilence};
use linewatch_web::{
    AckInfo, AlertAnswer, AlertAsk, ChangeDone, ChangeError, LetterInfo, NoticesInfo, OutboxInfo, ToldInfo,
};
use tokio::sync::oneshot::Sender;

use super::Control;
use crate::alerting::{self, delivery};
use crate::app;
use crate::config::Settings;
use crate::notify::Unsent;
use crate::notify::shape::{self, Content};
use crate::spine::Word;

/// Routes change seldom, and nobody tells us.
const HOPS_EVERY: Duration = Duration::from_secs(10);
/// Letters of a state that the page shows.
const LETTERS_SHOWN: usize = 100;
/// Acknowledgements, and sent letters, that the list of events is completed with: some pages of it.
const NOTICES_SHOWN: usize = 500;

/// Why nothing is sent.
const NOBODY: &str = "nobody is told anything here: this is the demo";

type Reply = Sender<Result<ChangeDone, ChangeError>>;

/// Whether messages are decided, addressed or worded otherwise.
pub(super) fn are_told_otherwise(before: &Settings, after: &Settings) -> bool {
    before.alerts != after.alerts
        || before.web.language != after.web.language
        || before.server.base_path != after.server.base_path
        || before.server.vantage != after.server.vantage
}

impl<C: Clock> Control<C> {
    /// Every target is set, and so is what else decides whether something is told: from now on it is.
    pub(super) fn begin_alerts(&mut self) {
        self.look_for_hops(self.now());
        self.tell_silences();
        self.to.spine.say(Word::BeginAlerts, &self.to.clock);
    }

    /// Tells the rules through which of the targets the others may be reached.
    pub(super) fn look_for_hops(&mut self, now: MonoTime) {
        if now < self.hops_at {
            return;
        }
        self.hops_at = now.plus(HOPS_EVERY);
        let gateways = route::default_gateways();
        let hops = [gateways.v4, gateways.v6].into_iter().flatten();
        let hops = hops.map(|address| address.ip).collect();
        self.to.spine.say(Word::SetNextHops(hops), &self.to.clock);
    }

    /// Other rules, other destinations, other words.
    pub(super) fn tell_otherwise(&self) {
        let settings = &self.loaded.settings;
        let policy = alerting::policy(&settings.alerts);
        self.to
            .spine
            .say(Word::SetPolicy(Box::new(policy)), &self.to.clock);
        if let Some(notify) = &self.to.notify {
            let head = delivery::letterhead(settings, &self.status.vantage, &app::host_name());
            if let Err(error) = notify.follow(&settings.alerts, head) {
                tracing::warn!("not every destination of alerts has its thread: {error}; restart linewatch");
            }
        }
    }

    fn tell_silences(&self) {
        match delivery::silences(&self.to.store, self.to.clock.wall()) {
            Ok(silences) => self.to.spine.say(Word::SetSilences(silences), &self.to.clock),
            Err(error) => {
                tracing::warn!("the silences cannot be read: {error}; those known stay as they are")
            }
        }
    }

    /// Answers at once, but for a test.
    pub(super) fn answer_alerts(&self, asked: AlertAsk, reply: Reply) {
        if let AlertAsk::Test { destination } = asked {
            self.test(destination, reply);
            return;
        }
        let answer = self.ask_alerts(asked).map(|answer| ChangeDone {
            alerts: Some(answer),
            ..ChangeDone::default()
        });
        // The asker may have gone; what was changed stands.
        let _ = reply.send(answer);
    }

    fn test(&self, destination: String, reply: Reply) {
        let Some(notify) = self.to.notify.clone() else {
            let _ = reply.send(Err(ChangeError::Conflict(NOBODY.to_owned())));
            return;
        };
        let run = move || {
            let words = notify.test(&destination);
            let answer = words.map_err(ChangeError::Undelivered).map(|words| ChangeDone {
                alerts: Some(AlertAnswer::Words(words)),
                ..ChangeDone::default()
            });
            let _ = reply.send(answer);
        };
        // A thread that cannot be had drops the reply, which the asker is told of.
        if let Err(error) = thread::Builder::new().name("alert-test".to_owned()).spawn(run) {
            tracing::warn!("no test is sent: {error}");
        }
    }

    pub(super) fn ask_alerts(&self, asked: AlertAsk) -> Result<AlertAnswer, ChangeError> {
        match asked {
            AlertAsk::Acknowledge { event, who, note } => self.acknowledge(event, who, note),
            AlertAsk::Silences => self.silences(),
            AlertAsk::Silence {
                matcher,
                length,
                comment,
            } => self.silence(&matcher, length, comment),
            AlertAsk::EndSilence { id } => {
                let is_there = self.to.store.remove_silence(id).map_err(unkept)?;
                self.tell_silences();
                done(is_there)
            }
            AlertAsk::Outbox => self.outbox(),
            AlertAsk::Notices => self.notices(),
            AlertAsk::Retry { id } => {
                let now = self.to.clock.wall();
                let is_there = self.to.store.retry_letter(id, now).map_err(unkept)?;
                if let Some(notify) = &self.to.notify {
                    notify.wake();
                }
                done(is_there)
            }
            AlertAsk::MailInstead { id } => self.mail_instead(id),
            AlertAsk::Discard { id } => done(self.to.store.discard_letter(id).map_err(unkept)?),
            // Answered by a thread of its own.
            AlertAsk::Test { .. } => Err(ChangeError::NotFound),
        }
    }

    fn mail_instead(&self, id: i64) -> Result<AlertAnswer, ChangeError> {
        let Some(notify) = &self.to.notify else {
            return Err(ChangeError::Conflict(NOBODY.to_owned()));
        };
        notify.mail_instead(id).map_err(|unsent| match unsent {
            Unsent::Unknown => ChangeError::NotFound,
            Unsent::Refused(words) => ChangeError::Conflict(words),
            Unsent::Store(error) => unkept(error),
        })?;
        Ok(AlertAnswer::Done)
    }

    fn acknowledge(&self, event: EventId, who: String, note: String) -> Result<AlertAnswer, ChangeError> {
        let acknowledged = Acknowledged {
            event,
            at: self.to.clock.wall(),
            who,
            note,
        };
        self.to.store.acknowledge(acknowledged).map_err(unkept)?;
        self.to.spine.say(Word::Acknowledge(event), &self.to.clock);
        Ok(AlertAnswer::Done)
    }

    fn silences(&self) -> Result<AlertAnswer, ChangeError> {
        delivery::silences(&self.to.store, self.to.clock.wall())
            .map(AlertAnswer::Silences)
            .map_err(ChangeError::Failed)
    }

    fn silence(
        &self,
        matcher: &Matcher,
        length: Duration,
        comment: String,
    ) -> Result<AlertAnswer, ChangeError> {
        let now = self.to.clock.wall();
        let kept = delivery::silences(&self.to.store, now).map_err(ChangeError::Failed)?;
        if kept.len() >= limits::SILENCES {
            return Err(ChangeError::Conflict(format!(
                "there are {} silences, the limit: end one first, or write [[alerts.maintenance]]",
                kept.len()
            )));
        }
        let new = NewSilence {
            matcher: shape::write_matcher(matcher),
            until: now.plus(length),
            comment,
            made: now,
        };
        self.to.store.add_silence(new).map_err(unkept)?;
        self.tell_silences();
        self.silences()
    }

    fn outbox(&self) -> Result<AlertAnswer, ChangeError> {
        let letters = |state| {
            let letters = self.to.store.letters(state, LETTERS_SHOWN).map_err(unkept)?;
            Ok(letters.into_iter().map(info).collect())
        };
        let destinations = self.to.notify.as_ref().map(|notify| notify.destinations());
        Ok(AlertAnswer::Outbox(OutboxInfo {
            destinations: destinations.unwrap_or_default(),
            waiting: letters(LetterState::Waiting)?,
            dead: letters(LetterState::Dead)?,
        }))
    }

    fn notices(&self) -> Result<AlertAnswer, ChangeError> {
        let acks = self.to.store.acknowledgements(NOTICES_SHOWN).map_err(unkept)?;
        let mut told = Vec::new();
        for state in LetterState::ALL {
            let letters = self.to.store.letters(state, NOTICES_SHOWN).map_err(unkept)?;
            told.extend(letters.iter().filter_map(told_of));
        }
        Ok(AlertAnswer::Notices(NoticesInfo {
            acks: acks.into_iter().map(ack_info).collect(),
            told,
        }))
    }
}

fn ack_info(acknowledged: Acknowledged) -> AckInfo {
    AckInfo {
        event: acknowledged.event,
        at: acknowledged.at,
        who: acknowledged.who,
        note: acknowledged.note,
    }
}

/// Which events a letter tells of; `None` for one that tells of no event, or that a later version wrote.
fn told_of(letter: &Letter) -> Option<ToldInfo> {
    let Ok(Content::Alerts(notification)) = shape::read_content(&letter.notification) else {
        return None;
    };
    let events: Vec<EventId> = notification.items.iter().filter_map(|item| item.event).collect();
    (!events.is_empty()).then(|| ToldInfo {
        events,
        is_webhook: letter.destination.starts_with("webhook"),
        at: letter.sent.unwrap_or(letter.made),
        state: letter.state.word(),
    })
}

fn info(letter: Letter) -> LetterInfo {
    LetterInfo {
        id: letter.id,
        destination: letter.destination,
        made: letter.made,
        due: letter.due,
        attempts: letter.attempts,
        last_error: letter.last_error,
    }
}

fn done(is_there: bool) -> Result<AlertAnswer, ChangeError> {
    is_there.then_some(AlertAnswer::Done).ok_or(ChangeError::NotFound)
}

fn unkept(error: linewatch_store::StoreError) -> ChangeError {
    ChangeError::Failed(format!("the store did not take it: {error}"))
}

#[cfg(test)]
mod tests {
    use linewatch_core::alert::{Item, Kind, Notification, Telling};
    use linewatch_core::event::{RunId, Severity};
    use linewatch_core::time::WallTime;

    use super::*;

    fn item(event: Option<EventId>) -> Item {
        Item {
            target: None,
            slug: String::new(),
            name: String::new(),
            address: String::new(),
            kind: Kind::Outage,
            telling: Telling::Began,
            since: WallTime::from_nanos(1),
            until: None,
            duration_ns: 0,
            sent: 3,
            lost: 3,
            outages: 1,
            value: None,
            limit: None,
            event,
        }
    }

    fn letter(notification: String) -> Letter {
        Letter {
            id: 1,
            destination: "webhook:1".to_owned(),
            made: WallTime::from_nanos(5),
            due: WallTime::from_nanos(5),
            attempts: 1,
            state: LetterState::Sent,
            message_id: "m".to_owned(),
            notification,
            tried_with: None,
            last_error: None,
            sent: Some(WallTime::from_nanos(7)),
        }
    }

    #[test]
    fn a_letter_tells_of_the_events_it_names_and_of_nothing_else() {
        let event = EventId {
            run: RunId(3),
            seq: 17,
        };
        let notification = Notification {
            serial: 1,
            at: WallTime::from_nanos(5),
            to: Vec::new(),
            severity: Severity::Critical,
            causes: Vec::new(),
            items: vec![item(Some(event)), item(None)],
            more: 0,
        };
        let text = shape::write_content(&Content::Alerts(Box::new(notification)));
        let expected = ToldInfo {
            events: vec![event],
            is_webhook: true,
            at: WallTime::from_nanos(7),
            state: "sent",
        };
        assert_eq!(told_of(&letter(text)), Some(expected));
        let stop = Content::Stopped {
            at: WallTime::from_nanos(1),
            why: "SIGTERM".to_owned(),
        };
        assert_eq!(told_of(&letter(shape::write_content(&stop))), None);
        assert_eq!(told_of(&letter("{\"version\":99}".to_owned())), None);
    }
}

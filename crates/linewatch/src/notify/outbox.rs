//! Empties the outbox of one way: merges what waits, sends it, notes what became of it, and waits longer after each failure.
//!
//! At least once: an attempt is noted before it begins, and one whose end nobody knows is repeated as the very same message, with
//! the same Message-ID. In order: the next message of a destination leaves after the one before. The back-off is the destination's,
//! not the letter's: however much waits, a server in trouble is asked by one message at a time. Not here: how (`mail`, `webhook`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use linewatch_core::alert::Notification;
use linewatch_core::event::Severity;
use linewatch_core::time::{MonoTime, WallTime};
use linewatch_render::message::Matter;
use linewatch_store::{Fate, Letter, NewLetter, StoreError};

use crate::config::alerts::Retry;

use super::carrier::{Carrier, Outcome, Parcel, Refusal, refusals};
use super::reports::Keeper;
use super::shape::{self, Content};
use super::{Made, Page, Shared, mail, route};

/// Letters in one message at most: 100 of some 1 KB are a mail that people still open.
const MERGED: usize = 100;
/// The database could not be asked: it tells of its own trouble, and is asked again after this.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// How a destination has been lately.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    failures: u32,
    retry_at: MonoTime,
}

/// Empties one way.
pub(super) struct Worker {
    shared: Arc<Shared>,
    way: String,
    troubles: BTreeMap<String, Trouble>,
    /// The newest nudge that was followed.
    nudge: u64,
    /// Of the way of reports: puts in what is due.
    reports: Option<Keeper>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, way: String) -> Self {
        Self {
            reports: (way == route::REPORT).then(Keeper::default),
            shared,
            way,
            troubles: BTreeMap::new(),
            nudge: 0,
        }
    }

    /// Its key.
    pub(super) fn way(&self) -> &str {
        &self.way
    }

    /// Until nobody can ring any more.
    pub(super) fn run(&mut self, rung: &Receiver<()>) {
        loop {
            let nudge = self.shared.nudges.load(Ordering::SeqCst);
            let next = self.turn();
            self.shared.followed().insert(self.way.clone(), nudge);
            self.shared.turned.notify_all();
            let waited = match next {
                Some(at) => rung.recv_timeout(at.since(self.shared.clock.mono())),
                None => rung.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            if waited == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Tries whatever is due; when to look again.
    pub(super) fn turn(&mut self) -> Option<MonoTime> {
        let nudge = self.shared.nudges.load(Ordering::SeqCst);
        if nudge > self.nudge {
            self.nudge = nudge;
            self.forgive();
        }
        let look_at = match self.look().and_then(|at| self.empty().map(|()| at)) {
            Ok(look_at) => look_at,
            Err(StoreError::Stopped) => return None,
            Err(error) => {
                tracing::warn!(target: "notify", way = self.way, "the outbox cannot be read: {error}");
                return Some(self.shared.clock.mono().plus(STORE_PAUSE));
            }
        };
        let retries = self.troubles.values().map(|trouble| trouble.retry_at);
        retries.chain(look_at).min()
    }

    /// Puts in the report that is due, if this is its way; when to look again.
    fn look(&mut self) -> Result<Option<MonoTime>, StoreError> {
        let Some(keeper) = &mut self.reports else {
            return Ok(None);
        };
        let has_mail = self.shared.routes().has_email();
        keeper.look(&self.shared, has_mail).map(Some)
    }

    /// Whoever has failed may try again at once.
    fn forgive(&mut self) {
        for trouble in self.troubles.values_mut() {
            trouble.retry_at = MonoTime::ZERO;
        }
    }

    fn empty(&mut self) -> Result<(), StoreError> {
        // A success at this server is a reason to try the others there too: twice around at most.
        for _ in 0..2 {
            let waiting = self.shared.store.waiting_destinations()?;
            let mine: Vec<String> = waiting
                .into_iter()
                .filter(|destination| route::way_of(destination) == self.way)
                .collect();
            self.troubles.retain(|destination, _| mine.contains(destination));
            if self.way == route::EMAIL || self.is_first_way() {
                self.bury_unknown()?;
            }
            let Some(carrier) = self.shared.carrier(&self.way) else {
                return Ok(());
            };
            let mut has_succeeded = false;
            for destination in &mine {
                has_succeeded |= self.empty_destination(&carrier, destination)?;
            }
            if !has_succeeded || self.troubles.is_empty() {
                return Ok(());
            }
            self.forgive();
        }
        Ok(())
    }

    /// One way looks after what no way is there for.
    fn is_first_way(&self) -> bool {
        self.shared.routes().ways().first() == Some(&self.way)
    }

    /// Letters to somebody who is configured no longer are given up, visibly.
    fn bury_unknown(&self) -> Result<(), StoreError> {
        let ways = self.shared.routes().threads();
        for destination in self.shared.store.waiting_destinations()? {
            if ways.iter().any(|way| way == route::way_of(&destination)) {
                continue;
            }
            let letters = self.shared.store.waiting_letters(&destination, MERGED)?;
            let why = "this destination is configured no longer".to_owned();
            self.bury(&destination, &letters, why)?;
        }
        Ok(())
    }

    /// Sends what is due there, message by message. True: the server has taken one.
    fn empty_destination(&mut self, carrier: &Carrier, destination: &str) -> Result<bool, StoreError> {
        let mut has_succeeded = false;
        loop {
            let retry_at = self
                .troubles
                .get(destination)
                .map_or(MonoTime::ZERO, |trouble| trouble.retry_at);
            if retry_at > self.shared.clock.mono() {
                return Ok(has_succeeded);
            }
            let letters = self.shared.store.waiting_letters(destination, MERGED)?;
            let letters = self.without_old(destination, letters)?;
            let Some(message) = Message::first(letters) else {
                self.troubles.remove(destination);
                return Ok(has_succeeded);
            };
            let content = match message.contents(&self.shared) {
                Ok(content) => content,
                Err(Untellable::Letter(place, why)) => {
                    self.bury(destination, &message.letters[place..=place], why)?;
                    continue;
                }
                Err(Untellable::Now(why)) => {
                    self.note(destination, &message, Outcome::failed(why))?;
                    continue;
                }
            };
            let shared = Arc::clone(&self.shared);
            let Some(_until_noted) = shared.attempts.begin() else {
                return Err(StoreError::Stopped);
            };
            let outcome = self.attempt(carrier, destination, &message, &content)?;
            has_succeeded |= matches!(outcome, Outcome::Accepted { .. });
            self.note(destination, &message, outcome)?;
        }
    }

    /// Gives up what has waited too long.
    fn without_old(&self, destination: &str, letters: Vec<Letter>) -> Result<Vec<Letter>, StoreError> {
        let Retry { give_up, .. } = self.shared.plan().alerts.retry;
        let oldest = self.shared.clock.wall().minus(give_up);
        let (old, young): (Vec<Letter>, Vec<Letter>) =
            letters.into_iter().partition(|letter| letter.made < oldest);
        if !old.is_empty() {
            let last = old[0].last_error.clone().unwrap_or_default();
            let why = format!("given up after {} h: {last}", give_up.as_secs() / 3600);
            self.bury(destination, &old, why)?;
        }
        Ok(young)
    }

    fn bury(&self, destination: &str, letters: &[Letter], why: String) -> Result<(), StoreError> {
        let ids: Vec<i64> = letters.iter().map(|letter| letter.id).collect();
        self.say(format!(
            "{} message(s) to {destination} were given up: {why}",
            ids.len()
        ));
        self.shared.store.note_fate(&ids, Fate::Dead { why })
    }

    fn attempt(
        &self,
        carrier: &Carrier,
        destination: &str,
        message: &Message,
        contents: &Contents,
    ) -> Result<Outcome, StoreError> {
        let with = message.last().id;
        self.shared
            .store
            .note_fate(&message.ids(), Fate::Trying { with })?;
        let matter = contents.matter();
        let (head, graph_file) = {
            let plan = self.shared.plan();
            (plan.head.clone(), plan.alerts.graph_file.clone())
        };
        let picture = Parcel::first_item(&matter)
            .filter(|_| carrier.has_picture() || !graph_file.is_empty())
            .and_then(|item| {
                let png = (self.shared.graph)(item.target?, head.language)?;
                Some((png, item.name.clone()))
            });
        if let Some((png, _)) = &picture
            && !graph_file.is_empty()
            && let Err(error) = mail::write_graph(&graph_file, png)
        {
            tracing::warn!(target: "notify", "the graph could not be written: {graph_file}: {error}");
        }
        let parcel = Parcel {
            destination: destination.to_owned(),
            message_id: message.last().message_id.clone(),
            at: self.shared.clock.wall(),
            head,
            matter,
            picture: picture.filter(|_| carrier.has_picture()),
            pages: contents.pages(),
        };
        Ok(carrier.deliver(&parcel))
    }

    fn note(&mut self, destination: &str, message: &Message, outcome: Outcome) -> Result<(), StoreError> {
        let ids = message.ids();
        match outcome {
            Outcome::Accepted { words, refused } => {
                tracing::info!(target: "notify", destination, letters = ids.len(), "delivered: {words}");
                self.troubles.remove(destination);
                let also = self.again_for(message, &refused);
                for letter in &also {
                    self.back_off(&letter.destination, &refusals(&refused));
                }
                if !refused.is_empty() {
                    self.say(format!(
                        "a message was not accepted for everybody: {}",
                        refusals(&refused)
                    ));
                }
                let fate = Fate::Sent {
                    at: self.shared.clock.wall(),
                    note: (!refused.is_empty()).then(|| refusals(&refused)),
                    also,
                };
                self.shared.store.note_fate(&ids, fate)
            }
            Outcome::Refused { words } => {
                self.troubles.remove(destination);
                self.bury(destination, &message.letters, words)
            }
            Outcome::Failed { words, is_unknown } => {
                let pause = self.back_off(destination, &words);
                let fate = Fate::Failed {
                    due: self.shared.clock.wall().plus(pause),
                    why: words,
                    // Once nobody knows, only an acceptance ends it.
                    is_unknown: is_unknown || message.last().tried_with.is_some(),
                };
                self.shared.store.note_fate(&ids, fate)
            }
        }
    }

    /// Those of several who were refused for now get it by themselves.
    fn again_for(&self, message: &Message, refused: &[Refusal]) -> Vec<NewLetter> {
        let routes = self.shared.routes();
        let later = refused.iter().filter(|refusal| !refusal.is_permanent);
        later
            .flat_map(|refusal| {
                let destination = route::person(route::way_of(&message.last().destination), &refusal.address);
                let routes = &routes;
                message.letters.iter().map(move |letter| NewLetter {
                    destination: destination.clone(),
                    made: letter.made,
                    message_id: routes.message_id(
                        &self.shared.vantage,
                        &format!("again-{}", letter.id),
                        &destination,
                    ),
                    notification: letter.notification.clone(),
                })
            })
            .collect()
    }

    /// Nothing leaves for this destination until the pause is over; how long it is.
    fn back_off(&mut self, destination: &str, words: &str) -> Duration {
        let retry = self.shared.plan().alerts.retry;
        let trouble = self.troubles.entry(destination.to_owned()).or_default();
        let pause = pause(retry, trouble.failures, random());
        trouble.failures = trouble.failures.saturating_add(1);
        trouble.retry_at = self.shared.clock.mono().plus(pause);
        let seconds = pause.as_secs_f64();
        if trouble.failures == 1 {
            self.say(format!(
                "a message to {destination} was not delivered, next attempt in {seconds:.0} s: {words}"
            ));
        } else {
            tracing::info!(target: "notify", destination, "not delivered, next attempt in {seconds:.0} s: {words}");
        }
        pause
    }

    /// Into the log of events, and by that into the log.
    fn say(&self, sentence: String) {
        (self.shared.on_trouble)(Severity::Warning, sentence);
    }
}

/// Letters that travel as one message.
struct Message {
    letters: Vec<Letter>,
}

/// What a message says, taken from its letters.
enum Contents {
    Alerts(Vec<Notification>),
    Stopped { at: WallTime, why: String },
    Interrupted { from: WallTime, to: WallTime },
    Report(Box<Made>),
}

/// Why a message cannot be told.
enum Untellable {
    /// This letter of it never can, in words.
    Letter(usize, String),
    /// Not now.
    Now(String),
}

impl Contents {
    fn matter(&self) -> Matter<'_> {
        match self {
            Self::Alerts(notifications) => Matter::Alerts(notifications),
            Self::Stopped { at, why } => Matter::Stopped { at: *at, why },
            Self::Interrupted { from, to } => Matter::Interrupted { from: *from, to: *to },
            Self::Report(made) => Matter::Report(&made.digest),
        }
    }

    /// What is attached.
    fn pages(&self) -> &[Page] {
        match self {
            Self::Report(made) => &made.pages,
            Self::Alerts(_) | Self::Stopped { .. } | Self::Interrupted { .. } => &[],
        }
    }
}

impl Message {
    /// The next message of these: exactly those of an attempt of unknown end, or as many as can be told in one.
    fn first(letters: Vec<Letter>) -> Option<Self> {
        let first = letters.first()?;
        let is_alerts = |letter: &Letter| {
            // What cannot be read travels alone, and is given up alone.
            matches!(shape::read_content(&letter.notification), Ok(Content::Alerts(_)))
        };
        let tried_with = first.tried_with;
        let first_is_alerts = is_alerts(first);
        let together = |(place, letter): &(usize, Letter)| match tried_with {
            Some(last) => letter.tried_with == Some(last),
            None => *place == 0 || (first_is_alerts && letter.tried_with.is_none() && is_alerts(letter)),
        };
        let letters = letters
            .into_iter()
            .enumerate()
            .take_while(together)
            .map(|(_, letter)| letter)
            .collect();
        Some(Self { letters })
    }

    fn ids(&self) -> Vec<i64> {
        self.letters.iter().map(|letter| letter.id).collect()
    }

    /// The one whose Message-ID stands for all.
    fn last(&self) -> &Letter {
        // `first` makes none without a letter.
        &self.letters[self.letters.len() - 1]
    }

    /// What it says. A report is made here, which takes its time.
    fn contents(&self, shared: &Shared) -> Result<Contents, Untellable> {
        let mut notifications = Vec::with_capacity(self.letters.len());
        for (place, letter) in self.letters.iter().enumerate() {
            match shape::read_content(&letter.notification) {
                Ok(Content::Alerts(notification)) => notifications.push(*notification),
                Ok(Content::Stopped { at, why }) => return Ok(Contents::Stopped { at, why }),
                Ok(Content::Interrupted { from, to }) => return Ok(Contents::Interrupted { from, to }),
                Ok(Content::Report(order)) => {
                    let made = shared.made(&order).map_err(Untellable::Now)?;
                    return Ok(Contents::Report(Box::new(made)));
                }
                Err(why) => return Err(Untellable::Letter(place, why)),
            }
        }
        Ok(Contents::Alerts(notifications))
    }
}

/// Twice as long after each failure, up to the longest; a quarter more or less, so that many monitors of one server do not
/// come back at one moment.
fn pause(retry: Retry, failures: u32, random: u64) -> Duration {
    let doubled = retry.first.saturating_mul(1_u32 << failures.min(20));
    let longest = doubled.min(retry.max);
    // 0.75 to 1.25 in steps of 1/2048.
    longest.mul_f64(0.75 + (random % 1024) as f64 / 2048.0)
}

/// Without random numbers every pause is the shortest: still a pause.
fn random() -> u64 {
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_spread_by_a_quarter() {
        let retry = Retry {
            first: Duration::from_secs(30),
            max: Duration::from_secs(900),
            give_up: Duration::from_secs(72 * 3600),
        };
        let seconds = |failures, random| pause(retry, failures, random).as_secs();
        assert_eq!((seconds(0, 512), seconds(1, 512), seconds(4, 512)), (30, 60, 480));
        assert_eq!((seconds(5, 512), seconds(u32::MAX, 512)), (900, 900));
        assert_eq!((seconds(5, 0), seconds(5, 1023)), (675, 1124));
    }
}

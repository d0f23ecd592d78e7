//! Keeps what is to be told until it is told: the outbox, what the rules remember, silences and acknowledgements.
//!
//! Every question goes through the writer and waits for it: what it answers is committed, and what it was told is too.
//! The texts (notifications, snapshots, matchers) are the caller's JSON; nothing here looks into them.

use linewatch_core::event::{EventId, RunId};
use linewatch_core::time::WallTime;

use crate::error::StoreError;
use crate::handle::StoreHandle;
use crate::sqlite::outbox;

/// One thing to be told to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLetter {
    /// Whom: `email`, `email:a@b`, `webhook:1`.
    pub destination: String,
    /// When it was decided.
    pub made: WallTime,
    /// Its Message-ID without brackets: the same one is never put in twice.
    pub message_id: String,
    /// What, as versioned JSON.
    pub notification: String,
}

/// One decision: what is told to whom, and what the rules remember from then on. All of it in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// To each destination.
    pub letters: Vec<NewLetter>,
    /// Replaces what was remembered, as versioned JSON; `None`: that stays as it is.
    pub snapshot: Option<String>,
}

/// Whom a letter that was given up is for from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// See [`NewLetter::destination`].
    pub destination: String,
    /// See [`NewLetter::message_id`]: another one, or a server that has heard of the old one might drop it.
    pub message_id: String,
}

/// What became of a letter so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// It is tried again.
    Waiting,
    /// The destination has accepted it.
    Sent,
    /// It is given up, until a person says otherwise.
    Dead,
}

impl LetterState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::Dead];

    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }
}

/// A letter as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Grows with every letter; the order in which they are told.
    pub id: i64,
    /// See [`NewLetter::destination`].
    pub destination: String,
    /// When it was decided.
    pub made: WallTime,
    /// Not before then, unless the line has come back.
    pub due: WallTime,
    /// Attempts that have begun.
    pub attempts: u32,
    /// What became of it.
    pub state: LetterState,
    /// See [`NewLetter::message_id`].
    pub message_id: String,
    /// See [`NewLetter::notification`].
    pub notification: String,
    /// The last letter of the message it was tried in, while nobody knows whether that arrived: only the same message may
    /// be tried again.
    pub tried_with: Option<i64>,
    /// Why the last attempt failed, in the server's words where it had any.
    pub last_error: Option<String>,
    /// When it was accepted.
    pub sent: Option<WallTime>,
}

/// What became of an attempt, for all the letters of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// An attempt begins now, as one message that ends with this letter. Its end is unknown until another fate is noted.
    Trying {
        /// The last letter of the message.
        with: i64,
    },
    /// Accepted.
    Sent {
        /// When.
        at: WallTime,
        /// Whom the server refused among several, and why.
        note: Option<String>,
        /// For those of several who are to be tried once more by themselves.
        also: Vec<NewLetter>,
    },
    /// Certainly not accepted, or (`is_unknown`) perhaps accepted: again at `due`.
    Failed {
        /// When to try again.
        due: WallTime,
        /// Why.
        why: String,
        /// Only the same message may be tried again.
        is_unknown: bool,
    },
    /// Given up.
    Dead {
        /// Why.
        why: String,
    },
}

/// A silence to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSilence {
    /// About which targets, as JSON.
    pub matcher: String,
    /// And no longer.
    pub until: WallTime,
    /// Why.
    pub comment: String,
    /// When it was made.
    pub made: WallTime,
}

/// A silence as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSilence {
    /// Its number, never given twice.
    pub id: u64,
    /// What it says.
    pub silence: NewSilence,
}

/// Somebody has taken notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Of which event.
    pub event: EventId,
    /// When.
    pub at: WallTime,
    /// Who.
    pub who: String,
    /// What they said about it.
    pub note: String,
}

impl StoreHandle {
    /// Puts a decision into the outbox and waits until it is committed. The way of the spine is
    /// [`crate::StoreMessage::Told`], which waits for nobody.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now; nothing of it is kept then.
    pub fn tell(&self, told: Told) -> Result<(), StoreError> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            outbox::insert(&transaction, &told)?;
            transaction.commit()
        })
    }

    /// Puts a report into the outbox and remembers (`mark`, the caller's text) up to where reports were told: both in one
    /// transaction, or neither. `None` forgets what was remembered. Waits until it is committed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now; nothing of it is kept then.
    pub fn tell_report(&self, letters: Vec<NewLetter>, mark: Option<String>) -> Result<(), StoreError> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            outbox::insert_report(&transaction, &letters, mark.as_deref())?;
            transaction.commit()
        })
    }

    /// Up to where reports were told, as [`StoreHandle::tell_report`] was given it.
    ///
    /// # Errors
    ///
    /// As [`StoreHandle::waiting_letters`].
    pub fn report_mark(&self) -> Result<Option<String>, StoreError> {
        self.with(|connection| outbox::report_mark(connection))
    }

    /// The oldest letters that wait for this destination, in their order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or what was told before cannot be written.
    pub fn waiting_letters(&self, destination: &str, limit: usize) -> Result<Vec<Letter>, StoreError> {
        let destination = destination.to_owned();
        self.with(move |connection| outbox::waiting(connection, &destination, limit))
    }

    /// Destinations for which something waits.
    ///
    /// # Errors
    ///
    /// As [`StoreHandle::waiting_letters`].
    pub fn waiting_destinations(&self) -> Result<Vec<String>, StoreError> {
        self.with(|connection| outbox::destinations(connection))
    }

    /// The newest letters in this state, newest first.
    ///
    /// # Errors
    ///
    /// As [`StoreHandle::waiting_letters`].
    pub fn letters(&self, state: LetterState, limit: usize) -> Result<Vec<Letter>, StoreError> {
        self.with(move |connection| outbox::newest(connection, state, limit))
    }

    /// Notes what became of an attempt with these letters; they must be waiting.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn note_fate(&self, letters: &[i64], fate: Fate) -> Result<(), StoreError> {
        let letters = letters.to_vec();
        self.with(move |connection| outbox::note_fate(connection, &letters, &fate))
    }

    /// A letter that was given up is tried again from now on. False if there is none with this number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn retry_letter(&self, id: i64, now: WallTime) -> Result<bool, StoreError> {
        self.with(move |connection| outbox::retry(connection, id, now))
    }

    /// The letter with this number, if it was given up.
    ///
    /// # Errors
    ///
    /// As [`StoreHandle::waiting_letters`].
    pub fn dead_letter(&self, id: i64) -> Result<Option<Letter>, StoreError> {
        self.with(move |connection| outbox::dead(connection, id))
    }

    /// A letter that was given up is for somebody else from now on, and waits for them. False if there is none with this
    /// number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn redirect_letter(&self, id: i64, to: Redirect, now: WallTime) -> Result<bool, StoreError> {
        self.with(move |connection| outbox::redirect(connection, id, &to, now))
    }

    /// Throws away a letter that was given up. False if there is none with this number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn discard_letter(&self, id: i64) -> Result<bool, StoreError> {
        self.with(move |connection| outbox::discard(connection, id))
    }

    /// What the rules remembered last.
    ///
    /// # Errors
    ///
    /// As [`StoreHandle::waiting_letters`].
    pub fn alert_state(&self) -> Result<Option<String>, StoreError> {
        self.with(|connection| outbox::alert_state(connection))
    }

    /// The silences that end after `now`; those that have ended are deleted.
    ///
    /// # Errors
    ///
    /// As [`StoreHandle::waiting_letters`].
    pub fn silences(&self, now: WallTime) -> Result<Vec<StoredSilence>, StoreError> {
        self.with(move |connection| outbox::silences(connection, now))
    }

    /// Keeps a silence; its number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn add_silence(&self, silence: NewSilence) -> Result<u64, StoreError> {
        self.with(move |connection| outbox::add_silence(connection, &silence))
    }

    /// Ends a silence. False if there is none with this number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn remove_silence(&self, id: u64) -> Result<bool, StoreError> {
        self.with(move |connection| outbox::remove_silence(connection, id))
    }

    /// Keeps an acknowledgement; the first one of an event stays, and a later one only brings its note.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn acknowledge(&self, acknowledged: Acknowledged) -> Result<(), StoreError> {
        self.with(move |connection| outbox::acknowledge(connection, &acknowledged))
    }

    /// The newest acknowledgements, newest first.
    ///
    /// # Errors
    ///
    /// As [`StoreHandle::waiting_letters`].
    pub fn acknowledgements(&self, limit: usize) -> Result<Vec<Acknowledged>, StoreError> {
        self.with(move |connection| outbox::acknowledgements(connection, limit))
    }
}

/// The id of an event from its two numbers.
pub(crate) const fn event_id(run: u64, seq: u64) -> EventId {
    EventId { run: RunId(run), seq }
}

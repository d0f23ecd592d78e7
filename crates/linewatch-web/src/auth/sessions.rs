//! Remembers signed-in browsers: only digests, in memory, bounded in number, idle time and age.
//!
//! A session belongs to the password it was opened with and ends with it (SAFETY, "Sessions"). Those that were asked to outlive
//! a restart are in `file` instead.

use std::collections::HashMap;

use linewatch_core::limits::{SESSION_AGE, SESSION_IDLE, SESSIONS};
use linewatch_core::time::MonoTime;

use super::secret::Digest;

#[derive(Clone, Copy, Debug)]
struct Session {
    /// Of the password's hash.
    password: Digest,
    opened_at: MonoTime,
    used_at: MonoTime,
}

/// Everybody who is signed in until the next start.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    known: HashMap<Digest, Session>,
}

impl Sessions {
    /// Opens one. When all places are taken, the one idle for longest gives way.
    pub(crate) fn open(&mut self, digest: Digest, password: Digest, now: MonoTime) {
        self.known.retain(|_, session| session.is_open(now));
        if self.known.len() >= SESSIONS {
            let idlest = self.known.iter().min_by_key(|(_, session)| session.used_at);
            if let Some(digest) = idlest.map(|(digest, _)| *digest) {
                self.known.remove(&digest);
            }
        }
        let session = Session {
            password,
            opened_at: now,
            used_at: now,
        };
        self.known.insert(digest, session);
    }

    /// Whether it is open under this password. `is_use`: a person did something, so it is not idle.
    pub(crate) fn is_open(
        &mut self,
        digest: Digest,
        password: Option<Digest>,
        now: MonoTime,
        is_use: bool,
    ) -> bool {
        let Some(session) = self.known.get_mut(&digest) else {
            return false;
        };
        if Some(session.password) != password || !session.is_open(now) {
            self.known.remove(&digest);
            return false;
        }
        if is_use {
            session.used_at = now;
        }
        true
    }

    /// Ends it.
    pub(crate) fn close(&mut self, digest: Digest) {
        self.known.remove(&digest);
    }
}

impl Session {
    fn is_open(&self, now: MonoTime) -> bool {
        now.since(self.used_at) < SESSION_IDLE && now.since(self.opened_at) < SESSION_AGE
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> MonoTime {
        MonoTime::ZERO.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_session_ends_with_idleness_with_age_and_with_its_password() {
        let (password, other) = (Digest::of("hash"), Digest::of("another hash"));
        let (idle, age) = (SESSION_IDLE.as_secs(), SESSION_AGE.as_secs());
        let mut sessions = Sessions::default();
        let one = Digest::of("one");
        sessions.open(one, password, at(0));
        assert!(sessions.is_open(one, Some(password), at(idle - 1), false));
        assert!(!sessions.is_open(one, Some(password), at(idle), true), "idle");
        sessions.open(one, password, at(0));
        for used in (0..age).step_by(3600) {
            assert!(sessions.is_open(one, Some(password), at(used), true), "{used} s");
        }
        assert!(!sessions.is_open(one, Some(password), at(age), true), "old");
        sessions.open(one, password, at(0));
        assert!(!sessions.is_open(one, Some(other), at(1), true));
        assert!(
            !sessions.is_open(one, Some(password), at(1), true),
            "gone for good"
        );
        sessions.open(one, password, at(0));
        assert!(!sessions.is_open(one, None, at(1), true));
    }

    #[test]
    fn their_number_is_bounded_and_the_idlest_gives_way() {
        let password = Digest::of("hash");
        let mut sessions = Sessions::default();
        for index in 0..=SESSIONS as u64 {
            sessions.open(Digest::of(&index.to_string()), password, at(index));
        }
        assert!(!sessions.is_open(Digest::of("0"), Some(password), at(300), true));
        assert!(sessions.is_open(Digest::of("1"), Some(password), at(300), true));
        assert_eq!(sessions.known.len(), SESSIONS);
    }
}

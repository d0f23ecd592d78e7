//! Decides who somebody is: this computer, a signed-in browser, a program with a token, or nobody we know.
//!
//! In: where a request came in, its headers, the clock. Out: a role. The file of hashes may be changed beside us (`linewatch admin
//! reset-password`): it is looked at again at most a second later. Without a readable file nobody is let in. Not here: which role
//! a route needs (`routes`), Host and Origin (`guard`).

mod file;
mod lines;
mod secret;
mod sessions;
mod throttle;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use linewatch_core::limits::{LOGINS_WAITING, PASSWORD_BYTES_MAX, SESSION_KEPT_AGE};
use linewatch_core::port::Clock;
use linewatch_core::time::MonoTime;
use tokio::sync::Semaphore;

use crate::guard::Role;
use crate::live::socket::subprotocols;
use crate::respond::Refusal;
use file::{Credentials, KeptSession, Stamp};
use secret::Digest;
use sessions::Sessions;
use throttle::{Fold, Throttle};

pub use file::{AdminError, AdminFile, NewToken, TokenInfo, TokenRole};
pub use secret::SecretError;

/// How long a look at the file of hashes is trusted: a new password counts by then.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A browser cannot set headers of a WebSocket, but it can name subprotocols (SAFETY T4).
pub(crate) const TOKEN_SUBPROTOCOL: &str = "linewatch.token.";

/// What is asked for at the door.
#[derive(Clone, Debug)]
pub struct AccessRule {
    /// `auth = "off"`: everybody may do everything.
    pub is_off: bool,
    /// Who is not signed in may look.
    pub is_public_read: bool,
    /// A proxy shows us under another name or path, so that a connection from this computer says nothing of who is behind it.
    pub is_proxied: bool,
}

/// Who asks, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) role: Role,
    pub(crate) by: By,
}

/// By what somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Nothing is asked for.
    Off,
    /// It is this computer, and no proxy on it.
    Computer,
    /// A browser that signed in.
    Session(Digest),
    /// A program.
    Token(Digest),
    /// Nobody we know.
    Nobody,
}

impl By {
    /// The word of the API.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Computer => "computer",
            Self::Session(_) => "session",
            Self::Token(_) => "token",
            Self::Nobody => "nobody",
        }
    }
}

/// Why a password was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unwelcome {
    /// It is not the one.
    Wrong {
        tries_left: u32,
        /// Zero while there are tries left.
        wait: Duration,
    },
    /// Too many tries.
    Wait(Duration),
    /// There is no password yet.
    NoPassword,
    /// Others are being judged.
    Busy,
    /// The file of hashes cannot be used.
    Unreadable(String),
}

/// A browser that has just signed in.
#[derive(Debug)]
pub(crate) struct Welcome {
    /// The cookie's value.
    pub(crate) secret: String,
    /// How long the browser keeps it; `None`: until it is closed.
    pub(crate) kept: Option<Duration>,
}

/// The door's memory.
pub(crate) struct Access {
    rule: AccessRule,
    file: AdminFile,
    clock: Arc<dyn Clock + Sync>,
    /// Two monitors of one host share its cookies: each has a name of its own.
    cookie: String,
    memory: Mutex<Memory>,
    /// One password is judged at a time.
    judging: Arc<Semaphore>,
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Memory {
    looked_at: Option<MonoTime>,
    stamp: Option<Stamp>,
    credentials: Credentials,
    trouble: Option<String>,
    sessions: Sessions,
    throttle: Throttle,
    fold: Fold,
}

impl Access {
    /// Whoever comes is judged by this rule and this file. `port` tells our cookie from those of other monitors here.
    pub(crate) fn new(rule: AccessRule, file: AdminFile, clock: Arc<dyn Clock + Sync>, port: u16) -> Self {
        Self {
            rule,
            file,
            clock,
            cookie: format!("linewatch_session_{port}"),
            memory: Mutex::new(Memory::default()),
            judging: Arc::new(Semaphore::new(1)),
            waiting: AtomicUsize::new(0),
        }
    }

    pub(crate) fn rule(&self) -> &AccessRule {
        &self.rule
    }

    pub(crate) fn file(&self) -> &AdminFile {
        &self.file
    }

    /// Who asks. `is_here`: a connection of this computer to a door that only it can reach, with no sign of a proxy.
    ///
    /// A token that is none is refused instead of overlooked: its program believes to be somebody.
    pub(crate) fn who(&self, is_here: bool, headers: &HeaderMap) -> Result<Who, Refusal> {
        if self.rule.is_off {
            return Ok(Who {
                role: Role::Admin,
                by: By::Off,
            });
        }
        if is_here && !self.rule.is_proxied {
            return Ok(Who {
                role: Role::Admin,
                by: By::Computer,
            });
        }
        if let Some(token) = token_of(headers) {
            let digest = Digest::of(token);
            let role = self.memory().token(digest).ok_or_else(unknown_token)?;
            return Ok(Who {
                role,
                by: By::Token(digest),
            });
        }
        for cookie in self.cookies(headers) {
            let digest = Digest::of(cookie);
            if self.is_signed_in(digest, true) {
                return Ok(Who {
                    role: Role::Admin,
                    by: By::Session(digest),
                });
            }
        }
        let role = if self.rule.is_public_read {
            Role::Viewer
        } else {
            Role::Public
        };
        Ok(Who { role, by: By::Nobody })
    }

    /// Whether this long connection may still look: its session or token may have ended since.
    pub(crate) fn may_still_look(&self, who: Who) -> bool {
        match who.by {
            By::Off | By::Computer | By::Nobody => true,
            _ if self.rule.is_public_read => true,
            By::Session(digest) => self.is_signed_in(digest, false),
            By::Token(digest) => self.memory().token(digest).is_some(),
        }
    }

    fn is_signed_in(&self, digest: Digest, is_use: bool) -> bool {
        let (now, wall) = (self.clock.mono(), self.clock.wall());
        let mut memory = self.memory();
        let password = memory.credentials.password.as_deref().map(Digest::of);
        let is_kept = password.is_some()
            && memory
                .credentials
                .kept
                .iter()
                .any(|kept| kept.digest == digest && wall < kept.until);
        is_kept || memory.sessions.is_open(digest, password, now, is_use)
    }

    /// Judges a password, slowly and one at a time; right, it opens a session.
    pub(crate) async fn log_in(
        &self,
        peer: IpAddr,
        password: String,
        is_kept: bool,
    ) -> Result<Welcome, Unwelcome> {
        let now = self.clock.mono();
        let (hash, tries_left) = {
            let mut memory = self.memory();
            if let Some(trouble) = &memory.trouble {
                return Err(Unwelcome::Unreadable(trouble.clone()));
            }
            let hash = memory.credentials.password.clone().ok_or(Unwelcome::NoPassword)?;
            (hash, memory.throttle.take(peer, now).map_err(Unwelcome::Wait)?)
        };
        let is_right = password.len() <= PASSWORD_BYTES_MAX && self.judge(password, hash.clone()).await?;
        if !is_right {
            let mut memory = self.memory();
            memory.fold.note(peer);
            let wait = memory.throttle.wait(peer, self.clock.mono());
            return Err(Unwelcome::Wrong { tries_left, wait });
        }
        self.memory().throttle.forgive(peer);
        self.open(&hash, is_kept).await
    }

    async fn judge(&self, password: String, hash: String) -> Result<bool, Unwelcome> {
        let _place = Waiting::take(&self.waiting).ok_or(Unwelcome::Busy)?;
        let permit = Arc::clone(&self.judging)
            .acquire_owned()
            .await
            .map_err(|_| Unwelcome::Busy)?;
        let judged = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            secret::is_password(&password, &hash)
        });
        judged.await.map_err(|_| Unwelcome::Busy)
    }

    async fn open(&self, hash: &str, is_kept: bool) -> Result<Welcome, Unwelcome> {
        let secret = secret::new_session().map_err(|error| Unwelcome::Unreadable(error.to_string()))?;
        let digest = Digest::of(&secret);
        if is_kept {
            let until = self.clock.wall().plus(SESSION_KEPT_AGE);
            let file = self.file.clone();
            let kept =
                tokio::task::spawn_blocking(move || file.keep_session(KeptSession { digest, until })).await;
            match kept {
                Ok(Ok(())) => {
                    self.look_again();
                    let kept = Some(SESSION_KEPT_AGE);
                    return Ok(Welcome { secret, kept });
                }
                // A full disk keeps nobody out: the session ends with this run.
                Ok(Err(error)) => tracing::warn!(%error, "session not kept"),
                Err(error) => tracing::warn!(%error, "session not kept"),
            }
        }
        self.memory()
            .sessions
            .open(digest, Digest::of(hash), self.clock.mono());
        Ok(Welcome { secret, kept: None })
    }

    /// Ends the sessions that a request carries, on this computer's side too.
    pub(crate) async fn log_out(&self, headers: &HeaderMap) {
        for digest in self.cookies(headers).map(Digest::of).collect::<Vec<_>>() {
            let is_kept = {
                let mut memory = self.memory();
                memory.sessions.close(digest);
                memory.credentials.kept.iter().any(|kept| kept.digest == digest)
            };
            if is_kept {
                let file = self.file.clone();
                let forgotten = tokio::task::spawn_blocking(move || file.forget_session(digest)).await;
                if let Ok(Err(error)) = forgotten {
                    tracing::warn!(%error, "session not forgotten");
                }
                self.look_again();
            }
        }
    }

    /// After a change of ours the next question reads the file.
    pub(crate) fn look_again(&self) {
        self.lock().looked_at = None;
    }

    /// Whether somebody could sign in.
    pub(crate) fn has_password(&self) -> bool {
        self.memory().credentials.password.is_some()
    }

    /// What an event is to say of wrong passwords, if it is time.
    pub(crate) fn trouble(&self) -> Option<String> {
        let now = self.clock.mono();
        self.lock().fold.due(now)
    }

    /// The `Set-Cookie` of a session. SameSite=Strict: no other site's link or form carries it.
    pub(crate) fn set_cookie(
        &self,
        base: &str,
        secret: &str,
        max_age: Option<Duration>,
        is_secure: bool,
    ) -> String {
        let age = max_age.map_or_else(String::new, |age| format!("; Max-Age={}", age.as_secs()));
        let secure = if is_secure { "; Secure" } else { "" };
        format!(
            "{}={secret}; Path={base}/; HttpOnly; SameSite=Strict{age}{secure}",
            self.cookie
        )
    }

    fn cookies<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let pairs = headers.get_all(header::COOKIE).iter();
        let pairs = pairs
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(';'));
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, value)| *name == self.cookie && !value.is_empty())
            .map(|(_, value)| value)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With the file as it is now, or was a second ago.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        let now = self.clock.mono();
        let mut memory = self.lock();
        if memory.looked_at.is_none_or(|at| now.since(at) >= LOOK_EVERY) {
            let is_first = memory.looked_at.is_none();
            memory.looked_at = Some(now);
            memory.look(&self.file, is_first);
        }
        memory
    }
}

impl Memory {
    fn look(&mut self, file: &AdminFile, is_first: bool) {
        let stamp = file.stamp();
        if !is_first && self.trouble.is_none() && stamp.as_ref().is_ok_and(|stamp| *stamp == self.stamp) {
            return;
        }
        self.stamp = stamp.unwrap_or_default();
        match file.read() {
            Ok(credentials) => {
                // The way back in after a reset is not barred by tries at the password before.
                if self.credentials.password != credentials.password {
                    self.throttle = Throttle::default();
                }
                self.credentials = credentials;
                self.trouble = None;
            }
            Err(error) => {
                let error = error.to_string();
                if self.trouble.as_deref() != Some(&error) {
                    tracing::error!("nobody can sign in: {error}");
                }
                self.credentials = Credentials::default();
                self.trouble = Some(error);
            }
        }
    }

    fn token(&self, digest: Digest) -> Option<Role> {
        let mut tokens = self.credentials.tokens.iter();
        tokens
            .find(|(_, known)| *known == digest)
            .map(|(info, _)| info.role.role())
    }
}

/// One place among those who wait for their password to be judged.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn take(count: &'a AtomicUsize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::SeqCst);
        let place = Self(count);
        (before < LOGINS_WAITING).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// `Authorization: Bearer TOKEN`, or the subprotocol that stands in for it.
fn token_of(headers: &HeaderMap) -> Option<&str> {
    let text = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let bearer = text.and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    bearer.or_else(|| subprotocols(headers).find_map(|name| name.strip_prefix(TOKEN_SUBPROTOCOL)))
}

fn unknown_token() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "unknown_token",
        "this token is not known, or was revoked: make one with `linewatch admin token create`",
    )
}

//! Sends a message as mail: who, to whom, and within which time. The dialogue is `session`'s, the MIME parts are `message`'s.
//!
//! The library's time limits are per read and write, and a server can drip one byte before each; the whole attempt has a limit of its
//! own: it runs on a thread that is left behind when that is over.

mod message;
mod session;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;

use crate::config::alerts::{Email, Tls};

use super::carrier::{Outcome, Parcel};
use super::credentials::{self, Account};
use super::route;
use session::Session;

/// No answer for this long to one command. RFC 5321 section 4.5.3.2 allows minutes, but who waits for an alert wants the next try.
const STEP: Duration = Duration::from_secs(30);
/// A whole attempt: dialogue, login, and a megabyte over a slow line.
const WHOLE: Duration = Duration::from_secs(150);

/// How long a server may take.
#[derive(Clone, Copy, Debug)]
struct Patience {
    step: Duration,
    whole: Duration,
}

/// The way "mail".
#[derive(Clone)]
pub(super) struct Mailer {
    email: Email,
    patience: Patience,
    /// Certificates trusted beside the system's.
    roots: Vec<Certificate>,
}

impl Mailer {
    /// By these settings; `None`: nobody sends.
    pub(super) fn of(email: &Email) -> Option<Self> {
        credentials::sender(email)?;
        Some(Self {
            email: email.clone(),
            patience: Patience {
                step: STEP,
                whole: WHOLE,
            },
            roots: Vec::new(),
        })
    }

    /// With a peer that is on this computer and has a certificate of its own.
    #[cfg(test)]
    pub(super) fn impatient(mut self, step: Duration, root: Option<&str>) -> Self {
        self.patience = Patience {
            step,
            whole: 20 * step,
        };
        self.roots
            .extend(root.map(|pem| Certificate::from_pem(pem.as_bytes()).expect("a certificate")));
        self
    }

    pub(super) fn deliver(&self, parcel: &Parcel<'_>) -> Outcome {
        let prepared = self.account().and_then(|account| {
            let (from, to) = self.people(&account, parcel)?;
            let bytes = message::compose(parcel, &from, &to)?;
            let session = self.session(account)?;
            Ok((session, bytes, from, to))
        });
        let (session, bytes, from, to) = match prepared {
            Ok(prepared) => prepared,
            Err(words) => return Outcome::failed(words),
        };
        let to: Vec<Address> = to.into_iter().map(|mailbox| mailbox.email).collect();
        let step = self.patience.whole;
        within(self.patience.whole, move || {
            session.deliver(from.email, &to, &bytes)
        })
        .unwrap_or_else(|| Outcome::Failed {
            words: format!(
                "the mail server did not come to an end within {} s",
                step.as_secs()
            ),
            is_unknown: true,
        })
    }

    /// Up to the login, and sends nothing; the server's words.
    pub(super) fn check(&self) -> Result<String, String> {
        let session = self.account().and_then(|account| self.session(account))?;
        let whole = self.patience.whole;
        within(whole, move || session.check()).unwrap_or_else(|| {
            Err(format!(
                "the mail server did not come to an end within {} s",
                whole.as_secs()
            ))
        })
    }

    fn account(&self) -> Result<Account, String> {
        credentials::account(&self.email)?.ok_or_else(|| {
            "nobody sends: set [alerts.email] from, or EMAIL_SENDER in the environment".to_owned()
        })
    }

    fn session(&self, account: Account) -> Result<Session, String> {
        let tls = match (self.email.tls, account.port) {
            (Tls::Auto, 465) | (Tls::Implicit, _) => Tls::Implicit,
            (Tls::Auto | Tls::StartTls, _) => Tls::StartTls,
            (Tls::None, _) => Tls::None,
        };
        Session::new(account, tls, &self.roots, self.patience.step)
    }

    /// From whom, to whom.
    fn people(&self, account: &Account, parcel: &Parcel<'_>) -> Result<(Mailbox, Vec<Mailbox>), String> {
        let parse = |text: &str| {
            text.parse::<Mailbox>()
                .map_err(|error| format!("\"{text}\" is not a mail address: {error}"))
        };
        let from = parse(&account.from)?;
        let to = match route::address_of(&parcel.destination) {
            Some(address) => vec![parse(address)?],
            None if self.email.to.is_empty() => vec![from.clone()],
            None => self
                .email
                .to
                .iter()
                .map(|text| parse(text))
                .collect::<Result<_, _>>()?,
        };
        Ok((from, to))
    }
}

/// The answer, if it comes within the limit. A thread that takes longer ends by itself, some time later, unheard.
fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, wait) = sync_channel(1);
    let started = thread::Builder::new()
        .name("notify-smtp".to_owned())
        .spawn(move || drop(done.send(work())));
    // No thread, no answer: tried again like a server that hangs.
    started.ok()?;
    wait.recv_timeout(limit).ok()
}

/// S2's graph file: whole or not at all, whoever reads it meanwhile.
pub(super) fn write_graph(path: &str, png: &[u8]) -> io::Result<()> {
    let path = Path::new(path);
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let file = tempfile::Builder::new()
        .prefix(".linewatch-graph-")
        .tempfile_in(dir)?;
    fs::write(file.path(), png)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A picture to be looked at, by a web server too.
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

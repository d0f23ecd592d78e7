//! Talks to a mail server, step by step, so that every failure is known by its step: nothing sent, perhaps sent, refused for good.
//!
//! TLS first, always: without it no byte of a login leaves (SAFETY T13), and the host name is verified. A refusal of the connection,
//! of TLS or of the login concerns the server or our settings and is tried again; a refusal of sender, recipient or content concerns
//! this message.

use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;

use crate::config::alerts::Tls;
use crate::notify::carrier::{Outcome, Refusal, refusals};
use crate::notify::credentials::Account;

/// Words of a server longer than this are a banner, not a reason.
const WORDS: usize = 500;

/// One dialogue with a server.
pub(super) struct Session {
    account: Account,
    /// Never `Auto`.
    tls: Tls,
    parameters: TlsParameters,
    step: Duration,
}

impl Session {
    pub(super) fn new(
        account: Account,
        tls: Tls,
        roots: &[Certificate],
        step: Duration,
    ) -> Result<Self, String> {
        let mut builder = TlsParameters::builder(account.server.clone());
        for root in roots {
            builder = builder.add_root_certificate(root.clone());
        }
        let parameters = builder
            .build_rustls()
            .map_err(|error| format!("TLS cannot be used here: {error}"))?;
        Ok(Self {
            account,
            tls,
            parameters,
            step,
        })
    }

    /// Up to the login; what the server said last.
    pub(super) fn check(&self) -> Result<String, String> {
        let (mut connection, words) = self.connect()?;
        _ = connection.quit(); // The answer is known already.
        Ok(words)
    }

    pub(super) fn deliver(&self, from: Address, to: &[Address], mail: &[u8]) -> Outcome {
        let (mut connection, _) = match self.connect() {
            Ok(connected) => connected,
            Err(words) => return Outcome::failed(words),
        };
        let outcome = self.dialogue(&mut connection, from, to, mail);
        match &outcome {
            Outcome::Accepted { .. } => _ = connection.quit(), // It has the message; how it says goodbye is its own affair.
            Outcome::Refused { .. } | Outcome::Failed { .. } => connection.abort(),
        }
        outcome
    }

    /// A connection that is protected and logged in, as the settings ask.
    fn connect(&self) -> Result<(SmtpConnection, String), String> {
        let Account { server, port, .. } = &self.account;
        let at = format!("{server}:{port}");
        let me = ClientId::default();
        let implicit = (self.tls == Tls::Implicit).then_some(&self.parameters);
        let connected =
            SmtpConnection::connect((server.as_str(), *port), Some(self.step), &me, implicit, None);
        let mut connection = connected.map_err(|error| format!("{at}: {}", self.words(&error)))?;
        if self.tls == Tls::StartTls {
            if !connection.can_starttls() {
                connection.abort();
                return Err(format!(
                    "{at}: the server offers no STARTTLS, and without TLS nothing is sent; \
                     set tls = \"implicit\" or the port of TLS (465)"
                ));
            }
            let upgraded = connection.starttls(&self.parameters, &me);
            upgraded.map_err(|error| format!("{at}: STARTTLS: {}", self.words(&error)))?;
        }
        let said = match (&self.account.password, self.tls) {
            // Plain text never carries a password, wherever that came from.
            (Some(password), Tls::Implicit | Tls::StartTls) => {
                let credentials = Credentials::new(self.account.user.clone(), password.reveal().clone());
                let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
                let answer = login.map_err(|error| {
                    connection.abort();
                    format!("{at}: login as {}: {}", self.account.user, self.words(&error))
                })?;
                said(&answer)
            }
            _ => format!("{} is ready", connection.server_info().name()),
        };
        Ok((connection, said))
    }

    fn dialogue(
        &self,
        connection: &mut SmtpConnection,
        from: Address,
        to: &[Address],
        mail: &[u8],
    ) -> Outcome {
        let parameters = match parameters(connection, &from, to, mail) {
            Ok(parameters) => parameters,
            Err(words) => return Outcome::Refused { words },
        };
        if let Err(error) = connection.command(Mail::new(Some(from), parameters)) {
            return self.before_content("the sender", &error);
        }
        let mut refused = Vec::new();
        for address in to {
            let Err(error) = connection.command(Rcpt::new(address.clone(), Vec::new())) else {
                continue;
            };
            if error.status().is_none() {
                return Outcome::failed(self.words(&error));
            }
            refused.push(Refusal {
                address: address.to_string(),
                words: self.words(&error),
                is_permanent: error.is_permanent(),
            });
        }
        if refused.len() == to.len() {
            let words = refusals(&refused);
            return if refused.iter().all(|refusal| refusal.is_permanent) {
                Outcome::Refused { words }
            } else {
                Outcome::failed(words)
            };
        }
        if let Err(error) = connection.command(Data) {
            return self.before_content("the message", &error);
        }
        match connection.message(mail) {
            Ok(answer) => Outcome::Accepted {
                words: said(&answer),
                refused,
            },
            Err(error) if error.is_permanent() => Outcome::Refused {
                words: self.words(&error),
            },
            // An answer is a refusal; none means that the message may have been taken.
            Err(error) => Outcome::Failed {
                words: self.words(&error),
                is_unknown: error.status().is_none(),
            },
        }
    }

    /// A failure while the content has not been sent.
    fn before_content(&self, what: &str, error: &Error) -> Outcome {
        let words = format!("{what}: {}", self.words(error));
        let code = error.status().map(|code| code.to_string());
        // RFC 4954 section 6: these ask for another login; the message is as good as before.
        let is_login = matches!(code.as_deref(), Some("530" | "534" | "535" | "538"));
        if error.is_permanent() && !is_login {
            Outcome::Refused { words }
        } else {
            Outcome::failed(words)
        }
    }

    /// The server's words with its code; else what happened to the connection.
    fn words(&self, error: &Error) -> String {
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        if let Some(code) = error.status() {
            return one_line(&format!("{code} {source}"));
        }
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(io) = inner.downcast_ref::<std::io::Error>()
                && matches!(io.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
            {
                return format!("no answer within {} s", self.step.as_secs_f64());
            }
            cause = inner.source();
        }
        match source.as_str() {
            "incomplete response" => "the server closed the connection".to_owned(),
            "" => error.to_string(),
            _ => one_line(&source),
        }
    }
}

/// What sender, recipients and content need of the server.
fn parameters(
    connection: &SmtpConnection,
    from: &Address,
    to: &[Address],
    mail: &[u8],
) -> Result<Vec<MailParameter>, String> {
    let mut parameters = Vec::new();
    let is_ascii = |address: &Address| address.to_string().is_ascii();
    if !(is_ascii(from) && to.iter().all(is_ascii)) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err("the server takes no addresses with other letters than ASCII".to_owned());
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !mail.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

fn said(answer: &Response) -> String {
    let lines: Vec<&str> = answer.message().collect();
    one_line(&format!("{} {}", answer.code(), lines.join(" ")))
}

/// Printable, on one line, and no longer than a reason.
fn one_line(text: &str) -> String {
    let words: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(WORDS)
        .collect();
    words.trim().to_owned()
}

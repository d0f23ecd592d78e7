//! Sends a message as one HTTP request: body by format, the user's headers, a signature, and a verdict from the status alone.
//!
//! What the server answers beside its status is not read: it could be anybody's page (SAFETY T5).

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use linewatch_core::time::WallTime;
use sha2::Sha256;

use crate::config::alerts::Webhook;

use super::carrier::{Outcome, Parcel};
use super::credentials;
use super::pin::{self, Reach};
use super::webhook_body::{self, Body};

/// A whole request, name and TLS included.
const WHOLE: Duration = Duration::from_secs(30);

/// The way to one webhook.
pub(super) struct Hook {
    webhook: Webhook,
    limit: Duration,
}

impl Hook {
    pub(super) const fn new(webhook: Webhook) -> Self {
        Self {
            webhook,
            limit: WHOLE,
        }
    }

    #[cfg(test)]
    pub(super) const fn impatient(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn deliver(&self, parcel: &Parcel<'_>) -> Outcome {
        let body = match webhook_body::body(&self.webhook, parcel) {
            Ok(body) => body,
            Err(words) => return Outcome::Refused { words },
        };
        let signature = match self.signature(parcel.at, &body) {
            Ok(signature) => signature,
            // The file may be there again tomorrow.
            Err(words) => return Outcome::failed(words),
        };
        let reach = if self.webhook.allow_private {
            Reach::Anything
        } else {
            Reach::Public
        };
        let agent = pin::agent(reach, self.limit);
        let mut request = agent
            .post(&body.url)
            .header("Linewatch-Message-Id", &parcel.message_id);
        let has_kind = |(name, _): &(String, _)| name.eq_ignore_ascii_case("content-type");
        if !self.webhook.headers.iter().any(has_kind) {
            request = request.header("Content-Type", body.kind);
        }
        if let Some(signature) = signature {
            request = request.header("Linewatch-Signature", signature);
        }
        for (name, value) in &self.webhook.headers {
            request = request.header(name, value.reveal());
        }
        match request.send(body.bytes.as_slice()) {
            Ok(answer) => verdict(answer.status().as_u16(), answer.status().canonical_reason()),
            Err(error) => failure(&error, self.limit),
        }
    }

    /// `t=SECONDS,v1=HEX`: HMAC-SHA256 of "SECONDS.BODY", so that an old body cannot be sent again as a new one.
    fn signature(&self, at: WallTime, body: &Body) -> Result<Option<String>, String> {
        if self.webhook.secret_file.is_empty() {
            return Ok(None);
        }
        let secret = credentials::read_secret(&self.webhook.secret_file)?;
        Ok(Some(sign(&secret, at, &body.bytes)))
    }
}

fn sign(secret: &str, at: WallTime, body: &[u8]) -> String {
    let seconds = at.as_nanos().div_euclid(1_000_000_000);
    // HMAC takes a key of any length; an impossible refusal would show as a signature that does not fit.
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let code = mac.map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(format!("{seconds}.").as_bytes());
            mac.update(body);
            let bytes = mac.finalize().into_bytes();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        },
    );
    format!("t={seconds},v1={code}")
}

/// RFC 9110 section 15, as far as it says whether another attempt can help.
fn verdict(status: u16, reason: Option<&str>) -> Outcome {
    let words = format!("{status} {}", reason.unwrap_or_default());
    let words = words.trim_end().to_owned();
    match status {
        200..=299 => Outcome::Accepted {
            words,
            refused: Vec::new(),
        },
        // A captive portal redirects while the line is down: no reason to give up.
        300..=399 => Outcome::failed(format!("{words}: redirects are not followed")),
        // Not permitted now, too many, too slow: about us, not about this message.
        401 | 403 | 407 | 408 | 425 | 429 => Outcome::failed(words),
        400..=499 => Outcome::Refused { words },
        _ => Outcome::failed(words),
    }
}

/// Why a request failed.
pub(super) fn words_of(error: &ureq::Error, limit: Duration) -> String {
    match failure(error, limit) {
        Outcome::Failed { words, .. } | Outcome::Refused { words } | Outcome::Accepted { words, .. } => words,
    }
}

/// The url is never in the words: it often is a key.
fn failure(error: &ureq::Error, limit: Duration) -> Outcome {
    use ureq::Timeout;
    let (words, is_unknown) = match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            ("no connection in time".to_owned(), false)
        }
        ureq::Error::Timeout(_) => (format!("no answer within {} s", limit.as_secs_f64()), true),
        ureq::Error::HostNotFound => ("its name has no address".to_owned(), false),
        ureq::Error::BadUri(_) => ("its url is not one".to_owned(), false),
        ureq::Error::Io(error) => {
            let before = matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionRefused
                    | std::io::ErrorKind::PermissionDenied
                    | std::io::ErrorKind::NetworkUnreachable
                    | std::io::ErrorKind::HostUnreachable
                    | std::io::ErrorKind::InvalidData // TLS
            );
            (error.to_string(), !before)
        }
        ureq::Error::ConnectionFailed | ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            (error.to_string(), false)
        }
        _ => ("the connection broke".to_owned(), true),
    };
    Outcome::Failed { words, is_unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_anybody_can_make_of_time_and_body() {
        // printf '1795250000.{"a":1}' | openssl dgst -sha256 -hmac key
        let at = WallTime::from_nanos(1_795_250_000_900_000_000);
        let signature = sign("key", at, b"{\"a\":1}");
        let expected = "d77709fa859811ae51b880b15c82b24036001d6dc5574ab25fd1df4b78d66e99";
        assert_eq!(signature, format!("t=1795250000,v1={expected}"));
    }

    #[test]
    fn a_status_says_whether_to_try_again() {
        let is = |status| match verdict(status, None) {
            Outcome::Accepted { .. } => 'a',
            Outcome::Refused { .. } => 'r',
            Outcome::Failed { .. } => 'f',
        };
        let all: String = [200, 204, 302, 400, 401, 404, 410, 429, 500, 503]
            .into_iter()
            .map(is)
            .collect();
        assert_eq!(all, "aafrfrrfff");
    }
}

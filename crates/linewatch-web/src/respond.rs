//! Makes answers: JSON, errors in the one shape of the API, and the headers every answer carries.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::api;

/// An answer.
pub(crate) type Answer = Response<Body>;

/// SAFETY T10: nothing but our own files runs or loads, nobody frames us; we frame nothing but our own report.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// Said with every answer, errors and files included.
const SECURITY_HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// How a refusal is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `{"error":{"code","message","field"}}`.
    Api,
    /// `{"error":"text"}`, as the five tools have it.
    Tool,
    /// A line of text at a page's address.
    Text,
    /// The same for a person: a browser shows it as a page.
    Page,
}

impl Form {
    /// The form of an address below the base.
    pub(crate) fn of(path: &str) -> Self {
        if path.starts_with("/api/v1/") || path == "/api/v1" {
            Self::Api
        } else if path.starts_with("/api/") {
            Self::Tool
        } else {
            Self::Text
        }
    }
}

/// A refusal, in words.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) field: Option<String>,
}

impl Refusal {
    /// A refusal that concerns no field.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            field: None,
        }
    }

    /// A value that cannot be.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "bad_value",
            message: message.into(),
            field: Some(field.to_owned()),
        }
    }

    /// Nothing is here.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Something of ours does not answer now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// The answer.
    pub(crate) fn into_answer(self, form: Form) -> Answer {
        if form == Form::Tool {
            let error = self.message;
            return json(self.status, &api::ToolError { error });
        }
        if form == Form::Page {
            let body = Body::from(page(&self));
            return answer(self.status, "text/html; charset=utf-8", "no-store", body);
        }
        if form == Form::Text {
            let text = format!("{} {}\n\n{}\n", self.status.as_u16(), self.code, self.message);
            return answer(
                self.status,
                "text/plain; charset=utf-8",
                "no-store",
                Body::from(text),
            );
        }
        let body = api::ApiErrorBody {
            code: self.code,
            message: self.message,
            field: self.field,
        };
        json(self.status, &api::ApiError { error: body })
    }
}

/// A refusal as a page of its own: no style and no script, so that the one policy fits it too.
fn page(refusal: &Refusal) -> String {
    let (status, message) = (refusal.status.as_u16(), escape(&refusal.message));
    let (sentence, rest) = message.split_once("\n").unwrap_or((&message, ""));
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("<pre>{rest}</pre>\n")
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>linewatch: {status}</title>\n\
         <main>\n<h1>linewatch</h1>\n<p>{sentence}</p>\n{rest}</main>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A JSON answer; never kept by the browser.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(bytes) => answer(status, "application/json", "no-store", Body::from(bytes)),
        // Unreachable by the shapes of `api`: they have text keys only and their Serialize cannot fail.
        Err(error) => {
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "bug", error.to_string()).into_answer(Form::Text)
        }
    }
}

/// An answer with its media type and how long it may be kept.
pub(crate) fn answer(status: StatusCode, media: &'static str, cache: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    answer
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    answer
}

/// With TLS of our own only: half a year, renewed by every answer. A browser that cannot trust the certificate ignores it (RFC 6797, 8.1).
const TRANSPORT_SECURITY: &str = "max-age=15552000";

/// Adds what every answer carries; a document that brought a policy of its own (`routes::report`) keeps it.
pub(crate) fn secure(headers: &mut HeaderMap, is_tls: bool) {
    if is_tls {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(TRANSPORT_SECURITY),
        );
    }
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

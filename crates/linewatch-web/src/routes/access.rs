//! The door: who am I, signing in and out, and tokens for programs.
//!
//! A password or token travels in a body or a header, never in an address, and is never logged. Not here: how it is judged (`auth`).

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use linewatch_core::limits::ANSWER_TIME;
use serde_json::{Map, Value};

use super::{Call, known_only};
use crate::api::{LoginError, LoginErrorBody, SessionInfo, TokenList, TokenMade, TokenRow};
use crate::auth::{AdminError, AdminFile, By, TokenRole, Unwelcome, Who};
use crate::guard::Role;
use crate::respond::{Answer, Refusal, json};

/// Who the asker is.
pub(super) async fn session(call: Call) -> Result<Answer, Refusal> {
    Ok(json(StatusCode::OK, &info(&call, call.who)))
}

/// `{"password", "stay"}`: opens a session and gives its cookie.
pub(super) async fn log_in(call: Call) -> Result<Answer, Refusal> {
    let body = body_of(&call.body, &["password", "stay"])?;
    let password = body.get("password").and_then(Value::as_str);
    let password = password.ok_or_else(|| Refusal::field("password", "`password` must be a text"))?;
    let stay = body.get("stay").map_or(Some(false), Value::as_bool);
    let stay = stay.ok_or_else(|| Refusal::field("stay", "`stay` must be true or false"))?;
    let judging = call.app.access.log_in(call.visit.peer, password.to_owned(), stay);
    let welcome = match tokio::time::timeout(ANSWER_TIME, judging).await {
        Ok(Ok(welcome)) => welcome,
        Ok(Err(unwelcome)) => return Ok(refuse(unwelcome)),
        Err(_) => return Ok(refuse(Unwelcome::Busy)),
    };
    let signed_in = Who {
        role: Role::Admin,
        by: By::Nobody,
    };
    let mut info = info(&call, signed_in);
    info.by = "session";
    let base = &call.app.base;
    let cookie = call
        .app
        .access
        .set_cookie(base, &welcome.secret, welcome.kept, is_encrypted(&call));
    Ok(with_cookie(json(StatusCode::OK, &info), &cookie))
}

/// Ends the session; without one it is well too.
pub(super) async fn log_out(call: Call) -> Result<Answer, Refusal> {
    call.app.access.log_out(&call.parts.headers).await;
    let base = &call.app.base;
    let cookie = call
        .app
        .access
        .set_cookie(base, "", Some(Duration::ZERO), is_encrypted(&call));
    Ok(with_cookie(json(StatusCode::OK, &Map::new()), &cookie))
}

/// Every token.
pub(super) async fn tokens(call: Call) -> Result<Answer, Refusal> {
    let tokens = on_file(&call, AdminFile::tokens).await?;
    let tokens = tokens.into_iter().map(TokenRow::from).collect();
    Ok(json(StatusCode::OK, &TokenList { tokens }))
}

/// `{"name", "role"}`: makes one and shows it this once.
pub(super) async fn create_token(call: Call) -> Result<Answer, Refusal> {
    let body = body_of(&call.body, &["name", "role"])?;
    let name = body.get("name").map_or(Some(""), Value::as_str);
    let name = name
        .ok_or_else(|| Refusal::field("name", "`name` must be a text"))?
        .to_owned();
    let role = body
        .get("role")
        .and_then(Value::as_str)
        .and_then(TokenRole::from_word);
    let role = role.ok_or_else(|| Refusal::field("role", "`role` must be viewer, operator or admin"))?;
    let now = call.app.clock.wall();
    let made = on_file(&call, move |file| file.create_token(&name, role, now)).await?;
    let answer = TokenMade {
        token: made.info.into(),
        secret: made.secret,
    };
    Ok(json(StatusCode::CREATED, &answer))
}

/// Makes one worthless.
pub(super) async fn revoke_token(call: Call) -> Result<Answer, Refusal> {
    let id = call.id().to_owned();
    if !on_file(&call, move |file| file.revoke_token(&id)).await? {
        return Err(Refusal::not_found(format!("there is no token \"{}\"", call.id())));
    }
    tokens(call).await
}

/// Does something to the file of hashes, off the server's own thread; what changed holds at once.
async fn on_file<T: Send + 'static>(
    call: &Call,
    work: impl FnOnce(&AdminFile) -> Result<T, AdminError> + Send + 'static,
) -> Result<T, Refusal> {
    let file = call.app.access.file().clone();
    let done = tokio::task::spawn_blocking(move || work(&file)).await;
    call.app.access.look_again();
    match done {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(AdminError::Refused(why))) => Err(Refusal::field("name", why)),
        Ok(Err(error)) => Err(Refusal::unavailable(error.to_string())),
        Err(_) => Err(Refusal::unavailable("the tokens did not answer; try again")),
    }
}

fn info(call: &Call, who: Who) -> SessionInfo {
    let access = &call.app.access;
    let (vantage, version) = if who.role >= Role::Viewer {
        let state = call.app.hub.state();
        (state.status.vantage.clone(), state.status.version.clone())
    } else {
        Default::default()
    };
    SessionInfo {
        role: who.role.word(),
        by: who.by.word(),
        public_read: access.rule().is_public_read,
        has_password: access.has_password(),
        is_encrypted: is_encrypted(call),
        vantage,
        version,
    }
}

/// By us, or by a proxy that says so; who lies about it harms only himself: his browser would not send the cookie back.
fn is_encrypted(call: &Call) -> bool {
    let proto = call.parts.headers.get("x-forwarded-proto");
    call.app.is_tls || proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

fn refuse(unwelcome: Unwelcome) -> Answer {
    let error = |code, message: String| LoginErrorBody {
        code,
        message,
        field: None,
        tries_left: None,
        wait_s: None,
    };
    let seconds = |wait: Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let (status, error) = match unwelcome {
        Unwelcome::Wrong { tries_left, wait } => {
            let message = if tries_left > 0 {
                format!("that password is not right: {tries_left} tries left this minute")
            } else {
                format!(
                    "that password is not right: wait {} s before the next try",
                    seconds(wait)
                )
            };
            let body = LoginErrorBody {
                field: Some("password"),
                tries_left: Some(tries_left),
                wait_s: (!wait.is_zero()).then(|| seconds(wait)),
                ..error("wrong_password", message)
            };
            (StatusCode::UNAUTHORIZED, body)
        }
        Unwelcome::Wait(wait) => {
            let message = format!(
                "too many wrong passwords: wait {} s before the next try",
                seconds(wait)
            );
            let body = LoginErrorBody {
                tries_left: Some(0),
                wait_s: Some(seconds(wait)),
                ..error("wait", message)
            };
            (StatusCode::TOO_MANY_REQUESTS, body)
        }
        Unwelcome::NoPassword => {
            let message = "there is no password yet: make one with `linewatch admin reset-password` on the computer \
                           that runs linewatch";
            (StatusCode::CONFLICT, error("no_password", message.to_owned()))
        }
        Unwelcome::Busy => {
            let message = "others are signing in right now: try again in a few seconds".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, error("unavailable", message))
        }
        Unwelcome::Unreadable(why) => {
            let message = format!("nobody can sign in: {why}");
            (StatusCode::SERVICE_UNAVAILABLE, error("unavailable", message))
        }
    };
    let wait = error.wait_s;
    let mut answer = json(status, &LoginError { error });
    if let Some(wait) = wait {
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    answer
}

fn with_cookie(mut answer: Answer, cookie: &str) -> Answer {
    // The base path is plain and the secret is base64: always a header value.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, value);
    }
    answer
}

fn body_of(bytes: &[u8], known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    // What the parser says of a broken body could repeat a password: only the place is told.
    let map: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
        let message = format!(
            "the body is not a JSON object (line {}, column {})",
            error.line(),
            error.column()
        );
        Refusal::new(StatusCode::BAD_REQUEST, "bad_body", message)
    })?;
    known_only(map, known)
}

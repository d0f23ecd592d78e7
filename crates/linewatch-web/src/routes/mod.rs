//! The one route table: method, address, who may, how it acts, and what answers.
//!
//! Deny by default: what is not in the table does not exist, and every request passes [`handle`], which judges
//! Host, path, role, Origin and body in that order before any handler runs.

mod access;
mod alerts;
mod backup;
mod compat;
mod config;
mod doctor;
mod evidence;
mod export;
mod graph;
mod history;
mod live;
mod openapi;
mod overview;
mod page;
mod preferences;
mod preview;
mod report;
mod series;
mod status;
mod targets;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, request::Parts};
use linewatch_core::limits::{ANSWER_TIME, HTTP_BODY_BYTES, HTTP_HEADER_TIME};
use linewatch_core::port::{Clock, History, HistoryError};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::assets::Assets;
use crate::auth::{Access, By, Who};
use crate::control::ControlSender;
use crate::guard::{self, Guard, Role, Visit};
use crate::live::Hub;
use crate::past::PastCache;
use crate::respond::{Answer, Form, Refusal, secure};

pub(crate) use graph::Pictures;

/// Everything the handlers share.
pub(crate) struct App {
    pub(crate) hub: Hub,
    pub(crate) history: Arc<dyn History>,
    /// How many may ask the history at once.
    pub(crate) history_slots: Arc<Semaphore>,
    /// One copy of the database at a time: each takes its room on the disk.
    pub(crate) backup_slot: Arc<Semaphore>,
    /// What of it was asked a moment ago.
    pub(crate) past: PastCache,
    /// Drawn a moment ago.
    pub(crate) pictures: Pictures,
    pub(crate) control: ControlSender,
    pub(crate) clock: Arc<dyn Clock + Sync>,
    pub(crate) assets: Assets,
    pub(crate) guard: Guard,
    pub(crate) access: Arc<Access>,
    /// What we speak is TLS.
    pub(crate) is_tls: bool,
    /// Without a final slash: empty at the root.
    pub(crate) base: String,
    pub(crate) stopping: watch::Receiver<bool>,
    /// Held by every live connection: the server waits for them when it stops.
    pub(crate) alive: mpsc::Sender<()>,
}

/// One request that may be answered.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) parts: Parts,
    /// Where it came in.
    pub(crate) visit: Visit,
    /// Who asks: at least of the route's role.
    pub(crate) who: Who,
    pub(crate) body: Bytes,
    /// What stands in the braces of the pattern, in order.
    pub(crate) captures: Vec<String>,
}

type Reply = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send>>;

/// What a route does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing.
    Read,
    /// Changes something: only from our own page or a program.
    Change,
    /// Opens a WebSocket: the same.
    Upgrade,
}

/// One line of the table.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// `{x}` is one segment, `{*x}` the rest.
    pub(crate) pattern: &'static str,
    pub(crate) role: Role,
    pub(crate) action: Action,
    handler: fn(Call) -> Reply,
}

macro_rules! route {
    ($method:ident $pattern:literal $role:ident $action:ident $handler:path) => {
        Route {
            method: Method::$method,
            pattern: $pattern,
            role: Role::$role,
            action: Action::$action,
            handler: |call| Box::pin($handler(call)),
        }
    };
}

/// Every address there is.
pub(crate) static ROUTES: [Route; 62] = [
    route!(GET "/" Public Read page::shell),
    route!(GET "/t/{id}" Public Read page::shell),
    route!(GET "/hud" Public Read page::shell),
    route!(GET "/hud/{id}" Public Read page::shell),
    route!(GET "/events" Public Read page::shell),
    route!(GET "/logs" Public Read page::shell),
    route!(GET "/report/{id}" Public Read page::shell),
    route!(GET "/settings" Public Read page::shell),
    route!(GET "/a/{hash}/{*path}" Public Read page::file),
    route!(GET "/healthz" Public Read status::health),
    route!(GET "/api/v1/healthz" Public Read status::health),
    route!(GET "/api/v1/session" Public Read access::session),
    route!(POST "/api/v1/login" Public Change access::log_in),
    route!(POST "/api/v1/logout" Public Change access::log_out),
    route!(GET "/api/v1/tokens" Admin Read access::tokens),
    route!(POST "/api/v1/tokens" Admin Change access::create_token),
    route!(DELETE "/api/v1/tokens/{id}" Admin Change access::revoke_token),
    route!(GET "/api/v1/overview" Viewer Read overview::get),
    route!(GET "/api/v1/targets" Viewer Read targets::list),
    route!(GET "/api/v1/targets/{id}" Viewer Read targets::get),
    route!(GET "/api/v1/samples" Viewer Read history::samples),
    route!(GET "/api/v1/series" Viewer Read series::get),
    route!(GET "/api/v1/graph.png" Viewer Read graph::png),
    route!(GET "/api/v1/graph.svg" Viewer Read graph::svg),
    route!(GET "/api/v1/outages" Viewer Read history::outages),
    route!(GET "/api/v1/outages/{id}/evidence" Viewer Read evidence::get),
    route!(GET "/api/v1/events" Viewer Read history::events),
    route!(GET "/api/v1/logs" Viewer Read history::logs),
    route!(GET "/api/v1/export" Viewer Read export::get),
    route!(GET "/api/v1/report" Viewer Read report::get),
    route!(GET "/api/v1/status" Viewer Read status::get),
    route!(GET "/api/v1/openapi.json" Viewer Read openapi::get),
    route!(GET "/api/v1/backup" Admin Read backup::get),
    route!(GET "/api/v1/config" Operator Read config::get),
    route!(PUT "/api/v1/config" Admin Change config::put),
    route!(GET "/api/v1/preferences" Viewer Read preferences::get),
    route!(PUT "/api/v1/preferences" Operator Change preferences::put),
    route!(GET "/api/v1/doctor" Viewer Read doctor::get),
    route!(GET "/api/v1/preview" Viewer Read preview::get),
    route!(GET "/api/config" Viewer Read compat::s0::config),
    route!(POST "/api/config" Admin Change compat::s0::set_config),
    route!(GET "/api/events" Viewer Read compat::s0::events),
    route!(POST "/api/events/cleanup" Admin Change compat::s0::clean_up),
    route!(GET "/api/stats" Viewer Read compat::s0::stats),
    route!(GET "/api/ping-data" Viewer Read compat::s1::ping_data),
    route!(GET "/api/servers/status" Viewer Read compat::s1::status),
    route!(GET "/api/logs" Viewer Read compat::s1::logs),
    route!(POST "/api/v1/events/{id}/ack" Operator Change alerts::acknowledge),
    route!(GET "/api/v1/silences" Viewer Read alerts::silences),
    route!(POST "/api/v1/silences" Operator Change alerts::silence),
    route!(DELETE "/api/v1/silences/{id}" Operator Change alerts::end_silence),
    route!(POST "/api/v1/alerts/test" Operator Change alerts::test),
    route!(GET "/api/v1/alerts/notices" Viewer Read alerts::notices),
    route!(GET "/api/v1/alerts/outbox" Operator Read alerts::outbox),
    route!(POST "/api/v1/alerts/outbox/{id}/retry" Operator Change alerts::retry),
    route!(DELETE "/api/v1/alerts/outbox/{id}" Operator Change alerts::discard),
    route!(GET "/api/v1/live" Viewer Upgrade live::upgrade),
    route!(POST "/api/v1/targets/{id}/start" Operator Change targets::start),
    route!(POST "/api/v1/targets/{id}/stop" Operator Change targets::stop),
    route!(POST "/api/v1/targets" Admin Change targets::add),
    route!(PATCH "/api/v1/targets/{id}" Admin Change targets::patch),
    route!(DELETE "/api/v1/targets/{id}" Admin Change targets::remove),
];

/// Answers any request whatever.
pub(crate) async fn handle(app: Arc<App>, visit: Visit, request: Request<Body>) -> Answer {
    let path = request.uri().path();
    let form = match Form::of(path.strip_prefix(app.base.as_str()).unwrap_or(path)) {
        Form::Text if wants_page(request.headers()) => Form::Page,
        form => form,
    };
    let is_tls = app.is_tls;
    let mut answer = match judge(app, visit, request).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.into_answer(form),
    };
    if answer.status() == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer realm=\"linewatch\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    secure(answer.headers_mut(), is_tls);
    answer
}

/// A browser that goes somewhere names HTML first; programs take anything.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.starts_with("text/html"))
}

async fn judge(app: Arc<App>, visit: Visit, request: Request<Body>) -> Result<Answer, Refusal> {
    let (parts, body) = request.into_parts();
    app.guard.check_host(&parts.uri, &parts.headers)?;
    let path = local_path(&app.base, parts.uri.path())?;
    let (route, captures) = match find(&parts.method, path) {
        Found::Route(route, captures) => (route, captures),
        Found::OtherMethods(methods) => return Ok(other_methods(&methods, Form::of(path))),
        Found::Nothing => return Err(Refusal::not_found("there is nothing at this address")),
    };
    let is_here = guard::is_here(visit, parts.version, &parts.headers);
    let who = app.access.who(is_here, &parts.headers)?;
    if route.role > who.role {
        return Err(forbidden(route, who));
    }
    let bytes = match route.action {
        Action::Read => Bytes::new(),
        Action::Upgrade => {
            guard::check_origin(&parts.headers, app.is_tls)?;
            Bytes::new()
        }
        Action::Change => {
            guard::check_origin(&parts.headers, app.is_tls)?;
            let bytes = read_body(body).await?;
            guard::check_body(&parts.headers, &bytes)?;
            bytes
        }
    };
    let call = Call {
        app,
        parts,
        visit,
        who,
        body: bytes,
        captures,
    };
    (route.handler)(call).await
}

/// The path below the base. Only one spelling of an address exists: no `//`, no dots, no escapes.
fn local_path<'a>(base: &str, path: &'a str) -> Result<&'a str, Refusal> {
    let nothing = || Refusal::not_found("there is nothing at this address");
    let path = path.strip_prefix(base).ok_or_else(nothing)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let has_odd_segment = |path: &str| {
        path.split('/')
            .any(|segment| segment.is_empty() || segment.starts_with('.'))
    };
    match path.strip_prefix('/') {
        Some("") => Ok(path),
        Some(rest) if path.bytes().all(is_plain) && !has_odd_segment(rest) => Ok(path),
        Some(_) | None => Err(nothing()),
    }
}

/// What the table says about an address.
enum Found {
    Route(&'static Route, Vec<String>),
    OtherMethods(Vec<&'static Method>),
    Nothing,
}

fn find(method: &Method, path: &str) -> Found {
    // The answer to HEAD is that to GET; hyper leaves the body out.
    let method = if method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    let mut others = Vec::new();
    for route in &ROUTES {
        let Some(captures) = captures(route.pattern, path) else {
            continue;
        };
        if route.method == *method {
            return Found::Route(route, captures);
        }
        others.push(&route.method);
    }
    if others.is_empty() {
        Found::Nothing
    } else {
        Found::OtherMethods(others)
    }
}

/// Matches a path to a pattern.
fn captures(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        if part.starts_with("{*") {
            let rest: Vec<&str> = segments.by_ref().collect();
            found.push(rest.join("/"));
            return (!rest.is_empty()).then_some(found);
        }
        let segment = segments.next()?;
        if part.starts_with('{') {
            found.push(segment.to_owned());
        } else if part != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(found)
}

fn other_methods(methods: &[&Method], form: Form) -> Answer {
    let allow = methods
        .iter()
        .map(|method| method.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let message = format!("this address knows only {allow}");
    let mut answer = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method", message).into_answer(form);
    if let Ok(value) = HeaderValue::from_str(&allow) {
        answer.headers_mut().insert(header::ALLOW, value);
    }
    answer
}

/// 401 for who is nobody yet: signing in, or a token, mends it. 403 for a token that is not enough.
fn forbidden(route: &Route, who: Who) -> Refusal {
    let (needed, has) = (route.role.word(), who.role.word());
    if who.by != By::Nobody {
        let message = format!("this needs the role {needed}, and this token has the role {has}");
        return Refusal::new(StatusCode::FORBIDDEN, "forbidden", message);
    }
    let what = match route.action {
        Action::Change => "changes need",
        Action::Read | Action::Upgrade if route.role > Role::Viewer => "this needs",
        Action::Read | Action::Upgrade => "looking needs (server.public_read is off)",
    };
    let message = format!(
        "{what} the admin password or a token of the role {needed}: sign in on the page, or send \
         \"Authorization: Bearer TOKEN\" (linewatch admin token create)"
    );
    Refusal::new(StatusCode::UNAUTHORIZED, "sign_in", message)
}

/// The fields of a body, if none is unknown: what is misspelt would be left out in silence.
fn known_only(fields: Map<String, Value>, known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            let message = format!("unknown field `{key}`; known are {}", known.join(", "));
            Err(Refusal::field(key, message))
        }
        None => Ok(fields),
    }
}

async fn read_body(body: Body) -> Result<Bytes, Refusal> {
    let too_long = || {
        let message = format!("the body is cut off or longer than {HTTP_BODY_BYTES} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body", message)
    };
    // What announces itself as too long is not waited for.
    if body.size_hint().lower() > HTTP_BODY_BYTES as u64 {
        return Err(too_long());
    }
    let reading = axum::body::to_bytes(body, HTTP_BODY_BYTES);
    match tokio::time::timeout(HTTP_HEADER_TIME, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow",
            "the body took more than 10 s",
        )),
    }
}

impl App {
    /// Asks the history on a thread of its own, few at a time.
    pub(crate) async fn ask_history<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn History) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let busy = || Refusal::unavailable("the history is busy; try again in a few seconds");
        let waiting = Arc::clone(&self.history_slots).acquire_owned();
        let slot = tokio::time::timeout(ANSWER_TIME, waiting)
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(busy)?;
        let history = Arc::clone(&self.history);
        let task = tokio::task::spawn_blocking(move || {
            // Kept until the answer is there, even if the asker has gone: the work has not.
            let _slot = slot;
            question(history.as_ref())
        });
        match tokio::time::timeout(ANSWER_TIME, task).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(error))) => Err(Refusal::unavailable(format!(
                "the history cannot be read: {error}"
            ))),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

impl Call {
    /// The first capture: the id in the address.
    pub(crate) fn id(&self) -> &str {
        self.captures.first().map(String::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_get_changes_anything_and_every_other_method_is_guarded() {
        for route in &ROUTES {
            let changes = route.action == Action::Change;
            assert_eq!(
                changes,
                route.method != Method::GET,
                "{} {}",
                route.method,
                route.pattern
            );
            // Who signs in or out is nobody yet, or any more.
            let is_door = matches!(route.pattern, "/api/v1/login" | "/api/v1/logout");
            assert!(
                !changes || is_door || route.role >= Role::Operator,
                "{} {}",
                route.method,
                route.pattern
            );
        }
    }

    #[test]
    fn only_files_the_sign_of_life_and_the_door_are_for_everybody() {
        let public: Vec<_> = ROUTES
            .iter()
            .filter(|route| route.role == Role::Public)
            .map(|route| route.pattern)
            .collect();
        assert_eq!(
            public,
            [
                "/",
                "/t/{id}",
                "/hud",
                "/hud/{id}",
                "/events",
                "/logs",
                "/report/{id}",
                "/settings",
                "/a/{hash}/{*path}",
                "/healthz",
                "/api/v1/healthz",
                "/api/v1/session",
                "/api/v1/login",
                "/api/v1/logout"
            ]
        );
    }

    #[test]
    fn an_address_has_one_spelling() {
        for path in ["/", "/t/fra", "/a/x/app/main.js", "/api/v1/targets/fra-1.x/stop"] {
            assert!(local_path("", path).is_ok(), "{path}");
        }
        for path in [
            "//",
            "/t//fra",
            "/t/../api/v1/status",
            "/t/fra/",
            "/%2e%2e/x",
            "/t/./x",
            "/t/a%2fb",
            "/t/a\\b",
            "",
        ] {
            assert!(local_path("", path).is_err(), "{path}");
        }
        assert_eq!(local_path("/line", "/line/t/x").ok(), Some("/t/x"));
        assert!(local_path("/line", "/linet/x").is_err());
        assert!(local_path("/line", "/t/x").is_err());
    }

    #[test]
    fn captures_are_whole_segments() {
        assert_eq!(
            captures("/a/{hash}/{*path}", "/a/h/x/y.js"),
            Some(vec!["h".to_owned(), "x/y.js".to_owned()])
        );
        assert_eq!(captures("/a/{hash}/{*path}", "/a/h"), None);
        assert_eq!(captures("/t/{id}", "/t/x/y"), None);
        assert_eq!(captures("/", "/"), Some(Vec::new()));
    }
}

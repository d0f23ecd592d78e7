//! One line per route of the table: what it is for, what it is asked with, what it answers.
//!
//! Not here: paths, roles and methods as such. They are in the route table, and a test compares the two.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::bodies;
use super::parameters::*;
use crate::api::{
    ChangeAnswer, ConfigAnswer, DoctorAnswer, EventRow, EvidenceAnswer, Health, LogInfo, NoticesAnswer,
    OutageInfo, OutboxAnswer, Overview, Page, PreferencesAnswer, PreviewAnswer, S0Config, S0Done, S0Event,
    S0Stats, S1Log, S1Points, S1Status, Samples, SeriesAnswer, SessionInfo, SilenceList, Status,
    TargetAnswer, TargetList, TestAnswer, TokenList, TokenMade,
};

/// What is said about one route.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) pattern: &'static str,
    /// A sentence without its full stop.
    pub(super) summary: &'static str,
    pub(super) reply: Reply,
    pub(super) query: &'static [Parameter],
    /// The shape of the body; `None`: an empty one.
    pub(super) body: Option<fn(&mut SchemaGenerator) -> Value>,
    /// Takes the version that was seen as `If-Match`.
    pub(super) is_versioned: bool,
}

/// What comes back if all is well.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    /// JSON of this shape, with this status.
    Json(u16, fn(&mut SchemaGenerator) -> Schema),
    /// Bytes of one of these kinds.
    File(&'static [&'static str]),
    /// Another protocol.
    WebSocket,
}

const PAGE: Reply = Reply::File(&["text/html"]);
/// `{}`: it is done.
const NOTHING: Reply = Reply::Json(200, shape::<Map<String, Value>>);

/// What a picture is asked with, whatever it is made of.
const PICTURE: &[Parameter] = &[
    TARGET.required(),
    FROM,
    TO,
    PERIOD,
    TIME_ZONE,
    THEME,
    AXIS,
    SIZE,
    SCALE,
];

fn shape<T: JsonSchema>(shapes: &mut SchemaGenerator) -> Schema {
    shapes.subschema_for::<T>()
}

impl Operation {
    /// A route that is asked with nothing but its address.
    const fn new(method: &'static str, pattern: &'static str, summary: &'static str, reply: Reply) -> Self {
        Self {
            method,
            pattern,
            summary,
            reply,
            query: &[],
            body: None,
            is_versioned: false,
        }
    }

    const fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    const fn body(self, body: fn(&mut SchemaGenerator) -> Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    const fn versioned(self) -> Self {
        Self {
            is_versioned: true,
            ..self
        }
    }
}

/// In the order of the table's subjects.
pub(super) static OPERATIONS: [Operation; 62] = [
    Operation::new("GET", "/", "The dashboard", PAGE),
    Operation::new("GET", "/t/{id}", "One target's page", PAGE),
    Operation::new("GET", "/hud", "The small window over everything", PAGE),
    Operation::new("GET", "/hud/{id}", "The small window of one target", PAGE),
    Operation::new("GET", "/events", "The page of events", PAGE),
    Operation::new("GET", "/logs", "The page of log lines", PAGE),
    Operation::new("GET", "/report/{id}", "The page of one target's report", PAGE),
    Operation::new("GET", "/settings", "The page of settings", PAGE),
    Operation::new(
        "GET",
        "/a/{hash}/{*path}",
        "A file of the page",
        Reply::File(&["*/*"]),
    ),
    Operation::new(
        "GET",
        "/healthz",
        "Whether it is alive",
        Reply::Json(200, shape::<Health>),
    ),
    Operation::new(
        "GET",
        "/api/v1/healthz",
        "Whether it is alive",
        Reply::Json(200, shape::<Health>),
    ),
    Operation::new(
        "GET",
        "/api/v1/session",
        "Who asks, and what may be seen without signing in",
        Reply::Json(200, shape::<SessionInfo>),
    ),
    Operation::new(
        "POST",
        "/api/v1/login",
        "Signs in and sets the cookie",
        Reply::Json(200, shape::<SessionInfo>),
    )
    .body(bodies::log_in),
    Operation::new("POST", "/api/v1/logout", "Signs out", NOTHING),
    Operation::new(
        "GET",
        "/api/v1/tokens",
        "Every token, without its secret",
        Reply::Json(200, shape::<TokenList>),
    ),
    Operation::new(
        "POST",
        "/api/v1/tokens",
        "Makes a token and shows its secret this once",
        Reply::Json(201, shape::<TokenMade>),
    )
    .body(bodies::token),
    Operation::new(
        "DELETE",
        "/api/v1/tokens/{id}",
        "Makes a token worthless",
        Reply::Json(200, shape::<TokenList>),
    ),
    Operation::new(
        "GET",
        "/api/v1/overview",
        "The fleet, worst first, with the figures of all of it",
        Reply::Json(200, shape::<Overview>),
    )
    .query(&[
        COUNTRY,
        PARTNER,
        GROUP,
        STATUS,
        SEARCH,
        OVERVIEW_RANGE,
        FROM,
        TO,
        OVERVIEW_LIMIT,
        OFFSET,
        SPARK,
    ]),
    Operation::new(
        "GET",
        "/api/v1/targets",
        "The settings of every target, with the origin of each value",
        Reply::Json(200, shape::<TargetList>),
    ),
    Operation::new(
        "POST",
        "/api/v1/targets",
        "Adds a target",
        Reply::Json(201, shape::<ChangeAnswer>),
    )
    .body(bodies::target),
    Operation::new(
        "GET",
        "/api/v1/targets/{id}",
        "Settings and figures of one target; its version is the ETag",
        Reply::Json(200, shape::<TargetAnswer>),
    ),
    Operation::new(
        "PATCH",
        "/api/v1/targets/{id}",
        "Changes the settings of one target",
        Reply::Json(200, shape::<ChangeAnswer>),
    )
    .body(bodies::target)
    .versioned(),
    Operation::new(
        "DELETE",
        "/api/v1/targets/{id}",
        "Removes a target; its history stays",
        Reply::Json(200, shape::<ChangeAnswer>),
    ),
    Operation::new(
        "POST",
        "/api/v1/targets/{id}/start",
        "Probes a target",
        Reply::Json(200, shape::<ChangeAnswer>),
    ),
    Operation::new(
        "POST",
        "/api/v1/targets/{id}/stop",
        "Does not probe a target",
        Reply::Json(200, shape::<ChangeAnswer>),
    ),
    Operation::new(
        "GET",
        "/api/v1/samples",
        "Single probes",
        Reply::Json(200, shape::<Samples>),
    )
    .query(&[TARGET.required(), FROM, TO]),
    Operation::new(
        "GET",
        "/api/v1/series",
        "Sums of probes by buckets of time",
        Reply::Json(200, shape::<SeriesAnswer>),
    )
    .query(&[TARGET.required(), FROM, TO, POINTS]),
    Operation::new(
        "GET",
        "/api/v1/graph.png",
        "The stored history as a picture",
        Reply::File(&["image/png"]),
    )
    .query(PICTURE),
    Operation::new(
        "GET",
        "/api/v1/graph.svg",
        "The same as vectors",
        Reply::File(&["image/svg+xml"]),
    )
    .query(PICTURE),
    Operation::new(
        "GET",
        "/api/v1/outages",
        "Outages, newest first",
        Reply::Json(200, shape::<Page<OutageInfo>>),
    )
    .query(&[TARGET, FROM, TO, KIND, SEVERITY, BEFORE, LIMIT]),
    Operation::new(
        "GET",
        "/api/v1/outages/{id}/evidence",
        "What was measured around an outage, and whose fault it says it was",
        Reply::Json(200, shape::<EvidenceAnswer>),
    ),
    Operation::new(
        "GET",
        "/api/v1/events",
        "Events, newest first",
        Reply::Json(200, shape::<Page<EventRow>>),
    )
    .query(&[TARGET, FROM, TO, KIND, SEVERITY, BEFORE, LIMIT, OPEN]),
    Operation::new(
        "POST",
        "/api/v1/events/{id}/ack",
        "Takes notice of the fault behind an event",
        NOTHING,
    )
    .body(bodies::acknowledgement),
    Operation::new(
        "GET",
        "/api/v1/logs",
        "Log lines, newest first",
        Reply::Json(200, shape::<Page<LogInfo>>),
    )
    .query(&[LEVEL, FROM, TO, LOG_BEFORE, LIMIT]),
    Operation::new(
        "GET",
        "/api/v1/export",
        "The stored history, streamed",
        Reply::File(&[
            "text/csv",
            "application/json",
            "application/x-ndjson",
            "text/plain",
        ]),
    )
    .query(&[TARGETS_WANTED, ALL_TARGETS, FROM, TO, RANGE, RESOLUTION, FORMAT]),
    Operation::new(
        "GET",
        "/api/v1/report",
        "A report as one HTML document",
        Reply::File(&["text/html"]),
    )
    .query(&[
        TARGET.required(),
        FROM,
        TO,
        PERIOD,
        TIME_ZONE,
        LANGUAGE,
        PAPER,
        INCLUDE,
        DOWNLOAD,
    ]),
    Operation::new(
        "GET",
        "/api/v1/status",
        "How the monitor itself is doing",
        Reply::Json(200, shape::<Status>),
    ),
    Operation::new(
        "GET",
        "/api/v1/openapi.json",
        "This document",
        Reply::Json(200, shape::<Map<String, Value>>),
    ),
    Operation::new(
        "GET",
        "/api/v1/backup",
        "The whole database as a file",
        Reply::File(&["application/vnd.sqlite3"]),
    ),
    Operation::new(
        "GET",
        "/api/v1/config",
        "The settings outside the targets, with origins; secrets are three stars",
        Reply::Json(200, shape::<ConfigAnswer>),
    )
    .query(&[TARGET]),
    Operation::new(
        "PUT",
        "/api/v1/config",
        "Changes what it names and nothing else",
        Reply::Json(200, shape::<ConfigAnswer>),
    )
    .body(bodies::config)
    .versioned(),
    Operation::new(
        "GET",
        "/api/v1/preferences",
        "How the page looks",
        Reply::Json(200, shape::<PreferencesAnswer>),
    ),
    Operation::new(
        "PUT",
        "/api/v1/preferences",
        "Replaces all of them",
        Reply::Json(200, shape::<PreferencesAnswer>),
    )
    .body(bodies::preferences),
    Operation::new(
        "GET",
        "/api/v1/doctor",
        "What is wrong on this computer, with cures",
        Reply::Json(200, shape::<DoctorAnswer>),
    )
    .query(&[FRESH]),
    Operation::new(
        "GET",
        "/api/v1/preview",
        "What the past would have been by other thresholds",
        Reply::Json(200, shape::<PreviewAnswer>),
    )
    .query(&PREVIEW),
    Operation::new(
        "GET",
        "/api/v1/silences",
        "The silences that hold",
        Reply::Json(200, shape::<SilenceList>),
    ),
    Operation::new(
        "POST",
        "/api/v1/silences",
        "No alerts for a while",
        Reply::Json(201, shape::<SilenceList>),
    )
    .body(bodies::silence),
    Operation::new(
        "DELETE",
        "/api/v1/silences/{id}",
        "Ends a silence",
        Reply::Json(200, shape::<SilenceList>),
    ),
    Operation::new(
        "POST",
        "/api/v1/alerts/test",
        "Sends a test and tells the server's words",
        Reply::Json(200, shape::<TestAnswer>),
    )
    .body(bodies::alert_test),
    Operation::new(
        "GET",
        "/api/v1/alerts/notices",
        "Who took notice, and who was told",
        Reply::Json(200, shape::<NoticesAnswer>),
    ),
    Operation::new(
        "GET",
        "/api/v1/alerts/outbox",
        "Where messages go, what waits, what was given up",
        Reply::Json(200, shape::<OutboxAnswer>),
    ),
    Operation::new(
        "POST",
        "/api/v1/alerts/outbox/{id}/retry",
        "Tries again what was given up",
        Reply::Json(200, shape::<OutboxAnswer>),
    ),
    Operation::new(
        "DELETE",
        "/api/v1/alerts/outbox/{id}",
        "Throws away what was given up",
        Reply::Json(200, shape::<OutboxAnswer>),
    ),
    Operation::new(
        "GET",
        "/api/v1/live",
        "The live view (docs/websocket.md)",
        Reply::WebSocket,
    ),
    Operation::new(
        "GET",
        "/api/config",
        "The settings of the one target of the tool of this route",
        Reply::Json(200, shape::<S0Config>),
    ),
    Operation::new(
        "POST",
        "/api/config",
        "Changes them",
        Reply::Json(200, shape::<S0Done>),
    )
    .body(bodies::s0_config),
    Operation::new(
        "GET",
        "/api/events",
        "Its events, newest first",
        Reply::Json(200, shape::<Vec<S0Event>>),
    )
    .query(&[LIMIT]),
    Operation::new(
        "POST",
        "/api/events/cleanup",
        "Deletes old events now",
        Reply::Json(200, shape::<S0Done>),
    ),
    Operation::new(
        "GET",
        "/api/stats",
        "Its counts",
        Reply::Json(200, shape::<S0Stats>),
    ),
    Operation::new(
        "GET",
        "/api/ping-data",
        "The mean delay over time of each server",
        Reply::Json(200, shape::<BTreeMap<String, S1Points>>),
    )
    .query(&[COUNTRY, TOOL_RANGE, START, END]),
    Operation::new(
        "GET",
        "/api/servers/status",
        "Every server",
        Reply::Json(200, shape::<Vec<S1Status>>),
    ),
    Operation::new(
        "GET",
        "/api/logs",
        "Log lines, newest first",
        Reply::Json(200, shape::<Vec<S1Log>>),
    )
    .query(&[LIMIT, TOOL_LEVEL]),
];

//! The parameters of queries: what each name means and which values it takes.
//!
//! Closed lists are asked of the types that read them. A name that two routes read differently has two entries.

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::limits::{API_ROWS, OVERVIEW_ROWS, SERIES_POINTS, TARGETS};
use linewatch_render::export::{Format, Grain};
use linewatch_render::graph::GraphStyle;
use linewatch_render::report::Section;
use serde_json::{Value, json};

/// One name of a query.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// A sentence without its full stop.
    about: &'static str,
    is_required: bool,
    schema: fn() -> Value,
}

impl Parameter {
    const fn new(name: &'static str, about: &'static str, schema: fn() -> Value) -> Self {
        Self {
            name,
            about,
            is_required: false,
            schema,
        }
    }

    /// The same, of a route that cannot do without.
    pub(super) const fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    /// As the document has it.
    pub(super) fn told(&self) -> Value {
        json!({
            "name": self.name,
            "in": "query",
            "required": self.is_required,
            "description": self.about,
            "schema": (self.schema)(),
        })
    }
}

fn text() -> Value {
    json!({"type": "string"})
}

fn words(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

fn list() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn whole(from: usize, to: usize) -> Value {
    json!({"type": "integer", "minimum": from, "maximum": to})
}

fn flag() -> Value {
    words(&["1"])
}

/// Milliseconds since 1970 or RFC 3339, from 2000 to 2100.
fn instant() -> Value {
    json!({"anyOf": [
        {"type": "integer", "minimum": 946_684_800_000_u64, "maximum": 4_102_444_800_000_u64},
        {"type": "string", "format": "date-time"},
    ]})
}

fn date() -> Value {
    json!({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]})
}

fn length() -> Value {
    json!({"type": "string", "pattern": "^[1-9][0-9]{0,3}(s|m|h|d|w)$"})
}

fn millis() -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 3_600_000})
}

fn probes() -> Value {
    whole(1, 3_600)
}

pub(super) const TARGET: Parameter = Parameter::new("target", "the id of a target", text);
pub(super) const TARGETS_WANTED: Parameter =
    Parameter::new("target", "ids of targets: repeated, or with commas between", list);
pub(super) const ALL_TARGETS: Parameter = Parameter::new("all", "instead of `target`: every target", flag);
pub(super) const FROM: Parameter = Parameter::new("from", "the begin, included", instant);
pub(super) const TO: Parameter = Parameter::new("to", "the end, not included; now if absent", instant);
pub(super) const RANGE: Parameter =
    Parameter::new("range", "a length that ends at `to`, or begins at `from`", length);
pub(super) const PERIOD: Parameter = Parameter::new(
    "range",
    "a length like 24h or 7d, or custom with `from`",
    || json!({"anyOf": [length(), words(&["custom"])]}),
);
pub(super) const OVERVIEW_RANGE: Parameter = Parameter::new(
    "range",
    "the span the figures are of; custom has `from` and `to`",
    || words(&["live", "24h", "7d", "30d", "custom"]),
);
pub(super) const TOOL_RANGE: Parameter =
    Parameter::new("range", "the span; custom has `start` and `end`", || {
        words(&["24h", "7d", "30d", "custom"])
    });
pub(super) const START: Parameter = Parameter::new("start", "a day or an instant, UTC", date);
pub(super) const END: Parameter = Parameter::new("end", "a day (to its end) or an instant, UTC", date);
pub(super) const TIME_ZONE: Parameter = Parameter::new(
    "tz",
    "a zone like Asia/Jakarta, UTC or +07:00; else this computer's",
    text,
);
pub(super) const POINTS: Parameter =
    Parameter::new("points", "at most so many buckets", || whole(1, SERIES_POINTS));
pub(super) const COUNTRY: Parameter = Parameter::new("country", "only of these countries", list);
pub(super) const PARTNER: Parameter = Parameter::new("partner", "only of these partners", list);
pub(super) const GROUP: Parameter = Parameter::new("group", "only of these groups", list);
pub(super) const STATUS: Parameter = Parameter::new("status", "only in these states or grades", list);
pub(super) const SEARCH: Parameter = Parameter::new("q", "a part of name, address or a label", text);
pub(super) const OVERVIEW_LIMIT: Parameter =
    Parameter::new("limit", "at most so many rows", || whole(1, OVERVIEW_ROWS));
pub(super) const OFFSET: Parameter =
    Parameter::new("offset", "leaves out so many rows", || whole(0, TARGETS));
pub(super) const SPARK: Parameter = Parameter::new("spark", "0 leaves out the small curves", || whole(0, 1));
pub(super) const LIMIT: Parameter = Parameter::new("limit", "at most so many rows", || whole(1, API_ROWS));
pub(super) const BEFORE: Parameter = Parameter::new(
    "before",
    "only older rows: `next` of the page before",
    || json!({"type": "string", "pattern": "^[0-9]{1,9}-[0-9]{1,9}$"}),
);
pub(super) const LOG_BEFORE: Parameter = Parameter::new(
    "before",
    "only older rows: `next` of the page before",
    || json!({"type": "string", "pattern": "^[0-9]{1,18}$"}),
);
pub(super) const KIND: Parameter = Parameter::new("type", "only events of this kind", || {
    words(&EventKind::ALL.map(EventKind::word))
});
pub(super) const SEVERITY: Parameter = Parameter::new("severity", "only events of this severity", || {
    words(&[Severity::Info, Severity::Warning, Severity::Critical].map(Severity::word))
});
pub(super) const OPEN: Parameter = Parameter::new("state", "only what goes on", || words(&["open"]));
pub(super) const LEVEL: Parameter = Parameter::new("level", "only lines of this level", || {
    words(&["debug", "info", "warn", "error"])
});
pub(super) const TOOL_LEVEL: Parameter = Parameter::new("level", "only lines of this level", || {
    words(&["DEBUG", "INFO", "WARNING", "ERROR"])
});
pub(super) const RESOLUTION: Parameter =
    Parameter::new("resolution", "single probes, or sums of so long", || {
        words(&Grain::ALL.map(Grain::word))
    });
pub(super) const FORMAT: Parameter = Parameter::new("format", "how it is written", || {
    words(&Format::ALL.map(Format::word))
});
pub(super) const THEME: Parameter = Parameter::new("theme", "colours", || words(&["light", "dark"]));
pub(super) const AXIS: Parameter = Parameter::new("axis", "of the delays", || words(&["linear", "log"]));
pub(super) const SIZE: Parameter = Parameter::new(
    "size",
    "WIDTHxHEIGHT in pixels",
    || json!({"type": "string", "pattern": "^[1-9][0-9]{2}x[1-9][0-9]{2}$"}),
);
pub(super) const SCALE: Parameter = Parameter::new("scale", "pixels of each pixel", || {
    whole(1, GraphStyle::MAX_SCALE as usize)
});
pub(super) const LANGUAGE: Parameter = Parameter::new("lang", "of the words", || words(&["en", "id"]));
pub(super) const PAPER: Parameter = Parameter::new("paper", "for print", || words(&["a4", "letter"]));
pub(super) const INCLUDE: Parameter = Parameter::new("include", "the parts, with commas between", || {
    words(&Section::ALL.map(Section::word))
});
pub(super) const DOWNLOAD: Parameter = Parameter::new("download", "as a file to keep", flag);
pub(super) const FRESH: Parameter =
    Parameter::new("fresh", "looks anew instead of telling the last result", flag);

/// The thresholds that a preview is asked with.
const THRESHOLDS: [Parameter; 9] = [
    Parameter::new("excellent", "the grade's limit in ms", millis),
    Parameter::new("good", "the grade's limit in ms", millis),
    Parameter::new("fair", "the grade's limit in ms", millis),
    Parameter::new("poor", "the grade's limit in ms", millis),
    Parameter::new("critical", "the grade's limit in ms", millis),
    Parameter::new("lost_to_open", "probes lost in a row that open an outage", probes),
    Parameter::new("replies_to_close", "replies in a row that close it", probes),
    Parameter::new(
        "loss_ratio",
        "the loss that opens an outage",
        || json!({"type": "number", "minimum": 0, "maximum": 1}),
    ),
    Parameter::new("window", "over which that loss is counted", length),
];

/// What a preview is asked with: a span, and the thresholds to try.
pub(super) static PREVIEW: [Parameter; 12] = {
    let [excellent, good, fair, poor, critical, lost, replies, loss, window] = THRESHOLDS;
    [
        TARGET.required(),
        FROM,
        TO,
        excellent,
        good,
        fair,
        poor,
        critical,
        lost,
        replies,
        loss,
        window,
    ]
};

//! Sends log lines where they belong: to standard error, and into the store for the page's log viewer.
//!
//! One event is one line: control characters, escapes and direction marks in what others sent us are made visible
//! (SAFETY T11). Not here: which things are worth a line.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use linewatch_core::event::LogRow;
use linewatch_core::port::Clock;
use linewatch_render::text::printable;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::ConfigError;

/// Where rows for the store go once there is a store.
pub(crate) type Sink = Box<dyn Fn(LogRow) + Send + Sync>;

/// A place for the sink: logging begins before the store is open.
#[derive(Clone, Default)]
pub(crate) struct Later(Arc<Mutex<Option<Sink>>>);

impl Later {
    /// From now on rows go here.
    pub(crate) fn connect(&self, sink: Sink) {
        if let Ok(mut place) = self.0.lock() {
            *place = Some(sink);
        }
    }
}

/// Begins logging, at `level` (`debug`, `info`, `warn`, `error`).
pub(crate) fn start(level: &str, is_terminal: bool, clock: impl Clock + Clone + Sync + 'static) -> Later {
    let later = Later::default();
    let filter = match level {
        "debug" => LevelFilter::DEBUG,
        "warn" => LevelFilter::WARN,
        "error" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let lines = Lines {
        later: later.clone(),
        clock: Box::new(clock),
        is_terminal,
    };
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    later
}

/// A sentence whose cure stands on lines of its own, as one line and the cure.
pub(crate) fn in_one_line(sentence: &str) -> (&str, Option<String>) {
    let mut lines = sentence.lines();
    let text = lines.next().unwrap_or_default();
    let cures: Vec<&str> = lines
        .map(|line| {
            let line = line.trim();
            line.strip_prefix("help: ").unwrap_or(line)
        })
        .collect();
    (text, (!cures.is_empty()).then(|| cures.join("; ")))
}

/// Logs what is wrong or doubtful in the configuration: one line with its place and its cure.
pub(crate) fn warn_of(mistake: &ConfigError) {
    tracing::warn!(
        at = %mistake.place,
        help = mistake.help.as_deref(),
        "{}",
        mistake.message
    );
}

struct Lines {
    later: Later,
    clock: Box<dyn CallableClock>,
    is_terminal: bool,
}

/// `Clock` is `Send` only; a layer must be `Sync` too.
trait CallableClock: Clock + Sync {}
impl<C: Clock + Sync> CallableClock for C {}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let target = event.metadata().target();
        if !target.starts_with("linewatch") && *event.metadata().level() > Level::WARN {
            return;
        }
        let mut line = Line::default();
        event.record(&mut line);
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            _ => "debug",
        };
        // `journalctl` adds the time; on a terminal the person knows it. What a service prints begins with its level.
        let prefix = if self.is_terminal && level == "info" {
            String::new()
        } else {
            format!("{level}: ")
        };
        crate::say::to_stderr(&format!("{prefix}{}", line.text));
        // The log viewer is for milestones and troubles; details are for whoever looks over the shoulder.
        if level == "debug" {
            return;
        }
        let module = target
            .strip_prefix("linewatch_")
            .unwrap_or(target)
            .split("::")
            .next()
            .unwrap_or(target);
        let row = LogRow {
            at: self.clock.wall(),
            level: level.to_owned(),
            module: module.to_owned(),
            message: line.text,
        };
        if let Ok(place) = self.later.0.lock()
            && let Some(sink) = place.as_ref()
        {
            sink(row);
        }
    }
}

/// `message key=value key=value`.
#[derive(Default)]
struct Line {
    text: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field.name(), &format!("{value:?}"));
    }
}

impl Line {
    fn add(&mut self, name: &str, value: &str) {
        let value = printable(value);
        if name == "message" {
            let gap = if self.text.is_empty() { "" } else { " " };
            self.text.insert_str(0, &format!("{value}{gap}"));
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let _ = write!(self.text, "{name}={value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cure_of_several_lines_becomes_a_field_of_one() {
        let sentence = "cannot open a raw socket\n  help: grant it with  sudo x\n        or probe a TCP port";
        let (text, help) = in_one_line(sentence);
        assert_eq!(
            (text, help.as_deref()),
            (
                "cannot open a raw socket",
                Some("grant it with  sudo x; or probe a TCP port")
            )
        );
        assert_eq!(in_one_line("plain"), ("plain", None));
    }

    #[test]
    fn nobody_can_write_a_second_line_or_colour_the_terminal() {
        let mut line = Line::default();
        line.add("host", "a\nb\u{1b}[31mc\u{202e}d");
        line.add("message", "seen\r");
        assert_eq!(line.text, r"seen\r host=a\nb\u{1b}[31mc\u{202e}d");
    }
}

//! Words what alerts have decided: subject, plain text and HTML of a message, in English or Indonesian.
//!
//! Input: notifications of the core, in the order they were decided; several that had to wait are one message with their
//! true times. Everything that came from outside is made printable, and escaped in HTML. Pure: the zone is an argument.
//! Not here: deciding (`core::alert`), sending (`linewatch::notify`), the picture (`graph`).

mod html;
mod phrases;

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use linewatch_core::alert::{Cause, CauseKind, Item, Kind, Notification, Telling};
use linewatch_core::event::Severity;
use linewatch_core::time::WallTime;

use crate::report::{Digest, DigestTold, FLEET};
use crate::text::printable;
use crate::when;
pub(crate) use html::escape;
use phrases::Phrases;

/// Columns of a name in a table of plain text.
const NAME_WIDTH: usize = 32;

/// The language of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Bahasa Indonesia.
    Indonesian,
}

/// Who writes, and how times are read where it is read.
#[derive(Clone, Debug)]
pub struct Letterhead {
    /// The monitor's name.
    pub vantage: String,
    /// The program's version.
    pub version: String,
    /// Where the page is, without a final slash; empty: no links.
    pub page: String,
    /// For times.
    pub zone: TimeZone,
    /// For words.
    pub language: Language,
}

/// What a message is about.
#[derive(Clone, Debug)]
pub enum Matter<'a> {
    /// Faults and recoveries; at least one notification, in the order they were decided.
    Alerts(&'a [Notification]),
    /// The monitor ends in order.
    Stopped {
        /// When.
        at: WallTime,
        /// `Ctrl+C`, `SIGTERM`.
        why: &'a str,
    },
    /// The monitor had been killed, or the power failed.
    Interrupted {
        /// The last it wrote.
        from: WallTime,
        /// When it began again.
        to: WallTime,
    },
    /// What a week or a month was; the reports themselves are attached.
    Report(&'a Digest),
    /// Somebody wants to see whether messages arrive.
    Test {
        /// When.
        at: WallTime,
    },
}

/// The picture of a message.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its content id, or address.
    pub source: String,
    /// What it shows, for those who do not see it.
    pub alt: String,
}

/// The fact in one line, without line breaks.
pub fn subject(head: &Letterhead, matter: &Matter<'_>) -> String {
    let phrases = Phrases::of(head.language);
    let text = match matter {
        Matter::Alerts(notifications) => alerts_subject(&phrases, head, notifications),
        Matter::Stopped { .. } => format!("■ {}", phrases.stopped(&head.vantage)),
        Matter::Interrupted { .. } => format!("■ {}", phrases.interrupted(&head.vantage)),
        Matter::Report(digest) => DigestTold::new(digest, head.language, &head.zone).headline(),
        Matter::Test { .. } => format!("✔ {}", phrases.test(&head.vantage)),
    };
    printable(&text)
}

/// The message as plain text, lines of any length.
pub fn text(head: &Letterhead, matter: &Matter<'_>) -> String {
    let mut lines = vec![subject(head, matter), String::new()];
    lines.extend(sentences(head, matter).into_iter().map(|sentence| sentence.text));
    if let Matter::Report(digest) = matter {
        lines.push(String::new());
        lines.extend(table(head, digest));
    }
    if !head.page.is_empty() {
        lines.push(String::new());
        lines.extend(links(head, matter));
    }
    lines.push(String::new());
    lines.push("-- ".to_owned());
    lines.push(Phrases::of(head.language).footer(head));
    lines.join("\n") + "\n"
}

/// The message as one HTML page with everything inside, for mail programs: no script, no address but the picture's
/// and our own page's.
pub fn html(head: &Letterhead, matter: &Matter<'_>, picture: Option<&Picture>) -> String {
    html::page(head, matter, picture)
}

/// What the picture of a target's last day shows, for those who do not see it.
pub fn picture_alt(head: &Letterhead, name: &str) -> String {
    printable(&Phrases::of(head.language).picture(name))
}

/// One line of the message.
struct Sentence {
    text: String,
    /// Draws the eye.
    is_headline: bool,
}

impl Sentence {
    fn new(text: String) -> Self {
        Self {
            text: printable(&text),
            is_headline: false,
        }
    }
}

/// What there is to say, a sentence a line.
fn sentences(head: &Letterhead, matter: &Matter<'_>) -> Vec<Sentence> {
    let phrases = Phrases::of(head.language);
    let date = |at: WallTime| dated(head, at);
    match matter {
        Matter::Alerts(notifications) => notifications
            .iter()
            .flat_map(|notification| alert_sentences(&phrases, head, notification))
            .collect(),
        Matter::Stopped { at, why } => vec![Sentence::new(phrases.stopped_text(&date(*at), why))],
        Matter::Interrupted { from, to } => {
            vec![Sentence::new(phrases.interrupted_text(&date(*from), &date(*to)))]
        }
        Matter::Report(digest) => DigestTold::new(digest, head.language, &head.zone)
            .sentences()
            .into_iter()
            .map(Sentence::new)
            .collect(),
        Matter::Test { at } => vec![Sentence::new(phrases.test_text(&date(*at)))],
    }
}

fn alert_sentences(phrases: &Phrases, head: &Letterhead, notification: &Notification) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for cause in &notification.causes {
        let item = notification.items.iter().find(|item| is_its_cause(cause, item));
        let is_over = item.is_some_and(|item| matches!(item.telling, Telling::Ended | Telling::Withdrawn));
        let mut sentence = Sentence::new(if is_over {
            phrases.cause_over(cause)
        } else {
            phrases.cause(cause)
        });
        sentence.is_headline = true;
        sentences.push(sentence);
        if !cause.names.is_empty() {
            sentences.push(Sentence::new(phrases.names(cause)));
        }
    }
    for item in &notification.items {
        let since = dated(head, item.since);
        let until = item.until.map(|until| dated(head, until));
        sentences.push(Sentence::new(phrases.item(item, &since, until.as_deref())));
    }
    if notification.more > 0 {
        sentences.push(Sentence::new(phrases.more(notification.more)));
    }
    sentences
}

fn alerts_subject(phrases: &Phrases, head: &Letterhead, notifications: &[Notification]) -> String {
    let items: Vec<&Item> = newest(notifications);
    let causes: Vec<&Cause> = notifications.iter().flat_map(|each| &each.causes).collect();
    let lasts = |item: &&&Item| matches!(item.telling, Telling::Began | Telling::Escalated);
    // What still lasts is the news; if nothing does, the worst that is over.
    let Some(item) = items
        .iter()
        .find(lasts)
        .or_else(|| items.iter().max_by_key(|item| item.duration_ns))
    else {
        return head.vantage.clone();
    };
    let glyph = match (item.telling, item.kind.severity()) {
        (Telling::Ended | Telling::Withdrawn, _) => "✔",
        (_, Severity::Critical) => "✖",
        (_, _) => "▲",
    };
    let since = when::clock_time(item.since, &head.zone);
    let cause = causes.iter().find(|cause| is_its_cause(cause, item));
    let fact = phrases.headline(item, cause.copied(), &since);
    let others = items.len() - 1
        + usize::try_from(notifications.iter().map(|each| each.more).sum::<u64>()).unwrap_or(0);
    match others {
        0 => format!("{glyph} {fact}"),
        _ => format!("{glyph} {fact} {}", phrases.and_more(others)),
    }
}

/// Whether this item tells of what the cause stands for.
fn is_its_cause(cause: &Cause, item: &Item) -> bool {
    match cause.kind {
        CauseKind::Behind(root) => item.target == Some(root) && item.kind == Kind::Outage,
        CauseKind::EveryTarget => item.target.is_none() && item.kind == Kind::Outage,
    }
}

/// The last word about each fault, in the order of the first.
fn newest(notifications: &[Notification]) -> Vec<&Item> {
    let mut newest: Vec<&Item> = Vec::new();
    for item in notifications.iter().flat_map(|each| &each.items) {
        let same =
            |other: &&Item| other.target == item.target && other.kind == item.kind && other.slug == item.slug;
        match newest.iter().position(same) {
            Some(place) => newest[place] = item,
            None => newest.push(item),
        }
    }
    newest
}

/// The table of a digest in columns of equal width, names on the left and figures on the right.
fn table(head: &Letterhead, digest: &Digest) -> Vec<String> {
    let told = DigestTold::new(digest, head.language, &head.zone);
    let heads = told.heads().map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(heads).chain(told.rows()).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        // A longer name is cut: the figures of all must stand below each other.
        widths.max().unwrap_or(0).min(NAME_WIDTH)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let lines = rows.iter().map(|row| {
        let name = cut(&row[0]);
        let mut line = format!("{name:<0$}", widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            // Writing to a String cannot fail.
            _ = write!(line, "  {cell:>width$}");
        }
        line
    });
    lines.collect()
}

fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_WIDTH {
        return name.to_owned();
    }
    let start: String = name.chars().take(NAME_WIDTH - 1).collect();
    format!("{start}…")
}

/// Pages where more is to be seen, one a line.
fn links(head: &Letterhead, matter: &Matter<'_>) -> Vec<String> {
    if let Matter::Report(digest) = matter {
        let (from, to) = (when::rfc3339_us(digest.from), when::rfc3339_us(digest.to));
        let which = match digest.rows.as_slice() {
            [row] => &row.slug,
            _ => FLEET,
        };
        return vec![format!("{}/report/{which}?from={from}&to={to}", head.page)];
    }
    let Matter::Alerts(notifications) = matter else {
        return vec![format!("{}/", head.page)];
    };
    let mut links: Vec<String> = newest(notifications)
        .into_iter()
        .filter(|item| !item.slug.is_empty())
        .map(|item| link(&head.page, item))
        .take(5)
        .collect();
    if links.is_empty() {
        links.push(format!("{}/", head.page));
    }
    links.dedup();
    links
}

/// The target's page; of an outage with what is kept of it opened.
fn link(page: &str, item: &Item) -> String {
    match (item.kind, item.event) {
        (Kind::Outage, Some(outage)) => format!("{page}/t/{}?outage={outage}", item.slug),
        _ => format!("{page}/t/{}", item.slug),
    }
}

/// `2026-11-21 16:39:10 Asia/Jakarta (+07:00)`.
fn dated(head: &Letterhead, at: WallTime) -> String {
    format!(
        "{} {}",
        when::date_time(at, &head.zone),
        when::zone_name(at, &head.zone)
    )
}

#[cfg(test)]
mod tests;

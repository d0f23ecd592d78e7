//! Joins rules, store and delivery: what each notification becomes in the store, what the last start left, the picture of a mail.
//!
//! Not here: deciding (`teller`), sending (`notify`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::alert::{Notification, Silence, Snapshot};
use linewatch_core::event::RunId;
use linewatch_core::port::{Clock, History};
use linewatch_core::target::TargetId;
use linewatch_core::time::{WallTime, nanos_of};
use linewatch_render::graph::{self, GraphPeriod, GraphStyle, GraphSubject, Theme, ValueAxis};
use linewatch_render::message::{Language, Letterhead};
use linewatch_store::{LetterState, StoreHandle, StoreMessage, Told};

use super::Way;
use crate::config::Settings;
use crate::notify::{Graph, Notify, shape};

/// What a mail's picture shows.
const PICTURE_SPAN: Duration = Duration::from_secs(24 * 3600);
/// Its size where it is read: the width of the mail's text, so that its own text is not made smaller.
const PICTURE_SIZE: (u32, u32) = (600, 280);
/// Device pixels per pixel: for sharp screens.
const PICTURE_SCALE: u32 = 2;
/// A monitor that has not turned for so long does not live, whatever its process does.
const ALIVE_WITHIN: Duration = Duration::from_secs(30);
/// The letters among which that of the last farewell is looked for: it was the last thing the run before said.
const LETTERS_LOOKED_AT: usize = 200;

/// The way of what is told: through the store to `notify`. Without it (the demo) the rules turn and nobody hears.
pub(crate) fn way(notify: Option<&Notify>, store: &StoreHandle, turned_at: Arc<AtomicU64>) -> Way {
    let (to, nudged, store) = (notify.cloned(), notify.cloned(), store.clone());
    Way {
        put: Box::new(move |told, snapshot| {
            // What does not fit now is kept by the handle and written later.
            store.try_send(one_message(to.as_ref(), told, snapshot));
            if let Some(to) = &to {
                to.wake();
            }
        }),
        line_is_back: Box::new(move || {
            if let Some(nudged) = &nudged {
                nudged.nudge();
            }
        }),
        turned_at,
    }
}

/// All of it in one transaction: whoever reads the snapshot finds the letters too.
fn one_message(notify: Option<&Notify>, told: &[Notification], snapshot: &Snapshot) -> StoreMessage {
    let mut all = Told {
        letters: Vec::new(),
        snapshot: Some(shape::write_snapshot(snapshot)),
    };
    for notification in told {
        if let Some(StoreMessage::Told(one)) = notify.map(|notify| notify.told(notification, snapshot)) {
            all.letters.extend(one.letters);
        }
    }
    StoreMessage::Told(Box::new(all))
}

/// Whether the monitor's thread turns.
pub(crate) fn is_alive<C: Clock + Sync>(
    clock: C,
    turned_at: Arc<AtomicU64>,
) -> impl Fn() -> bool + Send + Sync {
    move || {
        let age_ns = clock
            .mono()
            .as_nanos()
            .saturating_sub(turned_at.load(Ordering::Relaxed));
        age_ns <= nanos_of(ALIVE_WITHIN)
    }
}

/// What the rules remembered when the last start ended; to be read before this one puts anything. A state that cannot be read is
/// told of and forgotten: it is no reason not to watch.
pub(crate) fn left(store: &StoreHandle) -> Snapshot {
    let read = store.alert_state().map_err(|error| error.to_string());
    let left = read.and_then(|text| text.map(|text| shape::read_snapshot(&text)).transpose());
    left.inspect_err(|why| {
        tracing::warn!("what was told before this start cannot be read: {why}; it may be told again");
    })
    .ok()
    .flatten()
    .unwrap_or_default()
}

/// The silences that hold at `now`. One that cannot be read is left out, and told of: rather a mail too many.
///
/// # Errors
///
/// What the store says.
pub(crate) fn silences(store: &StoreHandle, now: WallTime) -> Result<Vec<Silence>, String> {
    let stored = store.silences(now).map_err(|error| error.to_string())?;
    let meant = stored.into_iter().filter_map(|stored| {
        let matcher = shape::read_matcher(&stored.silence.matcher)
            .map_err(|sentence| tracing::warn!("silence {} is left out: {sentence}", stored.id))
            .ok()?;
        Some(Silence {
            id: stored.id,
            matcher,
            until: stored.silence.until,
            comment: stored.silence.comment,
        })
    });
    Ok(meant.collect())
}

/// The run before this one has said that it ends, although it was not seen to: a second Ctrl+C came while it was at it.
pub(crate) fn has_said_farewell(store: &StoreHandle, run: RunId) -> bool {
    let name = format!("{}.", Notify::farewell_name(RunId(run.0.saturating_sub(1))));
    [LetterState::Waiting, LetterState::Sent]
        .into_iter()
        .any(|state| {
            let letters = store.letters(state, LETTERS_LOOKED_AT).unwrap_or_default();
            letters.iter().any(|letter| letter.message_id.starts_with(&name))
        })
}

/// Who writes, and where the page is.
pub(crate) fn letterhead(settings: &Settings, vantage: &str, host: &str) -> Letterhead {
    let language = match settings.web.language.as_str() {
        "id" => Language::Indonesian,
        _ => Language::English,
    };
    Letterhead {
        vantage: vantage.to_owned(),
        version: crate::VERSION.to_owned(),
        page: page(settings.server.listen, &settings.server.base_path, host),
        zone: TimeZone::system(),
        language,
    }
}

fn page(listen: SocketAddr, base_path: &str, host: &str) -> String {
    let base = base_path.trim_end_matches('/');
    if listen.ip().is_unspecified() {
        format!("http://{host}:{}{base}", listen.port())
    } else {
        format!("http://{listen}{base}")
    }
}

/// Draws a target's last day.
pub(crate) fn graph<C: Clock + Sync + 'static>(
    history: Arc<dyn History>,
    clock: C,
    vantage: String,
) -> Graph {
    Box::new(move |target, language| draw(history.as_ref(), target, clock.wall(), (&vantage, language)))
}

fn draw(
    history: &dyn History,
    target: TargetId,
    now: WallTime,
    (vantage, language): (&str, Language),
) -> Option<Vec<u8>> {
    let style = GraphStyle::new(
        PICTURE_SIZE.0,
        PICTURE_SIZE.1,
        PICTURE_SCALE,
        Theme::Light,
        ValueAxis::Linear,
    )
    .ok()?
    .in_language(language);
    let drawn = history.targets().ok().and_then(|stored| {
        let meant = stored.iter().find(|other| other.id == target)?;
        let of_its_line = stored.iter().filter(|other| other.slug == meant.slug);
        let series: Vec<TargetId> = of_its_line.map(|other| other.id).collect();
        let subject = GraphSubject {
            name: meant.name.clone(),
            note: vantage.to_owned(),
            ..GraphSubject::default()
        };
        let period = GraphPeriod {
            from: now.minus(PICTURE_SPAN),
            to: now,
            now,
            zone: TimeZone::system(),
        };
        let input = graph::ask(history, &series, subject, &period, &style).ok()?;
        graph::png(&input, &style).ok()
    });
    if drawn.is_none() {
        // A mail without its picture arrives all the same.
        tracing::warn!(target: "notify", target = target.0, "a mail goes without its picture: it cannot be drawn");
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_where_the_page_is() {
        let at = |listen: &str, base: &str| page(listen.parse().expect("an address"), base, "mon1");
        assert_eq!(at("0.0.0.0:5000", "/"), "http://mon1:5000");
        assert_eq!(at("[::]:80", "/lw/"), "http://mon1:80/lw");
        assert_eq!(at("192.0.2.7:5000", "/"), "http://192.0.2.7:5000");
    }
}

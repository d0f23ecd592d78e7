//! One target's history as a picture, for a mail, a chat or a page without scripts.
//!
//! What is asked of the history and how it is drawn is `render::graph`'s, the same as for `linewatch graph`. Here: the
//! query, and that drawing costs no more than it may: few at once, none twice within seconds, none too large.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use linewatch_core::limits::{ANSWER_TIME, GRAPH_DRAWINGS, GRAPH_FRESH, GRAPH_PIXELS, GRAPHS_KEPT};
use linewatch_core::port::StoredTarget;
use linewatch_core::target::TargetId;
use linewatch_core::time::MonoTime;
use linewatch_render::graph::{self, GraphPeriod, GraphStyle, GraphSubject, Theme, ValueAxis};
use linewatch_render::message::Language;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Call, history};
use crate::query::{Params, possible};
use crate::respond::{Answer, Refusal, answer};

/// The period if nothing else is asked for.
const SPAN_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// The size if nothing else is asked for, in CSS pixels.
const SIZE_DEFAULT: (u32, u32) = (1200, 400);
/// As long as [`GRAPH_FRESH`].
const CACHE: &str = "private, max-age=10";

/// What a picture is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Svg,
}

/// The picture of one target as PNG.
pub(super) async fn png(call: Call) -> Result<Answer, Refusal> {
    picture(call, Format::Png).await
}

/// The same as SVG.
pub(super) async fn svg(call: Call) -> Result<Answer, Refusal> {
    picture(call, Format::Svg).await
}

/// The pictures drawn last, and the places to draw.
pub(crate) struct Pictures {
    places: Arc<Semaphore>,
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    format: Format,
    query: String,
    until: MonoTime,
    bytes: Bytes,
}

impl Pictures {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(GRAPH_DRAWINGS)),
            kept: Mutex::default(),
        }
    }

    /// A place to draw, when there is one.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let waiting = Arc::clone(&self.places).acquire_owned();
        let place = tokio::time::timeout(ANSWER_TIME, waiting).await;
        place.ok().and_then(Result::ok).ok_or_else(busy)
    }

    fn find(&self, format: Format, query: &str, now: MonoTime) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.until > now);
        let found = kept
            .iter()
            .find(|kept| kept.format == format && kept.query == query);
        found.map(|kept| kept.bytes.clone())
    }

    fn keep(&self, picture: Kept) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(GRAPHS_KEPT - 1);
        kept.push_front(picture);
    }
}

fn busy() -> Refusal {
    Refusal::unavailable("too many pictures are being drawn; try again in a few seconds")
}

/// What is to be drawn.
struct Wanted {
    series: Vec<TargetId>,
    subject: GraphSubject,
    period: GraphPeriod,
    style: GraphStyle,
}

async fn picture(call: Call, format: Format) -> Result<Answer, Refusal> {
    let query = call.parts.uri.query().unwrap_or_default().to_owned();
    let find = || call.app.pictures.find(format, &query, call.app.clock.mono());
    if let Some(bytes) = find() {
        return Ok(shown(format, bytes));
    }
    let (style, period) = look(&call)?;
    let place = call.app.pictures.place().await?;
    // Whoever waited for a place may have waited for this very picture.
    if let Some(bytes) = find() {
        return Ok(shown(format, bytes));
    }
    let wanted = wanted(&call, style, period).await?;
    let bytes = draw(&call, wanted, format, place).await?;
    call.app.pictures.keep(Kept {
        format,
        query,
        until: call.app.clock.mono().plus(GRAPH_FRESH),
        bytes: bytes.clone(),
    });
    Ok(shown(format, bytes))
}

fn shown(format: Format, bytes: Bytes) -> Answer {
    let media = match format {
        Format::Png => "image/png",
        Format::Svg => "image/svg+xml",
    };
    answer(StatusCode::OK, media, CACHE, Body::from(bytes))
}

/// Size, theme and period: everything that can be refused before anything is read.
fn look(call: &Call) -> Result<(GraphStyle, GraphPeriod), Refusal> {
    let params = Params::of(&call.parts.uri)?;
    if params.one("target").is_none() {
        return Err(Refusal::field(
            "target",
            "`target` is missing: the id of the target",
        ));
    }
    Ok((style(&params)?, period(call, &params, SPAN_DEFAULT)?))
}

fn style(params: &Params) -> Result<GraphStyle, Refusal> {
    let theme = params.word("theme", |word| match word {
        "light" => Some(Theme::Light),
        "dark" => Some(Theme::Dark),
        _ => None,
    })?;
    let axis = params.word("axis", |word| match word {
        "linear" => Some(ValueAxis::Linear),
        "log" => Some(ValueAxis::Log),
        _ => None,
    })?;
    let size = params.word("size", |text| {
        let (width, height) = text.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?))
    });
    let size = size.map_err(|refusal| Refusal {
        message: format!("{}: it is WIDTHxHEIGHT in pixels, like 1200x400", refusal.message),
        ..refusal
    })?;
    let (width, height): (u32, u32) = size.unwrap_or(SIZE_DEFAULT);
    let scale = params.number("scale", 1, 1, GraphStyle::MAX_SCALE as usize)? as u32;
    let refused = |message: String| Refusal::field("size", message);
    let pixels = u64::from(width) * u64::from(height) * u64::from(scale * scale);
    if pixels > GRAPH_PIXELS {
        return Err(refused(format!(
            "`size` times `scale` is {pixels} pixels; at most {GRAPH_PIXELS} are drawn, like 4000x2000"
        )));
    }
    GraphStyle::new(
        width,
        height,
        scale,
        theme.unwrap_or(Theme::Light),
        axis.unwrap_or(ValueAxis::Linear),
    )
    .map_err(|error| refused(error.to_string()))
}

/// By range, begin and end; the other two follow from any one, and without any it is `default` long until now.
pub(super) fn period(call: &Call, params: &Params, default: Duration) -> Result<GraphPeriod, Refusal> {
    let now = call.app.clock.wall();
    let zone = params.zone("tz")?;
    let (begin, end) = (params.instant("from")?, params.instant("to")?);
    let is_custom = params.one("range") == Some("custom");
    let length = if is_custom { None } else { params.length("range")? };
    let (from, to) = match (begin, end, length) {
        (Some(_), Some(_), Some(_)) => {
            return Err(Refusal::field(
                "range",
                "`range`, `from` and `to` together say the period twice",
            ));
        }
        (None, _, _) if is_custom => {
            return Err(Refusal::field(
                "from",
                "`range=custom` needs `from`, and `to` unless it is now",
            ));
        }
        (Some(begin), end, None) => (begin, end.unwrap_or(now)),
        (Some(begin), None, Some(length)) => (begin, begin.plus(length)),
        (None, end, length) => {
            let end = end.unwrap_or(now);
            (end.minus(length.unwrap_or(default)), end)
        }
    };
    if from >= to {
        return Err(Refusal::field("to", "`to` must be after `from`"));
    }
    let named = if begin.is_some() { "from" } else { "range" };
    possible(named, from)?;
    possible("range", to)?;
    if from >= now {
        return Err(Refusal::field(
            named,
            "the period begins in the future: nothing is measured there yet",
        ));
    }
    Ok(GraphPeriod { from, to, now, zone })
}

async fn wanted(call: &Call, style: GraphStyle, period: GraphPeriod) -> Result<Wanted, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let stored = call.app.ask_history(|history| history.targets()).await?;
    let series = history::series_of(call, &params, &stored).map_err(|refusal| Refusal {
        field: Some("target".to_owned()),
        ..refusal
    })?;
    Ok(Wanted {
        series: series.unwrap_or_default(),
        subject: subject(call, params.one("target").unwrap_or_default(), &stored),
        period,
        style,
    })
}

/// As the target is configured now; of one that was removed, its last name.
fn subject(call: &Call, id: &str, stored: &[StoredTarget]) -> GraphSubject {
    let state = call.app.hub.state();
    if let Some(member) = state.member(id) {
        return GraphSubject::of_target(
            &member.entry.target,
            member.entry.ip,
            &state.status.vantage,
            Language::English,
        );
    }
    let last = stored.iter().rfind(|target| target.slug == id);
    GraphSubject {
        name: last.map_or(id, |target| target.name.as_str()).to_owned(),
        ..GraphSubject::default()
    }
}

/// Asks and draws on threads of their own. The place is held until the picture is done, even if the asker has gone.
async fn draw(
    call: &Call,
    wanted: Wanted,
    format: Format,
    place: OwnedSemaphorePermit,
) -> Result<Bytes, Refusal> {
    let Wanted {
        series,
        subject,
        period,
        style,
    } = wanted;
    let asked = call
        .app
        .ask_history(move |history| graph::ask(history, &series, subject, &period, &style));
    let input = asked.await?;
    let drawing = tokio::task::spawn_blocking(move || {
        let _place = place;
        match format {
            Format::Png => graph::png(&input, &style).map_err(|error| error.to_string()),
            Format::Svg => Ok(graph::svg(&input, &style).into_bytes()),
        }
    });
    match tokio::time::timeout(ANSWER_TIME, drawing).await {
        Ok(Ok(Ok(bytes))) => Ok(Bytes::from(bytes)),
        Ok(Ok(Err(error))) => Err(Refusal::unavailable(format!(
            "the picture cannot be drawn: {error}"
        ))),
        Ok(Err(_)) | Err(_) => Err(busy()),
    }
}

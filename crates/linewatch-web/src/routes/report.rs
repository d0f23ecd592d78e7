//! What a period was, as one HTML document: the same that `linewatch report` writes.
//!
//! It is a document of its own, shown by the page in a frame: its style is inside, so its policy allows exactly that style
//! by its hash, and nothing else: no script, no request. What is counted and how it is worded is `render::report`'s.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use linewatch_core::limits::ANSWER_TIME;
use linewatch_core::port::StoredTarget;
use linewatch_render::graph::GraphPeriod;
use linewatch_render::message::Language;
use linewatch_render::report::{
    self, Document, FLEET, Paper, ReportAsk, ReportStyle, ReportSubject, Section,
};
use linewatch_render::when::rfc3339_us;
use sha2::{Digest as _, Sha256};

use super::{Call, graph, history, targets};
use crate::query::Params;
use crate::respond::{Answer, Refusal, answer};

/// The period if nothing else is asked for.
const SPAN_DEFAULT: Duration = Duration::from_secs(7 * 86_400);

/// The report of one target, or of all.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let target = params.single("target")?.map(str::to_owned).ok_or_else(|| {
        Refusal::field(
            "target",
            format!("`target` is missing: the id of a target, or {FLEET} for all"),
        )
    })?;
    let is_file = params.one("download") == Some("1");
    let period = graph::period(&call, &params, SPAN_DEFAULT)?;
    let mut style = style(&params)?;
    let place = call.app.pictures.place().await?;
    let stored = call.app.ask_history(|history| history.targets()).await?;
    let subjects = if target == FLEET {
        fleet(&call, &stored)
    } else {
        vec![one(&call, &target, &stored)?]
    };
    if !is_file {
        style.csv = Some(csv(&call, &target, &period));
    }
    let asked = asked(&call, target == FLEET, period, &style);
    let asking = call
        .app
        .ask_history(move |history| report::ask(history, &subjects, &asked));
    let report = asking.await?;
    let writing = tokio::task::spawn_blocking(move || {
        // Kept until it is written, even if the asker has gone.
        let _place = place;
        report::html(&report, &style)
    });
    match tokio::time::timeout(ANSWER_TIME, writing).await {
        Ok(Ok(document)) => Ok(shown(&target, is_file, document)),
        Ok(Err(_)) | Err(_) => Err(Refusal::unavailable(
            "the report takes too long; ask for a shorter period",
        )),
    }
}

fn style(params: &Params) -> Result<ReportStyle, Refusal> {
    let language = params.word("lang", |word| match word {
        "en" => Some(Language::English),
        "id" => Some(Language::Indonesian),
        _ => None,
    })?;
    let mut sections = Vec::new();
    for word in params
        .one("include")
        .unwrap_or_default()
        .split(',')
        .filter(|word| !word.is_empty())
    {
        sections.push(Section::from_word(word).ok_or_else(|| {
            let known = Section::ALL.map(Section::word).join(", ");
            Refusal::field(
                "include",
                format!("`include` has no part \"{word}\"; there are {known}"),
            )
        })?);
    }
    if sections.is_empty() {
        sections = Section::USUAL.to_vec();
    }
    Ok(ReportStyle {
        language: language.unwrap_or_default(),
        paper: params.word("paper", Paper::from_word)?.unwrap_or_default(),
        sections,
        csv: None,
    })
}

fn asked(call: &Call, is_fleet: bool, period: GraphPeriod, style: &ReportStyle) -> ReportAsk {
    let state = call.app.hub.state();
    ReportAsk {
        is_fleet,
        period,
        vantage: state.status.vantage.clone(),
        version: state.status.version.clone(),
        sections: style.sections.clone(),
    }
}

/// As the target is configured now; of one that was removed, its last name.
fn one(call: &Call, id: &str, stored: &[StoredTarget]) -> Result<ReportSubject, Refusal> {
    let series = history::series_named(call, id, stored);
    if series.is_empty() {
        return Err(Refusal {
            field: Some("target".to_owned()),
            ..targets::unknown_target(id)
        });
    }
    let state = call.app.hub.state();
    let member = state.member(id);
    let last = stored.iter().rfind(|target| target.slug == id);
    Ok(ReportSubject {
        slug: id.to_owned(),
        name: match (&member, last) {
            (Some(member), _) => member.entry.target.name.clone(),
            (None, Some(last)) => last.name.clone(),
            (None, None) => id.to_owned(),
        },
        series,
        target: member.as_ref().map(|member| member.entry.target.clone()),
        ip: member.and_then(|member| member.entry.ip),
    })
}

/// Every target that is configured now.
fn fleet(call: &Call, stored: &[StoredTarget]) -> Vec<ReportSubject> {
    let slugs: Vec<String> = {
        let state = call.app.hub.state();
        state
            .members()
            .map(|member| member.entry.target.slug.clone())
            .collect()
    };
    // One that was removed a moment ago is no error of the others.
    slugs
        .iter()
        .filter_map(|slug| one(call, slug, stored).ok())
        .collect()
}

/// Where the probes behind the report are.
fn csv(call: &Call, target: &str, period: &GraphPeriod) -> String {
    let which = if target == FLEET {
        "all=1".to_owned()
    } else {
        format!("target={target}")
    };
    let (from, to) = (rfc3339_us(period.from), rfc3339_us(period.to));
    format!(
        "{}/api/v1/export?{which}&from={from}&to={to}&format=csv",
        call.app.base
    )
}

/// The document under a policy of its own.
fn shown(target: &str, is_file: bool, document: Document) -> Answer {
    let hash = STANDARD.encode(Sha256::digest(document.style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; \
         sandbox allow-same-origin allow-modals allow-downloads"
    );
    let mut answer = answer(
        StatusCode::OK,
        "text/html; charset=utf-8",
        "no-store",
        Body::from(document.html),
    );
    let headers = answer.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    }
    let name: String = target
        .chars()
        .filter(|sign| sign.is_ascii_alphanumeric() || "-_.".contains(*sign))
        .collect();
    if is_file
        && let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"report-{name}.html\""))
    {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    answer
}

//! Kills the monitor without a warning, again and again, and looks what its next start has.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use linewatch_e2e::serving::{Serving, now};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::data::Look;
use super::rig::{PROBES_PER_S, Rig, TARGETS, pause, wall_ns};
use super::{Amount, Finding};
use crate::table::say;

/// A flush, as configured by default: what a kill may cost.
const FLUSH: Duration = Duration::from_secs(1);
/// A start may take so long.
const START_MAX: Duration = Duration::from_secs(2);
/// The shortest life of a monitor here; longer ones reach any moment of a flush.
const LIFE: Duration = Duration::from_millis(1200);
/// A prime beside the second: every kill falls at another moment of the flush.
const LIFE_STEP_MS: u64 = 137;
/// An end comes at once.
const END_MAX: Duration = Duration::from_secs(5);

/// What the program has said to be so, before it was killed.
#[derive(Clone, Debug, Default)]
struct Acknowledged {
    name: String,
    preference: u64,
    silence: String,
    /// Keys of events that the API showed.
    events: Vec<String>,
}

/// The worst of all cycles.
#[derive(Debug, Default)]
struct Worst {
    damaged: u64,
    lost_samples: u64,
    lost_ns: i64,
    uncommitted: u64,
    holes: i64,
    forgotten: Vec<String>,
    start: Duration,
}

pub(super) fn kill9(amount: &Amount) -> Result<Vec<Finding>> {
    let rig = Rig::new("")?;
    let mut worst = Worst::default();
    let mut said = Acknowledged::default();
    for cycle in 1..=amount.cycles {
        let begun = now();
        let mut serving = rig.start()?;
        ensure!(serving.ask("GET", "/", "", "")?.status == 200, "no page");
        worst.start = worst.start.max(begun.elapsed());
        if cycle > 1 {
            worst.forgotten.extend(forgotten(&serving, &said)?);
        }
        said = change(&serving, cycle, &said)?;
        pause(LIFE + Duration::from_millis(cycle * LIFE_STEP_MS % 1000));

        let before = rig.data().beside()?;
        let run = before.run()?;
        let committed = before.number("SELECT max(id) FROM recent_batches")?;
        drop(before);
        said.events = events(&serving)?;
        let killed_at = wall_ns()?;
        serving.signal(Signal::SIGKILL)?;
        serving.wait(END_MAX)?;
        judge(&rig.data().copy()?, run, committed, killed_at, &mut worst)?;
        if cycle % 20 == 0 {
            say(&format!("  kill9: {cycle} of {} ...", amount.cycles));
        }
    }
    Ok(findings(amount, &worst))
}

fn judge(look: &Look, run: i64, committed: i64, killed_ns: i64, worst: &mut Worst) -> Result<()> {
    worst.damaged += u64::from(!look.is_whole()?);
    let lost_ns = killed_ns - look.newest_ns(run)?;
    worst.lost_ns = worst.lost_ns.max(lost_ns);
    let per_second = TARGETS * PROBES_PER_S;
    let lost = lost_ns.max(0) as u64 * per_second / 1_000_000_000;
    worst.lost_samples = worst.lost_samples.max(lost);
    worst.uncommitted += u64::from(look.number("SELECT max(id) FROM recent_batches")? < committed);
    worst.holes += look.holes(run)?;
    Ok(())
}

/// Changes things by the API, each acknowledged with a status below 300.
fn change(serving: &Serving, cycle: u64, before: &Acknowledged) -> Result<Acknowledged> {
    let name = format!("cycle {cycle}");
    let asked = serving.ask("GET", "/api/v1/targets/t1", "", "")?;
    let version = asked.header("etag").context("no ETag")?;
    let must = |method: &str, path: &str, headers: &str, body: Value| {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let reply = serving.ask(method, path, headers, &body)?;
        ensure!(
            reply.status < 300,
            "{method} {path}: {} {}",
            reply.status,
            reply.body
        );
        Ok(reply)
    };
    must(
        "PATCH",
        "/api/v1/targets/t1",
        &format!("If-Match: {version}\r\n"),
        json!({ "name": name }),
    )?;
    must("PUT", "/api/v1/preferences", "", json!({ "density": cycle }))?;
    if !before.silence.is_empty() {
        let id = silence_id(serving, &before.silence)?.context("a silence that was acknowledged is gone")?;
        must("DELETE", &format!("/api/v1/silences/{id}"), "", Value::Null)?;
    }
    must(
        "POST",
        "/api/v1/silences",
        "",
        json!({ "target": "t2", "minutes": 1440, "comment": name }),
    )?;
    Ok(Acknowledged {
        silence: name.clone(),
        name,
        preference: cycle,
        events: Vec::new(),
    })
}

fn silence_id(serving: &Serving, comment: &str) -> Result<Option<Value>> {
    let silences = serving.read("/api/v1/silences")?;
    let all = silences["silences"].as_array().context("no silences")?;
    Ok(all
        .iter()
        .find(|row| row["comment"] == comment)
        .map(|row| row["id"].clone()))
}

fn events(serving: &Serving) -> Result<Vec<String>> {
    let answer = serving.read("/api/v1/events?limit=50")?;
    let rows = answer["rows"].as_array().context("no events")?;
    Ok(rows.iter().map(|row| row["id"].to_string()).collect())
}

/// What was acknowledged and is not so after the next start.
fn forgotten(serving: &Serving, said: &Acknowledged) -> Result<Vec<String>> {
    let mut forgotten = Vec::new();
    let target = serving.read("/api/v1/targets/t1")?;
    if target["target"]["name"] != said.name {
        forgotten.push(format!("the name \"{}\"", said.name));
    }
    if serving.read("/api/v1/preferences")?["preferences"]["density"] != said.preference {
        forgotten.push(format!("the preference {}", said.preference));
    }
    if silence_id(serving, &said.silence)?.is_none() {
        forgotten.push(format!("the silence \"{}\"", said.silence));
    }
    let answer = serving.read("/api/v1/events?limit=200")?;
    let rows = answer["rows"].as_array().context("no events")?;
    let kept: Vec<_> = rows.iter().map(|row| row["id"].to_string()).collect();
    forgotten.extend(
        said.events
            .iter()
            .filter(|id| !kept.contains(id))
            .map(|id| format!("the event {id}")),
    );
    Ok(forgotten)
}

fn findings(amount: &Amount, worst: &Worst) -> Vec<Finding> {
    let what = format!(
        "{} kills -9 at {TARGETS} targets x {PROBES_PER_S}/s",
        amount.cycles
    );
    let lost_ms = worst.lost_ns / 1_000_000;
    let start = worst.start;
    vec![
        Finding::new(
            format!("{what}: integrity_check"),
            "ok each time",
            format!("{} damaged", worst.damaged),
            worst.damaged == 0,
        ),
        Finding::new(
            format!("{what}: samples lost by one"),
            "<= 1 s",
            format!("at most {lost_ms} ms, {} samples", worst.lost_samples),
            i128::from(worst.lost_ns) <= FLUSH.as_nanos() as i128,
        ),
        Finding::new(
            format!("{what}: seen committed and gone, or a hole in a sequence"),
            "0, 0",
            format!("{}, {}", worst.uncommitted, worst.holes),
            worst.uncommitted == 0 && worst.holes == 0,
        ),
        Finding::new(
            format!("{what}: acknowledged names, preferences, silences, events forgotten"),
            "0",
            match worst.forgotten.first() {
                Some(first) => format!("{}, first {first}", worst.forgotten.len()),
                None => "0".to_owned(),
            },
            worst.forgotten.is_empty(),
        ),
        Finding::new(
            format!("{what}: from start to page"),
            "<= 2 s",
            format!("at most {} ms", start.as_millis()),
            start <= START_MAX,
        ),
    ]
}

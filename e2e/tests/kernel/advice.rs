//! What the page advises, provoked on a real line: replies later than the time-out, and ICMP that somebody drops.

use std::path::Path;

use anyhow::{Context as _, ensure};
use linewatch_e2e::binary;
use linewatch_e2e::namespace;
use linewatch_e2e::packet::{Answer, Kind};
use linewatch_e2e::responder::{Exchange, Responder};
use serde_json::Value;

use crate::rig::{FAR_V4, ms};
use crate::serving::Serving;

/// The advice for the one target, `null` without one.
fn advice(serving: &Serving) -> anyhow::Result<Value> {
    let answer = serving.get("/api/v1/targets/far")?;
    let body = answer.split_once("\r\n\r\n").context("no body")?.1;
    Ok(serde_json::from_str::<Value>(body)?["overview"]["advice"].take())
}

fn serve(program: &Path, directory: &Path, interval: &str, timeout: &str) -> anyhow::Result<Serving> {
    let target = format!(
        "[[targets]]\nid = \"far\"\naddress = \"{FAR_V4}\"\nprobe = \"icmp\"\ninterval = \"{interval}\"\ntimeout = \"{timeout}\"\n"
    );
    Serving::start(program, directory, &target)
}

fn echoes(seen: &[Exchange]) -> usize {
    let is_echo = |exchange: &&Exchange| matches!(exchange.kind, Kind::EchoRequest { .. });
    seen.iter().filter(is_echo).count()
}

fn handshakes(seen: &[Exchange]) -> usize {
    let is_handshake = |exchange: &&Exchange| matches!(exchange.kind, Kind::Syn { .. });
    seen.iter().filter(is_handshake).count()
}

/// Replies after 60 to 80 ms where 25 ms are waited for: three of four probes.
fn late_replies(program: &Path) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let line = Responder::start(|number, _| match number % 4 {
        0 => Vec::new(),
        late => vec![(ms(50 + 9 * late), Answer::Right)],
    })?;
    let serving = serve(program, directory.path(), "50ms", "25ms")?;
    // Twenty lost ones are there after a second; two more, and the monitor has looked at them.
    line.wait_until(|seen| echoes(seen) >= 80)?;
    let advice = advice(&serving)?;
    let figure = |name: &str| advice["figures"][name].as_f64().unwrap_or(-1.0);
    ensure!(advice["code"] == "raise_timeout", "{advice}");
    ensure!(advice["action"]["patch"]["timeout"] == "100ms", "{advice}");
    ensure!((700_000.0..=800_000.0).contains(&figure("share_ppm")), "{advice}");
    ensure!((77.0..=90.0).contains(&figure("within_ms")), "{advice}");
    Ok(())
}

/// Echo requests vanish, handshakes with port 443 succeed.
fn dropped_icmp(program: &Path) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let line = Responder::start(|_, packet| match packet.kind {
        Kind::Syn { to_port: 443, .. } => vec![(ms(2), Answer::Right)],
        _ => Vec::new(),
    })?;
    let serving = serve(program, directory.path(), "500ms", "400ms")?;
    // 30 s of silence, in steps that the line waits for; nobody is asked by TCP before.
    for some in [30, 58] {
        let seen = line.wait_until(|seen| echoes(seen) >= some)?;
        ensure!(handshakes(&seen) == 0, "asked by TCP after {some} echoes");
    }
    let seen = line.wait_until(|seen| handshakes(seen) > 0)?;
    let asked = echoes(&seen);
    line.wait_until(|seen| echoes(seen) >= asked + 6)?;
    let advice = advice(&serving)?;
    ensure!(advice["code"] == "use_tcp", "{advice}");
    ensure!(advice["figures"]["port"] == 443.0, "{advice}");
    ensure!(
        advice["action"]["patch"] == serde_json::json!({"probe": "tcp", "port": 443}),
        "{advice}"
    );
    let asked = handshakes(&line.exchanges()?);
    ensure!(asked == 1, "{asked} handshakes");
    Ok(())
}

#[test]
fn replies_that_come_after_the_timeout_are_told_with_the_timeout_that_would_see_them() {
    match binary::find() {
        Ok(program) => namespace::run("late_replies", move || late_replies(&program)),
        Err(missing) => namespace::skip("late_replies", &missing),
    }
}

#[test]
fn icmp_that_is_dropped_is_told_with_the_tcp_port_that_answers() {
    match binary::find() {
        Ok(program) => namespace::run("dropped_icmp", move || dropped_icmp(&program)),
        Err(missing) => namespace::skip("dropped_icmp", &missing),
    }
}

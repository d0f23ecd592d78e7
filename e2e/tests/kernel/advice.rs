//! What the page advises, provoked for real: replies later than the time-out, ICMP that somebody drops, and processors that are
//! taken away from a program without real-time priority.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_core::port::Clock as _;
use linewatch_e2e::binary;
use linewatch_e2e::namespace;
use linewatch_e2e::packet::{Answer, Kind};
use linewatch_e2e::responder::{Exchange, Responder};
use linewatch_e2e::serving::Serving;
use linewatch_probe::clock::SystemClock;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, gettid};
use serde_json::Value;

use crate::rig::{FAR_V4, ms};

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

/// Every processor is taken for 16 of 53 ms by somebody with real-time priority: no divisor of the interval, so that
/// each slot is hit in turn. The kernel leaves 50 of 1000 ms to the others whatever happens.
const BURST: Duration = Duration::from_millis(16);
const PAUSE: Duration = Duration::from_millis(37);
/// Tellings of a burner: one a second.
const BURSTS_TOLD: u32 = 19;

/// Takes one processor in bursts, until nobody listens any more.
#[expect(
    clippy::disallowed_methods,
    reason = "between two bursts the processor is the others'"
)]
fn burn(processor: usize, told: &SyncSender<()>) -> anyhow::Result<()> {
    let mut only = CpuSet::new();
    only.set(processor)?;
    sched_setaffinity(Pid::from_raw(0), &only)?;
    namespace::tool("chrt", &["--fifo", "--pid", "50", &gettid().to_string()])?;
    let clock = SystemClock::start();
    loop {
        for _ in 0..BURSTS_TOLD {
            let until = clock.mono().plus(BURST);
            while clock.mono() < until {}
            thread::sleep(PAUSE);
        }
        if told
            .try_send(())
            .is_err_and(|error| matches!(error, TrySendError::Disconnected(())))
        {
            return Ok(());
        }
    }
}

/// A burner on every processor this test may use; what each tells.
fn burners() -> anyhow::Result<Vec<Receiver<()>>> {
    let ours = sched_getaffinity(Pid::from_raw(0))?;
    let processors = (0..CpuSet::count()).filter(|&processor| ours.is_set(processor).unwrap_or(false));
    let started = processors.map(|processor| {
        let (tell, told) = sync_channel(1);
        thread::spawn(move || burn(processor, &tell).expect("a burner with real-time priority"));
        told
    });
    Ok(started.collect())
}

/// The same program without any capability, hence without real-time priority.
fn unprivileged(program: &Path, directory: &Path) -> anyhow::Result<PathBuf> {
    let path = directory.join("unprivileged");
    let drop_all = "setpriv --bounding-set=-all --inh-caps=-all --no-new-privs";
    let script = format!(
        "#!/bin/sh\nulimit -r 0\nexec {drop_all} '{}' \"$@\"\n",
        program.display()
    );
    std::fs::write(&path, script)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Probes leave late for a minute; a longer interval is advised, and how real-time priority is granted.
fn late_sends(program: &Path) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    // Without CAP_NET_RAW probes leave by a ping socket.
    namespace::sysctl("net.ipv4.ping_group_range", "0 2147483647")?;
    let target = "[[targets]]\nid = \"far\"\naddress = \"127.0.0.1\"\nprobe = \"icmp\"\ninterval = \"10ms\"\ntimeout = \"1s\"\n";
    let serving = Serving::start(
        &unprivileged(program, directory.path())?,
        directory.path(),
        target,
    )?;
    let burners = burners()?;
    let mut advice = Value::Null;
    // A minute of lateness, and as much again for a machine that is slow to begin.
    for _ in 0..120 {
        burners.first().context("no processor")?.recv()?;
        advice = self::advice(&serving)?;
        if !advice.is_null() {
            break;
        }
    }
    println!("{advice:#}");
    let figure = |name: &str| advice["figures"][name].as_f64().unwrap_or(-1.0);
    ensure!(advice["code"] == "raise_interval", "{advice}");
    ensure!(figure("p99_ms") > 5.0 && figure("from_ms") == 10.0, "{advice}");
    ensure!(figure("to_ms") >= 10.0 * figure("p99_ms"), "{advice}");
    let command = advice["command"].as_str().unwrap_or_default();
    ensure!(command.contains("LimitRTPRIO"), "{advice}");
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

#[test]
fn sends_that_are_late_for_a_minute_are_told_with_a_longer_interval_and_how_priority_is_granted() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("late_sends", &missing),
    };
    for (tool, arguments) in [
        ("chrt", ["--fifo", "50", "true"]),
        ("setpriv", ["--no-new-privs", "--", "true"]),
    ] {
        if let Err(missing) = namespace::tool(tool, &arguments) {
            return namespace::skip("late_sends", &missing.to_string());
        }
    }
    namespace::run("late_sends", move || late_sends(&program));
}

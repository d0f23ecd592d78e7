//! `linewatch record` as a process: its files beside what a scripted line really did, and after every kind of end.

#![expect(clippy::print_stdout, reason = "what was measured is worth reading")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_e2e::packet::Answer;
use linewatch_e2e::responder::{Exchange, Responder};
use linewatch_e2e::{binary, namespace};

/// One row of a table of averages: sent, received, failed, outage.
type Row = (u64, u64, u64, bool);

#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn record(program: &Path, out: &Path, arguments: &[&str]) -> anyhow::Result<Child> {
    let child = Command::new(program)
        .arg("record")
        .args(arguments)
        .arg("--out")
        .arg(out)
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok(child)
}

/// The only session in `out`.
fn folder(out: &Path) -> anyhow::Result<PathBuf> {
    let mut folders = fs::read_dir(out)?.collect::<Result<Vec<_>, _>>()?;
    let first = folders.pop().context("no session was made")?;
    ensure!(folders.is_empty(), "more than one session");
    Ok(first.path())
}

fn session_text(dir: &Path) -> anyhow::Result<String> {
    let name = dir
        .file_name()
        .context("a folder without a name")?
        .to_string_lossy();
    Ok(fs::read_to_string(dir.join(format!("{name}.txt")))?)
}

/// The number of `Sent: 120 packets`.
fn total(session: &str, name: &str) -> anyhow::Result<u64> {
    let line = session
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    let line = line.with_context(|| format!("no line {name} in {session}"))?;
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}

/// Rows of a table by their time; fails on anything that is not whole.
fn rows(text: &str) -> anyhow::Result<BTreeMap<String, Row>> {
    ensure!(
        text.ends_with('\n'),
        "the last line is cut: {:?}",
        &text[text.len().saturating_sub(120)..]
    );
    let mut rows = BTreeMap::new();
    for line in text.lines().skip(4) {
        ensure!(line.len() == 102, "a row of {} bytes: {line:?}", line.len());
        let number = |from: usize| line[from..from + 12].trim().parse::<u64>();
        let (sent, received, success, failed) = (number(21)?, number(34)?, number(66)?, number(79)?);
        ensure!(received == success && sent == received + failed, "{line}");
        let outage = match line[92..].trim() {
            "Yes" => true,
            "No" => false,
            other => anyhow::bail!("{other:?} in {line}"),
        };
        rows.insert(line[..19].to_owned(), (sent, received, failed, outage));
    }
    Ok(rows)
}

fn sums(rows: &BTreeMap<String, Row>) -> (u64, u64, u64) {
    rows.values().fold((0, 0, 0), |sum, row| {
        (sum.0 + row.0, sum.1 + row.1, sum.2 + row.2)
    })
}

/// What the line says of each second: asked and answered.
fn truth_by_second(truth: &[Exchange]) -> BTreeMap<i64, (u64, u64)> {
    let mut seconds = BTreeMap::new();
    for exchange in truth {
        let second: &mut (u64, u64) = seconds.entry(exchange.asked_at_ns / 1_000_000_000).or_default();
        second.0 += 1;
        second.1 += u64::from(exchange.delay_ns().is_some());
    }
    seconds
}

#[test]
fn two_scripted_outages_are_in_the_files_and_nothing_else_is() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("record", &missing),
    };
    namespace::run("record", move || {
        // 10 ms apart: silence from 2.5 s to 5 s and from 7 s to 8.2 s after the start.
        let line = Responder::start(|index, _| match index {
            250..500 | 700..820 => vec![],
            _ => vec![(Duration::from_millis(5), Answer::Right)],
        })?;
        let out = tempfile::tempdir()?;
        let hook = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/hook", hook.local_addr()?);
        let hooked = std::thread::spawn(move || [posted(&hook), posted(&hook)]);
        let arguments = [
            "10.9.0.2:443",
            "--webhook",
            &url,
            "-i",
            "10ms",
            "--duration",
            "10s",
            "--csv",
            "--json",
            "--charts",
        ];
        let output = record(&program, out.path(), &arguments)?.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let truth = truth_by_second(&line.exchanges()?);
        let dir = folder(out.path())?;
        let seconds = rows(&fs::read_to_string(dir.join("averages_per_second.txt"))?)?;
        let session = session_text(&dir)?;
        let (asked, answered) = truth
            .values()
            .fold((0, 0), |sum, second| (sum.0 + second.0, sum.1 + second.1));
        ensure!(
            (asked, answered) == (1000, 630),
            "the line: {asked} asked, {answered} answered"
        );
        let totals = [
            total(&session, "Sent")?,
            total(&session, "Received")?,
            total(&session, "Lost")?,
        ];
        ensure!(totals == [1000, 630, 370], "{session}");
        ensure!(sums(&seconds) == (1000, 630, 370), "{seconds:?}");
        for (row, (asked, answered)) in seconds.values().zip(truth.values()) {
            // A probe at the edge of a second is stamped some microseconds later on the line.
            ensure!(
                row.0.abs_diff(*asked) <= 1 && row.1.abs_diff(*answered) <= 1,
                "{row:?}, {asked} {answered}"
            );
        }
        let lossy: Vec<bool> = truth
            .values()
            .map(|(asked, answered)| (asked - answered) * 10 > asked * 3)
            .collect();
        let found: Vec<bool> = seconds.values().map(|row| row.3).collect();
        ensure!(lossy == found, "{lossy:?} {found:?}");
        let losses = fs::read_to_string(dir.join("packetloss.txt"))?;
        ensure!(
            losses.starts_with("Packet loss outages - 2 outages\n"),
            "{losses}"
        );
        ensure!(session.contains("\nPacket loss outages: 2\n"), "{session}");
        for name in ["latency.png", "loss.png"] {
            ensure!(fs::read(dir.join(name))?.starts_with(b"\x89PNG"), "{name}");
        }
        let json: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("session.json"))?)?;
        ensure!(json["summary"]["10.9.0.2:443"]["lost"] == 370, "{json}");
        // The second outage begins within the cooldown of the first.
        let [began, ended] = hooked
            .join()
            .map_err(|_| anyhow::anyhow!("the webhook's end broke"))?;
        let (began, ended) = (began?, ended?);
        ensure!(
            began["event"] == "outage_detected" && began["host"] == "10.9.0.2:443",
            "{began}"
        );
        ensure!(ended["event"] == "outage_ended", "{ended}");
        ensure!(
            ended["stats"]["duration_s"].as_u64() > began["stats"]["duration_s"].as_u64(),
            "{ended}"
        );
        println!("{began}\n{ended}\n{losses}{session}");
        Ok(())
    });
}

/// The body of the next request to `hook`, which is answered with 200.
fn posted(hook: &TcpListener) -> anyhow::Result<serde_json::Value> {
    let (mut stream, _) = hook.accept()?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(serde_json::from_slice(&body)?)
}

/// A port of this computer that nobody listens to: every handshake is refused, which is an answer.
fn closed_port() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Every file is whole; what was written last may be newer than what was written first by one writing.
fn check_whole(dir: &Path) -> anyhow::Result<()> {
    let seconds = rows(&fs::read_to_string(dir.join("averages_per_second.txt"))?)?;
    for name in ["averages_per_minute.txt", "averages_per_hour.txt"] {
        let (sent, ..) = sums(&rows(&fs::read_to_string(dir.join(name))?)?);
        ensure!(sent <= sums(&seconds).0, "{name}: {sent}");
    }
    let log = fs::read_to_string(dir.join("connection_log.txt"))?;
    ensure!(log.ends_with('\n'), "the log is cut");
    for line in log.lines().skip(1) {
        ensure!(
            line.contains(" - Sent: 1, Received: 1, RTT: ") && line.contains(", Success: True"),
            "{line:?}"
        );
    }
    let csv = fs::read_to_string(dir.join("session.csv"))?;
    ensure!(csv.ends_with("\r\n"), "the CSV is cut");
    ensure!(csv.lines().all(|line| line.split(',').count() == 10), "{csv}");
    let name = dir.file_name().context("a name")?.to_string_lossy().into_owned();
    if dir.join(format!("{name}.txt")).exists() {
        let session = session_text(dir)?;
        let (sent, received) = (total(&session, "Sent")?, total(&session, "Received")?);
        ensure!(sent == received + total(&session, "Lost")?, "{session}");
        ensure!(
            sent <= sums(&seconds).0,
            "more in the totals than in the rows: {session}"
        );
        ensure!(session.contains("\nPacket loss outages: 0\n"), "{session}");
    }
    if let Ok(json) = fs::read(dir.join("session.json")) {
        serde_json::from_slice::<serde_json::Value>(&json)?;
    }
    Ok(())
}

/// Waits until the session has its folder and the heads of its files, 20 s at most.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn await_files(out: &Path) -> anyhow::Result<()> {
    for _ in 0..2000 {
        if folder(out).is_ok_and(|dir| dir.join("session.json").exists()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    anyhow::bail!("no files after 20 s")
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the moment of a kill is what the test is about"
)]
fn a_session_that_is_killed_leaves_whole_files() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("record killed", &missing),
    };
    let kills = std::env::var("LINEWATCH_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(4_u64);
    let port = closed_port().expect("a port");
    for kill in 0..kills {
        let out = tempfile::tempdir().expect("a directory");
        let arguments = [
            &*port,
            "-i",
            "1ms",
            "--write-interval",
            "1s",
            "--connection-log",
            "--csv",
            "--json",
        ];
        let mut child = record(&program, out.path(), &arguments).expect("it runs");
        await_files(out.path()).expect("it begins");
        // Spread over 3 s without a pattern that a writing could keep step with.
        let after_ms = kill * 7919 % 3000;
        std::thread::sleep(Duration::from_millis(after_ms));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let dir = folder(out.path()).expect("a session");
        check_whole(&dir).unwrap_or_else(|error| panic!("killed after {after_ms} ms: {error:?}"));
    }
    println!("{kills} kills");
}

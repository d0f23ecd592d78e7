//! The rows of `linewatch record`: does a thousand a second mean a thousand, what does it cost, and does memory stay flat.
//!
//! Rows 1 and 2 run the program over a line of 50 ms, row 3 there with every file on; row 4 feeds the session
//! itself with a simulated day; row 5 is the full-screen view. S3's own sample reached 28 to 49 probes a second.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_render::session::{Facts, Session};
use linewatch_render::when::fixed_offset;

use crate::account::{WARM, resident_bytes, spent};
use crate::part::command;
use crate::record_view::view;
use crate::rows::punctual_far_end;
use crate::table::{Line, Verdict, draw, say, short};

/// Round trip of the line.
const FAR: Duration = Duration::from_millis(50);
/// Memory of a day.
const RSS_MAX_MB: f64 = 64.0;
/// Of a core, at a thousand a second.
const CPU_MAX: f64 = 0.05;

/// Measures all rows, or one, and prints the table.
pub(crate) fn run(row: Option<u8>, is_quick: bool) -> Result<()> {
    let seconds = if is_quick { 10 } else { 60 };
    let hours = if is_quick { 3 } else { 24 };
    let mut lines = Vec::new();
    // Memory first: nothing else has used any yet.
    for number in [4, 1, 2, 3, 5] {
        if row.is_some_and(|row| row != number) {
            continue;
        }
        say(&format!("row {number} ..."));
        let measured = match number {
            1 => far(1, "25ms", seconds),
            2 => far(2, "200ms", seconds),
            3 => cost(seconds),
            5 => program().and_then(|program| view(&program, seconds)),
            _ => memory(hours),
        };
        lines.push(measured.unwrap_or_else(|error| Line::not_measured(number, &format!("{error:#}"))));
    }
    lines.sort_by_key(|line| line.row);
    say(&draw(&lines));
    Ok(())
}

/// What one session came to.
struct Recorded {
    sent: u64,
    text: String,
}

/// Beside this program: cargo builds both into one directory.
fn program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("linewatch");
    ensure!(path.is_file(), "{} is not built", path.display());
    Ok(path)
}

fn record(target: &str, seconds: u64, more: &[&str]) -> Result<Recorded> {
    let out = tempfile::tempdir()?;
    let program = program()?;
    let output = command(program.to_str().context("a path that is not UTF-8")?)
        .args([
            "record",
            target,
            "--interval",
            "1ms",
            "--duration",
            &format!("{seconds}s"),
        ])
        .args(more)
        .arg("--out")
        .arg(out.path())
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{complaint}");
    let text = session_text(out.path())?;
    let line = text.lines().find_map(|line| line.strip_prefix("Sent: "));
    let number = line
        .and_then(|line| line.split(' ').next())
        .context("no line Sent")?;
    Ok(Recorded {
        sent: number.parse()?,
        text,
    })
}

fn session_text(out: &Path) -> Result<String> {
    let folder = fs::read_dir(out)?.next().context("no session")??.path();
    let name = folder
        .file_name()
        .context("no name")?
        .to_string_lossy()
        .into_owned();
    Ok(fs::read_to_string(folder.join(format!("{name}.txt")))?)
}

/// Rows 1 and 2.
fn far(row: u8, timeout: &str, seconds: u64) -> Result<Line> {
    let line = punctual_far_end(FAR)?;
    let recorded = record("10.9.0.2:443", seconds, &["--timeout", timeout])?;
    let asked = line.exchanges()?.len() as u64;
    let goal = seconds * 1000;
    let lateness = recorded
        .text
        .lines()
        .find(|line| line.starts_with("Send lateness"));
    Ok(Line {
        row,
        what: format!(
            "TCP handshakes sent in {seconds} s at 1 ms, 50 ms RTT, time-out {timeout} (seen on the line)"
        ),
        ours: format!("{} ({asked})", recorded.sent),
        peer: "S3: 28-49/s".to_owned(),
        ratio: short(recorded.sent as f64 / (49 * seconds) as f64),
        goal: format!("{goal} +- {}", goal / 1000),
        verdict: Verdict::of(
            recorded.sent.abs_diff(goal) <= goal / 1000 && asked.abs_diff(recorded.sent) <= goal / 1000,
        ),
        class: "K".to_owned(),
        noise: lateness.unwrap_or_default().to_owned(),
    })
}

/// Row 3. Over the line, so that the far end's work is not counted as ours, and in the middle of the run: a start with its
/// calibration costs the same however long a session is.
fn cost(seconds: u64) -> Result<Line> {
    let line = punctual_far_end(FAR)?;
    let icmp = share("icmp://10.9.0.2", seconds)?;
    let tcp = share("10.9.0.2:443", seconds)?;
    drop(line);
    Ok(Line {
        row: 3,
        what: "share of a core at 1,000 probes/s, every file on: TCP; ICMP".to_owned(),
        ours: format!("{}; {}", short(tcp.whole), short(icmp.whole)),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: format!("<= {CPU_MAX}"),
        verdict: Verdict::of(tcp.whole.max(icmp.whole) <= CPU_MAX),
        class: "-".to_owned(),
        noise: format!(
            "of it the engine's thread: {}; {}",
            short(tcp.engine),
            short(icmp.engine)
        ),
    })
}

/// What a session took of one core.
struct Share {
    whole: f64,
    engine: f64,
}

fn share(target: &str, seconds: u64) -> Result<Share> {
    let out = tempfile::tempdir()?;
    let length = format!("{}s", seconds + 2 * WARM.as_secs());
    let mut session = command(program()?.to_str().context("a path that is not UTF-8")?)
        .args(["record", target, "--interval", "1ms", "--timeout", "200ms"])
        .args(["--connection-log", "--csv", "--json", "--charts"])
        .args(["--duration", &length, "--out"])
        .arg(out.path())
        .stdout(Stdio::null())
        .spawn()?;
    let span = spent(session.id(), seconds);
    ensure!(session.wait()?.success(), "the session of {target} failed");
    let span = span?;
    Ok(Share {
        whole: span.whole_s / span.length_s,
        engine: span.engine_s / span.length_s,
    })
}

/// Row 4.
fn memory(hours: u64) -> Result<Line> {
    let at = |ms: u64| Anchor {
        mono: MonoTime::from_nanos(ms * 1_000_000),
        wall: WallTime::from_nanos(1_795_254_962_000_000_000 + ms as i64 * 1_000_000),
    };
    let mut session = Session::new(facts(at(0).wall)?, at(0));
    let mut settled_mb = 0.0_f64;
    let mut peak_mb = 0.0_f64;
    for ms in 0..hours * 3_600_000 {
        session.add(&probe(ms, at(ms).mono), at(ms));
        if ms % 1000 == 999 {
            session.close(at(ms));
            drop((session.take_rows(), session.take_news()));
        }
        if ms % 10_000 == 9999 {
            drop(session.pages(at(ms), false));
        }
        if ms % 3_600_000 == 3_599_999 {
            let now_mb = resident_bytes()? as f64 / 1e6;
            peak_mb = peak_mb.max(now_mb);
            if ms < 7_200_000 {
                settled_mb = now_mb;
            }
        }
    }
    // 4 MB of a day's growth would be a leak of 48 bytes a second.
    let is_flat = peak_mb - settled_mb <= 4.0;
    Ok(Line {
        row: 4,
        what: format!(
            "RSS over {hours} simulated hours at 1,000/s, --max-seconds 3600, MB (after two hours)"
        ),
        ours: format!("{} ({})", short(peak_mb), short(settled_mb)),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: format!("<= {RSS_MAX_MB}, flat"),
        verdict: Verdict::of(peak_mb <= RSS_MAX_MB && is_flat),
        class: "-".to_owned(),
        noise: format!(
            "{} probes, {} outages",
            session.counts().finished(),
            session.outages().len()
        ),
    })
}

fn facts(started: WallTime) -> Result<Facts> {
    Ok(Facts {
        target: "gw".to_owned(),
        host: "192.0.2.1".to_owned(),
        port: Some(53),
        protocol: "TCP".to_owned(),
        interval: Duration::from_millis(1),
        timeout: Duration::from_millis(25),
        has_log: true,
        has_csv: true,
        loss_threshold: 0.3,
        max_seconds: 3600,
        zone: fixed_offset("+00:00").context("no zone")?,
        started,
    })
}

/// Every hundredth is lost, and one second in ten minutes altogether; round trips spread over two octaves.
fn probe(seq: u64, sent_at: MonoTime) -> ProbeRecord {
    let is_lost = seq.is_multiple_of(100) || (seq / 1000).is_multiple_of(600);
    // A multiplicative hash (Knuth) spreads them without a generator.
    let rtt = Rtt::from_nanos(5_000_000 + seq.wrapping_mul(2_654_435_761) % 15_000_000);
    let rtt = (!is_lost).then_some(rtt);
    ProbeRecord {
        target: TargetId(1),
        seq,
        due_at: sent_at,
        sent_at,
        outcome: if is_lost { Outcome::Lost } else { Outcome::Reply },
        rtt,
        host_rtt: rtt,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

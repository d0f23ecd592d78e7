//! What the full-screen view of `watch` costs: the built program in a terminal that util-linux's `script` makes.
//!
//! CPU time is the kernel's own, by thread, over a span in the middle of the run. The engine's threads are told apart: what
//! probing costs is the engine's table.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::account::{Span, WARM, spent};
use crate::part::command;
use crate::table::{Line, Verdict, short};

/// Targets in the table.
const TARGETS: u32 = 100;
/// Of a core.
const CPU_MAX: f64 = 0.03;
/// More cannot be read (UI.md section 11).
const FRAMES_MAX: f64 = 4.0;
/// The library hides the cursor once a frame, and at nothing else.
const FRAME: &str = "\u{1b}[?25l";

/// Row 5.
pub(crate) fn view(program: &Path, seconds: u64) -> Result<Line> {
    let dir = tempfile::tempdir()?;
    let pid_file = dir.path().join("pid");
    let targets: String = (1..=TARGETS)
        .map(|number| format!(" t{number}=icmp://127.1.0.{number}"))
        .collect();
    let shell = format!(
        "stty rows 40 cols 120; echo $$ > '{}'; exec '{}' watch{targets} --interval 100ms",
        pid_file.display(),
        program.display()
    );
    let mut script = command("script")
        .args(["-qefc", &shell, "/dev/null"])
        .env("TERM", "xterm-256color")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("util-linux's `script` is needed for a terminal")?;
    let mut screen = script.stdout.take().context("no output")?;
    let drawn = std::thread::spawn(move || {
        let mut text = Vec::new();
        screen.read_to_end(&mut text).map(|_| text)
    });
    let measured = program_in(&pid_file).and_then(|pid| spent(pid, seconds));
    end(&mut script)?;
    let drawn = drawn.join().ok().context("the terminal's reader broke")??;
    let Span {
        length_s,
        whole_s,
        engine_s,
    } = measured?;
    let drawn = String::from_utf8_lossy(&drawn);
    ensure!(drawn.contains("worst first"), "no view was drawn: {drawn:.300}");
    // The whole run is longer than the span by start and end, in which no more is drawn.
    let frames_per_s = drawn.matches(FRAME).count() as f64 / (length_s + WARM.as_secs_f64());
    let view = (whole_s - engine_s) / length_s;
    Ok(Line {
        row: 5,
        what: format!(
            "share of a core of a 120x40 view of {TARGETS} targets at 10/s, without the engine (with it)"
        ),
        ours: format!("{} ({})", short(view), short(whole_s / length_s)),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: format!("<= {CPU_MAX}, <= {FRAMES_MAX} frames/s"),
        verdict: Verdict::of(view <= CPU_MAX && frames_per_s <= FRAMES_MAX + 0.1),
        class: "-".to_owned(),
        noise: format!(
            "{} frames/s, {} kB/s to the terminal",
            short(frames_per_s),
            short(drawn.len() as f64 / 1000.0 / (length_s + WARM.as_secs_f64()))
        ),
    })
}

/// The terminal's shell has written down who it becomes.
fn program_in(pid_file: &Path) -> Result<u32> {
    for _ in 0..100 {
        if let Ok(text) = fs::read_to_string(pid_file)
            && let Ok(pid) = text.trim().parse()
        {
            return Ok(pid);
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    bail!("the terminal did not begin")
}

/// Presses q.
fn end(script: &mut Child) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(script.id())?);
    let mut keys = script.stdin.take().context("no keys")?;
    if keys.write_all(b"q").and_then(|()| keys.flush()).is_err() {
        // It has not begun, or has ended.
        let _ = kill(pid, Signal::SIGTERM);
    }
    script.wait()?;
    Ok(())
}

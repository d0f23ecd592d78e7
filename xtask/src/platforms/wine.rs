//! Runs the Windows program under wine: it watches, records, serves, stops in order, and is started by double-click.
//!
//! In: the built program. All happens in a directory beside it, with a wine prefix of its own. What no tool of Linux or wine does
//! (deliver a console's events, start a program as the desktop does) is done by small C programs built here. Not here: the build.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::{MINGW_CC, copy, fresh, record, serving, watch};
use crate::run;

/// wine 8 has no bcryptprimitives.dll, from which Rust takes its random numbers; Windows has had it since 7.
const SHIM: &str = "bcryptprimitives.dll";
/// What is built for a trial: file, source, words for the compiler.
const HELPERS: [(&str, &str, &[&str]); 3] = [
    (
        "processprng.c",
        include_str!("processprng.c"),
        &["-shared", "-o", SHIM],
    ),
    ("event.c", include_str!("event.c"), &["-o", "event.exe"]),
    ("double.c", include_str!("double.c"), &["-o", "double.exe"]),
];
/// CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT.
const EVENTS: [&str; 3] = ["2", "5", "6"];
/// For a page to be opened: unoptimised, emulated, on a busy computer.
const OPENED_WITHIN_MS: &str = "120000";
/// A program with a wrong configuration ends within a second or two, unless it waits for a person.
const STAYS_MS: &str = "30000";

/// Everything that wine can show. Gives what there is to say of a start by double-click.
pub(super) fn prove(program: &Path) -> Result<&'static str> {
    let dir = fresh(program, "wine")?;
    copy(program, &dir.join("linewatch.exe"))?;
    for (file, source, words) in HELPERS {
        fs::write(dir.join(file), source).with_context(|| format!("write {file}"))?;
        let mut compiler = run::tool(MINGW_CC, &dir);
        compiler.arg("-O1").args(words).args([file, "-ladvapi32"]);
        run::run(compiler)?;
    }
    let start = || {
        let mut wine = wine(&dir);
        wine.arg("linewatch.exe");
        wine
    };
    watch(start, &["tcp", "icmp"])?;
    record(start, &dir)?;
    run::say(&serving::answers(start(), "data")?);
    EVENTS.iter().try_for_each(|event| stopped_by(event, &dir))?;
    let what = "a start by double-click";
    if !run::require(
        run::has("Xvfb"),
        "Xvfb (package xvfb), for a console's window",
        what,
    )? {
        return Ok("; a start by double-click not looked at");
    }
    let display = Display::open(&dir)?;
    double_clicked(&dir, &display.name)?;
    Ok("; by double-click it opens the page, and keeps its window on an error")
}

/// wine with a prefix of its own: nobody's settings are read or made.
fn wine(dir: &Path) -> Command {
    let mut wine = serving::bounded("wine", dir);
    wine.env("WINEPREFIX", dir.join("prefix"))
        .env("WINEDEBUG", "-all")
        .env_remove("DISPLAY");
    wine
}

/// The event of a console makes it stop in order.
fn stopped_by(event: &str, dir: &Path) -> Result<()> {
    let mut told = wine(dir);
    told.args([
        "event.exe",
        event,
        "linewatch.exe --data-dir data serve --listen 127.0.0.1:0 127.0.0.1",
    ]);
    let printed = run::output(told)?;
    let end = printed.lines().last().unwrap_or_default();
    run::say(end.trim_end());
    if !printed.contains("monitor stopped") || !end.contains("ended, exit code 0") {
        bail!("no orderly stop:\n{printed}");
    }
    Ok(())
}

/// Without a shell and without words: the page is opened in the browser; with a wrong configuration the window stays.
fn double_clicked(dir: &Path, display: &str) -> Result<()> {
    let (bin, opened) = (dir.join("bin"), dir.join("opened"));
    fs::create_dir_all(&bin).context("make a directory")?;
    // wine hands a URL to this program of the desktop.
    let browser = bin.join("xdg-open");
    fs::write(
        &browser,
        format!("#!/bin/sh\necho \"$1\" > '{}'\n", opened.display()),
    )
    .context("write a browser")?;
    let mut executable = run::tool("chmod", dir);
    executable.args(["+x", "bin/xdg-open"]);
    run::run(executable)?;
    let path = std::env::var("PATH").unwrap_or_default();
    let click = |milliseconds: &str, config: &str| {
        // Nothing but this computer is watched.
        fs::write(dir.join("linewatch.toml"), config).context("write a configuration")?;
        let mut click = wine(dir);
        click
            .env("DISPLAY", display)
            .env("PATH", format!("{}:{path}", bin.display()))
            .args(["double.exe", milliseconds, "opened", "linewatch.exe"]);
        run::output(click)
    };
    let server = "[server]\nlisten = \"127.0.0.1:0\"\n[[targets]]\naddress = \"127.0.0.1\"\n";
    let ended = click(OPENED_WITHIN_MS, server)?;
    let url = fs::read_to_string(&opened).unwrap_or_default();
    run::say(&format!("double-click: {}; opened {}", ended.trim(), url.trim()));
    if !url.starts_with("http://127.0.0.1:") || !ended.contains("it ran; window closed: ended, exit code 0") {
        bail!("it opened no page, or did not stop in order");
    }
    fs::remove_file(&opened).context("forget the page")?;
    let ended = click(STAYS_MS, "[server]\nlisten = 5\n")?;
    run::say(&format!("double-click, wrong configuration: {}", ended.trim()));
    if !ended.contains("it ran; window closed: ended") {
        bail!("the window went with the error in it");
    }
    Ok(())
}

/// A screen that nobody sees.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn open(dir: &Path) -> Result<Self> {
        let mut server = run::tool("Xvfb", dir);
        server.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "800x600x16",
            "-nolisten",
            "tcp",
        ]);
        let mut server = server
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("start Xvfb")?;
        let stdout = server.stdout.take().context("Xvfb has no output")?;
        let mut number = String::new();
        BufReader::new(stdout)
            .read_line(&mut number)
            .context("read Xvfb's display")?;
        let name = format!(":{}", number.trim());
        Ok(Self { server, name })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

//! Starts a program that serves a page, waits for its word that it does, asks it, and stops it.
//!
//! In: a command whose program prints `Running on http://HOST:PORT` on standard output. A program that hangs is ended by
//! `timeout`, so nothing here waits for ever.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run;

/// Unoptimised, emulated, on a busy computer: a start has taken 40 s.
const SECONDS_MAX: &str = "180";
/// For one answer of a page that runs already.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A command that is ended when it hangs.
pub(super) fn bounded(program: &str, dir: &Path) -> Command {
    let mut command = run::tool("timeout", dir);
    command.args(["--kill-after=5", SECONDS_MAX, program]);
    command
}

/// Starts `serve` of this program with its data in `data`, fetches `/healthz`, stops it in order where the system it was made for knows how, and gives the answer's first line.
pub(super) fn answers(mut command: Command, data: &str) -> Result<String> {
    command.args([
        "--data-dir",
        data,
        "serve",
        "--listen",
        "127.0.0.1:0",
        "127.0.0.1",
    ]);
    run::say(&format!("+ {}", format!("{command:?}").replace('"', "")));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("start it")?;
    let answer = port(&mut child).and_then(healthz);
    // `timeout` hands it on.
    let mut kill = run::tool("kill", &run::root());
    kill.arg(child.id().to_string());
    run::output(kill)?;
    child.wait().context("wait for its end")?;
    answer
}

/// Reads what it prints up to the line with its address.
fn port(child: &mut Child) -> Result<u16> {
    let stdout = child.stdout.take().context("it has no output")?;
    let mut said = String::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("read what it prints")?;
        if let Some(url) = line.strip_prefix("Running on http://") {
            let port = url
                .split([' ', '/'])
                .next()
                .and_then(|host| host.rsplit(':').next());
            return port
                .and_then(|port| port.trim().parse().ok())
                .with_context(|| format!("no port in \"{line}\""));
        }
        said.push_str(&line);
        said.push('\n');
    }
    bail!("it ended without serving a page; it printed:\n{said}")
}

fn healthz(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("connect to the page")?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    write!(
        stream,
        "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .context("read the page's answer")?;
    let first = answer.lines().next().unwrap_or_default();
    if !first.starts_with("HTTP/1.1 200") {
        bail!("the page answered:\n{answer}");
    }
    Ok(first.to_owned())
}

//! The built program and a real mail server (aiosmtpd) that misbehaves: a killed monitor tells of the interruption, one that is
//! stopped tells of that, each exactly once, whatever the server does in between; every way to fail is lived through; a
//! session of `record` mails its outage; and reports arrive with their documents.
//!
//! Skipped, with words, where there is no Python with aiosmtpd; everything stays on loopback, in a namespace where it needs one.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use linewatch_e2e::packet::Answer;
use linewatch_e2e::responder::Responder;
use linewatch_e2e::{binary, namespace};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

#[test]
fn a_kill_and_a_stop_are_told_once_each_by_a_server_that_misbehaves() {
    if let Some((program, python)) = tools("mail")
        && let Err(error) = story(&program, &python)
    {
        panic!("{error:?}");
    }
}

#[test]
fn whatever_a_mail_server_does_each_event_is_accepted_and_no_login_is_readable() {
    let Some((program, python)) = tools("trouble") else {
        return;
    };
    for (tool, arguments) in [("nft", ["--version"]), ("openssl", ["version"])] {
        if let Err(missing) = namespace::tool(tool, &arguments) {
            return namespace::skip("trouble", &missing.to_string());
        }
    }
    namespace::run("trouble", move || trouble(&program, &python));
}

#[test]
fn record_mails_an_outage_with_its_graph_and_its_end() {
    if let Some((program, python)) = tools("record mail") {
        namespace::run("record mail", move || recorded(&program, &python));
    }
}

#[test]
fn a_report_arrives_by_mail_at_once_and_from_before_a_kill_with_documents_that_open() {
    if let Some((program, python)) = tools("report mail") {
        namespace::run("report mail", move || reported(&program, &python));
    }
}

/// `e2e/mail/report.py`, which tells what it received.
fn reported(program: &Path, python: &Path) -> anyhow::Result<()> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/mail/report.py");
    let program = program.display().to_string();
    let output = process(python, &[script, &program]).output()?;
    let (told, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(output.status.success(), "{told}{complaint}");
    Ok(())
}

/// A session whose line is silent from 2.5 s to 5 s after its start.
fn recorded(program: &Path, python: &Path) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut peer = Peer::start(python, &["good"])?;
    let config = dir.path().join("linewatch.toml");
    std::fs::write(&config, settings(peer.port))?;
    let line = Responder::start(|index, _| match index {
        250..500 => vec![],
        _ => vec![(Duration::from_millis(5), Answer::Right)],
    })?;
    let config = config.display().to_string();
    let arguments = [
        "record",
        "gw=10.9.0.2:443",
        "--email-to",
        "ops@example.com",
        "--config",
        config.as_str(),
        "-i",
        "10ms",
        "--duration",
        "8s",
    ];
    let session = process(program, &arguments)
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // Read as they come: two mails with pictures are more than a pipe holds, and a server that waits takes no mail.
    let (began, ended) = (peer.accepted()?, peer.accepted()?);
    let output = session.wait_with_output()?;
    ensure!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for mail in [&began, &ended] {
        ensure!(header(mail, "To") == Some("To: ops@example.com"), "{mail}");
        ensure!(
            header(mail, "Subject").is_some_and(|subject| subject.contains("gw")),
            "{mail}"
        );
        // The beginning of a PNG in base64.
        ensure!(
            mail.contains("image/png") && mail.contains("iVBORw0KGgo"),
            "{mail:.3000}"
        );
    }
    ensure!(header(&began, "Message-ID") != header(&ended, "Message-ID"));
    let more = peer.end()?;
    ensure!(more.is_empty(), "more than a begin and an end: {more:?}");
    drop(line);
    Ok(())
}

/// The program and a Python with aiosmtpd; `None`, with words, where one of them is not there.
fn tools(name: &str) -> Option<(PathBuf, PathBuf)> {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => {
            namespace::skip(name, &missing);
            return None;
        }
    };
    let python = python();
    let has_peer = process(&python, &["-c", "import aiosmtpd"])
        .stderr(Stdio::null())
        .status();
    if !has_peer.is_ok_and(|status| status.success()) {
        namespace::skip(name, "aiosmtpd is not there: pip install aiosmtpd");
        return None;
    }
    Some((program, python))
}

/// `e2e/mail/trouble.py`, whose closed port is opened a little earlier here than for people.
fn trouble(program: &Path, python: &Path) -> anyhow::Result<()> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/mail/trouble.py");
    let program = program.display().to_string();
    let output = process(python, &[script, &program, "5"]).output()?;
    let (told, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(output.status.success(), "{told}{complaint}");
    Ok(())
}

fn story(program: &Path, python: &Path) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    // The notice of the interruption: refused twice, then taken without a word; the same again; then the exit.
    let mut peer = Peer::start(python, &["421", "451", "reset", "good"])?;
    let config = dir.path().join("linewatch.toml");
    std::fs::write(&config, settings(peer.port))?;

    let killed = Monitor::start(program, dir.path())?;
    killed.end(Signal::SIGKILL)?;
    let monitor = Monitor::start(program, dir.path())?;
    let interrupted = [peer.accepted()?, peer.accepted()?];
    ensure!(
        header(&interrupted[0], "Message-ID") == header(&interrupted[1], "Message-ID"),
        "a message of unknown end came back as another: {interrupted:?}"
    );
    ensure!(interrupted[0].contains("interrupted"), "{}", interrupted[0]);

    monitor.end(Signal::SIGTERM)?;
    let stopped = peer.accepted()?;
    ensure!(stopped.contains("SIGTERM"), "{stopped}");
    ensure!(header(&stopped, "Message-ID") != header(&interrupted[0], "Message-ID"));
    let more = peer.end()?;
    ensure!(more.is_empty(), "told more than once: {more:?}");
    Ok(())
}

fn settings(port: u16) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n\n\
         [alerts]\nretry = {{ first = \"1s\", max = \"1s\", give_up = \"1h\" }}\n\n\
         [alerts.email]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"linewatch@example.com\"\n\n\
         [[targets]]\naddress = \"127.0.0.1\"\ninterval = \"10s\"\n"
    )
}

/// The line of a header with this name.
fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    mail.lines().find(|line| line.starts_with(name))
}

/// `LINEWATCH_PYTHON`, for an aiosmtpd in an environment of its own.
fn python() -> PathBuf {
    std::env::var_os("LINEWATCH_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn process(program: &Path, arguments: &[&str]) -> Command {
    // A hung peer or program ends a test; the script of all troubles gives up by itself before.
    let mut command = Command::new("timeout");
    command
        .args(["--foreground", "--kill-after=5", "300"])
        .arg(program)
        .args(arguments);
    command
}

/// `e2e/mail/peer.py`.
struct Peer {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
}

impl Peer {
    fn start(python: &Path, script: &[&str]) -> anyhow::Result<Self> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/mail/peer.py");
        let mut child = process(python, &[&[path], script].concat())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let port = serde_json::from_str::<Value>(&line)?["port"]
            .as_u64()
            .context("a port")?;
        Ok(Self {
            child,
            lines,
            port: u16::try_from(port)?,
        })
    }

    /// The next message it takes.
    fn accepted(&mut self) -> anyhow::Result<String> {
        loop {
            let mut line = String::new();
            ensure!(
                self.lines.read_line(&mut line)? > 0,
                "the mail server ended before a message came"
            );
            let what: Value = serde_json::from_str(&line)?;
            if let Some(mail) = what["accepted"].as_str() {
                return Ok(mail.to_owned());
            }
        }
    }

    /// Ends it; what else it took.
    fn end(mut self) -> anyhow::Result<Vec<String>> {
        signal(&self.child, Signal::SIGTERM)?;
        let mut more = Vec::new();
        while let Ok(mail) = self.accepted() {
            more.push(mail);
        }
        self.child.wait()?;
        Ok(more)
    }
}

/// `linewatch serve`.
struct Monitor {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Monitor {
    /// Runs once it says that it is ready.
    fn start(program: &Path, dir: &Path) -> anyhow::Result<Self> {
        let config = dir.join("linewatch.toml").display().to_string();
        let data = dir.join("data").display().to_string();
        let mut child = process(program, &["serve", "--config", &config, "--data-dir", &data])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?);
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                bail!("it ended before it was ready");
            }
            if line.contains("Monitoring ready") {
                return Ok(Self { child, lines });
            }
        }
    }

    /// Ends it by this signal, and waits until nothing of it is left.
    fn end(mut self, by: Signal) -> anyhow::Result<()> {
        signal(&self.child, by)?;
        let mut rest = String::new();
        while self.lines.read_line(&mut rest)? > 0 {}
        self.child.wait()?;
        Ok(())
    }
}

/// To the program under `timeout`, which is its parent.
fn signal(child: &Child, by: Signal) -> anyhow::Result<()> {
    let id = child.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    for child in children.split_whitespace() {
        kill(Pid::from_raw(child.parse()?), by)?;
    }
    Ok(())
}

//! What a container's supervisor hears of the program: alive while it answers, and not when it stands still or is gone.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use linewatch_e2e::binary;
use linewatch_e2e::namespace;
use linewatch_e2e::serving::Serving;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn ask(program: &Path, directory: &Path, address: &str) -> anyhow::Result<Output> {
    let mut command = Command::new(program);
    command
        .args([
            "healthcheck",
            "--timeout",
            "300ms",
            "--listen",
            address,
            "--config",
        ])
        .arg(directory.join("linewatch.toml"));
    Ok(command.output()?)
}

fn supervised(program: &Path) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let configuration = "[server]\nbase_path = \"/line\"\n[[targets]]\nid = \"me\"\naddress = \"127.0.0.1\"\nprobe = \"tcp\"\nport = 9\n";
    let serving = Serving::start(program, directory.path(), configuration)?;
    let address = serving
        .address()
        .split('/')
        .next()
        .context("an address")?
        .to_owned();
    let alive = ask(program, directory.path(), &address)?;
    ensure!(alive.status.code() == Some(0), "{alive:?}");
    let said = String::from_utf8(alive.stdout)?;
    ensure!(
        said == format!("http://{address}/line/healthz: alive\n"),
        "{said}"
    );

    let pid = Pid::from_raw(i32::try_from(serving.pid())?);
    kill(pid, Signal::SIGSTOP)?;
    let stopped = ask(program, directory.path(), &address)?;
    kill(pid, Signal::SIGCONT)?;
    ensure!(stopped.status.code() == Some(1), "{stopped:?}");
    let said = String::from_utf8(stopped.stderr)?;
    ensure!(said.contains("no answer within 300ms"), "{said}");

    drop(serving);
    let gone = ask(program, directory.path(), &address)?;
    ensure!(gone.status.code() == Some(1), "{gone:?}");
    ensure!(
        String::from_utf8(gone.stderr)?.contains("help: is `linewatch serve` running"),
        "no help"
    );
    Ok(())
}

#[test]
fn a_program_that_stands_still_is_not_alive() {
    match binary::find() {
        Ok(program) => namespace::run("health", move || supervised(&program)),
        Err(missing) => namespace::skip("health", &missing),
    }
}

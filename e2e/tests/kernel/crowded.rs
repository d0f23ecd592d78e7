//! The built program when there are too many: connections, requests that never end, monitors of one history, wishes to end.
//!
//! Bounds are wide here, because a gate runs on a busy computer; the figures themselves are `cargo xtask faults`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use linewatch_e2e::serving::{self, Serving, half_a_request, is_open, told_at_the_door, until};
use linewatch_e2e::{binary, namespace};
use nix::sys::signal::Signal;

/// Above what the monitor itself holds open, and below what comes.
const DESCRIPTORS: usize = 64;
const CROWD: usize = 100;
/// Any end and any recovery on a busy computer.
const PATIENCE: Duration = Duration::from_secs(30);
const CONFIGURATION: &str = "[[targets]]\nid = \"me\"\naddress = \"127.0.0.1\"\nprobe = \"tcp\"\nport = 9\n";

#[track_caller]
fn with_program(name: &'static str, test: impl FnOnce(&Path, &Path) -> anyhow::Result<()> + Send + 'static) {
    match binary::find() {
        Ok(program) => namespace::run(name, move || {
            let directory = tempfile::tempdir()?;
            test(&program, directory.path())
        }),
        Err(missing) => namespace::skip(name, &missing),
    }
}

fn is_well(serving: &Serving) -> bool {
    let reply = serving.ask("GET", "/healthz", "", "");
    reply.is_ok_and(|reply| reply.status == 200)
}

#[test]
fn without_descriptors_who_comes_is_refused_at_once_and_the_page_comes_back() {
    with_program("no descriptors", |program, directory| {
        let mut command = serving::tool("prlimit");
        command
            .arg(format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}"))
            .arg(program);
        let mut serving = Serving::start_under(command, directory, CONFIGURATION)?;
        let address = serving.socket()?;
        let crowd: Result<Vec<_>, _> = (0..CROWD).map(|_| TcpStream::connect(address)).collect();
        let open = format!("/proc/{}/fd", serving.pid());
        until("that all descriptors are taken", PATIENCE, || {
            Ok((std::fs::read_dir(&open)?.count() >= DESCRIPTORS).then_some(()))
        })?;
        let refused = told_at_the_door(address)?;
        ensure!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        drop(crowd?);
        until("the page", PATIENCE, || Ok(is_well(&serving).then_some(())))?;
        ensure!(serving.ended()?.is_none(), "it has ended");
        Ok(())
    });
}

#[test]
fn requests_that_never_end_keep_nobody_out_and_are_given_up() {
    with_program("slow requests", |program, directory| {
        let serving = Serving::start(program, directory, CONFIGURATION)?;
        let address = serving.socket()?;
        let slow = (0..200)
            .map(|_| half_a_request(address))
            .collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(is_well(&serving), "others wait");
        ensure!(slow.iter().all(is_open), "given up too early to prove anything");
        until("that they are given up", PATIENCE, || {
            Ok((!slow.iter().any(is_open)).then_some(()))
        })
    });
}

#[test]
fn a_second_monitor_of_one_history_ends_and_names_the_first() {
    with_program("two monitors", |program, directory| {
        let first = Serving::start(program, directory, CONFIGURATION)?;
        let refused = Serving::start(program, directory, CONFIGURATION).err();
        let words = refused.map(|error| error.to_string()).unwrap_or_default();
        let pid = first.pid().to_string();
        ensure!(
            words.contains("exit status: 1") && words.contains(&pid),
            "{words}"
        );
        ensure!(is_well(&first), "the first one suffered");
        Ok(())
    });
}

#[test]
fn a_second_ctrl_c_ends_at_once_with_130() {
    with_program("a second Ctrl+C", |program, directory| {
        // Accepts, as the kernel does for who listens, and never says a word: the farewell waits for it.
        let dead = TcpListener::bind("127.0.0.1:0")?;
        let mail = format!(
            "[alerts.email]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"linewatch@example.com\"\n",
            dead.local_addr()?.port()
        );
        let mut serving = Serving::start(program, directory, &format!("{mail}{CONFIGURATION}"))?;
        serving.signal(Signal::SIGINT)?;
        // The farewell is on its way once somebody knocks there.
        dead.accept()?;
        serving.signal(Signal::SIGINT)?;
        let (status, after) = serving.wait(PATIENCE)?;
        // The farewell alone would take 5 s.
        ensure!(
            status.code() == Some(130) && after < Duration::from_secs(3),
            "{status} after {after:?}"
        );
        Ok(())
    });
}

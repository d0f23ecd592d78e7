//! Browsers on the live connection and programs that ask the API, as light as they can be: what comes is taken and thrown away.
//!
//! Every tenth browser takes nothing after its greeting. One that is disconnected comes again.

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use linewatch_e2e::serving::{ask, now};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::json;
use tungstenite::{ClientRequestBuilder, Message};

use crate::faults::rig::{pause, wall_ns};

/// Targets on the page of one browser.
const SHOWN: u64 = 50;
/// One browser in so many never reads.
const DEAF: u64 = 10;
/// Who takes nothing for 60 s is disconnected, and sees nothing of it behind all that he has not read: he comes again by himself.
const DEAF_FOR: Duration = Duration::from_secs(65);
/// Threads that ask: an answer may take some milliseconds, and they ask one after the other.
const ASKERS: u64 = 8;
/// How long a browser's greeting may take.
const GREETING_MAX: Duration = Duration::from_secs(20);
/// Between two looks at whether it is over.
const LOOK_EVERY_MS: u16 = 200;

#[derive(Default)]
struct Counts {
    is_over: AtomicBool,
    answers: AtomicU64,
    failures: AtomicU64,
    again: AtomicU64,
}

/// A crowd that goes on until it is stopped.
pub(super) struct Crowd {
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// All browsers are connected when this returns.
    pub(super) fn start(address: SocketAddr, targets: u64, clients: u64, requests: u64) -> Result<Self> {
        let counts = Arc::new(Counts::default());
        let mut threads = Vec::new();
        let browsers = (0..clients)
            .map(|number| browser(address, number, targets))
            .collect::<Result<Vec<_>>>()?;
        let shared = Arc::clone(&counts);
        let name = "browsers".to_owned();
        threads.push(thread::Builder::new().name(name).spawn(move || {
            if let Err(error) = look_on(address, targets, browsers, &shared) {
                shared.failures.fetch_add(1, Ordering::Relaxed);
                crate::table::say(&format!("  the browsers gave up: {error:#}"));
            }
        })?);
        for asker in 0..ASKERS {
            let shared = Arc::clone(&counts);
            let every = Duration::from_secs(ASKERS) / u32::try_from(requests)?;
            threads.push(
                thread::Builder::new()
                    .name("asker".to_owned())
                    .spawn(move || ask_on(address, targets, asker, every, &shared))?,
            );
        }
        Ok(Self { counts, threads })
    }

    /// Requests answered as they should be.
    pub(super) fn answers(&self) -> u64 {
        self.counts.answers.load(Ordering::Relaxed)
    }

    /// Requests that were not.
    pub(super) fn failures(&self) -> u64 {
        self.counts.failures.load(Ordering::Relaxed)
    }

    /// Browsers that were disconnected and came again.
    pub(super) fn again(&self) -> u64 {
        self.counts.again.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub(super) fn stop(self) {
        self.counts.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // A panic has said so itself.
            let _ended = thread.join();
        }
    }
}

/// Connects and says which targets it shows.
fn browser(address: SocketAddr, number: u64, targets: u64) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(GREETING_MAX))?;
    let uri = format!("ws://{address}/api/v1/live").parse()?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("linewatch.v1");
    let (mut socket, _) = tungstenite::client(request, stream).map_err(|error| anyhow!("{error}"))?;
    let shown: Vec<String> = (0..SHOWN.min(targets))
        .map(|index| format!("t{}", (number * SHOWN + index) % targets + 1))
        .collect();
    let hello = json!({ "t": "hello", "v": 1, "sub": { "targets": shown, "detail": [], "events": true } });
    socket.send(Message::text(hello.to_string()))?;
    let stream = socket.get_ref().try_clone()?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn is_deaf(number: usize) -> bool {
    (number as u64).is_multiple_of(DEAF)
}

/// Takes what comes to all browsers that listen, until it is over.
fn look_on(address: SocketAddr, targets: u64, mut browsers: Vec<TcpStream>, counts: &Counts) -> Result<()> {
    let mut scratch = vec![0; 1 << 16];
    let mut deaf_since = now();
    while !counts.is_over.load(Ordering::Relaxed) {
        let ready: Vec<usize> = {
            let mut asked: Vec<PollFd<'_>> = browsers
                .iter()
                .enumerate()
                .map(|(number, stream)| {
                    // Who is deaf hears of nothing but the end of his connection.
                    let wanted = if is_deaf(number) {
                        PollFlags::empty()
                    } else {
                        PollFlags::POLLIN
                    };
                    PollFd::new(stream.as_fd(), wanted)
                })
                .collect();
            poll(&mut asked, PollTimeout::from(LOOK_EVERY_MS)).context("poll")?;
            let is_ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
            (0..asked.len()).filter(|at| is_ready(&asked[*at])).collect()
        };
        if deaf_since.elapsed() > DEAF_FOR {
            deaf_since = now();
            for at in (0..browsers.len()).filter(|at| is_deaf(*at)) {
                browsers[at] = browser(address, at as u64, targets)?;
            }
        }
        for at in ready {
            if is_deaf(at) || is_closed(&mut browsers[at], &mut scratch) {
                counts.again.fetch_add(1, Ordering::Relaxed);
                browsers[at] = browser(address, at as u64, targets)?;
            }
        }
        // A browser gathers, too: every frame at once would cost a turn for each.
        pause(Duration::from_millis(20));
    }
    Ok(())
}

/// Takes all there is.
fn is_closed(stream: &mut TcpStream, scratch: &mut [u8]) -> bool {
    loop {
        match stream.read(scratch) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

/// Asks at an even pace, another thing each time.
fn ask_on(address: SocketAddr, targets: u64, asker: u64, every: Duration, counts: &Counts) {
    let begun = now();
    let mut turn = 0_u32;
    while !counts.is_over.load(Ordering::Relaxed) {
        let path = path(targets, u64::from(turn) * ASKERS + asker);
        let is_well = ask(address, "GET", &path, "", "").is_ok_and(|reply| reply.status == 200);
        let count = if is_well {
            &counts.answers
        } else {
            &counts.failures
        };
        count.fetch_add(1, Ordering::Relaxed);
        turn += 1;
        pause((every * turn).saturating_sub(begun.elapsed()));
    }
}

/// What pages and programs ask for, in turn.
fn path(targets: u64, number: u64) -> String {
    let target = number * 7 % targets + 1;
    let to_ms = wall_ns().unwrap_or(0) / 1_000_000;
    match number % 6 {
        0 => "/api/v1/overview?limit=50".to_owned(),
        1 => format!("/api/v1/targets/t{target}"),
        2 => format!(
            "/api/v1/samples?target=t{target}&from={}&to={to_ms}",
            to_ms - 60_000
        ),
        3 => format!(
            "/api/v1/series?target=t{target}&from={}&to={to_ms}&points=300",
            to_ms - 600_000
        ),
        4 => "/api/v1/events?limit=50".to_owned(),
        _ => "/healthz".to_owned(),
    }
}

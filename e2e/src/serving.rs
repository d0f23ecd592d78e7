//! Runs `serve` as a process: started, asked, signalled, awaited. For tests and proofs about the whole of the program.
//!
//! Every wait has an end. Not here: what must come of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// An answer takes at most so long; longer than any time-out of the server's.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Between two looks at what cannot be awaited: short beside everything measured here.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What somebody is told who may not even ask: the whole answer, though the request may come when the door is closed already.
///
/// # Errors
///
/// When there is no connection or no answer.
pub fn told_at_the_door(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n");
    // In one piece, and whatever becomes of it: the answer may have been given before.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    ensure!(!answer.is_empty(), "no answer: {end:?}");
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A running `serve`; ended with its owner.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    address: String,
    ready_after: Duration,
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Of HTTP.
    pub status: u16,
    /// The lines before the body.
    pub head: String,
    /// The rest.
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {} {}", self.status, self.body))
    }

    /// The value of a header, whose name is written small.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl Serving {
    /// Starts it on a free port of loopback, with `directory/data` for its data, and returns once it serves.
    ///
    /// # Errors
    ///
    /// When it does not come so far, with what it said.
    pub fn start(program: &Path, directory: &Path, configuration: &str) -> anyhow::Result<Self> {
        Self::start_under(tool(&program.display().to_string()), directory, configuration)
    }

    /// The same by a command of which the program is the last word yet: `prlimit … linewatch`. It must become the program, or it is
    /// the command that is signalled.
    ///
    /// # Errors
    ///
    /// As [`Serving::start`].
    pub fn start_under(mut command: Command, directory: &Path, configuration: &str) -> anyhow::Result<Self> {
        let file = directory.join("linewatch.toml");
        std::fs::write(&file, configuration)?;
        let said = said(directory);
        let begun = now();
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&file)
            .arg("--data-dir")
            .arg(directory.join("data"))
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&said)?)
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let running = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Running on http://").map(str::to_owned));
        let Some(address) = running else {
            let status = child.wait()?;
            bail!(
                "it did not start: {status}: {}",
                std::fs::read_to_string(said)?.trim()
            );
        };
        Ok(Self {
            child,
            address,
            ready_after: begun.elapsed(),
        })
    }

    /// Where its page is, `ADDRESS:PORT/base`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When it said something else than an address.
    pub fn socket(&self) -> anyhow::Result<SocketAddr> {
        let address = self.address.split('/').next().unwrap_or_default();
        address
            .parse()
            .with_context(|| format!("{address} is no address"))
    }

    /// From its start until it said that it serves.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The whole answer to a GET, head and body.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn get(&self, path: &str) -> anyhow::Result<String> {
        let reply = self.ask("GET", path, "", "")?;
        Ok(format!("{}\r\n\r\n{}", reply.head, reply.body))
    }

    /// What the API says of `path`.
    ///
    /// # Errors
    ///
    /// When it is no JSON with status 200.
    pub fn read(&self, path: &str) -> anyhow::Result<Value> {
        let reply = self.ask("GET", path, "", "")?;
        ensure!(reply.status == 200, "{path}: {} {}", reply.status, reply.body);
        reply.json()
    }

    /// As [`ask`].
    ///
    /// # Errors
    ///
    /// As [`ask`].
    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> anyhow::Result<Reply> {
        ask(self.socket()?, method, path, headers, body)
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.pid())?);
        kill(pid, signal).with_context(|| format!("{signal} to {pid}"))
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// When the kernel does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// How it ended, and after how long from now.
    ///
    /// # Errors
    ///
    /// When it is still there after `limit`.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<(ExitStatus, Duration)> {
        let begun = now();
        let status = until("the end of the program", limit, || self.ended())?;
        Ok((status, begun.elapsed()))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself; the test has failed then, or wanted it so.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A request on a connection of its own. `headers` are whole lines; a body is JSON.
///
/// # Errors
///
/// When there is no answer.
pub fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> anyhow::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let content = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}{content}\r\n{body}"
    )?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .with_context(|| format!("{method} {path}"))?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("no answer to {method} {path}: {answer:?}"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Reply {
        status: status.context("no status")?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// A connection whose request is begun and never ended.
///
/// # Errors
///
/// When nobody listens.
pub fn half_a_request(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nX-Slow: ")?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Whether the other end has said nothing yet, not even goodbye. Of a connection that never waits.
pub fn is_open(stream: &TcpStream) -> bool {
    stream
        .peek(&mut [0])
        .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// The file that has the standard error of the last `serve` in `directory`.
pub fn said(directory: &Path) -> PathBuf {
    directory.join("said.txt")
}

/// A program to be started.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are about the program as a process"
)]
pub fn tool(name: &str) -> Command {
    Command::new(name)
}

/// Looks again and again until there is something.
///
/// # Errors
///
/// When there is nothing after `limit`, or looking fails.
#[expect(
    clippy::disallowed_methods,
    reason = "another process cannot be awaited otherwise, and its wait has an end"
)]
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let begun = now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        thread::sleep(LOOK_EVERY);
    }
}

/// The monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the duration of another process is the figure"
)]
pub fn now() -> Instant {
    Instant::now()
}

//! The full-screen view in a real pseudo terminal: it begins, follows a new size, ends by one key, and gives the terminal back.
//!
//! util-linux's `script` makes the terminal; `stty` inside it changes its size and tells its settings. Skipped without either.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use linewatch_e2e::{binary, namespace};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A view that shows nothing for so long is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program in a terminal of its own.
struct InTerminal {
    child: Child,
    keys: ChildStdin,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl InTerminal {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is about the program in a terminal"
    )]
    fn start(shell: &str) -> anyhow::Result<Self> {
        let mut child = Command::new("timeout")
            .args(["--kill-after=5", "60", "script", "-qefc", shell, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let keys = child.stdin.take().context("no input")?;
        let mut screen = child.stdout.take().context("no output")?;
        let (tell, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if tell.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            keys,
            output,
            seen: String::new(),
        })
    }

    fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Everything up to and with `text`, which is then behind us.
    fn until(&mut self, text: &str) -> anyhow::Result<String> {
        loop {
            if let Some(place) = self.seen.find(text) {
                let rest = self.seen.split_off(place + text.len());
                return Ok(std::mem::replace(&mut self.seen, rest));
            }
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => bail!("{error} while waiting for {text:?}; seen: {:?}", self.seen),
            }
        }
    }
}

impl Drop for InTerminal {
    fn drop(&mut self) {
        // It has ended, or the test has failed and nobody needs it: `timeout` hands the signal on.
        end(self.child.id(), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn end(pid: u32, signal: Signal) {
    // It may have ended by itself.
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

/// Runs `test` with the program and a directory, or says what is missing.
#[track_caller]
fn with_terminal(name: &'static str, test: impl FnOnce(&Path, &Path) -> anyhow::Result<()>) {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip(name, &missing),
    };
    if !["/usr/bin/script", "/usr/bin/stty"]
        .iter()
        .all(|path| Path::new(path).exists())
    {
        return namespace::skip(name, "util-linux's script, or stty, is not installed");
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    if let Err(error) = test(&program, directory.path()) {
        panic!("{name}: {error:#}");
    }
}

/// `watch` of a port of this computer, and behind it its exit code and the terminal's settings.
fn watch_shell(program: &Path, port: u16, before: &str) -> String {
    format!(
        "stty rows 40 cols 120; {before} '{}' watch gw=tcp://127.0.0.1:{port} --interval 100ms; echo \"exit=$?\"; stty -a; echo settings-told",
        program.display()
    )
}

fn ensure_restored(behind: &str) -> anyhow::Result<()> {
    let settings: Vec<&str> = behind.split_whitespace().collect();
    for setting in ["icanon", "isig", "echo"] {
        ensure!(settings.contains(&setting), "{setting} is off: {behind}");
    }
    Ok(())
}

#[test]
fn the_view_begins_follows_the_size_and_leaves_a_summary_and_the_terminal_as_it_was() {
    with_terminal("watch in a terminal", |program, directory| {
        let far = TcpListener::bind("127.0.0.1:0")?;
        let port = far.local_addr()?.port();
        // Whoever writes into it makes the terminal small.
        let fifo = directory.join("smaller");
        let smaller = format!(
            "mkfifo '{0}'; tty=$(tty); (read go < '{0}'; stty rows 3 cols 10 < $tty) &",
            fifo.display()
        );
        let mut terminal = InTerminal::start(&watch_shell(program, port, &smaller))?;
        terminal.until("\u{1b}[?1049h")?;
        let first = terminal.until("worst first")?;
        ensure!(first.contains("linewatch"), "{first:?}");
        terminal.until("Excellent")?;
        std::fs::write(&fifo, "go\n")?;
        // It is cleared for the new size.
        terminal.until("\u{1b}[2J")?;
        let small = terminal.until("OK")?;
        ensure!(small.contains("gw"), "{small:?}");
        terminal.press("q")?;
        let end = terminal.until("TOTAL STATISTICS: gw")?;
        ensure!(
            end.contains("\u{1b}[?1049l") && end.contains("\u{1b}[?25h"),
            "{end:?}"
        );
        terminal.until("exit=0")?;
        ensure_restored(&terminal.until("settings-told")?)
    });
}

#[test]
fn ctrl_c_in_the_view_is_a_clean_stop_with_a_summary() {
    with_terminal("Ctrl+C in a terminal", |program, _| {
        let far = TcpListener::bind("127.0.0.1:0")?;
        let mut terminal = InTerminal::start(&watch_shell(program, far.local_addr()?.port(), ""))?;
        terminal.until("Excellent")?;
        terminal.press("\u{3}")?;
        terminal.until("TOTAL STATISTICS: gw")?;
        terminal.until("exit=0")?;
        ensure_restored(&terminal.until("settings-told")?)
    });
}

#[test]
fn sigterm_gives_the_terminal_back() {
    with_terminal("SIGTERM in a terminal", |program, directory| {
        let far = TcpListener::bind("127.0.0.1:0")?;
        let fifo = directory.join("end");
        let kill = format!(
            "mkfifo '{0}'; (read go < '{0}'; kill -TERM $(pgrep -P $$ -x linewatch)) &",
            fifo.display()
        );
        let mut terminal = InTerminal::start(&watch_shell(program, far.local_addr()?.port(), &kill))?;
        terminal.until("Excellent")?;
        std::fs::write(&fifo, "go\n")?;
        terminal.until("\u{1b}[?1049l")?;
        terminal.until("TOTAL STATISTICS: gw")?;
        ensure_restored(&terminal.until("settings-told")?)
    });
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    with_terminal("a dumb terminal", |program, _| {
        let far = TcpListener::bind("127.0.0.1:0")?;
        let shell = format!(
            "TERM=dumb '{}' watch gw=tcp://127.0.0.1:{} --interval 50ms --count 3; echo \"exit=$?\"",
            program.display(),
            far.local_addr()?.port()
        );
        let mut terminal = InTerminal::start(&shell)?;
        let all = terminal.until("exit=0")?;
        ensure!(all.contains("Time zone:") && !all.contains('\u{1b}'), "{all:?}");
        Ok(())
    });
}

#[test]
fn a_terminal_that_is_closed_takes_the_program_with_it() {
    with_terminal("a closed terminal", |program, directory| {
        let far = TcpListener::bind("127.0.0.1:0")?;
        let pid_file = directory.join("pid");
        let shell = format!(
            "stty rows 40 cols 120; echo $$ $PPID > '{}'; exec '{}' watch gw=tcp://127.0.0.1:{} --interval 100ms",
            pid_file.display(),
            program.display(),
            far.local_addr()?.port()
        );
        let mut terminal = InTerminal::start(&shell)?;
        terminal.until("Excellent")?;
        let pids = std::fs::read_to_string(&pid_file)?;
        let (program, script) = pids.trim().split_once(' ').context("two numbers")?;
        let process = Path::new("/proc").join(program);
        ensure!(process.exists(), "{} is not there", process.display());
        // Whoever holds the other end of the terminal is gone at once, as when a window is closed.
        end(script.parse()?, Signal::SIGKILL);
        for _ in 0..600 {
            if !process.exists() {
                return Ok(());
            }
            // Looked at until it has ended; half a minute is far more than it may take.
            std::thread::park_timeout(Duration::from_millis(50));
        }
        bail!("it goes on without its terminal")
    });
}

//! `serve` as each kind of user it is started by: it measures, and nothing it could be misused for is left to it.
//!
//! Every scene runs in a network namespace of its own, where loopback is all there is.

#![expect(clippy::print_stdout, reason = "what the kernel says is worth reading")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_e2e::namespace::sysctl;
use linewatch_e2e::{binary, namespace};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nobody's number: no file of the system belongs to it.
const USER: u32 = 60_123;
/// Starts and stops take less than a second; a shared computer may take a while.
const PATIENCE: Duration = Duration::from_secs(20);
const CONFIGURATION: &str = "[defaults]\ninterval = \"100ms\"\n[[targets]]\nid = \"lo\"\naddress = \"127.0.0.1\"\n\
                             [[targets]]\nid = \"tcp\"\naddress = \"tcp://127.0.0.1:9\"\n\
                             [[targets]]\nid = \"udp\"\naddress = \"udp://127.0.0.1:9\"\n";

/// A monitor that says it is ready.
struct Monitor {
    child: Child,
    page: String,
    told: Vec<String>,
    dir: tempfile::TempDir,
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // Ended already, or of no more use.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who starts it.
#[derive(Clone, Copy, Debug)]
enum As {
    Root,
    UserWithNetRaw,
    User,
}

impl As {
    fn wrapper(self) -> Vec<String> {
        let user = [
            format!("--reuid={USER}"),
            format!("--regid={USER}"),
            "--clear-groups".to_owned(),
        ];
        let mut words = vec!["setpriv".to_owned()];
        match self {
            Self::Root => return Vec::new(),
            Self::UserWithNetRaw => {
                words.extend(user);
                words.extend(
                    [
                        "--inh-caps=-all,+net_raw",
                        "--ambient-caps=-all,+net_raw",
                        "--bounding-set=-all,+net_raw",
                    ]
                    .map(Into::into),
                );
            }
            Self::User => {
                words.extend(user);
                words.extend(
                    ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"].map(Into::into),
                );
            }
        }
        words
    }
}

impl Monitor {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is about the program as a process"
    )]
    fn start(program: &Path, who: As, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let program = reachable(program, dir.path())?;
        let file = dir.path().join("linewatch.toml");
        std::fs::write(&file, CONFIGURATION)?;
        if !matches!(who, As::Root) {
            chown(dir.path(), Some(USER), Some(USER))?;
            chown(&file, Some(USER), Some(USER))?;
        }
        let mut words = who.wrapper();
        words.push(program.display().to_string());
        let (first, rest) = words.split_first().context("no words")?;
        let mut child = Command::new(first)
            .args(rest)
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&file)
            .envs(environment.iter().copied())
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.path().join("log"))?)
            .spawn()?;
        let output = child.stdout.take().context("its output")?;
        let mut told = Vec::new();
        for line in BufReader::new(output).lines() {
            told.push(line?);
            if told.last().is_some_and(|line| line == "Monitoring ready") {
                break;
            }
        }
        let page = told
            .iter()
            .find_map(|line| line.strip_prefix("Running on http://"));
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
        let page = page
            .with_context(|| format!("{who:?}: not ready: {told:?} {log}"))?
            .to_owned();
        Ok(Self {
            child,
            page,
            told,
            dir,
        })
    }

    /// The status of every thread, as the kernel has it.
    fn threads(&self) -> anyhow::Result<Vec<String>> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()))?;
        tasks
            .map(|task| Ok(std::fs::read_to_string(task?.path().join("status"))?))
            .collect()
    }

    fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.page)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.page
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }

    /// Until each target has been sent some probes that were answered, by a refusal where nothing listens.
    fn measures(&self, icmp: &str) -> anyhow::Result<()> {
        ensure!(
            self.told.iter().any(|line| line.starts_with(icmp)),
            "{:?}",
            self.told
        );
        let (_never, pause) = std::sync::mpsc::channel::<()>();
        for _ in 0..200 {
            let status = self.get("/api/v1/status")?;
            let (_, body) = status.split_once("\r\n\r\n").context("no body")?;
            let status: serde_json::Value = serde_json::from_str(body)?;
            if status["achieved_per_s"]
                .as_f64()
                .is_some_and(|per_s| per_s > 10.0)
            {
                return Ok(());
            }
            // The figure is of the last second.
            ensure!(pause.recv_timeout(PATIENCE / 200).is_err(), "nobody sends");
        }
        anyhow::bail!("nothing is sent: {}", self.get("/api/v1/status")?)
    }

    fn stop(mut self) -> anyhow::Result<(tempfile::TempDir, String)> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM)?;
        let status = self.child.wait()?;
        let log = std::fs::read_to_string(self.dir.path().join("log"))?;
        ensure!(status.success(), "{status}: {log}");
        let is_well = |line: &str| {
            line.starts_with("127.0.0.1") && line.contains(": ok, ") && line.contains("lost 0 (0%)")
        };
        ensure!(log.lines().any(is_well), "{log}");
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir()?);
        Ok((dir, log))
    }
}

/// A copy that another user can run: the target directory may be closed to it.
fn reachable(program: &Path, dir: &Path) -> anyhow::Result<PathBuf> {
    let copy = dir.join("linewatch");
    std::fs::copy(program, &copy)?;
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755))?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755))?;
    Ok(copy)
}

#[track_caller]
fn with_program(name: &'static str, test: impl FnOnce(PathBuf) -> anyhow::Result<()> + Send + 'static) {
    match binary::find() {
        Ok(program) => namespace::run(name, move || test(program)),
        Err(missing) => namespace::skip(name, &missing),
    }
}

/// The value of a line of `/proc/PID/status`.
fn value<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim()
}

/// Nothing is left in any thread; `bounds` is what the bounding set may still hold.
fn is_confined(monitor: &Monitor, bounds: &str) -> anyhow::Result<()> {
    for (index, status) in monitor.threads()?.into_iter().enumerate() {
        let expected = [
            ("CapInh", "0000000000000000"),
            ("CapPrm", "0000000000000000"),
            ("CapEff", "0000000000000000"),
            ("CapBnd", bounds),
            ("CapAmb", "0000000000000000"),
            ("NoNewPrivs", "1"),
            ("Seccomp", "2"),
        ];
        for (name, wanted) in expected {
            let found = value(&status, name);
            if index == 0 {
                println!("{name}:\t{found}");
            }
            ensure!(
                found == wanted,
                "{}: {name} is {found}, not {wanted}",
                value(&status, "Name")
            );
        }
    }
    Ok(())
}

/// Every file closed to others (T16).
fn is_private(data: &Path) -> anyhow::Result<()> {
    ensure!(
        data.metadata()?.permissions().mode() & 0o777 == 0o700,
        "the directory"
    );
    for file in std::fs::read_dir(data)? {
        let file = file?;
        let mode = file.metadata()?.permissions().mode() & 0o777;
        ensure!(mode == 0o600, "{} has mode {mode:o}", file.path().display());
    }
    Ok(())
}

#[test]
fn root_measures_and_has_nothing_left() {
    with_program("confined_root", |program| {
        let monitor = Monitor::start(&program, As::Root, &[])?;
        monitor.measures("ICMP: raw socket")?;
        is_confined(&monitor, "0000000000000000")?;
        is_private(&monitor.dir.path().join("data"))?;
        let (_dir, log) = monitor.stop()?;
        ensure!(log.contains("known system calls only"), "{log}");
        Ok(())
    });
}

#[test]
fn a_service_user_with_net_raw_measures_and_loses_it() {
    with_program("confined_service", |program| {
        let monitor = Monitor::start(&program, As::UserWithNetRaw, &[])?;
        monitor.measures("ICMP: raw socket")?;
        // Narrowing the bounding set needs a capability that a service does not have; nothing in it can be gained.
        is_confined(&monitor, "0000000000002000")?;
        monitor.stop().map(drop)
    });
}

#[test]
fn ping_sockets_do_without_any_capability() {
    with_program("confined_ping", |program| {
        sysctl("net.ipv4.ping_group_range", "0 2147483647")?;
        let monitor = Monitor::start(&program, As::User, &[])?;
        monitor.measures("ICMP: ping socket")?;
        is_confined(&monitor, "0000000000000000")?;
        monitor.stop().map(drop)
    });
}

#[test]
fn with_nothing_at_all_tcp_is_measured() {
    with_program("confined_tcp", |program| {
        sysctl("net.ipv4.ping_group_range", "1 0")?;
        let monitor = Monitor::start(&program, As::User, &[])?;
        monitor.measures("ICMP: not permitted")?;
        is_confined(&monitor, "0000000000000000")?;
        monitor.stop().map(drop)
    });
}

/// What the manager was told until `wanted` was.
fn heard_until(manager: &UnixDatagram, wanted: &str) -> anyhow::Result<String> {
    let mut all = String::new();
    let mut bytes = [0; 1024];
    while !all.contains(wanted) {
        let length = manager
            .recv(&mut bytes)
            .with_context(|| format!("no {wanted} in {all}"))?;
        all += &String::from_utf8_lossy(&bytes[..length]);
    }
    Ok(all)
}

#[test]
fn the_service_manager_hears_ready_reload_food_and_the_end() {
    with_program("confined_manager", |program| {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path)?;
        manager.set_read_timeout(Some(PATIENCE))?;
        let path = path.to_str().context("a strange name")?;
        let environment = [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "3000000")];
        let monitor = Monitor::start(&program, As::Root, &environment)?;
        heard_until(&manager, "READY=1\n")?;
        // Fed while confined: the call to its own page and all four loops.
        heard_until(&manager, "WATCHDOG=1\n")?;
        kill(Pid::from_raw(monitor.child.id() as i32), Signal::SIGHUP)?;
        let told = heard_until(&manager, "READY=1\n")?;
        ensure!(told.contains("RELOADING=1\nMONOTONIC_USEC="), "{told}");
        monitor.stop()?;
        heard_until(&manager, "STOPPING=1\n").map(drop)
    });
}

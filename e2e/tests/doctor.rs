//! `doctor` in namespaces with one fault each: it must tell that one, with its cure, and no other.
//!
//! Each scene is a sound line (gateway, name server, free port, disk) of which one thing is then broken. Name server
//! and kernel limits are put in place by mounts that only this scene's thread and its children see.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_e2e::binary;
use linewatch_e2e::namespace::{self, ip, sysctl, tool};
use linewatch_e2e::packet::Answer;
use linewatch_e2e::responder::{DEVICE, Responder};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

/// The far end of the line; answers everything.
const GATEWAY: &str = "10.9.0.2";
/// On the line too, and never answers anything.
const BLACK_HOLE: &str = "10.9.0.53";
const RTT: Duration = Duration::from_millis(2);

/// A computer with nothing wrong, to be broken.
struct Scene {
    program: PathBuf,
    dir: tempfile::TempDir,
    /// Before the program's path: a tool that takes privileges away.
    wrapper: Vec<&'static str>,
    configuration: String,
    /// Lives as long as the scene.
    _line: Responder,
    _names: TcpListener,
}

/// What `doctor` said.
struct Told {
    code: Option<i32>,
    findings: Vec<Value>,
}

/// Builds a sound scene in a namespace of its own and gives it to `test`.
#[track_caller]
fn with_scene(name: &'static str, test: impl FnOnce(&mut Scene) -> anyhow::Result<()> + Send + 'static) {
    match binary::find() {
        Ok(program) => namespace::run(name, move || test(&mut Scene::new(program)?)),
        Err(missing) => namespace::skip(name, &missing),
    }
}

impl Scene {
    fn new(program: PathBuf) -> anyhow::Result<Self> {
        unshare(CloneFlags::CLONE_NEWNS).context("unshare the mounts")?;
        tool("mount", &["--make-rprivate", "/"])?;
        sysctl("net.ipv4.ping_group_range", "0 2147483647")?;
        let line = Responder::start(|_, packet| {
            if packet.to.to_string() == BLACK_HOLE {
                vec![]
            } else {
                vec![(RTT, Answer::Right)]
            }
        })?;
        ip(&format!("route add default via {GATEWAY} dev {DEVICE}"))?;
        let scene = Self {
            program,
            dir: tempfile::tempdir()?,
            wrapper: Vec::new(),
            // Port 0 is always free.
            configuration: "[server]\nlisten = \"127.0.0.1:0\"\n".to_owned(),
            _line: line,
            _names: name_server()?,
        };
        scene.name_server_is("127.0.0.1")?;
        Ok(scene)
    }

    fn path(&self, name: &str) -> anyhow::Result<String> {
        let path = self.dir.path().join(name);
        let text = path
            .to_str()
            .context("a temporary directory with a strange name")?;
        Ok(text.to_owned())
    }

    fn name_server_is(&self, address: &str) -> anyhow::Result<()> {
        let file = self.path("resolv.conf")?;
        std::fs::write(&file, format!("nameserver {address}\n"))?;
        tool("mount", &["--bind", &file, "/etc/resolv.conf"])
    }

    /// A data directory on a file system of its own.
    fn data_on_tmpfs(&self, options: &str) -> anyhow::Result<String> {
        let data = self.path("data")?;
        std::fs::create_dir(&data)?;
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700))?;
        tool("mount", &["-t", "tmpfs", "-o", options, "tmpfs", &data])?;
        Ok(data)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test is about the program as a process"
    )]
    fn ask(&self) -> anyhow::Result<Told> {
        let configuration = self.path("linewatch.toml")?;
        std::fs::write(&configuration, &self.configuration)?;
        let data = self.path("data")?;
        let mut words = vec!["timeout", "--kill-after=5", "60"];
        words.extend(&self.wrapper);
        let program = self.program.to_str().context("a program with a strange name")?;
        words.extend([
            program,
            "--data-dir",
            &data,
            "doctor",
            "--json",
            "--config",
            &configuration,
        ]);
        let (first, rest) = words.split_first().context("words")?;
        let output = Command::new(first)
            .args(rest)
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path())
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        let told: Value =
            serde_json::from_str(&text).with_context(|| format!("no JSON: {text}{complaint}"))?;
        let findings = told["checks"].as_array().context("no checks")?.clone();
        Ok(Told {
            code: output.status.code(),
            findings,
        })
    }

    /// Asks, and expects exactly one fault: this one, with this sentence and this command.
    fn expect_one_fault(&self, name: &str, sentence: &str, command: &str, code: i32) -> anyhow::Result<()> {
        let told = self.ask()?;
        let faults = told.faults();
        let [fault] = faults.as_slice() else {
            anyhow::bail!("expected only a fault of {name}, got {faults:#?}");
        };
        ensure!(fault["name"] == name, "expected a fault of {name}, got {fault}");
        let said = fault["sentence"].as_str().unwrap_or_default();
        ensure!(said.contains(sentence), "{said:?} does not say {sentence:?}");
        let cure = fault["command"].as_str().unwrap_or_default();
        ensure!(cure.contains(command), "{cure:?} is not {command:?}");
        ensure!(told.code == Some(code), "exit {:?}, expected {code}", told.code);
        Ok(())
    }
}

impl Told {
    fn faults(&self) -> Vec<&Value> {
        self.findings
            .iter()
            .filter(|finding| finding["verdict"] == "fault")
            .collect()
    }
}

/// A name server on 127.0.0.1: takes connections, and answers every question of type A with 192.0.2.1, every other with
/// nothing. Its thread ends with the namespace's last process: this one.
fn name_server() -> anyhow::Result<TcpListener> {
    let socket = UdpSocket::bind("127.0.0.1:53").context("port 53 of the namespace")?;
    std::thread::spawn(move || {
        let mut room = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut room) {
            if let Some(answer) = room.get(..len).and_then(dns_answer) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    TcpListener::bind("127.0.0.1:53").context("port 53 of the namespace")
}

/// RFC 1035: the header with the answer bits set, the question, and one record that points back to its name.
fn dns_answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut end = 12;
    while *query.get(end)? != 0 {
        end += usize::from(query[end]) + 1;
    }
    let question = query.get(12..end + 5)?;
    let is_a = question[question.len() - 4..] == [0, 1, 0, 1];
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    answer.extend(question);
    if is_a {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    }
    Some(answer)
}

#[test]
fn a_sound_computer_has_no_fault() {
    with_scene("sound", |scene| {
        let told = scene.ask()?;
        ensure!(told.faults().is_empty(), "{:#?}", told.faults());
        ensure!(told.code == Some(0), "exit {:?}", told.code);
        for (name, part) in [
            ("icmp4", "class K"),
            ("icmp6", "class K"),
            ("route", "IPv4 by 10.9.0.2, which answers in"),
            ("dns", "127.0.0.1 answers in"),
            ("dns", "is found in"),
        ] {
            let finding = told.findings.iter().find(|finding| finding["name"] == name);
            let finding = finding.with_context(|| format!("no check {name}"))?;
            let sentence = finding["sentence"].as_str().unwrap_or_default();
            ensure!(
                sentence.contains(part) && finding["verdict"] == "ok",
                "{part}: {finding}"
            );
        }
        // Nothing was made by looking.
        ensure!(
            !Path::new(&scene.path("data")?).exists(),
            "the data directory was made"
        );
        Ok(())
    });
}

#[test]
fn icmp_without_permission_is_told_with_the_setting_that_grants_it() {
    with_scene("permission", |scene| {
        sysctl("net.ipv4.ping_group_range", "1 0")?;
        scene.wrapper = vec!["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
        let sentence = "lacks CAP_NET_RAW, and net.ipv4.ping_group_range = \"1 0\" lets none of its groups";
        let cure = "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"";
        scene.expect_one_fault("permission", sentence, cure, 3)
    });
}

#[test]
fn a_missing_default_route_is_told() {
    with_scene("route", |scene| {
        ip("route del default")?;
        scene.expect_one_fault("route", "there is no default route", "ip route", 1)
    });
}

#[test]
fn a_silent_name_server_is_told_by_its_address() {
    with_scene("dns", |scene| {
        scene.name_server_is(BLACK_HOLE)?;
        let sentence = "name server 10.9.0.53 does not answer within 2 s";
        scene.expect_one_fault("dns", sentence, "/etc/resolv.conf", 1)
    });
}

#[test]
fn a_held_port_is_told_with_its_holder() {
    with_scene("port", |scene| {
        let holder = TcpListener::bind("127.0.0.1:0")?;
        let addr = holder.local_addr()?;
        scene.configuration = format!("[server]\nlisten = \"{addr}\"\n");
        let pid = format!("(pid {})", std::process::id());
        scene.expect_one_fault("port", &pid, "linewatch serve --listen 127.0.0.1:", 1)?;
        drop(holder);
        ensure!(scene.ask()?.faults().is_empty(), "the port is free again");
        Ok(())
    });
}

#[test]
fn a_read_only_data_directory_is_told() {
    with_scene("read-only", |scene| {
        scene.data_on_tmpfs("ro,size=64m")?;
        let sentence = "is on a read-only file system: nothing can be stored";
        scene.expect_one_fault("disk", sentence, "mount -o remount,rw", 1)
    });
}

#[test]
fn a_full_disk_is_told() {
    with_scene("full", |scene| {
        let data = scene.data_on_tmpfs("size=1m")?;
        // Fills what is there, by the system's own word that no more is.
        let full = std::fs::write(format!("{data}/ballast"), vec![0; 2 << 20]);
        ensure!(full.is_err(), "2 MiB fit into 1 MiB");
        scene.expect_one_fault("disk", "is full: 0 KiB are free", "du -xah", 1)
    });
}

#[test]
fn a_small_neighbour_table_is_told_with_the_setting_that_is_enough() {
    with_scene("neighbours", |scene| {
        ip("link add lan0 type veth peer name lan1")?;
        ip("address add 10.8.0.1/24 dev lan0")?;
        ip("link set lan1 up")?;
        ip("link set lan0 up")?;
        // The limits are those of the whole computer and not shown here: these stand in for them.
        let limits = scene.path("neigh")?;
        std::fs::create_dir_all(format!("{limits}/default"))?;
        for (which, value) in [(1, "4"), (2, "8"), (3, "16")] {
            std::fs::write(format!("{limits}/default/gc_thresh{which}"), format!("{value}\n"))?;
        }
        tool("mount", &["--bind", &limits, "/proc/sys/net/ipv4/neigh"])?;
        for last in 2..=40 {
            scene.configuration += &format!("[[targets]]\naddress = \"10.8.0.{last}\"\n");
        }
        let sentence =
            "39 IPv4 addresses are on this computer's own networks, and its neighbour table holds 16";
        scene.expect_one_fault(
            "neighbours",
            sentence,
            "net.ipv4.neigh.default.gc_thresh3=1024",
            1,
        )
    });
}

#[test]
fn a_broken_configuration_is_told_and_the_rest_is_looked_at_all_the_same() {
    with_scene("configuration", |scene| {
        scene.configuration = "[server]\nlisten = 5\n".to_owned();
        scene.expect_one_fault(
            "configuration",
            "linewatch.toml:2:10",
            "linewatch check-config",
            2,
        )
    });
}

//! `linewatch record` as a process: its files beside what a scripted line really did, and after every kind of end.

#![expect(clippy::print_stdout, reason = "what was measured is worth reading")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_e2e::packet::Answer;
use linewatch_e2e::responder::{Exchange, Responder};
use linewatch_e2e::session::{self, Files, rows, sums, total};
use linewatch_e2e::{binary, namespace};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn record(program: &Path, out: &Path, arguments: &[&str]) -> anyhow::Result<Child> {
    let child = Command::new(program)
        .arg("record")
        .args(arguments)
        .arg("--out")
        .arg(out)
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok(child)
}

/// The only session in `out`.
fn folder(out: &Path) -> anyhow::Result<PathBuf> {
    let mut folders = fs::read_dir(out)?.collect::<Result<Vec<_>, _>>()?;
    let first = folders.pop().context("no session was made")?;
    ensure!(folders.is_empty(), "more than one session");
    Ok(first.path())
}

/// The file of the totals in `dir`, of a session whose folder is `session`.
fn session_text(dir: &Path, session: &Path) -> anyhow::Result<String> {
    let name = session
        .file_name()
        .context("a folder without a name")?
        .to_string_lossy();
    Ok(fs::read_to_string(dir.join(format!("{name}.txt")))?)
}

/// What the line says of each second: asked and answered.
fn truth_by_second(truth: &[Exchange]) -> BTreeMap<i64, (u64, u64)> {
    let mut seconds = BTreeMap::new();
    for exchange in truth {
        let second: &mut (u64, u64) = seconds.entry(exchange.asked_at_ns / 1_000_000_000).or_default();
        second.0 += 1;
        second.1 += u64::from(exchange.delay_ns().is_some());
    }
    seconds
}

#[test]
fn two_scripted_outages_are_in_the_files_and_nothing_else_is() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("record", &missing),
    };
    namespace::run("record", move || {
        // 10 ms apart: silence from 2.5 s to 5 s and from 7 s to 8.2 s after the start.
        let line = Responder::start(|index, _| match index {
            250..500 | 700..820 => vec![],
            _ => vec![(Duration::from_millis(5), Answer::Right)],
        })?;
        let out = tempfile::tempdir()?;
        let hook = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/hook", hook.local_addr()?);
        let hooked = std::thread::spawn(move || [posted(&hook), posted(&hook)]);
        let arguments = [
            "10.9.0.2:443",
            "--webhook",
            &url,
            "-i",
            "10ms",
            "--duration",
            "10s",
            "--csv",
            "--json",
            "--charts",
        ];
        let output = record(&program, out.path(), &arguments)?.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let truth = truth_by_second(&line.exchanges()?);
        let dir = folder(out.path())?;
        let seconds = rows(&fs::read_to_string(dir.join("averages_per_second.txt"))?)?;
        let session = session_text(&dir, &dir)?;
        let (asked, answered) = truth
            .values()
            .fold((0, 0), |sum, second| (sum.0 + second.0, sum.1 + second.1));
        ensure!(
            (asked, answered) == (1000, 630),
            "the line: {asked} asked, {answered} answered"
        );
        let totals = [
            total(&session, "Sent")?,
            total(&session, "Received")?,
            total(&session, "Lost")?,
        ];
        ensure!(totals == [1000, 630, 370], "{session}");
        ensure!(sums(&seconds) == (1000, 630, 370), "{seconds:?}");
        for (row, (asked, answered)) in seconds.values().zip(truth.values()) {
            // A probe at the edge of a second is stamped some microseconds later on the line.
            ensure!(
                row.0.abs_diff(*asked) <= 1 && row.1.abs_diff(*answered) <= 1,
                "{row:?}, {asked} {answered}"
            );
        }
        let lossy: Vec<bool> = truth
            .values()
            .map(|(asked, answered)| (asked - answered) * 10 > asked * 3)
            .collect();
        let found: Vec<bool> = seconds.values().map(|row| row.3).collect();
        ensure!(lossy == found, "{lossy:?} {found:?}");
        let losses = fs::read_to_string(dir.join("packetloss.txt"))?;
        ensure!(
            losses.starts_with("Packet loss outages - 2 outages\n"),
            "{losses}"
        );
        ensure!(session.contains("\nPacket loss outages: 2\n"), "{session}");
        for name in ["latency.png", "loss.png"] {
            ensure!(fs::read(dir.join(name))?.starts_with(b"\x89PNG"), "{name}");
        }
        let json: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("session.json"))?)?;
        ensure!(json["summary"]["10.9.0.2:443"]["lost"] == 370, "{json}");
        // The second outage begins within the cooldown of the first.
        let [began, ended] = hooked
            .join()
            .map_err(|_| anyhow::anyhow!("the webhook's end broke"))?;
        let (began, ended) = (began?, ended?);
        ensure!(
            began["event"] == "outage_detected" && began["host"] == "10.9.0.2:443",
            "{began}"
        );
        ensure!(ended["event"] == "outage_ended", "{ended}");
        ensure!(
            ended["stats"]["duration_s"].as_u64() > began["stats"]["duration_s"].as_u64(),
            "{ended}"
        );
        println!("{began}\n{ended}\n{}", heads(&dir)?);
        Ok(())
    });
}

/// The first lines of every file, to be held beside the formats of S3.
fn heads(dir: &Path) -> anyhow::Result<String> {
    let mut names: Vec<_> = fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    names.sort_by_key(fs::DirEntry::file_name);
    let mut text = String::new();
    for entry in names {
        let bytes = fs::read(entry.path())?;
        text.push_str(&format!(
            "--- {} ({} bytes)\n",
            entry.file_name().to_string_lossy(),
            bytes.len()
        ));
        if let Ok(file) = String::from_utf8(bytes) {
            for line in file.lines().take(24) {
                text.push_str(&format!("{line:.160}\n"));
            }
        }
    }
    Ok(text)
}

/// The body of the next request to `hook`, which is answered with 200.
fn posted(hook: &TcpListener) -> anyhow::Result<serde_json::Value> {
    let (mut stream, _) = hook.accept()?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(serde_json::from_slice(&body)?)
}

/// Waits until the session has the first writing of all its files, 20 s at most.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn await_files(out: &Path) -> anyhow::Result<()> {
    for _ in 0..2000 {
        let is_there = |dir: PathBuf| session_text(&dir.join("gw"), &dir).is_ok();
        if folder(out).is_ok_and(is_there) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    anyhow::bail!("no files after 20 s")
}

/// How the session of kill number `kill` ends: after how long it is killed, and whether it was told to end just before.
fn moment(kill: u64, seed: u64) -> (Duration, Option<Duration>) {
    // splitmix64: any two numbers give moments that have nothing to do with each other.
    let mut mixed = kill.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let after = Duration::from_millis(mixed % 3500);
    // Every third is hit while it writes its last files: that takes some 50 ms.
    let ending = (kill % 3 == 2).then(|| Duration::from_millis((mixed >> 32) % 60));
    (after, ending)
}

/// One session of two targets, killed; what its files say.
#[expect(
    clippy::disallowed_methods,
    reason = "the moment of a kill is what the test is about"
)]
fn killed(program: &Path, kill: u64, seed: u64) -> anyhow::Result<Vec<Files>> {
    let out = tempfile::tempdir()?;
    let arguments = [
        "gw=10.9.0.2:443",
        "isp=10.9.0.3:443",
        "-i",
        "2ms",
        "--write-interval",
        "1s",
        "--connection-log",
        "--csv",
        "--json",
    ];
    let mut child = record(program, out.path(), &arguments)?;
    let begun = await_files(out.path());
    let (after, ending) = moment(kill, seed);
    std::thread::sleep(after);
    if let Some(pause) = ending {
        nix::sys::signal::kill(Pid::from_raw(child.id() as i32), Signal::SIGINT)?;
        std::thread::sleep(pause);
    }
    // It may have ended by itself meanwhile.
    let _ = child.kill();
    child.wait()?;
    begun?;
    let dir = folder(out.path())?;
    let stem = dir.file_name().context("a name")?.to_string_lossy().into_owned();
    let read = |name| {
        session::read(&dir.join(name), &stem).with_context(|| format!("{name} after {after:?}, {ending:?}"))
    };
    ["gw", "isp"].into_iter().map(read).collect()
}

#[test]
fn a_session_that_is_killed_leaves_whole_files() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("record killed", &missing),
    };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    // `cargo xtask proof record` asks for more.
    let kills = number("LINEWATCH_KILLS").unwrap_or(4_u64);
    let seed = number("LINEWATCH_SEED").unwrap_or(1);
    namespace::run("record killed", move || {
        // Every 20th is lost, and 0.8 of every 2 s altogether: no second is without an outage, or with nothing else.
        let line = Responder::start(|index, _| match (index % 1000, index % 20) {
            (300..700, _) | (_, 7) => vec![],
            _ => vec![(Duration::from_millis(2), Answer::Right)],
        })?;
        let (mut ended, mut attempts, mut outages) = (0, 0, 0);
        for kill in 0..kills {
            for files in
                killed(&program, kill, seed).with_context(|| format!("kill {kill} of seed {seed}"))?
            {
                ended += u64::from(files.has_ended);
                attempts += files.log.map_or(0, |(attempts, _)| attempts);
                outages += files.outages.map_or(0, |outages| outages.len());
            }
        }
        drop(line);
        println!(
            "{kills} sessions of two targets killed (seed {seed}): every file parses, no line is cut, all sums agree; \
             {attempts} attempts and {outages} outages in the files; {ended} of {} targets had ended in order",
            2 * kills
        );
        ensure!(attempts > 0 && (kills < 4 || outages > 0), "nothing was proved");
        Ok(())
    });
}

#[test]
fn what_cannot_be_recorded_is_refused_with_what_can_and_nothing_is_left_behind() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("record refused", &missing),
    };
    let cases = [
        (
            &["127.0.0.1:1", "--interval", "0"][..],
            2,
            "shorter than the limit of 1ms",
        ),
        (
            &["127.0.0.1:1", "--timeout", "31"],
            2,
            "longer than the limit of 30s",
        ),
        (&["127.0.0.1:1", "--threshold", "1.5"], 2, "0.0 to 1.0"),
        (&["127.0.0.1:1", "--max-seconds", "10"], 2, "60 to 86400"),
        (&["127.0.0.1:0"], 2, "1 to 65535"),
        (&["127.0.0.1:1", "127.0.0.1:1"], 2, "given twice"),
        (&["127.0.0.1:1", "--webhook", "ftp://x"], 2, "https://"),
        // Reserved never to be (RFC 6761 section 6.4); a computer without a resolver refuses it as well.
        (&["nosuch.invalid:53"], 1, "check how the name is written"),
    ];
    for (arguments, code, words) in cases {
        let out = tempfile::tempdir().expect("a directory");
        let child = record(&program, out.path(), arguments).expect("it runs");
        let output = child.wait_with_output().expect("it ends");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
        let is_sentence = complaint.starts_with("error: ") && complaint.contains("help: ");
        assert!(
            is_sentence && complaint.contains(words),
            "{arguments:?}: {complaint}"
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert_eq!(
            fs::read_dir(out.path()).expect("there").count(),
            0,
            "{arguments:?}"
        );
    }
}

/// A port of this computer that nobody listens to: every handshake is refused, which is an answer.
fn closed_port() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_session_in_order() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("record | head -1", &missing),
    };
    let out = tempfile::tempdir().expect("a directory");
    let port = closed_port().expect("a port");
    let mut child = record(&program, out.path(), &[&port, "-i", "2ms", "--json"]).expect("it runs");
    let mut first = String::new();
    // The reader is dropped with its end of the pipe: `| head -1`.
    BufReader::new(child.stdout.take().expect("its output"))
        .read_line(&mut first)
        .expect("a line");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(first, "Monitoring started. Press Ctrl+C to stop.\n");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let dir = folder(out.path()).expect("a session");
    let stem = dir.file_name().expect("a name").to_string_lossy().into_owned();
    let files = session::read(&dir, &stem).expect("whole files");
    assert!(files.has_ended, "{files:?}");
}

#[test]
fn root_records_into_a_home_that_is_closed_to_others() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("record into a home", &missing),
    };
    namespace::run("record into a home", move || {
        let home = tempfile::tempdir()?;
        // Nobody's (uid 65534), who lets nobody in: root walks there by a capability that `record` gives up.
        std::os::unix::fs::chown(home.path(), Some(65534), Some(65534))?;
        fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let port = closed_port()?;
        let arguments = [
            &*port,
            "-i",
            "10ms",
            "-d",
            "2s",
            "--csv",
            "--json",
            "--charts",
            "--write-interval",
            "1s",
        ];
        let output = record(&program, home.path(), &arguments)?.wait_with_output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && complaint.is_empty(), "{complaint}");
        let dir = folder(home.path())?;
        let stem = dir.file_name().context("a name")?.to_string_lossy().into_owned();
        ensure!(session::read(&dir, &stem)?.totals == Some([200, 200, 0, 0]));
        ensure!(dir.join("latency.png").is_file());
        Ok(())
    });
}

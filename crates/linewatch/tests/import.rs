//! `linewatch import` as a program: what it refuses and with which words, and that what it makes of the five tools' own
//! example settings is a configuration that `check-config` finds right.
//!
//! What each key becomes is tested where it is done (`src/import`).

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Latency Monitor's config.json, as it comes.
const LATENCY_MONITOR: &str = r#"{
    "destination_ip": "8.8.8.8",
    "latency_threshold_ms": 5,
    "ping_interval_seconds": 1,
    "max_graph_points": 60,
    "event_retention_days": 30
}
"#;

/// Network Monitoring System's config.json, as it comes, with addresses of documentation.
const NETWORK_MONITORING_SYSTEM: &str = r#"{
    "database_path": "database.db",
    "ping_count": 4,
    "ping_timeout": 5,
    "windows_params": {"os": "windows", "count_param": "-n", "timeout_param": "-w"},
    "unix_params": {"os": "unix", "count_param": "-c", "timeout_param": "-W"},
    "latency_thresholds": {"excellent": 50, "good": 100, "fair": 150, "poor": 300, "critical": 500},
    "servers": [
        {"partner": "Partner A", "country": "Germany", "ip": "192.0.2.1", "dn_ext": "1001"},
        {"partner": "Partner B", "country": "Indonesia", "ip": "192.0.2.2", "dn_ext": "1002"}
    ]
}
"#;

/// The constants of Latency Monitoring Script.
const LATENCY_SCRIPT: &str = r#"import os
from dotenv import load_dotenv
load_dotenv()
PING_HOST = "8.8.8.8"
PING_COUNT = 4
PING_TIMEOUT = 2
LATENCY_STEP = 10
LATENCY_THRESHOLD = 60
GRAPH_WIDTH = 600
GRAPH_HEIGHT = 200
EMAIL_SENDER = os.getenv("EMAIL_SENDER")
EMAIL_PASSWORD = os.getenv("EMAIL_PASSWORD")
EMAIL_SMTP_SERVER = "smtp.gmail.com"
EMAIL_SMTP_PORT = 587
"#;

/// The .env beside it.
const LATENCY_SCRIPT_ENV: &str = "EMAIL_SENDER=me@example.com\nEMAIL_PASSWORD=hunter2\n";

/// The settings of Network Connection Monitor.
const CONNECTION_MONITOR: &str = "class NetworkMonitor:
    def __init__(self):
        self.host = '1.1.1.1'
        self.port = 53
        self.interval = 0.001
        self.timeout = 0.025

PACKET_LOSS_THRESHOLD = 0.3
SAVE_CONNECTION_LOG = False
FILE_WRITE_INTERVAL = 10
MAX_SECONDS_IN_MEMORY = 3600
";

/// The options of its newer version.
const CONNECTION_MONITOR_OPTIONS: &str = "python network_monitor.py -H 192.0.2.1:443/tcp 192.0.2.2:53/udp -i 0.1 -t 0.05 \
    --threshold 0.3 --write-interval 10 --max-seconds 3600 --csv --json --web --web-port 5000";

/// The target of Internet Stability Monitor.
const STABILITY_MONITOR: &str = "TARGET = \"google.com\"\nINTERVAL = 1\nWINDOW = 20\n";

/// Runs the program in `dir` and gives what came of it; data, if any, stays there.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn linewatch(dir: &TempDir, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_linewatch"))
        .current_dir(dir.path())
        .env("XDG_CONFIG_HOME", dir.path())
        .env("XDG_DATA_HOME", dir.path())
        .args(words)
        .output()
        .expect("the program runs")
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The import must end with `exit`, print no configuration, write nothing, and say all of `words` on standard error.
#[track_caller]
fn refused(dir: &TempDir, arguments: &[&str], exit: i32, words: &[&str]) {
    let before = names(dir.path());
    let output = linewatch(dir, &[&["import"], arguments].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{said}");
    assert_eq!(text(&output.stdout), "", "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in:\n{said}");
    }
    assert_eq!(names(dir.path()), before);
}

/// Imports `settings` from a file called `name`, checks the result, and gives it back.
#[track_caller]
fn imported(name: &str, settings: &str, told: &str) -> String {
    let dir = directory();
    fs::write(dir.path().join(name), settings).expect("written");
    let output = linewatch(&dir, &["import", name, "--out", "linewatch.toml"]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(told), "{said}");
    let checked = linewatch(&dir, &["check-config", "linewatch.toml"]);
    assert!(
        !text(&checked.stdout).contains("-0 %"),
        "{}",
        text(&checked.stdout)
    );
    let toml = fs::read_to_string(dir.path().join("linewatch.toml")).expect("a configuration");
    assert!(
        checked.status.success(),
        "{}\n{}\n{toml}",
        text(&checked.stdout),
        text(&checked.stderr)
    );
    // The same on standard output.
    let printed = linewatch(&dir, &["import", name]);
    assert_eq!(text(&printed.stdout).trim_end(), toml.trim_end());
    toml
}

#[test]
fn the_example_settings_of_all_five_tools_become_configurations_without_a_mistake() {
    imported("config.json", LATENCY_MONITOR, "Latency Monitor: 1 target;");
    let toml = imported(
        "config.json",
        NETWORK_MONITORING_SYSTEM,
        "Network Monitoring System: 2 targets;",
    );
    assert!(toml.contains("dn_ext"), "{toml}");
    imported(
        "monitor.py",
        LATENCY_SCRIPT,
        "Latency Monitoring Script: 1 target;",
    );
    let toml = imported(
        ".env",
        LATENCY_SCRIPT_ENV,
        "Latency Monitoring Script: 0 targets;",
    );
    assert!(!toml.contains("hunter2"), "{toml}");
    let toml = imported(
        "network_monitor.py",
        CONNECTION_MONITOR,
        "Network Connection Monitor: 1 target;",
    );
    assert!(toml.contains("allow_high_rate = true"), "{toml}");
    imported(
        "start.sh",
        CONNECTION_MONITOR_OPTIONS,
        "Network Connection Monitor: 2 targets;",
    );
    imported(
        "app.py",
        STABILITY_MONITOR,
        "Internet Stability Monitor: 1 target;",
    );
}

#[test]
fn a_config_json_of_two_tools_is_checked_and_shown_as_it_is() {
    for settings in [LATENCY_MONITOR, NETWORK_MONITORING_SYSTEM] {
        let dir = directory();
        fs::write(dir.path().join("config.json"), settings).expect("written");
        let checked = linewatch(&dir, &["check-config", "config.json"]);
        assert!(checked.status.success(), "{}", text(&checked.stderr));
        let shown = linewatch(&dir, &["config", "show", "--config", "config.json"]);
        assert!(shown.status.success(), "{}", text(&shown.stderr));
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    refused(
        &directory(),
        &["config.json"],
        2,
        &["cannot read config.json", "help:"],
    );
    refused(
        &directory(),
        &["--history", "old.db"],
        1,
        &["cannot read old.db", "help:"],
    );
}

#[test]
fn a_directory_is_no_settings() {
    let dir = directory();
    fs::create_dir(dir.path().join("settings")).expect("made");
    refused(&dir, &["settings"], 2, &["cannot read settings", "help:"]);
    refused(
        &dir,
        &["--history", "settings"],
        1,
        &["cannot read settings", "it is no file"],
    );
}

// Root reads every file by its mode; this one nobody reads.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_read_is_told_with_the_system_s_reason() {
    refused(
        &directory(),
        &["/proc/self/mem"],
        2,
        &["cannot read /proc/self/mem", "os error"],
    );
}

#[test]
fn what_is_no_text_or_has_no_end_is_not_taken_for_settings() {
    let dir = directory();
    fs::write(dir.path().join("photo"), [0xff, 0xd8, 0xff, 0xe0]).expect("written");
    refused(&dir, &["photo"], 2, &["photo", "not text in UTF-8"]);
    fs::write(dir.path().join("log"), vec![b'x'; (8 << 20) + 1]).expect("written");
    refused(&dir, &["log"], 2, &["log", "longer than 8 MB"]);
}

#[test]
fn settings_of_an_unknown_tool_are_refused_with_the_known_ones() {
    let dir = directory();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("written");
    write("other.json", r#"{"hosts": ["192.0.2.1"]}"#);
    write("broken.json", r#"{"servers": ["#);
    write("smokeping.conf", "*** Targets ***\nprobe = FPing\nmenu = Top\n");
    write("empty", "");
    refused(
        &dir,
        &["other.json"],
        2,
        &["other.json", "\"destination_ip\" nor \"servers\"", "help:"],
    );
    refused(&dir, &["broken.json"], 2, &["broken.json", "not JSON", "line 1"]);
    refused(
        &dir,
        &["smokeping.conf"],
        2,
        &["no settings of a tool that linewatch knows", "PING_HOST"],
    );
    refused(
        &dir,
        &["empty"],
        2,
        &["no settings of a tool that linewatch knows"],
    );
    refused(&dir, &["--history", "other.json"], 1, &["other.json"]);
}

#[test]
fn values_that_no_monitor_could_run_write_no_configuration() {
    let dir = directory();
    let settings = r#"{"destination_ip": "not an address", "latency_threshold_ms": 5}"#;
    fs::write(dir.path().join("config.json"), settings).expect("written");
    refused(
        &dir,
        &["config.json", "--out", "linewatch.toml"],
        2,
        &["linewatch.toml", "not an address"],
    );
}

#[test]
fn a_configuration_that_is_there_is_replaced_by_request_only() {
    let dir = directory();
    let path = dir.path().join("linewatch.toml");
    fs::write(dir.path().join("config.json"), LATENCY_MONITOR).expect("written");
    fs::write(&path, "# mine\n").expect("written");
    let arguments = ["config.json", "--out", "linewatch.toml"];
    refused(
        &dir,
        &arguments,
        1,
        &["linewatch.toml is there already", "--force"],
    );
    assert_eq!(fs::read_to_string(&path).expect("read"), "# mine\n");
    let forced = linewatch(&dir, &[&["import"], &arguments[..], &["--force"]].concat());
    assert!(forced.status.success(), "{}", text(&forced.stderr));
    let toml = fs::read_to_string(&path).expect("read");
    assert!(
        toml.starts_with("# Imported from config.json of Latency Monitor."),
        "{toml}"
    );
}

#[test]
fn a_file_and_a_history_are_two_imports() {
    refused(
        &directory(),
        &["config.json", "--history", "old.db"],
        2,
        &["cannot be used with"],
    );
    refused(&directory(), &[], 2, &["FILE"]);
}

//! What settings of five tools become, read back as a configuration and as the text itself.

use super::*;
use crate::config::{LoadOptions, Operator, load};

/// What a monitor makes of the settings; nothing of them may be wrong.
#[track_caller]
fn run(name: &str, text: &str) -> (String, crate::config::Settings) {
    let imported = convert(name, text).unwrap_or_else(|error| panic!("{error}"));
    let options = LoadOptions {
        operator: Operator::AsRead(Some((name.into(), imported.toml.clone()))),
        data_dir: Some("/nonexistent/linewatch-import".into()),
        ..LoadOptions::default()
    };
    let loaded = load(&options).unwrap_or_else(|errors| panic!("{errors}\n{}", imported.toml));
    (imported.toml, loaded.settings)
}

#[test]
fn one_target_with_its_threshold() {
    let text = r#"{"destination_ip": "8.8.8.8", "latency_threshold_ms": 5, "ping_interval_seconds": 0.5,
                   "max_graph_points": 120, "event_retention_days": 7, "theme": "dark\nreset"}"#;
    let (toml, settings) = run("config.json", text);
    assert_eq!(
        toml,
        "# Imported from config.json of Latency Monitor.\n\
         \n[web]\nlive_points = 120  # max_graph_points\n\
         \n[storage]\nretention = { events = \"7d\" }  # event_retention_days\n\
         \n[defaults]\ninterval = \"500ms\"  # ping_interval_seconds\n\
         latency_threshold_ms = 5  # latency_threshold_ms: above it there is an event; linewatch itself would say 150\n\
         \n[[targets]]\nname = \"8.8.8.8\"\naddress = \"8.8.8.8\"  # destination_ip\n\
         # theme = \"dark\\nreset\": linewatch has nothing of this kind\n"
    );
    assert_eq!(settings.targets.len(), 1);
    assert_eq!(settings.web.live_points, 120);
}

#[test]
fn servers_by_partner_and_country() {
    let text = r#"{"database_path": "database.db", "ping_count": 4, "ping_timeout": 5,
        "windows_params": {"os": "windows", "count_param": "-n", "timeout_param": "-w"},
        "latency_thresholds": {"excellent": 50, "good": 100, "fair": 150, "poor": 300, "critical": 500},
        "alert_conditions": {"max_latency": 200},
        "servers": [
            {"partner": "Telco", "country": "Indonesia", "ip": "10.0.0.1", "dn_ext": 101},
            {"partner": "Telco", "country": "Indonesia", "ip": "10.0.0.2", "dn_ext": "102"},
            {"partner": "Quote \" and \\ ", "country": "Atlantis", "ip": "10.0.0.3"}
        ]}"#;
    let (toml, settings) = run("config.json", text);
    let told: Vec<_> = settings
        .targets
        .iter()
        .map(|one| {
            (
                one.target.slug.as_str(),
                one.target.country.as_str(),
                one.target.partner.as_str(),
                one.target.labels.clone(),
            )
        })
        .collect();
    let label = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    assert_eq!(
        told,
        [
            ("telco-indonesia", "ID", "Telco", label("dn_ext", "101")),
            ("telco-indonesia-10-0-0-2", "ID", "Telco", label("dn_ext", "102")),
            (
                "quote-and-atlantis",
                "",
                "Quote \" and \\",
                label("country", "Atlantis")
            ),
        ]
    );
    assert!(toml.contains("interval = \"15s\""), "{toml}");
    assert!(toml.contains("timeout = \"5s\""), "{toml}");
    assert!(toml.contains("linewatch import --history database.db"), "{toml}");
    for key in ["windows_params", "alert_conditions"] {
        assert!(toml.contains(&format!("# {key} = ")), "{toml}");
    }
}

#[test]
fn a_script_with_a_round_robin_database_and_mail() {
    let text = "PING_HOST = '8.8.8.8'\nPING_COUNT = 4\nLATENCY_STEP = 10\nLATENCY_THRESHOLD = 60\nEMAIL_SENDER = 'me@example.com'\n\
                EMAIL_PASSWORD = 'hunter2'\nEMAIL_SMTP_SERVER = 'smtp.example.com'\nEMAIL_SMTP_PORT = 587\nGRAPH_WIDTH = 600\n";
    let (toml, settings) = run("monitor.py", text);
    assert!(!toml.contains("hunter2"), "{toml}");
    assert!(toml.contains("interval = \"2s500ms\""), "{toml}");
    assert!(toml.contains("graph_file = \"latency_graph.png\""), "{toml}");
    assert!(toml.contains("# GRAPH_WIDTH = 600"), "{toml}");
    assert_eq!(settings.alerts.email.server, "smtp.example.com");
    assert_eq!(settings.alerts.email.port, 587);
}

#[test]
fn an_environment_file_is_mail_alone() {
    let (toml, settings) = run(
        ".env",
        "EMAIL_SENDER=me@example.com\nEMAIL_PASSWORD=hunter2 with spaces\n",
    );
    assert!(!toml.contains("hunter2"), "{toml}");
    assert_eq!(settings.alerts.email.from, "me@example.com");
    assert!(settings.targets.is_empty());
}

#[test]
fn a_session_of_a_thousand_connects_a_second() {
    let text = "class Monitor:\n    def __init__(self):\n        self.host = '1.1.1.1'\n        self.port = 53\n        self.interval = 0.001\n\
                \x20       self.timeout = 0.025\nPACKET_LOSS_THRESHOLD = 0.3\nSAVE_CONNECTION_LOG = False\nMAX_SECONDS_IN_MEMORY = 3600\n";
    let (toml, settings) = run("network_monitor.py", text);
    assert_eq!(settings.targets.len(), 1);
    assert!(toml.contains("interval = \"1ms\""), "{toml}");
    assert!(toml.contains("timeout = \"25ms\""), "{toml}");
    assert!(toml.contains("allow_high_rate = true  # "), "{toml}");
    assert!(
        toml.contains("outage = { loss_ratio = 0.3, window = \"1s\" }"),
        "{toml}"
    );
    assert!(toml.contains("--connection-log"), "{toml}");
}

#[test]
fn options_as_somebody_called_it() {
    let text = "python network_monitor.py -H 10.0.0.1:443/tcp [2001:db8::1]:53/udp -i 0.1 -t 0.05 --threshold 0.2 --webhook https://example.com/a \
                --web-port 5000 --email-to a@example.com --smtp-host smtp.example.com --email-pass hunter2 --csv";
    let (toml, settings) = run("start.sh", text);
    assert!(
        !toml.contains("hunter2") && !toml.contains("allow_high_rate"),
        "{toml}"
    );
    let addresses: Vec<_> = settings
        .targets
        .iter()
        .map(|one| one.target.slug.as_str())
        .collect();
    assert_eq!(addresses, ["10-0-0-1", "2001-db8-1"]);
    assert_eq!(settings.alerts.webhooks.len(), 1);
    assert_eq!(settings.alerts.email.port, 587);
}

#[test]
fn one_target_of_a_stability_monitor() {
    let (_, settings) = run("app.py", "TARGET = \"google.com\"\nINTERVAL = 1\nWINDOW = 20\n");
    assert_eq!(settings.targets.len(), 1);
}

#[test]
fn what_cannot_be_taken_over_is_refused_with_the_reason() {
    for (text, words) in [
        ("{\"a\": 1}", "neither \"destination_ip\" nor \"servers\""),
        ("{\"servers\": 1", "not JSON"),
        (
            "{\"servers\": [{\"country\": \"DE\"}]}",
            "server 1 of \"servers\" has no \"ip\"",
        ),
        ("{\"destination_ip\": 7}", "\"destination_ip\" is 7, not a text"),
        (
            "{\"destination_ip\": \"a\", \"ping_interval_seconds\": -1}",
            "is no length of time",
        ),
        ("hello", "no settings of a tool"),
        ("", "no settings of a tool"),
        ("python x.py -H -i 1", "the option -H has no value"),
        (
            "PING_HOST = 'a'\nLATENCY_STEP = soon",
            "LATENCY_STEP = soon is no number",
        ),
    ] {
        let error = convert("file", text).expect_err(text);
        assert!(error.message.contains(words), "{text}: {error}");
    }
}

#[test]
fn a_foreign_configuration_just_runs() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.json");
    let run = |text: &str| {
        std::fs::write(&path, text).expect("written");
        load(&LoadOptions {
            explicit: Some(path.clone()),
            data_dir: Some(directory.path().join("data")),
            ..LoadOptions::default()
        })
    };
    let loaded = run(r#"{"destination_ip": "10.0.0.9", "latency_threshold_ms": 5}"#).expect("runs");
    assert_eq!(loaded.settings.targets.len(), 1);
    let errors = run(r#"{"destination": "10.0.0.9"}"#)
        .expect_err("no tool's")
        .to_string();
    assert!(
        errors.contains("config.json") && errors.contains("destination_ip"),
        "{errors}"
    );
}

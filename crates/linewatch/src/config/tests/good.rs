//! What may be written, and that the sample file is the truth.

use std::time::Duration;

use linewatch_core::target::{Host, Method, Origin, Origins, Source, UdpPayload};

use super::*;

const SAMPLE: &str = include_str!("../../../../../linewatch.sample.toml");

#[test]
fn the_sample_file_is_the_defaults() {
    let loaded = Bench::new(SAMPLE).load();
    // The package installs it: what it says by default is no reason to warn at every start.
    assert_eq!(loaded.warnings.len(), 0);
    let mut settings = loaded.settings;
    settings.origins = Origins::default();
    assert_eq!(settings, Settings::default());
}

/// The sample with its examples switched on.
fn uncommented() -> String {
    let is_example = |line: &str| {
        line.starts_with("#[")
            || line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase())
    };
    SAMPLE
        .lines()
        .map(|line| if is_example(line) { &line[1..] } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_examples_of_the_sample_file_are_right_and_have_every_key() {
    let text = uncommented();
    let settings = Bench::new(&text).load().settings;
    assert_eq!(
        (
            settings.targets.len(),
            settings.alerts.rules.len(),
            settings.alerts.webhooks.len()
        ),
        (1, 1, 1)
    );
    let table: toml::Table = text.parse().expect("the sample is TOML");
    let has = |path: &[&str], keys: &[&str]| {
        let mut at = toml::Value::Table(table.clone());
        for step in path {
            at = at[*step].clone();
            at = at.as_array().map_or(at.clone(), |list| list[0].clone());
        }
        for key in keys {
            assert!(at.get(key).is_some(), "{path:?} {key} is not in the sample");
        }
    };
    has(&[], super::super::sections::TOP);
    has(&["server"], super::super::sections::SERVER);
    has(&["web"], super::super::sections::WEB);
    has(&["storage"], super::super::sections::STORAGE);
    has(&["storage", "retention"], super::super::sections::RETENTION);
    has(&["defaults"], super::super::sections::PLAN);
    has(&["targets"], super::super::sections::PLAN);
    has(&["targets"], super::super::targets::TARGET);
    has(&["alerts"], super::super::alert_sections::ALERTS);
    has(&["alerts", "rules"], super::super::alert_sections::RULE);
    has(
        &["alerts", "maintenance"],
        super::super::alert_sections::MAINTENANCE,
    );
    has(&["alerts", "email"], super::super::alert_sections::EMAIL);
    has(&["alerts", "webhooks"], super::super::alert_sections::WEBHOOK);
}

#[test]
fn a_target_of_the_manual_is_read_as_it_is_meant() {
    let text = r#"
[defaults]
interval = "250ms"
[[targets]]
id = "fra"
name = "Frankfurt edge"
address = "FRA.edge.example."
probe = "tcp"
port = 443
family = "4"
country = "de"
partner = "Example"
group = "Europe"
labels = { site = "fra1" }
timeout = "5s"
payload_bytes = 0x40
status = { warn = { rtt_ms = 250.5 } }
"#;
    let loaded = Bench::new(text).load();
    let it = &loaded.settings.targets[0];
    let target = &it.target;
    assert_eq!(
        (target.slug.as_str(), target.name.as_str()),
        ("fra", "Frankfurt edge")
    );
    assert_eq!(target.host, Host::Name("fra.edge.example".into()));
    assert_eq!(target.method, Method::TcpConnect { port: 443 });
    assert_eq!(
        (target.plan.interval, target.plan.timeout),
        (Duration::from_millis(250), Duration::from_secs(5))
    );
    assert_eq!((target.plan.payload_bytes, target.country.as_str()), (64, "DE"));
    assert_eq!(target.labels, [("site".to_owned(), "fra1".to_owned())]);
    assert_eq!(target.thresholds.warn.rtt.as_nanos(), 250_500_000);
    assert_eq!(target.thresholds.warn.loss, 0.05);
    assert!(target.is_enabled && !target.allow_high_rate && loaded.warnings.is_empty());
}

#[test]
fn every_value_knows_its_line() {
    let bench = Bench::new(
        "[server]\nbase_path = \"/x\"\n\n[[targets]]\nname = \"GW\"\naddress = \"192.0.2.1\"\nstatus = { ok = { loss = 0.02 } }\n",
    );
    let settings = bench.load().settings;
    let line = |origin: Origin| match origin {
        Origin::File { line, path } if path.ends_with("/linewatch.toml") => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line(settings.origin("server.base_path")), 2);
    assert_eq!(settings.origin("server.listen"), Origin::Default);
    let target = settings.target("gw").expect("made from the name");
    assert_eq!(line(target.origin("address")), 6);
    assert_eq!(line(target.origin("status.ok.loss")), 7);
    assert_eq!(target.origin("interval"), Origin::Default);
}

#[test]
fn the_address_may_carry_its_port_and_name_the_target() {
    let text = "[[targets]]\naddress = \"[2001:db8::1]:443\"\n[[targets]]\naddress = \"tcp://example.com:80\"\n[[targets]]\nname = \"A b\"\naddress = \"192.0.2.1\"\n";
    let settings = Bench::new(text).load().settings;
    let shown: Vec<_> = settings
        .targets
        .iter()
        .map(|it| {
            format!(
                "{} {} {}",
                it.target.slug,
                it.target.name,
                it.target.address_text()
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "2001-db8-1-443 [2001:db8::1]:443 [2001:db8::1]:443",
            "example-com-80 example.com:80 example.com:80",
            "a-b A b 192.0.2.1",
        ]
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_file() {
    let bench = Bench::new("\u{feff}[server]\nvantage = \"here\"\n");
    assert_eq!(bench.load().settings.server.vantage, "here");
}

#[test]
fn what_has_no_effect_yet_is_said() {
    let loaded = Bench::new("[prometheus]\nprobe_allow = [\"192.0.2.0/24\"]\n").load();
    let warnings: Vec<_> = loaded
        .warnings
        .iter()
        .map(|warning| warning.message.as_str())
        .collect();
    assert_eq!(warnings, ["prometheus has no effect in this version yet"]);
}

#[test]
fn a_target_may_say_from_where_and_how_it_is_probed() {
    let check = |line: &str, expected: Source| {
        let text = format!("[[targets]]\nid = \"gw\"\naddress = \"192.0.2.1\"\ndscp = 46\n{line}\n");
        let target = Bench::new(&text).load().settings.targets.remove(0);
        assert_eq!((&target.source, target.dscp), (&expected, 46));
    };
    check("", Source::Any);
    check("source = \"\"", Source::Any);
    check("source = \"192.0.2.9\"", Source::Address([192, 0, 2, 9].into()));
    check("source = \"ppp0.7\"", Source::Interface("ppp0.7".to_owned()));
}

#[test]
fn a_udp_target_asks_names_on_port_53_unless_it_says_otherwise() {
    let text = r#"
[[targets]]
address = "udp://192.0.2.1:53"
[[targets]]
address = "192.0.2.2"
probe = "udp"
port = 7
[[targets]]
address = "udp://192.0.2.3:5353"
payload = "dns"
[[targets]]
address = "udp://192.0.2.4:53"
payload = "echo"
"#;
    let loaded = Bench::new(text).load();
    let methods: Vec<Method> = loaded
        .settings
        .targets
        .iter()
        .map(|it| it.target.method)
        .collect();
    let udp = |port, payload| Method::Udp { port, payload };
    let expected = [
        udp(53, UdpPayload::Dns),
        udp(7, UdpPayload::Echo),
        udp(5353, UdpPayload::Dns),
        udp(53, UdpPayload::Echo),
    ];
    assert_eq!(methods, expected);
}

//! What is written: the shown configuration, the report, `web.toml`, and the difference of two configurations.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::target::Origins;

use super::web_toml::{TargetChanges, remove_target, set_target};
use super::*;

const FILE: &str = "[server]\nallowed_hosts = [\"mon.example\"]\n[[targets]]\nid = \"gw\"\naddress = \"192.0.2.1\"\nlabels = { \"a b\" = \"c\" }\n[alerts.dead_man]\nurl = \"https://example.com/token\"\n[[alerts.webhooks]]\nurl = \"https://example.com/hunter2\"\nheaders = { Authorization = \"hunter2\" }\n[[alerts.rules]]\nkind = \"loss\"\nabove = 0.1\nfor = \"1m30s\"\nmatch = { label = \"a=b\" }\n";

#[test]
fn what_is_shown_names_every_origin_and_no_secret() {
    let text = config_show(&Bench::new(FILE).load());
    assert!(
        text.contains("listen = \"127.0.0.1:5000\"                    # default\n"),
        "{text}"
    );
    assert!(
        text.contains("allowed_hosts = [\"mon.example\"]              # linewatch.toml, line 2\n"),
        "{text}"
    );
    assert!(
        text.contains("address = \"192.0.2.1\"                        # linewatch.toml, line 5\n"),
        "{text}"
    );
    assert!(
        text.contains("url = \"***\"") && !text.contains("hunter2") && !text.contains("token"),
        "{text}"
    );
}

#[test]
fn what_is_shown_loads_again_as_the_same() {
    let shown = Bench::new(FILE).load();
    let text = config_show(&shown).replace("***", "https://example.com/again");
    let mut again = Bench::new(&text).load().settings;
    let mut settings = shown.settings;
    for settings in [&mut settings, &mut again] {
        settings.origins = Origins::default();
        settings
            .targets
            .iter_mut()
            .for_each(|target| Arc::make_mut(target).origins = Origins::default());
        settings.alerts.webhooks.clear();
        settings.alerts.dead_man = Settings::default().alerts.dead_man;
    }
    assert_eq!(again, settings);
}

#[test]
fn the_report_has_counts_sums_and_caps() {
    let text: String = (1..=4)
        .map(|n| format!("[[targets]]\naddress = \"192.0.2.{n}\"\n"))
        .collect();
    let mut bench =
        Bench::new(&(text + "[[targets]]\naddress = \"192.0.2.5\"\nprobe = \"icmp\"\nenabled = false\n"));
    bench.options.explicit = Some("linewatch.toml".into());
    let report = check_report(&bench.load()).replace(&format!("{}/", bench.dir.path().display()), "");
    assert_eq!(
        report,
        "ok: linewatch.toml\n  5 targets of 100,000, 1 stopped\n  4 probes/s of 100,000\n  at most 8 probes in flight\n  \
         4 without a method: by ICMP where that is permitted, else by TCP handshakes with port 443; each way is a series of \
         its own, because their times cannot be compared (`probe` names one)\n"
    );
}

#[test]
fn a_change_on_the_page_survives_the_round_trip() {
    let changes = TargetChanges {
        name: Some("Büro \"2\"".into()),
        address: Some("192.0.2.9".into()),
        probe: Some("tcp".into()),
        port: Some(443),
        interval: Some("250ms".into()),
        country: Some("DE".into()),
        ..TargetChanges::default()
    };
    let text = set_target("", "buero-2", &changes).expect("a new file");
    assert!(text.starts_with("# Changes made on the page"), "{text}");
    assert_eq!(text.matches('#').count(), 2, "{text}");
    let settings = Bench::empty().web(&text).load().settings;
    let target = &settings.target("buero-2").expect("added").target;
    assert_eq!(
        (target.name.as_str(), target.address_text().as_str()),
        ("Büro \"2\"", "192.0.2.9:443")
    );
    assert_eq!(target.plan.interval, Duration::from_millis(250));
    let stop = TargetChanges {
        is_enabled: Some(false),
        ..TargetChanges::default()
    };
    let text = set_target(&text, "buero-2", &stop).expect("stopped");
    assert!(
        !Bench::empty().web(&text).load().settings.targets[0]
            .target
            .is_enabled
    );
    let icmp = TargetChanges {
        address: Some("192.0.2.9".into()),
        ..TargetChanges::default()
    };
    let text = set_target(&text, "buero-2", &icmp).expect("changed");
    assert_eq!(
        Bench::empty().web(&text).load().settings.targets[0]
            .target
            .address_text(),
        "192.0.2.9"
    );
}

#[test]
fn what_is_not_touched_keeps_its_place_and_its_comments() {
    let before = "# mine\n[web]\nlive_points = 90 # many\n\n[[targets]]\nid = \"a\"\ninterval = \"1s\" # slow\n\n[[targets]]\nid = \"b\"\ninterval = \"2s\"\n";
    let faster = TargetChanges {
        interval: Some("100ms".into()),
        ..TargetChanges::default()
    };
    let after = set_target(before, "a", &faster).expect("changed");
    assert_eq!(after, before.replace("\"1s\"", "\"100ms\""));
    assert_eq!(
        remove_target(&after, "b", false).expect("removed"),
        after.split("\n[[targets]]\nid = \"b\"").next().expect("head")
    );
}

#[test]
fn a_removed_target_leaves_a_line_only_where_it_would_come_back() {
    let start = TargetChanges {
        is_enabled: Some(true),
        ..TargetChanges::default()
    };
    let text = set_target("", "gw", &start).expect("a file");
    let gone = remove_target(&text, "gw", false).expect("removed");
    assert!(!gone.contains("gw"), "{gone}");
    let hidden = remove_target(&text, "gw", true).expect("removed");
    assert!(Bench::new(FILE).web(&hidden).ids().is_empty());
    let back = set_target(&hidden, "gw", &start).expect("back");
    assert_eq!(Bench::new(FILE).web(&back).ids(), ["gw"]);
}

#[test]
fn the_file_is_replaced_as_a_whole_and_is_private() {
    let bench = Bench::empty();
    let path = bench.dir.path().join("web.toml");
    assert_eq!(web_toml::read(&path).expect("no file is no text"), "");
    let victim = bench.dir.path().join("victim");
    std::fs::write(&victim, "untouched").expect("write");
    std::os::unix::fs::symlink(&victim, bench.dir.path().join("web.toml.new")).expect("link");
    web_toml::write(&path, "a = 1\n").expect("written");
    web_toml::write(&path, "a = 2\n").expect("written again");
    assert_eq!(web_toml::read(&path).expect("there"), "a = 2\n");
    assert_eq!(std::fs::read_to_string(&victim).expect("there"), "untouched");
    assert_eq!(
        std::fs::metadata(&path).expect("there").permissions().mode() & 0o777,
        0o600
    );
    let error = web_toml::write(&bench.dir.path().join("no/web.toml"), "").expect_err("no directory");
    assert!(
        error
            .to_string()
            .ends_with("no/web.toml: no such file or directory"),
        "{error}"
    );
}

#[test]
fn a_reload_is_the_difference() {
    let target =
        |id: &str, rest: &str| format!("[[targets]]\nid = \"{id}\"\naddress = \"192.0.2.1\"\n{rest}");
    let before = Bench::new(&(target("a", "") + &target("b", "") + &target("c", "")))
        .load()
        .settings;
    let moved = target("c", "interval = \"5s\"\n") + "\n\n" + &target("b", "") + &target("d", "");
    let after = Bench::new(&(moved + "[server]\nbase_path = \"/x\"\n"))
        .load()
        .settings;
    let shown: Vec<String> = diff(&before, &after)
        .iter()
        .map(|change| match change {
            TargetChange::Added(target) => format!("+{}", target.target.slug),
            TargetChange::Removed(id) => format!("-{id}"),
            TargetChange::Changed(after) => format!("~{}", after.target.slug),
        })
        .collect();
    assert_eq!(shown, ["-a", "~c", "+d"]);
    assert_eq!(needs_restart(&before, &after), ["server.base_path"]);
    assert!(diff(&after, &after).is_empty() && needs_restart(&after, &after).is_empty());
}

#[test]
fn a_watcher_tells_changed_new_and_replaced_files() {
    let bench = Bench::new("");
    let path = bench.dir.path().join("linewatch.toml");
    let web = bench.dir.path().join("web.toml");
    let (sender, changes) = std::sync::mpsc::channel();
    let watcher = watch::watch(&[path.clone(), web.clone()], move || {
        sender.send(()).expect("the test listens")
    })
    .expect("the directory can be watched");
    let patience = Duration::from_secs(20);
    std::fs::write(&path, "[web]\n").expect("a change");
    assert_eq!(changes.recv_timeout(patience), Ok(()), "a changed file is told");
    web_toml::write(&web, "[web]\n").expect("a file that was not there");
    assert_eq!(changes.recv_timeout(patience), Ok(()), "a new file is told");
    drop(watcher);
    assert_eq!(
        changes.recv_timeout(patience),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
    );
}

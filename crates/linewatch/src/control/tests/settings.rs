//! Settings from the page: what is asked for stands in `web.toml`, holds at once, goes back to the file, and gives no secret away.

use super::*;

const HOOK: &str =
    "[[alerts.webhooks]]\nurl = \"https://user@hooks.example/token\"\nheaders = { X-Key = \"hunter2\" }\n";

#[test]
fn a_value_of_the_page_wins_and_goes_back_to_the_file() {
    let rig = Rig::start(true);
    let (_, etag, before) = rig.ask("GET config", "", None);
    assert_eq!(before["config"]["defaults"]["timeout"], "500ms");
    assert_eq!(before["origins"]["defaults.timeout"], "linewatch.toml, line 3");
    let wanted = json!({"set": {"defaults.timeout": "700ms", "defaults.outage.window": "20s"}});
    let after = rig.change("PUT config", wanted);
    assert_eq!(after["config"]["defaults"]["timeout"], "700ms");
    assert_eq!(after["origins"]["defaults.timeout"], "changed here");
    assert_eq!(after["file"]["defaults"]["timeout"], "500ms");
    assert!(
        rig.web_toml().contains("timeout = \"700ms\""),
        "{}",
        rig.web_toml()
    );
    let target = rig.ask("GET targets/gw", "", None).2;
    assert_eq!(target["target"]["timeout"], "700ms", "it holds at once");

    let stale = format!("if-match: {}\r\n", etag.expect("a version"));
    let (status, _, refused) = rig.ask(
        "PUT config",
        &stale,
        Some(&json!({"set": {"defaults.timeout": "1s"}})),
    );
    assert_eq!(
        (status, refused["error"]["code"].as_str()),
        (409, Some("conflict"))
    );

    let back = rig.change(
        "PUT config",
        json!({"reset": ["defaults.timeout", "defaults.outage.window"]}),
    );
    assert_eq!(back["config"]["defaults"]["timeout"], "500ms");
    assert!(!rig.web_toml().contains("[defaults"), "{}", rig.web_toml());
    rig.end();
}

#[test]
fn what_cannot_be_is_refused_by_its_whole_key_and_changes_nothing() {
    let rig = Rig::start(true);
    for (set, field) in [
        (json!({"defaults.timeout": "soon"}), "defaults.timeout"),
        (
            json!({"defaults.grades_ms.good": "many"}),
            "defaults.grades_ms.good",
        ),
        (
            json!({"alerts.email.password_file": "/etc/shadow"}),
            "alerts.email.password_file",
        ),
        (json!({"alerts.graph_file": "/etc/cron.d/x"}), "alerts.graph_file"),
        (
            json!({"alerts.email": {"password_file": "/etc/shadow"}}),
            "alerts.email",
        ),
        (
            json!({"alerts.webhooks": [{"url": "https://x.example", "secret_file": "/etc/shadow"}]}),
            "alerts.webhooks.secret_file",
        ),
        (json!({"targets": []}), "targets"),
    ] {
        let (status, _, refused) = rig.ask("PUT config", "", Some(&json!({"set": set})));
        assert_eq!(
            (status, refused["error"]["field"].as_str()),
            (422, Some(field)),
            "{refused}"
        );
    }
    assert_eq!(rig.web_toml(), "");
    rig.end();
}

#[test]
fn secrets_are_stars_and_stay_what_they_are_when_the_list_is_written() {
    let rig = Rig::start(true);
    rig.rewrite(&format!("{FILE}{HOOK}"));
    let (_, _, shown) = rig.ask("GET config", "", None);
    assert!(
        !shown.to_string().contains("hunter2") && !shown.to_string().contains("token"),
        "{shown}"
    );
    let hook = &shown["config"]["alerts"]["webhooks"][0];
    assert_eq!(
        (hook["url"].as_str(), hook["host"].as_str()),
        (Some("***"), Some("hooks.example"))
    );
    let mut hook = hook.clone();
    hook["was"] = json!(0);
    hook["format"] = json!("slack");
    let other = json!({"url": "https://other.example/x"});
    rig.change("PUT config", json!({"set": {"alerts.webhooks": [other, hook]}}));
    let text = rig.web_toml();
    assert!(
        text.contains("hooks.example/token") && text.contains("hunter2") && text.contains("slack"),
        "{text}"
    );
    rig.end();
}

#[test]
fn every_key_of_a_target_is_set_and_goes_back() {
    let rig = Rig::start(true);
    let patch = json!({"outage.window": "20s", "grades_ms": {"good": 90}, "labels": {"site": "a"}, "dscp": 46, "behind": "gw"});
    rig.change("PATCH targets/web", patch);
    let (_, _, shown) = rig.ask("GET config?target=web", "", None);
    assert_eq!(shown["config"]["outage"]["window"], "20s");
    assert_eq!(shown["config"]["grades_ms"]["good"].as_f64(), Some(90.0));
    assert_eq!(
        (&shown["config"]["dscp"], &shown["config"]["behind"]),
        (&json!(46), &json!("gw"))
    );
    assert_eq!(shown["origins"]["outage.window"], "changed here");
    assert_eq!(shown["file"]["outage"]["window"], "10s");
    let back =
        json!({"outage.window": null, "grades_ms": null, "labels": null, "dscp": null, "behind": null});
    rig.change("PATCH targets/web", back);
    assert!(!rig.web_toml().contains("[[targets]]"), "{}", rig.web_toml());
    let (status, _, refused) = rig.ask("PATCH targets/web", "", Some(&json!({"outage.window": "soon"})));
    assert_eq!(
        (status, refused["error"]["field"].as_str()),
        (422, Some("outage.window")),
        "{refused}"
    );
    rig.end();
}

#[test]
fn a_target_of_the_page_keeps_its_address() {
    let rig = Rig::start(true);
    rig.change("POST targets", json!({"id": "own", "address": "192.168.1.9"}));
    let (status, _, refused) = rig.ask("PATCH targets/own", "", Some(&json!({"address": null})));
    assert_eq!(
        (status, refused["error"]["field"].as_str()),
        (422, Some("address"))
    );
    rig.end();
}

#[test]
fn preferences_come_back_as_they_were_kept() {
    let rig = Rig::start(true);
    assert_eq!(rig.ask("GET preferences", "", None).2, json!({"preferences": {}}));
    let wanted = json!({"theme": "dark", "density": "compact"});
    rig.change("PUT preferences", wanted.clone());
    assert_eq!(
        rig.ask("GET preferences", "", None).2,
        json!({"preferences": wanted})
    );
    let (status, ..) = rig.ask("PUT preferences", "", Some(&json!({"theme": ["x"]})));
    assert_eq!(status, 400);
    rig.end();
}

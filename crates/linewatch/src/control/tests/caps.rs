//! Whatever door a setting comes through, strangers are spared (REQUIREMENTS X9, SAFETY T6). The wire is simulated.

use super::*;

#[test]
fn the_page_cannot_make_a_flood_of_one_target_nor_of_many() {
    let rig = Rig::start(true);
    for bad in [
        json!({"address": "8.8.8.8", "interval": "50ms"}),
        json!({"address": "::ffff:8.8.8.8", "interval": "50ms"}),
        json!({"address": "8.8.8.8", "interval": "1s", "allow_high_rate": true}),
        json!({"address": "224.0.0.1", "interval": "1s"}),
        json!({"address": "255.255.255.255", "interval": "1s"}),
        json!({"address": "0.0.0.0", "interval": "1s"}),
        json!({"address": "ff02::1", "interval": "1s"}),
    ] {
        let (status, _, answer) = rig.ask("POST targets", "", Some(&bad));
        assert!(matches!(status, 400 | 422), "{bad}: {status} {answer}");
    }
    // 20/s were right for the gateway; for a stranger they are not.
    let (status, _, answer) = rig.ask("PATCH targets/gw", "", Some(&json!({"address": "8.8.8.8"})));
    assert_eq!(status, 422, "{answer}");
    assert_eq!(rig.ids(), ["gw", "web"]);
    for host in 1..=10 {
        rig.change(
            "POST targets",
            json!({"address": format!("8.8.4.{host}"), "interval": "100ms"}),
        );
    }
    let eleventh = json!({"address": "8.8.4.11", "interval": "100ms"});
    let (status, _, answer) = rig.ask("POST targets", "", Some(&eleventh));
    assert_eq!(status, 422, "{answer}");
    assert!(answer.to_string().contains("8.8.4.0/24"), "{answer}");
    drop(rig.end());
}

#[test]
fn a_reload_cannot_make_a_flood_either_and_the_old_settings_stay() {
    let rig = Rig::start(true);
    let public = "[[targets]]\nid = \"far\"\naddress = \"8.8.8.8\"\n";
    rig.rewrite(&format!("{FILE}{public}interval = \"50ms\"\n"));
    assert_eq!(rig.ids(), ["gw", "web"]);
    assert!(
        rig.notices()
            .iter()
            .any(|(_, text)| text.contains("limit of 10/s")),
        "{:?}",
        rig.notices()
    );
    // The operator's own word lifts it, and a page that moves the target elsewhere does not take the word along.
    rig.rewrite(&format!(
        "{FILE}{public}interval = \"50ms\"\nallow_high_rate = true\n"
    ));
    assert_eq!(rig.ids(), ["far", "gw", "web"]);
    let (status, _, answer) = rig.ask("PATCH targets/far", "", Some(&json!({"address": "9.9.9.9"})));
    assert_eq!(status, 422, "{answer}");
    assert_eq!(rig.web_toml(), "");
    drop(rig.end());
}

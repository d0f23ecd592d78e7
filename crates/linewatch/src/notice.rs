//! Words what the person at the page should know beside the measurements: a code with values, and English.
//!
//! The page words the code by its own catalogue (`web/i18n`, key `notice.text.CODE`); the English text is for other readers
//! of the API, and a test holds the two to the same words. Not here: when something is worth a notice.

use std::collections::BTreeMap;
use std::sync::Arc;

use linewatch_core::event::Severity;
use linewatch_core::target::Method;
use linewatch_core::view::TargetError;
use linewatch_web::Notice;

use crate::config::{ConfigErrors, TargetSettings};

/// ICMP cannot be used, which these targets feel. `sentence` is the engine's, with the cure if there is one.
pub(crate) fn no_icmp(sentence: &str, targets: &[Arc<TargetSettings>]) -> Option<Notice> {
    let asks = |target: &Arc<TargetSettings>| target.asked_method() == Some(Method::IcmpEcho);
    // The built-in lines have chosen already.
    let falls_back = |target: &Arc<TargetSettings>| target.asked_method().is_none() || target.is_built_in;
    let first_line = sentence.lines().next().unwrap_or_default();
    let command = sentence.split_once("sudo ").map(|(_, command)| {
        let command = command.lines().next().unwrap_or_default();
        format!("sudo {}", command.trim())
    });
    let notice = match command {
        Some(_) if targets.iter().any(falls_back) => Notice {
            command,
            ..notice(
                "icmp_not_permitted",
                Severity::Warning,
                [],
                "ICMP is not permitted on this system. Targets without a method of their own are measured by TCP handshakes \
                 instead.",
            )
        },
        Some(_) if targets.iter().any(asks) => Notice {
            command,
            ..notice(
                "icmp_refused",
                Severity::Warning,
                [],
                "ICMP is not permitted on this system. Targets that ask for it are not measured.",
            )
        },
        None if targets.iter().any(|it| asks(it) || falls_back(it)) => notice(
            "icmp_impossible",
            Severity::Warning,
            [("why", first_line)],
            &format!("ICMP cannot be used on this system: {first_line}."),
        ),
        _ => return None,
    };
    Some(notice)
}

/// The page is served to this computer only; from elsewhere it is opened through `host`'s SSH.
pub(crate) fn loopback_only(host: &str, port: u16) -> Notice {
    let listen = format!("0.0.0.0:{port}");
    Notice {
        command: Some(format!("ssh -L {port}:127.0.0.1:{port} {host}")),
        ..notice(
            "loopback_only",
            Severity::Info,
            [("listen", &*listen)],
            &format!(
                "Only this computer can open this page. To open it from a phone or another computer, set `listen = \"{listen}\"`; \
                 the admin password is made then."
            ),
        )
    }
}

/// A changed configuration is wrong, and the one before goes on.
pub(crate) fn not_reloaded(errors: &ConfigErrors) -> Notice {
    let (place, mistake) = errors.0.first().map_or_else(Default::default, |first| {
        let place = first.place.to_string();
        // The directory is nobody's business who only looks at the page.
        let name = place.rsplit('/').next().unwrap_or(&place).to_owned();
        (name, first.message.clone())
    });
    Notice {
        command: Some("linewatch check-config".to_owned()),
        ..notice(
            "config_not_reloaded",
            Severity::Warning,
            [("place", &*place), ("mistake", &*mistake)],
            &format!(
                "The changed configuration was not taken over; the one before is still in force. {place}: {mistake}"
            ),
        )
    }
}

/// A target that was just changed is measured otherwise than a person would expect.
pub(crate) fn tcp_instead(port: u16) -> Notice {
    let port = port.to_string();
    notice(
        "tcp_instead",
        Severity::Info,
        [("port", &*port)],
        &format!("ICMP is not permitted here: measuring TCP handshakes with port {port} instead."),
    )
}

/// A target that was just changed cannot be probed.
pub(crate) fn not_probed(error: &TargetError) -> Notice {
    let why = error.text();
    notice(
        "not_probed",
        Severity::Warning,
        [("why", why)],
        &format!("It is not probed: {why}"),
    )
}

fn notice<const N: usize>(
    code: &'static str,
    severity: Severity,
    params: [(&'static str, &str); N],
    text: &str,
) -> Notice {
    let params: BTreeMap<_, _> = params.map(|(name, value)| (name, value.to_owned())).into();
    Notice {
        code,
        severity,
        params,
        text: text.to_owned(),
        command: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigError, LoadOptions, Operator, Place, load};
    use linewatch_core::spec::TargetSpec;

    /// One of each.
    fn all() -> Vec<Notice> {
        let mistake = ConfigError {
            place: Place {
                path: "/etc/linewatch/linewatch.toml".to_owned(),
                at: Some((3, 1)),
            },
            key: String::new(),
            message: "unknown key \"nam\"".to_owned(),
            help: None,
        };
        vec![
            no_icmp(NOT_PERMITTED, &targets(&["192.0.2.1", "icmp://192.0.2.2"])).expect("both feel it"),
            no_icmp(
                "ICMP is switched off\n  help: switch it on",
                &targets(&["192.0.2.1"]),
            )
            .expect("felt"),
            loopback_only("monitor", 5000),
            not_reloaded(&ConfigErrors(vec![mistake])),
            tcp_instead(443),
            not_probed(&TargetError::Refused("a multicast address".to_owned())),
            no_icmp(NOT_PERMITTED, &targets(&["icmp://192.0.2.2"])).expect("felt"),
        ]
    }

    const NOT_PERMITTED: &str =
        "cannot open a socket: not permitted\n  help: grant it with  sudo setcap x\n        or y";

    /// As typed on the command line.
    fn targets(texts: &[&str]) -> Vec<Arc<TargetSettings>> {
        let specs = texts
            .iter()
            .map(|text| TargetSpec::parse(text).expect("a target"));
        let options = LoadOptions {
            data_dir: Some("data".into()),
            targets: specs.collect(),
            operator: Operator::AsRead(None),
            ..LoadOptions::default()
        };
        load(&options).expect("right").settings.targets
    }

    #[test]
    fn nobody_is_told_of_handshakes_when_nothing_falls_back_to_them() {
        let code = |texts: &[&str]| no_icmp(NOT_PERMITTED, &targets(texts)).map(|notice| notice.code);
        assert_eq!(code(&["192.0.2.1"]), Some("icmp_not_permitted"));
        assert_eq!(
            code(&["icmp://192.0.2.1", "icmp://192.0.2.2"]),
            Some("icmp_refused")
        );
        assert_eq!(code(&["tcp://192.0.2.1:443"]), None);
    }

    #[test]
    fn the_english_of_the_api_is_that_of_the_catalogue() {
        let catalogue: BTreeMap<String, String> =
            serde_json::from_str(include_str!("../../linewatch-web/web/i18n/en.json")).expect("a catalogue");
        for notice in all() {
            let key = format!("notice.text.{}", notice.code);
            let words = catalogue.get(&key).unwrap_or_else(|| panic!("no {key}"));
            let worded = notice.params.iter().fold(words.clone(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            });
            assert_eq!(worded, notice.text, "{key}");
        }
        let told = catalogue.keys().filter(|key| key.starts_with("notice.text."));
        assert_eq!(told.count(), all().len(), "a text without its notice");
    }

    #[test]
    fn a_cure_is_one_command_to_copy() {
        let commands: Vec<_> = all().into_iter().map(|notice| notice.command).collect();
        assert_eq!(commands[0].as_deref(), Some("sudo setcap x"));
        assert_eq!(commands[1], None);
        assert_eq!(commands[2].as_deref(), Some("ssh -L 5000:127.0.0.1:5000 monitor"));
    }

    #[test]
    fn a_mistake_is_told_with_its_place_but_without_the_directory() {
        assert!(all()[3].text.ends_with("linewatch.toml:3:1: unknown key \"nam\""));
        assert!(!all()[3].text.contains("/etc"));
    }
}

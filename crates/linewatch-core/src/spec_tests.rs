//! Claims about `spec`: what people type, and what is refused with which words.

use proptest::prelude::*;

use super::*;

/// `host | method | name` as one line, or the error's sentence.
fn told(text: &str) -> String {
    match TargetSpec::parse(text) {
        Ok(spec) => {
            let host = match &spec.host {
                Host::Literal { ip, zone: Some(zone) } => format!("ip {ip}%{zone}"),
                Host::Literal { ip, zone: None } => format!("ip {ip}"),
                Host::Name(name) => format!("name {name}"),
            };
            let method = match spec.method {
                None => "-".to_owned(),
                Some(Method::IcmpEcho) => "icmp".to_owned(),
                Some(Method::TcpConnect { port }) => format!("tcp {port}"),
                Some(Method::Udp { port, payload }) => format!("udp {port} {}", payload.word()),
            };
            format!("{host} | {method} | {}", spec.name.as_deref().unwrap_or("-"))
        }
        Err(error) => format!("error: {error}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(told(text), expected, "{text:?}");
}

#[test]
fn every_documented_form_is_read() {
    check("192.0.2.1", "ip 192.0.2.1 | - | -");
    check("example.com", "name example.com | - | -");
    check("example.com:443", "name example.com | tcp 443 | -");
    check("tcp://192.0.2.1:53", "ip 192.0.2.1 | tcp 53 | -");
    check("icmp://example.com", "name example.com | icmp | -");
    check("::1", "ip ::1 | - | -");
    check("[::1]", "ip ::1 | - | -");
    check("[::1]:53", "ip ::1 | tcp 53 | -");
    check("icmp://[2001:db8::1]", "ip 2001:db8::1 | icmp | -");
    check("fe80::1%eth0", "ip fe80::1%eth0 | - | -");
    check("[fe80::1%eth0]:22", "ip fe80::1%eth0 | tcp 22 | -");
    check("[fe80::1%eth0:1]:22", "ip fe80::1%eth0:1 | tcp 22 | -");
    check(
        "Head office=tcp://192.0.2.1:80",
        "ip 192.0.2.1 | tcp 80 | Head office",
    );
}

#[test]
fn spelling_that_means_the_same_is_one_spelling() {
    check(" Example.COM. ", "name example.com | - | -");
    check("TCP://Example.com:80", "name example.com | tcp 80 | -");
    check("::ffff:192.0.2.1", "ip 192.0.2.1 | - | -");
}

#[test]
fn udp_asks_names_on_port_53_and_wants_its_echo_elsewhere() {
    check("udp://192.0.2.1:53", "ip 192.0.2.1 | udp 53 dns | -");
    check("dns=UDP://[::1]:53", "ip ::1 | udp 53 dns | dns");
    check("udp://example.com:7", "name example.com | udp 7 echo | -");
    check("udp://192.0.2.1", "error: udp needs a port: `192.0.2.1` has none");
}

#[test]
fn ports_are_where_they_belong() {
    check("tcp://192.0.2.1", "error: tcp needs a port: `192.0.2.1` has none");
    check(
        "icmp://192.0.2.1:80",
        "error: icmp has no ports, but `192.0.2.1:80` has one",
    );
    for port in ["0", "65536", "-1", "+80", "x", "", " 80", "99999999999999999999"] {
        check(
            &format!("192.0.2.1:{port}"),
            &format!(
                "error: port `{}` is not a number from 1 to 65535",
                port.trim_end()
            ),
        );
    }
}

#[test]
fn odd_forms_of_ipv4_are_refused_because_systems_disagree_on_them() {
    for text in [
        "0x7f000001",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "127.0.0.01",
        "256.1.1.1",
        "1.2.3.4.5",
        "1.2.3.0xff",
    ] {
        check(
            text,
            &format!("error: `{text}` is not four decimal numbers from 0 to 255"),
        );
    }
}

#[test]
fn ipv6_mistakes_are_named() {
    check(
        "[::1",
        "error: the brackets around the IPv6 address do not close, or more than a port follows",
    );
    check(
        "[::1]53",
        "error: the brackets around the IPv6 address do not close, or more than a port follows",
    );
    check("[192.0.2.1]:53", "error: `192.0.2.1` is not an IPv6 address");
    check("2001:db8::g", "error: `2001:db8::g` is not an IPv6 address");
    check(
        "fe80::1",
        "error: the link-local address `fe80::1` needs its interface",
    );
    check(
        "2001:db8::1%eth0",
        "error: `2001:db8::1%eth0` names an interface that it cannot have",
    );
    check(
        "fe80::1%",
        "error: `fe80::1%` names an interface that it cannot have",
    );
}

#[test]
fn host_names_keep_to_rfc_1123() {
    check("a_b.internal", "name a_b.internal | - | -");
    check("xn--bcher-kva.example", "name xn--bcher-kva.example | - | -");
    check(
        "bücher.example",
        "error: the host name `bücher.example` has letters beyond a-z",
    );
    for text in ["-a.example", "a-.example", "a..b", ".", "a b", "a,b", "*"] {
        assert!(
            matches!(TargetSpec::parse(text), Err(SpecError::HostName(_))),
            "{text}"
        );
    }
    let (label, long) = ("a".repeat(64), ["abcdefgh"; 29].join("."));
    assert!(matches!(parse_host(&label), Err(SpecError::HostName(_))));
    assert!(matches!(parse_host(&long), Err(SpecError::HostName(_))));
    assert!(parse_host(&label[1..]).is_ok());
}

#[test]
fn what_is_more_than_a_target_is_refused() {
    check("", "error: the address is empty");
    check("office=", "error: the address is empty");
    check(
        "=192.0.2.1",
        "error: the name before `=` is not 1 to 80 characters long",
    );
    check("https://example.com", "error: `https://` is not a way to probe");
    check(
        "example.com/path",
        "error: `example.com/path` is more than a host and a port",
    );
    check(
        "me@example.com",
        "error: `me@example.com` is more than a host and a port",
    );
    check(
        "192.0.2.0/24",
        "error: `192.0.2.0/24` is more than a host and a port",
    );
    check("a\u{1b}[31m", "error: the text has a control character in it");
    check(
        "gw\u{202e}=192.0.2.1",
        "error: the text has a control character in it",
    );
}

#[test]
fn a_slug_has_only_letters_digits_and_hyphens() {
    for (name, expected) in [
        ("Frankfurt edge", "frankfurt-edge"),
        ("  --Tokyo / 2--", "tokyo-2"),
        ("1.1.1.1", "1-1-1-1"),
        ("Größe", "gr-e"),
        ("東京", "target"),
        ("", "target"),
    ] {
        assert_eq!(slug(name), expected, "{name}");
    }
}

#[test]
fn the_second_of_a_name_gets_a_number() {
    let taken = ["gw", "gw-2"];
    assert_eq!(unique_slug("GW", |slug| taken.contains(&slug)), "gw-3");
    let long = "x".repeat(ID_CHARS);
    assert_eq!(
        unique_slug(&long, |slug| slug == long),
        format!("{}-2", "x".repeat(ID_CHARS - 2))
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(error) = TargetSpec::parse(&text) {
            prop_assert!(!error.to_string().is_empty() && !error.help().is_empty());
        }
    }

    #[test]
    fn nearly_right_text_does_not_either(text in "(tcp://|icmp://|udp://|n=)?\\[?[0-9a-fx:.%\\]=-]{0,20}(:[0-9]{0,6})?") {
        let _ = TargetSpec::parse(&text);
    }

    #[test]
    fn a_slug_is_always_an_id(name in any::<String>()) {
        prop_assert!(is_id(&slug(&name)));
        let first = slug(&name);
        prop_assert!(is_id(&unique_slug(&name, |text| text == first)));
    }
}

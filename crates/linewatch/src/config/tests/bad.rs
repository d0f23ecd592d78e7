//! Every mistake is a sentence with what, where and what to do; the exact words are held here.

use super::*;

/// Loads `text`, which must have exactly this one mistake.
#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(Bench::new(text).errors(), format!("error: {expected}"), "{text}");
}

const GW: &str = "[[targets]]\nid = \"gw\"\naddress = \"192.0.2.1\"\n";

/// The same for a target with this line more, which is line 4.
#[track_caller]
fn check_target(line: &str, expected: &str) {
    check(&format!("{GW}{line}\n"), expected);
}

#[test]
fn unknown_keys_name_the_one_that_was_meant() {
    check(
        "[server]\nlisten_on = \"127.0.0.1:1\"\n",
        "unknown key `server.listen_on`\n  --> linewatch.toml:2:1\n  help: did you mean `listen`?",
    );
    check(
        "[serve]\n",
        "unknown key `serve`\n  --> linewatch.toml:1:2\n  help: did you mean `server`?",
    );
    check_target(
        "intervall = \"1s\"",
        "target \"gw\": unknown key `intervall`\n  --> linewatch.toml:4:1\n  help: did you mean `interval`?",
    );
    check(
        "[logging]\ncolour = 1\n",
        "unknown key `logging.colour`\n  --> linewatch.toml:2:1\n  help: known keys here: level",
    );
}

#[test]
fn intervals_have_limits() {
    let help = "help: write a length of time from 1ms to 1h";
    let at = "--> linewatch.toml:4:12";
    check_target(
        "interval = \"0s\"",
        &format!("target \"gw\": interval 0s is shorter than the limit of 1ms\n  {at}\n  {help}"),
    );
    check_target(
        "interval = \"0.000000001s\"",
        &format!("target \"gw\": interval 0.000000001s is shorter than the limit of 1ms\n  {at}\n  {help}"),
    );
    check_target(
        "interval = \"2h\"",
        &format!("target \"gw\": interval 2h is longer than the limit of 1h\n  {at}\n  {help}"),
    );
    let units = "help: write a number and its unit: \"250ms\", \"1s\", \"15m\", \"12h\", \"90d\", \"1y\"";
    check_target(
        "interval = \"-1s\"",
        &format!("target \"gw\": interval \"-1s\" is below zero\n  {at}\n  {units}"),
    );
    check_target(
        "interval = \"1e-9\"",
        &format!("target \"gw\": interval \"1e-9\" is not a number with a unit\n  {at}\n  {units}"),
    );
    check_target(
        "interval = \"5\"",
        &format!("target \"gw\": interval \"5\" has no unit\n  {at}\n  {units}"),
    );
    check_target(
        "interval = 1",
        &format!(
            "target \"gw\": interval 1 is not a length of time with its unit\n  {at}\n  help: write it as \"1s\", \"250ms\" or \"15m\""
        ),
    );
}

#[test]
fn a_source_is_an_address_of_the_right_family_or_an_interface() {
    check_target(
        "source = \"eth0/1\"",
        "target \"gw\": source \"eth0/1\" is neither an IP address nor the name of an interface\n  --> \
         linewatch.toml:4:10\n  help: write an address of this computer as \"192.0.2.1\", or an interface as \"eth0\" (`ip \
         address` lists both)",
    );
    check_target(
        "source = \"0.0.0.0\"",
        "target \"gw\": source \"0.0.0.0\" is no address to send from\n  --> linewatch.toml:4:10\n  help: write an address \
         of this computer, or leave the key away",
    );
    check_target(
        "source = \"2001:db8::1\"",
        "target \"gw\": source 2001:db8::1 does not fit the address 192.0.2.1\n  --> linewatch.toml:4:10\n  help: write a \
         source of the same family, or the name of an interface",
    );
    check(
        "[[targets]]\nid = \"fra\"\naddress = \"fra.example\"\nfamily = \"6\"\nsource = \"192.0.2.1\"\n",
        "target \"fra\": source 192.0.2.1 does not fit family \"6\"\n  --> linewatch.toml:5:10\n  help: write a source of \
         the same family, or the name of an interface",
    );
    check_target(
        "dscp = 64",
        "target \"gw\": dscp 64 is not a whole number from 0 to 63\n  --> linewatch.toml:4:8\n  help: write a number from 0 to 63, without quotes",
    );
}

#[test]
fn a_timeout_beyond_its_limit_is_the_sentence_of_the_style_guide() {
    check_target(
        "timeout = \"60s\"",
        "target \"gw\": timeout 60s is longer than the limit of 30s\n  --> linewatch.toml:4:11\n  help: lower `timeout`, or probe less often (limit: 32768 probes in flight per target)",
    );
}

#[test]
fn tcp_needs_a_port_and_a_port_a_way() {
    check_target(
        "probe = \"tcp\"",
        "target \"gw\": probe \"tcp\" needs a port\n  --> linewatch.toml:4:9\n  help: add port = 443, or probe = \"icmp\" for a ping",
    );
    check_target(
        "port = 443",
        "target \"gw\": a port without a way to probe it\n  --> linewatch.toml:4:8\n  help: add probe = \"tcp\", or remove the port",
    );
    check_target(
        "port = 70000\nprobe = \"tcp\"",
        "target \"gw\": port 70000 is not a whole number from 1 to 65535\n  --> linewatch.toml:4:8\n  help: write a number from 1 to 65535, without quotes",
    );
    check(
        "[[targets]]\naddress = \"192.0.2.1:80\"\nid = \"gw\"\nprobe = \"icmp\"\n",
        "target \"gw\": address says another way to probe than probe and port do\n  --> linewatch.toml:2:11\n  help: write the host alone as address, and the way in probe and port",
    );
}

#[test]
fn udp_needs_a_port() {
    check_target(
        "probe = \"udp\"",
        "target \"gw\": probe \"udp\" needs a port\n  --> linewatch.toml:4:9\n  help: add port = 53 for a name server, or port = 7 for an echo service",
    );
}

#[test]
fn addresses_are_judged_where_they_stand() {
    check(
        "[[targets]]\nname = \"a\"\naddress = \"0x7f000001\"\n",
        "target \"a\": address \"0x7f000001\" cannot be used: `0x7f000001` is not four decimal numbers from 0 to 255\n  --> linewatch.toml:3:11\n  help: write 192.0.2.1; octal, hexadecimal and short forms mean different addresses to different systems",
    );
    check(
        "[[targets]]\nid = \"a\"\n",
        "target \"a\": address is missing\n  --> linewatch.toml:1:1\n  help: add address = \"HOST\"",
    );
    check_target(
        "family = \"6\"",
        "target \"gw\": family does not fit the address 192.0.2.1\n  --> linewatch.toml:4:10\n  help: remove `family`: an address has its own",
    );
}

#[test]
fn names_and_ids_are_unique() {
    let second = "[[targets]]\nid = \"gw\"\naddress = \"192.0.2.2\"\n";
    check(
        &format!("{GW}{second}"),
        "two targets have the id \"gw\"\n  --> linewatch.toml:5:6\n  help: the other is at linewatch.toml:2:6: change the id of one",
    );
    let named = |id: &str| format!("[[targets]]\nid = \"{id}\"\nname = \"Same\"\naddress = \"192.0.2.2\"\n");
    check(
        &format!("{}{}", named("a"), named("b")),
        "two targets have the name \"Same\"\n  --> linewatch.toml:7:8\n  help: the other is at linewatch.toml:3:8: change the name of one",
    );
    check_target(
        "behind = \"nobody\"",
        "target \"gw\": behind names no target: \"nobody\"\n  --> linewatch.toml:4:10\n  help: write the id of the target it is reached through",
    );
    check_target(
        "behind = \"gw\"",
        "target \"gw\": behind \"gw\" leads back to itself\n  --> linewatch.toml:4:10\n  help: remove `behind` from one of them",
    );
}

#[test]
fn words_are_chosen_from_the_ones_there_are() {
    check(
        "[server]\nauth = \"of\"\n",
        "server.auth \"of\" is not known\n  --> linewatch.toml:2:8\n  help: did you mean \"off\"? (one of \"password\", \"off\")",
    );
    check(
        "[server]\nlisten = \"localhost\"\n",
        "server.listen \"localhost\" is not an IP address and port\n  --> linewatch.toml:2:10\n  help: write IP:PORT, for example 127.0.0.1:5000, [::1]:5000 or 0.0.0.0:5000 for every IPv4 address",
    );
    check(
        "[storage]\nmax_size = \"1MB\"\n",
        "storage.max_size 1MB is smaller than the limit of 16MiB\n  --> linewatch.toml:2:12\n  help: write a number and its unit: \"500MB\", \"2GiB\"",
    );
    check(
        "[server]\npublic_read = \"yes\"\n",
        "server.public_read \"yes\" is neither true nor false\n  --> linewatch.toml:2:15\n  help: write true or false, without quotes",
    );
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    check(
        "[defaults]\ngrades_ms = { excellent = 200 }\n",
        "defaults.grades_ms do not rise: 200, 100, 150, 300, 500\n  --> linewatch.toml:2:13\n  help: order them excellent <= good <= fair <= poor <= critical",
    );
    check_target(
        "status = { ok = { loss = 0.2 } }",
        "target \"gw\": status.ok is looser than status.warn\n  --> linewatch.toml:4:10\n  help: every number of ok must be at most that of warn",
    );
    check(
        "[defaults]\nlatency_threshold_ms = nan\n",
        "defaults.latency_threshold_ms nan is not a number from 0 to 30000\n  --> linewatch.toml:2:24\n  help: write a number from 0 to 30000, without quotes",
    );
}

#[test]
fn too_much_is_refused_with_its_sum() {
    let many: String = (0..101)
        .map(|n| format!("[[targets]]\naddress = \"192.0.2.{n}\"\ninterval = \"1ms\"\n"))
        .collect();
    check(
        &many,
        "101 targets ask for 101,000 probes/s together, more than the limit of 100,000\n  --> linewatch.toml\n  help: raise `interval`, or split the targets over several monitors",
    );
}

#[test]
fn alerts_are_checked_although_nothing_is_sent_yet() {
    check(
        "[[alerts.rules]]\nkind = \"outage\"\nabove = 3\n",
        "alerts.rules[0].above means nothing for kind \"outage\"\n  --> linewatch.toml:1:1\n  help: leave it away; latency, loss and jitter have a limit",
    );
    check(
        "[alerts.email]\ntls = \"none\"\nuser = \"me\"\n",
        "alerts.email.tls \"none\" would send the password readable\n  --> linewatch.toml:1:1\n  help: use \"auto\", or leave user and password_file empty",
    );
    check(
        "[[alerts.webhooks]]\nurl = \"ftp://token\"\n",
        "alerts.webhooks[0].url is not an http:// or https:// address\n  --> linewatch.toml:2:7\n  help: write https://HOST/PATH, or \"\" for none",
    );
    check(
        "[alerts.email]\nfrom = \"a@b\\r\\nBcc: c@d\"\n",
        "alerts.email.from \"a@b\\r\\nBcc: c@d\" has a control character in it\n  --> linewatch.toml:2:8\n  help: write it on one line, without control or direction characters",
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let errors =
        Bench::new("[server]\nlisten = 1\nfoo = 2\n[[targets]]\nid = \"A b\"\ninterval = \"0s\"\n").errors();
    let heads: Vec<&str> = errors
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(
        heads,
        [
            "error: unknown key `server.foo`",
            "error: server.listen 1 is not a text",
            "error: targets[0]: id \"A b\" is not an id",
            "error: targets[0]: interval 0s is shorter than the limit of 1ms",
            "error: target \"target\": address is missing",
        ],
        "{errors}"
    );
}

#[test]
fn mistakes_of_syntax_have_line_and_column() {
    let errors = Bench::new("[server]\nlisten = \n").errors();
    assert!(errors.starts_with("error: not TOML: "), "{errors}");
    assert!(errors.contains("--> linewatch.toml:2:"), "{errors}");
}

#[test]
fn columns_count_characters() {
    check(
        "[server]\nvantage = \"äöü\" # ü\nallowed_hosts = [ \"ok\", \"a/b\" ]\n",
        "server.allowed_hosts \"a/b\" is no host: `a/b` is more than a host and a port\n  --> linewatch.toml:3:17\n  help: leave away what is not HOST or HOST:PORT, as a path or a user",
    );
}

#[test]
fn a_file_that_is_none_is_named_with_the_reason() {
    let mut bench = Bench::empty();
    bench.options.explicit = Some(".".into());
    let errors = bench.errors();
    assert!(errors.contains("it is a directory\n"), "{errors}");
    bench.options.explicit = Some("missing.toml".into());
    assert!(bench.errors().starts_with("error: cannot read the configuration missing.toml: no such file or directory\n  --> missing.toml\n  help: check the path: put the file there"), "{}", bench.errors());
    bench.options.explicit = Some("latin1.toml".into());
    std::fs::write(
        bench.dir.path().join("latin1.toml"),
        b"[server]\nvantage = \"B\xfcro\"\n",
    )
    .expect("write");
    assert!(
        bench.errors().contains("it is not UTF-8 text (byte 21)\n"),
        "{}",
        bench.errors()
    );
    let long = vec![b'#'; linewatch_core::limits::CONFIG_BYTES as usize + 1];
    std::fs::write(bench.dir.path().join("latin1.toml"), long).expect("write");
    assert!(
        bench.errors().contains("it is longer than 8 MiB\n"),
        "{}",
        bench.errors()
    );
}

#[test]
fn names_that_make_one_id_are_refused_because_their_order_would_choose_the_history() {
    let named = |name: &str| format!("[[targets]]\nname = \"{name}\"\naddress = \"192.0.2.1\"\n");
    check(
        &format!("{}{}", named("A"), named("a")),
        "two targets have the id \"a\": without `id` it is made of the name, here \"A\" and \"a\"\n  --> linewatch.toml:5:8\n  help: the other is at linewatch.toml:2:8: give each an `id` of its own",
    );
    check(
        &format!("{GW}{}", named("GW")),
        "two targets have the id \"gw\": without `id` it is made of the name, here \"192.0.2.1\" and \"GW\"\n  --> linewatch.toml:5:8\n  help: the other is at linewatch.toml:2:6: give each an `id` of its own",
    );
}

#[test]
fn what_the_engine_would_refuse_is_refused_where_it_stands() {
    let target = |line: &str| format!("[[targets]]\n{line}\n");
    check(
        &target("address = \"224.0.0.1\""),
        "target \"224-0-0-1\": 224.0.0.1 is a multicast address: one probe would be answered by many\n  --> linewatch.toml:2:11\n  help: write the address of one host",
    );
    check(
        &target("address = \"8.8.8.8\"\ninterval = \"1ms\""),
        "target \"8-8-8-8\": 1000/s to the public address 8.8.8.8 is above the limit of 10/s\n  --> linewatch.toml:3:12\n  help: use an `interval` of at least 100ms, or `allow_high_rate = true` in the configuration file",
    );
    let crowd: String = (1..=11)
        .map(|host| target(&format!("address = \"8.8.4.{host}\"\ninterval = \"100ms\"")))
        .collect();
    let crowd = Bench::new(&crowd).errors();
    assert!(
        crowd.contains("110/s in sum to the public network 8.8.4.0/24 is above the limit of 100/s"),
        "{crowd}"
    );
    let flood: String = (1..=11)
        .map(|host| {
            target(&format!(
                "address = \"10.0.0.{host}\"\ninterval = \"1ms\"\npayload_bytes = 1452"
            ))
        })
        .collect();
    let flood = Bench::new(&flood).errors();
    assert!(
        flood.contains("132 Mbit/s of probes in sum is above the limit of 125 Mbit/s"),
        "{flood}"
    );
    let allowed = target("address = \"8.8.8.8\"\ninterval = \"1ms\"\nallow_high_rate = true");
    assert_eq!(Bench::new(&allowed).ids(), ["8-8-8-8"]);
    let stopped = target("address = \"8.8.8.8\"\ninterval = \"1ms\"\nenabled = false");
    assert_eq!(Bench::new(&stopped).ids(), ["8-8-8-8"]);
    let both =
        Bench::new(&(target("address = \"224.0.0.1\"") + &target("address = \"255.255.255.255\""))).errors();
    assert_eq!(both.matches("error: ").count(), 2, "{both}");
}

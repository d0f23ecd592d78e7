//! Which file is taken, which layer wins, and what is there when nothing is configured.

use linewatch_core::spec::TargetSpec;
use linewatch_core::target::{Method, Origin};

use super::*;

const FILE: &str = "[[targets]]\nid = \"gw\"\nname = \"Gateway\"\naddress = \"192.0.2.1\"\ninterval = \"5s\"\n[[targets]]\nid = \"dns\"\naddress = \"192.0.2.53\"\n";

#[test]
fn the_page_wins_over_the_file_key_by_key() {
    let bench = Bench::new(FILE)
        .web("[[targets]]\nid = \"gw\"\ninterval = \"250ms\"\nenabled = false\n[web]\nlive_points = 120\n");
    let settings = bench.load().settings;
    let target = settings.target("gw").expect("still there");
    assert_eq!(target.target.plan.interval.as_millis(), 250);
    assert!(!target.target.is_enabled);
    assert_eq!(
        (target.origin("interval"), target.origin("enabled")),
        (Origin::Web, Origin::Web)
    );
    assert!(matches!(target.origin("address"), Origin::File { line: 4, .. }));
    assert_eq!(
        (settings.web.live_points, settings.origin("web.live_points")),
        (120, Origin::Web)
    );
}

#[test]
fn a_new_address_on_the_page_brings_its_own_way() {
    let file = "[[targets]]\nid = \"a\"\naddress = \"192.0.2.1\"\nprobe = \"tcp\"\nport = 443\n";
    let bench = Bench::new(file).web("[[targets]]\nid = \"a\"\naddress = \"192.0.2.2:80\"\n");
    assert_eq!(
        bench.load().settings.targets[0].target.method,
        Method::TcpConnect { port: 80 }
    );
    let bench = Bench::new(file).web("[[targets]]\nid = \"a\"\naddress = \"icmp://192.0.2.2\"\n");
    assert_eq!(bench.load().settings.targets[0].target.method, Method::IcmpEcho);
}

#[test]
fn the_page_adds_and_removes() {
    let bench = Bench::new(FILE).web(
        "[[targets]]\nid = \"dns\"\nremoved = true\n[[targets]]\nid = \"own\"\naddress = \"192.0.2.9\"\nname = \"Own\"\n",
    );
    assert_eq!(bench.ids(), ["gw", "own"]);
}

#[test]
fn changes_to_a_target_that_left_the_file_are_a_warning() {
    let bench = Bench::new(FILE).web("[[targets]]\nid = \"old\"\ninterval = \"2s\"\n");
    let loaded = bench.load();
    assert_eq!(loaded.settings.targets.len(), 2);
    let [warning] = &loaded.warnings[..] else {
        panic!("{:?}", loaded.warnings)
    };
    assert!(
        warning
            .message
            .starts_with("target \"old\" is no longer in the file"),
        "{warning}"
    );
}

#[test]
fn the_page_cannot_set_what_must_be_written_by_hand() {
    let errors = Bench::new(FILE)
        .web("[server]\nauth = \"off\"\n[storage]\ndata_dir = \"/x\"\n[[targets]]\nid = \"gw\"\nallow_high_rate = true\n")
        .errors();
    let heads: Vec<&str> = errors
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(
        heads,
        [
            "error: server.auth \"off\" cannot be set from the page",
            "error: storage.data_dir cannot be set in web.toml, which lies in the data directory itself",
            "error: target \"gw\": allow_high_rate cannot be set from the page",
        ]
    );
    assert!(errors.contains("--> data/web.toml:2:8"), "{errors}");
    let removed = Bench::new("[[targets]]\nid = \"gw\"\naddress = \"192.0.2.1\"\nremoved = true\n").errors();
    assert!(
        removed.starts_with("error: target \"gw\": unknown key `removed`"),
        "{removed}"
    );
}

#[test]
fn a_permission_of_the_file_is_for_its_own_address_and_not_for_one_typed_on_the_page() {
    let file =
        "[[targets]]\nid = \"gw\"\naddress = \"8.8.8.8\"\ninterval = \"1ms\"\nallow_high_rate = true\n";
    assert!(Bench::new(file).load().settings.targets[0].target.allow_high_rate);
    let errors = Bench::new(file)
        .web("[[targets]]\nid = \"gw\"\naddress = \"9.9.9.9\"\n")
        .errors();
    assert!(
        errors.contains("1000/s to the public address 9.9.9.9 is above the limit of 10/s"),
        "{errors}"
    );
}

#[test]
fn the_built_in_lines_are_there_only_when_nothing_else_is() {
    let all = [
        "this-computer",
        "gateway",
        "resolver-cloudflare",
        "resolver-google",
    ];
    assert_eq!(Bench::empty().built_in().ids(), all);
    assert_eq!(Bench::new(FILE).built_in().ids(), ["gw", "dns"]);
    let web = "[[targets]]\nid = \"own\"\naddress = \"192.0.2.9\"\n";
    assert_eq!(Bench::empty().built_in().web(web).ids(), ["own"]);
    let mut typed = Bench::empty().built_in();
    typed.options.targets = vec![TargetSpec::parse("Home=192.0.2.7").expect("a target")];
    assert_eq!(typed.ids(), ["home"]);
    assert!(Bench::empty().ids().is_empty());
}

#[test]
fn a_built_in_line_keeps_what_the_page_changed_about_it() {
    let web = "[[targets]]\nid = \"resolver-google\"\nenabled = false\n[[targets]]\nid = \"gateway\"\nremoved = true\n";
    let settings = Bench::empty().built_in().web(web).load().settings;
    let google = settings.target("resolver-google").expect("still there");
    assert!(!google.target.is_enabled && google.is_built_in);
    assert_eq!(
        (google.origin("address"), google.origin("enabled")),
        (Origin::BuiltIn, Origin::Web)
    );
    assert_eq!((settings.targets.len(), settings.target("gateway")), (3, None));
}

#[test]
fn a_built_in_line_added_again_is_the_persons_own() {
    let web = "[[targets]]\nid = \"resolver-google\"\nname = \"G\"\naddress = \"8.8.8.8\"\n";
    let settings = Bench::empty().built_in().web(web).load().settings;
    assert_eq!(
        (settings.targets.len(), settings.targets[0].is_built_in),
        (1, false)
    );
}

#[test]
fn without_a_gateway_there_is_no_row_and_with_ipv6_alone_its_twins() {
    let mut bench = Bench::empty();
    let gateways = Gateways {
        has_v6_route: true,
        ..Gateways::default()
    };
    bench.options.built_in = Some(BuiltIn {
        gateways,
        is_icmp_v4_permitted: true,
        is_icmp_v6_permitted: false,
    });
    let settings = bench.load().settings;
    let shown: Vec<_> = settings
        .targets
        .iter()
        .map(|it| format!("{} {}", it.target.address_text(), it.target.country))
        .collect();
    assert_eq!(
        shown,
        [
            "[::1]:53 LAN",
            "[2606:4700:4700::1111]:53 ANY",
            "[2001:4860:4860::8888]:53 ANY"
        ]
    );
    bench.options.built_in = Some(BuiltIn {
        gateways: Gateways::default(),
        is_icmp_v4_permitted: true,
        is_icmp_v6_permitted: true,
    });
    assert_eq!(
        bench.ids(),
        ["this-computer", "resolver-cloudflare", "resolver-google"]
    );
    assert_eq!(bench.load().settings.targets[1].target.name, "Resolver 1.1.1.1");
}

#[test]
fn typed_targets_stand_beside_those_of_the_file() {
    let mut bench = Bench::new(FILE);
    bench.options.targets = vec![TargetSpec::parse("tcp://192.0.2.7:80").expect("a target")];
    let settings = bench.load().settings;
    let typed = settings.targets.last().expect("three");
    assert_eq!(
        (typed.target.slug.as_str(), typed.is_command_line),
        ("192-0-2-7-80", true)
    );
    assert_eq!(typed.origin("address"), Origin::CommandLine);
}

#[test]
fn options_win_over_the_environment_and_that_over_the_file() {
    let mut bench = Bench::new("[server]\nlisten = \"127.0.0.1:1\"\n[storage]\ndata_dir = \"store\"\n");
    let here = bench.dir.path().to_owned();
    bench.options.data_dir = None;
    let loaded = bench.load();
    assert_eq!(
        (loaded.settings.server.listen.port(), loaded.data_dir),
        (1, here.join("store"))
    );
    bench.options.environment = environment(&[
        ("LINEWATCH_LISTEN", "127.0.0.1:2"),
        ("LINEWATCH_DATA_DIR", "/env"),
    ]);
    let loaded = bench.load();
    assert_eq!(
        (loaded.settings.server.listen.port(), loaded.data_dir),
        (2, "/env".into())
    );
    assert_eq!(
        loaded.settings.origin("server.listen"),
        Origin::Environment("LINEWATCH_LISTEN".into())
    );
    bench.options.listen = Some("[::1]:3".into());
    bench.options.data_dir = Some("typed".into());
    let loaded = bench.load();
    assert_eq!(
        (loaded.settings.server.listen.port(), loaded.data_dir),
        (3, here.join("typed"))
    );
    assert_eq!(loaded.settings.origin("server.listen"), Origin::CommandLine);
    bench.options.listen = Some("5000".into());
    assert!(
        bench.errors().contains("\n  --> --listen\n"),
        "{}",
        bench.errors()
    );
}

#[test]
fn the_data_directory_has_its_order() {
    let mut bench = Bench::empty();
    bench.options.data_dir = None;
    let steps = [
        // Windows has this and none of the others.
        ("LOCALAPPDATA", "/l"),
        ("HOME", "/h"),
        ("XDG_DATA_HOME", "/x"),
        ("STATE_DIRECTORY", "/state:/other"),
    ];
    let expected = [
        "/l/linewatch",
        "/h/.local/share/linewatch",
        "/x/linewatch",
        "/state",
    ];
    for (count, expected) in expected.iter().enumerate() {
        bench.options.environment = environment(&steps[..=count]);
        assert_eq!(bench.load().data_dir, PathBuf::from(expected));
    }
    bench.options.environment = environment(&[]);
    assert!(
        bench
            .errors()
            .starts_with("error: cannot choose a data directory"),
        "{}",
        bench.errors()
    );
}

#[test]
fn the_configuration_is_looked_for_in_its_order() {
    let order = search_order(&environment(&[("HOME", "/h")]), std::path::Path::new("/w"));
    let expected = [
        "/w/linewatch.toml",
        "/h/.config/linewatch/linewatch.toml",
        "/etc/linewatch/linewatch.toml",
    ];
    assert_eq!(order, expected.map(PathBuf::from));
    let mut bench = Bench::new("[server]\nvantage = \"here\"\n");
    std::fs::write(
        bench.dir.path().join("other.toml"),
        "[server]\nvantage = \"there\"\n",
    )
    .expect("write");
    assert_eq!(bench.load().settings.server.vantage, "here");
    bench.options.environment = environment(&[("LINEWATCH_CONFIG", "other.toml")]);
    assert_eq!(bench.load().settings.server.vantage, "there");
    bench.options.explicit = Some("linewatch.toml".into());
    assert_eq!(bench.load().settings.server.vantage, "here");
}

fn typed(bench: Bench, texts: &[&str]) -> Bench {
    let mut bench = bench;
    bench.options.targets = texts
        .iter()
        .map(|text| TargetSpec::parse(text).expect("a target"))
        .collect();
    bench
}

#[test]
fn a_bare_target_of_the_command_line_may_fall_back_and_a_written_method_may_not() {
    let settings = typed(Bench::empty(), &["192.0.2.1", "icmp://192.0.2.2", "192.0.2.3:80"])
        .load()
        .settings;
    let asked: Vec<_> = settings.targets.iter().map(|it| it.asked_method()).collect();
    assert_eq!(
        asked,
        [
            None,
            Some(Method::IcmpEcho),
            Some(Method::TcpConnect { port: 80 })
        ]
    );
}

#[test]
fn an_icmp_address_of_the_file_asks_for_icmp() {
    let bench = Bench::new("[[targets]]\naddress = \"icmp://192.0.2.1\"\n");
    let settings = bench.load().settings;
    assert_eq!(settings.targets[0].asked_method(), Some(Method::IcmpEcho));
    assert!(matches!(
        settings.targets[0].origin("probe"),
        Origin::File { line: 2, .. }
    ));
}

#[test]
fn the_stop_of_a_typed_target_holds_and_leaves_no_dead_entry() {
    let web = "[[targets]]\nid = \"home\"\nenabled = false\ntyped = true\n";
    let bench = typed(Bench::new(FILE).web(web), &["Home=192.0.2.7"]);
    let settings = bench.load().settings;
    let home = settings.target("home").expect("typed");
    assert!(home.is_command_line && !home.target.is_enabled);
    let later = Bench::new(FILE).web(web).load();
    assert_eq!(
        (later.settings.targets.len(), later.warnings),
        (2, Vec::new()),
        "it was not typed again"
    );
}

#[test]
fn a_typed_target_gives_way_to_the_pages_own_of_that_name() {
    let web = "[[targets]]\nid = \"home\"\naddress = \"192.0.2.9\"\n";
    let bench = typed(Bench::empty().web(web), &["Home=192.0.2.7"]);
    let settings = bench.load().settings;
    let address = |id: &str| settings.target(id).map(|it| it.target.address_text());
    assert_eq!(address("home").as_deref(), Some("192.0.2.9"));
    assert_eq!(address("home-2").as_deref(), Some("192.0.2.7"));
}

#[test]
fn switching_the_password_off_by_hand_is_taken_without_a_word() {
    let file = "[server]\nauth = \"off\"\n[[targets]]\nid = \"a\"\naddress = \"192.0.2.1\"\n";
    let warnings: Vec<String> = Bench::new(file)
        .load()
        .warnings
        .into_iter()
        .map(|it| it.message)
        .collect();
    assert!(warnings.is_empty(), "{warnings:?}");
}

//! The whole way back in one process: requests to the real page, real store and engine, over a simulated wire.
//!
//! What is asked goes in by HTTP or as a changed file; what is checked is the API's answer, `web.toml`, and, when the
//! monitor has ended, the stored events. Nothing leaves the process but loopback to its own page.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use linewatch_core::event::{EventKind, RunId};
use linewatch_core::port::{History, RowQuery};
use linewatch_probe::clock::SystemClock;
use linewatch_probe::engine::EngineOptions;
use linewatch_probe::privilege::Scheduling;
use linewatch_sim::clock::Paced;
use linewatch_sim::scenario::Scenario;
use linewatch_sim::wire::SimWire;
use linewatch_store::{StartOptions, Store};
use linewatch_web::{AccessRule, AdminFile, HubOptions, ServerOptions};
use serde_json::{Value, json};

use super::*;
use crate::config::LoadOptions;
use crate::server::Server;
use crate::spine::Ends;

mod caps;
mod settings;
mod tools;
mod troubles;

/// Everything answers after 2 ms.
const NETWORK: &str = "net rtt 2ms\ntarget any 192.0.2.1 icmp every 1s timeout 1s\n";
/// Two targets in the operator's file.
const FILE: &str = "\
[defaults]
interval = \"50ms\"
timeout = \"500ms\"
[[targets]]
id = \"gw\"
address = \"192.168.1.1\"
[[targets]]
id = \"web\"
address = \"tcp://192.168.1.2:443\"
";
/// The monitor evaluates once a second; a target that is not live after this never will be.
const PATIENCE: Duration = Duration::from_secs(20);

/// A monitor that runs.
struct Rig {
    dir: tempfile::TempDir,
    page: SocketAddr,
    inputs: mpsc::Sender<Input>,
    control: JoinHandle<(Commanded<SystemClock>, &'static str)>,
    monitor: JoinHandle<()>,
    server: Server,
    history: Arc<dyn History>,
    store: StoreHandle,
    clock: SystemClock,
}

impl Rig {
    fn start(is_icmp_permitted: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("linewatch.toml"), FILE).expect("the file");
        let options = LoadOptions {
            explicit: Some(dir.path().join("linewatch.toml")),
            cwd: dir.path().to_owned(),
            data_dir: Some(dir.path().to_owned()),
            ..LoadOptions::default()
        };
        let loaded = config::load(&options).expect("a configuration");
        let clock = SystemClock::start();
        let opened = Store::open(dir.path(), "test", clock.wall()).expect("a store");
        let (store, reader) = opened
            .store
            .start(StartOptions {
                queue: 1000,
                flush_interval: Duration::from_millis(10),
                clock: Arc::new(clock),
            })
            .expect("its thread");
        let hub = Hub::new(HubOptions {
            epoch: "e".to_owned(),
            run: RunId(1),
            started_at: clock.wall(),
        });
        let tally = Tally::default();
        let (inputs, heard) = mpsc::channel();
        let ends = Ends {
            clock,
            run: RunId(1),
            store: store.clone(),
            hub: hub.clone(),
            tally: tally.clone(),
            on_outage: {
                let inputs = inputs.clone();
                Box::new(move |id| drop(inputs.send(Input::Outage(id))))
            },
            policy: crate::alerting::policy(&loaded.settings.alerts),
            left: crate::alerting::delivery::left(&store),
        };
        let way = crate::alerting::delivery::way(None, &store, Arc::default());
        let (spine, batches, monitor) = Spine::start(ends, way).expect("the spine");
        let network = Scenario::parse(NETWORK).expect("a story").network(false);
        let options_of_engine = EngineOptions {
            key: linewatch_probe::engine::random_cookie_key().expect("random numbers"),
            seed: 1,
            costs: Costs::default(),
            setup: Box::new(|| Scheduling {
                is_realtime: false,
                text: String::new(),
            }),
        };
        let wire = SimWire::open(&network, Paced::new(clock, 1.0));
        let engine = Engine::start(wire, clock, options_of_engine, batches).expect("the engine");
        let history: Arc<dyn History> = Arc::new(reader);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let page = listener.local_addr().expect("its address");
        let serving = ServerOptions {
            listeners: vec![listener],
            base_path: "/".to_owned(),
            allowed_hosts: Vec::new(),
            rule: AccessRule {
                is_off: false,
                is_public_read: true,
                is_proxied: false,
            },
            admin: AdminFile::in_dir(&loaded.data_dir),
            tls: None,
            web_dir: None,
            language: "auto".to_owned(),
        };
        let server =
            Server::start(serving, &hub, Arc::clone(&history), clock, inputs.clone()).expect("the page");
        let icmp = if is_icmp_permitted {
            Ok(())
        } else {
            Err("not permitted".to_owned())
        };
        let start = Start {
            abilities: Abilities {
                icmp_v4: icmp.clone(),
                icmp_v6: icmp,
                icmp_v4_text: String::new(),
                icmp_v6_text: String::new(),
                costs: Costs::default(),
            },
            reload: reload_with(options, &loaded),
            loaded,
            status: StatusInfo::default(),
            notices: vec![notice::loopback_only("here", page.port())],
            storage_trouble: Vec::new(),
        };
        let commanded = Commanded {
            clock,
            engine,
            spine,
            store: store.clone(),
            hub,
            tally,
            resolver: None,
            notify: None,
            rrd: None,
            evidence: None,
            knocker: None,
            manager: Arc::default(),
        };
        let control = std::thread::spawn(move || Control::new(commanded, start).run(&heard, false));
        let rig = Self {
            dir,
            page,
            inputs,
            control,
            monitor,
            server,
            history,
            store,
            clock,
        };
        rig.wait_for_control();
        rig
    }

    /// Inputs are taken in order: when this one is answered, those before have been.
    fn wait_for_control(&self) {
        assert_eq!(self.ask("POST targets/no-such/stop", "", None).0, 404);
    }

    /// Status, ETag and body of one request.
    fn ask(&self, request: &str, more: &str, body: Option<&Value>) -> (u16, Option<String>, Value) {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(self.page).expect("the page");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let (method, path) = request.split_once(' ').expect("METHOD PATH");
        write!(
            stream,
            "{method} /api/v1/{path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{more}content-type: \
             application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.page,
            body.len()
        )
        .expect("send");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head[9..12].parse().expect("a status");
        let etag = head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .map(str::to_owned);
        let json = serde_json::from_str(body).unwrap_or(Value::Null);
        (status, etag, json)
    }

    #[track_caller]
    fn change(&self, request: &str, body: Value) -> Value {
        let (status, _, json) = self.ask(request, "", Some(&body));
        assert!((200..300).contains(&status), "{request}: {status} {json}");
        json
    }

    fn overview(&self) -> Value {
        self.ask("GET overview", "", None).2
    }

    /// The ids on the page, sorted.
    fn ids(&self) -> Vec<String> {
        let overview = self.overview();
        let rows = overview["targets"].as_array().expect("rows");
        let mut ids: Vec<_> = rows
            .iter()
            .map(|row| row["id"].as_str().expect("an id").to_owned())
            .collect();
        ids.sort();
        ids
    }

    /// Asks until the target is in this state.
    #[track_caller]
    fn wait_for(&self, id: &str, state: &str) {
        let until = self.clock.mono().plus(PATIENCE);
        loop {
            let (_, _, json) = self.ask(&format!("GET targets/{id}"), "", None);
            if json["overview"]["state"] == state {
                return;
            }
            assert!(
                self.clock.mono() < until,
                "{id} is not {state}: {}",
                json["overview"]
            );
        }
    }

    /// Waits until the target has this many more finished probes.
    fn wait_for_probes(&self, id: &str, more: u64) {
        let sent = || {
            let (_, _, json) = self.ask(&format!("GET targets/{id}"), "", None);
            json["detail"]["totals"]["replied"].as_u64().unwrap_or(0)
        };
        let until = (sent() + more, self.clock.mono().plus(PATIENCE));
        while sent() < until.0 {
            assert!(self.clock.mono() < until.1, "{id} is not probed");
        }
    }

    /// Another text in the operator's file, taken over or refused when this returns.
    fn rewrite(&self, text: &str) {
        std::fs::write(self.dir.path().join("linewatch.toml"), text).expect("the file");
        self.inputs.send(Input::FileChanged).expect("control listens");
        self.wait_for_control();
    }

    fn notices(&self) -> Vec<(String, String)> {
        let overview = self.overview();
        let text = |notice: &Value, key: &str| notice[key].as_str().expect("text").to_owned();
        let notices = overview["notices"].as_array().expect("notices");
        notices
            .iter()
            .map(|notice| (text(notice, "code"), text(notice, "text")))
            .collect()
    }

    fn web_toml(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("web.toml")).unwrap_or_default()
    }

    /// Ends everything in order and gives the events of targets, oldest first.
    fn end(self) -> Vec<(EventKind, String)> {
        self.inputs
            .send(Input::Order(Order::Stop("the test")))
            .expect("control listens");
        let (to, _) = self.control.join().expect("no panic");
        to.engine.stop(Duration::from_secs(1));
        to.spine.say(Word::Finish, &to.clock);
        self.monitor.join().expect("no panic");
        to.store.flush().expect("written");
        let query = RowQuery {
            targets: None,
            kind: None,
            severity: None,
            level: None,
            from: None,
            to: None,
            before: None,
            limit: 100,
        };
        let events = self.history.events(&query).expect("events");
        self.server.stop();
        to.store.stop("test over").expect("closed");
        events
            .into_iter()
            .rev()
            .map(|event| (event.kind, event.message))
            .collect()
    }
}

#[test]
fn a_line_is_added_changed_stopped_started_and_removed() {
    let rig = Rig::start(true);
    rig.wait_for("gw", "ok");
    let added = rig.change("POST targets", json!({"address": "192.168.1.9", "name": "New"}));
    assert_eq!(added["target"]["id"], "new");
    assert_eq!(added["target"]["origins"]["address"], "changed here");
    rig.wait_for("new", "ok");
    let changed = rig.change("PATCH targets/new", json!({"interval": "80ms"}));
    assert_eq!(changed["target"]["interval"], "80ms");
    assert_eq!(
        changed["target"]["key"], added["target"]["key"],
        "the same series"
    );
    assert!(
        rig.web_toml().contains("interval = \"80ms\""),
        "{}",
        rig.web_toml()
    );
    rig.change("POST targets/new/stop", json!({}));
    rig.wait_for("new", "paused");
    rig.change("POST targets/new/start", json!({}));
    rig.wait_for("new", "ok");
    rig.change("DELETE targets/new", json!({}));
    assert_eq!(rig.ids(), ["gw", "web"]);
    assert!(!rig.web_toml().contains("id = \"new\""), "{}", rig.web_toml());
    let told: Vec<_> = rig
        .end()
        .into_iter()
        .filter(|(kind, _)| {
            matches!(
                kind,
                EventKind::TargetAdded | EventKind::TargetChanged | EventKind::TargetRemoved
            )
        })
        .map(|(_, message)| message)
        .collect();
    assert_eq!(
        told,
        [
            "added: 192.168.1.9 every 50ms",
            "settings changed",
            "stopped: it is not probed until it is started again",
            "started",
            "removed: New; its history stays",
        ]
    );
}

#[test]
fn a_line_of_the_file_keeps_its_origins_and_a_changed_value_says_so() {
    let rig = Rig::start(true);
    let changed = rig.change("PATCH targets/gw", json!({"interval": "100ms"}));
    assert_eq!(changed["target"]["origins"]["interval"], "changed here");
    assert_eq!(changed["target"]["origins"]["address"], "linewatch.toml, line 6");
    // A comment above moves every line: the page shows the new place, and nothing else happens.
    let version = rig.ask("GET targets/gw", "", None).1;
    rig.rewrite(&format!("# moved\n{FILE}"));
    let (_, etag, moved) = rig.ask("GET targets/gw", "", None);
    assert_eq!(moved["target"]["origins"]["address"], "linewatch.toml, line 7");
    assert_eq!(etag, version);
    let events = rig.end();
    let changes = events
        .iter()
        .filter(|(kind, _)| *kind == EventKind::TargetChanged);
    assert_eq!(changes.count(), 1, "{events:?}");
}

#[test]
fn a_bad_file_changes_nothing_and_is_shown_until_it_is_mended() {
    let rig = Rig::start(true);
    assert_eq!(rig.notices().len(), 1);
    rig.rewrite("[[targets]]\nid = \"gw\"\nadress = \"192.168.1.1\"\n");
    assert_eq!(rig.ids(), ["gw", "web"], "the old settings stay");
    let notices = rig.notices();
    assert_eq!(
        (notices.len(), notices[1].0.as_str()),
        (2, "config_not_reloaded"),
        "{notices:?}"
    );
    assert!(notices[1].1.contains("linewatch.toml:3:1"), "{notices:?}");
    assert!(notices[1].1.contains("adress"), "{notices:?}");
    rig.wait_for("gw", "ok");
    rig.rewrite(&FILE.replace("192.168.1.2", "192.168.1.3"));
    assert_eq!(rig.notices().len(), 1, "mended");
    let (_, _, web) = rig.ask("GET targets/web", "", None);
    assert_eq!(web["target"]["address"], "192.168.1.3:443");
    let events = rig.end();
    let told = "now probes 192.168.1.3:443: a new series, the old one is kept";
    assert!(
        events.contains(&(EventKind::TargetChanged, told.to_owned())),
        "{events:?}"
    );
}

#[test]
fn who_changes_what_somebody_else_has_changed_is_told() {
    let rig = Rig::start(true);
    let (_, etag, _) = rig.ask("GET targets/gw", "", None);
    let if_match = format!("if-match: {}\r\n", etag.expect("a version"));
    let patch = json!({"interval": "100ms"});
    assert_eq!(rig.ask("PATCH targets/gw", &if_match, Some(&patch)).0, 200);
    let late = json!({"interval": "200ms"});
    let (status, _, refusal) = rig.ask("PATCH targets/gw", &if_match, Some(&late));
    assert_eq!(
        (status, refusal["error"]["code"].as_str()),
        (409, Some("conflict")),
        "{refusal}"
    );
    assert!(rig.web_toml().contains("100ms") && !rig.web_toml().contains("200ms"));
    let (status, _, refusal) = rig.ask("PATCH targets/gw", "", Some(&json!({"interval": "0s"})));
    assert_eq!(
        (status, refusal["error"]["field"].as_str()),
        (422, Some("interval")),
        "{refusal}"
    );
    drop(rig.end());
}

#[test]
fn without_permission_the_series_of_the_fallback_is_explained_and_an_asked_method_fails() {
    let rig = Rig::start(false);
    rig.wait_for("gw", "ok");
    let (_, _, gw) = rig.ask("GET targets/gw", "", None);
    assert_eq!(gw["target"]["probe"], "tcp");
    let added = rig.change("POST targets", json!({"address": "192.168.1.9", "id": "new"}));
    assert_eq!(added["notes"][0]["code"], "tcp_instead");
    // Now ICMP is asked for by name: no fallback, and no second guess.
    let asked = rig.change("PATCH targets/new", json!({"probe": "icmp"}));
    assert_eq!(asked["notes"][0]["code"], "not_probed");
    rig.wait_for("new", "error");
    let told = rig.end();
    let fallbacks = told.iter().filter(|(_, message)| {
        message.starts_with("measured by TCP handshakes with port 443 because ICMP is not permitted")
    });
    assert_eq!(fallbacks.count(), 2, "{told:?}");
    assert!(
        told.iter()
            .any(|(_, message)| message.starts_with("now measured by ICMP: a series of its own")),
        "{told:?}"
    );
}

//! What goes wrong beside a line: its name, its store, the engine's refusal, the power. The page never lies about it.

use linewatch_core::port::SampleQuery;
use linewatch_core::target::Family;
use linewatch_core::time::WallTime;
use linewatch_core::view::State;
use linewatch_probe::engine::EngineReport;
use linewatch_probe::resolve::{Answer, Found, Said};

use super::*;

/// Beside two of 20/s each, a line with a name that the resolver is still asked for.
const NAMED: &str = "[[targets]]\nid = \"named\"\naddress = \"named.example\"\ninterval = \"1s\"\n";

fn with_a_name() -> Rig {
    let rig = Rig::start(true);
    rig.rewrite(&format!("{FILE}{NAMED}"));
    rig.wait_for("named", State::Error.word());
    rig
}

impl Rig {
    /// The resolver's answer to a question of the target `named`.
    fn resolve(&self, address: [u8; 4]) {
        let answer = Answer {
            asker: "named".to_owned(),
            name: "named.example".to_owned(),
            family: Family::Auto,
            result: Ok(Found {
                addresses: vec![std::net::IpAddr::from(address).into()],
                valid_for: Duration::from_secs(3600),
                is_complete: true,
            }),
        };
        self.inputs
            .send(Input::Resolver(Said::Answer(answer)))
            .expect("control listens");
        self.wait_for_control();
    }

    /// Gives what the engine did, and the data as a power cut at the end would have left it.
    fn cut(self) -> (EngineReport, tempfile::TempDir) {
        self.inputs
            .send(Input::Order(Order::Stop("the test")))
            .expect("control listens");
        let (to, _) = self.control.join().expect("no panic");
        let report = to.engine.report();
        to.engine.stop(Duration::ZERO);
        to.spine.say(Word::Finish, &to.clock);
        self.monitor.join().expect("no panic");
        to.store.flush().expect("written");
        let image = tempfile::tempdir().expect("a directory");
        for file in ["linewatch.db", "linewatch.db-wal"] {
            std::fs::copy(self.dir.path().join(file), image.path().join(file)).expect("a copy");
        }
        self.server.stop();
        to.store.stop("test over").expect("closed");
        (report, image)
    }
}

#[test]
fn a_stop_while_the_name_is_looked_up_is_a_stop() {
    let rig = with_a_name();
    rig.change("POST targets/named/stop", json!({}));
    rig.resolve([192, 168, 1, 7]);
    rig.wait_for("named", "paused");
    let (report, _) = rig.cut();
    assert_eq!(report.asked_per_s, 40.0, "the engine has the other two only");
}

#[test]
fn a_plan_the_engine_refuses_is_not_followed_behind_the_pages_back() {
    let rig = with_a_name();
    // Public, so that more than 10/s are refused; the wire is simulated.
    rig.resolve([8, 8, 8, 8]);
    rig.wait_for("named", "ok");
    rig.change("PATCH targets/named", json!({"interval": "50ms"}));
    rig.wait_for("named", "error");
    let key = rig.ask("GET targets/named", "", None).2["target"]["key"].as_u64();
    let key = TargetId(key.expect("a key") as u32);
    let newest = |rig: &Rig| {
        let query = SampleQuery {
            target: key,
            from: WallTime::from_nanos(0),
            to: rig.clock.wall(),
            limit: 1000,
        };
        rig.history.samples(query).expect("samples").len()
    };
    // Its pause begins with the refusal; what was in flight is decided within the time-out. The others go on meanwhile.
    rig.wait_for_probes("gw", 20);
    let then = newest(&rig);
    rig.wait_for_probes("gw", 40);
    assert_eq!(newest(&rig), then, "probes left while the page showed an error");
    rig.change("PATCH targets/named", json!({"interval": "500ms"}));
    rig.wait_for("named", "ok");
    drop(rig.end());
}

#[test]
fn after_a_power_cut_a_line_with_a_name_has_its_gap_too() {
    let rig = with_a_name();
    rig.resolve([192, 168, 1, 7]);
    rig.wait_for("named", "ok");
    let key = rig.ask("GET targets/named", "", None).2["target"]["key"].as_u64();
    let clock = rig.clock;
    let (_, dir) = rig.cut();
    let opened = Store::open(dir.path(), "test", clock.wall()).expect("the store again");
    assert!(opened.interrupted.is_some());
    let options = StartOptions {
        queue: 10,
        flush_interval: Duration::from_millis(10),
        clock: Arc::new(clock),
    };
    let (store, reader) = opened.store.start(options).expect("its thread");
    store.flush().expect("written");
    let query = SampleQuery {
        target: TargetId(key.expect("a key") as u32),
        from: WallTime::from_nanos(0),
        to: WallTime::from_nanos(i64::MAX),
        limit: 10,
    };
    let gaps = reader.gaps(query).expect("gaps");
    let crashed = gaps
        .iter()
        .filter(|gap| gap.kind == linewatch_core::record::GapKind::Crashed);
    assert_eq!(crashed.count(), 1, "{gaps:?}");
    store.stop("test over").expect("closed");
}

#[test]
fn a_line_the_store_has_no_number_for_is_shown_with_the_reason() {
    let rig = Rig::start(true);
    rig.store.stop("as a full disk would").expect("closed");
    rig.change("POST targets", json!({"address": "192.168.1.9", "id": "new"}));
    assert_eq!(rig.ids(), ["gw", "new", "web"]);
    rig.wait_for("new", "error");
    let (_, _, new) = rig.ask("GET targets/new", "", None);
    let told = new["overview"]["error"]["text"].as_str().unwrap_or_default();
    assert!(
        told.starts_with("not measured yet: ") && told.ends_with("tried again every second"),
        "{new}"
    );
    rig.change("DELETE targets/new", json!({}));
    assert_eq!(rig.ids(), ["gw", "web"]);
}

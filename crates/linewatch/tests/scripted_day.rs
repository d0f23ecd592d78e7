//! A simulated day with one outage, one suspension, one step of the clock and one restart: the stored series and the
//! picture show exactly those.
//!
//! The real engine measures a simulated network, the real monitor folds, the real store writes; only time is not real.
//! The pictures land in the target directory's `tmp/scripted-day`, to be looked at.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch::exit::{Exit, UserError};
use linewatch_core::limits;
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::port::{Clock, History, SampleQuery, SeriesQuery};
use linewatch_core::record::{GapKind, Outcome, RecordBatch};
use linewatch_core::target::{EgressIndex, Target};
use linewatch_core::time::{MonoTime, WallTime};
use linewatch_probe::shard::{Command, EngineTarget, Shard};
use linewatch_render::graph::{self, GraphInput, GraphPeriod, GraphStyle, GraphSubject, Theme, ValueAxis};
use linewatch_render::message::Language;
use linewatch_sim::clock::SimClock;
use linewatch_sim::network::SimNetwork;
use linewatch_sim::scenario::{Scenario, address_of};
use linewatch_sim::wire::SimWire;
use linewatch_store::{Reader, SeriesKey, StartOptions, Store, StoreHandle, StoreMessage};

/// Instants are of a clock that stands while the computer sleeps: what follows the suspension is 25 minutes later on
/// the calendar, and what follows the step 10 more.
const DAY: &str = "
target gw 192.0.2.1 icmp every 1s timeout 2s
net    rtt 20ms +-4ms bell loss 0.05%
at 5h        every 8h net rtt 27ms +-9ms tail loss 1% for 2h
at 3h        suspend 25m
at 8h        net down for 41s
at 12h       clock step +10m
run    23h
";
/// The program ends here, and begins again so much later.
const RESTART: (Duration, Duration) = (Duration::from_secs(18 * 3600), Duration::from_secs(180));
/// 2025-11-21T00:00:00Z: in the past on every computer that runs this, because the commands know the real present.
const BEGIN: WallTime = WallTime::from_nanos(1_763_683_200_000_000_000);
/// Simulated time between two commits.
const FLUSH: Duration = Duration::from_secs(300);

fn at(seconds: u64) -> WallTime {
    BEGIN.plus(Duration::from_secs(seconds))
}

/// One start of the program.
struct Program {
    shard: Shard<SimWire<SimClock>, SimClock>,
    monitor: Monitor,
    store: StoreHandle,
    clock: SimClock,
}

impl Program {
    fn start(dir: &Path, target: &Target, network: &SimNetwork, clock: &SimClock) -> Self {
        let mut opened = Store::open(dir, "simulation", clock.wall()).expect("the store opens");
        let key = SeriesKey {
            slug: target.slug.clone(),
            address: "192.0.2.1".to_owned(),
            method: "icmp".to_owned(),
            port: None,
        };
        let id = opened
            .store
            .register(&key, &target.name, clock.wall())
            .expect("a series");
        let target = Target { id, ..target.clone() };
        let options = StartOptions {
            queue: limits::STORE_QUEUE,
            flush_interval: Duration::from_secs(1),
            clock: Arc::new(clock.clone()),
        };
        let (store, _reader) = opened.store.start(options).expect("a thread");
        assert!(store.try_send(StoreMessage::Active(vec![(id, target.plan)])));
        let wire = SimWire::open(network, clock.clone());
        let mut shard = Shard::new(
            wire,
            clock.clone(),
            CookieKey::new([opened.run.0 as u8; 16]),
            opened.run.0,
        );
        shard.apply(Command::Set(EngineTarget {
            id,
            address: address_of(&target).expect("a literal"),
            method: target.method,
            plan: target.plan,
            allow_high_rate: false,
            egress: EgressIndex::default(),
            slots: None,
        }));
        let mut monitor = Monitor::new(opened.run, clock.anchor());
        let mut effects = Vec::new();
        monitor.set_target(&target, clock.mono(), &mut effects);
        let program = Self {
            shard,
            monitor,
            store,
            clock: clock.clone(),
        };
        program.hand_on(effects);
        program
    }

    fn run_until(&mut self, network: &SimNetwork, end: MonoTime) {
        let mut flush_at = self.clock.mono().plus(FLUSH);
        while self.clock.mono() < end {
            let next = self.clock.mono().plus(limits::EVALUATE_EVERY).min(end);
            network.hold_at(next);
            while self.clock.mono() < next {
                let mut batches = Vec::new();
                self.shard.turn(&mut |batch| {
                    batches.push(batch);
                    None
                });
                self.fold(batches);
            }
            let mut effects = Vec::new();
            self.monitor.tick(self.clock.anchor(), &mut effects);
            self.hand_on(effects);
            if self.clock.mono() >= flush_at {
                self.store.flush().expect("committed");
                flush_at = self.clock.mono().plus(FLUSH);
            }
        }
    }

    fn fold(&mut self, batches: Vec<RecordBatch>) {
        for batch in batches {
            let mut effects = Vec::new();
            self.monitor.ingest(&batch, &mut effects);
            assert!(
                self.store.try_send(StoreMessage::Batch(Arc::new(batch))),
                "the queue has room"
            );
            self.hand_on(effects);
        }
    }

    fn hand_on(&self, effects: Vec<Effect>) {
        for effect in effects {
            let is_sent = match effect {
                Effect::Views(_) | Effect::Break(_) => true,
                Effect::Event(event) => self.store.try_send(StoreMessage::Event(event)),
                Effect::Outage(row) => self.store.try_send(StoreMessage::Outage(row)),
            };
            assert!(is_sent, "the queue has room");
        }
    }

    fn stop(mut self, network: &SimNetwork) {
        self.shard.stop_sending();
        while !self.shard.is_settled() {
            let next = self.clock.mono().plus(limits::EVALUATE_EVERY);
            self.run_until(network, next);
        }
        let mut batches = Vec::new();
        self.shard.finish(&mut |batch| {
            batches.push(batch);
            None
        });
        self.fold(batches);
        let mut effects = Vec::new();
        self.monitor.finish(self.clock.anchor(), &mut effects);
        self.hand_on(effects);
        self.store.stop("test").expect("stopped in order");
    }
}

/// Plays the day into `dir`; the target, and the calendar at its end.
fn play(dir: &Path) -> (Target, WallTime) {
    let story = Scenario::parse(DAY).unwrap_or_else(|error| panic!("{error}"));
    let (network, clock) = (story.network(false), SimClock::new(BEGIN, story.clock.clone()));
    let target = story.first_targets().pop().expect("one target");
    let mut program = Program::start(dir, &target, &network, &clock);
    program.run_until(&network, MonoTime::ZERO.plus(RESTART.0));
    program.stop(&network);
    clock.advance_to(MonoTime::ZERO.plus(RESTART.0 + RESTART.1));
    let mut program = Program::start(dir, &target, &network, &clock);
    program.run_until(&network, MonoTime::ZERO.plus(story.length));
    program.stop(&network);
    (target, clock.wall())
}

fn near(found: WallTime, expected: WallTime, what: &str) {
    let apart_ms = found.nanos_after(expected).abs() / 1_000_000;
    assert!(apart_ms <= 2_500, "{what}: {apart_ms} ms from where it was");
}

fn ask(reader: &Reader, target: &Target, now: WallTime) -> GraphInput {
    let series: Vec<_> = reader
        .targets()
        .expect("targets")
        .iter()
        .map(|target| target.id)
        .collect();
    let period = GraphPeriod {
        from: now.minus(Duration::from_secs(24 * 3600)),
        to: now,
        now,
        zone: TimeZone::posix("WIB-7").expect("a zone"),
    };
    let mut subject = GraphSubject::of_target(target, None, "simulation", Language::English);
    "Tokyo gateway".clone_into(&mut subject.name);
    graph::ask(reader, &series, subject, &period, &style(Theme::Light)).expect("an answer")
}

fn style(theme: Theme) -> GraphStyle {
    GraphStyle::new(1200, 400, 1, theme, ValueAxis::Linear).expect("a legal size")
}

#[test]
fn a_scripted_day_shows_exactly_what_happened() {
    let dir = tempfile::tempdir().expect("a directory");
    let (target, now) = play(dir.path());
    let reader = Reader::open(dir.path()).expect("the database");
    let input = ask(&reader, &target, now);

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scripted-day");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, theme) in [("light", Theme::Light), ("dark", Theme::Dark)] {
        let png = graph::png(&input, &style(theme)).expect("a picture");
        std::fs::write(folder.join(format!("{name}.png")), png).expect("written");
        std::fs::write(
            folder.join(format!("{name}.svg")),
            graph::svg(&input, &style(theme)),
        )
        .expect("written");
    }

    let kinds: Vec<_> = input.gaps.iter().map(|gap| gap.kind).collect();
    assert_eq!(
        kinds,
        [GapKind::Suspended, GapKind::ClockStepped, GapKind::Stopped]
    );
    let hour = 3600;
    let spans = [
        (3 * hour, 3 * hour + 1500),
        (12 * hour + 1500, 12 * hour + 1500 + 600),
        (18 * hour + 2100, 18 * hour + 2100 + 180),
    ];
    for (gap, (from, to)) in input.gaps.iter().zip(spans) {
        near(gap.from, at(from), "begin of a gap");
        near(gap.to, at(to), "end of a gap");
    }
    assert_eq!(input.outages.len(), 1, "{:?}", input.outages);
    near(input.outages[0].from, at(8 * hour + 1500), "begin of the outage");
    near(
        input.outages[0].to.expect("it ended"),
        at(8 * hour + 1541),
        "end of the outage",
    );

    everything_is_counted_once(&reader, &input);
    let down_s = 41.0;
    let measured_s = input.totals.measured.as_secs_f64();
    assert!(
        (measured_s - (23.0 * 3600.0 - 180.0)).abs() < 10.0,
        "measured {measured_s} s"
    );
    let availability = f64::from(input.totals.availability_ppm.expect("measured")) / 1e6;
    assert!(
        (1.0 - availability - down_s / measured_s).abs() < 2e-5,
        "{availability}"
    );

    let svg = graph::svg(&input, &style(Theme::Dark));
    for words in [
        "suspended 25 m",
        "clock stepped 10 m",
        "stopped 3 m",
        "down 41 s",
        "5 min buckets",
        "not measured",
    ] {
        assert!(svg.contains(words), "{words}");
    }
}

/// Runs `linewatch graph LINE` on this data; how it ended, or the error and what it ends with.
fn command(dir: &Path, line: &str) -> Result<Exit, (Exit, String)> {
    let config = dir.join("linewatch.toml");
    std::fs::write(&config, "").expect("written");
    let mut args: Vec<OsString> = ["linewatch", "graph", "--config"].map(OsString::from).to_vec();
    args.extend([config.into(), "--data-dir".into(), dir.into()]);
    args.extend(line.split(' ').map(OsString::from));
    linewatch::cli::run(args).map_err(|error| {
        let error = error.downcast::<UserError>().expect("a person's to mend");
        (error.exit, error.to_string())
    })
}

#[test]
fn the_command_draws_what_is_stored_and_says_what_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    play(dir.path());
    let out = |name: &str| dir.path().join(name);
    let day = "--from 2025-11-21 --to 2025-11-21 --tz +00:00";
    let drawn = command(
        dir.path(),
        &format!("gw {day} --size 800x300 --out {}", out("day.png").display()),
    );
    assert_eq!(drawn, Ok(Exit::Ok));
    let png = std::fs::read(out("day.png")).expect("a file");
    assert_eq!(
        (&png[..4], &png[16..24]),
        (&b"\x89PNG"[..], &[0, 0, 3, 32, 0, 0, 1, 44][..])
    );
    let drawn = command(
        dir.path(),
        &format!("gw {day} --title Line<1> --out {}", out("day.svg").display()),
    );
    assert_eq!(drawn, Ok(Exit::Ok));
    let svg = std::fs::read_to_string(out("day.svg")).expect("a file");
    assert!(
        svg.contains("Line&lt;1&gt;") && svg.contains("suspended 25 m"),
        "{svg}"
    );

    for (line, exit, words) in [
        ("gv", Exit::Usage, "did you mean \"gw\"?\n        there is: gw"),
        (
            "gw --from 2025-01-01 --to 2025-01-02",
            Exit::Failed,
            "something from 2025-11-21",
        ),
        ("gw --size 10x10", Exit::Usage, "the width must be 320-4000"),
        ("gw --size 1200", Exit::Usage, "give whole pixels like 1200x400"),
        ("gw --tz Mars/Olympus", Exit::Usage, "there is no such zone"),
        ("gw --out picture.gif", Exit::Usage, "let it end in .png or .svg"),
    ] {
        let (found, text) = command(
            dir.path(),
            &format!("{line} --tz UTC").replace("Olympus --tz UTC", "Olympus"),
        )
        .expect_err(line);
        assert!(found == exit && text.contains(words), "{line}: {found:?} {text}");
    }
    let empty = tempfile::tempdir().expect("a directory");
    let (exit, text) = command(empty.path(), "gw").expect_err("no database");
    assert!(
        exit == Exit::Failed && text.contains("nothing has been stored there yet"),
        "{text}"
    );
}

/// The picture's totals are those of the single stored probes of its period, and so are the series'.
fn everything_is_counted_once(reader: &Reader, input: &GraphInput) {
    let (mut sent, mut lost) = (0, 0);
    for target in reader.targets().expect("targets") {
        let samples = reader.samples(SampleQuery {
            target: target.id,
            from: input.from,
            to: input.to,
            limit: 200_000,
        });
        for sample in samples
            .expect("samples")
            .iter()
            .filter(|sample| sample.stray.is_none())
        {
            let is_lost = matches!(sample.outcome, Outcome::Lost | Outcome::Unreachable);
            lost += u64::from(is_lost);
            sent += u64::from(is_lost || matches!(sample.outcome, Outcome::Reply | Outcome::Refused));
        }
        for points in [24, 300, 2000] {
            let series = reader.series(SeriesQuery {
                target: target.id,
                from: input.from,
                to: input.to,
                points,
            });
            let series = series.expect("a series");
            let count = |gap: GapKind| series.gaps.iter().filter(|found| found.kind == gap).count();
            assert_eq!(
                [GapKind::Suspended, GapKind::ClockStepped, GapKind::Stopped].map(count),
                [1, 1, 1],
                "{points} points"
            );
            assert_eq!(series.gaps.len(), 3, "{points} points: {:?}", series.gaps);
        }
    }
    assert_eq!((input.totals.sent, input.totals.lost), (sent, lost));
    assert!(lost > 41 && sent > 82_000, "{lost} of {sent}");
}

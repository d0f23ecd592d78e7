//! Names and ways of leaving: what is on the wire, and that a dead name server disturbs nobody.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_core::caps::Costs;
use linewatch_core::port::Clock as _;
use linewatch_core::record::{Outcome, RecordBatch};
use linewatch_core::target::{Egress, EgressIndex, Family, Method, ProbePlan, TargetId};
use linewatch_e2e::binary;
use linewatch_e2e::namespace;
use linewatch_e2e::packet::{Answer, Packet};
use linewatch_e2e::responder::{DEVICE, Responder};
use linewatch_e2e::serving::Serving;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::engine::{Engine, EngineOptions, EngineTarget, random_cookie_key};
use linewatch_probe::privilege::Scheduling;
use linewatch_probe::resolve::Resolver;
use linewatch_probe::route;
use linewatch_probe::sys::{IcmpMode, LinuxWire, WireOptions};
use nix::sched::{CloneFlags, unshare};

use crate::rig::{FAR_V4, FAR_V6, Rig, ms};

/// Expedited forwarding (RFC 3246).
const DSCP: u8 = 46;

/// Source address and DSCP of every request on the line.
type Seen = Arc<Mutex<Vec<(IpAddr, u8)>>>;

fn dscp_of(packet: &Packet) -> u8 {
    let [first, second] = [packet.bytes[0], packet.bytes[1]];
    let octet = if first >> 4 == 4 {
        second
    } else {
        first << 4 | second >> 4
    };
    octet >> 2
}

/// A line that answers everything and notes how it came.
fn watched_line() -> anyhow::Result<(Responder, Seen)> {
    let seen = Seen::default();
    let theirs = Arc::clone(&seen);
    let line = Responder::start(move |_, packet| {
        let mut seen = theirs.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push((packet.from, dscp_of(packet)));
        vec![(ms(1), Answer::Right)]
    })?;
    Ok((line, seen))
}

/// Sends one echo request, or a SYN, and tells how it came out.
fn seen_of(rig: &mut Rig, seen: &Seen, far: &str, seq: u16, is_tcp: bool) -> anyhow::Result<(IpAddr, u8)> {
    let sent = if is_tcp {
        rig.connect(far, 443, ms(500), u64::from(seq) + 1000)?
    } else {
        rig.echo(far, seq)?
    };
    ensure!(sent == Ok(()), "{far} seq {seq} was not sent: {sent:?}");
    rig.receive_for(ms(30));
    let last = seen.lock().unwrap_or_else(PoisonError::into_inner).pop();
    last.with_context(|| format!("{far} seq {seq} is not on the line"))
}

#[test]
fn source_and_dscp_are_on_the_wire_of_every_method() {
    namespace::run("egress", || {
        let (_line, seen) = watched_line()?;
        namespace::ip(&format!("address add 10.9.0.7/24 dev {DEVICE}"))?;
        namespace::ip(&format!("address add 2001:db8:9::7/64 dev {DEVICE} nodad"))?;
        let ways = [
            (IcmpMode::Raw, false),
            (IcmpMode::Ping, false),
            (IcmpMode::Raw, true),
        ];
        for (far, own, other) in [
            (FAR_V4, "10.9.0.1", "10.9.0.7"),
            (FAR_V6, "2001:db8:9::1", "2001:db8:9::7"),
        ] {
            for (icmp, is_tcp) in ways {
                let mut rig = Rig::open(WireOptions {
                    icmp,
                    ..WireOptions::default()
                })?;
                let what = format!("{far} {icmp:?} TCP {is_tcp}");
                let other: IpAddr = other.parse()?;
                let plain = seen_of(&mut rig, &seen, far, 1, is_tcp)?;
                // Of two addresses of one prefix the kernel may choose either for IPv6.
                ensure!(
                    plain.1 == 0 && (far == FAR_V6 || plain.0 == own.parse::<IpAddr>()?),
                    "{what}: {plain:?}"
                );
                rig.egress = Egress {
                    source: Some(other),
                    interface: 0,
                    dscp: DSCP,
                };
                let marked = seen_of(&mut rig, &seen, far, 2, is_tcp)?;
                ensure!(marked == (other, DSCP), "{what}: {marked:?}");
                if !is_tcp {
                    rig.rtt_ns(2)?;
                }
                rig.egress = Egress::default();
                let after = seen_of(&mut rig, &seen, far, 3, is_tcp)?;
                ensure!(after.1 == 0, "{what}: the mark stayed: {after:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn an_interface_is_left_by_although_the_routes_say_otherwise() {
    namespace::run("interface", || {
        let (_line, seen) = watched_line()?;
        namespace::ip("link add near0 type veth peer name near1")?;
        for device in ["near0", "near1"] {
            namespace::ip(&format!("link set {device} up"))?;
        }
        namespace::ip("address add 10.8.0.1/24 dev near0")?;
        namespace::ip("address add 2001:db8:8::1/64 dev near0 nodad")?;
        let fars = ["198.51.100.5", "2001:db8:77::5"];
        for (route, far) in [("198.51.100.0/24", ""), ("2001:db8:77::/64", "-6 ")] {
            namespace::ip(&format!("{far}route add {route} dev near0 metric 10"))?;
            namespace::ip(&format!("{far}route add {route} dev {DEVICE} metric 20"))?;
        }
        let index = route::interface_index(DEVICE).context("the line has no number")?;
        for (icmp, is_tcp) in [
            (IcmpMode::Raw, false),
            (IcmpMode::Ping, false),
            (IcmpMode::Raw, true),
        ] {
            let mut rig = Rig::open(WireOptions {
                icmp,
                ..WireOptions::default()
            })?;
            rig.egress.interface = index;
            for far in fars {
                let (from, _) = seen_of(&mut rig, &seen, far, 1, is_tcp)?;
                let is_lines = ["10.9.0.1", "2001:db8:9::1"].contains(&from.to_string().as_str());
                ensure!(is_lines, "{far} {icmp:?} TCP {is_tcp} came from {from}");
            }
        }
        Ok(())
    });
}

#[test]
fn an_address_that_is_not_ours_sends_nothing() {
    namespace::run("foreign source", || {
        let (_line, seen) = watched_line()?;
        for (far, foreign) in [(FAR_V4, "192.0.2.77"), (FAR_V6, "2001:db8:5::77")] {
            for icmp in [IcmpMode::Raw, IcmpMode::Ping] {
                let mut rig = Rig::open(WireOptions {
                    icmp,
                    ..WireOptions::default()
                })?;
                rig.egress.source = Some(foreign.parse()?);
                let results = [rig.echo(far, 1)?, rig.connect(far, 443, ms(100), 7)?];
                ensure!(results.iter().all(Result::is_err), "{far} {icmp:?}: {results:?}");
            }
        }
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(seen.is_empty(), "on the line: {seen:?}");
        Ok(())
    });
}

/// Gives this thread, and what it starts, its own `/etc/hosts` and `/etc/resolv.conf`; nobody answers at the name
/// server, which lies behind the line.
fn own_names(directory: &Path, hosts: &str) -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("unshare a mount namespace")?;
    namespace::tool("mount", &["--make-rprivate", "/"])?;
    for (name, text) in [
        ("hosts", hosts),
        (
            "resolv.conf",
            "nameserver 10.9.0.53\noptions timeout:1 attempts:1\n",
        ),
    ] {
        let path = directory.join(name);
        std::fs::write(&path, text)?;
        let path = path
            .to_str()
            .context("a temporary directory with a strange name")?;
        namespace::tool("mount", &["--bind", path, &format!("/etc/{name}")])?;
    }
    Ok(())
}

const QUIET_TARGETS: u32 = 50;

/// Lateness of every probe of `length`, sorted; none may have failed.
fn lateness_ns(
    records: &Receiver<Arc<RecordBatch>>,
    clock: SystemClock,
    length: Duration,
) -> anyhow::Result<Vec<u64>> {
    let end = clock.mono().plus(length);
    let mut late = Vec::new();
    while clock.mono() < end {
        let batch = records.recv().context("the engine has ended")?;
        for record in &batch.records {
            ensure!(record.outcome == Outcome::Reply, "{record:?}");
            late.push(record.sent_at.since(record.due_at).as_nanos() as u64);
        }
    }
    late.sort_unstable();
    Ok(late)
}

#[test]
fn a_black_holed_resolver_makes_nobody_late() {
    namespace::run("black hole", || {
        let directory = tempfile::tempdir()?;
        own_names(directory.path(), "")?;
        let _line = Responder::start(|_, _| Vec::new())?;
        let clock = SystemClock::start();
        let (wire, _) = LinuxWire::open(clock, WireOptions::default())?;
        let (sender, records) = sync_channel(1024);
        let options = EngineOptions {
            key: random_cookie_key()?,
            seed: 7,
            costs: Costs::default(),
            // Ordinary threads: the resolver's must not get before them either.
            setup: Box::new(|| Scheduling {
                is_realtime: false,
                text: String::new(),
            }),
        };
        let engine = Engine::start(wire, clock, options, sender)?;
        for id in 0..QUIET_TARGETS {
            engine.set(EngineTarget {
                id: TargetId(id),
                address: IpAddr::from([127, 0, 1, id as u8 + 1]).into(),
                method: Method::IcmpEcho,
                plan: ProbePlan {
                    interval: ms(20),
                    ..ProbePlan::default()
                },
                egress: EgressIndex::default(),
                allow_high_rate: true,
                slots: None,
            })?;
        }
        let before = lateness_ns(&records, clock, ms(2500))?;
        let (said, answers) = std::sync::mpsc::channel();
        let resolver = Resolver::start(7, move |answer| drop(said.send(answer)))?;
        let asked = (0..500).filter(|name| resolver.resolve("x", &format!("name-{name}.test"), Family::Auto));
        ensure!(asked.count() == 500, "the queue is shorter than 500");
        let during = lateness_ns(&records, clock, ms(2500))?;
        drop(resolver);
        engine.stop(ms(100));
        let p99 = |sorted: &[u64]| sorted[sorted.len() * 99 / 100];
        let (before, during, count) = (p99(&before), p99(&during), during.len());
        println!(
            "lateness p99 {before} ns before, {during} ns with 500 names in a black hole, {count} probes"
        );
        ensure!(
            answers
                .try_iter()
                .all(|said| format!("{said:?}").contains("Err(")),
            "the hole has answered"
        );
        // Others share this computer and may hold it for a tenth of a second; a question on the probe path would for one.
        ensure!(
            during < 5 * before + 300_000_000,
            "{during} ns late, {before} ns before"
        );
        Ok(())
    });
}

/// The far ends asked so far.
fn fars(line: &Responder) -> anyhow::Result<BTreeSet<String>> {
    let exchanges = line.exchanges()?;
    Ok(exchanges
        .iter()
        .map(|exchange| exchange.key.far.to_string())
        .collect())
}

/// Waits until `far` was asked `count` times more: the line is the clock.
fn wait_for(line: &Responder, far: &str, count: usize) -> anyhow::Result<()> {
    let asked = |seen: &[linewatch_e2e::responder::Exchange]| {
        seen.iter()
            .filter(|exchange| exchange.key.far.to_string() == far)
            .count()
    };
    let before = asked(&line.exchanges()?);
    line.wait_until(|seen| asked(seen) >= before + count)?;
    Ok(())
}

fn follow_a_name(program: &Path) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    own_names(directory.path(), "10.9.0.2 edge.test\n")?;
    let line = Responder::start(|_, _| vec![(ms(2), Answer::Right)])?;
    let hosts = Path::new("/etc/hosts");
    let serving = Serving::start(
        program,
        directory.path(),
        "[[targets]]\nid = \"edge\"\naddress = \"edge.test\"\ninterval = \"100ms\"\n\
         [[targets]]\nid = \"lost\"\naddress = \"nowhere.test\"\n",
    )?;
    wait_for(&line, "10.9.0.2", 5)?;
    std::fs::write(hosts, "10.9.0.3 edge.test\n")?;
    wait_for(&line, "10.9.0.3", 25)?;
    let events = serving.get("/api/v1/events?target=edge")?;
    let sentence = "edge.test is 10.9.0.3 now, was 10.9.0.2: a new series begins";
    ensure!(
        events.contains("address_changed") && events.contains(sentence),
        "{events}"
    );
    // The name is gone and the name server is dead: the last good address is probed on, and it is said.
    std::fs::write(hosts, "")?;
    wait_for(&line, "10.9.0.3", 80)?;
    let events = serving.get("/api/v1/events?target=edge")?;
    ensure!(
        events.contains("its last good address 10.9.0.3 is still probed"),
        "{events}"
    );
    let lost = serving.get("/api/v1/events?target=lost")?;
    ensure!(
        lost.contains("dns_failed") && lost.contains("no name server answered in time"),
        "{lost}"
    );
    let targets = serving.get("/api/v1/targets")?;
    ensure!(targets.contains("10.9.0.3"), "{targets}");
    let fars = fars(&line)?;
    ensure!(fars.len() == 2, "somebody else was probed: {fars:?}");
    Ok(())
}

#[test]
fn a_name_that_moves_is_an_event_and_one_that_goes_is_probed_on() {
    match binary::find() {
        Ok(program) => namespace::run("a name moves", move || follow_a_name(&program)),
        Err(missing) => namespace::skip("a name moves", &missing),
    }
}

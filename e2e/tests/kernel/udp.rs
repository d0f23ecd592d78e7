//! Datagrams, from the schedule to the record: echoes through the line, closed ports, forgeries, a real name server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::port::Clock as _;
use linewatch_core::record::{Class, Outcome, ProbeRecord, RecordBatch, StrayKind};
use linewatch_core::target::{Address, EgressIndex, Method, ProbePlan, TargetId, UdpPayload};
use linewatch_e2e::namespace;
use linewatch_e2e::packet::{Answer, Packet};
use linewatch_e2e::responder::Responder;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::shard::{Command, EngineTarget, Shard};
use linewatch_probe::sys::{LinuxWire, StampKeys, WireOptions};

use crate::rig::{FAR_V4, FAR_V6, ms};

/// The time-out of every probe here.
const TIMEOUT: Duration = Duration::from_millis(200);
/// No test waits longer for its records.
const PATIENCE: Duration = Duration::from_secs(20);

/// The engine's loop over the real kernel, and what it said.
struct Bench {
    clock: SystemClock,
    shard: Shard<LinuxWire, SystemClock>,
    records: Vec<ProbeRecord>,
    forged: Vec<TargetId>,
}

impl Bench {
    fn open(stamp_keys: StampKeys) -> anyhow::Result<Self> {
        let clock = SystemClock::start();
        let options = WireOptions {
            stamp_keys,
            ..WireOptions::default()
        };
        let (wire, _) = LinuxWire::open(clock, options)?;
        Ok(Self {
            clock,
            shard: Shard::new(wire, clock, CookieKey::new([5; 16]), 1),
            records: Vec::new(),
            forged: Vec::new(),
        })
    }

    /// Probes `to` this often, every 10 ms.
    fn probe(&mut self, id: u32, to: &str, method: Method, slots: u64) -> anyhow::Result<()> {
        self.shard.apply(Command::Set(EngineTarget {
            id: TargetId(id),
            address: Address::from(to.parse::<std::net::IpAddr>()?),
            method,
            plan: ProbePlan {
                interval: ms(10),
                timeout: TIMEOUT,
                payload_bytes: 56,
            },
            allow_high_rate: true,
            slots: Some(slots),
            egress: EgressIndex::default(),
        }));
        Ok(())
    }

    /// Turns until there are `count` records, and until what comes after them has had its time.
    fn finish(&mut self, count: usize) -> anyhow::Result<()> {
        let deadline = self.clock.mono().plus(PATIENCE);
        while self.records.len() < count {
            ensure!(
                self.clock.mono() < deadline,
                "only {} of {count} records",
                self.records.len()
            );
            self.turn();
        }
        let quiet_at = self.clock.mono().plus(ms(50));
        while self.clock.mono() < quiet_at {
            self.turn();
        }
        ensure!(
            self.records.len() == count,
            "{} records, not {count}",
            self.records.len()
        );
        Ok(())
    }

    fn turn(&mut self) {
        let (records, forged) = (&mut self.records, &mut self.forged);
        self.shard.turn(&mut |batch: RecordBatch| {
            records.extend(&batch.records);
            let strays = batch.strays.iter();
            forged.extend(
                strays
                    .filter(|stray| stray.kind == StrayKind::Forged)
                    .map(|stray| stray.target),
            );
            None
        });
    }

    /// Outcome and cause of every record of a target.
    fn fates(&self, id: u32) -> Vec<(Outcome, Option<String>)> {
        let of_target = self.records.iter().filter(|record| record.target == TargetId(id));
        of_target
            .map(|record| (record.outcome, record.cause.name()))
            .collect()
    }
}

fn echo(port: u16) -> Method {
    Method::Udp {
        port,
        payload: UdpPayload::Echo,
    }
}

fn dns(port: u16) -> Method {
    Method::Udp {
        port,
        payload: UdpPayload::Dns,
    }
}

/// Probes `far` ten times and compares every RTT with what the line saw.
fn check_truth(far: &'static str, stamp_keys: StampKeys) {
    namespace::run("udp-truth", move || {
        let line = Responder::start_with_datagrams(|_, _| vec![(ms(20), Answer::Right)])?;
        let mut bench = Bench::open(stamp_keys)?;
        bench.probe(1, far, echo(7), 10)?;
        bench.finish(10)?;
        bench.records.sort_by_key(|record| record.seq);
        let truth = line.exchanges()?;
        ensure!(truth.len() == 10, "{} datagrams on the line", truth.len());
        let mut errors_ns = Vec::new();
        for (record, exchange) in bench.records.iter().zip(&truth) {
            ensure!(
                record.outcome == Outcome::Reply && record.class == Class::K,
                "{record:?}"
            );
            let rtt = record.rtt.context("a reply without an RTT")?;
            let truth_ns = exchange.delay_ns().context("unanswered")?;
            errors_ns.push((rtt.as_nanos() as i64 - truth_ns).abs());
        }
        errors_ns.sort_unstable();
        println!(
            "udp {far} {stamp_keys:?}: median error {} ns, worst {} ns",
            errors_ns[5], errors_ns[9]
        );
        // One of ten may have been interrupted between its stamp and the line's.
        ensure!(errors_ns[8] < 500_000, "{far}: {errors_ns:?} ns");
        ensure!(bench.forged.is_empty(), "{} forged", bench.forged.len());
        Ok(())
    });
}

#[test]
fn the_rtt_of_an_echo_is_the_truth() {
    for far in [FAR_V4, FAR_V6] {
        check_truth(far, StampKeys::Auto);
        check_truth(far, StampKeys::Counted);
    }
}

#[test]
fn a_closed_port_is_an_answer_without_an_rtt_and_a_router_is_a_failure() {
    use Outcome::{Refused, Unreachable};
    for (far, kind, code, outcome, cause) in [
        (FAR_V4, 3, 3, Refused, "port_unreachable"),
        (FAR_V6, 1, 4, Refused, "port_unreachable"),
        (FAR_V4, 3, 1, Unreachable, "host_unreachable"),
        (FAR_V4, 3, 13, Unreachable, "prohibited"),
        (FAR_V4, 11, 0, Unreachable, "time_exceeded"),
        (FAR_V6, 1, 0, Unreachable, "net_unreachable"),
    ] {
        for method in [echo(7), dns(53)] {
            namespace::run("udp-error", move || {
                let _line =
                    Responder::start_with_datagrams(move |_, _| vec![(ms(5), Answer::Error { kind, code })])?;
                let mut bench = Bench::open(StampKeys::Auto)?;
                // Five are on their way before the first report comes back.
                bench.probe(1, far, method, 5)?;
                bench.finish(5)?;
                let expected = vec![(outcome, Some(cause.to_owned())); 5];
                ensure!(
                    bench.fates(1) == expected,
                    "{far} {kind}/{code}: {:?}",
                    bench.fates(1)
                );
                ensure!(bench.records.iter().all(|record| record.rtt.is_none()), "an RTT");
                Ok(())
            });
        }
    }
}

#[test]
fn a_closed_port_of_this_computer_disturbs_no_neighbour() {
    namespace::run("udp-closed", || {
        let server = std::net::UdpSocket::bind("127.0.0.1:0")?;
        server.set_read_timeout(Some(TIMEOUT))?;
        let open = server.local_addr()?.port();
        let closed = std::net::UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        let echoing = std::thread::spawn(move || {
            let mut room = [0; 2048];
            let mut count = 0;
            while let Ok((len, from)) = server.recv_from(&mut room) {
                count += server.send_to(&room[..len], from).map_or(0, |_| 1);
            }
            count
        });
        let mut bench = Bench::open(StampKeys::Auto)?;
        for (id, to, port) in [
            (1, "127.0.0.1", closed),
            (2, "127.0.0.1", open),
            (3, "::1", closed),
        ] {
            bench.probe(id, to, echo(port), 6)?;
        }
        bench.finish(18)?;
        // The kernel itself limits its reports: what it does not report is lost, never a reply.
        for id in [1, 3] {
            let fates = bench.fates(id);
            let is_told = |(outcome, _): &(Outcome, _)| matches!(outcome, Outcome::Refused | Outcome::Lost);
            ensure!(fates.iter().all(is_told), "{fates:?}");
            ensure!(
                fates.iter().any(|(outcome, _)| *outcome == Outcome::Refused),
                "{fates:?}"
            );
        }
        ensure!(
            bench.fates(2) == vec![(Outcome::Reply, None); 6],
            "{:?}",
            bench.fates(2)
        );
        let echoed = echoing
            .join()
            .map_err(|_| anyhow::anyhow!("the echo service panicked"))?;
        ensure!(echoed == 6, "{echoed} echoed");
        Ok(())
    });
}

#[test]
fn what_is_made_up_is_counted_and_never_a_reply() {
    for (answer, is_seen) in [
        (Answer::WrongPayload, true),
        (Answer::WrongPort, true),
        (Answer::WrongSource, true),
        (Answer::Truncated, true),
        // The kernel throws it away.
        (Answer::BadChecksum, false),
    ] {
        for far in [FAR_V4, FAR_V6] {
            namespace::run("udp-forged", move || {
                let script = move |number, _: &Packet| {
                    let made_up = (ms(5), answer);
                    // The second is never answered truly.
                    if number == 1 {
                        vec![made_up]
                    } else {
                        vec![made_up, (ms(20), Answer::Right)]
                    }
                };
                let _line = Responder::start_with_datagrams(script)?;
                let mut bench = Bench::open(StampKeys::Auto)?;
                bench.probe(1, far, echo(7), 3)?;
                bench.finish(3)?;
                bench.records.sort_by_key(|record| record.seq);
                let outcomes: Vec<Outcome> = bench.records.iter().map(|record| record.outcome).collect();
                let expected = [Outcome::Reply, Outcome::Lost, Outcome::Reply];
                ensure!(outcomes == expected, "{answer:?}: {outcomes:?}");
                let is_true = |record: &ProbeRecord| record.rtt.is_none_or(|rtt| rtt.as_nanos() > 15_000_000);
                ensure!(
                    bench.records.iter().all(is_true),
                    "{answer:?}: {:?}",
                    bench.records
                );
                let forged = if is_seen { 3 } else { 0 };
                ensure!(
                    bench.forged.len() == forged,
                    "{answer:?}: {} forged",
                    bench.forged.len()
                );
                Ok(())
            });
        }
    }
}

#[test]
fn a_refused_send_is_ours_and_shifts_no_stamp() {
    for stamp_keys in [StampKeys::Auto, StampKeys::Counted] {
        namespace::run("udp-keys", move || {
            let _line = Responder::start_with_datagrams(|_, _| vec![(ms(3), Answer::Right)])?;
            for rule in [
                "add table inet t",
                "add chain inet t out { type filter hook output priority 0; }",
                "add rule inet t out ip daddr 10.9.0.66 drop",
            ] {
                namespace::tool("nft", &[rule])?;
            }
            let mut bench = Bench::open(stamp_keys)?;
            for (id, to) in [(1, FAR_V4), (2, "10.9.0.66"), (3, "192.0.2.1"), (4, "10.9.0.3")] {
                bench.probe(id, to, echo(7), 20)?;
            }
            bench.finish(80)?;
            for (id, errno) in [(2, "EPERM"), (3, "ENETUNREACH")] {
                let expected = vec![(Outcome::Unsent, Some(errno.to_owned())); 20];
                ensure!(bench.fates(id) == expected, "{:?}", bench.fates(id));
            }
            for record in bench
                .records
                .iter()
                .filter(|record| matches!(record.target.0, 1 | 4))
            {
                let rtt = record.rtt.with_context(|| format!("{record:?}"))?;
                let is_near = (2_900_000..20_000_000).contains(&rtt.as_nanos());
                ensure!(is_near && record.outcome == Outcome::Reply, "{record:?}");
            }
            ensure!(
                bench.shard.impossible_stamps() == 0,
                "{} impossible stamps",
                bench.shard.impossible_stamps()
            );
            Ok(())
        });
    }
}

#[test]
fn a_flow_that_is_rotated_leaves_from_another_port_and_others_do_not() {
    namespace::run("udp-rotated", || {
        let line = Responder::start_with_datagrams(|_, _| vec![(ms(1), Answer::Right)])?;
        let mut bench = Bench::open(StampKeys::Auto)?;
        let mut ports = Vec::new();
        for round in 0..3 {
            bench.probe(10 + round, FAR_V4, echo(7), 1)?;
            bench.probe(20 + round, "10.9.0.3", echo(7), 1)?;
            for _ in 0..round {
                bench.shard.apply(Command::RotateId(TargetId(10 + round)));
            }
            bench.finish(2 * (round as usize + 1))?;
        }
        ensure!(
            bench
                .records
                .iter()
                .all(|record| record.outcome == Outcome::Reply),
            "{:?}",
            bench.records
        );
        for far in [FAR_V4, "10.9.0.3"] {
            let far = far.parse::<std::net::IpAddr>()?;
            let of_far = line
                .exchanges()?
                .into_iter()
                .filter(|exchange| exchange.key.far == far);
            let used: std::collections::BTreeSet<u16> = of_far.map(|exchange| exchange.key.id).collect();
            ports.push(used.len());
        }
        ensure!(ports == [3, 1], "{ports:?} local ports");
        Ok(())
    });
}

/// A name server of this namespace, on port 53 of both loopback addresses.
struct NameServer {
    pid_file: PathBuf,
    _dir: tempfile::TempDir,
}

impl NameServer {
    /// It has its sockets when the call returns: the parent of a daemon waits for that.
    fn start(options: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let pid_file = dir.path().join("pid");
        let pid = format!("--pid-file={}", pid_file.display());
        let common = [
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--user=root",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
            "--listen-address=::1",
            "--log-facility=/dev/null",
            &pid,
        ];
        namespace::tool("dnsmasq", &[&common, options].concat())?;
        Ok(Self { pid_file, _dir: dir })
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(&self.pid_file).unwrap_or_default();
        // One that has died already is as good as ended.
        let _ended = namespace::tool("kill", &[pid.trim()]);
    }
}

fn has_dnsmasq() -> bool {
    namespace::tool("dnsmasq", &["--version"]).is_ok()
}

#[test]
fn whatever_a_name_server_says_is_an_answer() {
    if !has_dnsmasq() {
        return namespace::skip("udp-dns", "there is no dnsmasq (apt-get install dnsmasq-base)");
    }
    let answers: [(&str, &[&str]); 3] = [
        ("NXDOMAIN", &["--local=/invalid/"]),
        ("REFUSED", &[]),
        ("NOERROR", &["--address=/invalid/192.0.2.1"]),
    ];
    for (name, options) in answers {
        namespace::run("udp-dns", move || {
            let server = NameServer::start(options)?;
            let mut bench = Bench::open(StampKeys::Auto)?;
            bench.probe(1, "127.0.0.1", dns(53), 10)?;
            bench.probe(2, "::1", dns(53), 10)?;
            bench.finish(20)?;
            for record in &bench.records {
                let is_good = record.outcome == Outcome::Reply && record.class == Class::K;
                ensure!(is_good, "{name}: {record:?}");
            }
            ensure!(bench.forged.is_empty(), "{name}: {} forged", bench.forged.len());
            let rtts = bench.records.iter().filter_map(|record| record.rtt);
            println!(
                "dns {name}: slowest {} ns",
                rtts.map(|rtt| rtt.as_nanos()).max().unwrap_or(0)
            );
            drop(server);
            Ok(())
        });
    }
}

#[test]
fn a_name_server_is_no_echo_service_and_the_other_way_round() {
    if !has_dnsmasq() {
        return namespace::skip("udp-mixed", "there is no dnsmasq (apt-get install dnsmasq-base)");
    }
    namespace::run("udp-mixed", || {
        let _server = NameServer::start(&["--local=/invalid/"])?;
        let _line = Responder::start_with_datagrams(|_, _| vec![(ms(1), Answer::Right)])?;
        let mut bench = Bench::open(StampKeys::Auto)?;
        // A query that only comes back is no response, and a response to nonsense is no echo.
        bench.probe(1, FAR_V4, dns(53), 3)?;
        bench.probe(2, "127.0.0.1", echo(53), 3)?;
        bench.finish(6)?;
        for id in [1, 2] {
            ensure!(
                bench.fates(id) == vec![(Outcome::Lost, None); 3],
                "{id}: {:?}",
                bench.fates(id)
            );
        }
        ensure!(bench.forged.contains(&TargetId(1)), "{:?}", bench.forged);
        Ok(())
    });
}

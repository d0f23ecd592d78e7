//! Sends a few probes to each of a few addresses through the real engine, and waits for what becomes of them.
//!
//! Input: addresses and methods. Output: the best answer of each, or why there was none. At most [`PROBES`] each, so
//! that one lost packet is no fault.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context as _, Result};
use linewatch_core::caps::Costs;
use linewatch_core::limits;
use linewatch_core::port::Clock as _;
use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord, RecordBatch};
use linewatch_core::target::{Address, EgressIndex, Method, ProbePlan, TargetId, UdpPayload};
use linewatch_core::time::{MonoTime, Rtt};
use linewatch_probe::clock::SystemClock;
use linewatch_probe::engine::Engine;
use linewatch_probe::route::Gateways;
use linewatch_probe::shard::EngineTarget;
use linewatch_probe::sys::{SystemWire, WireReport};

use super::situation::Askable;
use crate::method::engine_options;

/// Probes to each address.
const PROBES: u64 = 3;
/// Between them: ten a second, which is what any public address is asked at most.
const APART: Duration = Duration::from_millis(100);
/// Silence for so long is no answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// The engine hands records on at least this fast after the last time-out.
const HAND_ON: Duration = Duration::from_millis(300);
/// A name server is asked as a `dns` probe asks: for a name that it need not know.
const NAME_SERVER: Method = Method::Udp {
    port: 53,
    payload: UdpPayload::Dns,
};

/// Whom and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shot {
    pub(super) address: Address,
    pub(super) method: Method,
}

/// What became of the probes to one address: the fastest answer, else the last failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) outcome: Outcome,
    pub(super) rtt: Option<Rtt>,
    pub(super) class: Class,
    pub(super) cause: Cause,
}

/// What `doctor` asks, and what each of the questions is for.
pub(super) struct Asked {
    /// In the order loopback, gateways, name servers, targets.
    pub(super) shots: Vec<Shot>,
    places: [Option<usize>; 4],
    servers: usize,
    targets: usize,
}

/// Answers by what they were asked for; `None` where nothing was asked or nothing is known.
pub(super) struct Answers {
    pub(super) loopback_v4: Option<Heard>,
    pub(super) loopback_v6: Option<Heard>,
    pub(super) gateway_v4: Option<Heard>,
    pub(super) gateway_v6: Option<Heard>,
    /// In the order of the servers.
    pub(super) servers: Vec<Option<Heard>>,
    /// In the order of the targets.
    pub(super) targets: Vec<Option<Heard>>,
}

impl Asked {
    /// What is to be asked. ICMP only where it is permitted.
    pub(super) fn new(
        report: &WireReport,
        routes: Gateways,
        servers: &[Address],
        targets: &[Askable],
    ) -> Self {
        let (v4, v6) = (report.icmp_v4.is_ok(), report.icmp_v6.is_ok());
        let loopback = |ip: std::net::IpAddr| Address { ip, scope: 0 };
        let wanted = [
            v4.then(|| loopback(std::net::Ipv4Addr::LOCALHOST.into())),
            v6.then(|| loopback(std::net::Ipv6Addr::LOCALHOST.into())),
            routes.v4.filter(|_| v4),
            routes.v6.filter(|_| v6),
        ];
        let mut shots = Vec::new();
        let places = wanted.map(|address| {
            let address = address?;
            shots.push(Shot {
                address,
                method: Method::IcmpEcho,
            });
            Some(shots.len() - 1)
        });
        shots.extend(servers.iter().map(|address| Shot {
            address: *address,
            method: NAME_SERVER,
        }));
        shots.extend(targets.iter().map(|target| Shot {
            address: target.address,
            method: target.method,
        }));
        Self {
            shots,
            places,
            servers: servers.len(),
            targets: targets.len(),
        }
    }

    /// Gives each answer its place; `answers` are those to `shots`.
    pub(super) fn sort(&self, answers: &[Option<Heard>]) -> Answers {
        let at = |place: Option<usize>| answers.get(place?).copied().flatten();
        let (rest, first) = (self.servers + self.targets, self.shots.len());
        let lists = answers.get(first - rest..).unwrap_or_default();
        let (servers, targets) = lists.split_at_checked(self.servers).unwrap_or_default();
        let [loopback_v4, loopback_v6, gateway_v4, gateway_v6] = self.places.map(at);
        Answers {
            loopback_v4,
            loopback_v6,
            gateway_v4,
            gateway_v6,
            servers: servers.to_vec(),
            targets: targets.to_vec(),
        }
    }
}

/// Asks and waits, no longer than for the last silence. `None` for an address the engine refuses to probe.
///
/// # Errors
///
/// When the engine does not start.
pub(super) fn ask(wire: SystemWire, clock: SystemClock, shots: &[Shot]) -> Result<Vec<Option<Heard>>> {
    let (records, batches) = mpsc::sync_channel(limits::BATCH_QUEUE);
    // A few probes need no measured cost: the assumed one is on the safe side.
    let options = engine_options(Costs::default())?;
    let engine = Engine::start(wire, clock, options, records).context("cannot start the engine")?;
    let plan = ProbePlan {
        interval: APART,
        timeout: PATIENCE,
        ..ProbePlan::default()
    };
    let mut expected = 0;
    for (index, shot) in (0..).zip(shots) {
        let target = EngineTarget {
            id: TargetId(index),
            address: shot.address,
            method: shot.method,
            plan,
            egress: EgressIndex::default(),
            allow_high_rate: false,
            slots: Some(PROBES),
        };
        // Refused is what no configuration could probe either, such as a name server at 0.0.0.0.
        expected += if engine.set(target).is_ok() { PROBES } else { 0 };
    }
    let end_at = clock.mono().plus(APART * PROBES as u32 + PATIENCE + HAND_ON);
    let heard = listen(&batches, clock, end_at, expected, shots.len());
    engine.stop(Duration::ZERO);
    Ok(heard)
}

fn listen(
    batches: &Receiver<Arc<RecordBatch>>,
    clock: SystemClock,
    end_at: MonoTime,
    expected: u64,
    count: usize,
) -> Vec<Option<Heard>> {
    let mut heard: Vec<Option<Heard>> = vec![None; count];
    let mut finished = 0;
    while finished < expected {
        let Ok(batch) = batches.recv_timeout(end_at.since(clock.mono())) else {
            break;
        };
        for record in &batch.records {
            finished += 1;
            if let Some(place) = heard.get_mut(record.target.0 as usize) {
                *place = Some(better(*place, record));
            }
        }
    }
    heard
}

/// An answer beats everything else, and of answers the fastest: the first one pays for caches and neighbours.
fn better(known: Option<Heard>, record: &ProbeRecord) -> Heard {
    let new = Heard {
        outcome: record.outcome,
        rtt: record.rtt,
        class: record.class,
        cause: record.cause,
    };
    match known {
        Some(known) if known.outcome.is_answer() => {
            let is_faster = new.outcome.is_answer() && new.rtt < known.rtt && new.rtt.is_some();
            if is_faster { new } else { known }
        }
        _ => new,
    }
}

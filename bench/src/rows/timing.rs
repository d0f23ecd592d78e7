//! How punctual and how true, beside processes that never sleep: send lateness, RTT error, process latency.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Result, ensure};
use linewatch_e2e::packet::{Answer, Kind, Packet};
use linewatch_e2e::responder::Responder;
use linewatch_e2e::tap::Tap;
use linewatch_probe::privilege;

use super::{Effort, scheduling};
use crate::fping::{self, Order};
use crate::machine::{self, Busy};
use crate::part::{self, Background, Class, Load, Loaded, Percentiles};
use crate::table::{Line, Runs, Verdict, short};

/// 50 targets every 50 ms: a thousand probes a second, which nobody finds hard.
const TARGETS: u32 = 50;
const PERIOD_MS: u32 = 50;
/// Between two probes of fping: below a millisecond with what its timer adds.
const SPACING_MS: f64 = 0.5;
/// Answers come after so long; short, because fping prints fewer digits of longer ones.
const DELAY: Duration = Duration::from_micros(800);
/// A computer of which more than this share is busy beside a load of row 7 is not calm: somebody else works on it.
const CALM_BUSY_MAX: f64 = 0.35;
/// First far end of the line.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

fn load(first: Ipv4Addr, class: Class, span_ms: u64) -> Load {
    Load {
        first,
        class,
        warm_ms: 200,
        has_samples: true,
        ..Load::loopback(TARGETS, u64::from(PERIOD_MS) * 1000, span_ms)
    }
}

fn order(first: Ipv4Addr, span_ms: u64) -> Order {
    Order {
        first,
        targets: TARGETS,
        count: (span_ms / u64::from(PERIOD_MS)) as u32,
        period_ms: PERIOD_MS,
        spacing_ms: SPACING_MS,
        has_rtts: true,
    }
}

/// What takes the right to real-time priority away from a part.
fn ensure_setpriv() -> Result<()> {
    ensure!(
        machine::has("setpriv"),
        "setpriv (package util-linux) is not installed"
    );
    Ok(())
}

/// Row 4, twice: real-time against fping, unprivileged against a single thread.
pub(super) fn send_lateness(effort: Effort) -> Result<Vec<Line>> {
    ensure_setpriv()?;
    let has_fping = machine::has("fping");
    let span_ms = effort.span_ms * 2 / 3;
    let classes = [Class::Realtime, Class::Ordinary, Class::SingleThread];
    let (mut ours, mut words) = (classes.map(|_| Runs::default()), classes.map(|_| String::new()));
    let mut theirs = Runs::default();
    let _burners = Background::burners()?;
    for round in 0..effort.runs_max() {
        // Chance decides who runs beside a burner, and for how long: few rounds may agree on nothing.
        if round >= effort.runs && ours.iter().all(Runs::is_steady) {
            break;
        }
        for (at, class) in classes.into_iter().enumerate() {
            let order = load(Ipv4Addr::new(127, 1, 0, 1), class, span_ms);
            let (loaded, late) = watched(|| part::load(&order))?;
            ours[at].add(late.p99 as f64 / 1e3);
            words[at] = scheduling(&loaded);
        }
        if has_fping {
            let (_, late) = watched(|| fping::run(&order(Ipv4Addr::new(127, 1, 0, 1), span_ms)))?;
            theirs.add(late.p99 as f64 / 1e3);
        }
    }
    let [real, ordinary, single] = ours;
    let [real_words, ordinary_words, _] = words;
    let line = |ours: &Runs, peer: &Runs, name: &str, goal: f64, class: String| Line {
        row: 4,
        what: format!("send lateness p99 beside two CPU burners, by a tap, 1,000/s, us ({name})"),
        ours: short(ours.median()),
        peer: format!("{name} {}", short(peer.median())),
        ratio: short(ours.median() / peer.median()),
        goal: format!("<= 1/{goal}"),
        verdict: Verdict::of(ours.median() * goal <= peer.median()),
        class,
        noise: format!("{}; {name} {}", ours.spread(), peer.spread()),
    };
    let mut first = line(&real, &theirs, "fping", 30.0, real_words.clone());
    if !has_fping || !real_words.contains("FIFO") {
        first.verdict = Verdict::NotMeasured;
    }
    let second = line(&ordinary, &single, "single thread", 10.0, ordinary_words);
    Ok(vec![first, second])
}

/// Does something while a tap looks at the loopback, and tells how late the requests were.
fn watched<T>(action: impl FnOnce() -> Result<T>) -> Result<(T, Percentiles)> {
    let tap = Tap::open("lo")?;
    let done = action()?;
    let mut sent: HashMap<IpAddr, Vec<i64>> = HashMap::new();
    while let Some(seen) = tap.next()? {
        let request = Packet::read(&seen.bytes)
            .filter(|packet| seen.is_outgoing && matches!(packet.kind, Kind::EchoRequest { .. }));
        if let Some(packet) = request {
            sent.entry(packet.to).or_default().push(seen.at_ns);
        }
    }
    ensure!(!sent.is_empty(), "the tap saw no request");
    let series: Vec<Vec<i64>> = sent.into_values().collect();
    Ok((done, fping::lateness(&series, i64::from(PERIOD_MS) * 1_000_000)))
}

/// Row 6.
pub(super) fn rtt_error(effort: Effort) -> Result<Line> {
    let has_fping = machine::has("fping");
    let span_ms = effort.span_ms * 2 / 3;
    let (mut ours, mut theirs, mut class) = (Runs::default(), Runs::default(), String::new());
    let _burners = Background::burners()?;
    for _ in 0..effort.runs {
        let far_end = punctual_far_end(DELAY)?;
        let loaded = part::load(&Load {
            has_rtts: true,
            ..load(FAR, Class::Realtime, span_ms)
        })?;
        let told = loaded.rtts.iter().map(|(target, number, rtt_ns)| {
            let ip = Ipv4Addr::from_bits(FAR.to_bits() + target);
            (ip, *number as usize, *rtt_ns)
        });
        ours.add(error_p99(&far_end, told)? / 1e3);
        drop(far_end);
        class = scheduling(&loaded);
        if has_fping {
            let far_end = punctual_far_end(DELAY)?;
            let done = fping::run(&order(FAR, span_ms))?;
            let told = done.rtts.iter().flat_map(|(ip, rtts)| {
                let present = rtts.iter().enumerate();
                present.filter_map(|(number, rtt_ns)| Some((*ip, number, (*rtt_ns)?)))
            });
            theirs.add(error_p99(&far_end, told)? / 1e3);
        }
    }
    let ratio = ours.median() / theirs.median();
    Ok(Line {
        row: 6,
        what: "RTT error p99 against the wire beside two CPU burners, us".to_owned(),
        ours: short(ours.median()),
        peer: format!("fping {}", short(theirs.median())),
        ratio: short(ratio),
        goal: "<= 1/3".to_owned(),
        verdict: if has_fping {
            Verdict::of(ratio <= 1.0 / 3.0)
        } else {
            Verdict::NotMeasured
        },
        class,
        noise: format!("{}; fping {}", ours.spread(), theirs.spread()),
    })
}

/// A far end that answers everything after `delay`, and runs before the burners as a real far end would.
pub(crate) fn punctual_far_end(delay: Duration) -> Result<Responder> {
    let mut is_first = true;
    Responder::start_polling(move |_, _| {
        // The script runs on the far end's own thread.
        if std::mem::take(&mut is_first) {
            privilege::realtime();
        }
        vec![(delay, Answer::Right)]
    })
}

/// 99th percentile of the difference between what was told, (address, number of the probe, RTT), and the wire.
fn error_p99(far_end: &Responder, told: impl Iterator<Item = (Ipv4Addr, usize, u64)>) -> Result<f64> {
    let mut truth: HashMap<IpAddr, Vec<Option<i64>>> = HashMap::new();
    for exchange in far_end.exchanges()? {
        truth
            .entry(exchange.key.far)
            .or_default()
            .push(exchange.delay_ns());
    }
    let mut errors = Vec::new();
    for (ip, number, rtt_ns) in told {
        let series = truth.get(&IpAddr::V4(ip));
        if let Some(delay_ns) = series.and_then(|series| *series.get(number)?) {
            errors.push(delay_ns.abs_diff(rtt_ns as i64));
        }
    }
    ensure!(errors.len() > 100, "only {} RTTs to compare", errors.len());
    Ok(Percentiles::of(errors).p99 as f64)
}

/// Row 7, two lines: what was measured of the wire, and what this computer added.
///
/// A round is a calm run and one beside burners. Rounds whose calm run was disturbed by others are repeated, and count
/// only when there are no better ones.
pub(super) fn process_latency(effort: Effort) -> Result<Vec<Line>> {
    ensure_setpriv()?;
    let (mut wire, mut added) = (
        [Runs::default(), Runs::default()],
        [Runs::default(), Runs::default()],
    );
    let (mut class, mut rounds, mut disturbed) = (String::new(), Vec::new(), Vec::new());
    while rounds.len() < effort.runs && rounds.len() + disturbed.len() < effort.runs_max() {
        let before = Busy::now()?;
        let calm = line_of_5_ms(effort)?;
        let is_calm = before.since()? <= CALM_BUSY_MAX;
        let burners = Background::burners()?;
        let busy = line_of_5_ms(effort)?;
        drop(burners);
        class = scheduling(&busy);
        let kept = if is_calm { &mut rounds } else { &mut disturbed };
        kept.push([calm, busy]);
    }
    let (calm_rounds, all_rounds) = (rounds.len(), rounds.len() + disturbed.len());
    rounds.extend(
        disturbed
            .into_iter()
            .take(effort.runs.saturating_sub(calm_rounds)),
    );
    for loaded in rounds {
        for (at, loaded) in loaded.into_iter().enumerate() {
            wire[at].add(loaded.rtt_ns.p50 as f64 / 1e3);
            added[at].add(loaded.process_latency_ns.p99 as f64 / 1e3);
        }
    }
    let line = |what: &str, [calm, busy]: [Runs; 2], goal: &str, is_met: bool| Line {
        row: 7,
        what: format!("{what}, ordinary priority, 5 ms line, us: beside CPU burners against a calm computer"),
        ours: short(busy.median()),
        peer: format!("calm {}", short(calm.median())),
        ratio: short(busy.median() / calm.median()),
        goal: goal.to_owned(),
        verdict: Verdict::of(is_met),
        class: class.clone(),
        noise: format!(
            "{}; calm {}; {calm_rounds} of {all_rounds} rounds undisturbed by others",
            busy.spread(),
            calm.spread()
        ),
    };
    let stays = (wire[1].median() - wire[0].median()).abs() <= 0.02 * wire[0].median();
    let rises = added[1].median() > 2.0 * added[0].median();
    Ok(vec![
        line("wire RTT p50", wire, "stays (within 2 %)", stays),
        line("process latency p99", added, "rises", rises),
    ])
}

/// A run of row 7.
fn line_of_5_ms(effort: Effort) -> Result<Loaded> {
    let far_end = punctual_far_end(Duration::from_millis(5))?;
    let loaded = part::load(&load(FAR, Class::Ordinary, effort.span_ms / 2))?;
    drop(far_end);
    Ok(loaded)
}

//! How many probes, and what one costs: sustained rate, flood, steady pace, and punctuality at the full rate.

use std::net::Ipv4Addr;

use anyhow::Result;

use super::{Effort, own_losses, scheduling};
use crate::fping::{self, Order};
use crate::machine;
use crate::part::{self, Class, Load};
use crate::table::{Line, Runs, Verdict, say, short};

const FULL: &str =
    "sustained probes/s, 100,000 loopback targets once a second (engine threads' share of a core)";
const LATE: &str = "send lateness p99 at 100,000 probes/s, us (slots skipped)";

/// Rows 1 and 5.
pub(super) fn sustained(effort: Effort, is_compared: bool) -> Result<Vec<Line>> {
    let load = Load {
        warm_ms: 1500,
        has_samples: true,
        ..Load::loopback(100_000, 1_000_000, effort.span_ms)
    };
    let (mut rate, mut engine, mut process, mut late) =
        (Runs::default(), Runs::default(), Runs::default(), Runs::default());
    let (mut harmed, mut class) = (0, String::new());
    let mut search = (is_compared && machine::has("fping")).then(Search::default);
    for _ in 0..effort.runs {
        let loaded = part::load(&load)?;
        rate.add(loaded.sent as f64 / loaded.span_s);
        engine.add(loaded.engine_cpu_s / loaded.span_s);
        process.add(loaded.process_cpu_s / loaded.span_s);
        late.add(loaded.lateness_ns.p99 as f64 / 1e3);
        harmed += own_losses(&loaded);
        class = scheduling(&loaded);
        if let Some(search) = &mut search {
            search.step()?;
        }
    }
    let peer = search.as_ref().and_then(|search| search.best);
    let ratio = peer.map(|peer| rate.median() / f64::from(peer));
    let is_met = ratio.is_some_and(|ratio| ratio >= 15.0) && engine.median() <= 0.55 && harmed == 0;
    let first = Line {
        row: 1,
        what: FULL.to_owned(),
        ours: format!(
            "{}/s at {} core (process {})",
            short(rate.median()),
            short(engine.median()),
            short(process.median())
        ),
        peer: peer.map_or("fping: none found".to_owned(), |peer| format!("fping {peer}/s")),
        ratio: ratio.map_or("-".to_owned(), short),
        goal: ">= 15x, <= 0.55 core, none of our own lost".to_owned(),
        verdict: if search.is_some() {
            Verdict::of(is_met)
        } else {
            Verdict::NotMeasured
        },
        class: class.clone(),
        noise: format!(
            "{}/s, {} core; {harmed} lost by us; {}",
            rate.spread(),
            engine.spread(),
            search.map_or_else(|| "fping is not installed".to_owned(), |search| search.told)
        ),
    };
    let fifth = Line {
        row: 5,
        what: LATE.to_owned(),
        ours: format!("{} ({harmed} skipped or lost)", short(late.median())),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: "<= 150 us; 0".to_owned(),
        verdict: if class.contains("FIFO") {
            Verdict::of(late.median() <= 150.0 && harmed == 0)
        } else {
            Verdict::NotMeasured
        },
        class,
        noise: late.spread(),
    };
    Ok(vec![first, fifth])
}

/// Halves the span of rates in which fping's highest lies: each step long enough to use up its 65,536 sequence
/// numbers, which it keeps for ten seconds.
struct Search {
    low: u32,
    high: u32,
    best: Option<u32>,
    told: String,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            low: 5000,
            high: 8000,
            best: None,
            told: "fping was never at its limit".to_owned(),
        }
    }
}

impl Search {
    fn step(&mut self) -> Result<()> {
        const SEQUENCE_NUMBERS: u32 = 65_536;
        let rate = self.low.midpoint(self.high);
        let count = SEQUENCE_NUMBERS / rate + 2;
        let done = fping::run(&Order {
            first: Ipv4Addr::new(127, 1, 0, 1),
            targets: rate,
            count,
            period_ms: 1000,
            // In bursts, which is the fastest it can.
            spacing_ms: 0.0,
            has_rtts: false,
        })?;
        let is_sustained =
            done.is_complete && done.received == done.sent && done.elapsed_s <= f64::from(count);
        if is_sustained {
            self.low = rate;
            self.best = Some(rate);
        } else {
            self.high = rate;
            self.told = if done.is_complete {
                format!(
                    "fping at {rate}/s: {} of {} answered in {} s",
                    done.received, done.sent, done.elapsed_s
                )
            } else {
                let reason = done.complaint.split('(').next().unwrap_or_default();
                format!("{} at {rate}/s", reason.trim())
            };
        }
        say(&format!(
            "  fping at {rate}/s: {}",
            if is_sustained { "sustained" } else { &self.told }
        ));
        Ok(())
    }
}

/// Row 2, twice: flooding as fping does, which sleeps no more than it must, and at the most that the program admits, where
/// a wake-up for each batch is part of the figure.
pub(super) fn flood(effort: Effort) -> Result<Vec<Line>> {
    let admitted = Load::loopback(10_000, 100_000, effort.span_ms);
    let flood = Load {
        interval_us: 50_000,
        // The engine refuses more than 100,000/s; the shard within it, turned by a plain thread, takes what it is given.
        class: Class::SingleRealtime,
        ..admitted.clone()
    };
    let order = Order {
        first: admitted.first,
        targets: 10_000,
        // Six rounds stay below its 65,536 sequence numbers.
        count: 6,
        period_ms: 1,
        spacing_ms: 0.0,
        has_rtts: false,
    };
    let what = |how: &str| format!("CPU per probe flooding 10,000 loopback targets, us (ours: {how})");
    Ok(vec![
        per_probe(
            2,
            &what("one shard, asked 200,000/s"),
            &flood,
            &order,
            0.75,
            effort,
        )?,
        per_probe(
            2,
            &what("the engine's limit, 100,000/s"),
            &admitted,
            &order,
            0.75,
            effort,
        )?,
    ])
}

/// Row 3.
pub(super) fn paced(effort: Effort) -> Result<Line> {
    let load = Load::loopback(6000, 1_000_000, effort.span_ms);
    let order = Order {
        first: load.first,
        targets: 6000,
        count: 3,
        period_ms: 1000,
        // What its timer adds makes this 6,000/s.
        spacing_ms: 0.09,
        has_rtts: false,
    };
    per_probe(
        3,
        "CPU per probe paced at 6,000/s, us",
        &load,
        &order,
        0.5,
        effort,
    )
}

/// Our whole process against fping's, both without their start: of fping a run of one round is subtracted.
fn per_probe(row: u8, what: &str, load: &Load, order: &Order, goal: f64, effort: Effort) -> Result<Line> {
    let has_fping = machine::has("fping");
    let [mut ours, mut engine, mut rate, mut theirs, mut pace] = std::array::from_fn(|_| Runs::default());
    let (mut harmed, mut class) = (0, String::new());
    for _ in 0..effort.runs {
        let loaded = part::load(load)?;
        ours.add(loaded.process_cpu_s * 1e6 / loaded.sent as f64);
        engine.add(loaded.engine_cpu_s * 1e6 / loaded.sent as f64);
        rate.add(loaded.sent as f64 / loaded.span_s);
        harmed += own_losses(&loaded);
        class = scheduling(&loaded);
        if has_fping {
            let start = fping::run(&Order {
                count: 1,
                ..order.clone()
            })?;
            let done = fping::run(order)?;
            let cpu = done.cpu.saturating_sub(start.cpu);
            theirs.add(cpu.as_secs_f64() * 1e6 / (done.sent - start.sent).max(1) as f64);
            pace.add(done.sent as f64 / done.elapsed_s);
        }
    }
    let ratio = ours.median() / theirs.median();
    Ok(Line {
        row,
        what: what.to_owned(),
        ours: format!(
            "{} (engine {}) at {}/s",
            short(ours.median()),
            short(engine.median()),
            short(rate.median())
        ),
        peer: if has_fping {
            format!("fping {} at {}/s", short(theirs.median()), short(pace.median()))
        } else {
            "fping is not installed".to_owned()
        },
        ratio: short(ratio),
        goal: format!("<= {goal}x"),
        verdict: if has_fping {
            Verdict::of(ratio <= goal)
        } else {
            Verdict::NotMeasured
        },
        class,
        noise: format!(
            "{}; fping {}; {harmed} lost by us",
            ours.spread(),
            theirs.spread()
        ),
    })
}

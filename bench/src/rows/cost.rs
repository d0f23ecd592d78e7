//! What it takes: memory for each target, TCP handshakes for a core, records a core can carry to the disk.

use anyhow::Result;

use super::{Effort, scheduling};
use crate::account;
use crate::part::{self, Background, Class, Load};
use crate::record_path::{Carried, Whole};
use crate::table::{Line, Runs, Verdict, short};

const MIB: f64 = 1024.0 * 1024.0;

/// Row 8, two lines: the engine by itself, and engine, monitor and store with full windows.
pub(super) fn memory() -> Result<Vec<Line>> {
    let targets = 100_000;
    let engine = part::load(&Load::loopback(targets, 1_000_000, 4000))?;
    let of_target = |bytes: u64| bytes as f64 / f64::from(targets);
    let each = of_target(engine.allocated_bytes);
    let first = Line {
        row: 8,
        what: "memory per target in the engine, 100,000 targets at 1/s, B allocated".to_owned(),
        ours: short(each),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: "<= 256 B".to_owned(),
        verdict: Verdict::of(each <= 256.0),
        class: scheduling(&engine),
        noise: format!("resident {} B", short(of_target(engine.resident_bytes))),
    };
    let whole: Whole = part::ask("whole", "")?;
    let size_mib = whole.resident_bytes as f64 / MIB;
    let second = Line {
        row: 8,
        what: "whole process without the replay ring: engine, monitor, store, MiB resident".to_owned(),
        ours: short(size_mib),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: "<= 200 MB".to_owned(),
        verdict: Verdict::of(whole.resident_bytes <= 200_000_000),
        class: "-".to_owned(),
        noise: format!(
            "engine {}, monitor {}, store {} MiB allocated; windows of {} s full",
            short(whole.engine_bytes as f64 / MIB),
            short(whole.monitor_bytes as f64 / MIB),
            short(whole.store_bytes as f64 / MIB),
            whole.simulated_s
        ),
    };
    Ok(vec![first, second])
}

/// Row 9.
pub(super) fn tcp_connects(effort: Effort) -> Result<Line> {
    let mut listener = part::start("accept", "", Class::Realtime)?;
    let port = part::first_line(&mut listener)?.parse()?;
    let _listener = Background::of(listener);
    let load = Load {
        tcp_port: Some(port),
        warm_ms: 500,
        // 40,000/s: a busy core, but not one so full that SCHED_FIFO's watchdog or a neighbour decides the figure.
        ..Load::loopback(1000, 25_000, effort.span_ms)
    };
    let (mut per_core, mut rate, mut left) = (Runs::default(), Runs::default(), Runs::default());
    let (mut failed, mut class) = (0, String::new());
    for _ in 0..effort.runs {
        let before = account::time_wait()?;
        let loaded = part::load(&load)?;
        left.add(account::time_wait()?.saturating_sub(before) as f64);
        per_core.add(loaded.sent as f64 / loaded.engine_cpu_s);
        rate.add(loaded.sent as f64 / loaded.span_s);
        failed += loaded.counts.scheduled - loaded.counts.replied - loaded.counts.stopped;
        class = scheduling(&loaded);
    }
    let is_met = per_core.median() >= 60_000.0 && left.greatest() < 1.0;
    Ok(Line {
        row: 9,
        what: "TCP connects per second of a core, the far end's kernel work included (TIME_WAIT left behind)"
            .to_owned(),
        ours: format!("{} ({} left)", short(per_core.median()), left.greatest()),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: ">= 60,000; none".to_owned(),
        verdict: Verdict::of(is_met),
        class,
        noise: format!(
            "{}; at {}/s; {failed} not connected",
            per_core.spread(),
            short(rate.median())
        ),
    })
}

/// Row 10.
pub(super) fn record_path(effort: Effort) -> Result<Line> {
    let mut rate = Runs::default();
    let mut lost = 0;
    for _ in 0..effort.runs {
        let records = effort.span_ms * 500;
        let carried: Carried = part::ask("carry", &records.to_string())?;
        rate.add(carried.records as f64 / carried.span_s);
        lost += carried.lost;
    }
    Ok(Line {
        row: 10,
        what: "record path (record, monitor, store on disk) on one core, records/s".to_owned(),
        ours: short(rate.median()),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: ">= 500,000/s".to_owned(),
        verdict: Verdict::of(rate.median() >= 500_000.0 && lost == 0),
        class: "pinned to one core".to_owned(),
        noise: format!("{}; {lost} lost", rate.spread()),
    })
}

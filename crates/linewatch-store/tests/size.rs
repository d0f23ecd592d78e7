//! What a day costs on disk. Prints; asserts nothing.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::record::ProbeRecord;
use linewatch_core::target::TargetId;
use linewatch_core::time::Rtt;
use linewatch_store::StoreMessage;

/// Deterministic noise: the middle 32 bits of a multiplicative hash (splitmix64).
fn noise(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// Roughly exponential with this mean: most small, some large, as queues are.
fn queueing(seed: u64, mean_ns: f64) -> u64 {
    let uniform = (noise(seed) >> 11) as f64 / (1_u64 << 53) as f64;
    (-(1.0 - uniform).ln() * mean_ns) as u64
}

/// A plausible reply: four LAN targets, the others 5 to 100 ms away with jitter of a hundredth of that.
fn plausible(target: u32, seq: u64) -> ProbeRecord {
    let mut record = reply(TargetId(target), seq, SECOND);
    let seed = u64::from(target) << 40 | seq << 2;
    let base_ns = if target <= 4 {
        200_000
    } else {
        5_000_000 * u64::from(target - 4)
    };
    let rtt_ns = base_ns + queueing(seed, base_ns as f64 / 100.0);
    record.rtt = Some(Rtt::from_nanos(rtt_ns));
    record.host_rtt = Some(Rtt::from_nanos(rtt_ns + 15_000 + queueing(seed + 1, 10_000.0)));
    record.sent_at = record
        .due_at
        .plus(Duration::from_nanos(55_000 + queueing(seed + 2, 20_000.0)));
    record
}

#[test]
#[ignore = "a figure, not a test: 1.7 million samples"]
#[expect(clippy::print_stdout, reason = "the figure")]
fn a_day_of_20_targets_at_1_per_second() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, _reader) = start(open(dir.path(), 0).store, &clock);
    let plans = (1..=20).map(|id| (TargetId(id), plan(SECOND))).collect();
    handle.try_send(StoreMessage::Active(plans));
    // A flush a minute instead of a second: the same rows and blocks in a sixtieth of the time.
    for minute in 0..24 * 60 {
        let records = (minute * 60..minute * 60 + 60)
            .flat_map(|seq| (1..=20).map(move |target| plausible(target, seq)));
        send(&handle, batch(records.collect()));
        clock.advance(Duration::from_secs(60));
        handle.flush().expect("flushed");
    }
    clock.advance(Duration::from_secs(10_000));
    handle.flush().expect("sealed");
    handle.stop("test").expect("stopped");
    let count = sql_number(dir.path(), "SELECT sum(samples) FROM samples");
    let per = |sql: &str| sql_number(dir.path(), sql) as f64 / count as f64;
    println!("samples {count}");
    println!(
        "bytes per sample in blocks {:.3}",
        per("SELECT sum(length(block)) FROM samples")
    );
    println!(
        "of LAN targets {:.3}",
        per("SELECT sum(length(block)) * 5 FROM samples WHERE target <= 4")
    );
    println!(
        "of the others {:.3}",
        per("SELECT sum(length(block)) * 5 / 4 FROM samples WHERE target > 4")
    );
    println!(
        "largest block {}",
        sql_number(dir.path(), "SELECT max(length(block)) FROM samples")
    );
    println!(
        "file MB {:.2}",
        dir.path().join("linewatch.db").metadata().expect("there").len() as f64 / 1e6
    );
    // Last, for it takes the tiers away: their pages are those that are free then.
    let connection = rusqlite::Connection::open(dir.path().join("linewatch.db")).expect("opens");
    for tier in ["rollup_1m", "rollup_10m", "rollup_1h"] {
        let sketch = sql_number(
            dir.path(),
            &format!("SELECT CAST(avg(length(sketch)) AS INTEGER) FROM {tier}"),
        );
        let free = || sql_number(dir.path(), "SELECT freelist_count FROM pragma_freelist_count");
        let before = free();
        connection
            .execute_batch(&format!("DROP VIEW IF EXISTS v_minute; DROP TABLE {tier}"))
            .expect("dropped");
        let bytes = (free() - before) as f64 * 4096.0 / count as f64;
        println!("{tier}: sketch {sketch} B, pages {bytes:.3} B a sample");
    }
}

#[test]
#[ignore = "a figure, not a test: 4 million samples, with --release"]
#[expect(clippy::print_stdout, reason = "the figure")]
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn how_many_samples_a_second_the_writer_takes() {
    const TARGETS: u32 = 1000;
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, _reader) = start(open(dir.path(), 0).store, &clock);
    let plans = (1..=TARGETS)
        .map(|id| (TargetId(id), plan(SECOND / 50)))
        .collect();
    handle.try_send(StoreMessage::Active(plans));
    let mut spent = Duration::ZERO;
    for second in 0..80_u64 {
        let batches: Vec<_> = (0..50)
            .map(|slot| {
                let seq = second * 50 + slot;
                batch(
                    (1..=TARGETS)
                        .map(|id| reply(TargetId(id), seq, SECOND / 50))
                        .collect(),
                )
            })
            .collect();
        clock.advance(Duration::from_secs(1));
        let begun = std::time::Instant::now();
        batches.into_iter().for_each(|batch| send(&handle, batch));
        handle.flush().expect("flushed");
        spent += begun.elapsed();
    }
    let samples = f64::from(TARGETS) * 50.0 * 80.0;
    println!(
        "{:.0} samples/s, seconds, minutes and sealing included",
        samples / spent.as_secs_f64()
    );
}

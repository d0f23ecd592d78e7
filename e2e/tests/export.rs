//! A million stored samples, exported by the program and read by Python's csv module: every one is there once, and the
//! sums are the database's own.
//!
//! Skipped, with words, where there is no Python; nothing here needs a network.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_core::port::{Clock as _, History as _, SeriesQuery};
use linewatch_core::record::{
    Cause, Class, Counts, Gap, GapKind, Outcome, ProbeRecord, RecordBatch, Stray, StrayKind,
};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_e2e::{binary, namespace};
use linewatch_probe::clock::SystemClock;
use linewatch_store::{Reader, SeriesKey, StartOptions, Store, StoreMessage};
use serde_json::Value;

/// Samples: 27.8 hours at 10 a second.
const SAMPLES: u64 = 1_000_000;
/// Between two of them.
const INTERVAL_NS: u64 = 100_000_000;
/// Samples of one message to the store.
const BATCH: u64 = 10_000;
/// A name that a spreadsheet would run, with everything that needs quoting.
const NAME: &str = "=HYPERLINK(\"x\"), 'gw'";

/// Reads a CSV and prints what it adds up to as JSON.
const PYTHON: &str = r#"
import collections, csv, json, sys
kinds, outcomes, seqs = collections.Counter(), collections.Counter(), set()
rtt_us, names, slots, last = 0, set(), 0, ""
with open(sys.argv[1], newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        assert None not in row and None not in row.values(), row
        assert row["time"] >= last, row
        last = row["time"]
        kinds[row["kind"]] += 1
        names.add(row["name"])
        if row["kind"] == "probe":
            outcomes[row["outcome"]] += 1
            seqs.add((row["run"], row["seq"]))
            if row["rtt_ms"]:
                rtt_us += round(float(row["rtt_ms"]) * 1000)
        elif row["kind"] == "gap":
            slots += int(row["slots"])
print(json.dumps({"kinds": kinds, "outcomes": outcomes, "distinct": len(seqs), "rtt_us": rtt_us,
                  "names": sorted(names), "slots": slots}))
"#;

#[test]
fn a_million_samples_open_in_python_and_add_up_to_the_counts_of_the_database() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("export", &missing),
    };
    if let Err(error) = run(Path::new("python3"), &["-c", "import csv"]) {
        return namespace::skip("export", &format!("python3 cannot be run: {error:#}"));
    }
    if let Err(error) = million(&program) {
        panic!("{error:?}");
    }
}

fn million(program: &Path) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let start_s = (SystemClock::start().wall().as_nanos() / 1_000_000_000 - 110_000) / 3600 * 3600;
    let start = WallTime::from_nanos(start_s * 1_000_000_000);
    let target = fill(&data, start)?;
    let csv = dir.path().join("gw.csv").display().to_string();
    let data_text = data.display().to_string();
    run(
        program,
        &[
            "--data-dir",
            &data_text,
            "export",
            "gw",
            "--range",
            "40h",
            "--out",
            &csv,
        ],
    )?;
    let told: Value = serde_json::from_str(&run(Path::new("python3"), &["-c", PYTHON, &csv])?)?;

    let counts = counts(&data, target, start)?;
    ensure!(
        counts.finished() == SAMPLES,
        "the tiers count {}",
        counts.finished()
    );
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    ensure!(number(&told["kinds"]["probe"]) == SAMPLES, "{told}");
    ensure!(number(&told["distinct"]) == SAMPLES, "{told}");
    for (word, count) in [
        ("reply", counts.replied),
        ("lost", counts.lost),
        ("unsent", counts.unsent),
        ("unmeasured", counts.unmeasured),
    ] {
        ensure!(
            number(&told["outcomes"][word]) == count && count > 0,
            "{word} {count}: {told}"
        );
    }
    ensure!(
        number(&told["kinds"]["late"]) == counts.late && counts.late > 0,
        "{told}"
    );
    ensure!(
        (number(&told["kinds"]["gap"]), number(&told["slots"])) == (1, 500),
        "{told}"
    );
    let rtt_us: u64 = (0..SAMPLES)
        .filter_map(|seq| record(target, seq).rtt)
        .map(|rtt| rtt.as_nanos() / 1000)
        .sum();
    ensure!(number(&told["rtt_us"]) == rtt_us, "{rtt_us}: {told}");
    ensure!(told["names"] == serde_json::json!([format!("'{NAME}")]), "{told}");
    a_reader_that_goes_is_no_error(program, &data_text)
}

/// `linewatch export … | head -1`.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn a_reader_that_goes_is_no_error(program: &Path, data: &str) -> anyhow::Result<()> {
    let mut child = Command::new(program)
        .args(["--data-dir", data, "export", "gw", "--range", "40h"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut reader = BufReader::new(child.stdout.take().context("a pipe")?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    drop(reader);
    ensure!(first.starts_with("time,target,"), "{first}");
    let output = child.wait_with_output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(0) && complaint.is_empty(),
        "{}: {complaint}",
        output.status
    );
    Ok(())
}

/// What the tiers say of the target.
fn counts(data: &Path, target: TargetId, start: WallTime) -> anyhow::Result<Counts> {
    let reader = Reader::open(data)?;
    let hours = 40;
    let series = reader.series(SeriesQuery {
        target,
        from: start,
        to: start.plus(Duration::from_secs(hours * 3600)),
        points: hours as usize,
    })?;
    let mut counts = Counts::default();
    series
        .points
        .iter()
        .for_each(|point| counts.merge(point.rollup.counts()));
    Ok(counts)
}

fn fill(data: &Path, start: WallTime) -> anyhow::Result<TargetId> {
    let mut opened = Store::open(data, "test", start)?;
    let key = SeriesKey {
        slug: "gw".to_owned(),
        address: "192.0.2.1".to_owned(),
        method: "icmp".to_owned(),
        port: None,
    };
    let target = opened.store.register(&key, NAME, start)?;
    let options = StartOptions {
        queue: 64,
        flush_interval: Duration::from_secs(1),
        clock: Arc::new(SystemClock::start()),
    };
    let (handle, _) = opened.store.start(options)?;
    let anchor = Anchor {
        mono: MonoTime::ZERO,
        wall: start,
    };
    for first in (0..SAMPLES).step_by(BATCH as usize) {
        let mut batch = RecordBatch::new(anchor);
        batch.records = (first..first + BATCH).map(|seq| record(target, seq)).collect();
        batch.strays = vec![Stray {
            target,
            seq: first + 97,
            kind: StrayKind::Late,
            sent_at: MonoTime::from_nanos((first + 97) * INTERVAL_NS),
            delay: Some(Rtt::from_nanos(2_500_000_000)),
        }];
        if first == BATCH {
            batch.gaps = vec![Gap {
                target,
                kind: GapKind::Stalled,
                from: start.plus(Duration::from_nanos(first * INTERVAL_NS)),
                to: start.plus(Duration::from_nanos((first + 5) * INTERVAL_NS)),
                first_seq: SAMPLES,
                slots: 500,
            }];
        }
        ensure!(
            handle.try_send(StoreMessage::Batch(Arc::new(batch))),
            "the queue is full"
        );
        handle.flush()?;
    }
    handle.stop("the test has what it wants")?;
    Ok(target)
}

/// One probe in 97 is lost, one in 1009 never left, one in 2003 was ours to miss.
fn record(target: TargetId, seq: u64) -> ProbeRecord {
    let sent_at = MonoTime::from_nanos(seq * INTERVAL_NS);
    let outcome = match seq {
        _ if seq % 97 == 96 => Outcome::Lost,
        _ if seq % 1009 == 1008 => Outcome::Unsent,
        _ if seq % 2003 == 2002 => Outcome::Unmeasured,
        _ => Outcome::Reply,
    };
    let rtt = (outcome == Outcome::Reply).then(|| Rtt::from_nanos((10_000 + seq * 7919 % 5_000) * 1000));
    ProbeRecord {
        target,
        seq,
        due_at: sent_at,
        sent_at,
        outcome,
        rtt,
        host_rtt: rtt,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

/// What a program prints.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process, and about Python's reading"
)]
fn run(program: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output().context("run")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {complaint}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

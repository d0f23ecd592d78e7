//! Writes a comparison of two spans: a table for people, an object for programs.
//!
//! Input: the comparison and what its sides are called. Output: lines. The test is named with everything needed to do
//! it again. Not here: the statistics (`linewatch_core::stats::compare`).

use jiff::tz::TimeZone;
use linewatch_core::stats::compare::{
    ALPHA, BLOCKS_MIN, Comparison, Figure, Metric, PERMUTATIONS, SEED, Verdict,
};
use linewatch_core::time::WallTime;
use serde::Serialize;

use crate::format::{self, NONE};
use crate::json::{CountsObject, line};
use crate::text::printable;
use crate::when::{date_time, rfc3339_us, zone_name};

/// What one side is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Id of the target.
    pub target: String,
    /// Begin of its period.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// Length of its outages together, in milliseconds.
    pub down_ms: u64,
}

/// Name of the test, for programs.
const TEST: &str = "block permutation";

#[derive(Serialize)]
struct Object<'a> {
    a: SideObject<'a>,
    b: SideObject<'a>,
    figures: Vec<FigureObject>,
    test: TestObject,
}

#[derive(Serialize)]
struct SideObject<'a> {
    target: &'a str,
    from: String,
    to: String,
    minutes: u64,
    #[serde(flatten)]
    counts: CountsObject,
    outages: u64,
    down_ms: u64,
}

#[derive(Serialize)]
struct FigureObject {
    metric: &'static str,
    a: Option<f64>,
    b: Option<f64>,
    difference: Option<f64>,
    p: Option<f64>,
    /// `null` when there is too little to tell.
    exceeds_chance: Option<bool>,
}

#[derive(Serialize)]
struct TestObject {
    name: &'static str,
    alpha: f64,
    permutations: usize,
    seed: u64,
    block_minutes: usize,
    blocks: [usize; 2],
}

const fn word(metric: Metric) -> &'static str {
    match metric {
        Metric::Loss => "loss_ratio",
        Metric::P50 => "rtt_p50_ns",
        Metric::P95 => "rtt_p95_ns",
        Metric::P99 => "rtt_p99_ns",
        Metric::Jitter => "jitter_ns",
        Metric::Outages => "outages_per_day",
    }
}

const fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::Loss => "Loss",
        Metric::P50 => "RTT p50",
        Metric::P95 => "RTT p95",
        Metric::P99 => "RTT p99",
        Metric::Jitter => "Jitter",
        Metric::Outages => "Outages per day",
    }
}

/// The comparison as one line of JSON, without its end.
pub fn json(comparison: &Comparison, sides: &[Side; 2]) -> String {
    let side = |index: usize| SideObject {
        target: &sides[index].target,
        from: rfc3339_us(sides[index].from),
        to: rfc3339_us(sides[index].to),
        minutes: comparison.minutes[index],
        counts: CountsObject::from(&comparison.counts[index]),
        outages: comparison.outages[index],
        down_ms: sides[index].down_ms,
    };
    let figures = comparison.figures.iter().map(|figure| FigureObject {
        metric: word(figure.metric),
        a: figure.a,
        b: figure.b,
        difference: figure.difference,
        p: figure.p,
        exceeds_chance: match figure.verdict {
            Verdict::Exceeds => Some(true),
            Verdict::Chance => Some(false),
            Verdict::TooLittle => None,
        },
    });
    line(&Object {
        a: side(0),
        b: side(1),
        figures: figures.collect(),
        test: TestObject {
            name: TEST,
            alpha: ALPHA,
            permutations: PERMUTATIONS,
            seed: SEED,
            block_minutes: comparison.block_minutes,
            blocks: comparison.blocks,
        },
    })
}

/// The comparison as lines for a person.
pub fn table(comparison: &Comparison, sides: &[Side; 2], zone: &TimeZone) -> Vec<String> {
    let mut lines = vec![
        heading("A", &sides[0], zone),
        heading("B", &sides[1], zone),
        format!("Zone: {}", zone_name(sides[1].to, zone)),
        String::new(),
        row(["", "A", "B", "B - A", "p", ""].map(str::to_owned)),
    ];
    lines.extend(comparison.figures.iter().map(figure_row));
    let plain = |title: &str, cells: [String; 2]| {
        let [a, b] = cells;
        row([
            title.to_owned(),
            a,
            b,
            String::new(),
            String::new(),
            String::new(),
        ])
    };
    let counts = |of: fn(&linewatch_core::record::Counts) -> u64| {
        comparison
            .counts
            .map(|counts| format::count(i64::try_from(of(&counts)).ok()))
    };
    lines.push(plain(
        "Outages",
        comparison.outages.map(|outages| outages.to_string()),
    ));
    let down = [0, 1].map(|index| format::duration_ms(Some(sides[index].down_ms)));
    lines.push(plain("Time in outages", down));
    lines.push(plain("Probes finished", counts(|counts| counts.loss().finished)));
    lines.push(plain("Failed of them", counts(|counts| counts.loss().failed)));
    lines.push(String::new());
    lines.extend(method(comparison));
    lines
}

fn heading(name: &str, side: &Side, zone: &TimeZone) -> String {
    let (from, to) = (date_time(side.from, zone), date_time(side.to, zone));
    format!("{name}: {}, {from} to {to}", printable(&side.target))
}

fn row(cells: [String; 6]) -> String {
    let [title, a, b, difference, p, verdict] = cells;
    format!("{title:<16}{a:>12}{b:>12}{difference:>12}{p:>9}  {verdict}")
        .trim_end()
        .to_owned()
}

fn figure_row(figure: &Figure) -> String {
    let value = |value: Option<f64>| value_text(figure.metric, value);
    let verdict = match figure.verdict {
        Verdict::Exceeds => "beyond chance",
        Verdict::Chance => "may be chance",
        Verdict::TooLittle => "too little to tell",
    };
    row([
        title(figure.metric).to_owned(),
        value(figure.a),
        value(figure.b),
        difference_text(figure.metric, figure.difference),
        figure.p.map_or_else(|| NONE.to_owned(), |p| format!("{p:.4}")),
        verdict.to_owned(),
    ])
}

fn value_text(metric: Metric, value: Option<f64>) -> String {
    let Some(value) = value else {
        return NONE.to_owned();
    };
    match metric {
        Metric::Loss => format::loss_ppm(Some((value * 1e6).round() as u32)).to_string(),
        Metric::P50 | Metric::P95 | Metric::P99 | Metric::Jitter => {
            format::rtt_ms(Some(value / 1e6)).to_string()
        }
        Metric::Outages => format!("{value:.2}"),
    }
}

/// With its sign. A difference of shares is one of percentage points.
fn difference_text(metric: Metric, difference: Option<f64>) -> String {
    let Some(difference) = difference else {
        return NONE.to_owned();
    };
    let sign = match difference {
        0.0 => "",
        above if above > 0.0 => "+",
        _ => "\u{2212}",
    };
    let size = value_text(metric, Some(difference.abs()));
    match metric {
        Metric::Loss => format!("{sign}{} pp", size.trim_end_matches('%')),
        Metric::P50 | Metric::P95 | Metric::P99 | Metric::Jitter | Metric::Outages => format!("{sign}{size}"),
    }
}

/// How it was judged, in sentences.
fn method(comparison: &Comparison) -> Vec<String> {
    let [a, b] = comparison.blocks;
    let minutes = comparison.block_minutes;
    let percent = ALPHA * 100.0;
    let mut lines = vec![format!(
        "Test: block permutation, blocks of {minutes} min ({a} of A, {b} of B), {PERMUTATIONS} permutations, seed {SEED}."
    )];
    lines.push(format!(
        "p: how often equal lines would differ as much; beyond chance is p <= {ALPHA} ({percent}% false alarms per row)."
    ));
    lines.push("Percentiles are within 1.1%; a smaller difference between them shows as 0.".to_owned());
    if comparison.blocks.iter().any(|blocks| *blocks < BLOCKS_MIN) {
        lines.push(format!(
            "Too little to tell: each side needs {BLOCKS_MIN} blocks of {minutes} min; compare longer periods."
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use linewatch_core::record::Outcome;
    use linewatch_core::rollup::Rollup;
    use linewatch_core::stats::compare::{Minute, compare};
    use linewatch_core::time::Rtt;

    use super::*;

    fn minutes(lost: usize, ms: u64) -> Vec<Minute> {
        let minute = |number| {
            let mut rollup = Rollup::default();
            for probe in 0..10 {
                let rtt = Rtt::from_nanos(ms * 1_000_000);
                match probe < lost {
                    true => rollup.add(Outcome::Lost, None, false),
                    false => rollup.add(Outcome::Reply, Some(rtt), false),
                }
            }
            Minute {
                number,
                rollup,
                outages: 0,
            }
        };
        (0..12).map(minute).collect()
    }

    fn sides() -> [Side; 2] {
        let side = |hour: i64, down_ms| Side {
            target: "gw".to_owned(),
            from: WallTime::from_nanos((1_795_226_400 + hour * 3600) * 1_000_000_000),
            to: WallTime::from_nanos((1_795_226_400 + (hour + 1) * 3600) * 1_000_000_000),
            down_ms,
        };
        [side(0, 0), side(1, 112_000)]
    }

    #[test]
    fn a_table_says_values_differences_and_the_test() {
        let comparison = compare(&minutes(0, 12), &minutes(5, 11), 1);
        let lines = table(&comparison, &sides(), &TimeZone::UTC).join("\n");
        for expected in [
            "A: gw, 2026-11-21 02:00:00 to 2026-11-21 03:00:00\nB: gw, 2026-11-21 03:00:00 to 2026-11-21 04:00:00\nZone: UTC (+00:00)",
            "                           A           B       B - A        p\n",
            "Loss                      0%         50%      +50 pp   0.0005  beyond chance",
            "RTT p95              12.0 ms     11.0 ms    \u{2212}1.00 ms   0.0005  beyond chance",
            "Jitter                     —           —           —        —  too little to tell",
            "Time in outages         0 ms    1 m 52 s\n",
            "Test: block permutation, blocks of 1 min (12 of A, 12 of B), 2000 permutations, seed 7811896410724463715.",
        ] {
            assert!(lines.contains(expected), "{expected}\nis not in\n{lines}");
        }
    }

    #[test]
    fn an_object_says_the_same_without_rounding() {
        let comparison = compare(&minutes(0, 12), &minutes(5, 12)[..3], 1);
        let object: serde_json::Value = serde_json::from_str(&json(&comparison, &sides())).expect("JSON");
        assert_eq!(object["figures"][0]["metric"], "loss_ratio");
        assert_eq!(object["figures"][0]["difference"], 0.5);
        assert_eq!(object["figures"][0]["exceeds_chance"], serde_json::Value::Null);
        assert_eq!(object["test"]["blocks"], serde_json::json!([12, 3]));
        assert_eq!(
            (&object["b"]["lost"], &object["a"]["replied"]),
            (&15.into(), &120.into())
        );
        let lines = table(&comparison, &sides(), &TimeZone::UTC).join("\n");
        assert!(lines.contains("each side needs 6 blocks of 1 min"), "{lines}");
    }
}

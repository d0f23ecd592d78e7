//! Claims about exports, made over a history held in memory: nothing is left out or told twice, and every cell is inert.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use linewatch_core::event::{Event, EventKind, LogRow, OutageRow};
use linewatch_core::past::{SeriesSum, Stretch, SumQuery};
use linewatch_core::port::{
    RowQuery, SampleQuery, Series, SeriesPoint, SeriesQuery, SeriesSource, StorageView, StoredTarget,
};
use linewatch_core::record::{Cause, Class, GapKind, Outcome, StrayKind};
use linewatch_core::rollup::Buckets;
use linewatch_core::time::Rtt;
use proptest::prelude::*;

use super::*;

/// 2026-11-21T02:03:00Z: a whole minute.
const START: WallTime = WallTime::from_nanos(1_795_226_580_000_000_000);

fn at(ms: u64) -> WallTime {
    START.plus(Duration::from_millis(ms))
}

fn sample(seq: u64, ms: u64) -> StoredSample {
    StoredSample {
        run: 3,
        seq,
        at: at(ms),
        outcome: Outcome::Reply,
        rtt: Some(Rtt::from_nanos(12_345_000)),
        host_rtt: Some(Rtt::from_nanos(12_400_000)),
        lateness_ns: 56_000,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
        stray: None,
    }
}

fn gap(from_ms: u64, to_ms: u64) -> Gap {
    Gap {
        target: TargetId(1),
        kind: GapKind::Suspended,
        from: at(from_ms),
        to: at(to_ms),
        first_seq: 4,
        slots: 2,
    }
}

/// A history of these rows; samples belong to the series named beside them.
#[derive(Default)]
struct Held {
    samples: Vec<(TargetId, StoredSample)>,
    gaps: Vec<Gap>,
    asked: Mutex<Vec<SeriesQuery>>,
    /// The store tells minutes for more seconds than this.
    seconds_max: Option<usize>,
}

impl History for Held {
    fn samples(&self, query: SampleQuery) -> Result<Vec<StoredSample>, HistoryError> {
        let of_series = self.samples.iter().filter(|(target, _)| *target == query.target);
        let span = query.from..query.to;
        let mut found: Vec<_> = of_series
            .map(|(_, sample)| *sample)
            .filter(|sample| span.contains(&sample.at))
            .collect();
        found.sort_by_key(|sample| (sample.at, sample.run, sample.seq, sample.stray.is_some()));
        found.truncate(query.limit);
        Ok(found)
    }
    fn sums(&self, _query: &SumQuery) -> Result<Vec<(TargetId, SeriesSum)>, HistoryError> {
        Ok(Vec::new())
    }
    fn stretches(&self, _query: &SumQuery) -> Result<Vec<Stretch>, HistoryError> {
        Ok(Vec::new())
    }
    fn series(&self, query: SeriesQuery) -> Result<Series, HistoryError> {
        self.asked.lock().expect("asked").push(query);
        let span = query.to.nanos_after(query.from).unsigned_abs();
        let mut bucket = Duration::from_nanos(span / query.points as u64);
        if self.seconds_max.is_some_and(|most| query.points > most) {
            bucket = Duration::from_secs(60);
        }
        let mut buckets = Buckets::new(bucket);
        for (_, sample) in self.samples.iter().filter(|(target, sample)| {
            *target == query.target && sample.stray.is_none() && (query.from..query.to).contains(&sample.at)
        }) {
            buckets.add(sample.at, (sample.outcome, sample.rtt, false), [None, None]);
        }
        Ok(Series {
            from: query.from,
            to: query.to,
            bucket,
            source: SeriesSource::Raw,
            points: buckets
                .into_rollups()
                .into_iter()
                .map(|(at, rollup)| SeriesPoint { at, rollup })
                .collect(),
            gaps: Vec::new(),
        })
    }
    fn gaps(&self, query: SampleQuery) -> Result<Vec<Gap>, HistoryError> {
        let touching = self
            .gaps
            .iter()
            .filter(|gap| gap.target == query.target && gap.to >= query.from && gap.from < query.to);
        Ok(touching.copied().take(query.limit).collect())
    }
    fn events(&self, _: &RowQuery) -> Result<Vec<Event>, HistoryError> {
        Ok(Vec::new())
    }
    fn outages(&self, _: &RowQuery) -> Result<Vec<OutageRow>, HistoryError> {
        Ok(Vec::new())
    }
    fn logs(&self, _: &RowQuery) -> Result<Vec<LogRow>, HistoryError> {
        Ok(Vec::new())
    }
    fn count_events(&self, _: &[TargetId], _: &[EventKind]) -> Result<u64, HistoryError> {
        Ok(0)
    }
    fn numbered_logs(&self, _: Option<&str>, _: usize) -> Result<Vec<(i64, LogRow)>, HistoryError> {
        Ok(Vec::new())
    }
    fn targets(&self) -> Result<Vec<StoredTarget>, HistoryError> {
        Ok(Vec::new())
    }
    fn storage(&self) -> StorageView {
        StorageView::default()
    }
}

fn request(grain: Grain, format: Format) -> Request {
    Request {
        sources: vec![Source {
            slug: "gw".to_owned(),
            name: "=cmd|' /C calc'!A0, \"x\"".to_owned(),
            series: vec![TargetId(1)],
        }],
        from: START,
        to: at(600_000),
        grain,
        format,
        portion_samples: 1000,
    }
}

fn text(history: &Held, request: Request) -> String {
    let (mut export, mut out) = (Export::new(request), Vec::new());
    while export.step(history, &mut out).expect("written") {}
    assert!(
        (export.done_ratio() - 1.0).abs() < 1e-9,
        "{}",
        export.done_ratio()
    );
    String::from_utf8(out).expect("UTF-8")
}

fn few() -> Held {
    let late = StoredSample {
        outcome: Outcome::Reply,
        rtt: Some(Rtt::from_nanos(2_500_000_000)),
        host_rtt: None,
        stray: Some(StrayKind::Late),
        ..sample(1, 1000)
    };
    let lost = StoredSample {
        outcome: Outcome::Lost,
        rtt: None,
        host_rtt: None,
        lateness_ns: 0,
        ..sample(1, 1000)
    };
    let unsent = StoredSample {
        outcome: Outcome::Unsent,
        cause: Cause::Icmp {
            kind: 200,
            code: 1,
            is_v6: false,
        },
        ..lost
    };
    Held {
        samples: [
            sample(0, 0),
            lost,
            late,
            StoredSample {
                seq: 2,
                at: at(2000),
                ..unsent
            },
        ]
        .map(|sample| (TargetId(1), sample))
        .to_vec(),
        gaps: vec![gap(2500, 4500)],
        ..Held::default()
    }
}

#[test]
fn a_csv_has_units_utc_and_inert_cells() {
    let name = "\"'=cmd|' /C calc'!A0, \"\"x\"\"\"";
    let expected = [
        "time,target,name,kind,run,seq,outcome,rtt_ms,host_rtt_ms,process_latency_ms,lateness_ms,class,cause,reordered,delay_ms,until,slots".to_owned(),
        format!("2026-11-21T02:03:00.000000Z,gw,{name},probe,3,0,reply,12.345,12.4,0.055,0.056,K,,0,,,"),
        format!("2026-11-21T02:03:01.000000Z,gw,{name},probe,3,1,lost,,,,0,K,,0,,,"),
        format!("2026-11-21T02:03:01.000000Z,gw,{name},late,3,1,,,,,,,,,2500,,"),
        format!("2026-11-21T02:03:02.000000Z,gw,{name},probe,3,2,unsent,,,,0,K,icmp type 200 code 1,0,,,"),
        format!("2026-11-21T02:03:02.500000Z,gw,{name},gap,,4,,,,,,,suspended,,,2026-11-21T02:03:04.500000Z,2"),
        String::new(),
    ];
    assert_eq!(
        text(&few(), request(Grain::Raw, Format::Csv)),
        expected.join("\r\n")
    );
}

#[test]
fn an_ndjson_line_is_the_object_of_watch_and_its_run() {
    let lines = text(&few(), request(Grain::Raw, Format::Ndjson));
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines[0],
        concat!(
            r#"{"time":"2026-11-21T02:03:00.000000Z","target":"gw","seq":0,"outcome":"reply","rtt_ns":12345000,"#,
            r#""host_rtt_ns":12400000,"process_latency_ns":55000,"lateness_ns":56000,"class":"K","cause":null,"run":3}"#
        )
    );
    assert_eq!(
        lines[2],
        r#"{"time":"2026-11-21T02:03:01.000000Z","target":"gw","seq":1,"stray":"late","delay_ns":2500000000,"run":3}"#
    );
    assert_eq!(
        lines[4],
        concat!(
            r#"{"time":"2026-11-21T02:03:02.500000Z","until":"2026-11-21T02:03:04.500000Z","target":"gw","#,
            r#""gap":"suspended","first_seq":4,"slots":2}"#
        )
    );
}

#[test]
fn json_is_one_array_also_when_it_is_empty() {
    let array: serde_json::Value =
        serde_json::from_str(&text(&few(), request(Grain::Raw, Format::Json))).expect("JSON");
    assert_eq!(array.as_array().map(Vec::len), Some(5));
    assert_eq!(text(&Held::default(), request(Grain::Raw, Format::Json)), "[]\n");
    let buckets = text(&few(), request(Grain::Buckets(Resolution::Minute), Format::Json));
    let buckets: serde_json::Value = serde_json::from_str(&buckets).expect("JSON");
    assert_eq!(buckets[0]["replied"], 1);
    assert_eq!(buckets[0]["rtt_ns"]["max"], 12_345_000);
    assert_eq!(buckets[0]["loss_ratio"], 0.5);
    assert_eq!(buckets[1]["gap"], "suspended");
}

#[test]
fn influx_lines_are_escaped_and_a_late_answer_does_not_replace_its_probe() {
    let mut request = request(Grain::Raw, Format::Influx);
    request.sources[0].slug = "g w,=\\".to_owned();
    let lines = text(&few(), request);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines,
        [
            "linewatch_probe,target=g\\ w\\,\\=\\\\,class=K,outcome=reply run=3i,seq=0i,rtt_ns=12345000i,host_rtt_ns=12400000i,process_latency_ns=55000i,lateness_ns=56000i 1795226580000000000",
            "linewatch_probe,target=g\\ w\\,\\=\\\\,class=K,outcome=lost run=3i,seq=1i,lateness_ns=0i 1795226581000000000",
            "linewatch_stray,target=g\\ w\\,\\=\\\\,kind=late run=3i,seq=1i,delay_ns=2500000000i 1795226581000000000",
            "linewatch_probe,target=g\\ w\\,\\=\\\\,class=K,outcome=unsent run=3i,seq=2i,lateness_ns=0i,cause=\"icmp type 200 code 1\" 1795226582000000000",
            "linewatch_gap,target=g\\ w\\,\\=\\\\,kind=suspended slots=2i,first_seq=4i,length_ns=2000000000i 1795226582500000000",
        ]
    );
    assert_eq!(influx::text("a\"b\\\n"), "\"a\\\"b\\\\\u{fffd}\"");
    assert_eq!(influx::tag("a\nb"), "a\u{fffd}b");
}

/// Takes so many bytes, then nobody reads any more.
struct Pipe(usize);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.min(bytes.len()) {
            0 => Err(io::ErrorKind::BrokenPipe.into()),
            taken => {
                self.0 -= taken;
                Ok(taken)
            }
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_told_as_one_wherever_it_closes() {
    let history = Held {
        samples: (0..600)
            .map(|seq| (TargetId(1), sample(seq, seq * 1000)))
            .collect(),
        ..Held::default()
    };
    for format in Format::ALL {
        for taken in [0, 150, 9_000, 20_000] {
            let mut export = Export::new(request(Grain::Raw, format));
            match export.step(&history, &mut Pipe(taken)) {
                Err(ExportError::Write(error)) => assert_eq!(error.kind(), io::ErrorKind::BrokenPipe),
                other => panic!("{format:?} {taken}: {other:?}"),
            }
        }
    }
}

#[test]
fn every_row_of_buckets_has_as_many_cells_as_the_header() {
    let csv = text(&few(), request(Grain::Buckets(Resolution::Second), Format::Csv));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("even")).collect();
    let kinds: Vec<&str> = rows.iter().map(|row| &row[4]).collect();
    assert_eq!(kinds, ["bucket", "bucket", "bucket", "gap"]);
    assert_eq!((&rows[1][5], &rows[1][10], &rows[1][18]), ("1", "1", "1"));
}

#[test]
fn where_seconds_are_too_many_for_one_answer_fewer_are_asked_for() {
    let history = Held {
        seconds_max: Some(100),
        ..few()
    };
    let csv = text(&history, request(Grain::Buckets(Resolution::Second), Format::Csv));
    assert_eq!(csv.matches(",bucket,").count(), 3, "{csv}");
    let asked = history.asked.lock().expect("asked");
    assert!(asked.len() > 5 && asked.last().is_some_and(|query| query.points <= 100));
}

#[test]
fn a_bucket_export_asks_for_exactly_its_buckets() {
    let history = few();
    let mut request = request(Grain::Buckets(Resolution::Hour), Format::Csv);
    request.to = at(90 * 86_400_000);
    let csv = text(&history, request);
    assert!(
        csv.contains("2026-11-21T02:00:00.000000Z,2026-11-21T03:00:00.000000Z,gw,"),
        "{csv}"
    );
    for query in history.asked.lock().expect("asked").iter() {
        let span = query.to.nanos_after(query.from);
        assert_eq!(span, 3_600_000_000_000 * query.points as i64, "{query:?}");
    }
}

proptest! {
    #[test]
    fn however_small_the_portions_every_row_is_told_once_in_order(
        offsets in prop::collection::vec((0_u64..600, 1_u32..3), 0..120),
        gaps in prop::collection::vec((0_u64..600, 0_u64..300), 0..10),
        portion_samples in 4_usize..40,
    ) {
        // Some share a moment, never more than a portion holds.
        let mut used = BTreeSet::new();
        let samples: Vec<_> = (0_u64..)
            .zip(offsets)
            .filter(|(_, (second, target))| used.insert((*second, *target)))
            .map(|(seq, (second, target))| (TargetId(target), sample(seq, second * 1000)))
            .collect();
        let mut gaps: Vec<Gap> = gaps.iter().map(|&(from, long)| gap(from * 1000, (from + long) * 1000)).collect();
        gaps.sort_by_key(|gap| gap.from);
        let history = Held { samples, gaps, ..Held::default() };
        let mut request = request(Grain::Raw, Format::Csv);
        request.portion_samples = portion_samples;
        request.sources[0].series = vec![TargetId(1), TargetId(2)];
        let csv = text(&history, request);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("even")).collect();
        prop_assert!(rows.windows(2).all(|pair| pair[0][0] <= pair[1][0]));
        let seqs: BTreeSet<&str> = rows.iter().filter(|row| &row[3] == "probe").map(|row| &row[5]).collect();
        prop_assert_eq!(seqs.len(), history.samples.len());
        prop_assert_eq!(rows.len(), history.samples.len() + history.gaps.len());
    }
}

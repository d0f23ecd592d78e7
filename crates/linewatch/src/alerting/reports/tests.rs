//! What is attached is bounded, the worst first, and the mail says what it leaves out.

use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::event::{Event, EventId, EventKind, LogRow, OutageRow};
use linewatch_core::evidence::Evidence;
use linewatch_core::past::{SeriesSum, Stretch, SumQuery};
use linewatch_core::port::{
    RowQuery, SampleQuery, Series, SeriesQuery, SeriesSource, StorageView, StoredSample,
};
use linewatch_core::record::Gap;
use linewatch_core::rollup::Resolution;
use linewatch_core::target::Host;
use linewatch_render::message::{Language, Matter, html, subject, text};
use linewatch_render::report::DigestSpan;

use super::*;

const HOUR_NS: i64 = 3_600_000_000_000;

/// So many targets, each down for as many minutes of a day as its number says.
struct Fleet(u32);

impl History for Fleet {
    fn targets(&self) -> Result<Vec<StoredTarget>, HistoryError> {
        let stored = (1..=self.0).map(|id| StoredTarget {
            id: TargetId(id),
            slug: slug(id),
            name: slug(id),
            address: String::new(),
        });
        Ok(stored.collect())
    }
    fn sums(&self, query: &SumQuery) -> Result<Vec<(TargetId, SeriesSum)>, HistoryError> {
        let sum = |id: &TargetId| {
            let sum = SeriesSum {
                measured: Duration::from_secs(86_400),
                down: Duration::from_secs(60 * u64::from(id.0)),
                outages: 1,
                ..SeriesSum::default()
            };
            (*id, sum)
        };
        Ok(query.targets.iter().map(sum).collect())
    }
    fn series(&self, query: SeriesQuery) -> Result<Series, HistoryError> {
        Ok(Series {
            from: query.from,
            to: query.to,
            bucket: Duration::from_secs(3_600),
            source: SeriesSource::Tier(Resolution::Hour),
            points: Vec::new(),
            gaps: Vec::new(),
        })
    }
    fn samples(&self, _: SampleQuery) -> Result<Vec<StoredSample>, HistoryError> {
        Ok(Vec::new())
    }
    fn stretches(&self, _: &SumQuery) -> Result<Vec<Stretch>, HistoryError> {
        Ok(Vec::new())
    }
    fn gaps(&self, _: SampleQuery) -> Result<Vec<Gap>, HistoryError> {
        Ok(Vec::new())
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
    fn storage(&self) -> StorageView {
        StorageView::default()
    }
    fn evidence(&self, _: EventId) -> Result<Option<(OutageRow, Vec<Evidence>)>, HistoryError> {
        Ok(None)
    }
}

fn slug(id: u32) -> String {
    format!("line-{id}")
}

fn target(id: u32) -> Target {
    Target {
        slug: slug(id),
        name: slug(id),
        ..Target::plain(
            TargetId(id),
            Host::Literal {
                ip: std::net::IpAddr::from([192, 0, 2, 1]),
                zone: None,
            },
        )
    }
}

fn head() -> Letterhead {
    Letterhead {
        vantage: "jkt-office".to_owned(),
        version: "1".to_owned(),
        page: "http://127.0.0.1:5000".to_owned(),
        zone: TimeZone::UTC,
        language: Language::English,
    }
}

/// Of the week before Monday, 23 November 2026.
fn made_of(targets: u32) -> Made {
    let to = WallTime::from_nanos(1_795_392_000_000_000_000);
    let order = Order {
        span: DigestSpan::Week,
        from: to.minus(Duration::from_secs(7 * 86_400)),
        to,
        made: WallTime::from_nanos(to.as_nanos() + 7 * HOUR_NS),
    };
    let targets: Vec<Target> = (1..=targets).map(target).collect();
    // Of the thread of this test: its priority is its own.
    make(&Fleet(300), &order, &targets, &head()).expect("made")
}

fn names(made: &Made) -> Vec<&str> {
    made.pages.iter().map(|page| page.file_name.as_str()).collect()
}

#[test]
fn of_hundreds_of_targets_the_worst_are_attached_and_the_mail_says_so() {
    let made = made_of(300);
    let expected: Vec<String> = std::iter::once("report-fleet-20261116.html".to_owned())
        .chain(
            (291..=300)
                .rev()
                .map(|id| format!("report-line-{id}-20261116.html")),
        )
        .collect();
    assert_eq!(names(&made), expected);
    assert!(made.pages.iter().map(|page| page.html.len()).sum::<usize>() <= BYTES);
    assert!(made.pages[0].html.contains("line-101") && !made.pages[0].html.contains("line-100<"));
    let matter = Matter::Report(&made.digest);
    assert_eq!(
        subject(&head(), &matter),
        "Weekly report 16 Nov – 22 Nov 2026: 300 of 300 targets had outages"
    );
    let text = text(&head(), &matter);
    for line in [
        "Attached: the report of the 200 worst targets and one report for each of the 10 worst; each opens in any browser without a network.",
        "The table holds the 50 worst of 300 targets.",
        "http://127.0.0.1:5000/report/fleet?from=2026-11-16T00:00:00.000000Z&to=2026-11-23T00:00:00.000000Z",
    ] {
        assert!(text.lines().any(|each| each == line), "{line}: {text}");
    }
    assert!(text.contains("line-251") && !text.contains("line-250"), "{text}");
    assert!(html(&head(), &matter, None).len() < 60_000, "a phone loads it");
}

#[test]
fn one_target_has_one_report() {
    let made = made_of(1);
    assert_eq!(names(&made), ["report-line-1-20261116.html"]);
    let subject = subject(&head(), &Matter::Report(&made.digest));
    assert_eq!(subject, "Weekly report 16 Nov – 22 Nov 2026: line-1 had 1 outage");
}

#[test]
fn without_a_target_the_mail_says_so() {
    let made = made_of(0);
    assert!(made.pages.is_empty());
    let text = text(&head(), &Matter::Report(&made.digest));
    assert!(text.contains("No target is configured."), "{text}");
}

#[test]
fn what_would_be_too_large_is_left_out_from_the_end() {
    let order = Order {
        span: DigestSpan::Days,
        from: WallTime::from_nanos(0),
        to: WallTime::from_nanos(24 * HOUR_NS),
        made: WallTime::from_nanos(24 * HOUR_NS),
    };
    let (history, head) = (Fleet(1), head());
    let writer = Writer {
        history: &history,
        order: &order,
        head: &head,
        to: order.to,
    };
    let subjects = subjects(&history.targets().expect("read"), &[target(1)]);
    let whole = writer
        .page("line-1", &subjects, BYTES)
        .expect("written")
        .expect("fits");
    let room = whole.html.len() - 1;
    let less = writer
        .page("line-1", &subjects, room)
        .expect("written")
        .expect("fits");
    assert!(less.html.len() < whole.html.len() && !less.html.contains("No outage in this period"));
    assert_eq!(writer.page("line-1", &subjects, 100).expect("written"), None);
}

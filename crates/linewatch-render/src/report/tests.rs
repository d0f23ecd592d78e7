//! The figures, words and structure of reports, by literal histories; and that every probe is in the sum.

mod told;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::event::{Event, EventId, EventKind, LogRow, OutageRow, RunId};
use linewatch_core::evidence::{Evidence, Line, Part, Second, Span};
use linewatch_core::outage::OpenedBy;
use linewatch_core::past::{SeriesSum, Stretch, SumQuery};
use linewatch_core::port::{
    History, HistoryError, RowQuery, SampleQuery, Series, SeriesPoint, SeriesQuery, SeriesSource,
    StorageView, StoredSample, StoredTarget,
};
use linewatch_core::record::{Cause, Class, Gap, GapKind, Outcome, StrayKind};
use linewatch_core::rollup::{Buckets, Resolution};
use linewatch_core::target::{Host, Target, TargetId};
use linewatch_core::time::{Rtt, WallTime};
use proptest::prelude::*;

use self::told::Told;
use super::rows::account;
use super::*;
use crate::graph::GraphPeriod;

/// 2026-11-20 23:00 UTC: an hour before midnight there.
const BEGIN_S: i64 = 1_795_215_600;
const TARGET: TargetId = TargetId(1);

fn at(second: i64) -> WallTime {
    WallTime::from_nanos((BEGIN_S + second) * 1_000_000_000)
}

const HOSTILE: &str =
    "<img src=x onerror=alert(1)>\u{202e}gpj.exe\u{200f} 🛰 \"quoted\" & </style></title></svg>";

fn target(name: &str) -> Target {
    Target {
        slug: "gw".to_owned(),
        name: name.to_owned(),
        ..Target::plain(
            TARGET,
            Host::Literal {
                ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
                zone: None,
            },
        )
    }
}

fn asked(told: &Told, name: &str, to: i64, zone: TimeZone) -> Report {
    let subject = ReportSubject {
        slug: "gw".to_owned(),
        name: name.to_owned(),
        series: vec![TARGET],
        target: Some(target(name)),
        ip: None,
    };
    let ask = ReportAsk {
        is_fleet: false,
        period: GraphPeriod {
            from: at(0),
            to: at(to),
            now: at(to),
            zone,
        },
        vantage: "jkt-office".to_owned(),
        version: "0.4.0".to_owned(),
        sections: Section::ALL.to_vec(),
    };
    super::ask(told, &[subject], &ask).expect("told")
}

fn report(told: &Told, to: i64) -> Report {
    asked(told, "Gateway", to, TimeZone::UTC)
}

fn document(report: &Report, language: Language) -> Document {
    let style = ReportStyle {
        language,
        paper: Paper::A4,
        sections: Section::ALL.to_vec(),
        csv: None,
    };
    html(report, &style)
}

/// Two hours at one a second: an outage of 30 s in the second minute, a suspension of 100 s.
fn two_hours() -> Told {
    let mut told = Told::answered(7_200)
        .lose(60..90)
        .gap(3_600, 3_700, GapKind::Suspended, 100);
    told.probes
        .retain(|(second, _, _)| !(3_600..3_700).contains(second));
    told.measured = Duration::from_secs(7_100);
    told
}

#[test]
fn the_figures_are_those_of_the_probes() {
    let report = report(&two_hours(), 7_200);
    let line = &report.lines[0];
    let counts = |rollup: &Rollup| (rollup.counts().loss().finished, rollup.counts().loss().failed);
    assert_eq!(counts(&line.whole), (7_100, 30));
    // The whole second minute is left out.
    assert_eq!(counts(&line.calm), (7_040, 0));
    let days: Vec<_> = line
        .days
        .iter()
        .map(|day| (day.from, day.to, counts(&day.rollup)))
        .collect();
    assert_eq!(
        days,
        [
            (at(0), at(3_600), (3_600, 30)),
            (at(3_600), at(7_200), (3_500, 0))
        ]
    );
    assert_eq!(line.availability_ppm, Some(995_774));
    assert_eq!(line.coverage_ppm, Some(986_111));
    assert_eq!(line.outages.len(), 1);
}

#[test]
fn a_day_is_one_of_the_zone() {
    let zone = TimeZone::fixed(jiff::tz::offset(7));
    let report = asked(&two_hours(), "Gateway", 7_200, zone);
    // 06:00 to 08:00 in Jakarta is one day.
    assert_eq!(report.lines[0].days.len(), 1);
}

#[test]
fn a_day_of_a_clock_change_has_its_own_length() {
    let zone = TimeZone::get("Europe/Berlin").expect("zone");
    let local = |text: &str| {
        let stamp: jiff::Timestamp = text.parse().expect("a time");
        WallTime::from_nanos(stamp.as_nanosecond() as i64)
    };
    let subject = ReportSubject {
        slug: "gw".to_owned(),
        name: "Gateway".to_owned(),
        series: vec![TARGET],
        target: None,
        ip: None,
    };
    let to = local("2026-10-25T23:00:00Z");
    let ask = ReportAsk {
        is_fleet: false,
        period: GraphPeriod {
            from: local("2026-10-23T22:00:00Z"),
            to,
            now: to,
            zone,
        },
        vantage: String::new(),
        version: String::new(),
        sections: Vec::new(),
    };
    let report = super::ask(&Told::default(), &[subject], &ask).expect("told");
    let hours: Vec<u64> = report.lines[0]
        .days
        .iter()
        .map(|day| length(day.from, day.to).as_secs() / 3_600)
        .collect();
    assert_eq!(hours, [24, 25]);
}

#[test]
fn the_verdict_comes_first_and_has_its_numbers() {
    let page = document(&report(&two_hours(), 7_200), Language::English).html;
    let headline = "The line was usable, with one interruption of 30 s in all.";
    let verdict = page.find(headline).expect("a headline");
    assert!(verdict < page.find("<table").expect("a table"));
    assert!(
        page.contains("Half of all replies came within 20.0 ms and 95 of 100 within 20.0 ms."),
        "{page}"
    );
    assert!(
        page.contains("30 of 7,100 answered or lost packets were lost (0.4%), 30 of them in the outage.")
    );
    assert!(page.contains(
        "Scheduled 7,200 = replied 7,070 + refused 0 + lost 30 + unreachable 0 + unsent 0 + not measured 100."
    ));
    assert!(page.contains("At today's interval the period holds about 7,200."));
    assert!(page.contains("3 lost in a row"));
}

#[test]
fn a_line_that_never_answered_is_not_called_usable() {
    let told = Told::answered(600).lose(0..600);
    let page = document(&report(&told, 600), Language::English).html;
    assert!(page.contains("The line did not answer at all."));
    let page = document(&report(&Told::default(), 600), Language::English).html;
    assert!(page.contains("Nothing was measured in this period."));
    assert!(
        page.contains("<td class=\"n\">—</td>") && !page.contains("<td class=\"n\">0%"),
        "no data is never a number: {page}"
    );
    assert!(page.contains("No probe was due in this period.") && !page.contains("Nothing was left out"));
}

#[test]
fn a_line_that_loses_packets_besides_its_outages_is_not_called_usable() {
    let mut told = two_hours();
    for (second, outcome, _) in &mut told.probes {
        if *second % 20 == 0 {
            *outcome = Outcome::Lost;
        }
    }
    let page = document(&report(&told, 7_200), Language::English).html;
    assert!(
        page.contains("The line had one interruption of 30 s in all, and lost 5.0% of its packets besides."),
        "{page}"
    );
}

#[test]
fn an_outage_that_goes_on_is_told_as_such() {
    let mut told = Told::answered(600).lose(500..600);
    told.outages[0].to = None;
    let page = document(&report(&told, 600), Language::English).html;
    assert!(page.contains("<td class=\"t\">goes on</td>"));
    assert!(page.contains("1 m 40 s"));
}

/// Everybody lost packets in the outage, the gateway too.
fn near() -> Told {
    let mut told = two_hours();
    let sample = |second: i64, outcome: Outcome, stray: Option<StrayKind>| StoredSample {
        run: 1,
        seq: second as u64,
        at: at(second),
        outcome,
        rtt: None,
        host_rtt: None,
        lateness_ns: 0,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
        stray,
    };
    let samples: Vec<_> = (60..90)
        .map(|second| sample(second, Outcome::Lost, None))
        .collect();
    let seconds = (60..90).map(|second| Second {
        at_s: BEGIN_S + second,
        sent: 1,
        lost: 1,
        p50: None,
    });
    told.kept = vec![Evidence {
        outage: told.outages[0].id,
        target: TARGET,
        span: Span {
            part: Part::Whole,
            from: at(30),
            to: at(120),
        },
        gateway_samples: samples.clone(),
        samples,
        gateway: Some(TargetId(7)),
        lines: vec![Line {
            target: TargetId(2),
            seconds: seconds.collect(),
        }],
        left_out: 0,
        faults: Vec::new(),
    }];
    told
}

#[test]
fn whose_fault_it_was_is_said_where_it_was_kept() {
    let page = document(&report(&near(), 7_200), Language::English).html;
    assert!(
        page.contains("In the outage (30 s) 1 of 1 other targets lost packets too:"),
        "{page}"
    );
    assert!(
        page.contains(
            "<strong>the fault was likely near the measuring computer, not at the target.</strong>"
        )
    );
    assert!(page.contains("<b>gateway 100%, others 1/1</b>"));
    assert!(page.contains("The outage of 20 Nov 23:01:00 in detail, 30 s"));
    let page = document(&report(&near(), 7_200), Language::Indonesian).html;
    assert!(page.contains("kesalahan kemungkinan di dekat komputer pengukur"));
}

#[test]
fn a_hostile_name_is_text_everywhere() {
    let told = near();
    let long = format!("{HOSTILE}{}", "x".repeat(10_240));
    for language in [Language::English, Language::Indonesian] {
        let document = document(&asked(&told, &long, 7_200, TimeZone::UTC), language);
        let page = &document.html;
        assert!(!page.contains("<img"), "markup");
        assert!(
            !page.contains('\u{202e}') && !page.contains('\u{200f}'),
            "direction marks"
        );
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
        assert!(page.contains('🛰'));
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.len() < 200_000, "{} bytes", page.len());
        assert!(page.contains(&document.style));
    }
}

#[test]
fn the_document_needs_nothing_else() {
    let page = document(&report(&near(), 7_200), Language::English).html;
    let tags: String = page
        .split('<')
        .filter_map(|part| part.split('>').next())
        .collect();
    for word in [
        " href=",
        " src=",
        " style=",
        " xlink",
        "javascript:",
        "http-equiv",
        "script ",
        "link ",
        "iframe ",
    ] {
        assert!(!tags.contains(word), "{word}");
    }
    for word in ["<script", "url(", "@import"] {
        assert!(!page.contains(word), "{word}");
    }
    // The one address is the name of SVG, which nobody opens.
    assert_eq!(
        page.matches("http").count(),
        page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count()
    );
}

#[test]
fn the_parts_stand_in_order_and_can_be_left_out() {
    let report = report(&near(), 7_200);
    let page = document(&report, Language::English).html;
    let headings: Vec<&str> = page
        .split("<h2>")
        .skip(1)
        .filter_map(|rest| rest.split("</h2>").next())
        .collect();
    assert_eq!(
        headings,
        [
            "Figures",
            "Round trip and loss",
            "Outages",
            "The outage of 20 Nov 23:01:00 in detail, 30 s",
            "Not measured, left out of every figure",
            "How this was measured",
            "Events"
        ]
    );
    let style = ReportStyle {
        language: Language::English,
        paper: Paper::Letter,
        sections: vec![Section::Verdict],
        csv: Some("/api/v1/export?target=gw".to_owned()),
    };
    let short = html(&report, &style).html;
    // What was left out of the figures is never left out of the report.
    assert_eq!(short.matches("<h2>").count(), 1);
    assert!(short.contains("Every probe accounted for"));
    assert!(!short.contains("<h2>Outages"));
}

#[test]
fn no_english_word_is_left_in_the_other_language() {
    let page = document(&report(&near(), 7_200), Language::Indonesian).html;
    let around_pictures: String = page
        .split("<svg")
        .map(|part| part.rsplit("</svg>").next().unwrap_or_default())
        .collect();
    let body = around_pictures.split("<main>").nth(1).unwrap_or_default();
    for word in [
        " the ", " lost", "Outage", "Period ", "Average", " of ", "measured", "Received",
    ] {
        assert!(!body.contains(word), "{word}: {body}");
    }
}

#[test]
fn a_period_longer_than_a_month_is_told_by_months() {
    let report = report(&Told::answered(60), 70 * 86_400);
    let days = &report.lines[0].days;
    assert!(days.iter().all(|day| day.is_month));
    assert_eq!(days.len(), 3);
    let page = document(&report, Language::English).html;
    assert!(page.contains(">Dec 2026</th>"));
}

proptest! {
    /// Whatever happened: the days add up to the whole, and every probe that was due is in the sum once.
    #[test]
    fn every_probe_is_accounted_for_once(
        fates in proptest::collection::vec(0_u8..6, 1..600),
        slots in 0_u64..10_000,
        begin in -50_i64..700,
        length_s in 0_i64..700,
    ) {
        let probes = fates.iter().enumerate().filter_map(|(second, fate)| {
            Some((second as i64 * 13, Outcome::from_u8(*fate)?, 5))
        });
        let mut told = Told { probes: probes.collect(), ..Told::default() };
        told = told.gap(begin, begin + length_s, GapKind::Stalled, slots);
        let report = report(&told, 7_800);
        let line = &report.lines[0];
        let account = account(&report);
        let counts = account.counts;
        prop_assert_eq!(
            counts.scheduled,
            counts.replied + counts.refused + counts.lost + counts.unreachable + counts.unsent + counts.unmeasured
        );
        prop_assert_eq!(counts.scheduled, fates.len() as u64 + line.gap_slots());
        prop_assert!(line.gap_slots() <= slots);
        if begin >= 0 {
            prop_assert_eq!(line.gap_slots(), slots);
        }
        let mut days = Rollup::default();
        for day in &line.days {
            days.merge(&day.rollup);
        }
        prop_assert_eq!(&days, &line.whole);
    }
}

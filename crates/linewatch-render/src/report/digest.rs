//! Sums a period up for a mail: one row for each line, the worst first, and the sentences above and below the table.
//!
//! Input: a history and the lines. Output: a [`Digest`], and its words in either language. Surprising rule: all rows are counted, but only
//! the worst are shown; what is left out is said. Not here: the mail around it (`message`), the attached documents (`super::html`).

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::past::{SeriesSum, SumQuery};
use linewatch_core::port::{History, HistoryError};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};

use super::ReportSubject;
use super::page::shown;
use super::words::{Words, grouped, lasted};
use crate::format::{availability_ppm, loss_ppm, rtt_ms};
use crate::message::Language;

/// Rows of the table: what a person scrolls through on a phone, and some 30 kB of HTML.
const ROWS_SHOWN: usize = 50;
/// Lines that are summed up in one question: the sums of one are some kilobytes until they are a row.
const SUMMED_AT_ONCE: usize = 500;

/// How long the period of a digest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestSpan {
    /// Monday to Sunday.
    Week,
    /// From a first to the next.
    Month,
    /// Some days.
    Days,
}

/// What a period was, a row for each line.
#[derive(Clone, Debug)]
pub struct Digest {
    /// How long it is.
    pub span: DigestSpan,
    /// Begin.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// Every line, worst first.
    pub rows: Vec<DigestRow>,
    /// Lines of which the attached report of all tells, the worst; 0: there is none.
    pub fleet_lines: usize,
    /// Attached reports of one line, of the worst.
    pub pages: usize,
}

/// What one line was in the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestRow {
    /// Its id.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Share of the measured time without outages, parts per million; `None`: nothing was measured.
    pub availability_ppm: Option<u32>,
    /// Failed over finished probes, parts per million.
    pub loss_ppm: Option<u32>,
    /// Median round trip.
    pub p50: Option<Rtt>,
    /// 95th percentile.
    pub p95: Option<Rtt>,
    /// Outages that touch the period.
    pub outages: u64,
    /// How long they lasted in it.
    pub down: Duration,
}

/// One row for each of these lines, worst first: by availability, then by loss; what was not measured last.
///
/// # Errors
///
/// When the history cannot be read.
pub fn digest_rows(
    history: &dyn History,
    subjects: &[ReportSubject],
    (from, to): (WallTime, WallTime),
) -> Result<Vec<DigestRow>, HistoryError> {
    let mut rows = Vec::with_capacity(subjects.len());
    for some in subjects.chunks(SUMMED_AT_ONCE) {
        let targets = some.iter().flat_map(|subject| subject.series.clone()).collect();
        let found = history.sums(&SumQuery { targets, from, to })?;
        let found: HashMap<TargetId, SeriesSum> = found.into_iter().collect();
        rows.extend(some.iter().map(|subject| row(subject, &found)));
    }
    rows.sort_by_cached_key(|row| {
        (
            row.availability_ppm.unwrap_or(u32::MAX),
            u32::MAX - row.loss_ppm.unwrap_or(0),
            row.name.clone(),
        )
    });
    Ok(rows)
}

fn row(subject: &ReportSubject, found: &HashMap<TargetId, SeriesSum>) -> DigestRow {
    let mut sum = SeriesSum::default();
    for series in subject.series.iter().filter_map(|series| found.get(series)) {
        sum.merge(series);
    }
    let [p50, p95] = sum.rollup.quantiles([0.5, 0.95]);
    DigestRow {
        slug: subject.slug.clone(),
        name: subject.name.clone(),
        availability_ppm: sum.availability_ppm(),
        loss_ppm: sum.rollup.counts().loss().ppm(),
        p50,
        p95,
        outages: sum.outages,
        down: sum.down,
    }
}

/// A digest in words.
pub(crate) struct Told<'a> {
    words: &'static Words,
    digest: &'a Digest,
    zone: &'a TimeZone,
}

impl<'a> Told<'a> {
    pub(crate) fn new(digest: &'a Digest, language: Language, zone: &'a TimeZone) -> Self {
        let words = Words::of(language);
        Self { words, digest, zone }
    }

    /// Nothing in it was bad.
    pub(crate) fn is_good(digest: &Digest) -> bool {
        digest.rows.iter().all(|row| row.outages == 0)
    }

    /// `Weekly report 16 Nov – 22 Nov 2026: 3 of 12 targets had outages`.
    pub(crate) fn headline(&self) -> String {
        let (words, rows) = (self.words, &self.digest.rows);
        let kind = match self.digest.span {
            DigestSpan::Week => words.pick("Weekly report", "Laporan mingguan"),
            DigestSpan::Month => words.pick("Monthly report", "Laporan bulanan"),
            DigestSpan::Days => words.pick("Report", "Laporan"),
        };
        let (all, bad) = (grouped(rows.len() as u64), self.with_outages());
        let fact = match rows.as_slice() {
            [] => words.pick("no target", "tanpa target").to_owned(),
            rows if rows.iter().all(|row| row.availability_ppm.is_none()) => words
                .pick("nothing was measured", "tidak ada yang diukur")
                .to_owned(),
            [row] if bad > 0 => words.pick(
                format!("{} had {}", shown(&row.name), outages(words, row.outages)),
                format!("{} mengalami {}", shown(&row.name), outages(words, row.outages)),
            ),
            [row] => words.pick(
                format!("{} had no outage", shown(&row.name)),
                format!("{} tanpa gangguan", shown(&row.name)),
            ),
            _ if bad == 0 => words.pick(
                format!("no outage, {all} targets"),
                format!("tanpa gangguan, {all} target"),
            ),
            _ => words.pick(
                format!("{} of {all} targets had outages", grouped(bad)),
                format!("{} dari {all} target mengalami gangguan", grouped(bad)),
            ),
        };
        format!("{kind} {}: {fact}", self.period())
    }

    /// `Nov 2026`, `16 Nov – 22 Nov 2026`.
    fn period(&self) -> String {
        let (words, digest) = (self.words, self.digest);
        if digest.span == DigestSpan::Month {
            return words.month_year(digest.from, self.zone);
        }
        // The end is the first moment that is not in it.
        let last = digest.to.minus(Duration::from_nanos(1)).max(digest.from);
        let (from, to) = (words.day(digest.from, self.zone), words.date(last, self.zone));
        if words.date(digest.from, self.zone) == to {
            to
        } else {
            format!("{from} – {to}")
        }
    }

    /// What there is to say above the table, a sentence each.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let (words, digest) = (self.words, self.digest);
        let zone = words.zone(digest.from, digest.to, self.zone);
        let (from, to) = (
            words.moment(digest.from, self.zone),
            words.moment(digest.to, self.zone),
        );
        let mut sentences = vec![words.pick(
            format!("From {from} to {to}, times in {zone}."),
            format!("Dari {from} sampai {to}, waktu dalam {zone}."),
        )];
        if digest.rows.is_empty() {
            sentences.push(
                words
                    .pick("No target is configured.", "Tidak ada target yang diatur.")
                    .to_owned(),
            );
            return sentences;
        }
        sentences.push(self.sum());
        let unmeasured = digest.rows.iter().filter(|row| row.availability_ppm.is_none());
        let unmeasured = unmeasured.count() as u64;
        if unmeasured > 0 {
            let count = targets(words, unmeasured);
            sentences.push(words.pick(
                format!("Not measured at all: {count}."),
                format!("Sama sekali tidak diukur: {count}."),
            ));
        }
        sentences.extend(self.attached());
        if digest.rows.len() > ROWS_SHOWN {
            let (some, all) = (ROWS_SHOWN, grouped(digest.rows.len() as u64));
            sentences.push(words.pick(
                format!("The table holds the {some} worst of {all} targets."),
                format!("Tabel memuat {some} target terburuk dari {all}."),
            ));
        }
        sentences
    }

    /// `7 outages, 1 h 12 m in all; 9 of 12 targets had none.`
    fn sum(&self) -> String {
        let (words, rows) = (self.words, &self.digest.rows);
        let number: u64 = rows.iter().map(|row| row.outages).sum();
        if number == 0 {
            return words.pick("No outage.", "Tidak ada gangguan.").to_owned();
        }
        let down = lasted(rows.iter().map(|row| row.down).sum());
        let number = outages(words, number);
        let all = rows.len() as u64;
        let calm = grouped(all - self.with_outages());
        let all = targets(words, all);
        words.pick(
            format!("{number}, {down} in all; {calm} of {all} had none."),
            format!("{number}, seluruhnya {down}; {calm} dari {all} tanpa gangguan."),
        )
    }

    /// What is attached, and what is not.
    fn attached(&self) -> Option<String> {
        let (words, digest) = (self.words, self.digest);
        let (all, pages) = (digest.rows.len(), digest.pages);
        let fleet = match digest.fleet_lines {
            0 => None,
            lines if lines == all => Some(words.pick(
                "the report of all targets".to_owned(),
                "laporan semua target".to_owned(),
            )),
            lines => Some(words.pick(
                format!("the report of the {lines} worst targets"),
                format!("laporan {lines} target terburuk"),
            )),
        };
        let single = match pages {
            0 => None,
            _ if all == 1 => Some(words.pick("the report".to_owned(), "laporannya".to_owned())),
            pages if pages == all => Some(words.pick(
                "one report for each target".to_owned(),
                "satu laporan untuk tiap target".to_owned(),
            )),
            pages => Some(words.pick(
                format!("one report for each of the {pages} worst"),
                format!("satu laporan untuk tiap {pages} yang terburuk"),
            )),
        };
        let both: Vec<String> = fleet.into_iter().chain(single).collect();
        if both.is_empty() {
            return (all > 0).then(|| {
                words
                    .pick(
                        "No report is attached: it would be too large for a mail.",
                        "Tidak ada laporan yang dilampirkan: terlalu besar untuk surel.",
                    )
                    .to_owned()
            });
        }
        let both = both.join(words.pick(" and ", " dan "));
        Some(words.pick(
            format!("Attached: {both}; each opens in any browser without a network."),
            format!("Terlampir: {both}; masing-masing terbuka di peramban mana pun tanpa jaringan."),
        ))
    }

    /// The heads of the columns; the first is of names, the others of figures.
    pub(crate) fn heads(&self) -> [&'static str; 7] {
        let words = self.words;
        [
            words.target,
            words.availability,
            words.loss,
            "p50",
            "p95",
            words.outages,
            words.lasted,
        ]
    }

    /// The worst rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = [String; 7]> {
        let ms = |rtt: Option<Rtt>| rtt_ms(rtt.map(Rtt::as_millis_f64)).to_string();
        self.digest.rows.iter().take(ROWS_SHOWN).map(move |row| {
            let down = if row.outages == 0 {
                crate::format::NONE.to_owned()
            } else {
                lasted(row.down)
            };
            [
                shown(&row.name),
                availability_ppm(row.availability_ppm).to_string(),
                loss_ppm(row.loss_ppm).to_string(),
                ms(row.p50),
                ms(row.p95),
                grouped(row.outages),
                down,
            ]
        })
    }

    fn with_outages(&self) -> u64 {
        let bad = self.digest.rows.iter().filter(|row| row.outages > 0);
        bad.count() as u64
    }
}

fn outages(words: &Words, number: u64) -> String {
    let digits = grouped(number);
    match number {
        1 => words.pick("1 outage".to_owned(), "1 gangguan".to_owned()),
        _ => words.pick(format!("{digits} outages"), format!("{digits} gangguan")),
    }
}

fn targets(words: &Words, number: u64) -> String {
    let digits = grouped(number);
    match number {
        1 => words.pick("1 target".to_owned(), "1 target".to_owned()),
        _ => words.pick(format!("{digits} targets"), format!("{digits} target")),
    }
}

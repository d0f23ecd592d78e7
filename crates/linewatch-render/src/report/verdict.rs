//! Says in words what the figures come to, first what a person wants to know: was the line usable, and whose fault was it.

use std::time::Duration;

use linewatch_core::evidence::Verdict;
use linewatch_core::record::Loss;

use super::words::{Words, grouped, lasted};
use super::{LineReport, OutageReport, Report};
use crate::format::{availability_ppm, loss_ppm, rtt_ms};

/// Loss from which a line without an outage is called troubled: the status BAD of MEASURING.md.
const BAD_PPM: u32 = 50_000;
/// Loss from which it is no longer called good: the status WARN.
const WARN_PPM: u32 = 10_000;
/// Below this availability "usable" would be a joke.
const USABLE_PPM: u32 = 950_000;

/// How the box looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing to complain of.
    Good,
    /// Interrupted, or lossy.
    Troubled,
    /// Hardly usable.
    Bad,
    /// Nothing is known.
    Nothing,
}

/// A verdict: plain text, not yet escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) tone: Tone,
    pub(super) headline: String,
    /// In order; the flag is emphasis.
    pub(super) sentences: Vec<(String, bool)>,
}

/// What the period comes to.
pub(super) fn verdict(words: &Words, report: &Report) -> Said {
    match report.lines.as_slice() {
        [line] if !report.is_fleet => of_line(words, report, line),
        lines => of_fleet(words, report, lines),
    }
}

fn of_line(words: &Words, report: &Report, line: &LineReport) -> Said {
    let loss = line.whole.counts().loss();
    let (tone, headline) = headline(words, report, line, loss);
    if loss.finished == 0 {
        return Said {
            tone,
            headline,
            sentences: Vec::new(),
        };
    }
    let mut sentences = Vec::new();
    let [p50, p95] = line.whole.quantiles([0.5, 0.95]);
    if let (Some(p50), Some(p95)) = (p50, p95) {
        let (half, most) = (
            rtt_ms(Some(p50.as_millis_f64())),
            rtt_ms(Some(p95.as_millis_f64())),
        );
        sentences.push((
            words.pick(
                format!("Half of all replies came within {half} and 95 of 100 within {most}."),
                format!("Setengah dari semua jawaban tiba dalam {half} dan 95 dari 100 dalam {most}."),
            ),
            false,
        ));
    }
    sentences.push((lost_sentence(words, line, loss), false));
    let outages: Vec<(&LineReport, &OutageReport)> =
        line.outages.iter().map(|outage| (line, outage)).collect();
    sentences.extend(blame(words, report, &outages));
    Said {
        tone,
        headline,
        sentences,
    }
}

fn headline(words: &Words, report: &Report, line: &LineReport, loss: Loss) -> (Tone, String) {
    if loss.finished == 0 {
        let text = words.pick(
            "Nothing was measured in this period.",
            "Tidak ada yang diukur dalam periode ini.",
        );
        return (Tone::Nothing, text.to_owned());
    }
    let ppm = loss.ppm().unwrap_or(0);
    let down: Duration = line.outages.iter().map(|outage| outage.inside(report)).sum();
    let outages = line.outages.len() as u64;
    let (number, down) = (words.number(outages), lasted(down));
    let outside = line.calm.counts().loss().ppm().unwrap_or(0);
    if loss.failed == loss.finished {
        let text = words.pick(
            "The line did not answer at all.",
            "Jalur tidak menjawab sama sekali.",
        );
        return (Tone::Bad, text.to_owned());
    }
    let is_usable = line.availability_ppm.is_none_or(|up| up >= USABLE_PPM);
    match (outages, is_usable) {
        (0, _) if loss.failed == 0 => (
            Tone::Good,
            words
                .pick(
                    "The line worked without interruption, and no packet was lost.",
                    "Jalur bekerja tanpa gangguan, dan tak satu paket pun hilang.",
                )
                .to_owned(),
        ),
        (0, _) if ppm < WARN_PPM => (
            Tone::Good,
            words
                .pick(
                    "The line worked without interruption.",
                    "Jalur bekerja tanpa gangguan.",
                )
                .to_owned(),
        ),
        (0, _) => (
            if ppm >= BAD_PPM { Tone::Bad } else { Tone::Troubled },
            words.pick(
                format!(
                    "The line was never down, but lost {} of its packets.",
                    loss_ppm(Some(ppm))
                ),
                format!(
                    "Jalur tak pernah mati, tetapi kehilangan {} paketnya.",
                    loss_ppm(Some(ppm))
                ),
            ),
        ),
        (_, true) if outside >= WARN_PPM => {
            let lost = loss_ppm(Some(outside));
            (
                if outside >= BAD_PPM { Tone::Bad } else { Tone::Troubled },
                words.pick(
                    format!(
                        "The line had {number} interruption{} of {down} in all, and lost {lost} of its packets besides.",
                        if outages == 1 { "" } else { "s" }
                    ),
                    format!("Jalur mengalami {number} gangguan, seluruhnya {down}, dan di luar itu kehilangan {lost} paketnya."),
                ),
            )
        }
        (_, true) => (
            Tone::Troubled,
            words.pick(
                format!(
                    "The line was usable, with {number} interruption{} of {down} in all.",
                    if outages == 1 { "" } else { "s" }
                ),
                format!("Jalur dapat dipakai, dengan {number} gangguan, seluruhnya {down}."),
            ),
        ),
        (_, false) => {
            let up = availability_ppm(line.availability_ppm);
            (
                Tone::Bad,
                words.pick(
                    format!("The line was up only {up} of the measured time."),
                    format!("Jalur hidup hanya {up} dari waktu yang diukur."),
                ),
            )
        }
    }
}

fn lost_sentence(words: &Words, line: &LineReport, loss: Loss) -> String {
    let (lost, sent) = (grouped(loss.failed), grouped(loss.finished));
    let share = loss_ppm(loss.ppm());
    let inside = line.outages.iter().map(|outage| outage.row.lost).sum::<u64>();
    let inside = inside.min(loss.failed);
    let end = match (line.outages.len(), loss.failed) {
        (0, _) | (_, 0) => String::new(),
        (1, _) => words.pick(
            format!(", {} of them in the outage", grouped(inside)),
            format!(", {} di antaranya dalam gangguan", grouped(inside)),
        ),
        (outages, _) => {
            let number = words.number(outages as u64);
            words.pick(
                format!(", {} of them in the {number} outages", grouped(inside)),
                format!(", {} di antaranya dalam {number} gangguan", grouped(inside)),
            )
        }
    };
    words.pick(
        format!("{lost} of {sent} answered or lost packets were lost ({share}){end}."),
        format!("{lost} dari {sent} paket yang dijawab atau hilang telah hilang ({share}){end}."),
    )
}

/// Is it me or them: the longest outage with evidence, then how many of the others were which.
fn blame(words: &Words, report: &Report, outages: &[(&LineReport, &OutageReport)]) -> Vec<(String, bool)> {
    let proved = outages
        .iter()
        .filter_map(|(_, outage)| Some((outage, outage.proof.as_ref()?)));
    let Some((longest, (verdict, figures))) = proved.clone().max_by_key(|(outage, _)| outage.inside(report))
    else {
        return Vec::new();
    };
    let others = match (figures.others, figures.others_failing) {
        (0, _) => String::new(),
        (all, 0) => words.pick(
            format!("none of {all} other targets lost packets"),
            format!("tak satu pun dari {all} target lain kehilangan paket"),
        ),
        (all, failing) => words.pick(
            format!("{failing} of {all} other targets lost packets too"),
            format!("{failing} dari {all} target lain juga kehilangan paket"),
        ),
    };
    let which = if outages.len() == 1 {
        words.pick("In the outage", "Dalam gangguan itu")
    } else {
        words.pick(
            "In the longest outage with evidence",
            "Dalam gangguan terlama yang berbukti",
        )
    };
    let length = lasted(longest.inside(report));
    let mut sentences = Vec::new();
    if !others.is_empty() {
        sentences.push((format!("{which} ({length}) {others}:"), false));
    }
    let said = words.verdict(*verdict);
    let said = if others.is_empty() {
        format!("{which}: {said}.")
    } else {
        format!("{said}.")
    };
    sentences.push((said, true));
    let rest = proved
        .filter(|(outage, _)| outage.row.id != longest.row.id)
        .map(|(_, (verdict, _))| *verdict);
    sentences.extend(tallied(words, rest).map(|text| (text, false)));
    sentences
}

/// `Of the other outages with evidence 2 struck this target alone, 1 was near this computer.`
fn tallied(words: &Words, verdicts: impl Iterator<Item = Verdict>) -> Option<String> {
    let (mut them, mut us, mut shared, mut unclear) = (0_u64, 0_u64, 0_u64, 0_u64);
    for verdict in verdicts {
        *match verdict {
            Verdict::Them => &mut them,
            Verdict::ThisComputer | Verdict::Near => &mut us,
            Verdict::Line | Verdict::Shared => &mut shared,
            Verdict::Busy | Verdict::Unknown => &mut unclear,
        } += 1;
    }
    let parts = [
        (
            them,
            words.pick(
                "at the target or the path to it alone",
                "hanya di target atau jalur ke sana",
            ),
        ),
        (
            us,
            words.pick(
                "at or near the measuring computer",
                "di atau dekat komputer pengukur",
            ),
        ),
        (
            shared,
            words.pick(
                "on a part of the way shared with others",
                "di bagian jalur bersama",
            ),
        ),
        (unclear, words.pick("not clear", "tidak jelas")),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, place)| format!("{} {place}", words.number(number)))
        .collect();
    (!told.is_empty()).then(|| {
        let told = told.join(", ");
        words.pick(
            format!("Of the other outages with evidence: {told}."),
            format!("Dari gangguan lain yang berbukti: {told}."),
        )
    })
}

fn of_fleet(words: &Words, report: &Report, lines: &[LineReport]) -> Said {
    let measured: Vec<&LineReport> = lines
        .iter()
        .filter(|line| line.whole.counts().loss().finished > 0)
        .collect();
    if measured.is_empty() {
        return Said {
            tone: Tone::Nothing,
            headline: words
                .pick(
                    "Nothing was measured in this period.",
                    "Tidak ada yang diukur dalam periode ini.",
                )
                .to_owned(),
            sentences: Vec::new(),
        };
    }
    let (all, troubled) = (
        measured.len() as u64,
        measured.iter().filter(|line| !line.outages.is_empty()).count() as u64,
    );
    let outages: Vec<(&LineReport, &OutageReport)> = measured
        .iter()
        .flat_map(|line| line.outages.iter().map(move |outage| (*line, outage)))
        .collect();
    let down: Duration = outages.iter().map(|(_, outage)| outage.inside(report)).sum();
    let worst = measured[0];
    let tone = match worst.availability_ppm {
        _ if troubled == 0 => Tone::Good,
        Some(up) if up < USABLE_PPM => Tone::Bad,
        _ => Tone::Troubled,
    };
    let headline = if troubled == 0 {
        words.pick(
            format!("All {} measured lines worked without interruption.", grouped(all)),
            format!("Semua {} jalur yang diukur bekerja tanpa gangguan.", grouped(all)),
        )
    } else {
        words.pick(
            format!(
                "{} of {} measured lines were interrupted.",
                grouped(troubled),
                grouped(all)
            ),
            format!(
                "{} dari {} jalur yang diukur terganggu.",
                grouped(troubled),
                grouped(all)
            ),
        )
    };
    let mut sentences = Vec::new();
    if troubled > 0 {
        let (number, down) = (grouped(outages.len() as u64), lasted(down));
        let up = availability_ppm(worst.availability_ppm);
        let name = super::page::shown(&worst.name);
        sentences.push((
            words.pick(
                format!("{number} outages, {down} in all lines together. Worst was {name}, up {up} of its measured time."),
                format!("{number} gangguan, {down} di semua jalur. Terburuk {name}, hidup {up} dari waktu ukurnya."),
            ),
            false,
        ));
    }
    sentences.extend(blame(words, report, &outages));
    Said {
        tone,
        headline,
        sentences,
    }
}

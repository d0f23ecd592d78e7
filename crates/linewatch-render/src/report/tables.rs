//! Sets the tables of a report: figures, outages, what was not measured and the sum. Part of [`super::page`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use linewatch_core::outage::OpenedBy;
use linewatch_core::record::GapKind;
use linewatch_core::time::WallTime;

use super::page::{Page, name, put};
use super::rows::{account, day_name, figures, share};
use super::words::{Words, clock, grouped, lasted};
use super::{LineReport, OutageReport, Report, length};
use crate::format::availability_ppm;
use crate::message::escape;
use crate::words::duration_text;

/// Rows of the list of outages; of more, the longest.
const OUTAGES_MAX: usize = 400;
/// Rows of what was not measured; of more, the longest.
const GAPS_MAX: usize = 60;
/// So much of a period is all of it: the ends cut an interval, and single probes are unsent.
const WHOLE_PPM: u32 = 995_000;

impl Page<'_> {
    /// Opens a table that a narrow screen scrolls in its own box.
    pub(super) fn table(&mut self, label: &str, heads: &[(&str, bool)]) {
        let cells: String = heads
            .iter()
            .map(|(head, is_number)| {
                let class = if *is_number { " class=\"n\"" } else { "" };
                format!("<th scope=\"col\"{class}>{}</th>", escape(head))
            })
            .collect();
        put!(
            self,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>{cells}</tr></thead><tbody>",
            escape(label)
        );
    }

    pub(super) fn end_table(&mut self) {
        put!(self, "</tbody></table></div>");
    }

    pub(super) fn tables(&mut self) {
        let words = self.words;
        let first = if self.report.is_fleet {
            words.target
        } else {
            words.period
        };
        let mut heads = vec![(first, false)];
        heads.extend(
            [
                words.sent,
                words.received,
                words.lost,
                words.loss,
                "Min",
                words.average,
                "p50",
                "p95",
                "p99",
                "Max",
                words.jitter,
            ]
            .map(|head| (head, true)),
        );
        let heading = words.pick("Figures", "Angka");
        put!(self, "<h2>{heading}</h2>");
        if self.report.is_fleet {
            // The least of the row that says the same twice has to go: received is sent without lost.
            heads.retain(|(head, _)| *head != words.received && *head != "Min");
            heads.extend([(words.availability, true), (words.outages, true)]);
            self.table(heading, &heads);
            for line in &self.report.lines {
                self.fleet_row(line);
            }
        } else {
            self.table(heading, &heads);
            for line in &self.report.lines {
                self.line_rows(line);
            }
        }
        self.end_table();
        let unreachable: u64 = self
            .report
            .lines
            .iter()
            .map(|line| line.whole.counts().unreachable)
            .sum();
        let unreachable = grouped(unreachable);
        let note = words.pick(
            format!("Lost includes {unreachable} that the path reported as unreachable."),
            format!("Hilang mencakup {unreachable} yang dilaporkan jalur sebagai tak terjangkau."),
        );
        put!(self, "<p class=\"note\">{} {note}</p>", words.table_note);
    }

    fn line_rows(&mut self, line: &LineReport) {
        let words = self.words;
        self.figures_row(words.whole, figures(&line.whole).as_slice(), "strong");
        if !line.outages.is_empty() {
            self.figures_row(words.calm, figures(&line.calm).as_slice(), "");
        }
        if line.days.len() > 1 {
            for day in &line.days {
                let name = day_name(words, self.report, day);
                self.figures_row(&name, figures(&day.rollup).as_slice(), "");
            }
        }
    }

    fn figures_row(&mut self, head: &str, cells: &[String], class: &str) {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td class=\"n\">{}</td>", escape(cell)))
            .collect();
        put!(
            self,
            "<tr><th scope=\"row\" class=\"t {class}\">{}</th>{cells}</tr>",
            escape(head)
        );
    }

    fn fleet_row(&mut self, line: &LineReport) {
        let [sent, _, lost, loss, _, average, p50, p95, p99, max, jitter] = figures(&line.whole);
        let cells = [sent, lost, loss, average, p50, p95, p99, max, jitter]
            .map(|cell| format!("<td class=\"n\">{cell}</td>"));
        put!(
            self,
            "<tr><th scope=\"row\" class=\"name\">{}</th>{}<td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            name(&line.name),
            cells.concat(),
            availability_ppm(line.availability_ppm),
            line.outages.len()
        );
    }

    pub(super) fn outages(&mut self) {
        let (words, report) = (self.words, self.report);
        put!(self, "<h2>{}</h2>", words.outages);
        let mut all: Vec<(&LineReport, &OutageReport)> = report
            .lines
            .iter()
            .flat_map(|line| line.outages.iter().map(move |outage| (line, outage)))
            .collect();
        if all.is_empty() {
            put!(self, "<p>{}</p>", words.no_outage);
            return;
        }
        let more = all.len().saturating_sub(OUTAGES_MAX);
        if more > 0 {
            all.sort_by_key(|(_, outage)| std::cmp::Reverse(outage.inside(report)));
            all.truncate(OUTAGES_MAX);
        }
        all.sort_by_key(|(_, outage)| outage.row.from);
        let mut heads = vec![("#", false)];
        if report.is_fleet {
            heads.push((words.target, false));
        }
        heads.extend([
            (words.from, false),
            (words.to, false),
            (words.lasted, true),
            (words.sent, true),
            (words.lost, true),
            (words.loss, true),
            (words.opened_by, false),
            (words.elsewhere, false),
        ]);
        self.table(words.outages, &heads);
        for (place, (line, outage)) in all.into_iter().enumerate() {
            self.outage_row(place + 1, line, outage);
        }
        self.end_table();
        if more > 0 {
            let more = grouped(more as u64);
            let text = words.pick(
                format!("And {more} shorter ones."),
                format!("Dan {more} yang lebih singkat."),
            );
            put!(self, "<p class=\"note\">{text}</p>");
        }
        let zone = words.zone(report.from, report.to, &report.zone);
        let note = words.pick(
            format!("From is when the first lost packet was sent, to when the first of the replies that ended it was, each ± one interval. Zone {zone} throughout."),
            format!("Dari adalah saat paket hilang pertama dikirim, sampai saat jawaban pertama yang mengakhirinya, masing-masing ± satu interval. Zona {zone} di seluruh laporan."),
        );
        put!(self, "<p class=\"note\">{}</p>", escape(&note));
    }

    fn outage_row(&mut self, number: usize, line: &LineReport, outage: &OutageReport) {
        let (words, report) = (self.words, self.report);
        let row = &outage.row;
        let zone = &report.zone;
        let to = match outage.to {
            None => words.goes_on.to_owned(),
            Some(to) if words.date(to, zone) == words.date(row.from, zone) => clock(to, zone),
            Some(to) => format!("{} {}", words.day(to, zone), clock(to, zone)),
        };
        let target = if report.is_fleet {
            format!("<td class=\"name\">{}</td>", name(&line.name))
        } else {
            String::new()
        };
        let whole = length(row.from, outage.to.unwrap_or(report.to));
        put!(
            self,
            "<tr><td>{number}</td>{target}<td class=\"t\">{} {}</td><td class=\"t\">{to}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            words.day(row.from, zone),
            clock(row.from, zone),
            lasted(whole),
            grouped(row.sent),
            grouped(row.lost),
            share(row.lost, row.sent),
            opened(words, line, row.opened_by),
            elsewhere(words, outage)
        );
    }

    /// What was not measured, and the sum: never left out itself.
    pub(super) fn left_out(&mut self) {
        let (words, report) = (self.words, self.report);
        put!(self, "<h2>{}</h2>", words.left_out);
        let mut spans = gap_rows(report);
        let more = spans.len().saturating_sub(GAPS_MAX);
        if spans.is_empty() {
            put!(self, "<p>{}</p>", no_gap(words, report));
        } else {
            if more > 0 {
                spans.sort_by_key(|gap| std::cmp::Reverse(gap.seconds.1 - gap.seconds.0));
                spans.truncate(GAPS_MAX);
                spans.sort_by_key(|gap| gap.seconds);
            }
            let mut heads = vec![
                (words.from, false),
                (words.to, false),
                (words.lasted, true),
                (words.why, false),
            ];
            if report.is_fleet {
                heads.push((words.targets, true));
            }
            heads.push((words.probes, true));
            self.table(words.left_out, &heads);
            for gap in &spans {
                self.gap_row(gap);
            }
            self.end_table();
        }
        if more > 0 {
            let more = grouped(more as u64);
            let text = words.pick(
                format!("And {more} shorter ones."),
                format!("Dan {more} yang lebih singkat."),
            );
            put!(self, "<p class=\"note\">{text}</p>");
        }
        let account = account(report);
        put!(
            self,
            "<p class=\"note keep\"><b>{}.</b> {}{} {} {}</p>",
            words.sum,
            account.sentence(words),
            by_kind(words, report, account.in_gaps),
            account.expectation(words),
            words.pick(
                "Probes still in flight when this was made are not in it yet.",
                "Probe yang masih di jalan saat ini dibuat belum termasuk.",
            )
        );
    }

    fn gap_row(&mut self, gap: &GapRow) {
        let (words, report) = (self.words, self.report);
        let at = |second: i64| WallTime::from_nanos(second.saturating_mul(1_000_000_000));
        let (from, to) = (at(gap.seconds.0), at(gap.seconds.1));
        let zone = &report.zone;
        let end = if words.date(to, zone) == words.date(from, zone) {
            clock(to, zone)
        } else {
            format!("{} {}", words.day(to, zone), clock(to, zone))
        };
        let targets = if report.is_fleet {
            format!("<td class=\"n\">{}</td>", gap.targets)
        } else {
            String::new()
        };
        put!(
            self,
            "<tr><td class=\"t\">{} {}</td><td class=\"t\">{end}</td><td class=\"n\">{}</td><td>{}</td>{targets}<td class=\"n\">{}</td></tr>",
            words.day(from, zone),
            clock(from, zone),
            lasted(length(from, to)),
            words.gap(gap.kind),
            grouped(gap.slots)
        );
    }
}

fn opened(words: &Words, line: &LineReport, by: OpenedBy) -> String {
    let policy = line.target.as_ref().map(|target| target.thresholds.outage);
    match (by, policy) {
        (OpenedBy::Run, Some(policy)) => format!("{} {}", policy.lost_to_open, words.opened_by(by)),
        (OpenedBy::WindowLoss, Some(policy)) => {
            let window = duration_text(policy.window);
            let percent = (policy.loss_ratio * 100.0).round();
            words.pick(
                format!("over {percent}% in {window}"),
                format!("di atas {percent}% dalam {window}"),
            )
        }
        (_, None) => words.opened_by(by).to_owned(),
    }
}

/// `gateway 0%, others 0/14`.
fn elsewhere(words: &Words, outage: &OutageReport) -> String {
    let Some((_, figures)) = &outage.proof else {
        let is_over = outage.to.is_some();
        return match is_over {
            true => words.pick("not kept", "tidak disimpan"),
            false => words.pick("known after its end", "diketahui setelah usai"),
        }
        .to_owned();
    };
    let gateway = figures
        .gateway
        .map(|gateway| format!("{} {}", words.gateway, share(gateway.lost, gateway.sent)));
    let others = (figures.others > 0).then(|| {
        let (failing, all) = (figures.others_failing, figures.others);
        words.pick(format!("others {failing}/{all}"), format!("lain {failing}/{all}"))
    });
    let told: Vec<String> = [gateway, others].into_iter().flatten().collect();
    if told.is_empty() {
        return words
            .pick("nothing else measured", "tak ada yang lain diukur")
            .to_owned();
    }
    let text = told.join(", ");
    if figures.others_failing > 0 {
        format!("<b>{text}</b>")
    } else {
        text
    }
}

/// What stands where no gap is known: that is not the same as having measured all the time.
fn no_gap(words: &Words, report: &Report) -> String {
    if account(report).counts.scheduled == 0 {
        return words
            .pick(
                "No probe was due in this period.",
                "Tidak ada probe yang jatuh tempo dalam periode ini.",
            )
            .to_owned();
    }
    let least = report.lines.iter().filter_map(|line| line.coverage_ppm).min();
    match least.filter(|ppm| *ppm < WHOLE_PPM) {
        None => words.nothing_left_out.to_owned(),
        Some(ppm) => {
            let share = availability_ppm(Some(ppm));
            words.pick(
                format!("No break is recorded, but of the least measured line only {share} of the period was measured: it, or the monitor, is newer."),
                format!("Tidak ada jeda tercatat, tetapi dari jalur yang paling sedikit diukur hanya {share} periode terukur: jalur itu, atau pemantaunya, lebih baru."),
            )
        }
    }
}

/// Gaps of one kind and time, of all lines together.
struct GapRow {
    /// Since 1970; lines see the same gap some milliseconds apart.
    seconds: (i64, i64),
    kind: GapKind,
    targets: u64,
    slots: u64,
}

fn gap_rows(report: &Report) -> Vec<GapRow> {
    let mut rows = BTreeMap::<(i64, i64, u8), GapRow>::new();
    for gap in report.lines.iter().flat_map(|line| &line.gaps) {
        let second = |at: WallTime| at.as_millis().div_euclid(1_000);
        let seconds = (second(gap.from), second(gap.to));
        let row = rows
            .entry((seconds.0, seconds.1, gap.kind as u8))
            .or_insert(GapRow {
                seconds,
                kind: gap.kind,
                targets: 0,
                slots: 0,
            });
        row.targets += 1;
        row.slots += gap.slots;
    }
    rows.into_values().collect()
}

/// ` Not measured by kind: this computer was suspended 1,500; single probes 3.`
fn by_kind(words: &Words, report: &Report, in_gaps: u64) -> String {
    let mut kinds = BTreeMap::<u8, (GapKind, u64)>::new();
    for gap in report.lines.iter().flat_map(|line| &line.gaps) {
        kinds.entry(gap.kind as u8).or_insert((gap.kind, 0)).1 += gap.slots;
    }
    let mut told: Vec<String> = kinds
        .into_values()
        .filter(|(_, slots)| *slots > 0)
        .map(|(kind, slots)| format!("{} {}", words.gap(kind), grouped(slots)))
        .collect();
    let all: u64 = account(report).counts.unmeasured;
    if all > in_gaps {
        let single = grouped(all - in_gaps);
        told.push(words.pick(
            format!("single probes {single}"),
            format!("probe tunggal {single}"),
        ));
    }
    if told.is_empty() {
        return String::new();
    }
    format!(" {}: {}.", words.unmeasured, told.join("; "))
}

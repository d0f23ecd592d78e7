//! Sets a report as HTML, part by part. Every text from outside passes [`shown`] or `printable`, and is escaped where it
//! is written.

use std::fmt::Write as _;

use linewatch_core::stats::histogram::Histogram;

use super::css::{self, Margins};
use super::verdict::{Tone, verdict};
use super::words::{Words, clock, grouped, lasted};
use super::{Document, LineReport, Report, ReportStyle, Section, length};
use crate::format::{availability_ppm, loss_ppm};
use crate::graph;
use crate::message::escape;
use crate::text::printable;
use crate::when::rfc3339_us;
use crate::words::duration_text;

/// Characters of a name that are shown: a line of the cover or two.
const NAME_CHARS: usize = 120;
const LOGO: &str = "<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M1 8h3l2-5.5 4 11L12 8h3\" fill=\"none\" stroke=\"#3451c6\" stroke-width=\"1.6\"/></svg>";

/// Text from outside as the report shows it: printable, and not without end.
pub(super) fn shown(text: &str) -> String {
    let start: String = text.chars().take(NAME_CHARS).collect();
    let mut shown = printable(&start);
    if text.chars().nth(NAME_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// A name as markup: its direction is its own business.
pub(super) fn name(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(&shown(text)))
}

pub(super) fn document(report: &Report, style: &ReportStyle) -> Document {
    let words = Words::of(style.language);
    let title = match report.lines.as_slice() {
        [line] if !report.is_fleet => shown(&line.name),
        _ => words.all_targets.to_owned(),
    };
    let kind = if report.is_fleet {
        words.fleet_report
    } else {
        words.line_report
    };
    let period = period_words(words, report);
    let made = made(words, report);
    let sheet = css::sheet(
        style.paper,
        &Margins {
            title: format!("{title} · {period}"),
            kind: kind.to_owned(),
            made: made.clone(),
            of: words.page_of,
        },
    );
    let mut page = Page {
        words,
        report,
        style,
        out: String::with_capacity(128 * 1024),
    };
    page.cover(&title, kind);
    page.body();
    let body = page.out;
    let html = format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light\">\n\
         <title>{title} · {kind} · linewatch</title>\n<style>{sheet}</style>\n</head>\n<body>\n<main>\n{body}\
         <p class=\"made\">{made}</p>\n</main>\n</body>\n</html>\n",
        code = words.code,
        title = escape(&title),
        made = escape(&made),
    );
    Document { html, style: sheet }
}

/// `20 Nov – 21 Nov 2026`.
fn period_words(words: &Words, report: &Report) -> String {
    let (from, to) = (
        words.date(report.from, &report.zone),
        words.date(report.to, &report.zone),
    );
    if from == to {
        to
    } else {
        format!("{from} – {to}")
    }
}

/// `linewatch 0.4.0 · jkt-office · made 21 Nov 2026, 16:56:11 (WIB, UTC+07:00)`.
fn made(words: &Words, report: &Report) -> String {
    let made = words.pick("made", "dibuat");
    let moment = words.moment(report.made_at, &report.zone);
    let zone = words.zone(report.made_at, report.made_at, &report.zone);
    let vantage = shown(&report.vantage);
    let from = if vantage.is_empty() {
        String::new()
    } else {
        format!("{vantage} · ")
    };
    format!("linewatch {} · {from}{made} {moment} ({zone})", report.version)
}

/// A document on the way.
pub(super) struct Page<'a> {
    pub(super) words: &'static Words,
    pub(super) report: &'a Report,
    style: &'a ReportStyle,
    pub(super) out: String,
}

/// Writing to a String cannot fail.
macro_rules! put {
    ($page:expr, $($rest:tt)*) => { let _ = writeln!($page.out, $($rest)*); };
}
pub(super) use put;

impl Page<'_> {
    fn has(&self, section: Section) -> bool {
        self.style.sections.contains(&section)
    }

    fn cover(&mut self, title: &str, kind: &str) {
        let (words, report) = (self.words, self.report);
        put!(
            self,
            "<header class=\"mast\"><b>{LOGO}linewatch</b><span>{kind}</span></header>"
        );
        put!(self, "<h1><bdi>{}</bdi></h1>", escape(title));
        let who = match report.lines.as_slice() {
            [line] if !report.is_fleet => how(words, line),
            lines => {
                let number = grouped(lines.len() as u64);
                words.pick(format!("{number} targets"), format!("{number} target"))
            }
        };
        let vantage = shown(&report.vantage);
        let vantage = if vantage.is_empty() {
            String::new()
        } else {
            words.pick(format!("from {vantage}"), format!("dari {vantage}"))
        };
        let who: Vec<String> = [who, vantage]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        let zone = words.zone(report.from, report.to, &report.zone);
        let (from, to) = (
            words.moment(report.from, &report.zone),
            words.moment(report.to, &report.zone),
        );
        put!(
            self,
            "<p class=\"muted\">{}<br>{}</p>",
            escape(&who.join(" · ")),
            escape(&words.pick(
                format!("{from} to {to} · times in {zone}"),
                format!("{from} sampai {to} · waktu dalam {zone}"),
            ))
        );
    }

    fn body(&mut self) {
        if self.has(Section::Verdict) {
            self.verdict();
        }
        if self.has(Section::Tables) {
            self.tables();
        }
        if self.has(Section::Chart) {
            self.charts();
        }
        if self.has(Section::Tables) && !self.report.is_fleet {
            self.tiles();
        }
        if self.has(Section::Outages) {
            self.outages();
        }
        if self.has(Section::Evidence) {
            self.evidence();
        }
        self.left_out();
        if self.has(Section::Method) {
            self.method();
        }
        if self.has(Section::Events) {
            self.events();
        }
    }

    fn verdict(&mut self) {
        let said = verdict(self.words, self.report);
        let (class, shape) = match said.tone {
            Tone::Good => ("good", "<circle cx=\"8\" cy=\"8\" r=\"6\"/>"),
            Tone::Troubled => ("troubled", "<path d=\"M8 1.5 15 14H1z\"/>"),
            Tone::Bad => (
                "bad",
                "<path d=\"M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4z\"/>",
            ),
            Tone::Nothing => ("nothing", "<path d=\"M1 6h14v4H1z\"/>"),
        };
        put!(
            self,
            "<section class=\"verdict {class}\"><p class=\"headline\"><svg viewBox=\"0 0 16 16\" fill=\"currentColor\" \
             aria-hidden=\"true\">{shape}</svg><span>{}</span></p>",
            escape(&said.headline)
        );
        let sentences: Vec<String> = said
            .sentences
            .iter()
            .map(|(text, is_strong)| {
                let text = escape(text);
                if *is_strong {
                    format!("<strong>{text}</strong>")
                } else {
                    text
                }
            })
            .collect();
        if !sentences.is_empty() {
            put!(self, "<p>{}</p>", sentences.join(" "));
        }
        put!(self, "</section>");
    }

    fn charts(&mut self) {
        let report = self.report;
        let style = super::ask::chart_style(report.is_fleet).in_language(self.style.language);
        let pictures: Vec<String> = report
            .lines
            .iter()
            .filter_map(|line| Some(graph::svg(line.chart.as_ref()?, &style)))
            .collect();
        if pictures.is_empty() {
            return;
        }
        let heading = if report.is_fleet && report.lines.len() > pictures.len() {
            let worst = self.words.pick("the worst lines", "jalur terburuk");
            format!("{}, {worst}", self.words.chart)
        } else {
            self.words.chart.to_owned()
        };
        put!(self, "<h2>{heading}</h2>");
        for picture in pictures {
            put!(
                self,
                "<figure class=\"chart wide\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">{picture}</figure>",
                escape(&heading)
            );
        }
        put!(self, "<p class=\"note\">{}</p>", self.words.chart_note);
    }

    fn tiles(&mut self) {
        let (words, report) = (self.words, self.report);
        let Some(line) = report.lines.first() else {
            return;
        };
        let span = length(report.from, report.to);
        let measured = lasted(line.measured);
        let missing = lasted(span.saturating_sub(line.measured));
        let down = line.outages.iter().map(|outage| outage.inside(report));
        let longest = down.clone().max().unwrap_or_default();
        let outages = if line.outages.is_empty() {
            "—".to_owned()
        } else {
            let all = lasted(down.sum());
            let longest = lasted(longest);
            words.pick(
                format!("{all}, longest {longest}"),
                format!("{all}, terlama {longest}"),
            )
        };
        let late = grouped(line.whole.counts().late);
        let tiles = [
            (
                words.availability,
                availability_ppm(line.availability_ppm).to_string(),
                words.pick(
                    format!("of {measured} measured"),
                    format!("dari {measured} diukur"),
                ),
            ),
            (
                words.coverage,
                availability_ppm(line.coverage_ppm).to_string(),
                words.pick(format!("{missing} not measured"), format!("{missing} tak diukur")),
            ),
            (words.outages, grouped(line.outages.len() as u64), outages),
            (
                words.pick("Late replies", "Jawaban terlambat"),
                late,
                words
                    .pick("after the time-out, lost", "lewat batas waktu, hilang")
                    .to_owned(),
            ),
        ];
        let tiles: String = tiles
            .iter()
            .map(|(term, value, note)| format!("<div><dt>{term}</dt><dd>{value}</dd><dd>{note}</dd></div>"))
            .collect();
        put!(self, "<dl class=\"tiles\">{tiles}</dl>");
    }

    fn evidence(&mut self) {
        let (words, report) = (self.words, self.report);
        let longest = report
            .lines
            .iter()
            .flat_map(|line| &line.outages)
            .find(|outage| !outage.kept.is_empty());
        let Some(outage) = longest else {
            return;
        };
        let picture = super::lanes::picture(words, report, outage);
        if picture.is_empty() {
            return;
        }
        let begin = format!(
            "{} {}",
            words.day(outage.row.from, &report.zone),
            clock(outage.row.from, &report.zone)
        );
        let lasted = lasted(outage.inside(report));
        let heading = words.pick(
            format!("The outage of {begin} in detail, {lasted}"),
            format!("Gangguan {begin} secara rinci, {lasted}"),
        );
        put!(
            self,
            "<div class=\"keep\"><h2>{heading}</h2><figure class=\"chart wide\" tabindex=\"0\" role=\"group\" aria-label=\"{heading}\">{picture}</figure>\
             <p class=\"note\">{}",
            words.detail_note
        );
        if let Some((verdict, figures)) = &outage.proof {
            if figures.late > 0 {
                let (late, lost) = (grouped(figures.late), grouped(figures.target.lost));
                put!(
                    self,
                    " {}",
                    words.pick(
                        format!("{late} of the {lost} lost replies came late."),
                        format!("{late} dari {lost} jawaban yang hilang tiba terlambat."),
                    )
                );
            }
            let said = words.verdict(*verdict);
            let mut signs = said.chars();
            let said: String = signs
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .chain(signs)
                .collect();
            put!(self, " <strong>{said}.</strong>");
        }
        put!(self, "</p></div>");
    }

    fn method(&mut self) {
        let words = self.words;
        let target = match self.report.lines.as_slice() {
            [line] if !self.report.is_fleet => line.target.as_ref(),
            _ => None,
        };
        let step = step_word(words, self.report.step);
        let error = format!("{:.1}%", Histogram::RELATIVE_ERROR * 100.0);
        let timeout = target.map_or_else(
            || words.pick("its time-out", "batas waktunya").to_owned(),
            |target| duration_text(target.plan.timeout),
        );
        let outage = target.map(|target| outage_rule(words, &target.thresholds.outage)).unwrap_or_else(|| {
            words.pick("opens when so many packets in a row, or such a share of a window, are lost as the target is set to.",
                "dibuka bila paket hilang beruntun, atau bagian jendela, sebanyak yang diatur untuk target.").to_owned()
        });
        put!(self, "<h2>{}</h2><div class=\"method\">", words.method);
        for paragraph in words.pick(
            [
                "<b>Round trip</b> is the time from the request leaving to the reply arriving, by the kernel's own stamps where it gives \
                 them. What this computer adds is measured apart and not in these figures.".to_owned(),
                format!("<b>Lost</b> means no reply within {timeout} of sending, or that the path reported it as unreachable. A later reply stays lost and is counted as late."),
                format!("<b>Outage</b> {outage}"),
                format!("<b>Percentiles</b> come from every single reply, error at most {error}. Averages are over all replies, never averages of averages."),
                "<b>Availability</b> is the measured time without outage divided by the measured time, rounded down.".to_owned(),
                format!("<b>Without outages</b> leaves out every {step} that an outage touched. The period begins with a whole one."),
            ],
            [
                "<b>Waktu tempuh</b> adalah waktu dari permintaan keluar sampai jawaban tiba, menurut stempel kernel bila ada. \
                 Tambahan dari komputer ini diukur terpisah dan tidak termasuk.".to_owned(),
                format!("<b>Hilang</b> berarti tidak ada jawaban dalam {timeout} sejak dikirim, atau jalur melaporkannya tak terjangkau. Jawaban yang datang kemudian tetap hilang dan dihitung terlambat."),
                format!("<b>Gangguan</b> {outage}"),
                format!("<b>Persentil</b> berasal dari setiap jawaban, galat paling besar {error}. Rata-rata dihitung atas semua jawaban, bukan rata-rata dari rata-rata."),
                "<b>Ketersediaan</b> adalah waktu terukur tanpa gangguan dibagi waktu terukur, dibulatkan ke bawah.".to_owned(),
                format!("<b>Tanpa gangguan</b> mengeluarkan setiap {step} yang tersentuh gangguan. Periode dimulai pada {step} utuh."),
            ],
        ) {
            put!(self, "<p>{paragraph}</p>");
        }
        self.data();
        put!(self, "</div>");
    }

    /// Where the single probes are: a link on the page, a command in a file.
    fn data(&mut self) {
        let (words, report) = (self.words, self.report);
        let text = match &self.style.csv {
            Some(address) => format!("<a href=\"{}\" download>{}</a>.", escape(address), words.csv),
            None => {
                let which = match report.lines.as_slice() {
                    [line] if !report.is_fleet => shown(&line.slug),
                    _ => "--all".to_owned(),
                };
                let (from, to) = (rfc3339_us(report.from), rfc3339_us(report.to));
                let command = format!("linewatch export {which} --from {from} --to {to}");
                format!("{} <code>{}</code>.", words.no_csv, escape(&command))
            }
        };
        put!(self, "<p><b>{}:</b> {text}</p>", words.data);
    }

    fn events(&mut self) {
        let (words, report) = (self.words, self.report);
        put!(self, "<h2>{}</h2>", words.events);
        if report.events.is_empty() {
            put!(self, "<p>{}</p>", words.no_event);
            return;
        }
        self.table(
            words.events,
            &[(words.when, false), (words.target, false), (words.what, false)],
        );
        for event in &report.events {
            let target = event.target.and_then(|target| report.names.get(&target));
            put!(
                self,
                "<tr><td class=\"t\">{} {}</td><td class=\"name\">{}</td><td>{}</td></tr>",
                words.day(event.at, &report.zone),
                clock(event.at, &report.zone),
                target.map(|target| name(target)).unwrap_or_default(),
                escape(&printable(&event.message))
            );
        }
        self.end_table();
    }
}

/// `nrt.gw.example (203.0.113.42) · ICMP, 56 B, every 1s, timeout 2s`.
fn how(words: &Words, line: &LineReport) -> String {
    let address = shown(&line.address);
    let Some(target) = &line.target else {
        return words
            .pick("no longer configured", "tidak lagi dikonfigurasi")
            .to_owned();
    };
    let (method, plan) = (target.method.word().to_uppercase(), &target.plan);
    let (interval, timeout) = (duration_text(plan.interval), duration_text(plan.timeout));
    let bytes = if target.method.word() == "icmp" {
        format!(", {} B", plan.payload_bytes)
    } else {
        String::new()
    };
    words.pick(
        format!("{address} · {method}{bytes}, every {interval}, timeout {timeout}"),
        format!("{address} · {method}{bytes}, setiap {interval}, batas waktu {timeout}"),
    )
}

fn step_word(words: &Words, step: std::time::Duration) -> String {
    match step.as_secs() {
        60 => words.pick("minute", "menit").to_owned(),
        3_600 => words.pick("hour", "jam").to_owned(),
        seconds => words.pick(
            format!("{} minutes", seconds / 60),
            format!("{} menit", seconds / 60),
        ),
    }
}

fn outage_rule(words: &Words, policy: &linewatch_core::outage::OutagePolicy) -> String {
    let (lost, replies) = (
        words.number(policy.lost_to_open.into()),
        words.number(policy.replies_to_close.into()),
    );
    let window = duration_text(policy.window);
    let percent = loss_ppm(Some((policy.loss_ratio * 1e6) as u32));
    words.pick(
        format!("opens at {lost} packets lost in a row, or when more than {percent} of the last {window} are lost; it closes at the first of {replies} replies in a row."),
        format!("dibuka pada {lost} paket hilang beruntun, atau bila lebih dari {percent} dari {window} terakhir hilang; ditutup pada yang pertama dari {replies} jawaban beruntun."),
    )
}

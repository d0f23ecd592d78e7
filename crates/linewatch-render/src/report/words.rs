//! The words of a report in both languages: one list of fixed words, whose fields both must fill, and the sentences.

use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::evidence::Verdict;
use linewatch_core::outage::OpenedBy;
use linewatch_core::record::GapKind;
use linewatch_core::time::WallTime;

use crate::format::{count, duration_ms};
use crate::message::Language;

/// Words in one language.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) code: &'static str,
    pub(super) line_report: &'static str,
    pub(super) fleet_report: &'static str,
    pub(super) all_targets: &'static str,
    pub(super) whole: &'static str,
    pub(super) calm: &'static str,
    pub(super) period: &'static str,
    pub(super) target: &'static str,
    pub(super) targets: &'static str,
    pub(super) sent: &'static str,
    pub(super) received: &'static str,
    pub(super) lost: &'static str,
    pub(super) loss: &'static str,
    pub(super) unsent: &'static str,
    pub(super) unmeasured: &'static str,
    pub(super) average: &'static str,
    pub(super) jitter: &'static str,
    pub(super) availability: &'static str,
    pub(super) coverage: &'static str,
    pub(super) outages: &'static str,
    pub(super) chart: &'static str,
    pub(super) chart_note: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) lasted: &'static str,
    pub(super) opened_by: &'static str,
    pub(super) elsewhere: &'static str,
    pub(super) goes_on: &'static str,
    pub(super) no_outage: &'static str,
    pub(super) detail_note: &'static str,
    pub(super) gateway: &'static str,
    pub(super) left_out: &'static str,
    pub(super) nothing_left_out: &'static str,
    pub(super) why: &'static str,
    pub(super) probes: &'static str,
    pub(super) sum: &'static str,
    pub(super) replied: &'static str,
    pub(super) refused: &'static str,
    pub(super) unreachable: &'static str,
    pub(super) scheduled: &'static str,
    pub(super) method: &'static str,
    pub(super) events: &'static str,
    pub(super) no_event: &'static str,
    pub(super) when: &'static str,
    pub(super) what: &'static str,
    pub(super) data: &'static str,
    pub(super) csv: &'static str,
    pub(super) no_csv: &'static str,
    pub(super) page_of: &'static str,
    pub(super) table_note: &'static str,
    language: Language,
}

static ENGLISH: Words = Words {
    code: "en",
    line_report: "Line report",
    fleet_report: "Report of all lines",
    all_targets: "All targets",
    whole: "Whole period",
    calm: "Without outages",
    period: "Period",
    target: "Target",
    targets: "Targets",
    sent: "Sent",
    received: "Received",
    lost: "Lost",
    loss: "Loss",
    unsent: "Unsent",
    unmeasured: "Not measured",
    average: "Average",
    jitter: "Jitter",
    availability: "Availability",
    coverage: "Coverage",
    outages: "Outages",
    chart: "Round trip and loss",
    chart_note: "Darkest band: the middle fifth of the round trips of a column; then half, four fifths, all. Dash: median. \
                 Bars below: loss. Hatched: not measured.",
    from: "From",
    to: "To",
    lasted: "Duration",
    opened_by: "Opened by",
    elsewhere: "Same time elsewhere",
    goes_on: "goes on",
    no_outage: "No outage in this period.",
    detail_note: "Each mark is a second with lost packets, from 30 s before to 30 s after; between the dashed lines is the outage.",
    gateway: "gateway",
    left_out: "Not measured, left out of every figure",
    nothing_left_out: "Nothing was left out: this computer measured without a break.",
    why: "Why",
    probes: "Probes",
    sum: "Every probe accounted for",
    replied: "replied",
    refused: "refused",
    unreachable: "unreachable",
    scheduled: "Scheduled",
    method: "How this was measured",
    events: "Events",
    no_event: "No event in this period.",
    when: "When",
    what: "What happened",
    data: "Data",
    csv: "every probe of this period as CSV",
    no_csv: "every probe of this period is written by",
    page_of: "of",
    table_note: "Milliseconds. Jitter: mean difference of neighbouring replies. Unsent and not measured probes are no loss.",
    language: Language::English,
};

static INDONESIAN: Words = Words {
    code: "id",
    line_report: "Laporan jalur",
    fleet_report: "Laporan semua jalur",
    all_targets: "Semua target",
    whole: "Seluruh periode",
    calm: "Tanpa gangguan",
    period: "Periode",
    target: "Target",
    targets: "Target",
    sent: "Dikirim",
    received: "Diterima",
    lost: "Hilang",
    loss: "Kehilangan",
    unsent: "Tak terkirim",
    unmeasured: "Tak diukur",
    average: "Rata-rata",
    jitter: "Jitter",
    availability: "Ketersediaan",
    coverage: "Cakupan",
    outages: "Gangguan",
    chart: "Waktu tempuh dan kehilangan",
    chart_note: "Pita tergelap: seperlima tengah waktu tempuh satu kolom; lalu separuh, empat perlima, semua. Garis: median. \
                 Batang di bawah: kehilangan. Arsiran: tidak diukur.",
    from: "Dari",
    to: "Sampai",
    lasted: "Lama",
    opened_by: "Dibuka oleh",
    elsewhere: "Di tempat lain",
    goes_on: "berlangsung",
    no_outage: "Tidak ada gangguan dalam periode ini.",
    detail_note: "Setiap tanda adalah satu detik dengan paket hilang, dari 30 s sebelum sampai 30 s sesudah; di antara garis \
                  putus-putus adalah gangguannya.",
    gateway: "gerbang",
    left_out: "Tidak diukur, di luar semua angka",
    nothing_left_out: "Tidak ada yang ditinggalkan: komputer ini mengukur tanpa jeda.",
    why: "Sebab",
    probes: "Probe",
    sum: "Setiap probe diperhitungkan",
    replied: "dijawab",
    refused: "ditolak",
    unreachable: "tak terjangkau",
    scheduled: "Dijadwalkan",
    method: "Cara pengukuran",
    events: "Kejadian",
    no_event: "Tidak ada kejadian dalam periode ini.",
    when: "Waktu",
    what: "Kejadian",
    data: "Data",
    csv: "setiap probe periode ini sebagai CSV",
    no_csv: "setiap probe periode ini ditulis oleh",
    page_of: "dari",
    table_note: "Milidetik. Jitter: rata-rata selisih jawaban bertetangga. Probe tak terkirim dan tak diukur bukan kehilangan.",
    language: Language::Indonesian,
};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const BULAN: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des",
];
/// Up to here a number is a word in a sentence.
const NUMBERS: [&str; 10] = [
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];
const BILANGAN: [&str; 10] = [
    "nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan",
];

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Indonesian => &INDONESIAN,
        }
    }

    /// The one of this language.
    pub(super) fn pick<T>(&self, english: T, indonesian: T) -> T {
        match self.language {
            Language::English => english,
            Language::Indonesian => indonesian,
        }
    }

    /// `three`, `12`.
    pub(super) fn number(&self, number: u64) -> String {
        let words = self.pick(NUMBERS, BILANGAN);
        let word = usize::try_from(number).ok().and_then(|number| words.get(number));
        word.map_or_else(|| grouped(number), |word| (*word).to_owned())
    }

    /// `21 Nov 2026`.
    pub(super) fn date(&self, at: WallTime, zone: &TimeZone) -> String {
        let local = local(at, zone);
        format!("{} {}", self.day(at, zone), local.year())
    }

    /// `21 Nov`.
    pub(super) fn day(&self, at: WallTime, zone: &TimeZone) -> String {
        let local = local(at, zone);
        format!("{} {}", local.day(), self.month(local.month()))
    }

    /// `Nov 2026`.
    pub(super) fn month_year(&self, at: WallTime, zone: &TimeZone) -> String {
        let local = local(at, zone);
        format!("{} {}", self.month(local.month()), local.year())
    }

    fn month(&self, month: i8) -> &'static str {
        let months = self.pick(MONTHS, BULAN);
        let place = usize::try_from(month - 1).unwrap_or(0);
        months.get(place).copied().unwrap_or_default()
    }

    /// `21 Nov 2026, 16:56:11`.
    pub(super) fn moment(&self, at: WallTime, zone: &TimeZone) -> String {
        format!("{}, {}", self.date(at, zone), clock(at, zone))
    }

    /// `WIB, UTC+07:00`; where the offset changes within the period, both.
    pub(super) fn zone(&self, from: WallTime, to: WallTime, zone: &TimeZone) -> String {
        let name = |at: WallTime| {
            let local = local(at, zone);
            let short = local.strftime("%Z").to_string();
            let offset = format!("UTC{}", local.strftime("%:z"));
            // A zone without a short name of its own is written by its offset.
            if short.starts_with(['+', '-']) || short == "UTC" {
                offset
            } else {
                format!("{short}, {offset}")
            }
        };
        let (first, last) = (name(from), name(to));
        if first == last {
            return first;
        }
        let change = self.pick(
            "daylight saving changes in this period",
            "jam musim berganti dalam periode ini",
        );
        format!("{first} → {last} ({change})")
    }

    pub(super) fn gap(&self, kind: GapKind) -> &'static str {
        match kind {
            GapKind::Suspended => self.pick("this computer was suspended", "komputer ini tidur"),
            GapKind::ClockStepped => self.pick("the clock was set", "jam disetel"),
            GapKind::Stalled => self.pick("this computer stalled", "komputer ini tersendat"),
            GapKind::Paused => self.pick("paused by a person", "dijeda oleh seseorang"),
            GapKind::Stopped => self.pick("the monitor was off", "pemantau mati"),
            GapKind::Crashed => self.pick(
                "the monitor was killed or the power failed",
                "pemantau terputus atau listrik padam",
            ),
            GapKind::Reconfigured => self.pick("settings were changed", "setelan diubah"),
            GapKind::Overrun => self.pick("this computer was overrun", "komputer ini kewalahan"),
            GapKind::RxOverflow => self.pick("the kernel dropped answers", "kernel membuang jawaban"),
        }
    }

    pub(super) fn opened_by(&self, by: OpenedBy) -> &'static str {
        match by {
            OpenedBy::Run => self.pick("lost in a row", "hilang beruntun"),
            OpenedBy::WindowLoss => self.pick("loss of the window", "kehilangan jendela"),
        }
    }

    /// Whose fault it likely was, as the page says it.
    pub(super) fn verdict(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::ThisComputer => self.pick(
                "the fault was likely this computer",
                "kesalahan kemungkinan ada di komputer ini",
            ),
            Verdict::Busy => self.pick(
                "this computer was too busy to be sure",
                "komputer ini terlalu sibuk untuk memastikan",
            ),
            Verdict::Near => self.pick(
                "the fault was likely near the measuring computer, not at the target",
                "kesalahan kemungkinan di dekat komputer pengukur, bukan di target",
            ),
            Verdict::Line => self.pick(
                "the fault was likely on the line behind the gateway",
                "kesalahan kemungkinan di jalur di belakang gerbang",
            ),
            Verdict::Shared => self.pick(
                "the fault was likely on a part of the way shared with other targets",
                "kesalahan kemungkinan di bagian jalur yang dipakai bersama target lain",
            ),
            Verdict::Them => self.pick(
                "the fault was likely at the target or on the path behind the gateway",
                "kesalahan kemungkinan di target atau di jalur di belakang gerbang",
            ),
            Verdict::Unknown => self.pick(
                "too little was measured to tell whose fault it was",
                "terlalu sedikit yang diukur untuk menentukan letak kesalahan",
            ),
        }
    }
}

/// `16:56:11`.
pub(super) fn clock(at: WallTime, zone: &TimeZone) -> String {
    local(at, zone).strftime("%H:%M:%S").to_string()
}

/// `16:56`.
pub(super) fn minute(at: WallTime, zone: &TimeZone) -> String {
    local(at, zone).strftime("%H:%M").to_string()
}

fn local(at: WallTime, zone: &TimeZone) -> jiff::Zoned {
    // Every `i64` of nanoseconds (1677 to 2262) is a `Timestamp`, so the fallback is never taken.
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos()));
    stamp
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(zone.clone())
}

/// `84,899`.
pub(super) fn grouped(number: u64) -> String {
    count(i64::try_from(number).ok())
}

/// `1 m 52 s`.
pub(super) fn lasted(length: Duration) -> String {
    duration_ms(u64::try_from(length.as_millis()).ok())
}

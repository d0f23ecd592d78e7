//! The words of the full-screen terminal view, in English and Indonesian, side by side.
//!
//! The terms are those of the page (`web/i18n`). States are written as there: OK, WARN and BAD beside the grade, the others in
//! its place. Not here: the words of the plain table (`console_words`), and where anything stands on the screen.

use linewatch_core::event::EventKind;

use crate::message::Language;

/// Words of one language. A field is named by its English word unless something is said.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is its own word; the values below say the rest")]
pub struct TerminalWords {
    pub targets: &'static str,
    /// Order of the table.
    pub worst_first: &'static str,
    pub by_name: &'static str,
    pub by_rtt: &'static str,
    pub by_loss: &'static str,
    pub grade: &'static str,
    pub state: &'static str,
    pub target: &'static str,
    pub jitter: &'static str,
    /// As a heading: at most 4 columns.
    pub jitter_short: &'static str,
    pub loss: &'static str,
    /// `Last 24 s`, before the number.
    pub last: &'static str,
    pub timeout: &'static str,
    pub unreachable: &'static str,
    pub unsent: &'static str,
    pub unmeasured: &'static str,
    pub process: &'static str,
    /// Of the legend: probes that were lost.
    pub lost: &'static str,
    /// Of process latency: what this computer adds to the RTT.
    pub added_here: &'static str,
    /// `1 of 60`.
    pub of: &'static str,
    pub now: &'static str,
    pub events: &'static str,
    pub no_events: &'static str,
    pub all_countries: &'static str,
    pub running: &'static str,
    pub stopped: &'static str,
    pub stopping: &'static str,
    pub reconnecting: &'static str,
    pub no_target: &'static str,
    pub no_data: &'static str,
    pub more: &'static str,
    /// What is left behind when the view of a monitor is closed; its address follows.
    pub goes_on: &'static str,
    /// Keys at the foot.
    pub keys: FootWords,
    /// Lines of the list of keys: what each does, in the order of [`HELP_KEYS`].
    pub help: [&'static str; HELP_KEYS.len()],
    pub help_title: &'static str,
    /// Questions of the foot.
    pub ask_filter: &'static str,
    pub ask_add: &'static str,
    pub ask_replace: &'static str,
    /// A change was asked for and is under way.
    pub asked: &'static str,
    /// It was made.
    pub done: &'static str,
    /// Excellent, good, fair, poor, critical, down, stale, error, waiting, paused.
    pub badges: [&'static str; 10],
    /// OK, WARN, BAD.
    pub statuses: [&'static str; 3],
}

/// What the foot says behind each key.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is its own word")]
pub struct FootWords {
    pub quit: &'static str,
    pub start_stop: &'static str,
    pub add: &'static str,
    pub target: &'static str,
    pub detail: &'static str,
    pub back: &'static str,
    pub filter: &'static str,
    pub country: &'static str,
    pub sort: &'static str,
    pub range: &'static str,
    pub help: &'static str,
    pub space: &'static str,
}

/// The keys of the list of keys.
pub const HELP_KEYS: [&str; 17] = [
    "q  Ctrl+C",
    "↑ ↓  j k",
    "PgUp PgDn",
    "Enter",
    "Space",
    "a",
    "t",
    "/",
    "c",
    "s",
    "1 2 3 4 5",
    "x",
    "o",
    "l",
    "h",
    "Esc",
    "?",
];

const ENGLISH: TerminalWords = TerminalWords {
    targets: "Targets",
    worst_first: "worst first",
    by_name: "by name",
    by_rtt: "by RTT",
    by_loss: "by loss",
    grade: "Grade",
    state: "State",
    target: "Target",
    jitter: "jitter",
    jitter_short: "Jit",
    loss: "loss",
    last: "Last",
    timeout: "timeout",
    unreachable: "no path",
    unsent: "unsent",
    unmeasured: "unmeas.",
    process: "process",
    lost: "lost",
    added_here: "added here",
    of: "of",
    now: "now",
    events: "Events",
    no_events: "Nothing happened yet",
    all_countries: "all countries",
    running: "running",
    stopped: "stopped",
    stopping: "stopping",
    reconnecting: "reconnecting",
    no_target: "No target matches. Esc clears the filter",
    no_data: "no data",
    more: "more",
    goes_on: "The monitor goes on",
    keys: FootWords {
        quit: "quit",
        start_stop: "start/stop",
        add: "add",
        target: "target",
        detail: "detail",
        back: "back",
        filter: "filter",
        country: "country",
        sort: "sort",
        range: "range",
        help: "help",
        space: "space",
    },
    help: [
        "quit; a second time at once",
        "choose a target",
        "a page up or down",
        "detail of the target, and back",
        "start or stop the target",
        "add a target",
        "another target in place of this one",
        "filter by name, address or country",
        "next country",
        "next order: worst first, name, RTT, loss",
        "30 s, 60 s, 5, 15, 60 minutes",
        "mark the target for the overlay",
        "overlay: several targets in one chart",
        "logarithmic scale, and back",
        "HUD: one target, large",
        "back; clears the filter",
        "this list",
    ],
    help_title: "Keys",
    ask_filter: "filter",
    ask_add: "add target",
    ask_replace: "target in place of this one",
    asked: "asked for it",
    done: "done",
    badges: [
        "Excellent",
        "Good",
        "Fair",
        "Poor",
        "Critical",
        "Down",
        "Stale",
        "Error",
        "Waiting",
        "Paused",
    ],
    statuses: ["OK", "WARN", "BAD"],
};

const INDONESIAN: TerminalWords = TerminalWords {
    targets: "Target",
    worst_first: "terburuk dulu",
    by_name: "menurut nama",
    by_rtt: "menurut RTT",
    by_loss: "menurut hilang",
    grade: "Mutu",
    state: "Status",
    target: "Target",
    jitter: "jitter",
    jitter_short: "Jit",
    loss: "hilang",
    last: "Terakhir",
    timeout: "habis",
    unreachable: "buntu",
    unsent: "batal",
    unmeasured: "luput",
    process: "proses",
    lost: "hilang",
    added_here: "tambahan di sini",
    of: "dari",
    now: "kini",
    events: "Peristiwa",
    no_events: "Belum ada peristiwa",
    all_countries: "semua negara",
    running: "berjalan",
    stopped: "berhenti",
    stopping: "menghentikan",
    reconnecting: "menyambung lagi",
    no_target: "Tidak ada target yang cocok. Esc menghapus saringan",
    no_data: "tidak ada data",
    more: "lagi",
    goes_on: "Monitor tetap berjalan",
    keys: FootWords {
        quit: "keluar",
        start_stop: "mulai/henti",
        add: "tambah",
        target: "target",
        detail: "rincian",
        back: "kembali",
        filter: "saring",
        country: "negara",
        sort: "urut",
        range: "rentang",
        help: "bantuan",
        space: "spasi",
    },
    help: [
        "keluar; kedua kalinya seketika",
        "pilih target",
        "satu halaman naik atau turun",
        "rincian target, dan kembali",
        "mulai atau hentikan target",
        "tambah target",
        "target lain menggantikan yang ini",
        "saring menurut nama, alamat atau negara",
        "negara berikutnya",
        "urutan berikutnya: terburuk, nama, RTT, hilang",
        "30 s, 60 s, 5, 15, 60 menit",
        "tandai target untuk hamparan",
        "hamparan: beberapa target dalam satu grafik",
        "skala logaritmik, dan kembali",
        "HUD: satu target, besar",
        "kembali; menghapus saringan",
        "daftar ini",
    ],
    help_title: "Tombol",
    ask_filter: "saring",
    ask_add: "tambah target",
    ask_replace: "target pengganti",
    asked: "sudah diminta",
    done: "selesai",
    badges: [
        "Sangat baik",
        "Baik",
        "Cukup",
        "Buruk",
        "Kritis",
        "Mati",
        "Usang",
        "Galat",
        "Menunggu",
        "Dijeda",
    ],
    statuses: ["OK", "AWAS", "PARAH"],
};

impl TerminalWords {
    /// The words of a language.
    pub const fn of(language: Language) -> Self {
        match language {
            Language::English => ENGLISH,
            Language::Indonesian => INDONESIAN,
        }
    }
}

/// What an event says behind the target's name. `sentence` is the core's, which is English; other languages word the kind
/// (`event.*` of the page's catalogue).
pub fn event_text(kind: EventKind, sentence: &str, language: Language) -> String {
    match language {
        Language::English => sentence.to_owned(),
        Language::Indonesian => indonesian(kind).to_owned(),
    }
}

const fn indonesian(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Outage => "mati",
        EventKind::PacketLoss => "kehilangan paket",
        EventKind::ThresholdExceeded => "di atas ambang latensi",
        EventKind::Jitter => "jitter di atas batas",
        EventKind::Stale => "tidak ada probe selesai",
        EventKind::LocalOutage => "tidak ada rute atau tautan di komputer ini",
        EventKind::DnsFailed => "namanya tidak punya alamat",
        EventKind::AddressChanged => "alamatnya berganti",
        EventKind::TargetAdded => "ditambahkan",
        EventKind::TargetChanged => "setelan atau jalannya diubah",
        EventKind::TargetRemoved => "dihapus",
        EventKind::Started => "pemantau mulai",
        EventKind::Stopped => "pemantau berhenti",
        EventKind::Interrupted => "pemantau terhenti mendadak",
        EventKind::ClockStepped => "jam komputer disetel",
        EventKind::Suspended => "komputer ini tidur",
        EventKind::StorageDegraded => "riwayat tidak disimpan",
        EventKind::StorageFull => "disk penuh: riwayat tidak disimpan",
        EventKind::AlertFailed => "peringatan tidak terkirim",
        EventKind::LoginFailed => "percobaan masuk gagal",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The page's catalogue of a language.
    fn catalogue(text: &str) -> BTreeMap<String, String> {
        serde_json::from_str(text).expect("a catalogue")
    }

    #[test]
    fn events_are_worded_as_on_the_page() {
        let page = catalogue(include_str!("../../linewatch-web/web/i18n/id.json"));
        for kind in EventKind::ALL {
            let key = format!("event.{}", kind.word());
            let words = event_text(kind, "in English", Language::Indonesian);
            assert_eq!(page.get(&key), Some(&words), "{key}");
        }
        assert_eq!(event_text(EventKind::Outage, "down", Language::English), "down");
    }

    #[test]
    fn words_of_columns_fit_them() {
        for language in [Language::English, Language::Indonesian] {
            let words = TerminalWords::of(language);
            let fits = |word: &str, columns: usize| assert!(word.chars().count() <= columns, "{word}");
            words.badges.iter().for_each(|badge| fits(badge, 11));
            fits(words.jitter_short, 4);
            fits(words.state, 6);
            words.statuses.iter().for_each(|status| fits(status, 5));
            for outcome in [words.timeout, words.unreachable, words.unsent, words.unmeasured] {
                fits(outcome, 7);
            }
        }
    }
}

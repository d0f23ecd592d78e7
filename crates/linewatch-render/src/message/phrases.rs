//! The sentences of messages in both languages, side by side.

use linewatch_core::alert::{Cause, CauseKind, Item, Kind, Telling};

use super::{Language, Letterhead};
use crate::format;

/// Words in one language.
pub(super) struct Phrases {
    language: Language,
}

impl Phrases {
    pub(super) fn of(language: Language) -> Self {
        Self { language }
    }

    fn pick(&self, english: String, indonesian: String) -> String {
        match self.language {
            Language::English => english,
            Language::Indonesian => indonesian,
        }
    }

    /// The newest about one fault, in a few words.
    pub(super) fn headline(&self, item: &Item, cause: Option<&Cause>, since: &str) -> String {
        let name = name(item);
        let length = length(item);
        if let (Some(cause), Telling::Began | Telling::Escalated) = (cause, item.telling) {
            return self.cause(cause);
        }
        if let (Some(cause), Telling::Ended) = (cause, item.telling)
            && matches!(cause.kind, CauseKind::Behind(_))
        {
            let targets = self.targets(cause.targets);
            return self.pick(
                format!("{name} is up after {length}, and with it {targets} behind it"),
                format!("{name} pulih setelah {length}, bersama {targets} di belakangnya"),
            );
        }
        let name = match cause.map(|cause| cause.kind) {
            Some(CauseKind::EveryTarget) => self.pick("every target".to_owned(), "semua target".to_owned()),
            _ => name,
        };
        match (item.kind, item.telling) {
            (Kind::Outage, Telling::Began) => self.pick(
                format!("{name} is down since {since}"),
                format!("{name} mati sejak {since}"),
            ),
            (Kind::Outage, Telling::Escalated) => self.pick(
                format!("{name} is still down, since {since}"),
                format!("{name} masih mati, sejak {since}"),
            ),
            (Kind::Outage, Telling::Ended) => self.pick(
                format!("{name} is up after {length}"),
                format!("{name} pulih setelah {length}"),
            ),
            (Kind::Flapping, Telling::Ended) => self.pick(
                format!("{name} is steady again after {} outages", item.outages),
                format!("{name} stabil lagi setelah {} gangguan", item.outages),
            ),
            (Kind::Flapping, _) => self.pick(
                format!("{name} goes down again and again since {since}"),
                format!("{name} berulang kali mati sejak {since}"),
            ),
            (_, Telling::Withdrawn) => self.pick(
                format!("{name} is not watched any more"),
                format!("{name} tidak dipantau lagi"),
            ),
            (_, Telling::Ended) => self.pick(
                format!("{name}: {} is over after {length}", self.fault(item)),
                format!("{name}: {} selesai setelah {length}", self.fault(item)),
            ),
            (_, Telling::Began | Telling::Escalated) => self.pick(
                format!("{name}: {} since {since}", self.fault(item)),
                format!("{name}: {} sejak {since}", self.fault(item)),
            ),
        }
    }

    /// `round trip 212 ms, above 150 ms`.
    fn fault(&self, item: &Item) -> String {
        match item.kind {
            Kind::Latency => {
                let what = self.pick("round trip".to_owned(), "waktu pulang-pergi".to_owned());
                self.with_limit(&what, item, |ms| format::rtt_ms(Some(ms)).to_string())
            }
            Kind::Jitter => self.with_limit("jitter", item, |ms| format::rtt_ms(Some(ms)).to_string()),
            Kind::Loss => {
                let what = self.pick("packet loss".to_owned(), "kehilangan paket".to_owned());
                self.with_limit(&what, item, |ratio| {
                    format::loss_ppm(Some((ratio * 1e6) as u32)).to_string()
                })
            }
            Kind::Stale => self.pick("no measurement".to_owned(), "tidak ada pengukuran".to_owned()),
            Kind::Local => self.pick(
                "no route or no link on this computer".to_owned(),
                "tidak ada rute atau tautan di komputer ini".to_owned(),
            ),
            Kind::Dns => self.pick(
                "its name has no address".to_owned(),
                "namanya tidak punya alamat".to_owned(),
            ),
            Kind::Storage => self.pick(
                "trouble with the disk or the database".to_owned(),
                "masalah pada disk atau basis data".to_owned(),
            ),
            Kind::Outage | Kind::Flapping => self.pick("outage".to_owned(), "gangguan".to_owned()),
        }
    }

    fn with_limit(&self, what: &str, item: &Item, write: impl Fn(f64) -> String) -> String {
        let value = item
            .value
            .map(|value| format!(" {}", write(value)))
            .unwrap_or_default();
        let limit = item
            .limit
            .map(|limit| {
                let limit = write(limit);
                self.pick(format!(", above {limit}"), format!(", di atas {limit}"))
            })
            .unwrap_or_default();
        format!("{what}{value}{limit}")
    }

    /// The whole of one fault, with its dates.
    pub(super) fn item(&self, item: &Item, since: &str, until: Option<&str>) -> String {
        let who = match (item.name.is_empty(), item.kind) {
            (true, Kind::Outage) => self.pick("Every target".to_owned(), "Semua target".to_owned()),
            (true, _) => self.pick("This computer".to_owned(), "Komputer ini".to_owned()),
            (false, _) if item.address.is_empty() || item.address == item.name => item.name.clone(),
            (false, _) => format!("{} ({})", item.name, item.address),
        };
        let length = length(item);
        let counts = self.counts(item);
        match (item.kind, item.telling, until) {
            (Kind::Outage, Telling::Began, _) => self.pick(
                format!("DOWN: {who} since {since}.{counts}"),
                format!("MATI: {who} sejak {since}.{counts}"),
            ),
            (Kind::Outage, Telling::Escalated, _) => self.pick(
                format!("STILL DOWN: {who} since {since}, and nobody has acknowledged it.{counts}"),
                format!("MASIH MATI: {who} sejak {since}, dan belum ada yang menanggapi.{counts}"),
            ),
            (Kind::Outage, Telling::Ended, Some(until)) => self.pick(
                format!("UP: {who} after {length}, from {since} to {until}.{counts}"),
                format!("PULIH: {who} setelah {length}, dari {since} sampai {until}.{counts}"),
            ),
            (Kind::Flapping, Telling::Ended, Some(until)) => self.pick(
                format!(
                    "STEADY: {who} went down {} times from {since} to {until}, {length} in all.",
                    item.outages
                ),
                format!(
                    "STABIL: {who} mati {} kali dari {since} sampai {until}, seluruhnya {length}.",
                    item.outages
                ),
            ),
            (Kind::Flapping, _, _) => self.pick(
                format!(
                    "FLAPPING: {who} went down {} times since {since}. This message takes the place of one for each.",
                    item.outages
                ),
                format!(
                    "TIDAK STABIL: {who} mati {} kali sejak {since}. Pesan ini menggantikan pesan untuk tiap gangguan.",
                    item.outages
                ),
            ),
            (_, Telling::Withdrawn, _) => self.pick(
                format!("NOT WATCHED: {who} was stopped or removed; what was told since {since} has no end."),
                format!("TIDAK DIPANTAU: {who} dihentikan atau dihapus; yang dilaporkan sejak {since} tidak berakhir."),
            ),
            (_, Telling::Ended, until) => {
                let until = until.unwrap_or(since);
                self.pick(
                    format!("OVER: {who}: {} for {length}, from {since} to {until}.", self.fault(item)),
                    format!("SELESAI: {who}: {} selama {length}, dari {since} sampai {until}.", self.fault(item)),
                )
            }
            (_, Telling::Began | Telling::Escalated, _) => self.pick(
                format!("ALERT: {who}: {} since {since}.", self.fault(item)),
                format!("PERINGATAN: {who}: {} sejak {since}.", self.fault(item)),
            ),
        }
    }

    fn counts(&self, item: &Item) -> String {
        if item.sent == 0 {
            return String::new();
        }
        let (sent, lost) = (count(item.sent), count(item.lost));
        self.pick(
            format!(" {lost} of {sent} probes lost."),
            format!(" {lost} dari {sent} paket hilang."),
        )
    }

    /// What several faults have in common while they last.
    pub(super) fn cause(&self, cause: &Cause) -> String {
        let targets = self.targets(cause.targets);
        match cause.kind {
            CauseKind::Behind(_) => self.pick(
                format!("{} is down, and with it {targets} behind it", cause.name),
                format!("{} mati, bersama {targets} di belakangnya", cause.name),
            ),
            CauseKind::EveryTarget => self.pick(
                format!("all {targets} are down at once: the fault is likely near this computer"),
                format!("semua {targets} mati serentak: gangguan mungkin dekat komputer ini"),
            ),
        }
    }

    /// The same once it is over. What is down still stands for itself beside it.
    pub(super) fn cause_over(&self, cause: &Cause) -> String {
        let targets = self.targets(cause.targets);
        match cause.kind {
            CauseKind::Behind(_) => self.pick(
                format!("Over: {} was down, and with it {targets} behind it", cause.name),
                format!(
                    "Selesai: {} sempat mati, bersama {targets} di belakangnya",
                    cause.name
                ),
            ),
            CauseKind::EveryTarget => self.pick(
                format!("Over: all {targets} were down at once; the fault was likely near this computer"),
                format!("Selesai: semua {targets} sempat mati serentak; gangguan mungkin dekat komputer ini"),
            ),
        }
    }

    /// `50 targets`.
    fn targets(&self, targets: u64) -> String {
        let number = count(targets);
        let english = if targets == 1 { "target" } else { "targets" };
        self.pick(format!("{number} {english}"), format!("{number} target"))
    }

    pub(super) fn names(&self, cause: &Cause) -> String {
        let names = cause.names.join(", ");
        let rest = cause.targets.saturating_sub(cause.names.len() as u64);
        let names = match rest {
            0 => names,
            _ => format!(
                "{names}, {}",
                self.and_more(usize::try_from(rest).unwrap_or(usize::MAX))
            ),
        };
        self.pick(format!("Concerned: {names}."), format!("Terdampak: {names}."))
    }

    pub(super) fn and_more(&self, others: usize) -> String {
        self.pick(format!("(+{others} more)"), format!("(+{others} lagi)"))
    }

    pub(super) fn more(&self, others: u64) -> String {
        let others = count(others);
        self.pick(
            format!("{others} more are in the log of events."),
            format!("{others} lagi ada di catatan kejadian."),
        )
    }

    pub(super) fn stopped(&self, vantage: &str) -> String {
        self.pick(
            format!("linewatch on {vantage} has stopped"),
            format!("linewatch di {vantage} berhenti"),
        )
    }

    pub(super) fn stopped_text(&self, at: &str, why: &str) -> String {
        self.pick(
            format!("The monitor was stopped at {at} ({why}). Nothing is measured until somebody starts it again: linewatch serve."),
            format!("Pemantau dihentikan pada {at} ({why}). Tidak ada yang diukur sampai dijalankan lagi: linewatch serve."),
        )
    }

    pub(super) fn interrupted(&self, vantage: &str) -> String {
        self.pick(
            format!("linewatch on {vantage} was interrupted"),
            format!("linewatch di {vantage} terputus"),
        )
    }

    pub(super) fn interrupted_text(&self, from: &str, to: &str) -> String {
        self.pick(
            format!("The monitor was interrupted from {from} to {to}: it was killed, or the power failed. It runs again; that time is a gap, not an outage."),
            format!("Pemantau terputus dari {from} sampai {to}: dimatikan paksa atau listrik padam. Kini berjalan lagi; waktu itu celah, bukan gangguan."),
        )
    }

    pub(super) fn test(&self, vantage: &str) -> String {
        self.pick(
            format!("Test message of linewatch on {vantage}"),
            format!("Pesan uji dari linewatch di {vantage}"),
        )
    }

    pub(super) fn test_text(&self, at: &str) -> String {
        self.pick(
            format!("Sent by hand at {at}. If you can read this, alerts arrive here."),
            format!("Dikirim secara manual pada {at}. Jika ini terbaca, peringatan sampai di sini."),
        )
    }

    /// Figures of one fault: what, how much.
    pub(super) fn facts(&self, item: &Item, cause: Option<&Cause>) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        if item.sent > 0 {
            let received = item.sent.saturating_sub(item.lost);
            facts.push((
                self.pick(
                    "Sent, received, lost".to_owned(),
                    "Dikirim, diterima, hilang".to_owned(),
                ),
                format!("{}, {}, {}", count(item.sent), count(received), count(item.lost)),
            ));
        }
        if item.until.is_some() {
            let what = self.pick("Lasted".to_owned(), "Lamanya".to_owned());
            facts.push((what, length(item)));
        }
        if let Some(cause) = cause {
            let (what, targets) = (
                self.pick("Concerned".to_owned(), "Terdampak".to_owned()),
                self.targets(cause.targets),
            );
            let one = self.pick(
                "one message for all".to_owned(),
                "satu pesan untuk semua".to_owned(),
            );
            facts.push((what, format!("{targets}, {one}")));
        }
        facts
    }

    /// The picture, for those who do not see it.
    pub(super) fn picture(&self, name: &str) -> String {
        self.pick(
            format!("Picture: {name}, round trips and losses of the last 24 hours"),
            format!("Gambar: {name}, waktu pulang-pergi dan kehilangan paket 24 jam terakhir"),
        )
    }

    /// Before the address of the page.
    pub(super) fn reach(&self) -> String {
        self.pick(
            "The link works only where linewatch can be reached:".to_owned(),
            "Tautan hanya berfungsi di tempat linewatch dapat dijangkau:".to_owned(),
        )
    }

    pub(super) fn open(&self) -> String {
        self.pick("Open in linewatch".to_owned(), "Buka di linewatch".to_owned())
    }

    pub(super) fn footer(&self, head: &Letterhead) -> String {
        let (vantage, version) = (&head.vantage, &head.version);
        self.pick(
            format!("Sent by linewatch {version} on {vantage}. To stop these: Settings, Alerts."),
            format!("Dikirim oleh linewatch {version} di {vantage}. Untuk menghentikannya: Pengaturan, Peringatan."),
        )
    }
}

fn name(item: &Item) -> String {
    if item.name.is_empty() {
        "linewatch".to_owned()
    } else {
        item.name.clone()
    }
}

fn length(item: &Item) -> String {
    format::duration_ms(Some(item.duration_ns / 1_000_000))
}

fn count(number: u64) -> String {
    format::count(i64::try_from(number).ok())
}

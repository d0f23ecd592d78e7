//! The words of the plain table and the summary, in English and Indonesian, side by side.
//!
//! The terms are those of the page (`web/i18n`). A heading fits the column it stands over. Not here: widths and order (`text`).

use crate::message::Language;

/// Words of one language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsoleWords {
    pub(crate) time_zone: &'static str,
    pub(crate) target: &'static str,
    pub(crate) time_range: &'static str,
    /// Sent, received, mean in milliseconds, success, failed, loss.
    pub(crate) columns: [&'static str; 6],
    pub(crate) outage: &'static str,
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    pub(crate) title: &'static str,
    pub(crate) duration: &'static str,
    pub(crate) sent: &'static str,
    pub(crate) received: &'static str,
    pub(crate) lost: &'static str,
    pub(crate) unsent: &'static str,
    pub(crate) unmeasured: &'static str,
    pub(crate) packets: &'static str,
    pub(crate) average: &'static str,
    pub(crate) outages: &'static str,
    pub(crate) session: SessionWords,
    decimal_point: &'static str,
}

/// Words around a session of `record`; `{}` is where the value stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionWords {
    pub(crate) started: &'static str,
    pub(crate) threshold: &'static str,
    pub(crate) folder: &'static str,
    pub(crate) update: &'static str,
    pub(crate) memory: &'static str,
    pub(crate) writes: &'static str,
    /// Achieved, asked.
    pub(crate) achieved: [&'static str; 3],
    /// Before median, 99th percentile and maximum.
    pub(crate) lateness: &'static str,
    /// Before the count of answers that came too late, and behind it the time-out.
    pub(crate) late: [&'static str; 3],
}

const ENGLISH: ConsoleWords = ConsoleWords {
    time_zone: "Time zone",
    target: "Target",
    time_range: "Time range",
    columns: ["Sent", "Received", "Avg RTT (ms)", "Success", "Failed", "Loss"],
    outage: "Outage",
    yes: "Yes",
    no: "No",
    title: "TOTAL STATISTICS",
    duration: "Duration",
    sent: "Sent",
    received: "Received",
    lost: "Lost",
    unsent: "Not sent by this computer",
    unmeasured: "Not measured",
    packets: "packets",
    average: "Average RTT",
    outages: "Packet loss outages",
    session: SessionWords {
        started: "Monitoring started. Press Ctrl+C to stop.",
        threshold: "Packet loss threshold: {}%",
        folder: "Session folder: {}",
        update: "Statistics update every {} seconds.",
        memory: "RAM management: keeping last {} seconds in memory.",
        writes: "Files are written every {} seconds.",
        achieved: ["Achieved rate: ", " of ", " per second"],
        lateness: "Send lateness",
        late: [
            "Answers after the time-out: ",
            " (counted as lost; the time-out of ",
            " is short for this line: try a longer one with --timeout)",
        ],
    },
    decimal_point: ".",
};

const INDONESIAN: ConsoleWords = ConsoleWords {
    time_zone: "Zona waktu",
    target: "Target",
    time_range: "Rentang waktu",
    columns: [
        "Terkirim",
        "Diterima",
        "Rerata (ms)",
        "Berhasil",
        "Gagal",
        "Hilang",
    ],
    outage: "Gangguan",
    yes: "Ya",
    no: "Tidak",
    title: "STATISTIK TOTAL",
    duration: "Lama",
    sent: "Terkirim",
    received: "Diterima",
    lost: "Hilang",
    unsent: "Tidak dikirim komputer ini",
    unmeasured: "Tidak diukur",
    packets: "paket",
    average: "RTT rata-rata",
    outages: "Gangguan kehilangan paket",
    session: SessionWords {
        started: "Pemantauan dimulai. Tekan Ctrl+C untuk berhenti.",
        threshold: "Ambang kehilangan paket: {}%",
        folder: "Folder sesi: {}",
        update: "Statistik diperbarui setiap {} detik.",
        memory: "Pengelolaan RAM: {} detik terakhir disimpan di memori.",
        writes: "Berkas ditulis setiap {} detik.",
        achieved: ["Laju tercapai: ", " dari ", " per detik"],
        lateness: "Keterlambatan pengiriman",
        late: [
            "Jawaban setelah batas waktu: ",
            " (dihitung hilang; batas waktu ",
            " terlalu pendek untuk jalur ini: coba yang lebih panjang dengan --timeout)",
        ],
    },
    decimal_point: ",",
};

impl ConsoleWords {
    pub(crate) const fn of(language: Language) -> Self {
        match language {
            Language::English => ENGLISH,
            Language::Indonesian => INDONESIAN,
        }
    }

    /// A number written with a point, with the decimal sign of the language.
    pub(crate) fn number(&self, written: &str) -> String {
        written.replace('.', self.decimal_point)
    }
}

//! The words inside a picture in both languages: one list, whose fields both must fill.
//!
//! Numbers, units and the names of quantiles are the same in both, as in the tables of a report. Not here: names that came from outside.

use linewatch_core::record::GapKind;

use crate::message::Language;

/// Words in one language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Before figures below the plot, each with a space behind it.
    pub(super) range: &'static str,
    pub(super) jitter: &'static str,
    pub(super) loss: &'static str,
    pub(super) outages: &'static str,
    pub(super) availability: &'static str,
    pub(super) measured: &'static str,
    /// `3 of 100`.
    pub(super) of: &'static str,
    /// In the key.
    pub(super) key_loss: &'static str,
    pub(super) not_measured: &'static str,
    pub(super) down: &'static str,
    pub(super) smoke: &'static str,
    /// Behind the length of an outage that goes on.
    pub(super) lasting: &'static str,
    pub(super) no_data: &'static str,
    pub(super) no_reply: &'static str,
    pub(super) threshold: &'static str,
    /// `ICMP every 1 s`.
    pub(super) every: &'static str,
    /// `from jkt-office`.
    pub(super) from: &'static str,
    pub(super) median: &'static str,
    pub(super) lost: &'static str,
    pub(super) outages_word: &'static str,
    /// Before and behind the length of a bucket.
    around_bucket: [&'static str; 2],
    months: [&'static str; 12],
    gaps: [&'static str; 9],
}

static ENGLISH: Words = Words {
    range: "min–max ",
    jitter: "jitter ",
    loss: "loss ",
    outages: "outages ",
    availability: "availability ",
    measured: "measured ",
    of: "of",
    key_loss: "loss",
    not_measured: "not measured",
    down: "down",
    smoke: "all, 80%, 50%, 20% of replies",
    lasting: "lasting",
    no_data: "No data in this period",
    no_reply: "No reply in this period",
    threshold: "latency threshold",
    every: "every",
    from: "from",
    median: "median",
    lost: "lost",
    outages_word: "outages",
    around_bucket: ["", " buckets"],
    months: [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ],
    gaps: [
        "suspended",
        "clock stepped",
        "stalled",
        "paused",
        "stopped",
        "crashed",
        "reconfigured",
        "overrun",
        "rx overflow",
    ],
};

static INDONESIAN: Words = Words {
    range: "min–maks ",
    jitter: "jitter ",
    loss: "kehilangan ",
    outages: "gangguan ",
    availability: "ketersediaan ",
    measured: "terukur ",
    of: "dari",
    key_loss: "kehilangan",
    not_measured: "tak diukur",
    down: "mati",
    smoke: "semua, 80%, 50%, 20% jawaban",
    lasting: "berlanjut",
    no_data: "Tidak ada data dalam periode ini",
    no_reply: "Tidak ada jawaban dalam periode ini",
    threshold: "ambang latensi",
    every: "tiap",
    from: "dari",
    median: "median",
    lost: "hilang",
    outages_word: "gangguan",
    around_bucket: ["per ", ""],
    months: [
        "Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des",
    ],
    gaps: [
        "tidur",
        "jam disetel",
        "tersendat",
        "dijeda",
        "pemantau mati",
        "terputus",
        "setelan diubah",
        "kewalahan",
        "luapan kernel",
    ],
};

impl Words {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Indonesian => &INDONESIAN,
        }
    }

    /// The month from 1 on, in three letters.
    pub(super) fn month(&self, month: i8) -> &'static str {
        let place = usize::try_from(month - 1).unwrap_or(0);
        self.months.get(place).copied().unwrap_or_default()
    }

    /// Why something was not measured, in a word or two: a plate is narrow.
    pub(super) const fn gap(&self, kind: GapKind) -> &'static str {
        self.gaps[match kind {
            GapKind::Suspended => 0,
            GapKind::ClockStepped => 1,
            GapKind::Stalled => 2,
            GapKind::Paused => 3,
            GapKind::Stopped => 4,
            GapKind::Crashed => 5,
            GapKind::Reconfigured => 6,
            GapKind::Overrun => 7,
            GapKind::RxOverflow => 8,
        }]
    }

    /// How long a bucket is: `5 min buckets`.
    pub(super) fn buckets(&self, length: &str) -> String {
        let [before, behind] = self.around_bucket;
        format!("{before}{length}{behind}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word, so that a new one cannot be forgotten here: the pattern names all fields.
    fn all(words: &'static Words) -> Vec<&'static str> {
        let Words {
            range,
            jitter,
            loss,
            outages,
            availability,
            measured,
            of,
            key_loss,
            not_measured,
            down,
            smoke,
            lasting,
            no_data,
            no_reply,
            threshold,
            every,
            from,
            median,
            lost,
            outages_word,
            around_bucket: _,
            months,
            gaps,
        } = words;
        let single = [
            range,
            jitter,
            loss,
            outages,
            availability,
            measured,
            of,
            key_loss,
            not_measured,
            down,
            smoke,
            lasting,
            no_data,
            no_reply,
            threshold,
            every,
            from,
            median,
            lost,
            outages_word,
        ];
        single.into_iter().chain(months).chain(gaps).copied().collect()
    }

    #[test]
    fn both_languages_say_everything_and_share_only_what_is_the_same_word() {
        let (english, indonesian) = (all(&ENGLISH), all(&INDONESIAN));
        assert!(
            english
                .iter()
                .chain(&indonesian)
                .all(|word| !word.trim().is_empty())
        );
        let same: Vec<_> = english
            .iter()
            .zip(&indonesian)
            .filter(|(one, other)| one == other)
            .map(|(word, _)| *word)
            .collect();
        assert_eq!(
            same,
            [
                "jitter ", "median", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Sep", "Nov"
            ]
        );
        // A space behind one is a space behind the other: they are joined to figures.
        let spaced = |words: &[&str]| words.iter().map(|word| word.ends_with(' ')).collect::<Vec<_>>();
        assert_eq!(spaced(&english), spaced(&indonesian));
    }
}

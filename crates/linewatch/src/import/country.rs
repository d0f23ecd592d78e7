//! Finds the two letters of a country that somebody has written in words.

use rust_iso3166::ALL;

/// What people write, and the standard does not say.
const SPOKEN: [(&str, &str); 8] = [
    ("uk", "GB"),
    ("england", "GB"),
    ("usa", "US"),
    ("vietnam", "VN"),
    ("south korea", "KR"),
    ("north korea", "KP"),
    ("czech republic", "CZ"),
    ("turkey", "TR"),
];

/// `DE` for "DE", "deu" and "Germany"; `LAN` and `ANY` are themselves. `None` for what is no country.
pub(super) fn code(text: &str) -> Option<&'static str> {
    let wanted = text.trim().to_lowercase();
    if let Some(code) = ["LAN", "ANY"]
        .into_iter()
        .find(|code| code.eq_ignore_ascii_case(&wanted))
    {
        return Some(code);
    }
    if let Some((_, code)) = SPOKEN.iter().find(|(spoken, _)| *spoken == wanted) {
        return Some(code);
    }
    let exact = ALL.iter().find(|country| {
        country.alpha2.eq_ignore_ascii_case(&wanted)
            || country.alpha3.eq_ignore_ascii_case(&wanted)
            || country.name.to_lowercase() == wanted
    });
    // "United States" is the shortest name that begins so; of three letters and less anything would begin so.
    let begins = || {
        ALL.iter()
            .filter(|country| wanted.chars().count() > 3 && country.name.to_lowercase().starts_with(&wanted))
            .min_by_key(|country| country.name.len())
    };
    exact.or_else(begins).map(|country| country.alpha2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_its_codes_its_name_and_how_it_is_called() {
        for (text, expected) in [
            ("DE", Some("DE")),
            ("idn", Some("ID")),
            ("Germany", Some("DE")),
            ("United States", Some("US")),
            ("UK", Some("GB")),
            ("Russia", Some("RU")),
            ("lan", Some("LAN")),
            ("Atlantis", None),
            ("", None),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }
}

//! Reads the constants of a script, or the lines of a `.env`, without running anything: `NAME = literal`.

/// Names and their values, in the order of the file; of a name that comes twice, in whatever letters, the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Constants(Vec<(String, String)>);

impl Constants {
    /// Lines that begin with a name, a `=` and one number, word or text in quotes; anything else is code.
    pub(super) fn read(text: &str) -> Self {
        let mut constants = Self::default();
        for line in text.lines() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let line = line.strip_prefix("self.").unwrap_or(line);
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            // `NAME: float = 1` is Python too.
            let name = name.split(':').next().unwrap_or_default().trim();
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if let Some(value) = literal(value.trim()).filter(|_| is_name) {
                constants.put(name, value);
            }
        }
        constants
    }

    pub(super) fn put(&mut self, name: &str, value: String) {
        if self.get(name).is_none() {
            self.0.push((name.to_owned(), value));
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The first of several names that is there.
    pub(super) fn any(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A text in quotes, a number, True or False; `os.getenv("NAME", "default")` is its default.
fn literal(value: &str) -> Option<String> {
    for call in ["os.getenv(", "os.environ.get("] {
        if let Some(inside) = value.strip_prefix(call) {
            let default = inside.trim_end_matches(')').split_once(',')?.1;
            return literal(default.trim());
        }
    }
    for call in ["int(", "float("] {
        if let Some(inside) = value.strip_prefix(call) {
            return literal(inside.strip_suffix(')')?.trim());
        }
    }
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split_once(quote).map(|(text, _)| text.to_owned());
        }
    }
    let bare = value.split('#').next().unwrap_or_default().trim();
    let is_word = !bare.is_empty()
        && bare
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || "._-+@:/ ".contains(sign));
    is_word.then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_read_and_code_is_not() {
        let text = "import os\nHOST = '1.1.1.1'  # a resolver\nPORT: int = 53\nself.interval = 0.001\nexport EMAIL_SENDER=me@example.com\n\
                    STEP = int(os.getenv('STEP', '10'))\nresult = measure(HOST)\nHOST = 'later'\nif a == 1:\n";
        let read = Constants::read(text);
        let all: Vec<_> = read.iter().collect();
        assert_eq!(
            all,
            [
                ("HOST", "1.1.1.1"),
                ("PORT", "53"),
                ("interval", "0.001"),
                ("EMAIL_SENDER", "me@example.com"),
                ("STEP", "10"),
            ]
        );
    }
}

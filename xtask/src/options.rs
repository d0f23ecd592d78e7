//! Reads the options of a chore: `--name value` and `--flag`, each known or refused.

use anyhow::{Context, Result, bail};

/// What was written behind the chore.
#[derive(Debug, Default)]
pub(crate) struct Options {
    values: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Options {
    /// Reads `args`, of which `valued` take a value and `flags` do not.
    pub(crate) fn read(args: &[String], valued: &[&str], flags: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(name) = args.next() {
            if valued.contains(&name.as_str()) {
                let value = args.next().with_context(|| format!("{name} needs a value"))?;
                options.values.push((name.clone(), value.clone()));
            } else if flags.contains(&name.as_str()) {
                options.flags.push(name.clone());
            } else {
                let known: Vec<_> = valued.iter().chain(flags).copied().collect();
                bail!(
                    "there is no option \"{name}\" here; there are {}",
                    known.join(", ")
                );
            }
        }
        Ok(options)
    }

    /// The value of an option; the last one wins.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let mut values = self.values.iter().rev();
        values
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A value that must be a whole number above zero.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => bail!("{name} must be a whole number above zero, not \"{text}\""),
        }
    }

    /// Whether a flag is there.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }
}

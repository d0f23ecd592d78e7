//! Brings in the text of a configuration file, and finds the line and column of what stands in it.
//!
//! Tolerates a byte-order mark; refuses directories, other encodings than UTF-8, and what is too long.

use std::io::Read;
use std::path::Path;

use linewatch_core::limits::CONFIG_BYTES;
use linewatch_core::target::Origin;

use super::error::{Mistake, Place};

/// Whose file it is: that decides what it may say and how its values are named on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// Written by a person; linewatch never writes it.
    Operator,
    /// `web.toml`.
    Web,
}

/// The text of one file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) layer: Layer,
    pub(super) text: String,
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
}

impl Source {
    pub(super) fn new(path: &str, layer: Layer, text: String) -> Self {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(offset, _)| offset + 1))
            .collect();
        Self {
            path: path.to_owned(),
            layer,
            text,
            lines,
        }
    }

    /// Reads `path`.
    ///
    /// # Errors
    ///
    /// What a person has to know to mend it.
    pub(super) fn read(path: &Path, layer: Layer) -> Result<Self, Mistake> {
        let shown = path.display();
        let cannot = |error: std::io::Error| {
            let help = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "check the path: put the file there, or name another one with --config FILE"
                }
                std::io::ErrorKind::PermissionDenied => "let the user who runs linewatch read it",
                _ => "check that the path names a readable file",
            };
            Mistake::new(
                format!("cannot read the configuration {shown}: {}", io_words(&error)),
                help,
            )
        };
        let mut file = std::fs::File::open(path).map_err(cannot)?;
        if file.metadata().map_err(cannot)?.is_dir() {
            return Err(Mistake::new(
                format!("cannot read the configuration {shown}: it is a directory"),
                format!(
                    "name the file, for example {}",
                    path.join("linewatch.toml").display()
                ),
            ));
        }
        let mut bytes = Vec::new();
        // One byte more than allowed tells a file that is too long from one that just fits.
        let read = file
            .by_ref()
            .take(CONFIG_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(cannot)?;
        if read as u64 > CONFIG_BYTES {
            return Err(Mistake::new(
                format!(
                    "cannot read the configuration {shown}: it is longer than {} MiB",
                    CONFIG_BYTES >> 20
                ),
                "check that it is a configuration, or split the targets over several monitors",
            ));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            Mistake::new(
                format!("cannot read the configuration {shown}: it is not UTF-8 text (byte {offset})"),
                "save it as UTF-8",
            )
        })?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Self::new(&shown.to_string(), layer, text))
    }

    /// The place of a byte offset.
    pub(super) fn place(&self, offset: usize) -> Place {
        let index = self
            .lines
            .partition_point(|begin| *begin <= offset)
            .saturating_sub(1);
        let begin = self.lines.get(index).copied().unwrap_or(0);
        let column = self
            .text
            .get(begin..offset)
            .map_or(0, |before| before.chars().count());
        Place {
            path: self.path.clone(),
            at: Some((index as u32 + 1, column as u32 + 1)),
        }
    }

    /// The file as a whole.
    pub(super) fn whole(&self) -> Place {
        Place {
            path: self.path.clone(),
            at: None,
        }
    }

    /// How a value that stands at `place` is named to people.
    pub(super) fn origin(&self, place: &Place) -> Origin {
        match self.layer {
            Layer::Operator => Origin::File {
                path: self.path.clone(),
                line: place.at.map_or(0, |(line, _)| line),
            },
            Layer::Web => Origin::Web,
        }
    }
}

/// The system's words without its number.
pub(super) fn io_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    words.to_lowercase()
}

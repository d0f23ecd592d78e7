//! Reads a session's folder back, for a comparison: its minutes with their distributions, and the length of its outages.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use linewatch_core::stats::compare::Minute;
use linewatch_core::time::WallTime;
use linewatch_render::session::parse_minute;

use crate::exit::UserError;
use crate::listen::plain;

/// Where the minutes are.
const MINUTES: &str = "minutes.ndjson";
/// S3's file of outages.
const OUTAGES: &str = "packetloss.txt";

/// A session as a comparison sees it.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Begin of its first minute.
    pub from: WallTime,
    /// End of its last.
    pub to: WallTime,
    /// Every minute that was closed.
    pub minutes: Vec<Minute>,
    /// Seconds of its outages together.
    pub down_s: u64,
}

/// Reads the folder of one target.
///
/// # Errors
///
/// It is no session, holds several targets, or has no whole minute yet.
pub(crate) fn session(dir: &Path) -> Result<Recorded, UserError> {
    let file = dir.join(MINUTES);
    if !file.is_file() {
        return Err(no_session(dir));
    }
    let minutes = minutes(&file)
        .map_err(|error| UserError::failed(format!("cannot read {}: {}", file.display(), plain(&error))))?;
    let (Some(first), Some(last)) = (minutes.first(), minutes.last()) else {
        return Err(
            UserError::failed(format!("the session {} has no finished minute", dir.display()))
                .help("a minute is kept when it is over, or when the session ends with Ctrl+C"),
        );
    };
    let begin = |number: i64| WallTime::from_nanos(number.saturating_mul(60_000_000_000));
    Ok(Recorded {
        from: begin(first.number),
        to: begin(last.number + 1),
        down_s: fs::read_to_string(dir.join(OUTAGES)).map_or(0, |text| down_s(&text)),
        minutes,
    })
}

fn minutes(file: &Path) -> io::Result<Vec<Minute>> {
    let mut minutes = Vec::new();
    for line in BufReader::new(fs::File::open(file)?).lines() {
        // A line that somebody has changed is left out like a minute that was not measured.
        minutes.extend(parse_minute(&line?).map(|minute| Minute {
            number: minute.number,
            rollup: minute.rollup,
            outages: minute.outages,
        }));
    }
    Ok(minutes)
}

/// The sum of `  Duration: 3 seconds`.
fn down_s(text: &str) -> u64 {
    let lengths = text.lines().filter_map(|line| {
        let (number, _) = line.strip_prefix("  Duration: ")?.split_once(' ')?;
        number.parse::<u64>().ok()
    });
    lengths.sum()
}

fn no_session(dir: &Path) -> UserError {
    let folders = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut inside: Vec<PathBuf> = folders
        .map(|entry| entry.path())
        .filter(|path| path.join(MINUTES).is_file())
        .collect();
    inside.sort();
    let message = format!("{} is no session of one target", dir.display());
    let help = if inside.is_empty() {
        "name a folder that `linewatch record` has made".to_owned()
    } else {
        let paths: Vec<String> = inside.iter().map(|path| path.display().to_string()).collect();
        format!("name one of those in it: {}", paths.join(", "))
    };
    UserError::usage(message).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_outages_are_summed_as_they_are_written() {
        assert_eq!(
            down_s("Outage #1:\n  Duration: 3 seconds\n\n  Duration: 1 second\n"),
            4
        );
    }

    #[test]
    fn a_session_of_several_targets_names_them() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("gw")).expect("made");
        fs::write(dir.path().join("gw").join(MINUTES), "").expect("written");
        let error = session(dir.path()).expect_err("refused").to_string();
        assert!(error.contains("/gw"), "{error}");
        let error = session(&dir.path().join("gw")).expect_err("refused").to_string();
        assert!(error.contains("no finished minute"), "{error}");
    }
}

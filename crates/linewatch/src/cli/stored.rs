//! Opens the stored history beside a running monitor, finds a target in it, and writes files whole or not at all: what
//! the commands that tell history have in common.
//!
//! The database is only read. Not here: which period is meant (`period`), and what is made of it.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::Result;
use linewatch_core::port::{History, HistoryError, StoredTarget};
use linewatch_core::target::TargetId;
use linewatch_render::text::printable;
use linewatch_store::Reader;

use super::{Global, load_options, mistakes};
use crate::config::{self, Loaded, nearest};
use crate::exit::UserError;

/// Names of targets that an error lists.
const NAMES_LISTED: usize = 20;

/// A target and everything that was ever stored of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its lasting id.
    pub(super) slug: String,
    /// Its newest name.
    pub(super) name: String,
    /// Every series of it: a new address began a new one, and the line is all of them.
    pub(super) series: Vec<TargetId>,
}

/// The configuration as `serve` would find it, and a reader of its data directory.
///
/// # Errors
///
/// A mistake in the configuration; no database, or one that cannot be read.
pub(super) fn open(global: &Global, config: Option<PathBuf>) -> Result<(Loaded, Reader)> {
    let loaded = config::load(&load_options(global, config)?).map_err(mistakes)?;
    let reader = Reader::open(&loaded.data_dir).map_err(|error| {
        UserError::failed(error.to_string())
            .help("say where the monitor keeps its history:  --data-dir DIR  or  --config FILE")
    })?;
    Ok((loaded, reader))
}

/// The target with this id, else with this name.
///
/// # Errors
///
/// Nothing of that id or name was stored, or the database cannot be read.
pub(super) fn line(history: &dyn History, wanted: &str) -> Result<Line, UserError> {
    find(&history.targets().map_err(unread)?, wanted)
}

fn find(stored: &[StoredTarget], wanted: &str) -> Result<Line, UserError> {
    let named = |is_it: fn(&StoredTarget, &str) -> bool| stored.iter().rfind(|target| is_it(target, wanted));
    let found = named(|target, wanted| target.slug == wanted)
        .or_else(|| named(|target, wanted| target.name == wanted));
    let Some(found) = found else {
        return Err(unknown(stored, wanted));
    };
    let same = stored.iter().filter(|target| target.slug == found.slug);
    Ok(Line {
        slug: found.slug.clone(),
        name: found.name.clone(),
        series: same.map(|target| target.id).collect(),
    })
}

fn unknown(stored: &[StoredTarget], wanted: &str) -> UserError {
    let message = format!(
        "target \"{}\": there is no history of that name",
        printable(wanted)
    );
    let mut slugs: Vec<&str> = stored.iter().map(|target| target.slug.as_str()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    if slugs.is_empty() {
        return UserError::usage(message).help("nothing was stored yet: let `linewatch serve` measure first");
    }
    let names: Vec<&str> = stored.iter().map(|target| target.name.as_str()).collect();
    let meant = nearest(wanted, &slugs).or_else(|| nearest(wanted, &names));
    let more = match slugs.len().saturating_sub(NAMES_LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    slugs.truncate(NAMES_LISTED);
    let listed = format!("there is: {}{more}", printable(&slugs.join(", ")));
    UserError::usage(message).help(match meant {
        Some(meant) => format!("did you mean \"{}\"?\n{listed}", printable(meant)),
        None => listed,
    })
}

/// The history could not be read.
pub(super) fn unread(error: HistoryError) -> UserError {
    UserError::failed(error.to_string())
}

/// Under another name beside it, then renamed: whoever reads the file sees the old one or the new one, whole.
///
/// # Errors
///
/// What the file system says; nothing is left behind then.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = path
        .file_name()
        .ok_or_else(|| io::Error::other("it is no name of a file"))?
        .to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, write).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Nothing more can be done if that fails too.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create_new(path)?);
    write(&mut file)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(targets: &[(u32, &str, &str)]) -> Vec<StoredTarget> {
        let target = |&(id, slug, name): &(u32, &str, &str)| StoredTarget {
            id: TargetId(id),
            slug: slug.to_owned(),
            name: name.to_owned(),
            address: String::new(),
        };
        targets.iter().map(target).collect()
    }

    #[test]
    fn a_line_is_every_address_it_had() {
        let stored = stored(&[
            (1, "fra", "Frankfurt"),
            (2, "gw", "Gateway"),
            (3, "fra", "Frankfurt 2"),
        ]);
        for wanted in ["fra", "Frankfurt 2"] {
            let line = find(&stored, wanted).expect(wanted);
            assert_eq!((line.slug.as_str(), line.name.as_str()), ("fra", "Frankfurt 2"));
            assert_eq!(line.series, [TargetId(1), TargetId(3)]);
        }
    }

    #[test]
    fn an_unknown_target_is_told_what_there_is() {
        let error = find(
            &stored(&[(1, "fra", "Frankfurt"), (2, "gw", "Gateway")]),
            "Frankfurd",
        )
        .expect_err("no");
        assert_eq!(
            error.to_string(),
            "target \"Frankfurd\": there is no history of that name\n  help: did you mean \"Frankfurt\"?\n        there is: fra, gw"
        );
        let error = find(&[], "x").expect_err("no");
        assert!(error.to_string().contains("nothing was stored yet"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_finished_leaves_the_old_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("picture.png");
        write_whole(&path, |file| io::Write::write_all(file, b"old")).expect("written");
        let failed = write_whole(&path, |_| Err(io::Error::other("the disk is full")));
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).expect("the old one"), b"old");
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
    }
}

//! A copy made while the writer writes is one moment of it, whole; what stands at its place is not overwritten.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use common::*;
use linewatch_core::port::History;
use linewatch_store::{BackupError, BackupProgress, backup};

#[test]
fn a_backup_beside_a_busy_writer_is_one_moment_and_opens_as_a_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (id, handle, reader) = start_with_gw(dir.path(), &clock);
    feed(&handle, &clock, id, 0..90_000, SECOND, 1000);
    let place = tempfile::tempdir().expect("a directory");
    let copy = place.path().join("copy.db");
    let mut seen = Vec::new();
    let bytes = backup(dir.path(), &copy, false, |progress| {
        // A commit between two steps: without a moment of its own the copy would begin anew, for ever.
        if let BackupProgress::Copied { bytes, of_bytes } = progress {
            assert!(bytes <= of_bytes);
            let first = 90_000 + seen.len() as u64 * 10;
            feed(&handle, &clock, id, first..first + 10, SECOND, 10);
        }
        seen.push(progress);
    })
    .expect("copied");
    assert!(
        seen.len() > 1 && seen.last() == Some(&BackupProgress::Checking),
        "{seen:?}"
    );
    let metadata = copy.metadata().expect("there");
    assert_eq!(
        (metadata.len(), metadata.permissions().mode() & 0o777),
        (bytes, 0o600)
    );
    assert_eq!(
        place.path().read_dir().expect("a directory").count(),
        1,
        "one file only"
    );

    let restored = tempfile::tempdir().expect("a directory");
    std::fs::rename(&copy, restored.path().join("linewatch.db")).expect("moved");
    let opened = open(restored.path(), 200_000);
    let (_other, other) = start(opened.store, &Arc::default());
    assert_eq!(samples(&other, id).len(), 90_000, "as of its begin");
    assert_eq!(
        reader.targets().expect("history"),
        other.targets().expect("history")
    );
}

#[test]
fn what_is_at_its_place_stays_unless_asked() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path(), 0));
    let copy = dir.path().join("copy.db");
    std::fs::write(&copy, "precious").expect("written");
    let refused = backup(dir.path(), &copy, false, |_| {});
    assert!(matches!(refused, Err(BackupError::Exists(_))), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&copy).expect("read"), "precious");
    backup(dir.path(), &copy, true, |_| {}).expect("copied");
    assert!(copy.metadata().expect("there").len() > 10_000);
}

#[test]
fn a_backup_of_nothing_or_to_nowhere_says_so_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let nothing = backup(dir.path(), &dir.path().join("x"), false, |_| {}).expect_err("refused");
    assert!(
        nothing.to_string().contains("nothing has been stored"),
        "{nothing}"
    );
    drop(open(dir.path(), 0));
    let nowhere = backup(dir.path(), &dir.path().join("no/where"), false, |_| {}).expect_err("refused");
    assert!(nowhere.to_string().contains("no such file"), "{nowhere}");
}

#[test]
fn a_copy_in_pieces_is_the_database_and_leaves_no_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (id, handle, reader) = start_with_gw(dir.path(), &clock);
    feed(&handle, &clock, id, 0..9_000, SECOND, 1000);
    let names = || dir.path().read_dir().expect("a directory").count();
    let before = names();
    let copy = reader.backup().expect("copied");
    let place = tempfile::tempdir().expect("a directory");
    let pieces: Vec<Vec<u8>> = copy.pieces.collect::<Result<_, _>>().expect("read");
    let bytes = pieces.concat();
    assert_eq!(bytes.len() as u64, copy.size_bytes);
    std::fs::write(place.path().join("linewatch.db"), bytes).expect("written");
    let rows = |dir: &std::path::Path| sql_number(dir, "SELECT count(*) FROM recent");
    assert_eq!(rows(place.path()), rows(dir.path()));
    drop(reader.backup().expect("copied"));
    assert_eq!(names(), before);
}

//! Brings a database to the newest schema, one numbered step at a time, each a transaction.
//!
//! A database that has content is copied to `linewatch.db.v<N>.bak` first: the way back. A newer or foreign
//! database is refused and left as it is.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;
use crate::files::{beside, open_private, plain};
use crate::sqlite::schema::APPLICATION_ID;

/// What can go wrong: the operator's trouble, or SQLite's own word (which may mean that the file is damaged).
#[derive(Debug)]
pub(crate) enum MigrateError {
    Refused(OpenError),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Refuses what is not ours or not yet known; the schema that is there (0: none). Reads only.
pub(crate) fn inspect(
    connection: &Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<i64, MigrateError> {
    let known = migrations.len() as i64;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(MigrateError::Refused(OpenError::Foreign {
            path: path.to_owned(),
        }));
    }
    if found > known {
        return Err(MigrateError::Refused(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        }));
    }
    Ok(if tables > 0 { found } else { 0 })
}

/// Applies every step of `migrations` that `connection` has not seen.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), MigrateError> {
    let found = inspect(connection, path, migrations)?;
    if found > 0 && found < migrations.len() as i64 {
        keep_copy(connection, path, found)?;
    }
    for (from, step) in (0_i64..)
        .zip(migrations)
        .skip(usize::try_from(found).unwrap_or(0))
    {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", from + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// A copy made an earlier time is kept: it is from before the first attempt.
fn keep_copy(connection: &Connection, path: &Path, version: i64) -> Result<(), MigrateError> {
    let copy = beside(path, &format!(".v{version}.bak"));
    if copy.metadata().is_ok_and(|metadata| metadata.len() > 0) {
        return Ok(());
    }
    // VACUUM INTO accepts an empty file: made by us first, so that the copy is as private as the original.
    open_private(&copy).map_err(|error| {
        MigrateError::Refused(OpenError::File {
            path: copy.clone(),
            why: plain(&error),
        })
    })?;
    connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::open_writer;
    use crate::sqlite::schema::MIGRATIONS;

    fn database(dir: &tempfile::TempDir) -> (std::path::PathBuf, Connection) {
        let path = dir.path().join(crate::files::DATABASE);
        open_private(&path).expect("made");
        let connection = open_writer(&path).expect("opened");
        (path, connection)
    }

    #[test]
    fn a_migration_keeps_a_copy_of_what_was_and_happens_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, mut connection) = database(&dir);
        migrate(&mut connection, &path, &MIGRATIONS[..1]).expect("schema 1");
        connection
            .execute("INSERT INTO meta VALUES ('vantage', 'before')", [])
            .expect("content");
        let next = [
            MIGRATIONS[0],
            "ALTER TABLE meta ADD COLUMN note TEXT; UPDATE meta SET value = 'after';",
        ];
        for _ in 0..2 {
            migrate(&mut connection, &path, &next).expect("schema 2");
        }
        let value = |connection: &Connection| -> (i64, String) {
            let version = connection
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .expect("version");
            (
                version,
                connection
                    .query_row("SELECT value FROM meta", [], |row| row.get(0))
                    .expect("value"),
            )
        };
        let copy = Connection::open(beside(&path, ".v1.bak")).expect("the copy");
        assert_eq!(
            (value(&copy), value(&connection)),
            ((1, "before".to_owned()), (2, "after".to_owned()))
        );
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, mut connection) = database(&dir);
        migrate(&mut connection, &path, &MIGRATIONS[..1]).expect("schema 1");
        let broken = [
            MIGRATIONS[0],
            "CREATE TABLE added (x); SELECT no_such_function();",
        ];
        assert!(matches!(
            migrate(&mut connection, &path, &broken),
            Err(MigrateError::Sqlite(_))
        ));
        migrate(&mut connection, &path, &MIGRATIONS[..1]).expect("still schema 1");
        assert!(connection.prepare("SELECT * FROM added").is_err());
    }

    #[test]
    fn a_newer_database_is_refused_with_the_way_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, mut connection) = database(&dir);
        migrate(&mut connection, &path, &MIGRATIONS[..1]).expect("schema 1");
        connection
            .pragma_update(None, "user_version", 99)
            .expect("from the future");
        let Err(MigrateError::Refused(error)) = migrate(&mut connection, &path, MIGRATIONS) else {
            panic!("not refused");
        };
        let (text, copy) = (
            error.to_string(),
            format!("linewatch.db.v{}.bak", MIGRATIONS.len()),
        );
        assert!(text.contains("schema 99") && text.contains(&copy), "{text}");
    }

    #[test]
    fn the_database_of_another_program_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, mut connection) = database(&dir);
        connection
            .execute_batch("CREATE TABLE bookmarks (url)")
            .expect("theirs");
        let refused = migrate(&mut connection, &path, MIGRATIONS);
        assert!(
            matches!(refused, Err(MigrateError::Refused(OpenError::Foreign { .. }))),
            "{refused:?}"
        );
        assert!(connection.prepare("SELECT url FROM bookmarks").is_ok());
    }
}

//! Takes what can still be read of a damaged database over into a new one: who measured, what happened, the rollups.
//!
//! Row by row, from the front up to the damage and from the back down to it. The new database goes on with the same
//! vantage, series and runs, so that nothing of the past changes its name. Single samples stay in the damaged file:
//! they are most of it, and a start must not take minutes.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Statement, params_from_iter};

use crate::sqlite::open_reader;
use crate::sqlite::stage::pulse;
use crate::sqlite::write::{ALIVE_NS, FLUSHES, NEXT_ROLLUP, NEXT_ROW, ROLLED_UP_TO, meta_number, set_meta};

/// Rows taken over: some 10 s of a start.
const ROWS_MAX: u64 = 2_000_000;

/// Numbers of `meta` that go on.
const NUMBERS: [&str; 6] = ["run", FLUSHES, NEXT_ROW, NEXT_ROLLUP, ALIVE_NS, "stopped_ns"];
/// Texts of `meta` that go on.
const TEXTS: [&str; 2] = ["vantage", "created"];

/// The tables taken over, by worth, with their keys and what a row of them is called.
const TABLES: [(&str, &[&str], &str); 12] = [
    ("targets", &["id"], "series"),
    ("outbox", &["id"], "messages"),
    ("alert_state", &["id"], "state of alerts"),
    ("silences", &["id"], "silences"),
    ("acks", &["run", "seq"], "acknowledgements"),
    ("outages", &["run", "seq"], "outages"),
    ("events", &["run", "seq"], "events"),
    ("gaps", &["id"], "gaps"),
    ("rollup_1h", &["target", "from_s", "id"], "hours"),
    ("rollup_10m", &["target", "from_s", "id"], "ten-minute rows"),
    ("rollup_1m", &["target", "from_s", "id"], "minutes"),
    (
        "evidence",
        &["run", "seq", "target", "kind"],
        "pieces of evidence",
    ),
];

/// Takes over; how much, as the end of a sentence.
///
/// # Errors
///
/// SQLite's about the new database: nothing is taken over then. What of the damaged one cannot be read is left out.
pub(crate) fn salvage(into: &mut Connection, damaged: &Path) -> rusqlite::Result<String> {
    let Ok(from) = open_reader(damaged) else {
        return Ok("nothing of it could be read".to_owned());
    };
    let transaction = into.transaction()?;
    let mut taker = Taker {
        from: &from,
        into: &transaction,
        series: HashSet::new(),
        newest_run: 0,
        newest_id: 0,
        rows: 0,
    };
    let mut words = Vec::new();
    for (table, key, name) in TABLES {
        let rows = taker.take(table, key)?;
        if rows > 0 {
            words.push(format!("{rows} {name}"));
        }
    }
    taker.take_meta()?;
    transaction.commit()?;
    Ok(if words.is_empty() {
        "nothing of it could be read".to_owned()
    } else {
        format!("taken over from it: {}", words.join(", "))
    })
}

struct Taker<'a> {
    from: &'a Connection,
    into: &'a Connection,
    /// The series that were taken over: rows of others would become those of whoever gets their number next.
    series: HashSet<i64>,
    newest_run: i64,
    /// Of rollups.
    newest_id: i64,
    rows: u64,
}

impl Taker<'_> {
    /// Takes one table over; how many rows.
    fn take(&mut self, table: &str, key: &[&str]) -> rusqlite::Result<u64> {
        let before = self.rows;
        for direction in ["ASC", "DESC"] {
            let order: Vec<String> = key.iter().map(|column| format!("{column} {direction}")).collect();
            let sql = format!("SELECT * FROM {table} ORDER BY {}", order.join(", "));
            // A table whose root is gone has nothing to give.
            let Ok(mut select) = self.from.prepare(&sql) else {
                break;
            };
            if self.take_until_damage(table, &mut select)? {
                break;
            }
        }
        Ok(self.rows - before)
    }

    /// Whether the table was read to its end, or to rows that were taken already.
    fn take_until_damage(&mut self, table: &str, select: &mut Statement<'_>) -> rusqlite::Result<bool> {
        let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let sql = format!(
            "INSERT OR IGNORE INTO {table} ({}) VALUES ({marks})",
            columns.join(", ")
        );
        let mut insert = self.into.prepare(&sql)?;
        let Ok(mut rows) = select.query([]) else {
            return Ok(false);
        };
        while self.rows < ROWS_MAX {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(true),
                Err(_) => return Ok(false),
            };
            let values: Result<Vec<Value>, _> = (0..columns.len()).map(|index| row.get(index)).collect();
            let Ok(values) = values else {
                continue;
            };
            let number = |name: &str| {
                let index = columns.iter().position(|column| column == name)?;
                match values[index] {
                    Value::Integer(number) => Some(number),
                    _ => None,
                }
            };
            let (id, run, target) = (number("id"), number("run"), number("target"));
            let is_known = target.is_none_or(|target| self.series.contains(&target));
            if !is_known {
                continue;
            }
            if insert.execute(params_from_iter(&values))? == 0 {
                return Ok(true);
            }
            self.rows += 1;
            self.newest_run = self.newest_run.max(run.unwrap_or(0));
            match (table, id) {
                ("targets", Some(id)) => _ = self.series.insert(id),
                (_, Some(id)) => self.newest_id = self.newest_id.max(id),
                _ => {}
            }
        }
        Ok(true)
    }

    /// The counters go on; where they cannot be read, behind the newest row.
    fn take_meta(&mut self) -> rusqlite::Result<()> {
        let read = |key: &str| {
            let mut statement = self.from.prepare("SELECT value FROM meta WHERE key = ?1").ok()?;
            statement
                .query_row([key], |row| {
                    Ok(match row.get_ref(0)? {
                        ValueRef::Integer(number) => Value::Integer(number),
                        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                        _ => Value::Null,
                    })
                })
                .ok()
        };
        for key in NUMBERS {
            if let Some(Value::Integer(number)) = read(key) {
                set_meta(self.into, key, number)?;
            }
        }
        // As of the newest commit, where that can be read.
        if let Ok(Some(pulse)) = pulse(self.from) {
            pulse.to_meta(self.into)?;
        }
        for key in TEXTS {
            if let Some(Value::Text(text)) = read(key) {
                set_meta(self.into, key, text)?;
            }
        }
        if self.rows > 0 {
            let run = meta_number(self.into, "run")?.unwrap_or(0).max(self.newest_run);
            set_meta(self.into, "run", run)?;
            let next = meta_number(self.into, NEXT_ROLLUP)?
                .unwrap_or(1)
                .max(self.newest_id + 1);
            set_meta(self.into, NEXT_ROLLUP, next)?;
        }
        // There are no samples to make rollups whole from.
        set_meta(self.into, ROLLED_UP_TO, i64::MAX)
    }
}

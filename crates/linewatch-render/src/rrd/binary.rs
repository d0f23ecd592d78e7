//! Lays a database out as RRDtool's format 0003 on a 64-bit little-endian computer.
//!
//! In this order: head (128 bytes), data sources (120 each), archives (120), last update (16), open steps (112), open
//! rows (80), newest rows (8), then every row of every archive. The gaps are the C compiler's padding, and zero.

use super::fold::{Database, OpenRow, OpenStep};
use super::{Archive, HEARTBEAT_S, SOURCES, UNKNOWN_SHARE_MAX, source_max};

/// By this number RRDtool knows a file of its own byte order and word size.
const FLOAT_COOKIE: f64 = 8.642135E130;
/// Parameters of a definition or scratch area, used or not.
const PARAMETERS: usize = 10;

/// Characters of a value's text that the format has room for, without the closing zero.
const LAST_CHARS: usize = 29;

/// One of the eight-byte places of an area.
#[derive(Clone, Copy)]
enum Place {
    Free,
    Count(u64),
    Number(f64),
}

impl Database {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rows: u64 = self.rings.iter().map(|ring| ring.archive.rows).sum();
        let (sources, archives) = (SOURCES.len(), self.rings.len());
        let head = self.head_bytes();
        let mut out = Vec::with_capacity(head + rows as usize * sources * 8);
        put_head(&mut out, archives, self.layout.step_s());
        (0..sources).for_each(|index| put_source(&mut out, index));
        self.rings
            .iter()
            .for_each(|ring| put_archive(&mut out, ring.archive));
        put_count(&mut out, self.updated_s.unsigned_abs());
        // Microseconds of the last update.
        put_count(&mut out, 0);
        self.sources.iter().for_each(|step| put_open_step(&mut out, step));
        let open_rows = self.rings.iter().flat_map(|ring| &ring.open);
        open_rows.for_each(|row| put_open_row(&mut out, row));
        for ring in &self.rings {
            put_count(&mut out, self.newest_place(ring.archive));
        }
        debug_assert_eq!(out.len(), head);
        for ring in &self.rings {
            // Those up to the newest one's place are the newest; behind it come the oldest.
            let older = (ring.archive.rows - 1 - self.newest_place(ring.archive)) as usize;
            for value in ring.rows().skip(older).chain(ring.rows().take(older)).flatten() {
                out.extend(value.to_le_bytes());
            }
        }
        out
    }

    /// Bytes of the file before its first row.
    pub const fn head_bytes(&self) -> usize {
        144 + SOURCES.len() * (120 + 112) + self.rings.len() * (120 + 8 + SOURCES.len() * 80)
    }

    /// Where the newest row lies. It follows from the time alone, so a row has the same place in every file of the
    /// same shape, and a file that is a minute older differs in a few rows.
    fn newest_place(&self, archive: Archive) -> u64 {
        let row_s = self.layout.step_s() * archive.steps as i64;
        (self.updated_s / row_s).unsigned_abs() % archive.rows
    }
}

/// The text RRDtool keeps of the last value of a data source.
pub(super) fn last_text(value: f64) -> String {
    if value.is_nan() {
        return "U".to_owned();
    }
    let mut text = value.to_string();
    text.truncate(LAST_CHARS);
    text
}

fn put_head(out: &mut Vec<u8>, archives: usize, step_s: i64) {
    put_text(out, "RRD", 4);
    put_text(out, "0003", 12);
    out.extend(FLOAT_COOKIE.to_le_bytes());
    put_count(out, SOURCES.len() as u64);
    put_count(out, archives as u64);
    put_count(out, step_s.unsigned_abs());
    put_places(out, &[]);
}

fn put_source(out: &mut Vec<u8>, index: usize) {
    put_text(out, SOURCES[index], 20);
    put_text(out, "GAUGE", 20);
    let max = Place::Number(source_max(index));
    put_places(
        out,
        &[Place::Count(HEARTBEAT_S.unsigned_abs()), Place::Number(0.0), max],
    );
}

fn put_archive(out: &mut Vec<u8>, archive: Archive) {
    put_text(out, archive.consolidation.name(), 24);
    put_count(out, archive.rows);
    put_count(out, archive.steps);
    put_places(out, &[Place::Number(UNKNOWN_SHARE_MAX)]);
}

fn put_open_step(out: &mut Vec<u8>, step: &OpenStep) {
    put_text(out, &last_text(step.last), 32);
    let [average, ..] = step.sums;
    put_places(
        out,
        &[
            Place::Count(step.unknown_s.unsigned_abs()),
            Place::Number(average),
        ],
    );
}

fn put_open_row(out: &mut Vec<u8>, row: &OpenRow) {
    let mut places = [Place::Free; PARAMETERS];
    places[0] = Place::Number(row.value);
    places[1] = Place::Count(row.unknown_steps);
    places[8] = Place::Number(row.primary);
    places[9] = Place::Number(row.secondary);
    put_places(out, &places);
}

fn put_text(out: &mut Vec<u8>, text: &str, room: usize) {
    out.extend(text.bytes().chain(std::iter::repeat(0)).take(room));
}

fn put_count(out: &mut Vec<u8>, count: u64) {
    out.extend(count.to_le_bytes());
}

/// [`PARAMETERS`] places, of which the first are these.
fn put_places(out: &mut Vec<u8>, places: &[Place]) {
    for index in 0..PARAMETERS {
        let bytes = match places.get(index) {
            None | Some(Place::Free) => [0; 8],
            Some(Place::Count(count)) => count.to_le_bytes(),
            Some(Place::Number(number)) => number.to_le_bytes(),
        };
        out.extend(bytes);
    }
}

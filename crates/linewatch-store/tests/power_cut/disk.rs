//! A disk on which the power is cut: of what was not synced, any part may be there, sector by sector.
//!
//! Input: what happened (`record`), in order. Output: the files as somebody finds them afterwards. The rules: what was
//! written before a sync began is there once it is over; of later writes any are there, whole, torn, or not; a
//! name comes and goes in order, and for certain once its directory is synced. Not here: who looks at it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::record::{FileId, Happened};

/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// Where the dice lie; the same seed throws the same.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Below `end`, which is not 0 (splitmix64).
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % end
    }
}

/// What becomes of the writes that nobody waited for.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// None reached the disk.
    Lost,
    /// All did.
    Kept,
    /// Each for itself: whole, torn, or not.
    Thrown,
    /// The earlier ones did, up to one that is torn.
    Prefix,
}

#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    /// Indexes of events.
    pending: Vec<usize>,
}

/// What is certainly on the disk, and what is on its way.
pub(crate) struct Disk<'a> {
    events: &'a [Happened],
    files: BTreeMap<FileId, File>,
    names: BTreeMap<String, FileId>,
    /// Indexes of events.
    pending_names: Vec<usize>,
    /// So many events were taken.
    taken: usize,
}

impl<'a> Disk<'a> {
    /// Empty, before all of this happens.
    pub(crate) fn new(events: &'a [Happened]) -> Self {
        Self {
            events,
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            pending_names: Vec::new(),
            taken: 0,
        }
    }

    /// Lets everything before the event of this index happen.
    pub(crate) fn go_on(&mut self, until: usize) {
        let events = self.events;
        while self.taken < until {
            let index = self.taken;
            self.taken += 1;
            match &events[index] {
                Happened::Linked { .. } | Happened::Unlinked { .. } => self.pending_names.push(index),
                Happened::Wrote { file, .. } | Happened::Cut { file, .. } => {
                    self.files.entry(*file).or_default().pending.push(index);
                }
                Happened::Synced { file, before } => {
                    let file = self.files.entry(*file).or_default();
                    let (sure, open): (Vec<usize>, Vec<usize>) =
                        file.pending.iter().copied().partition(|index| index < before);
                    file.pending = open;
                    for index in sure {
                        apply(&mut file.durable, &self.events[index], |_| true);
                    }
                }
                Happened::SyncedNames { before } => {
                    let (sure, open): (Vec<usize>, Vec<usize>) = self
                        .pending_names
                        .iter()
                        .copied()
                        .partition(|index| index < before);
                    self.pending_names = open;
                    sure.iter()
                        .for_each(|index| rename(&mut self.names, &self.events[*index]));
                }
                Happened::Said(_) => {}
            }
        }
    }

    /// The power is cut now: what somebody finds, in a directory that is empty.
    pub(crate) fn cut(&self, dice: &mut Dice, dir: &Path) {
        let mut names = self.names.clone();
        let came = dice.below(self.pending_names.len() as u64 + 1) as usize;
        for index in &self.pending_names[..came] {
            rename(&mut names, &self.events[*index]);
        }
        for (name, id) in names {
            // A file nobody wrote to is empty.
            let bytes = self
                .files
                .get(&id)
                .map_or_else(Vec::new, |file| self.found(file, dice));
            std::fs::write(dir.join(name), bytes).expect("written");
        }
    }

    fn found(&self, file: &File, dice: &mut Dice) -> Vec<u8> {
        let fate = [
            Fate::Lost,
            Fate::Kept,
            Fate::Thrown,
            Fate::Thrown,
            Fate::Prefix,
            Fate::Prefix,
        ][dice.below(6) as usize];
        let torn_at = dice.below(file.pending.len() as u64 + 1) as usize;
        let mut bytes = file.durable.clone();
        for (place, index) in file.pending.iter().enumerate() {
            let event = &self.events[*index];
            match fate {
                Fate::Lost => {}
                Fate::Kept => apply(&mut bytes, event, |_| true),
                Fate::Thrown => match dice.below(3) {
                    0 => {}
                    1 => apply(&mut bytes, event, |_| true),
                    _ => apply(&mut bytes, event, |_| dice.below(2) == 0),
                },
                Fate::Prefix if place < torn_at => apply(&mut bytes, event, |_| true),
                Fate::Prefix if place == torn_at => apply(&mut bytes, event, |_| dice.below(2) == 0),
                Fate::Prefix => {}
            }
        }
        bytes
    }
}

/// Makes a change, of a write those sectors that `is_kept` says.
fn apply(bytes: &mut Vec<u8>, event: &Happened, mut is_kept: impl FnMut(u64) -> bool) {
    match event {
        Happened::Cut { bytes: length, .. } if is_kept(0) => bytes.resize(*length as usize, 0),
        Happened::Wrote {
            offset,
            bytes: written,
            ..
        } => {
            let (mut from, end) = (*offset, offset + written.len() as u64);
            while from < end {
                let to = ((from / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
                if is_kept(from / SECTOR_BYTES) {
                    // Behind a hole there are zeros.
                    if bytes.len() < to as usize {
                        bytes.resize(to as usize, 0);
                    }
                    let part = (from - offset) as usize..(to - offset) as usize;
                    bytes[from as usize..to as usize].copy_from_slice(&written[part]);
                }
                from = to;
            }
        }
        _ => {}
    }
}

fn rename(names: &mut BTreeMap<String, FileId>, event: &Happened) {
    match event {
        Happened::Linked { name, file } => _ = names.insert(name.clone(), *file),
        Happened::Unlinked { name } => _ = names.remove(name),
        _ => {}
    }
}

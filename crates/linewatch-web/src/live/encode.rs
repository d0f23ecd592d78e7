//! Writes frames as one browser's messages: its filter applied, or folded when it is behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::ring::{Body, Frame};
use super::row::{Bin, BinBuilder, Row};
use super::sum::Sum;
use crate::api::{BatchMessage, EventMessage, EventRow, GapRow, MarkMessage, SumMessage};

/// What one browser wants.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Keys of targets, ascending; `None`: all.
    pub(super) keys: Option<Vec<u32>>,
    pub(super) has_events: bool,
}

impl Filter {
    pub(super) fn wants(&self, key: u32) -> bool {
        self.keys
            .as_ref()
            .is_none_or(|keys| keys.binary_search(&key).is_ok())
    }

    /// Those of `rows`, which ascend by `key`, that the browser wants: a page shows fifty targets of ten thousand, so
    /// they are looked up and not each row asked.
    fn of<'a, T>(&self, rows: &'a [T], key: impl Fn(&T) -> u32 + Copy) -> impl Iterator<Item = &'a T> {
        let keys = self.keys.as_deref();
        let all = keys.is_none().then_some(rows);
        let wanted = keys.unwrap_or_default().iter().map(move |wanted| {
            let begin = rows.partition_point(|row| key(row) < *wanted);
            let length = rows[begin..].partition_point(|row| key(row) == *wanted);
            &rows[begin..begin + length]
        });
        all.into_iter().chain(wanted).flatten()
    }
}

/// The text of a message.
pub(super) fn text(message: &impl Serialize) -> String {
    // Maps with non-text keys and failing Serialize impls are the only errors; no message has either.
    serde_json::to_string(message).unwrap_or_default()
}

/// The message of one frame; `None` if the filter leaves nothing.
pub(super) fn frame(frame: &Frame, filter: &Filter) -> Option<String> {
    let seq = frame.seq;
    match &frame.body {
        Body::Probes {
            base_ms,
            rows,
            bins,
            gaps,
        } => {
            let base = *base_ms;
            let mut message = BatchMessage::new(seq, base);
            let rows = filter.of(rows, |row| row.key);
            message.d.extend(rows.map(|row| row.to_wire(base)));
            message.m.extend(
                bins.iter()
                    .filter(|bin| filter.wants(bin.key))
                    .map(|bin| bin.to_wire(base)),
            );
            message
                .g
                .extend(gaps.iter().filter(|gap| filter.wants(gap.0)).copied());
            (!message.is_empty()).then(|| text(&message))
        }
        Body::Sums(rows) => {
            let rows: Vec<_> = filter.of(rows, |row| row.key).map(Sum::to_wire).collect();
            (!rows.is_empty()).then(|| text(&SumMessage::new(seq, rows)))
        }
        Body::Event(event) => filter.has_events.then(|| text(&EventMessage::new(seq, event))),
        Body::Config => Some(text(&MarkMessage::config(seq))),
    }
}

/// What many frames come to.
#[derive(Default)]
struct Folded<'a> {
    base_ms: i64,
    rows: Vec<Row>,
    bins: BTreeMap<(i64, u32), Bin>,
    gaps: Vec<GapRow>,
    sums: BTreeMap<u32, &'a Sum>,
    events: Vec<&'a EventRow>,
    is_config_changed: bool,
}

impl<'a> Folded<'a> {
    fn add(&mut self, frame: &'a Frame, filter: &Filter) {
        match &frame.body {
            Body::Probes {
                base_ms,
                rows,
                bins,
                gaps,
            } => {
                self.base_ms = *base_ms;
                self.rows.extend(filter.of(rows, |row| row.key));
                self.gaps.extend(gaps.iter().filter(|gap| filter.wants(gap.0)));
                bins.iter()
                    .filter(|bin| filter.wants(bin.key))
                    .for_each(|bin| self.add_bin(*bin));
            }
            Body::Sums(rows) => filter.of(rows, |row| row.key).for_each(|row| {
                // A row that tells of a new state is not replaced by a later one that no longer does.
                let has_more = self
                    .sums
                    .get(&row.key)
                    .is_some_and(|told| told.more.is_some() && told.state == row.state);
                if row.more.is_some() || !has_more {
                    self.sums.insert(row.key, row);
                }
            }),
            Body::Event(event) => self.events.extend(filter.has_events.then_some(event)),
            Body::Config => self.is_config_changed = true,
        }
    }

    fn add_bin(&mut self, bin: Bin) {
        let slot = (bin.index(), bin.key);
        let joined = self.bins.get(&slot).map_or(bin, |old| old.join(bin));
        self.bins.insert(slot, joined);
    }

    fn bin_rows(&mut self) {
        let mut builders: BTreeMap<(i64, u32), BinBuilder> = BTreeMap::new();
        for row in std::mem::take(&mut self.rows) {
            builders.entry((row.bin_index(), row.key)).or_default().add(&row);
        }
        for ((index, key), builder) in builders {
            if let Some(bin) = builder.finish(key, index) {
                self.add_bin(bin);
            }
        }
    }
}

/// The messages that stand for `frames` to a browser more than 2 s behind. Every event is among them.
///
/// All but the last carry the number from before: cut off in between, the browser asks for all of them again.
pub(super) fn merged(frames: &[Arc<Frame>], filter: &Filter) -> Vec<String> {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return Vec::new();
    };
    let mut folded = Folded::default();
    frames.iter().for_each(|frame| folded.add(frame, filter));
    folded.bin_rows();
    let before = first.seq - 1;
    let mut messages: Vec<String> = folded
        .events
        .iter()
        .map(|event| text(&EventMessage::new(before, event)))
        .collect();
    if folded.is_config_changed {
        messages.push(text(&MarkMessage::config(before)));
    }
    if !folded.sums.is_empty() {
        messages.push(text(&SumMessage::new(
            before,
            folded.sums.into_values().map(Sum::to_wire).collect(),
        )));
    }
    // Even without probes: it says how far the browser has come, and that something was folded.
    let base = folded.base_ms;
    let mut message = BatchMessage::new(last.seq, base);
    message.merged = true;
    message.m = folded.bins.into_values().map(|bin| bin.to_wire(base)).collect();
    message.g = folded.gaps;
    messages.push(text(&message));
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_up_the_wanted_gives_what_asking_each_row_gives() {
        let rows: Vec<(u32, usize)> = [1, 1, 2, 4, 4, 4, 7, 9]
            .into_iter()
            .enumerate()
            .map(|(place, key)| (key, place))
            .collect();
        for keys in [
            None,
            Some(vec![]),
            Some(vec![0, 4, 9, 12]),
            Some((0..20).collect()),
        ] {
            let filter = Filter {
                keys,
                has_events: false,
            };
            let looked_up: Vec<_> = filter.of(&rows, |row| row.0).collect();
            let asked: Vec<_> = rows.iter().filter(|row| filter.wants(row.0)).collect();
            assert_eq!(looked_up, asked, "{filter:?}");
        }
    }
}

//! Walks the tables of one file: finds keys, converts values, and reports every mistake with its place.
//!
//! Written by hand instead of derived, because a derived reader stops at the first mistake and forgets where the
//! good values stood. Later files are read over the same settings: what they do not mention stays.

use std::collections::BTreeMap;

use linewatch_core::target::Origin;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Mistake, Place, Report, nearest};
use super::source::{Layer, Source};

/// Where values stand that have been read, by key.
pub(super) type Spots = BTreeMap<String, Spot>;

/// Where one value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) place: Place,
    pub(super) origin: Origin,
}

/// A table with the path of its keys.
#[derive(Clone, Copy)]
pub(super) struct Node<'t> {
    table: &'t DeTable<'t>,
    /// `server.`, `targets[2].`; empty at the top.
    pub(super) path: &'t str,
    /// Byte offset of the table.
    pub(super) offset: usize,
}

/// Reads one file.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) report: &'a mut Report,
    /// What messages begin with: empty, or `target "gw": `.
    pub(super) subject: String,
    pub(super) spots: Spots,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source, report: &'a mut Report) -> Self {
        Self {
            source,
            report,
            subject: String::new(),
            spots: Spots::new(),
        }
    }

    pub(super) fn layer(&self) -> Layer {
        self.source.layer
    }

    /// Reports every key of `node` that is none of `known`.
    pub(super) fn known(&mut self, node: Node<'_>, known: &[&str]) {
        for (key, _) in node.table.iter() {
            let word: &str = key.get_ref();
            if known.contains(&word) {
                continue;
            }
            let help = match nearest(word, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known keys here: {}", known.join(", ")),
            };
            let message = format!("{}unknown key `{}{word}`", self.subject, node.path);
            self.report.error(
                self.source.place(key.span().start),
                word,
                Mistake::new(message, help),
            );
        }
    }

    /// Puts the value of `key` into `slot`, if the key is there and right.
    pub(super) fn set<T>(
        &mut self,
        node: Node<'_>,
        key: &str,
        slot: &mut T,
        convert: impl FnOnce(&DeValue<'_>) -> Result<T, Mistake>,
    ) {
        if let Some(value) = self.get(node, key, convert) {
            *slot = value;
        }
    }

    /// The value of `key`, if the key is there and right. A mistake in it is reported.
    pub(super) fn get<T>(
        &mut self,
        node: Node<'_>,
        key: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<T> {
        let value = find(node.table, key)?;
        let place = self.source.place(value.span().start);
        let path = format!("{}{key}", node.path);
        match convert(value.get_ref()) {
            Ok(value) => {
                let origin = self.source.origin(&place);
                self.spots.insert(path, Spot { place, origin });
                Some(value)
            }
            Err(mistake) => {
                let message = format!("{}{path} {}", self.subject, mistake.message);
                self.report.error(
                    place,
                    &path,
                    Mistake {
                        message,
                        help: mistake.help,
                    },
                );
                None
            }
        }
    }

    /// Whether the key is written at all, right or wrong.
    pub(super) fn has(&self, node: Node<'_>, key: &str) -> bool {
        find(node.table, key).is_some()
    }

    /// Reads the table under `key`, if there is one.
    pub(super) fn child(
        &mut self,
        node: Node<'_>,
        key: &str,
        known: &[&str],
        read: impl FnOnce(&mut Self, Node<'_>),
    ) {
        if let Some(value) = find(node.table, key) {
            let path = format!("{}{key}.", node.path);
            self.open(value, &path, |reader, node| {
                reader.known(node, known);
                read(reader, node);
            });
        }
    }

    /// Reads every table of the list under `key`.
    pub(super) fn children(
        &mut self,
        node: Node<'_>,
        key: &str,
        known: &[&str],
        mut read: impl FnMut(&mut Self, Node<'_>),
    ) {
        self.tables(node, key, |reader, node| {
            reader.known(node, known);
            read(reader, node);
        });
    }

    /// As [`Self::children`], but leaves it to `read` to ask for unknown keys.
    pub(super) fn tables(&mut self, node: Node<'_>, key: &str, mut read: impl FnMut(&mut Self, Node<'_>)) {
        let Some(value) = find(node.table, key) else {
            return;
        };
        let DeValue::Array(list) = value.get_ref() else {
            let message = format!("{}{}{key} is not a list of tables", self.subject, node.path);
            let help = format!("write [[{}{key}]] above each", node.path);
            let place = self.source.place(value.span().start);
            self.report.error(place, key, Mistake::new(message, help));
            return;
        };
        for (index, value) in list.iter().enumerate() {
            let path = format!("{}{key}[{index}].", node.path);
            self.open(value, &path, &mut read);
        }
    }

    fn open(&mut self, value: &Spanned<DeValue<'_>>, path: &str, read: impl FnOnce(&mut Self, Node<'_>)) {
        let DeValue::Table(table) = value.get_ref() else {
            let name = path.trim_end_matches('.');
            let message = format!("{}{name} is not a table", self.subject);
            let help = format!("write [{name}] on a line of its own and its keys below");
            self.report.error(
                self.source.place(value.span().start),
                name,
                Mistake::new(message, help),
            );
            return;
        };
        let node = Node {
            table,
            path,
            offset: value.span().start,
        };
        read(self, node);
    }

    /// Reports a mistake at a place that is known.
    pub(super) fn mistake(&mut self, place: Place, key: &str, mistake: Mistake) {
        let message = format!("{}{}", self.subject, mistake.message);
        self.report.error(
            place,
            key,
            Mistake {
                message,
                help: mistake.help,
            },
        );
    }
}

impl<'t> Node<'t> {
    pub(super) fn top(table: &'t DeTable<'t>) -> Self {
        Self {
            table,
            path: "",
            offset: 0,
        }
    }

    /// The tables of the list under `key`, without a word about what is none.
    pub(super) fn tables_of(self, key: &str) -> impl Iterator<Item = Self> {
        let list = match find(self.table, key).map(Spanned::get_ref) {
            Some(DeValue::Array(list)) => Some(list),
            _ => None,
        };
        let values = list.into_iter().flat_map(|list| list.iter());
        values.filter_map(move |value| match value.get_ref() {
            DeValue::Table(table) => Some(Self { table, ..self }),
            _ => None,
        })
    }

    /// Whether the key is written at all.
    pub(super) fn has(self, key: &str) -> bool {
        find(self.table, key).is_some()
    }

    /// The text under `key`, if it is one.
    pub(super) fn text(self, key: &str) -> Option<&'t str> {
        match find(self.table, key)?.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            _ => None,
        }
    }

    /// The same table with keys named as if it stood alone: targets have their own origins.
    pub(super) fn alone(self) -> Self {
        Self { path: "", ..self }
    }
}

fn find<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    table
        .iter()
        .find(|(found, _)| found.get_ref().as_ref() == key)
        .map(|(_, value)| value)
}

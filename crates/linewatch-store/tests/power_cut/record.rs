//! Reads what `strace -f -xx` saw a process do to its files: writes, syncs, names, and what it said meanwhile.
//!
//! Input: the lines of strace. Output: what happened, each at the moment it was over. A sync names the writes that were
//! over when it began: others it need not have caught. Not here: what a disk makes of it (`disk`).

use std::collections::HashMap;

/// A file by the order of its first opening: a name that is deleted and made anew is another file.
pub(crate) type FileId = usize;

/// What changed, or what was promised.
#[derive(Clone, Debug)]
pub(crate) enum Happened {
    /// A name came to be.
    Linked { name: String, file: FileId },
    /// A name went.
    Unlinked { name: String },
    /// Bytes at an offset.
    Wrote {
        file: FileId,
        offset: u64,
        bytes: Vec<u8>,
    },
    /// The file has this length.
    Cut { file: FileId, bytes: u64 },
    /// What happened to the file before the event of this index is on the disk.
    Synced { file: FileId, before: usize },
    /// The names of the directory before the event of this index are on the disk.
    SyncedNames { before: usize },
    /// The process said so on its standard output.
    Said(String),
}

/// A system call that is not over yet: its text so far, and how much had happened when it began.
struct Begun {
    text: String,
    at: usize,
}

/// What a descriptor is.
#[derive(Clone, Copy)]
enum Open {
    File(FileId),
    Directory,
}

/// Reads a record, line by line.
pub(crate) struct Record {
    /// Of the directory that is watched.
    dir: String,
    begun: HashMap<String, Begun>,
    open: HashMap<u64, Open>,
    names: HashMap<String, FileId>,
    files: usize,
    /// In the order in which it was over.
    pub(crate) events: Vec<Happened>,
}

impl Record {
    /// For the database's files in this directory.
    pub(crate) fn new(dir: &str) -> Self {
        Self {
            dir: dir.to_owned(),
            begun: HashMap::new(),
            open: HashMap::new(),
            names: HashMap::new(),
            files: 0,
            events: Vec::new(),
        }
    }

    /// `PID call(arguments) = result`, or the half of it, when another thread came in between.
    pub(crate) fn line(&mut self, line: &str) {
        let Some((pid, text)) = line.split_once(' ') else {
            return;
        };
        let (pid, text) = (pid.to_owned(), text.trim_start());
        if let Some(half) = text.strip_suffix(" <unfinished ...>") {
            let at = self.events.len();
            let text = half.to_owned();
            self.begun.insert(pid, Begun { text, at });
        } else if let Some(rest) = text.strip_prefix("<... ") {
            let begun = self.begun.remove(&pid).expect("its first half came before");
            let rest = rest.split_once(" resumed>").expect("the second half").1;
            self.call(&format!("{}{rest}", begun.text), begun.at);
        } else if text.contains('(') {
            self.call(text, self.events.len());
        }
    }

    fn call(&mut self, text: &str, begun_at: usize) {
        let (name, rest) = text.split_once('(').expect("a call");
        let (arguments, result) = rest.rsplit_once(" = ").expect("a result");
        // A failed call changed nothing, and one that is a number of a thread's end has none.
        let Ok(result) = result
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .parse::<u64>()
        else {
            return;
        };
        let arguments = arguments.trim_end().trim_end_matches(')');
        let parts: Vec<&str> = arguments.split(", ").collect();
        match (name, parts.as_slice()) {
            ("openat", [_, path, flags, ..]) => self.opened(&text_of(path), flags, result),
            ("close", [descriptor]) => _ = self.open.remove(&number(descriptor)),
            ("write", ["1", said, _]) => {
                let said = text_of(said);
                self.events
                    .extend(said.lines().map(|line| Happened::Said(line.to_owned())));
            }
            ("pwrite64", [descriptor, bytes, _, offset]) => {
                if let Some(file) = self.file(descriptor) {
                    let mut bytes = bytes_of(bytes);
                    bytes.truncate(result as usize);
                    let offset = number(offset);
                    self.events.push(Happened::Wrote { file, offset, bytes });
                }
            }
            ("write", [descriptor, ..]) => {
                assert!(self.file(descriptor).is_none(), "SQLite says where it writes");
            }
            ("ftruncate", [descriptor, bytes]) => {
                if let Some(file) = self.file(descriptor) {
                    let bytes = number(bytes);
                    self.events.push(Happened::Cut { file, bytes });
                }
            }
            ("fsync" | "fdatasync", [descriptor]) => {
                let before = begun_at;
                match self.open.get(&number(descriptor)) {
                    Some(Open::File(file)) => {
                        let file = *file;
                        self.events.push(Happened::Synced { file, before });
                    }
                    Some(Open::Directory) => self.events.push(Happened::SyncedNames { before }),
                    None => {}
                }
            }
            ("unlink", [path]) | ("unlinkat", [_, path, ..]) => self.unlinked(&text_of(path)),
            ("rename", [from, ..]) => {
                assert!(self.name(&text_of(from)).is_none(), "a file of ours is renamed")
            }
            _ => {
                let descriptor = parts.first().and_then(|part| part.parse().ok());
                let is_ours = descriptor.is_some_and(|descriptor: u64| self.open.contains_key(&descriptor));
                assert!(!is_ours, "{name} is not known here");
            }
        }
    }

    fn opened(&mut self, path: &str, flags: &str, descriptor: u64) {
        self.open.remove(&descriptor);
        if path == self.dir {
            self.open.insert(descriptor, Open::Directory);
        }
        let Some(name) = self.name(path) else { return };
        if !self.names.contains_key(&name) && flags.contains("O_CREAT") {
            let file = self.files;
            self.files += 1;
            self.names.insert(name.clone(), file);
            self.events.push(Happened::Linked {
                name: name.clone(),
                file,
            });
        }
        if let Some(file) = self.names.get(&name) {
            self.open.insert(descriptor, Open::File(*file));
        }
    }

    fn unlinked(&mut self, path: &str) {
        if let Some(name) = self.name(path)
            && self.names.remove(&name).is_some()
        {
            self.events.push(Happened::Unlinked { name });
        }
    }

    /// The name of a file of the database. Its shared memory is none: after a power cut it is made anew.
    fn name(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(&self.dir)?.strip_prefix('/')?;
        (name.starts_with("linewatch.db") && !name.ends_with("-shm")).then(|| name.to_owned())
    }

    fn file(&self, descriptor: &str) -> Option<FileId> {
        match self.open.get(&number(descriptor))? {
            Open::File(file) => Some(*file),
            Open::Directory => None,
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

/// `"\x61\x62"`.
fn bytes_of(text: &str) -> Vec<u8> {
    let hex = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let hex = hex.expect("a whole text: strace was told to shorten none");
    let digits = |pair: &str| u8::from_str_radix(pair, 16).expect("hex digits");
    hex.split("\\x").skip(1).map(digits).collect()
}

fn text_of(text: &str) -> String {
    String::from_utf8_lossy(&bytes_of(text)).into_owned()
}

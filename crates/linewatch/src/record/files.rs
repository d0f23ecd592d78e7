//! Writes the files of a session on a thread of its own, so that whoever reads them at any moment finds whole ones.
//!
//! Documents go to a hidden file beside them, are synced and renamed. Tables whose last row still changes are copied up to
//! that row and renamed, too. What only grows is appended, whole lines in one call, and cut back to its last whole line
//! when the disk takes a part only. What a full disk does not take waits here and is written when there is room again.
//! Only its owner may read any of them, and no link is followed to one.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use linewatch_render::graph::{self, GraphInput, GraphStyle};
use linewatch_render::session::{Growing, Heads, Pages};
use linewatch_store::private_options;

use crate::listen::plain;

/// Lines that wait for room on the disk, of each file: 64 MiB are a week of seconds, or a quarter of an hour of the log.
const WAITING_BYTES: usize = 64 * 1024 * 1024;

/// What one target's files shall hold.
#[derive(Debug, Default)]
pub(crate) struct Job {
    /// Which target, from 0.
    pub target: usize,
    /// The text files.
    pub pages: Pages,
    /// `session.json`.
    pub json: Option<String>,
    /// What `latency.png` and `loss.png` show.
    pub picture: Option<Box<GraphInput>>,
}

/// How the writing went, at the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// The newest failure that was not made up for.
    pub trouble: Option<String>,
    /// Lines for which no room was found in time.
    pub lines_dropped: u64,
}

/// The way to the thread.
pub(crate) struct Writer {
    jobs: SyncSender<Vec<Job>>,
    thread: JoinHandle<Written>,
}

impl Writer {
    /// Starts the thread `record-files`; the heads of all files are written before this returns.
    ///
    /// # Errors
    ///
    /// What the file system says, and which file.
    pub(crate) fn start(
        folders: Vec<TargetFiles>,
        on_trouble: impl Fn(&str) + Send + 'static,
    ) -> Result<Self, String> {
        let mut folders = folders;
        for folder in &mut folders {
            folder.begin()?;
        }
        // One that is being written and one that waits.
        let (jobs, come) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("record-files".to_owned())
            .spawn(move || write_until_finished(folders, &come, &on_trouble))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { jobs, thread })
    }

    /// Hands jobs over without waiting; gives them back while the disk is behind.
    pub(crate) fn try_write(&self, jobs: Vec<Job>) -> Result<(), Vec<Job>> {
        self.jobs.try_send(jobs).map_err(|error| match error {
            TrySendError::Full(jobs) | TrySendError::Disconnected(jobs) => jobs,
        })
    }

    /// Writes the last jobs and waits until everything is on the disk.
    pub(crate) fn finish(self, jobs: Vec<Job>) -> Written {
        // A thread that is gone has told why by its panic.
        let _ = self.jobs.send(jobs);
        drop(self.jobs);
        self.thread.join().unwrap_or_default()
    }
}

fn write_until_finished(
    mut folders: Vec<TargetFiles>,
    come: &Receiver<Vec<Job>>,
    on_trouble: &impl Fn(&str),
) -> Written {
    let mut trouble: Option<String> = None;
    while let Ok(jobs) = come.recv() {
        let mut newest = None;
        for job in jobs {
            if let Some(files) = folders.get_mut(job.target) {
                newest = files.write(job).err().or(newest);
            }
        }
        match (&trouble, &newest) {
            (None, Some(words)) => on_trouble(&format!(
                "warning: {words}\n  help: measuring goes on; what is missing is written as soon as there is room"
            )),
            (Some(_), None) => on_trouble("note: the files of the session are complete again"),
            _ => {}
        }
        trouble = newest;
    }
    Written {
        trouble,
        lines_dropped: folders.iter().map(|files| files.lines_dropped()).sum(),
    }
}

/// A folder or file: the way to it, and the name a person knows it by.
#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    shown: PathBuf,
}

impl Place {
    fn join(&self, name: &str) -> Self {
        Self {
            path: self.path.join(name),
            shown: self.shown.join(name),
        }
    }
}

/// An open folder. It is reached through its handle: root writes into a home that is closed to others, too, after it has
/// given up the capability to walk there.
#[derive(Debug)]
struct OpenFolder {
    place: Place,
    /// Keeps the way open.
    #[cfg(target_os = "linux")]
    _handle: File,
}

impl OpenFolder {
    #[cfg(target_os = "linux")]
    fn of(dir: &Path) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        let handle = File::open(dir)?;
        let place = Place {
            path: PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd())),
            shown: dir.to_owned(),
        };
        Ok(Self {
            place,
            _handle: handle,
        })
    }

    /// Elsewhere nothing is given up.
    #[cfg(not(target_os = "linux"))]
    fn of(dir: &Path) -> io::Result<Self> {
        let place = Place {
            path: dir.to_owned(),
            shown: dir.to_owned(),
        };
        Ok(Self { place })
    }
}

/// The files of one target.
#[derive(Debug)]
pub(crate) struct TargetFiles {
    folder: OpenFolder,
    session: String,
    heads: Heads,
    seconds: Appended,
    histograms: Appended,
    log: Option<Appended>,
    csv: Option<Appended>,
    minutes: Table,
    hours: Table,
}

impl TargetFiles {
    /// In this folder; `session` is the name of its first file.
    ///
    /// # Errors
    ///
    /// What the file system says of the folder.
    pub(crate) fn new(
        dir: &Path,
        session: &str,
        heads: Heads,
        has_log: bool,
        has_csv: bool,
    ) -> Result<Self, String> {
        let folder = OpenFolder::of(dir).map_err(|error| told(dir, &error))?;
        let place = folder.place.clone();
        let appended = |name: &str| Appended::new(place.join(name));
        Ok(Self {
            folder,
            session: session.to_owned(),
            heads,
            seconds: appended("averages_per_second.txt"),
            histograms: appended("minutes.ndjson"),
            log: has_log.then(|| appended("connection_log.txt")),
            csv: has_csv.then(|| appended("session.csv")),
            minutes: Table::new(place.join("averages_per_minute.txt")),
            hours: Table::new(place.join("averages_per_hour.txt")),
        })
    }

    fn begin(&mut self) -> Result<(), String> {
        let growing = |head: &str| Growing {
            closed: head.to_owned(),
            open: String::new(),
        };
        let heads = self.heads.clone();
        self.seconds.append(&heads.seconds)?;
        self.histograms.append("")?;
        if let Some(log) = &mut self.log {
            log.append(&heads.log)?;
        }
        if let Some(csv) = &mut self.csv {
            csv.append(&heads.csv)?;
        }
        self.minutes.write(&growing(&heads.minutes))?;
        self.hours.write(&growing(&heads.hours))
    }

    /// Every file is tried, whatever becomes of the others; the first failure. Totals last: they never tell more than
    /// the tables have.
    fn write(&mut self, job: Job) -> Result<(), String> {
        let pages = &job.pages;
        let mut results = vec![
            self.seconds.append(&pages.seconds),
            self.histograms.append(&pages.histograms),
        ];
        results.extend(self.log.as_mut().map(|log| log.append(&pages.log)));
        results.extend(self.csv.as_mut().map(|csv| csv.append(&pages.csv)));
        if pages.session.is_empty() {
            // A piece of the log between two times.
            return results.into_iter().collect();
        }
        results.push(self.minutes.write(&pages.minutes));
        results.push(self.hours.write(&pages.hours));
        let place = &self.folder.place;
        let whole = |name: &str, bytes: &[u8]| replace(&place.join(name), |file| file.write_all(bytes));
        results.push(whole("packetloss.txt", pages.packetloss.as_bytes()));
        results.extend(job.json.map(|json| whole("session.json", json.as_bytes())));
        if let Some(picture) = &job.picture {
            let style = GraphStyle::default();
            for (name, drawn) in [
                ("latency.png", graph::png(picture, &style)),
                ("loss.png", graph::loss_png(picture, &style)),
            ] {
                results.push(
                    drawn
                        .map_err(|error| error.to_string())
                        .and_then(|png| whole(name, &png)),
                );
            }
        }
        results.push(whole(&self.session, pages.session.as_bytes()));
        results.into_iter().collect()
    }

    fn lines_dropped(&self) -> u64 {
        let more = [&self.log, &self.csv].into_iter().flatten();
        [&self.seconds, &self.histograms]
            .into_iter()
            .chain(more)
            .map(|file| file.lines_dropped)
            .sum()
    }
}

/// A file that only grows, by whole lines.
#[derive(Debug)]
struct Appended {
    place: Place,
    file: Option<File>,
    /// Bytes of whole lines on the disk.
    length: u64,
    waiting: String,
    lines_dropped: u64,
}

impl Appended {
    const fn new(place: Place) -> Self {
        Self {
            place,
            file: None,
            length: 0,
            waiting: String::new(),
            lines_dropped: 0,
        }
    }

    fn append(&mut self, lines: &str) -> Result<(), String> {
        if self.waiting.len() + lines.len() > WAITING_BYTES {
            self.lines_dropped += lines.lines().count() as u64;
        } else {
            self.waiting.push_str(lines);
        }
        if self.waiting.is_empty() && self.file.is_some() {
            return Ok(());
        }
        self.flush().map_err(|error| told(&self.place.shown, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(
                private_options()
                    .append(true)
                    .create(true)
                    .open(&self.place.path)?,
            ),
        };
        if file.metadata()?.len() > self.length {
            // What was left of a line the last time.
            file.set_len(self.length)?;
        }
        if let Err(error) = file.write_all(self.waiting.as_bytes()) {
            // A part of a line may be there: it comes again, whole.
            file.set_len(self.length)?;
            return Err(error);
        }
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// A file whose last line is replaced by the next.
#[derive(Debug)]
struct Table {
    place: Place,
    /// Bytes of the lines that are final.
    final_bytes: u64,
    /// Final lines that are not on the disk yet.
    waiting: String,
}

impl Table {
    const fn new(place: Place) -> Self {
        Self {
            place,
            final_bytes: 0,
            waiting: String::new(),
        }
    }

    fn write(&mut self, text: &Growing) -> Result<(), String> {
        self.waiting.push_str(&text.closed);
        let (place, final_bytes, waiting) = (&self.place, self.final_bytes, &self.waiting);
        replace(place, |file| {
            if final_bytes > 0 {
                let mut old = File::open(&place.path)?;
                old.seek(SeekFrom::Start(0))?;
                let copied = io::copy(&mut old.take(final_bytes), file)?;
                if copied < final_bytes {
                    return Err(io::Error::other("somebody has shortened it"));
                }
            }
            file.write_all(waiting.as_bytes())?;
            file.write_all(text.open.as_bytes())
        })?;
        self.final_bytes += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// Under a hidden name beside it, synced, renamed: whoever reads the file sees the old one or the new one, whole.
fn replace(place: &Place, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), String> {
    let path = &place.path;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(format!(".{name}.tmp"));
    let opened = private_options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&hidden);
    let written = opened.and_then(|mut file| {
        write(&mut file)?;
        // This thread may wait for the disk; nobody waits for this thread.
        file.sync_data()?;
        fs::rename(&hidden, path)
    });
    written.map_err(|error| {
        // Its bytes are worth more to the others.
        let _ = fs::remove_file(&hidden);
        told(&place.shown, &error)
    })
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {}", path.display(), plain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &Path) -> Place {
        Place {
            path: path.to_owned(),
            shown: path.to_owned(),
        }
    }

    #[test]
    fn a_table_keeps_its_final_rows_and_replaces_the_last() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut table = Table::new(place(&dir.path().join("t")));
        let mut write = |closed: &str, open: &str| {
            let (closed, open) = (closed.to_owned(), open.to_owned());
            table.write(&Growing { closed, open }).expect("written");
            fs::read_to_string(dir.path().join("t")).expect("a file")
        };
        assert_eq!(write("head\n", ""), "head\n");
        assert_eq!(write("", "1\n"), "head\n1\n");
        assert_eq!(write("", "2\n"), "head\n2\n");
        assert_eq!(write("3\n", "4\n"), "head\n3\n4\n");
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn what_a_disk_does_not_take_is_written_later_and_no_line_is_cut() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("not/there/yet");
        let mut file = Appended::new(place(&path));
        assert!(file.append("one\n").is_err());
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        file.append("two\n").expect("room");
        assert_eq!(fs::read_to_string(path).expect("a file"), "one\ntwo\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_a_session_is_its_owners_alone_and_no_link_is_followed() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        Appended::new(place(&path("grows")))
            .append("one\n")
            .expect("written");
        replace(&place(&path("whole")), |file| file.write_all(b"one\n")).expect("written");
        for name in ["grows", "whole"] {
            let mode = fs::metadata(path(name)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        fs::write(path("other"), "not ours\n").expect("written");
        std::os::unix::fs::symlink(path("other"), path("link")).expect("linked");
        assert!(Appended::new(place(&path("link"))).append("two\n").is_err());
        assert_eq!(fs::read_to_string(path("other")).expect("a file"), "not ours\n");
    }

    #[test]
    fn waiting_lines_are_bounded_and_counted() {
        let mut file = Appended::new(place(Path::new("/nonexistent/linewatch/file")));
        let block = format!("{}\n", "x".repeat(1023)).repeat(40 * 1024);
        assert!(file.append(&block).is_err());
        assert!(file.append(&block).is_err());
        assert_eq!(file.lines_dropped, 40 * 1024);
    }
}

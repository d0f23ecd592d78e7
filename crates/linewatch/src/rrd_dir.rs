//! Keeps `[rrd] dir` up to date: one round-robin database per target, named by its id, every minute.
//!
//! Input: the settings, whenever they change, and the stored history. Output: files. It works on a thread of its own at the
//! lowest priority, for no more than a tenth of one core, and nobody waits for it. Whatever fails is said once, until it
//! works again. The file of a target that is removed stays where it is.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use linewatch_core::port::{Clock, History, StoredTarget};
use linewatch_core::target::TargetId;
use linewatch_core::time::MonoTime;
use linewatch_probe::privilege;
use linewatch_render::rrd::Layout;

use crate::config::Settings;
use crate::rrd::{Growing, refresh};

/// Files are brought up to date this often.
const EVERY: Duration = Duration::from_secs(60);
/// Seconds of a row of the day's archives: nothing finer can be seen in a file that is a minute old, and it makes the
/// file 2.3 MB instead of 12.5 MB.
const STEP_S: i64 = 60;
/// After each file the thread rests so many times as long as it took: a tenth of a core at most.
const REST: u32 = 9;
/// Databases kept in memory between two minutes: 32 x 2.3 MB = 74 MB. The others are read anew each time.
const KEPT: usize = 32;
/// A kept database is made anew after so many minutes: what the store could not write in time is then in it too.
const ANEW_AFTER: u32 = 60;

/// What is to be kept up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// Empty: nothing.
    dir: PathBuf,
    /// Id of each target, and how old its probes must be to have their fate in the store.
    targets: Vec<(String, Duration)>,
}

/// The thread, and the way to tell it what is wanted.
pub(crate) struct RrdDir {
    wanted: Arc<Mutex<Wanted>>,
    bell: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl RrdDir {
    /// Starts the thread "rrd"; it has nothing to do yet.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub(crate) fn start<C: Clock + 'static>(history: Arc<dyn History>, clock: C) -> io::Result<Self> {
        let wanted = Arc::<Mutex<Wanted>>::default();
        let (bell, rung) = sync_channel(1);
        let keeper = Keeper {
            history,
            clock,
            files: HashMap::new(),
            troubles: HashMap::new(),
        };
        let asked = Arc::clone(&wanted);
        let thread = thread::Builder::new().name("rrd".to_owned()).spawn(move || {
            privilege::background();
            keeper.run(&asked, &rung);
        })?;
        Ok(Self { wanted, bell, thread })
    }

    /// From now on as these settings say. Waits for nothing.
    pub(crate) fn follow(&self, settings: &Settings) {
        let flush = 2 * settings.storage.flush_interval;
        let targets = settings.targets.iter().map(|target| &target.target);
        let wanted = Wanted {
            dir: PathBuf::from(&settings.rrd.dir),
            targets: targets
                .map(|target| (target.slug.clone(), target.plan.timeout + flush))
                .collect(),
        };
        let mut asked = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if *asked != wanted {
            *asked = wanted;
            // A bell that is already ringing is heard as well.
            let _ = self.bell.try_send(());
        }
    }

    /// Ends after the file at hand.
    pub(crate) fn stop(self) {
        drop(self.bell);
        // A thread that panicked has already said so.
        let _ = self.thread.join();
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Over,
    Rung,
    Stopped,
}

/// One target's file.
struct Kept {
    growing: Growing,
    series: Vec<TargetId>,
    minutes: u32,
}

/// Does the work.
struct Keeper<C> {
    history: Arc<dyn History>,
    clock: C,
    /// By path, which follows from directory and id.
    files: HashMap<PathBuf, Kept>,
    /// What was said last of each path, or of the whole work.
    troubles: HashMap<PathBuf, String>,
}

impl<C: Clock> Keeper<C> {
    fn run(mut self, asked: &Mutex<Wanted>, rung: &Receiver<()>) {
        loop {
            let wanted = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if wanted.dir.as_os_str().is_empty() {
                self.files.clear();
                match rung.recv() {
                    Ok(()) => continue,
                    Err(_) => return,
                }
            }
            let began_at = self.clock.mono();
            match self.round(&wanted, rung) {
                Waited::Stopped => return,
                Waited::Rung => continue,
                Waited::Over => {}
            }
            let took = self.clock.mono().since(began_at);
            let slow = (took > EVERY).then(|| {
                format!(
                    "{} files take {} s instead of {} s: name fewer targets",
                    wanted.targets.len(),
                    took.as_secs(),
                    EVERY.as_secs()
                )
            });
            self.tell(Path::new("[rrd] dir"), slow.map_or(Ok(()), Err));
            if wait(rung, EVERY.saturating_sub(took)) == Waited::Stopped {
                return;
            }
        }
    }

    /// Every file once.
    fn round(&mut self, wanted: &Wanted, rung: &Receiver<()>) -> Waited {
        let stored = fs::create_dir_all(&wanted.dir)
            .map_err(|error| error.to_string())
            .and_then(|()| self.history.targets().map_err(|error| error.to_string()));
        let stored = match stored {
            Ok(stored) => stored,
            Err(why) => {
                self.tell(&wanted.dir, Err(why));
                return Waited::Over;
            }
        };
        self.tell(&wanted.dir, Ok(()));
        let mut is_rung = false;
        for (slug, settling) in &wanted.targets {
            let began_at = self.clock.mono();
            let path = wanted.dir.join(format!("{slug}.rrd"));
            let result = self.refresh(&path, &series_of(&stored, slug), *settling);
            self.tell(&path, result);
            match wait(rung, self.rest_since(began_at)) {
                Waited::Stopped => return Waited::Stopped,
                Waited::Rung => is_rung = true,
                Waited::Over => {}
            }
        }
        self.files.retain(|path, _| {
            wanted
                .targets
                .iter()
                .any(|(slug, _)| path.file_stem() == Some(slug.as_ref()))
        });
        if is_rung { Waited::Rung } else { Waited::Over }
    }

    fn rest_since(&self, began_at: MonoTime) -> Duration {
        // Never longer than a round: one slow disk must not make files hours old.
        (self.clock.mono().since(began_at) * REST).min(EVERY)
    }

    /// Brings one file up to date.
    fn refresh(&mut self, path: &Path, series: &[TargetId], settling: Duration) -> Result<(), String> {
        if series.is_empty() {
            // Nothing was measured yet.
            return Ok(());
        }
        let end = self.clock.wall().minus(settling);
        let is_going_on = |kept: &Kept| kept.series == series && kept.minutes < ANEW_AFTER;
        let kept = self.files.remove(path).filter(is_going_on);
        let mut kept = match kept {
            Some(kept) => kept,
            None => Kept {
                growing: Growing::new(Layout::new(STEP_S).ok_or("the step is none")?, end),
                series: series.to_vec(),
                minutes: 0,
            },
        };
        let before = kept.growing.database().map(|database| database.updated_s());
        kept.growing
            .grow(self.history.as_ref(), series, end)
            .map_err(|error| error.to_string())?;
        kept.minutes += 1;
        let written = match kept.growing.database() {
            // A target that is stopped needs no new file.
            Some(database) if Some(database.updated_s()) != before || !path.exists() => {
                refresh(path, database)
                    .map(drop)
                    .map_err(|error| error.to_string())
            }
            Some(_) | None => Ok(()),
        };
        if written.is_ok() && self.files.len() < KEPT {
            self.files.insert(path.to_owned(), kept);
        }
        written
    }

    /// Says what is wrong with a path when it begins, changes or ends, and not every minute.
    fn tell(&mut self, path: &Path, result: Result<(), String>) {
        match result {
            Ok(()) => {
                if self.troubles.remove(path).is_some() {
                    tracing::info!("round-robin database written again: {}", path.display());
                }
            }
            Err(why) => {
                if self.troubles.get(path) != Some(&why) {
                    tracing::warn!(
                        "round-robin database not written: {}: {why} (rrd.dir in linewatch.toml)",
                        path.display()
                    );
                    self.troubles.insert(path.to_owned(), why);
                }
            }
        }
    }
}

/// Every series of the target: a new address began a new one.
fn series_of(stored: &[StoredTarget], slug: &str) -> Vec<TargetId> {
    let same = stored.iter().filter(|target| target.slug == slug);
    same.map(|target| target.id).collect()
}

/// Until the time is over, or somebody has something to say.
fn wait(rung: &Receiver<()>, length: Duration) -> Waited {
    match rung.recv_timeout(length) {
        Ok(()) => Waited::Rung,
        Err(RecvTimeoutError::Timeout) => Waited::Over,
        Err(RecvTimeoutError::Disconnected) => Waited::Stopped,
    }
}

#[cfg(test)]
mod tests;

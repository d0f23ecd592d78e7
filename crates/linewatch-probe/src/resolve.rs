//! Turns names into addresses beside the measurement: a slow or dead name server delays nobody but its own names.
//!
//! One thread with a small runtime asks DNS itself (no NSS, no C library) and delivers each answer by a call, with the
//! time for which it is good. Questions wait in a bounded queue; each has its own time limit. Not here: when to ask
//! again ([`Resolver::wait_after`] only proposes) and what a changed address means (`control`).

mod order;
mod pace;
mod system;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::limits::{DNS_CONCURRENT, DNS_QUERY_TIME, DNS_QUESTIONS};
use linewatch_core::target::{Address, Family};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};

use pace::Pace;
use system::{Files, System};

/// The files are looked at so often; a person who mends one waits no longer than this.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the resolver has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The answer to one question.
    Answer(Answer),
    /// `/etc/resolv.conf` or `/etc/hosts` is another one now: every earlier answer may be wrong.
    SourcesChanged,
}

/// What became of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who asked, in the words of [`Resolver::resolve`].
    pub asker: String,
    /// The name.
    pub name: String,
    /// Of which family addresses were asked for.
    pub family: Family,
    /// The addresses, or the sentence that says why there are none.
    pub result: Result<Found, String>,
}

/// The addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// At least one, the one to prefer first.
    pub addresses: Vec<Address>,
    /// How long they are good, by their TTL.
    pub valid_for: Duration,
    /// Both families answered. Otherwise an address that is missing here may be there all the same.
    pub is_complete: bool,
}

/// Why the resolver did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the resolver's thread: {0}")]
pub struct ResolverError(#[from] io::Error);

/// Dropping it ends its thread; questions under way are forgotten.
#[derive(Debug)]
pub struct Resolver {
    questions: mpsc::Sender<Question>,
    pace: Pace,
}

#[derive(Clone, Debug)]
struct Question {
    asker: String,
    name: String,
    family: Family,
}

impl Resolver {
    /// Starts the thread `resolver`. `deliver` is called on it and must not wait. The `seed` spreads questions in time.
    ///
    /// # Errors
    ///
    /// When the system gives no thread, or no event queue for it.
    pub fn start(seed: u64, deliver: impl Fn(Said) + Send + 'static) -> Result<Self, ResolverError> {
        Self::start_with(Files::of_system(), seed, deliver)
    }

    fn start_with(
        files: Files,
        seed: u64,
        deliver: impl Fn(Said) + Send + 'static,
    ) -> Result<Self, ResolverError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (questions, asked) = mpsc::channel(DNS_QUESTIONS);
        // Read before anybody can ask: a change from now on is one.
        let system = {
            let _inside = runtime.enter();
            System::read(files)
        };
        // Not joined: it ends by itself when nobody can ask any more, and holds nothing that must be closed.
        std::thread::Builder::new()
            .name("resolver".to_owned())
            .spawn(move || runtime.block_on(serve(system, asked, deliver)))?;
        Ok(Self {
            questions,
            pace: Pace::new(seed),
        })
    }

    /// Asks for the addresses of `name`; `asker` comes back with the answer. False if too many questions are waiting:
    /// ask again later.
    #[must_use]
    pub fn resolve(&self, asker: &str, name: &str, family: Family) -> bool {
        let question = Question {
            asker: asker.to_owned(),
            name: name.to_owned(),
            family,
        };
        self.questions.try_send(question).is_ok()
    }

    /// How long `asker` should wait before it asks again: the TTL of an answer, a growing back-off after its
    /// `failures`th failure in a row, both within the limits and spread, so that names do not come in step.
    pub fn wait_after(&self, asker: &str, result: &Result<Found, String>, failures: u32) -> Duration {
        match result {
            Ok(found) => self.pace.after_answer(asker, found.valid_for),
            Err(_) => self.pace.after_failure(asker, failures),
        }
    }
}

/// The thread: takes questions while there is room, delivers answers, watches the files.
async fn serve(system: System, mut questions: mpsc::Receiver<Question>, deliver: impl Fn(Said)) {
    let mut system = Arc::new(system);
    let mut lookups: JoinSet<Result<Found, String>> = JoinSet::new();
    let mut asked: HashMap<Id, Question> = HashMap::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !questions.is_closed() {
        tokio::select! {
            question = questions.recv(), if lookups.len() < DNS_CONCURRENT => {
                let Some(question) = question else { return };
                let lookup = answer_to(Arc::clone(&system), question.clone());
                let handle = lookups.spawn(within_time(question.name.clone(), lookup));
                asked.insert(handle.id(), question);
            }
            Some(done) = lookups.join_next_with_id() => {
                let (id, result) = match done {
                    Ok(done) => done,
                    Err(broken) => (broken.id(), Err(format!("the resolver failed inside: {broken}"))),
                };
                if let Some(Question { asker, name, family }) = asked.remove(&id) {
                    deliver(Said::Answer(Answer { asker, name, family, result }));
                }
            }
            _ = look.tick() => {
                if let Some(changed) = system.changed() {
                    system = Arc::new(changed);
                    deliver(Said::SourcesChanged);
                }
            }
        }
    }
}

async fn answer_to(system: Arc<System>, question: Question) -> Result<Found, String> {
    let mut found = system.lookup(&question.name, question.family).await?;
    order::prefer(&mut found.addresses, order::source_towards);
    Ok(found)
}

async fn within_time(
    name: String,
    lookup: impl Future<Output = Result<Found, String>>,
) -> Result<Found, String> {
    tokio::time::timeout(DNS_QUERY_TIME, lookup)
        .await
        .unwrap_or_else(|_| Err(system::sentence(&name, "no name server answered in time")))
}

//! Delivers what was decided: durable, at least once, in order, per destination; never in the way of a probe.
//!
//! In: decisions of the core, which go into the store's outbox first. Out: mail, webhooks, the dead man's address. Each way has a
//! thread of its own (`notify-email`, `notify-hook-1`), so that one that hangs holds up nobody else. Not here: deciding
//! (`linewatch_core::alert`), words (`linewatch_render::message`), the table (`linewatch_store`).

mod attempts;
mod calendar;
mod carrier;
mod credentials;
mod dead_man;
pub(crate) mod direct;
mod mail;
mod outbox;
mod pin;
mod reports;
mod route;
pub(crate) mod shape;
#[cfg(test)]
mod tests;
mod trial;
mod webhook;
mod webhook_body;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use linewatch_core::alert::{Notification, Snapshot};
use linewatch_core::event::{RunId, Severity};
use linewatch_core::port::Clock;
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::WallTime;
use linewatch_probe::privilege;
use linewatch_render::message::{Language, Letterhead};
use linewatch_render::report::Digest;
use linewatch_store::{NewLetter, StoreError, StoreHandle, StoreMessage, Told};

use crate::config::alerts::Alerts;
use attempts::Attempts;
use carrier::Carrier;
use dead_man::DeadMan;
use outbox::Worker;
use route::Routes;
use shape::{Content, Order};

pub(crate) use credentials::read_secret;
pub(crate) use trial::Unsent;

/// Makes the picture of a target's last day, as PNG with words of this language; `None` where there is none to make.
pub(crate) type Graph = Box<dyn Fn(TargetId, Language) -> Option<Vec<u8>> + Send + Sync>;

/// A document to be opened by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Letters, digits, `-` and `.` only.
    pub file_name: String,
    /// All of it.
    pub html: String,
}

/// A report as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// What the mail itself says.
    pub digest: Digest,
    /// What is attached.
    pub pages: Vec<Page>,
}

/// Makes a report of these targets of what is stored now; else why it cannot be made now. It may take a minute.
pub(crate) type MakeReport =
    Box<dyn Fn(&Order, &[Target], &Letterhead) -> Result<Made, String> + Send + Sync>;

/// Hears that something cannot be delivered, for the log of events (`alert_failed`).
pub(crate) type OnTrouble = Box<dyn Fn(Severity, String) + Send + Sync>;

/// What delivery needs.
pub(crate) struct NotifyOptions {
    /// Tells the time.
    pub clock: Arc<dyn Clock + Sync>,
    /// Keeps the outbox.
    pub store: StoreHandle,
    /// The database's own id: part of every Message-ID.
    pub vantage: String,
    /// This start.
    pub run: RunId,
    /// For mails.
    pub graph: Graph,
    /// For the mails of weeks and months.
    pub report: MakeReport,
    /// Of which those tell, as configured now.
    pub targets: Vec<Target>,
    /// For people.
    pub on_trouble: OnTrouble,
    /// Whether the monitor turns: only then is the dead man told that it lives.
    pub is_alive: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Makes the way with a key as configured; `None`: it is configured no longer.
type Carriers = Box<dyn Fn(&str, &Alerts) -> Option<Carrier> + Send + Sync>;

/// What every thread here knows.
struct Shared {
    clock: Arc<dyn Clock + Sync>,
    store: StoreHandle,
    vantage: String,
    run: RunId,
    graph: Graph,
    report: MakeReport,
    targets: Mutex<Vec<Target>>,
    on_trouble: OnTrouble,
    plan: Mutex<Plan>,
    carriers: Carriers,
    attempts: Attempts,
    /// How often somebody asked for an attempt at once.
    nudges: AtomicU64,
    /// By way: the newest nudge that was followed to its end.
    followed: Mutex<BTreeMap<String, u64>>,
    /// Told whenever `followed` changes.
    turned: Condvar,
}

/// As configured now.
struct Plan {
    alerts: Alerts,
    head: Letterhead,
}

impl Shared {
    fn new(options: NotifyOptions, alerts: &Alerts, head: Letterhead, carriers: Carriers) -> Self {
        Self {
            clock: options.clock,
            store: options.store,
            vantage: options.vantage,
            run: options.run,
            graph: options.graph,
            report: options.report,
            targets: Mutex::new(options.targets),
            on_trouble: options.on_trouble,
            plan: Mutex::new(Plan {
                alerts: alerts.clone(),
                head,
            }),
            carriers,
            attempts: Attempts::default(),
            nudges: AtomicU64::new(0),
            followed: Mutex::default(),
            turned: Condvar::new(),
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        // Replaced as a whole: nothing in it is ever half done.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn followed(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        // As above.
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn routes(&self) -> Routes {
        Routes::of(&self.plan().alerts)
    }

    fn targets(&self) -> MutexGuard<'_, Vec<Target>> {
        // As above.
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A report of what is stored now.
    fn made(&self, order: &Order) -> Result<Made, String> {
        let (targets, head) = (self.targets().clone(), self.plan().head.clone());
        (self.report)(order, &targets, &head)
    }

    /// What the store must keep so that this destination is told.
    fn letter(&self, destination: &str, name: &str, made: WallTime, content: &Content) -> NewLetter {
        NewLetter {
            message_id: self.routes().message_id(&self.vantage, name, destination),
            destination: destination.to_owned(),
            made,
            notification: shape::write_content(content),
        }
    }

    /// The way with this key as configured now; `None`: it is configured no longer.
    fn carrier(&self, way: &str) -> Option<Carrier> {
        (self.carriers)(way, &self.plan().alerts)
    }
}

/// The way to everybody who is told. Clones go to the same threads, which end with the last one.
#[derive(Clone)]
pub(crate) struct Notify {
    shared: Arc<Shared>,
    ways: Arc<Mutex<BTreeMap<String, SyncSender<()>>>>,
    dead_man: Arc<DeadMan>,
}

impl Notify {
    /// Begins to deliver, also what waits from an earlier run.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub(crate) fn start(options: NotifyOptions, alerts: &Alerts, head: Letterhead) -> io::Result<Self> {
        let is_alive = Arc::clone(&options.is_alive);
        let dead_man = DeadMan::start(Arc::clone(&options.clock), is_alive)?;
        let notify = Self {
            shared: Arc::new(Shared::new(options, alerts, head, Box::new(Carrier::of))),
            ways: Arc::default(),
            dead_man: Arc::new(dead_man),
        };
        notify.set_ways()?;
        Ok(notify)
    }

    /// From now on as these settings say. What waits goes out by them too.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread for a new way.
    pub(crate) fn follow(&self, alerts: &Alerts, head: Letterhead) -> io::Result<()> {
        *self.shared.plan() = Plan {
            alerts: alerts.clone(),
            head,
        };
        self.set_ways()?;
        // A new password or server is a reason to try at once.
        self.nudge();
        Ok(())
    }

    /// A thread for each way that has none yet. One whose way is configured no longer waits for it to come back.
    fn set_ways(&self) -> io::Result<()> {
        let alerts = self.shared.plan().alerts.clone();
        credentials::warnings(&alerts)
            .iter()
            .for_each(|warning| tracing::warn!(target: "notify", "{warning}"));
        self.dead_man.follow(&alerts.dead_man);
        let mut ways = self.ways();
        for way in Routes::of(&alerts).threads() {
            if ways.contains_key(&way) {
                continue;
            }
            let (bell, rung) = sync_channel(1);
            let mut worker = Worker::new(Arc::clone(&self.shared), way.clone());
            thread::Builder::new()
                .name(format!("notify-{}", way.replace("webhook:", "hook-")))
                .spawn(move || {
                    if worker.way() == route::REPORT {
                        // Nobody waits for it.
                        privilege::background();
                    }
                    worker.run(&rung);
                })?;
            ways.insert(way, bell);
        }
        Ok(())
    }

    /// From now on reports tell of these. Waits for nothing.
    pub(crate) fn follow_targets(&self, targets: Vec<Target>) {
        *self.shared.targets() = targets;
    }

    /// What the store must keep so that this notification reaches those it is for, and the rules remember that they
    /// told it. Call [`Notify::wake`] once the store has taken it.
    pub(crate) fn told(&self, notification: &Notification, snapshot: &Snapshot) -> StoreMessage {
        let content = Content::Alerts(Box::new(notification.clone()));
        // The run too: where what the rules remembered is lost their numbers begin anew, and an outbox takes no name twice.
        let name = format!("alert-{}-{}", self.shared.run.0, notification.serial);
        StoreMessage::Told(Box::new(Told {
            letters: self.letters(&notification.to, &name, notification.at, &content),
            snapshot: Some(shape::write_snapshot(snapshot)),
        }))
    }

    fn letters(&self, to: &[String], name: &str, made: WallTime, content: &Content) -> Vec<NewLetter> {
        let destinations = self.shared.routes().destinations(to);
        let letters = destinations
            .iter()
            .map(|destination| self.shared.letter(destination, name, made, content));
        letters.collect()
    }

    /// Something was told: look into the outbox. Waits for nothing.
    pub(crate) fn wake(&self) {
        for bell in self.ways().values() {
            // A bell that is already ringing is heard as well.
            let _ = bell.try_send(());
        }
    }

    /// The line is back, or a person asks: whatever waits is tried at once. Waits for nothing.
    pub(crate) fn nudge(&self) {
        self.shared.nudges.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    /// Destinations a person can send a test to: `email`, `webhook:1`.
    pub(crate) fn destinations(&self) -> Vec<String> {
        self.shared.routes().ways()
    }

    /// The monitor had been killed: everybody is told, once per interruption.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub(crate) fn interrupted(&self, from: WallTime, to: WallTime) -> Result<(), StoreError> {
        let name = format!("interrupted-{}", self.shared.run.0);
        let letters = self.letters(&[], &name, to, &Content::Interrupted { from, to });
        self.shared.store.tell(Told {
            letters,
            snapshot: None,
        })?;
        self.wake();
        Ok(())
    }

    /// What the Message-IDs of a run's farewell begin with, before a dot.
    pub(crate) fn farewell_name(run: RunId) -> String {
        format!("stopped-{}", run.0)
    }

    /// The monitor ends in order: everybody is told before it does, as far as that takes no longer than `limit`. What is
    /// not delivered by then is by the next start. True: nothing waits any more.
    pub(crate) fn farewell(&self, why: &str, limit: Duration) -> bool {
        if !self.shared.plan().alerts.exit_mail {
            return true;
        }
        let at = self.shared.clock.wall();
        let content = Content::Stopped {
            at,
            why: why.to_owned(),
        };
        let name = Self::farewell_name(self.shared.run);
        let letters = self.letters(&[], &name, at, &content);
        if letters.is_empty() {
            return true;
        }
        let told = self.shared.store.tell(Told {
            letters,
            snapshot: None,
        });
        if let Err(error) = told {
            tracing::warn!(target: "notify", "the exit mail is not sent: {error}");
            return false;
        }
        self.nudge();
        self.await_nudge(self.shared.nudges.load(Ordering::SeqCst), limit);
        self.shared
            .store
            .waiting_destinations()
            .is_ok_and(|waiting| waiting.is_empty())
    }

    /// The process ends at once: nothing begins to be sent any more, and what is being sent has so long to reach its end. Cut off
    /// there it might be told twice.
    pub(crate) fn end_at_once(&self, limit: Duration) {
        self.shared.attempts.close(limit);
    }

    /// Waits until every way has followed this nudge to its end.
    fn await_nudge(&self, nudge: u64, limit: Duration) {
        let ways = self.shared.routes().ways();
        let is_open = |followed: &mut BTreeMap<String, u64>| {
            ways.iter()
                .any(|way| followed.get(way).is_none_or(|newest| *newest < nudge))
        };
        // A panic elsewhere was told where it happened.
        drop(
            self.shared
                .turned
                .wait_timeout_while(self.shared.followed(), limit, is_open),
        );
    }

    fn ways(&self) -> MutexGuard<'_, BTreeMap<String, SyncSender<()>>> {
        // Only grows, one whole entry at a time.
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the password of the mail server is read from, never what it is; `None`: nowhere.
pub(crate) fn password_from(email: &crate::config::alerts::Email) -> Option<String> {
    credentials::password_from(email)
}

/// Tries to reach the mail server as a mail would, up to the login, and sends nothing; the server's words.
/// `None`: no mail is configured. For the `doctor`, which runs no monitor.
pub(crate) fn check_mail(alerts: &Alerts) -> Option<Result<String, String>> {
    match Carrier::of(route::EMAIL, alerts)? {
        Carrier::Mail(mailer) => Some(mailer.check()),
        Carrier::Webhook(_) => None,
    }
}

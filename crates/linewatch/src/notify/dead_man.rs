//! Tells a watcher outside that the monitor lives: a request to an address, again and again. When it stays away, that watcher alerts.
//!
//! Nothing but silence is the message: a failure here is logged once and tried again at the next turn.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use linewatch_core::port::Clock;

use crate::config::alerts::DeadMan as Wanted;

use super::pin::{self, Reach};

/// A watcher that needs longer than this is none.
const LIMIT: Duration = Duration::from_secs(10);

/// The thread "dead-man", which ends with this.
pub(super) struct DeadMan {
    wanted: Arc<Mutex<Option<Wanted>>>,
    bell: SyncSender<()>,
}

impl DeadMan {
    /// Nobody is told yet. `is_alive`: whether there is anything to tell.
    pub(super) fn start(
        clock: Arc<dyn Clock + Sync>,
        is_alive: Arc<dyn Fn() -> bool + Send + Sync>,
    ) -> io::Result<Self> {
        let wanted = Arc::<Mutex<Option<Wanted>>>::default();
        let (bell, rung) = sync_channel(1);
        let asked = Arc::clone(&wanted);
        thread::Builder::new()
            .name("dead-man".to_owned())
            .spawn(move || turn(&*clock, &*is_alive, &asked, &rung))?;
        Ok(Self { wanted, bell })
    }

    /// From now on to this address.
    pub(super) fn follow(&self, dead_man: &Wanted) {
        let next = (!dead_man.url.reveal().is_empty()).then(|| dead_man.clone());
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if *wanted != next {
            *wanted = next;
            // A bell that is already ringing is heard as well.
            let _ = self.bell.try_send(());
        }
    }
}

fn turn(clock: &dyn Clock, is_alive: &dyn Fn() -> bool, asked: &Mutex<Option<Wanted>>, rung: &Receiver<()>) {
    let mut is_failing = false;
    loop {
        let wanted = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(dead_man) = wanted else {
            match rung.recv() {
                Ok(()) => continue,
                Err(_) => return,
            }
        };
        let next_at = clock.mono().plus(dead_man.every);
        if is_alive() {
            let told = tell(&dead_man);
            match &told {
                Err(words) if !is_failing => {
                    tracing::warn!(target: "notify", "the dead man's address does not answer: {words}");
                }
                Ok(()) if is_failing => {
                    tracing::info!(target: "notify", "the dead man's address answers again")
                }
                Ok(()) | Err(_) => {}
            }
            is_failing = told.is_err();
        }
        match rung.recv_timeout(next_at.since(clock.mono())) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Watchers often stand in the own network, hence no permission is asked for it.
fn tell(dead_man: &Wanted) -> Result<(), String> {
    let agent = pin::agent(Reach::Private, LIMIT.min(dead_man.every));
    match agent.get(dead_man.url.reveal()).call() {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it says {}", answer.status().as_u16())),
        // The url is a key, and stays out of the words.
        Err(ureq::Error::Io(error)) => Err(error.to_string()),
        Err(ureq::Error::Timeout(_)) => Err("no answer in time".to_owned()),
        Err(_) => Err("no connection".to_owned()),
    }
}

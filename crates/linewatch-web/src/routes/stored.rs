//! Keeps the list of every series that was ever stored for a second: most questions to the history begin with it.
//!
//! Of 10,000 targets it is 1 MB and some milliseconds of the database. A series that is younger than the copy is still found:
//! the live view knows all that are measured (`history::series_named`).

use std::sync::Arc;

use linewatch_core::limits::EVALUATE_EVERY;
use linewatch_core::port::StoredTarget;
use linewatch_core::time::MonoTime;
use tokio::sync::Mutex;

use super::App;
use crate::respond::Refusal;

/// The newest copy, and when it was asked for. Locked while it is asked for anew: who comes meanwhile gets the same.
#[derive(Debug, Default)]
pub(crate) struct StoredSeries(Mutex<Option<(MonoTime, Arc<[StoredTarget]>)>>);

impl App {
    /// Every series that was ever stored, as of a second ago at most.
    pub(crate) async fn stored(&self) -> Result<Arc<[StoredTarget]>, Refusal> {
        let mut kept = self.stored.0.lock().await;
        let now = self.clock.mono();
        if let Some((at, stored)) = kept.as_ref()
            && now.since(*at) < EVALUATE_EVERY
        {
            return Ok(Arc::clone(stored));
        }
        let stored: Arc<[StoredTarget]> = self.ask_history(|history| history.targets()).await?.into();
        *kept = Some((now, Arc::clone(&stored)));
        Ok(stored)
    }
}

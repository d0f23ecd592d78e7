//! Runs the page's server: a small runtime on a thread of its own, and the way of its changes to the control thread.
//!
//! Async begins behind this file and nowhere else. Not here: what is served (`linewatch_web`), what a change does (`control`).

use std::sync::{Arc, mpsc};
use std::thread;

use anyhow::{Context as _, Result};
use linewatch_core::port::{Clock, History};
use linewatch_web::{Hub, ServerOptions};

use crate::control::Input;

/// The web server on its own small runtime.
pub(crate) struct Server {
    stop: tokio::sync::oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Server {
    /// Serves from now on; changes asked for on the page go to `inputs`.
    pub(crate) fn start<C: Clock + Sync + 'static>(
        options: ServerOptions,
        hub: &Hub,
        history: Arc<dyn History>,
        clock: C,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Self> {
        // One worker serves a page; more are needed only by many browsers, and each costs memory.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(8)
            .thread_name("web")
            .enable_all()
            .build()
            .context("cannot start the web server's runtime")?;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (changes, mut asked) = tokio::sync::mpsc::channel(16);
        let hub = hub.clone();
        let serve = async move {
            tokio::spawn(async move {
                while let Some(request) = asked.recv().await {
                    if inputs.send(Input::Change(Box::new(request))).is_err() {
                        break;
                    }
                }
            });
            let until = async move { drop(stopped.await) };
            if let Err(error) =
                linewatch_web::serve(options, hub, history, changes, Arc::new(clock), until).await
            {
                tracing::error!("the page is not served: {error}");
            }
        };
        let thread = thread::Builder::new()
            .name("web-main".to_owned())
            .spawn(move || runtime.block_on(serve))?;
        Ok(Self { stop, thread })
    }

    /// Ends in order, within 2 s.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

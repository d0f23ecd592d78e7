//! Serves one browser's WebSocket: hello, frames at its own pace, heartbeat, good-bye.
//!
//! The browser's queue is its place in the ring, so it costs nothing and can hold up nobody. Sending waits
//! for the browser; nothing else waits for the sending.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use linewatch_core::limits::{
    ANSWER_TIME, LIVE_CLIENT_EVICT, LIVE_CLIENT_RESET, LIVE_DETAILS, LIVE_HEARTBEAT, OVERVIEW_ROWS,
};
use linewatch_core::port::Clock;
use linewatch_core::time::MonoTime;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::encode::{self, Filter, text};
use super::ring::{Body, Frame, Step};
use super::socket::{Gone, Heard, Opening, Receiver, Sender, pieces};
use super::state::about_a_second;
use super::{Hub, keys_of};
use crate::api::{
    ClientMessage, DetailMessage, HeartbeatMessage, Resume, Selection, Subscription, TargetDetail,
    WelcomeMessage,
};
use crate::fleet::FleetQuery;
use crate::selection::{Asked, selected};
use crate::server::stopped;

/// A second is plenty for a frame; a browser that takes nothing is not waited for.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a session ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The browser went, or takes nothing any more.
    Gone,
    /// It said something we do not speak.
    Nonsense(String),
    /// We are shutting down.
    Stopping,
    /// It is signed out, and looking needs a password.
    SignedOut,
}

/// What a session needs besides its socket.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) hub: Hub,
    pub(crate) clock: Arc<dyn Clock + Sync>,
    /// Becomes true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Whether the browser may go on looking: its session or token may have ended.
    pub(crate) may_look: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// One browser.
struct Session {
    around: Surroundings,
    sender: Sender,
    subscription: Subscription,
    filter: Filter,
    /// The newest frame it has.
    seq: u64,
    /// Resuming, until it has everything or this long: then it is judged like any other.
    catching_up_since: Option<MonoTime>,
    is_paused: bool,
    details_at: Option<MonoTime>,
}

/// Talks with one browser until either side ends it.
pub(crate) async fn run(opening: Opening, around: Surroundings) {
    let Some((sender, mut receiver)) = opening.open().await else {
        return;
    };
    let counters_of = around.hub.clone();
    counters_of.counters().clients.fetch_add(1, Ordering::Relaxed);
    let mut session = Session {
        around,
        sender,
        subscription: Subscription {
            targets: Selection::Some(Vec::new()),
            detail: Vec::new(),
            events: false,
        },
        filter: Filter::default(),
        seq: 0,
        catching_up_since: None,
        is_paused: false,
        details_at: None,
    };
    let end = session.talk(&mut receiver).await.err().unwrap_or(End::Gone);
    session.close(end).await;
    counters_of.counters().clients.fetch_sub(1, Ordering::Relaxed);
}

impl Session {
    async fn talk(&mut self, receiver: &mut Receiver) -> Result<(), End> {
        let mut newest = self.around.hub.watch();
        let mut stopping = self.around.stopping.clone();
        let hello = tokio::select! {
            hello = tokio::time::timeout(ANSWER_TIME, next_message(receiver)) => hello.map_err(|_| End::Gone)??,
            () = stopped(&mut stopping) => return Err(End::Stopping),
        };
        let ClientMessage::Hello { v: 1, resume, sub } = hello else {
            return Err(End::Nonsense(
                "the first message must be a hello of version 1".to_owned(),
            ));
        };
        self.welcome(resume, sub).await?;
        let mut heartbeat = tokio::time::interval(LIVE_HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        heartbeat.reset();
        loop {
            // A browser that is always behind is heard all the same, between two steps.
            while !self.advance().await? {
                if let Some(message) = next_message(receiver).now_or_never() {
                    self.obey(message?)?;
                }
            }
            tokio::select! {
                message = next_message(receiver) => self.obey(message?)?,
                changed = newest.changed() => changed.map_err(|_| End::Stopping)?,
                _ = heartbeat.tick() => self.beat().await?,
                () = stopped(&mut stopping) => return Err(End::Stopping),
            }
        }
    }

    /// Continues where the browser was, or begins with the state as of now.
    async fn welcome(&mut self, resume: Option<Resume>, subscription: Subscription) -> Result<(), End> {
        self.subscribe(subscription);
        let is_resuming = resume.is_some();
        let resumed = resume.filter(|resume| {
            resume.epoch == self.around.hub.options().epoch
                && self.around.hub.state().ring.reaches_back_to(resume.seq)
        });
        match resumed {
            Some(resume) => {
                self.seq = resume.seq;
                let now = self.around.clock.anchor();
                self.catching_up_since = Some(now.mono);
                let message = {
                    let state = self.around.hub.state();
                    let mut standing = self.around.hub.standing(&state, now);
                    standing.seq = resume.seq;
                    text(&WelcomeMessage::new(standing, false, Vec::new()))
                };
                self.send(message).await
            }
            None => self.begin(is_resuming).await,
        }
    }

    /// Sends the state as of now; what comes after follows.
    async fn begin(&mut self, reset: bool) -> Result<(), End> {
        let message = {
            let hub = &self.around.hub;
            let now = self.around.clock.anchor();
            let mut state = hub.state();
            let fleet = selected(&mut state, Asked::new(&FleetQuery::default(), None, None));
            let wanted = fleet.keys.iter().filter(|key| self.filter.wants(**key));
            let rows = wanted
                .filter_map(|key| state.member_of(*key))
                .take(OVERVIEW_ROWS)
                .map(|member| hub.row(&state, member, now))
                .collect();
            let standing = hub.standing(&state, now);
            self.seq = standing.seq;
            text(&WelcomeMessage::new(standing, reset, rows))
        };
        self.catching_up_since = None;
        self.send(message).await
    }

    fn subscribe(&mut self, mut subscription: Subscription) {
        subscription.detail.truncate(LIVE_DETAILS);
        self.subscription = subscription;
        self.details_at = None;
        self.resolve();
    }

    /// Slugs to keys; again after every change of the targets.
    fn resolve(&mut self) {
        let keys = keys_of(&self.around.hub.state(), &self.subscription.targets);
        self.filter = Filter {
            keys,
            has_events: self.subscription.events,
        };
    }

    fn obey(&mut self, message: ClientMessage) -> Result<(), End> {
        match message {
            ClientMessage::Sub { sub } => {
                if self.is_paused {
                    self.is_paused = false;
                    self.catching_up_since = Some(self.around.clock.mono());
                }
                self.subscribe(sub);
            }
            ClientMessage::Pause => self.is_paused = true,
            // TCP tells how far a browser is behind; the number serves its own bookkeeping.
            ClientMessage::Ack { seq } if seq <= self.seq => {}
            ClientMessage::Ack { seq } => {
                return Err(End::Nonsense(format!(
                    "seq {seq} was never sent on this connection"
                )));
            }
            ClientMessage::Hello { .. } => return Err(End::Nonsense("a second hello".to_owned())),
        }
        Ok(())
    }

    /// Sends the next of what is new, at the browser's pace; true when there is nothing more to send.
    async fn advance(&mut self) -> Result<bool, End> {
        if self.is_paused {
            return Ok(true);
        }
        match self.next_step() {
            Step::Idle => {
                self.catching_up_since = None;
                self.tell_details().await?;
                return Ok(true);
            }
            Step::Frames(frames) => self.send_frames(&frames).await?,
            Step::Merged(frames) => {
                self.around.hub.counters().merged.fetch_add(1, Ordering::Relaxed);
                self.resolve();
                for message in encode::merged(&frames, &self.filter) {
                    self.send(message).await?;
                }
                self.seq = frames.last().map_or(self.seq, |frame| frame.seq);
            }
            Step::Reset => {
                self.around.hub.counters().reset.fetch_add(1, Ordering::Relaxed);
                self.resolve();
                self.begin(true).await?;
            }
        }
        Ok(false)
    }

    async fn send_frames(&mut self, frames: &[Arc<Frame>]) -> Result<(), End> {
        for frame in frames {
            if matches!(frame.body, Body::Config) {
                self.resolve();
            }
            if let Some(message) = encode::frame(frame, &self.filter) {
                self.send(message).await?;
            }
            self.seq = frame.seq;
        }
        Ok(())
    }

    fn next_step(&self) -> Step {
        let now = self.around.clock.mono();
        let is_catching_up = self
            .catching_up_since
            .is_some_and(|since| now.since(since) <= LIVE_CLIENT_RESET);
        self.around.hub.state().ring.step(self.seq, is_catching_up)
    }

    /// Once a second, every figure of the targets asked for.
    async fn tell_details(&mut self) -> Result<(), End> {
        let now = self.around.clock.mono();
        let is_due = self.details_at.is_none_or(|at| now.since(at) >= about_a_second());
        if !is_due || self.subscription.detail.is_empty() {
            return Ok(());
        }
        self.details_at = Some(now);
        let details: Vec<TargetDetail> = {
            let state = self.around.hub.state();
            let views = self
                .subscription
                .detail
                .iter()
                .filter_map(|id| state.member(id)?.view);
            views.map(TargetDetail::from).collect()
        };
        for detail in details {
            self.send(text(&DetailMessage::new(self.seq, detail))).await?;
        }
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), End> {
        let now = self.around.clock.wall().as_millis();
        self.send(text(&HeartbeatMessage::new(self.seq, now))).await
    }

    /// Sends a message whole, each piece of it at the browser's pace.
    async fn send(&mut self, message: String) -> Result<(), End> {
        let mut stopping = self.around.stopping.clone();
        for piece in pieces(message) {
            // A browser that takes its time must not look on for all that time once it is signed out.
            if !(self.around.may_look)() {
                return Err(End::SignedOut);
            }
            tokio::select! {
                sent = self.sender.piece(piece, LIVE_CLIENT_EVICT) => sent?,
                () = stopped(&mut stopping) => return Err(End::Stopping),
            }
        }
        Ok(())
    }

    async fn close(mut self, end: End) {
        let (code, reason) = match end {
            End::Gone => return,
            End::Nonsense(reason) => (CloseCode::Policy, reason),
            End::SignedOut => (CloseCode::Policy, "signed out".to_owned()),
            End::Stopping => (CloseCode::Away, "linewatch is stopping".to_owned()),
        };
        self.sender.close(code, &reason, FAREWELL).await;
    }
}

impl From<Gone> for End {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

/// The next thing the browser says.
async fn next_message(receiver: &mut Receiver) -> Result<ClientMessage, End> {
    match receiver.next().await? {
        Heard::Text(text) => serde_json::from_str(&text)
            .map_err(|error| End::Nonsense(format!("not a message of linewatch.v1: {error}"))),
        Heard::Binary => Err(End::Nonsense("messages are text".to_owned())),
    }
}

//! The full-screen view of `linewatch watch`: turns it while probes come in, and does what its keys ask for.
//!
//! One thread does everything: it sleeps in the wait for keys, so that an idle view costs next to nothing. A name that was
//! typed is looked up on a thread of its own. Not here: how it looks (`term`).

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use linewatch_core::limits;
use linewatch_core::port::Clock as _;
use linewatch_core::record::RecordBatch;
use linewatch_core::spec::TargetSpec;
use linewatch_core::target::{Address, Method, Target, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::engine::{Engine, EngineRefusal};
use linewatch_render::text::printable;

use super::target_spec;
use super::watch::{Plan, address_of, engine_target, target_of};
use super::watch_view::View;
use crate::exit::{Exit, UserError};
use crate::method::FALLBACK_PORT;
use crate::say::Reader;
use crate::signals::Order;
use crate::term::{self, Action, Link, Look, Screen, Ui};

/// How long keys are waited for before the queue of probes is looked at again: it holds far more than that.
const WAIT: Duration = Duration::from_millis(50);

/// What a typed target has become.
struct Found {
    spec: TargetSpec,
    address: Result<Address, UserError>,
    /// It takes the place of this one.
    instead_of: Option<TargetId>,
}

/// A view of a running engine.
pub(super) struct Session<'a> {
    plan: &'a Plan,
    engine: &'a Engine,
    targets: Vec<(Target, Address)>,
    /// Probes of each target, where they are limited.
    count: Option<u64>,
    clock: SystemClock,
}

/// Where probes and orders come from, and when it is over by itself.
pub(super) struct Feed<'a> {
    pub batches: &'a Receiver<Arc<RecordBatch>>,
    pub orders: &'a Receiver<Order>,
    pub end_at: MonoTime,
}

/// Takes the terminal.
///
/// # Errors
///
/// When it cannot be switched.
pub(super) fn open(clock: SystemClock, look: Look, ui: Ui) -> Result<Screen, UserError> {
    Screen::open(clock, look, ui).map_err(|error| {
        UserError::failed(format!("cannot open the terminal: {error}"))
            .help("`--plain` writes lines instead, on any terminal and into a pipe")
    })
}

impl<'a> Session<'a> {
    /// A view of these targets, which the engine probes already.
    pub(super) const fn new(
        plan: &'a Plan,
        engine: &'a Engine,
        targets: Vec<(Target, Address)>,
        count: Option<u64>,
        clock: SystemClock,
    ) -> Self {
        Self {
            plan,
            engine,
            targets,
            count,
            clock,
        }
    }

    /// Shows what comes until it is over.
    pub(super) fn follow(&mut self, view: &mut View, screen: &mut Screen, feed: &Feed<'_>) -> Reader {
        let (tell, found) = mpsc::channel();
        let mut tick_at = self.clock.mono();
        loop {
            for batch in feed.batches.try_iter() {
                view.take(&batch);
                screen.touch();
            }
            while let Ok(found) = found.try_recv() {
                self.take_in(found, view, screen);
            }
            // Statistics are what is on the screen.
            if let Ok(Order::Stop(_) | Order::Hangup) = feed.orders.try_recv() {
                return Reader::There;
            }
            let now = self.clock.mono();
            if now >= tick_at {
                tick_at = tick_at.plus(limits::EVALUATE_EVERY).max(now);
                view.tick(self.clock.anchor());
                screen.touch();
            }
            if now >= feed.end_at || view.is_complete() {
                return Reader::There;
            }
            let Ok(actions) = screen.turn(view.fleet(), WAIT) else {
                return Reader::Gone;
            };
            for action in actions {
                match action {
                    Action::Quit => return Reader::There,
                    Action::Suspend => {}
                    Action::Toggle(key) => self.toggle(TargetId(key), view, screen),
                    Action::Add(text) => Self::look_up(&text, None, &tell, screen),
                    Action::Replace(key, text) => {
                        Self::look_up(&text, Some(TargetId(key)), &tell, screen);
                    }
                }
            }
        }
    }

    fn toggle(&mut self, id: TargetId, view: &mut View, screen: &mut Screen) {
        let Some((target, _)) = self.targets.iter_mut().find(|(target, _)| target.id == id) else {
            return;
        };
        target.is_enabled = !target.is_enabled;
        if target.is_enabled {
            self.engine.resume(id);
        } else {
            self.engine.pause(id);
        }
        view.set_target(target, self.clock.anchor());
        screen.touch();
    }

    /// Asks for the address of what was typed.
    fn look_up(text: &str, instead_of: Option<TargetId>, tell: &Sender<Found>, screen: &mut Screen) {
        let now = screen.now();
        let spec = match target_spec(text) {
            Ok(spec) => spec,
            Err(error) => return screen.ui.say(one_line(&error), now),
        };
        let tell = tell.clone();
        let asking = std::thread::Builder::new()
            .name("look-up".to_owned())
            .spawn(move || {
                let address = address_of(&spec.host);
                // The view may have been closed meanwhile.
                let _ = tell.send(Found {
                    spec,
                    address,
                    instead_of,
                });
            });
        match asking {
            Ok(_) => screen.ui.say(format!("{}…", printable(text)), now),
            Err(error) => screen
                .ui
                .say(format!("cannot look up {}: {error}", printable(text)), now),
        }
    }

    fn take_in(&mut self, found: Found, view: &mut View, screen: &mut Screen) {
        let now = screen.now();
        let instead_of = found.instead_of;
        match self.begin(found) {
            Ok(target) => {
                if let Some(old) = instead_of {
                    self.end(old, view);
                }
                screen.ui.say(target.name.clone(), now);
                view.set_target(&target, self.clock.anchor());
            }
            Err(error) => screen.ui.say(one_line(&error), now),
        }
        screen.touch();
    }

    /// Probes one more target.
    fn begin(&mut self, found: Found) -> Result<Target, UserError> {
        let Found { spec, address, .. } = found;
        let address = address?;
        let id = self
            .targets
            .iter()
            .map(|(target, _)| target.id.0)
            .max()
            .unwrap_or(0)
            + 1;
        let mut target = target_of(TargetId(id), &spec, spec.method_or_icmp(), self.plan);
        let is_known = |(other, _): &(Target, Address)| other.is_enabled && other.name == target.name;
        if self.targets.iter().any(is_known) {
            return Err(UserError::usage(format!(
                "target \"{}\" is there already",
                target.name
            )));
        }
        let set = |target: &Target| self.engine.set(engine_target(target, address, self.count));
        let mut result = set(&target);
        if spec.method.is_none() && matches!(result, Err(EngineRefusal::Ability(_))) {
            target.method = Method::TcpConnect { port: FALLBACK_PORT };
            result = set(&target);
        }
        result.map_err(|refusal| UserError::usage(format!("target \"{}\": {refusal}", target.name)))?;
        self.targets.push((target.clone(), address));
        Ok(target)
    }

    /// Does not probe one any more; the summary tells what there was.
    fn end(&mut self, id: TargetId, view: &mut View) {
        self.engine.remove(id);
        if let Some((target, _)) = self.targets.iter_mut().find(|(target, _)| target.id == id) {
            target.is_enabled = false;
            view.set_target(target, self.clock.anchor());
            view.hide(id);
        }
    }
}

/// Takes the last probes. A screen shows that it ends; a second q or Ctrl+C there ends at once.
pub(super) fn drain(view: &mut View, screen: Option<Screen>, batches: &Receiver<Arc<RecordBatch>>) {
    let Some(mut screen) = screen else {
        while let Ok(batch) = batches.recv() {
            view.take(&batch);
        }
        return;
    };
    view.set_link(Link::Stopping);
    screen.touch();
    loop {
        match batches.recv_timeout(WAIT) {
            Ok(batch) => {
                view.take(&batch);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        let actions = screen.turn(view.fleet(), Duration::ZERO).unwrap_or_default();
        if actions.contains(&Action::Quit) {
            term::restore();
            std::process::exit(Exit::SecondInterrupt as i32);
        }
    }
}

/// The sentence of an error with what to do, for the foot.
fn one_line(error: &UserError) -> String {
    let first = error.message.lines().next().unwrap_or_default();
    match &error.help {
        Some(help) => format!("{first}; {}", help.lines().next().unwrap_or_default()),
        None => first.to_owned(),
    }
}

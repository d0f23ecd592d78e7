//! `linewatch attach`: the terminal view of `watch` over a running monitor, which goes on when the view is closed.
//!
//! Nothing is measured here: rows, events and probes are those of the monitor's API. What keys change (start, stop, add, other
//! address) is asked of the monitor, which may refuse. Into a pipe the table is written once. Not here: the connection
//! (`attach_monitor`), the shapes of the API (`attach_shapes`).

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

use anyhow::{Context as _, Result};
use linewatch_core::port::Clock as _;
use linewatch_core::time::WallTime;
use linewatch_core::view::State;
use linewatch_probe::clock::SystemClock;
use serde_json::json;

use super::attach_monitor::{Asked, Monitor, News};
use super::attach_shapes::{self as shapes, Message};
use super::{Global, watch_screen};
use crate::exit::{Exit, UserError};
use crate::notify::read_secret;
use crate::say;
use crate::signals::{self, Order};
use crate::term::{self, Action, Fleet, Link, Look, Screen, Terminal, Ui};

/// Where a monitor is unless something else is said (INTERFACE.md).
const DEFAULT_URL: &str = "127.0.0.1:5000";
/// The environment's way to name a token.
const TOKEN: &str = "LINEWATCH_TOKEN";
const MAKE_A_TOKEN: &str = "on the monitor's computer: linewatch admin token create --role viewer > FILE (operator and admin may also change), \
     here: linewatch attach --token-file FILE";
/// Messages that wait to be shown: 64 s of four a second.
const NEWS_QUEUE: usize = 256;
/// How long keys are waited for before news is looked at again.
const WAIT: Duration = Duration::from_millis(50);
/// Rows of the table that is left behind, the worst of a large fleet.
const SUMMARY_ROWS: usize = 20;
/// Events asked for at the start: more than a screen.
const EVENTS: usize = 100;

/// Options of `linewatch attach`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the monitor's page is, for example http://127.0.0.1:5000 [default: $LINEWATCH_LISTEN, else 127.0.0.1:5000]
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// File with a token, for a monitor that asks who is there [default: $LINEWATCH_TOKEN, else none]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Begin with one target, large
    #[arg(long)]
    hud: bool,
    /// Begin with several targets in one chart
    #[arg(long)]
    overlay: bool,
    /// Write the table once, as into a pipe, instead of the full-screen view
    #[arg(long, conflicts_with_all = ["hud", "overlay"])]
    plain: bool,
}

/// Does it.
///
/// # Errors
///
/// No URL, a file without a token, nobody there, a monitor that does not let us look, or something else than linewatch.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let from_environment = || {
        std::env::var("LINEWATCH_LISTEN")
            .ok()
            .filter(|url| !url.is_empty())
    };
    let url = args
        .url
        .clone()
        .or_else(from_environment)
        .unwrap_or_else(|| DEFAULT_URL.to_owned());
    let monitor = Monitor::at(&url, token(args.token_file.as_deref())?)?;
    let clock = SystemClock::start();
    let first = monitor.overview().map_err(|asked| not_attached(&url, &asked))?;
    let terminal = Terminal::of_environment(global.colour(), global.ascii);
    let look = Look::new(&terminal, global.language(), jiff::tz::TimeZone::system());
    let mut view = View::new(clock.anchor().wall);
    let resume = first.point();
    view.begin(first);
    if args.plain || !term::suits_a_screen(&terminal) {
        say::to_stdout(&term::text_of(
            &view.fleet,
            &look,
            term::text_columns(),
            usize::MAX,
        ));
        return Ok(Exit::Ok);
    }
    for event in monitor.events(EVENTS).unwrap_or_default() {
        view.fleet.note(event.into_line());
    }
    let (orders, heard) = mpsc::channel();
    let give = move |order| {
        // After the last turn nobody listens any more.
        let _ = orders.send(order);
    };
    signals::listen(give).context("cannot listen to signals")?;
    let (tell, news) = mpsc::sync_channel(NEWS_QUEUE);
    monitor
        .follow(resume, tell.clone())
        .context("cannot start the connection's thread")?;
    let mut screen = watch_screen::open(clock, look, Ui::new(args.hud, args.overlay))?;
    view.follow(&mut screen, &monitor, (&tell, &news), &heard);
    // The terminal is given back; what was seen last stays on it.
    let look = screen.into_look();
    say::to_stdout(&term::text_of(
        &view.fleet,
        &look,
        term::text_columns(),
        SUMMARY_ROWS,
    ));
    say::to_stdout(&format!("{}: {url}", look.words.goes_on));
    Ok(Exit::Ok)
}

/// The token to be sent. It has no option of its own: everybody on this computer can read the words of a command.
fn token(file: Option<&Path>) -> Result<Option<String>, UserError> {
    let Some(path) = file else {
        let named = std::env::var(TOKEN).unwrap_or_default();
        let token = named.trim();
        return Ok((!token.is_empty()).then(|| token.to_owned()));
    };
    read_secret(&path.display().to_string())
        .map(Some)
        .map_err(|why| UserError::failed(why).help(MAKE_A_TOKEN))
}

fn not_attached(url: &str, asked: &Asked) -> UserError {
    let help = match asked {
        Asked::Closed(_) => MAKE_A_TOKEN,
        Asked::Failed(_) => {
            "start a monitor with `linewatch serve`, or give the URL that it printed (\"Running on …\")"
        }
    };
    UserError::failed(format!("cannot attach to {url}: {asked}")).help(help)
}

/// What is shown of the monitor.
struct View {
    fleet: Fleet,
    /// The monitor's clock minus ours.
    ahead_ns: i64,
    wall: WallTime,
}

impl View {
    fn new(wall: WallTime) -> Self {
        Self {
            fleet: Fleet::default(),
            ahead_ns: 0,
            wall,
        }
    }

    /// Throws everything but the events away and begins from these rows.
    fn begin(&mut self, overview: shapes::Overview) {
        self.fleet.rows.clear();
        self.settle(overview);
    }

    /// The targets as they are now; those that stay keep their trail.
    fn settle(&mut self, overview: shapes::Overview) {
        self.set_clock(overview.now);
        let mut rows = Vec::with_capacity(overview.targets.len());
        for target in overview.targets {
            let known = self
                .fleet
                .row_mut(target.key)
                .map(|row| std::mem::take(&mut row.trail));
            rows.push(target.into_row(known));
        }
        self.fleet.rows = rows;
        self.fleet.link = Link::Live;
    }

    fn set_clock(&mut self, now_ms: i64) {
        let theirs = WallTime::from_nanos(now_ms.saturating_mul(1_000_000));
        self.ahead_ns = theirs.nanos_after(self.wall);
        self.tick(self.wall);
    }

    /// The monitor's clock at this moment of ours.
    fn tick(&mut self, wall: WallTime) {
        self.wall = wall;
        self.fleet.now = WallTime::from_nanos(wall.as_nanos().saturating_add(self.ahead_ns));
    }

    /// Shows what comes until the person leaves.
    fn follow(
        &mut self,
        screen: &mut Screen,
        monitor: &Monitor,
        (tell, news): (&SyncSender<News>, &Receiver<News>),
        orders: &Receiver<Order>,
    ) {
        loop {
            for news in news.try_iter() {
                self.take(news, screen);
                screen.touch();
            }
            if let Ok(Order::Stop(_) | Order::Hangup) = orders.try_recv() {
                return;
            }
            self.tick(screen.now());
            let Ok(actions) = screen.turn(&self.fleet, WAIT) else {
                return;
            };
            for action in actions {
                if action == Action::Quit {
                    return;
                }
                self.ask(action, monitor, tell, screen);
            }
        }
    }

    fn take(&mut self, news: News, screen: &mut Screen) {
        match news {
            News::Begin(overview) => self.begin(*overview),
            News::Settings(overview) => self.settle(*overview),
            News::Broken(why) => self.fleet.link = Link::Broken(why),
            News::Said(said) => {
                let text = said.err().unwrap_or_else(|| screen.words().done.to_owned());
                screen.ui.say(text, self.fleet.now);
            }
            News::Message(message) => {
                self.fleet.link = Link::Live;
                match *message {
                    Message::Welcome { now, .. } | Message::Hb { now } => self.set_clock(now),
                    Message::B(batch) => batch.show(&mut self.fleet),
                    Message::Sum { d, .. } => d.into_iter().for_each(|row| row.show(&mut self.fleet)),
                    Message::Ev { e, .. } => self.fleet.note(e.into_line()),
                    Message::Cfg { .. } | Message::Other => {}
                }
            }
        }
    }

    /// Hands a wish to the monitor.
    fn ask(&self, action: Action, monitor: &Monitor, tell: &SyncSender<News>, screen: &mut Screen) {
        let row = |key| self.fleet.row(key);
        let (method, path, body) = match &action {
            Action::Quit | Action::Suspend => return,
            Action::Toggle(key) => {
                let Some(row) = row(*key) else { return };
                let verb = if row.state == State::Paused {
                    "start"
                } else {
                    "stop"
                };
                ("POST", format!("/api/v1/targets/{}/{verb}", row.id), None)
            }
            Action::Add(text) => {
                let body = match text.split_once('=') {
                    Some((name, address)) => json!({"name": name.trim(), "address": address.trim()}),
                    None => json!({"address": text}),
                };
                ("POST", "/api/v1/targets".to_owned(), Some(body))
            }
            Action::Replace(key, text) => {
                let Some(row) = row(*key) else { return };
                let path = format!("/api/v1/targets/{}", row.id);
                ("PATCH", path, Some(json!({"address": text})))
            }
        };
        let asking = monitor.change(method, &path, body, tell.clone());
        let text = match asking {
            Ok(()) => screen.words().asked.to_owned(),
            Err(error) => format!("cannot ask: {error}"),
        };
        screen.ui.say(text, self.fleet.now);
        screen.touch();
    }
}

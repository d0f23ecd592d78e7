//! Accepts connections and speaks HTTP/1.1 on them, until told to stop.
//!
//! The accept loop is our own because it must outlive a lack of file descriptors: it backs off and comes back.
//! Bounds: connections in all and per peer, header bytes and time. Not here: what is answered (`routes`).

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use linewatch_core::limits::{
    HISTORY_QUERIES, HTTP_CONNECTIONS, HTTP_CONNECTIONS_PER_PEER, HTTP_HEADER_BYTES, HTTP_HEADER_TIME,
    LIVE_FRAME,
};
use linewatch_core::port::{Clock, History};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::assets::Assets;
use crate::auth::{Access, AccessRule, AdminFile};
use crate::control::{Change, ControlRequest, ControlSender};
use crate::guard::{Guard, Visit};
use crate::live::Hub;
use crate::past::PastCache;
use crate::routes::{self, App, Pictures, StoredSeries};
use crate::server_tls::Tls;
use crate::spare::Spare;

/// Pause after a failed accept: at first, and at most. Short enough to come back unnoticed, long enough not to spin.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long open connections may take to end when we stop; part of the 5 s of MEASURING.md "Signals and exit".
const FAREWELL: Duration = Duration::from_secs(2);
/// Said to who comes when all places are taken.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Said to who speaks HTTP where we speak TLS: his browser would show nothing but an error of its own.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: 55\r\n\r\n\
    this address speaks TLS: open it with https:// instead\n";
/// The first byte of every TLS connection: a handshake record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// How to serve.
#[derive(Debug)]
pub struct ServerOptions {
    /// Bound already, so that a busy port is reported before anything else starts.
    pub listeners: Vec<std::net::TcpListener>,
    /// `/`, or the path under which a proxy shows us.
    pub base_path: String,
    /// Names beside IP literals and `localhost`: the configured ones and this computer's own.
    pub allowed_hosts: Vec<String>,
    /// Who may do what.
    pub rule: AccessRule,
    /// Hashes of password and tokens.
    pub admin: AdminFile,
    /// Certificate and key; `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// Serve the page's files from here instead of from inside the program.
    pub web_dir: Option<PathBuf>,
    /// The page's language where a person has chosen none: `en`, `id`, or `auto` for the browser's.
    pub language: String,
}

/// Why serving could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener cannot be used.
    #[error("cannot serve on this socket: {0}")]
    Listener(#[from] io::Error),
    /// The base path is no path.
    #[error(
        "base_path \"{0}\" is not a path like \"/\" or \"/linewatch\": letters, digits and - . _ ~ between slashes"
    )]
    BasePath(String),
}

/// Serves the page, the API and the live connection until `shutdown` is ready; then ends in order within 2 s.
///
/// # Errors
///
/// When it cannot begin. Once it runs, nothing ends it but `shutdown`.
pub async fn serve(
    options: ServerOptions,
    hub: Hub,
    history: Arc<dyn History>,
    control: ControlSender,
    clock: Arc<dyn Clock + Sync>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let base = base_path(&options.base_path)?;
    let listeners = options
        .listeners
        .into_iter()
        .map(listen)
        .collect::<Result<Vec<_>, _>>()?;
    let port = listeners
        .first()
        .map_or(Ok(0), |listener| listener.local_addr().map(|addr| addr.port()))?;
    let access = Arc::new(Access::new(options.rule, options.admin, Arc::clone(&clock), port));
    let (stop, stopping) = watch::channel(false);
    let (alive, mut all_gone) = mpsc::channel(1);
    let app = Arc::new(App {
        hub: hub.clone(),
        history,
        history_slots: Arc::new(Semaphore::new(HISTORY_QUERIES)),
        backup_slot: Arc::new(Semaphore::new(1)),
        past: PastCache::default(),
        stored: StoredSeries::default(),
        pictures: Pictures::new(),
        control: control.clone(),
        clock: Arc::clone(&clock),
        assets: Assets::new(options.web_dir, &base, &options.language),
        guard: Guard::new(options.allowed_hosts),
        access: Arc::clone(&access),
        is_tls: options.tls.is_some(),
        base,
        stopping: stopping.clone(),
        alive: alive.clone(),
    });
    let places = Arc::new(Places::default());
    for listener in listeners {
        let door = Door {
            app: Arc::clone(&app),
            places: Arc::clone(&places),
            tls: options.tls.clone(),
            is_loopback: listener.local_addr()?.ip().to_canonical().is_loopback(),
            stopping: stopping.clone(),
        };
        tokio::spawn(accept(listener, door, alive.clone()));
    }
    drop((app, alive));
    tokio::select! {
        () = shutdown => {}
        () = cut_frames(&hub, clock.as_ref(), &access, &control) => {}
    }
    stop.send_replace(true);
    if tokio::time::timeout(FAREWELL, all_gone.recv()).await.is_err() {
        tracing::debug!("some connections did not end in time");
    }
    Ok(())
}

/// Four times a second, for ever.
async fn cut_frames(hub: &Hub, clock: &(dyn Clock + Sync), access: &Access, control: &ControlSender) {
    let mut turns = tokio::time::interval(LIVE_FRAME);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        turns.tick().await;
        hub.cut(clock.anchor());
        if let Some(message) = access.trouble() {
            tokio::spawn(tell(control.clone(), message));
        }
    }
}

/// An event about wrong passwords. The control thread may be busy; nobody waits for it but this task.
async fn tell(control: ControlSender, message: String) {
    let (reply, answered) = tokio::sync::oneshot::channel();
    let change = Change::LoginFailed(message);
    if control.send(ControlRequest { change, reply }).await.is_ok() {
        // Nothing can come of it but that the monitor is gone.
        drop(answered.await);
    }
}

/// `""` for the root, else with a slash before and none behind.
fn base_path(path: &str) -> Result<String, Error> {
    let inner = path.trim_matches('/');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let has_odd_segment = inner
        .split('/')
        .any(|segment| segment.is_empty() || segment.starts_with('.'));
    match inner {
        "" => Ok(String::new()),
        _ if !inner.bytes().all(is_plain) || has_odd_segment => Err(Error::BasePath(path.to_owned())),
        _ => Ok(format!("/{inner}")),
    }
}

fn listen(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// What a new connection needs.
#[derive(Clone)]
struct Door {
    app: Arc<App>,
    places: Arc<Places>,
    tls: Option<Tls>,
    /// Only this computer reaches it.
    is_loopback: bool,
    stopping: watch::Receiver<bool>,
}

async fn accept(listener: TcpListener, mut door: Door, alive: mpsc::Sender<()>) {
    let mut pause = ACCEPT_PAUSE.0;
    let mut spare = Spare::of(&listener);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut door.stopping) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = ACCEPT_PAUSE.0;
                admit(stream, peer, &door, &alive);
            }
            // The peer gave up before we came: its affair, and no reason to wait.
            Err(error) if is_of_peer(&error) => {}
            // No descriptors or no memory: who waits is told so. The pause also keeps the log short, and a crowd from having
            // all of our time.
            Err(error) => {
                let refused = spare.refuse_all(&listener).await;
                let pause_ms = pause.as_millis() as u64;
                tracing::warn!(%error, refused, pause_ms, "accept failed");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE.1);
            }
        }
    }
}

/// Ready when the server stops, or is gone already.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    let is_told = stopping.wait_for(|is_stopping| *is_stopping).await.is_ok();
    tracing::trace!(is_told, "stopping");
}

fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

fn admit(stream: TcpStream, peer: SocketAddr, door: &Door, alive: &mpsc::Sender<()>) {
    let Some(place) = Places::take(&door.places, peer.ip()) else {
        refuse(stream);
        return;
    };
    // Frames are small and wanted now.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let (door, alive) = (door.clone(), alive.clone());
    tokio::spawn(async move {
        converse(stream, peer.ip(), door, place).await;
        drop(alive);
    });
}

/// Says that there is no place, by attempts that cannot wait: who is refused must not cost anything. What was asked is taken
/// first, where it is there: closing over unread bytes resets a connection, and with some systems what was said on it.
pub(crate) fn refuse(stream: TcpStream) {
    // The runtime would have to be told first that it can be written.
    let told = stream.into_std().and_then(|mut stream| {
        let asked = stream.read(&mut [0; 4096]);
        tracing::trace!(?asked, "refused");
        stream.write(FULL)
    });
    if let Err(error) = told {
        tracing::debug!(%error, "refused without a word");
    }
}

/// One connection, until it ends or we do; first the handshake, where we speak TLS.
async fn converse(stream: TcpStream, peer: IpAddr, door: Door, place: Place) {
    let Some(tls) = &door.tls else {
        return speak_http(stream, peer, door, place).await;
    };
    let acceptor = tls.acceptor();
    let handshake = async move {
        let mut stream = stream;
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
            // What was sent is taken first: closing over unread bytes would reset the connection before the answer is read.
            let taken = stream.read(&mut [0; 4096]).await?;
            tracing::debug!(taken, "HTTP where we speak TLS");
            stream.try_write(SPEAK_TLS)?;
            return Err(io::Error::other("it does not speak TLS"));
        }
        acceptor.accept(stream).await
    };
    match tokio::time::timeout(HTTP_HEADER_TIME, handshake).await {
        Ok(Ok(stream)) => speak_http(stream, peer, door, place).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
        Err(_) => tracing::debug!("no TLS handshake in time"),
    }
}

async fn speak_http<S>(stream: S, peer: IpAddr, door: Door, place: Place)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Door {
        app,
        is_loopback,
        mut stopping,
        ..
    } = door;
    let place = Arc::new(place);
    let visit = Visit {
        peer,
        is_loopback_door: is_loopback,
    };
    let service = service_fn(move |mut request: Request<Incoming>| {
        // An upgraded connection outlives this one: it keeps the place through its request.
        request.extensions_mut().insert(Arc::clone(&place));
        let app = Arc::clone(&app);
        async move { Ok::<_, std::convert::Infallible>(routes::handle(app, visit, request.map(Body::new)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HTTP_HEADER_TIME)
        .max_header_size(HTTP_HEADER_BYTES)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

/// How many are here, in all and from each peer.
#[derive(Debug, Default)]
struct Places {
    taken: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    peer: IpAddr,
}

impl Places {
    /// A place, if there is one for this peer. This computer may have them all.
    fn take(places: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = taken.1.get(&peer).copied().unwrap_or(0);
        let is_crowding = !peer.is_loopback() && of_peer >= HTTP_CONNECTIONS_PER_PEER;
        if taken.0 >= HTTP_CONNECTIONS || is_crowding {
            return None;
        }
        taken.0 += 1;
        taken.1.insert(peer, of_peer + 1);
        Some(Place {
            places: Arc::clone(places),
            peer,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.0 -= 1;
        let left = taken.1.get(&self.peer).map_or(0, |of_peer| of_peer - 1);
        if left == 0 {
            taken.1.remove(&self.peer);
        } else {
            taken.1.insert(self.peer, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_plain_segments() {
        assert_eq!(base_path("/").ok().as_deref(), Some(""));
        assert_eq!(base_path("/line/watch/").ok().as_deref(), Some("/line/watch"));
        for bad in ["/a//b", "/../x", "/a b", "/%41", "/\"x"] {
            assert!(base_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_peer_cannot_take_every_place() {
        let places = Arc::new(Places::default());
        let other: IpAddr = [192, 0, 2, 1].into();
        let held: Vec<_> = std::iter::from_fn(|| Places::take(&places, other)).collect();
        assert_eq!(held.len(), HTTP_CONNECTIONS_PER_PEER);
        let ours: Vec<_> = std::iter::from_fn(|| Places::take(&places, [127, 0, 0, 1].into())).collect();
        assert_eq!(held.len() + ours.len(), HTTP_CONNECTIONS);
        drop(held);
        assert!(Places::take(&places, other).is_some());
    }
}

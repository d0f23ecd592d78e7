//! Speaks with a running monitor: its API by HTTP, its live connection by WebSocket (docs/websocket.md).
//!
//! One thread follows the live connection for the whole life of the view. It resumes where it was after a break; where the
//! monitor cannot (another start, too long ago), everything begins from a new overview. Every wait has an end.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use linewatch_core::limits::{LIVE_MESSAGE_BYTES, OVERVIEW_ROWS};
use linewatch_render::text::printable;
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{ClientRequestBuilder, Message as Frame, WebSocket};
use ureq::http::header::AUTHORIZATION;
use ureq::http::{HeaderValue, StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, RequestBuilder};

use super::attach_shapes::{Event, Events, Message, Overview};
use crate::exit::UserError;

/// An answer takes at most so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The monitor gives a sign of life every 5 s: three missed ones are a break.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Waits between attempts (UI.md 5).
const BACKOFF: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(10),
];
/// Bytes of an answer: 1,000 rows with their sparklines are a tenth of it.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;
/// The one subprotocol there is.
const SUBPROTOCOL: &str = "linewatch.v1";

/// What comes from the monitor.
pub(super) enum News {
    /// Everything anew.
    Begin(Box<Overview>),
    /// The targets changed.
    Settings(Box<Overview>),
    /// A message of the live connection.
    Message(Box<Message>),
    /// It is interrupted; a sentence.
    Broken(String),
    /// What came of a wish: nothing more to say, or why not.
    Said(Result<(), String>),
}

/// Why a question had no answer; a sentence each.
#[derive(Debug)]
pub(super) enum Asked {
    /// The monitor wants to know who asks, or does not know the token.
    Closed(String),
    Failed(String),
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Closed(why) | Self::Failed(why)) = self;
        f.write_str(why)
    }
}

/// A point of the live connection to go on from.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub epoch: String,
    pub seq: u64,
}

/// Where it is, and how it is asked.
#[derive(Clone)]
pub(super) struct Monitor {
    /// Without a final slash.
    base: String,
    uri: Uri,
    agent: Agent,
    /// `Bearer TOKEN`.
    bearer: Option<HeaderValue>,
}

impl Monitor {
    /// The monitor at a URL as a person writes it: `http://` may be left away. `token`: what every question carries.
    ///
    /// # Errors
    ///
    /// Something that is no such URL, or no token.
    pub(super) fn at(url: &str, token: Option<String>) -> Result<Self, UserError> {
        let whole = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let base = whole.trim_end_matches('/').to_owned();
        let uri: Option<Uri> = base.parse().ok();
        let is_web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        let Some(uri) = uri.filter(is_web) else {
            return Err(
                UserError::usage(format!("\"{}\" is not the address of a monitor", printable(url)))
                    .help("write it as in a browser, for example http://127.0.0.1:5000"),
            );
        };
        let bearer = token.map(|token| HeaderValue::try_from(format!("Bearer {token}")));
        let Ok(bearer) = bearer.transpose() else {
            return Err(
                UserError::usage("the token is none: it has signs that no header may have")
                    .help("take the line that `linewatch admin token create` printed"),
            );
        };
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_WITHIN))
            .user_agent(concat!("linewatch/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            base,
            uri,
            agent: Agent::new_with_config(config),
            bearer,
        })
    }

    /// All targets, worst first, with their last minute.
    ///
    /// # Errors
    ///
    /// A sentence.
    pub(super) fn overview(&self) -> Result<Overview, Asked> {
        self.get(&format!("/api/v1/overview?limit={OVERVIEW_ROWS}"))
    }

    /// The newest events.
    ///
    /// # Errors
    ///
    /// A sentence.
    pub(super) fn events(&self, limit: usize) -> Result<Vec<Event>, Asked> {
        let page: Events = self.get(&format!("/api/v1/events?limit={limit}"))?;
        Ok(page.rows)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Asked> {
        let question = known(
            self.agent.get(format!("{}{path}", self.base)),
            self.bearer.as_ref(),
        );
        let text = body_of(question.call())?;
        serde_json::from_str(&text)
            .map_err(|error| Asked::Failed(format!("that is no linewatch of this version: {error}")))
    }

    /// Asks for a change on a thread of its own and tells what came of it.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub(super) fn change(
        &self,
        method: &'static str,
        path: &str,
        body: Option<Value>,
        tell: SyncSender<News>,
    ) -> io::Result<()> {
        let (agent, bearer) = (self.agent.clone(), self.bearer.clone());
        let url = format!("{}{path}", self.base);
        let ask = move || {
            let question = match method {
                "PATCH" => agent.patch(&url),
                _ => agent.post(&url),
            };
            let question = known(question, bearer.as_ref());
            let answer = match body {
                Some(body) => question.content_type(JSON).send(body.to_string()),
                None => question.send_empty(),
            };
            let said = body_of(answer).map(drop).map_err(|asked| asked.to_string());
            // The view may have been closed meanwhile.
            let _ = tell.send(News::Said(said));
        };
        std::thread::Builder::new()
            .name("ask".to_owned())
            .spawn(ask)
            .map(drop)
    }

    /// Follows the live connection from `point` on until nobody takes its news any more.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub(super) fn follow(&self, point: Point, tell: SyncSender<News>) -> io::Result<()> {
        let monitor = self.clone();
        let follow = move || {
            let mut point = Some(point);
            let mut failures = 0;
            loop {
                let Err(end) = monitor.listen(&mut point, &tell, &mut failures);
                let told = match end {
                    End::Closed => return,
                    End::Reset => {
                        point = None;
                        continue;
                    }
                    End::Broken(why) => tell.send(News::Broken(why)),
                };
                if told.is_err() {
                    return;
                }
                std::thread::park_timeout(BACKOFF[failures.min(BACKOFF.len() - 1)]);
                failures += 1;
            }
        };
        std::thread::Builder::new()
            .name("live".to_owned())
            .spawn(follow)
            .map(drop)
    }

    /// One connection, to its end.
    fn listen(
        &self,
        point: &mut Option<Point>,
        tell: &SyncSender<News>,
        failures: &mut usize,
    ) -> Result<std::convert::Infallible, End> {
        let from = match point.clone() {
            Some(point) => point,
            None => {
                let overview = self.overview().map_err(broken_off)?;
                let from = overview.point();
                send(tell, News::Begin(Box::new(overview)))?;
                point.insert(from).clone()
            }
        };
        let mut socket = self.connect().map_err(End::Broken)?;
        let hello = json!({
            "t": "hello", "v": 1,
            "sub": {"targets": "*", "detail": [], "events": true},
            "resume": {"epoch": from.epoch, "seq": from.seq},
        });
        let broken = |error: tungstenite::Error| End::Broken(error.to_string());
        socket.send(Frame::text(hello.to_string())).map_err(broken)?;
        loop {
            let message: Message = match socket.read().map_err(broken)? {
                Frame::Text(text) => serde_json::from_str(&text)
                    .map_err(|error| End::Broken(format!("a message that is none: {error}")))?,
                Frame::Close(why) => {
                    let why = why.map(|why| why.reason.to_string()).unwrap_or_default();
                    return Err(End::Broken(format!("the monitor closed the connection: {why}")));
                }
                Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_) => continue,
            };
            match &message {
                Message::Welcome { reset: true, .. } => return Err(End::Reset),
                Message::Cfg { .. } => {
                    let overview = self.overview().map_err(broken_off)?;
                    send(tell, News::Settings(Box::new(overview)))?;
                }
                _ => {}
            }
            *failures = 0;
            if let (Some(point), Some(seq)) = (point.as_mut(), message.seq()) {
                point.seq = point.seq.max(seq);
            }
            send(tell, News::Message(Box::new(message)))?;
        }
    }

    fn connect(&self) -> Result<WebSocket<Line>, String> {
        let is_tls = self.uri.scheme_str() == Some("https");
        let host = self.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = self.uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let tcp = dial(host, port).map_err(|error| error.to_string())?;
        let line = if is_tls {
            Line::Tls(Box::new(secure(host, tcp)?))
        } else {
            Line::Plain(tcp)
        };
        let (_, rest) = self.base.split_once("://").unwrap_or_default();
        let scheme = if is_tls { "wss" } else { "ws" };
        let uri: Uri = format!("{scheme}://{rest}/api/v1/live")
            .parse()
            .map_err(|error| format!("{error}"))?;
        let mut request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
        if let Some(bearer) = self.bearer.as_ref().and_then(|bearer| bearer.to_str().ok()) {
            request = request.with_header("Authorization", bearer);
        }
        // What the monitor takes itself is 1 MB; a welcome of 1,000 rows is the largest it sends.
        let config = WebSocketConfig::default()
            .max_message_size(Some(LIVE_MESSAGE_BYTES * 16))
            .max_frame_size(Some(LIVE_MESSAGE_BYTES * 16));
        let (socket, _) = tungstenite::client::client_with_config(request, line, Some(config))
            .map_err(|error| error.to_string())?;
        Ok(socket)
    }
}

const JSON: &str = "application/json";

/// Why a connection ended.
enum End {
    /// Nobody takes the news any more.
    Closed,
    /// The monitor cannot go on from the point.
    Reset,
    /// A sentence.
    Broken(String),
}

fn send(tell: &SyncSender<News>, news: News) -> Result<(), End> {
    tell.send(news).map_err(|_| End::Closed)
}

fn broken_off(asked: Asked) -> End {
    End::Broken(asked.to_string())
}

/// The question with the token, if there is one.
fn known<B>(question: RequestBuilder<B>, bearer: Option<&HeaderValue>) -> RequestBuilder<B> {
    match bearer {
        Some(bearer) => question.header(AUTHORIZATION, bearer),
        None => question,
    }
}

/// What was answered, or a sentence: the monitor's own where it had one.
fn body_of(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<String, Asked> {
    let mut answer = answer.map_err(|error| {
        Asked::Failed(match error {
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::HostNotFound => "its name has no address".to_owned(),
            ureq::Error::Timeout(_) => "no answer in time".to_owned(),
            other => other.to_string(),
        })
    })?;
    let status = answer.status();
    let text = answer
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES)
        .read_to_string()
        .map_err(|error| Asked::Failed(error.to_string()))?;
    if status.is_success() {
        return Ok(text);
    }
    let said: Option<Value> = serde_json::from_str(&text).ok();
    let message = said.as_ref().and_then(|said| said["error"]["message"].as_str());
    let why = message.map_or_else(|| format!("the answer was {status}"), printable);
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Asked::Closed(why),
        _ => Asked::Failed(why),
    })
}

/// The first of a host's addresses that takes the connection.
fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, ANSWER_WITHIN) {
            Ok(tcp) => {
                tcp.set_read_timeout(Some(SILENCE_MAX))?;
                tcp.set_write_timeout(Some(ANSWER_WITHIN))?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn secure(
    host: &str,
    tcp: TcpStream,
) -> Result<rustls::StreamOwned<rustls::ClientConnection, TcpStream>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(|error| error.to_string())?
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let session = rustls::ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    Ok(rustls::StreamOwned::new(session, tcp))
}

/// A connection in the clear or inside TLS.
enum Line {
    Plain(TcpStream),
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_no_header_can_carry_is_refused_before_anything_is_sent() {
        let token = |token: &str| Monitor::at("127.0.0.1:5000", Some(token.to_owned()));
        assert!(token("lw_abc").is_ok_and(|monitor| monitor.bearer.is_some()));
        assert!(token("lw_abc\nHost: elsewhere").is_err());
    }

    #[test]
    fn a_monitor_is_found_by_what_a_browser_takes() {
        for (url, base) in [
            ("127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("http://[::1]:5000/", "http://[::1]:5000"),
            ("https://example.test/lw/", "https://example.test/lw"),
        ] {
            assert_eq!(
                Monitor::at(url, None).map(|monitor| monitor.base).ok().as_deref(),
                Some(base)
            );
        }
        for url in ["", "ftp://127.0.0.1", "http://", "a b"] {
            assert!(Monitor::at(url, None).is_err(), "{url}");
        }
    }
}

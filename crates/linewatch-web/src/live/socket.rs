//! A browser's WebSocket (RFC 6455): answers the handshake, sends a text in small pieces, reads messages.
//!
//! The library keeps the room of the longest frame it ever wrote for as long as the connection lives. A welcome is
//! 125 KB, so that 500 browsers would hold 60 MB for what they were sent once; a message in pieces leaves them a piece.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, Response, header, request};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use linewatch_core::limits::LIVE_MESSAGE_BYTES;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

/// The one subprotocol we speak.
const SUBPROTOCOL: &str = "linewatch.v1";
/// What is read from a browser at once: its messages are some hundred bytes. The library's 128 KB would be filled with
/// zeros whenever it is asked for more.
const READ_BYTES: usize = 4096;
/// A frame of a longer text.
const PIECE_BYTES: usize = 8192;
/// A close frame has room for 123 bytes of reason (RFC 6455, 5.5).
const REASON_BYTES: usize = 120;

/// Why a request does not become a WebSocket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    /// Its head lacks something.
    #[error("this address is a WebSocket: {0}")]
    Handshake(#[from] tungstenite::Error),
    /// It has come by something that cannot be upgraded.
    #[error("this address is a WebSocket: the connection cannot be upgraded")]
    Connection,
    /// It speaks something else.
    #[error("ask for the subprotocol {SUBPROTOCOL} (Sec-WebSocket-Protocol)")]
    Subprotocol,
}

/// What a request offers to speak, in its order (RFC 6455, 4.1): of all its headers of that name.
pub(crate) fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(str::trim)
}

/// A connection that becomes a WebSocket once its answer is sent.
#[derive(Debug)]
pub(crate) struct Opening(OnUpgrade);

impl Opening {
    /// Judges the request; what to answer, and the connection to be.
    ///
    /// # Errors
    ///
    /// [`NotOpened`], to be told to whoever asked.
    pub(crate) fn of(parts: &mut request::Parts) -> Result<(Response<()>, Self), NotOpened> {
        let connection = parts.extensions.remove::<OnUpgrade>();
        let mut answer = create_response(&Request::from_parts(parts.clone(), ()))?;
        if !subprotocols(&parts.headers).any(|name| name == SUBPROTOCOL) {
            return Err(NotOpened::Subprotocol);
        }
        answer.headers_mut().insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            header::HeaderValue::from_static(SUBPROTOCOL),
        );
        Ok((answer, Self(connection.ok_or(NotOpened::Connection)?)))
    }

    /// The connection; `None` when it went before it was one.
    pub(crate) async fn open(self) -> Option<(Sender, Receiver)> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(LIVE_MESSAGE_BYTES))
            .max_frame_size(Some(LIVE_MESSAGE_BYTES));
        let io = TokioIo::new(self.0.await.ok()?);
        let (sink, stream) = WebSocketStream::from_raw_socket(io, Role::Server, Some(config))
            .await
            .split();
        Some((Sender(sink), Receiver(stream)))
    }
}

type Io = WebSocketStream<TokioIo<Upgraded>>;

/// What we say.
pub(crate) struct Sender(SplitSink<Io, Message>);

/// One frame of a text.
pub(crate) struct Piece(Frame);

/// A text in the pieces in which it is sent, all of them or none: another text in between would become part of it.
pub(crate) fn pieces(text: String) -> impl Iterator<Item = Piece> {
    let mut rest = Some(Bytes::from(text));
    let mut kind = Data::Text;
    std::iter::from_fn(move || {
        let mut bytes = rest.take()?;
        let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
        let is_last = bytes.is_empty();
        let frame = Frame::message(piece, OpCode::Data(kind), is_last);
        kind = Data::Continue;
        rest = (!is_last).then_some(bytes);
        Some(Piece(frame))
    })
}

/// The browser is gone, or takes nothing any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Sender {
    /// Sends the next piece of a text, if it is taken within `patience`.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub(crate) async fn piece(&mut self, piece: Piece, patience: Duration) -> Result<(), Gone> {
        let sent = tokio::time::timeout(patience, self.0.send(Message::Frame(piece.0))).await;
        if matches!(sent, Ok(Ok(()))) {
            Ok(())
        } else {
            Err(Gone)
        }
    }

    /// Says why this is the end, if it is taken within `patience`.
    pub(crate) async fn close(&mut self, code: CloseCode, reason: &str, patience: Duration) {
        let reason: String = reason.chars().filter(char::is_ascii).take(REASON_BYTES).collect();
        let frame = Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        }));
        if tokio::time::timeout(patience, self.0.send(frame)).await.is_err() {
            tracing::debug!("a live connection took no farewell");
        }
    }
}

/// What the browser says.
pub(crate) struct Receiver(SplitStream<Io>);

/// A message of the browser.
#[derive(Debug)]
pub(crate) enum Heard {
    Text(String),
    Binary,
}

impl Receiver {
    /// The next message; control frames are answered below us.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub(crate) async fn next(&mut self) -> Result<Heard, Gone> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Heard::Text(text.as_str().to_owned())),
                Some(Ok(Message::Binary(_))) => return Ok(Heard::Binary),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
            }
        }
    }
}

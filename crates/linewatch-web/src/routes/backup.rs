//! The whole database as a file: copied first, then sent as fast as the asker takes it.
//!
//! One at a time, and only to who may change everything: it holds everything. A copy that nobody fetches is gone when
//! its connection is. Not here: copying (`linewatch_store`).

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use futures_util::stream;
use tokio::sync::mpsc;

use super::Call;
use crate::guard;
use crate::respond::{Answer, Refusal, answer};

/// Pieces between the disk and the socket: a quarter of a megabyte each.
const PIECES: usize = 4;

/// Copies and sends.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    // A page of another origin must not make us copy, even if it could not read the copy. A person who typed the
    // address may.
    let site = HeaderName::from_static("sec-fetch-site");
    let is_typed = call
        .parts
        .headers
        .get(&site)
        .is_some_and(|site| site.as_bytes() == b"none");
    if !is_typed {
        guard::check_origin(&call.parts.headers, call.app.is_tls)?;
    }
    // Nothing of ours has failed: there is one at a time.
    let busy = |_| {
        let message = "another backup is being fetched; try again when it is done";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "busy", message)
    };
    let slot = Arc::clone(&call.app.backup_slot)
        .try_acquire_owned()
        .map_err(busy)?;
    let history = Arc::clone(&call.app.history);
    let copying = tokio::task::spawn_blocking(move || history.backup());
    let copy = copying
        .await
        .map_err(|_| Refusal::unavailable("the copy was broken off; try again"))?
        .map_err(|error| Refusal::unavailable(error.to_string()))?;
    let name = format!(
        "attachment; filename=\"linewatch-{}.db\"",
        call.app.clock.wall().as_millis() / 1_000
    );
    let (send, receive) = mpsc::channel::<Result<Bytes, std::io::Error>>(PIECES);
    tokio::task::spawn_blocking(move || {
        // Held until the last piece is gone, or nobody wants more.
        let _slot = slot;
        for piece in copy.pieces {
            let piece = piece.map(Bytes::from).map_err(std::io::Error::other);
            if send.blocking_send(piece).is_err() {
                break;
            }
        }
    });
    let pieces = stream::unfold(receive, |mut receive| async move {
        receive.recv().await.map(|piece| (piece, receive))
    });
    let mut answer = answer(
        StatusCode::OK,
        "application/vnd.sqlite3",
        "no-store",
        Body::from_stream(pieces),
    );
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(copy.size_bytes));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(answer)
}

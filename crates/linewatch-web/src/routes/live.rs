//! Opens the live connection (docs/websocket.md).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use linewatch_core::limits::LIVE_MESSAGE_BYTES;

use super::Call;
use crate::live::session::{self, Surroundings};
use crate::respond::{Answer, Refusal};
use crate::server::Place;

/// The one subprotocol we speak.
const SUBPROTOCOL: &str = "linewatch.v1";

/// What is read from a browser at once: its messages are some hundred bytes. The library's 128 KB would be filled with
/// zeros whenever it is asked for more, and 500 browsers hold 64 MB of them.
const READ_BYTES: usize = 4096;

/// Upgrades to a WebSocket that speaks [`SUBPROTOCOL`].
pub(super) async fn upgrade(mut call: Call) -> Result<Answer, Refusal> {
    let place = call.parts.extensions.remove::<Arc<Place>>();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut call.parts, &())
        .await
        .map_err(|rejection| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "not_a_websocket",
                format!("this address is a WebSocket: {rejection}"),
            )
        })?;
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = format!("ask for the subprotocol {SUBPROTOCOL} (Sec-WebSocket-Protocol)");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "subprotocol", message));
    }
    let (app, who) = (call.app, call.who);
    let access = Arc::clone(&app.access);
    let around = Surroundings {
        hub: app.hub.clone(),
        clock: app.clock.clone(),
        stopping: app.stopping.clone(),
        may_look: Arc::new(move || access.may_still_look(who)),
    };
    let alive = app.alive.clone();
    Ok(upgrade
        .read_buffer_size(READ_BYTES)
        .max_message_size(LIVE_MESSAGE_BYTES)
        .max_frame_size(LIVE_MESSAGE_BYTES)
        .on_upgrade(move |socket| async move {
            session::run(socket, around).await;
            // The connection's place among the bounded ones is taken until here.
            drop((place, alive));
        }))
}

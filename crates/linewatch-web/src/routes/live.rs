//! Opens the live connection (docs/websocket.md).

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;

use super::Call;
use crate::live::session::{self, Surroundings};
use crate::live::socket::{NotOpened, Opening};
use crate::respond::{Answer, Refusal};
use crate::server::Place;

/// Upgrades to the live connection's WebSocket.
pub(super) async fn upgrade(mut call: Call) -> Result<Answer, Refusal> {
    let place = call.parts.extensions.remove::<Arc<Place>>();
    let (answer, opening) = Opening::of(&mut call.parts).map_err(|error| {
        let code = match error {
            NotOpened::Subprotocol => "subprotocol",
            NotOpened::Handshake(_) | NotOpened::Connection => "not_a_websocket",
        };
        Refusal::new(StatusCode::BAD_REQUEST, code, error.to_string())
    })?;
    let (app, who) = (call.app, call.who);
    let access = Arc::clone(&app.access);
    let around = Surroundings {
        hub: app.hub.clone(),
        clock: app.clock.clone(),
        stopping: app.stopping.clone(),
        may_look: Arc::new(move || access.may_still_look(who)),
    };
    let alive = app.alive.clone();
    tokio::spawn(async move {
        session::run(opening, around).await;
        // The connection's place among the bounded ones is taken until here.
        drop((place, alive));
    });
    Ok(answer.map(|()| Body::empty()))
}

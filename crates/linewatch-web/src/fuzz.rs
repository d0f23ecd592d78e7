//! Claims about what a browser says, for the fuzzer and its corpus.

use axum::http::Uri;
use linewatch_core::time::WallTime;
use linewatch_render::when::rfc3339_us;

use crate::api::ClientMessage;
use crate::query::{self, Params};

/// A message on the WebSocket.
///
/// # Panics
///
/// If a claim is broken.
pub fn client_message(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(message) = serde_json::from_str::<ClientMessage>(&text) else {
        return;
    };
    // Order and spelling of the keys do not matter.
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let again: ClientMessage = serde_json::from_value(value).expect("the same message");
    assert_eq!(format!("{again:?}"), format!("{message:?}"));
}

/// The query of an address; `n`, `at` and `list` are read as number, instant and list.
///
/// # Panics
///
/// If a claim is broken.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(uri) = format!("/?{text}").parse::<Uri>() else {
        return;
    };
    let Ok(params) = Params::of(&uri) else { return };
    match params.number("n", 5, 1, 1000) {
        Ok(number) => assert!((1..=1000).contains(&number)),
        Err(refusal) => assert_eq!(refusal.field.as_deref(), Some("n")),
    }
    for part in params.all("list") {
        assert!(!part.trim().is_empty() && !part.contains(','), "{part:?}");
    }
    match params.instant("at") {
        Ok(Some(at)) => {
            let micros = WallTime::from_nanos(at.as_nanos().div_euclid(1000).saturating_mul(1000));
            let uri = format!("/?at={}", rfc3339_us(micros))
                .parse()
                .expect("an address");
            let again = Params::of(&uri).ok().and_then(|params| params.instant("at").ok());
            assert_eq!(
                again,
                Some(Some(micros)),
                "an instant that is written is read as the same"
            );
        }
        Ok(None) => assert!(params.one("at").is_none()),
        Err(refusal) => assert_eq!(refusal.field.as_deref(), Some("at")),
    }
}

/// The id of an event.
///
/// # Panics
///
/// If a claim is broken.
pub fn event_id(bytes: &[u8]) {
    if let Some(id) = query::event_id(&String::from_utf8_lossy(bytes)) {
        assert_eq!(query::event_id(&format!("{}-{}", id.run.0, id.seq)), Some(id));
    }
}

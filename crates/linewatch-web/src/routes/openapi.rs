//! What there is to ask, told to programs: the document of `crate::openapi`.

use axum::http::StatusCode;

use super::Call;
use crate::openapi::document;
use crate::respond::{Answer, Refusal, json};

/// The OpenAPI 3.1 document of this very program.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    Ok(json(StatusCode::OK, &document(&call.app.base)))
}

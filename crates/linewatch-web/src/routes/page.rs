//! The page's own addresses.

use super::Call;
use crate::respond::{Answer, Refusal};

/// The shell; which page it is, the script reads from the address.
pub(super) async fn shell(call: Call) -> Result<Answer, Refusal> {
    call.app.assets.index(&call.parts.headers).await
}

/// A file of the page.
pub(super) async fn file(call: Call) -> Result<Answer, Refusal> {
    let [hash, path] = call.captures.as_slice() else {
        return Err(Refusal::not_found("there is nothing at this address"));
    };
    call.app.assets.file(hash, path, &call.parts.headers).await
}

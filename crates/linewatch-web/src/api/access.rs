//! Shapes of who somebody is, and of tokens.

use schemars::JsonSchema;
use serde::Serialize;

use crate::auth::TokenInfo;

/// Who the asker is, and what signing in would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct SessionInfo {
    /// `public`, `viewer`, `operator`, `admin`.
    pub(crate) role: &'static str,
    /// `off`, `computer`, `session`, `token`, `nobody`.
    pub(crate) by: &'static str,
    /// Who is not signed in may look.
    pub(crate) public_read: bool,
    /// Somebody could sign in.
    pub(crate) has_password: bool,
    /// The browser's connection is TLS, ours or a proxy's.
    pub(crate) is_encrypted: bool,
    /// Empty for who may not look.
    pub(crate) vantage: String,
    /// The same.
    pub(crate) version: String,
}

/// Why nobody was signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct LoginError {
    pub(crate) error: LoginErrorBody,
}

/// The inside of [`LoginError`]: that of every error, and what the page counts down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct LoginErrorBody {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) field: Option<&'static str>,
    pub(crate) tries_left: Option<u32>,
    pub(crate) wait_s: Option<u64>,
}

/// One token, without what it is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TokenRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) made: i64,
}

/// All of them, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TokenList {
    pub(crate) tokens: Vec<TokenRow>,
}

/// A token that was just made: `secret` is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TokenMade {
    pub(crate) token: TokenRow,
    pub(crate) secret: String,
}

impl From<TokenInfo> for TokenRow {
    fn from(info: TokenInfo) -> Self {
        Self {
            id: info.id,
            name: info.name,
            role: info.role.word(),
            made: info.made.as_millis(),
        }
    }
}

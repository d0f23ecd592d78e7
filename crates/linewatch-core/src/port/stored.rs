//! Names what history tells of: the series there are, and why it cannot be told.

use crate::target::TargetId;

/// Why history cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryError(pub String);

impl std::fmt::Display for HistoryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HistoryError {}

/// One series that was ever stored: a target at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTarget {
    /// Its series.
    pub id: TargetId,
    /// The target's lasting id.
    pub slug: String,
    /// Its newest name.
    pub name: String,
    /// What was probed: an IP address, or a name that had none.
    pub address: String,
}

//! Names what history tells of: the series there are.

use crate::target::TargetId;

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

//! Remembers every sample, event and gap of one monitor, in one SQLite database.
//!
//! Samples are not rows: they wait as rows for two hours and live on in compressed blocks. One thread writes, one
//! transaction a second; readers never see half of anything. Measuring never waits for a disk.
//! The file format is public: docs/on-disk-format.md.
#![forbid(unsafe_code)]

mod block;
mod checkpoint;
mod error;
mod examine;
mod files;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod handle;
mod hot;
mod open;
mod overview;
mod pending;
mod reader;
mod rebuild;
mod row;
mod rows;
mod seal;
mod series;
mod sketch;
mod sqlite;
mod store;
mod varint;
mod writer;

pub use error::{OpenError, StoreError};
pub use examine::{Disk, Obstacle, Soundness, examine};
pub use handle::StoreHandle;
pub use pending::{Description, StoreMessage};
pub use reader::Reader;
pub use sqlite::write::SeriesKey;
pub use store::{Interrupted, Opened, StartOptions, Store};

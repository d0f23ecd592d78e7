//! Remembers every sample, event and gap of one monitor, in one SQLite database.
//!
//! Samples are not rows: they wait as rows for two hours and live on in compressed blocks. One thread writes, one
//! transaction a second; readers never see half of anything. Measuring never waits for a disk.
//! The file format is public: docs/on-disk-format.md.
#![forbid(unsafe_code)]

mod backup;
mod block;
mod budget;
#[cfg(feature = "bulk")]
pub mod bulk;
mod checkpoint;
mod error;
mod evidence;
mod examine;
mod files;
mod foreign;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod handle;
mod health;
mod hot;
mod letter;
mod open;
mod overview;
mod pending;
mod reader;
mod rebuild;
mod recent;
mod retain;
mod row;
mod rows;
mod salvage;
mod seal;
mod series;
mod sketch;
mod sqlite;
mod store;
mod varint;
mod writer;

pub use backup::{BackupError, BackupProgress, backup};
pub use budget::Keeping;
pub use error::{OpenError, StoreError};
pub use examine::{Disk, Obstacle, Soundness, examine, holder_of};
pub use files::{private_directory, private_options};
pub use foreign::{
    Archive, ForeignDatabase, ForeignError, ForeignTool, Identity, ImportOptions, Imported, Seen, Span,
};
pub use handle::{StoreHandle, Turns};
pub use health::News;
pub use letter::{
    Acknowledged, Fate, Letter, LetterState, NewLetter, NewSilence, Redirect, StoredSilence, Told,
};
pub use pending::{Description, StoreMessage};
pub use reader::Reader;
pub use retain::Retention;
pub use sqlite::write::SeriesKey;
pub use store::{Interrupted, Opened, StartOptions, Store};

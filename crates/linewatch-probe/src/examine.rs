//! Looks at what this computer can do for measuring, and changes nothing: for `doctor`.
//!
//! Reads `/proc`, `/sys` and the resolver's file, and times the engine's own timer. What cannot be read is `None`
//! or absent, never a guess. Not here: what is good enough, and what to do about it.

pub mod calendar;
pub mod kernel;
pub mod names;
pub mod ports;
pub mod timers;

/// The text of a small file of the kernel, without its final line end; `None` where there is none.
fn line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim_end().to_owned())
}

//! Writes to the terminal without ever panicking: a closed pipe is an answer, not an accident.
//!
//! `println!` panics when nobody listens (`| head -1`); these functions tell the caller instead.

use std::io::{self, Write};

/// Whether somebody still reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Yes.
    There,
    /// The pipe is closed: stop in order.
    Gone,
}

/// Writes one line (or several) to standard output and flushes it, so that a pipe sees it at once.
pub fn to_stdout(text: &str) -> Reader {
    let mut out = io::stdout().lock();
    let result = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    if result.is_ok() {
        Reader::There
    } else {
        Reader::Gone
    }
}

/// Writes to standard error; nobody reading is nobody's business.
pub fn to_stderr(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.write_all(b"\n"));
}

//! Turns measurements into text and bytes: numbers, tables, JSON, graphs, round-robin databases.
//!
//! Input: values of the core. Output: strings and bytes, ready to be written. No I/O, no clock, no locale; the time zone
//! is an argument. Every text that came from outside passes [`text::printable`].
#![forbid(unsafe_code)]

pub mod compare;
mod console_words;
pub mod doctor;
pub mod export;
pub mod format;
pub mod graph;
pub mod json;
pub mod message;
pub mod report;
pub mod rrd;
pub mod session;
pub mod terminal_words;
pub mod text;
pub mod when;
pub mod words;

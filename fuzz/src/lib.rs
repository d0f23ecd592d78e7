//! One target per parser of bytes that somebody else wrote, each with claims that hold for every input.
//!
//! Input: bytes from `cargo xtask fuzz`, or a file of `corpus/` in the tests. Output: none, or a panic that says
//! which claim is broken. Where a target needs a choice (family, layer) the first byte makes it, so that a corpus
//! file is the whole case. Not here: the engine that finds inputs (`engine/`), and the claims about private
//! parsers, which stand beside these as `fuzz.rs` of their crates.

mod config;
mod datagram;
mod packet;
mod text;

/// A target: takes any bytes, panics when a claim is broken.
pub type Target = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: [(&str, Target); 14] = [
    ("icmp", packet::icmp),
    ("request", packet::request),
    ("udp", datagram::udp),
    ("control", linewatch_probe::sys::fuzz::control_messages),
    ("config", config::file),
    ("web_toml", config::web_toml),
    ("units", text::units),
    ("target", text::target),
    ("scenario", text::scenario),
    ("block", linewatch_store::fuzz::block),
    ("hot", linewatch_store::fuzz::hot_batch),
    ("client_message", linewatch_web::fuzz::client_message),
    ("query", linewatch_web::fuzz::query),
    ("event_id", linewatch_web::fuzz::event_id),
];

/// Text in which nothing can break a line or a terminal, and that a person can still read.
#[track_caller]
fn check_sentence(sentence: &str, limit_bytes: usize) {
    assert!(!sentence.trim().is_empty(), "an error without words");
    assert!(
        sentence
            .chars()
            .all(|character| character == '\n' || !character.is_control()),
        "a control character in {sentence:?}"
    );
    assert!(
        sentence.len() <= limit_bytes,
        "{} bytes of {sentence:?}",
        sentence.len()
    );
}

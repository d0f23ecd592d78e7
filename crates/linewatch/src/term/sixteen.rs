//! Writes the sixteen colours by their own codes (30 to 37, 90 to 97): the library knows them as the first of 256 only, and a
//! terminal that has no 256 takes `38;5;4` for "blink, underline".

use std::io::{self, Write};

/// The byte every escape code begins with.
const ESCAPE: u8 = 0x1b;

/// Passes everything on but `38;5;N` and `48;5;N` with N below 16, which it shortens where `is_on`.
#[derive(Debug)]
pub(super) struct Sixteen<W> {
    out: W,
    is_on: bool,
    /// A code whose end has not come yet: a few bytes.
    begun: Vec<u8>,
}

impl<W: Write> Sixteen<W> {
    pub(super) const fn new(out: W, is_on: bool) -> Self {
        Self {
            out,
            is_on,
            begun: Vec::new(),
        }
    }
}

impl<W: Write> Write for Sixteen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_on {
            return self.out.write(bytes);
        }
        let mut plain = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if self.begun.is_empty() && byte != ESCAPE {
                plain.push(byte);
                continue;
            }
            self.begun.push(byte);
            // ECMA-48: a control sequence ends with its first byte from `@` on, behind the `[`.
            if self.begun.len() > 2 && byte >= b'@' || self.begun.len() == 2 && byte != b'[' {
                plain.extend(shortened(&self.begun));
                self.begun.clear();
            }
        }
        self.out.write_all(&plain)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The same sequence, with colours by their own codes.
fn shortened(sequence: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(sequence).unwrap_or_default();
    let Some(parameters) = text
        .strip_prefix("\u{1b}[")
        .and_then(|rest| rest.strip_suffix('m'))
    else {
        return sequence.to_vec();
    };
    let mut codes = parameters.split(';').peekable();
    let mut short: Vec<String> = Vec::new();
    while let Some(code) = codes.next() {
        let base = match code {
            "38" => 30,
            "48" => 40,
            _ => {
                short.push(code.to_owned());
                continue;
            }
        };
        // What follows is a colour, whichever way it is written: nothing in it is a code of its own.
        let way = codes.next();
        let number = codes.next();
        let index = number.and_then(|number| number.parse::<u32>().ok());
        match (way, index) {
            (Some("5"), Some(index @ 0..=7)) => short.push((base + index).to_string()),
            (Some("5"), Some(index @ 8..=15)) => short.push((base + 60 + index - 8).to_string()),
            _ => {
                short.push(code.to_owned());
                short.extend([way, number].into_iter().flatten().map(str::to_owned));
                if way == Some("2") {
                    short.extend(codes.by_ref().take(2).map(str::to_owned));
                }
            }
        }
    }
    format!("\u{1b}[{}m", short.join(";")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(chunks: &[&str], is_on: bool) -> String {
        let mut out = Sixteen::new(Vec::new(), is_on);
        for chunk in chunks {
            out.write_all(chunk.as_bytes()).expect("memory");
        }
        String::from_utf8(out.out).expect("text")
    }

    #[test]
    fn the_first_sixteen_get_their_own_codes() {
        let text = "\u{1b}[38;5;4;49mblue\u{1b}[38;5;9;48;5;0m light red on black\u{1b}[39;48;5;15m";
        assert_eq!(
            written(&[text], true),
            "\u{1b}[34;49mblue\u{1b}[91;40m light red on black\u{1b}[39;107m"
        );
        assert_eq!(written(&[text], false), text);
    }

    #[test]
    fn a_code_in_two_pieces_is_one_code() {
        assert_eq!(written(&["a\u{1b}[38;", "5;4mb"], true), "a\u{1b}[34mb");
    }

    #[test]
    fn everything_else_stays() {
        for text in [
            "\u{1b}[2;5H×\u{1b}[?25l\u{1b}[0m",
            "\u{1b}[38;5;200mx",
            "\u{1b}[38;2;5;4;3;1mx",
            "\u{1b}[m\u{1b}7\u{1b}8",
        ] {
            assert_eq!(written(&[text], true), text);
        }
    }
}

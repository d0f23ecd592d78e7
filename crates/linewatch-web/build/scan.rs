//! Cuts a script or a style sheet into code and literals, without comments and indentation.
//!
//! Input: source text. Output: pieces, in order. It knows strings, templates (nested), regular expressions and
//! both comments; where a slash could be either a division or a pattern it refuses instead of guessing.

/// A part of a source without comments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// What may be searched for words and braces. Lines begin without indentation.
    Code(String),
    /// A string, a pattern, or a template up to its end, `${` or from `}`: kept byte for byte.
    Literal(String),
}

/// Words after which a slash begins a pattern.
const BEFORE_PATTERN: [&str; 12] = [
    "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do", "await",
];

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    pieces: Vec<Piece>,
    code: String,
    /// For each open `${`: how many braces are open inside it.
    templates: Vec<usize>,
}

/// The pieces of a script.
///
/// # Errors
///
/// What does not end, or a slash that may be two things: in words, with its line.
pub(crate) fn script(text: &str) -> Result<Vec<Piece>, String> {
    let mut scanner = Scanner {
        text,
        at: 0,
        pieces: Vec::new(),
        code: String::new(),
        templates: Vec::new(),
    };
    while let Some(byte) = scanner.byte(0) {
        scanner.step(byte)?;
    }
    scanner.flush();
    Ok(scanner.pieces)
}

/// A style sheet without comments and indentation.
///
/// # Errors
///
/// A string or comment that does not end.
pub(crate) fn style(text: &str) -> Result<String, String> {
    let mut scanner = Scanner {
        text,
        at: 0,
        pieces: Vec::new(),
        code: String::new(),
        templates: Vec::new(),
    };
    while let Some(byte) = scanner.byte(0) {
        match byte {
            b'/' if scanner.byte(1) == Some(b'*') => scanner.block_comment()?,
            b'"' | b'\'' => scanner.string(byte)?,
            _ => scanner.keep(),
        }
    }
    scanner.flush();
    Ok(joined(&scanner.pieces))
}

/// Code and literals as they stand.
pub(crate) fn joined(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Code(text) | Piece::Literal(text) => text.as_str(),
        })
        .collect()
}

impl Scanner<'_> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn step(&mut self, byte: u8) -> Result<(), String> {
        match (byte, self.byte(1)) {
            (b'/', Some(b'/')) => {
                self.at += self.text[self.at..]
                    .find('\n')
                    .unwrap_or(self.text.len() - self.at);
                Ok(())
            }
            (b'/', Some(b'*')) => self.block_comment(),
            (b'/', _) if self.begins_pattern()? => self.pattern(),
            (b'"' | b'\'', _) => self.string(byte),
            (b'`', _) => self.template(),
            (b'}', _) if self.templates.last() == Some(&0) => {
                self.templates.pop();
                self.template()
            }
            (b'{', _) => {
                if let Some(open) = self.templates.last_mut() {
                    *open += 1;
                }
                self.keep();
                Ok(())
            }
            (b'}', _) => {
                if let Some(open) = self.templates.last_mut() {
                    *open -= 1;
                }
                self.keep();
                Ok(())
            }
            _ => {
                self.keep();
                Ok(())
            }
        }
    }

    /// Takes one character of code over; indentation, trailing blanks and empty lines stay behind.
    fn keep(&mut self) {
        let Some(one) = self.text[self.at..].chars().next() else {
            return;
        };
        self.at += one.len_utf8();
        let begins_line = self.code.ends_with('\n') || (self.code.is_empty() && self.pieces.is_empty());
        match one {
            '\n' => {
                self.code
                    .truncate(self.code.trim_end_matches([' ', '\t', '\r']).len());
                if !begins_line {
                    self.code.push('\n');
                }
            }
            ' ' | '\t' | '\r' if begins_line => {}
            _ => self.code.push(one),
        }
    }

    fn flush(&mut self) {
        if !self.code.is_empty() {
            self.pieces.push(Piece::Code(std::mem::take(&mut self.code)));
        }
    }

    fn literal(&mut self, end: usize) {
        self.flush();
        self.pieces
            .push(Piece::Literal(self.text[self.at..end].to_owned()));
        self.at = end;
    }

    fn block_comment(&mut self) -> Result<(), String> {
        let end = self.text[self.at + 2..]
            .find("*/")
            .ok_or_else(|| self.endless("comment"))?;
        let has_lines = self.text[self.at..self.at + 2 + end].contains('\n');
        self.at += end + 4;
        // A comment separates like a blank, or like the line break inside it.
        if has_lines && !self.code.is_empty() && !self.code.ends_with('\n') {
            self.code.push('\n');
        }
        Ok(())
    }

    fn string(&mut self, quote: u8) -> Result<(), String> {
        let mut end = self.at + 1;
        loop {
            match self.text.as_bytes().get(end) {
                None | Some(b'\n') => return Err(self.endless("string")),
                Some(b'\\') => end += 2,
                Some(byte) if *byte == quote => break,
                Some(_) => end += 1,
            }
        }
        self.literal(end + 1);
        Ok(())
    }

    /// From a back quote, or from the brace that ends `${…}`, to the next `${` or the end.
    fn template(&mut self) -> Result<(), String> {
        let mut end = self.at + 1;
        loop {
            match self.text.as_bytes().get(end) {
                None => return Err(self.endless("template")),
                Some(b'\\') => end += 2,
                Some(b'`') => break,
                Some(b'$') if self.text.as_bytes().get(end + 1) == Some(&b'{') => {
                    self.templates.push(0);
                    end += 1;
                    break;
                }
                Some(_) => end += 1,
            }
        }
        self.literal(end + 1);
        Ok(())
    }

    fn pattern(&mut self) -> Result<(), String> {
        let mut end = self.at + 1;
        let mut is_class = false;
        loop {
            match self.text.as_bytes().get(end) {
                None | Some(b'\n') => return Err(self.endless("regular expression")),
                Some(b'\\') => end += 1,
                Some(b'[') => is_class = true,
                Some(b']') => is_class = false,
                Some(b'/') if !is_class => break,
                Some(_) => {}
            }
            end += 1;
        }
        self.literal(end + 1);
        Ok(())
    }

    fn begins_pattern(&self) -> Result<bool, String> {
        let before = self.code.trim_end();
        let Some(last) = before.chars().last() else {
            // Nothing, or a literal: only at the very start there is nothing to divide.
            return Ok(self.pieces.is_empty());
        };
        if last == '}' {
            return Err(format!(
                "{}: a slash after `}}` may divide or begin a pattern; put the left side into a name",
                self.line()
            ));
        }
        if last.is_alphanumeric() || last == '_' || last == '$' {
            let word = before
                .rsplit(|one: char| !one.is_alphanumeric() && one != '_' && one != '$')
                .next();
            return Ok(word.is_some_and(|word| BEFORE_PATTERN.contains(&word)));
        }
        Ok(!matches!(last, ')' | ']'))
    }

    fn line(&self) -> String {
        format!("line {}", self.text[..self.at].matches('\n').count() + 1)
    }

    fn endless(&self, what: &str) -> String {
        format!("{}: this {what} has no end", self.line())
    }
}

#[cfg(test)]
mod tests {
    use super::{joined, script, style};

    fn check(text: &str, expected: &str) {
        assert_eq!(joined(&script(text).expect("scanned")), expected, "{text}");
    }

    #[test]
    fn comments_and_indentation_leave_and_code_stays() {
        check(
            "/** @file */\n\n  a(); // why\n\n  /* b */ c();\n",
            "a();\nc();\n",
        );
        check("return /** @type {X} */ (y);", "return  (y);");
        check("let a /* two\nlines */ = 1", "let a \n= 1");
    }

    #[test]
    fn what_looks_like_a_comment_inside_a_literal_stays() {
        for text in [
            "const a = \"http://x/*y*/\";",
            "const a = 'it\\'s // not';",
            "const a = `//${b.d}  /* e */`;",
            "const a = /\\/\\*[/*\"]+/g.test(b);",
            "const a = `x${`y${{ z: 1 }.z}//`}`;",
        ] {
            check(text, text);
        }
        check("`  ${ /* gone */ a }\n  kept`", "`  ${  a }\n  kept`");
    }

    #[test]
    fn a_slash_is_read_as_what_it_is_or_refused() {
        check("x = a / b / c; // d", "x = a / b / c; ");
        check("x = f(a) / 2; y = [1][0] / 3;", "x = f(a) / 2; y = [1][0] / 3;");
        check("return /\"/.test(a);", "return /\"/.test(a);");
        assert!(script("} / 2").expect_err("ambiguous").contains("line 1"));
    }

    #[test]
    fn what_does_not_end_is_refused_with_its_line() {
        for (text, what) in [
            ("\n\"a\n\"", "string"),
            ("\n/* a", "comment"),
            ("\n`a", "template"),
            ("\n(/a\n)", "regular expression"),
        ] {
            let error = script(text).expect_err("has no end");
            assert!(error.contains("line 2") && error.contains(what), "{error}");
        }
    }

    #[test]
    fn a_style_sheet_keeps_its_strings() {
        let sheet = "/* owns */\n@layer a {\n  .b::after { content: \"/* c */\"; } /* d */\n}\n";
        assert_eq!(
            style(sheet).expect("scanned"),
            "@layer a {\n.b::after { content: \"/* c */\"; }\n}\n"
        );
    }
}

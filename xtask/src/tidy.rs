//! Keeps the house tidy: every source says what it owns, no file grows into a cupboard, no note-to-self is left.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run;

/// Longest source file, tests inside it included.
const RUST_LINES: usize = 700;
/// Longest part of a source file before its tests.
const RUST_CODE_LINES: usize = 500;
/// Longest module of the page (UI.md 3.3).
const SCRIPT_LINES: usize = 400;
const README_LINES: usize = 150;
/// Rows of SECURITY.md's table.
const THREATS: usize = 32;

pub(crate) fn check() -> Result<()> {
    let root = run::root();
    let mut complaints = Vec::new();
    for path in tracked(&root)? {
        complain_about(&root, &path, &mut complaints)?;
    }
    code_map(&root, &mut complaints)?;
    proofs(&root, &mut complaints)?;
    if complaints.is_empty() {
        run::say("tidy: every file says what it owns, none is too long, no note-to-self is left");
        return Ok(());
    }
    bail!(
        "{} untidy place(s):\n  {}",
        complaints.len(),
        complaints.join("\n  ")
    )
}

fn tracked(root: &Path) -> Result<Vec<PathBuf>> {
    let mut command = run::tool("git", root);
    command.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    Ok(run::output(command)?
        .lines()
        .map(PathBuf::from)
        .filter(|path| root.join(path).is_file())
        .collect())
}

fn complain_about(root: &Path, path: &Path, complaints: &mut Vec<String>) -> Result<()> {
    let name = path.display();
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    if name.to_string().contains("/vendor/")
        || !matches!(extension, "rs" | "js" | "mjs" | "css" | "md" | "toml" | "scn")
    {
        return Ok(());
    }
    let text = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {name}"))?;
    let lines = text.lines().count();
    let code_lines = text
        .lines()
        .position(|line| line.starts_with("#[cfg(test)]"))
        .unwrap_or(lines);
    match extension {
        "rs" => {
            if !text.starts_with("//!") {
                complaints.push(format!("{name}: has no `//!` header that says what it owns"));
            }
            if lines > RUST_LINES || code_lines > RUST_CODE_LINES {
                complaints.push(format!(
                    "{name}: {code_lines} lines of code, {lines} in all: split it"
                ));
            }
        }
        "js" | "mjs" => {
            if !text.starts_with("//") && !text.starts_with("/*") {
                complaints.push(format!("{name}: has no header that says what it owns"));
            }
            if lines > SCRIPT_LINES {
                complaints.push(format!(
                    "{name}: {lines} lines, the limit is {SCRIPT_LINES}: split it"
                ));
            }
        }
        _ => {}
    }
    if path == Path::new("README.md") && lines > README_LINES {
        complaints.push(format!("README.md: {lines} lines, the limit is {README_LINES}"));
    }
    for (index, line) in text.lines().enumerate() {
        for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")] {
            if line.contains(word) {
                complaints.push(format!(
                    "{name}:{}: a note-to-self ({word}): do it or open an issue",
                    index + 1
                ));
            }
        }
    }
    Ok(())
}

/// ARCHITECTURE.md's code map names every crate and nothing that is gone.
fn code_map(root: &Path, complaints: &mut Vec<String>) -> Result<()> {
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).context("cannot read ARCHITECTURE.md")?;
    for entry in fs::read_dir(root.join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !map.contains(&format!("`{name}`")) && !map.contains(&format!("`crates/{name}`")) {
            complaints.push(format!("ARCHITECTURE.md: the code map does not name `{name}`"));
        }
    }
    for word in map.split('`').skip(1).step_by(2) {
        let is_path = word.contains('/')
            && (word.ends_with(".rs") || word.ends_with(".js"))
            && !word.contains(['*', '{', ' ']);
        if is_path && !root.join(word).exists() && !root.join("crates").join(word).exists() {
            complaints.push(format!("ARCHITECTURE.md: names `{word}`, which does not exist"));
        }
    }
    Ok(())
}

/// SECURITY.md has a row for every threat, and every test, scenario, file and chore that its rows name exists.
fn proofs(root: &Path, complaints: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(root.join("SECURITY.md")).context("cannot read SECURITY.md")?;
    let mut sources = String::new();
    for path in tracked(root)? {
        if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(root.join(path))?);
        }
    }
    let chores = fs::read_to_string(root.join("xtask/src/main.rs"))?;
    for number in 1..=THREATS {
        let row = text
            .lines()
            .find(|line| line.starts_with(&format!("| T{number} |")));
        let Some(row) = row else {
            complaints.push(format!("SECURITY.md: no row for T{number}"));
            continue;
        };
        let named: Vec<&str> = row
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| !word.contains(' '))
            .collect();
        for word in &named {
            if !proof_exists(root, word, &sources) {
                complaints.push(format!(
                    "SECURITY.md: T{number} names `{word}`, which does not exist"
                ));
            }
        }
        let chore = row
            .split("`cargo xtask ")
            .skip(1)
            .filter_map(|rest| rest.split(['`', ' ']).next());
        for chore in chore {
            if !chores.contains(&format!("\"{chore}\"")) {
                complaints.push(format!(
                    "SECURITY.md: T{number} names the chore `{chore}`, which does not exist"
                ));
            }
        }
    }
    Ok(())
}

/// A claim (`some_test_of_three_words_or_more`), a scenario (`x.scn`), or a file by its path; other words are no proofs.
fn proof_exists(root: &Path, word: &str, sources: &str) -> bool {
    if word.ends_with(".scn") {
        return root.join("tests/scenarios").join(word).is_file();
    }
    if word.contains('/') && word.contains('.') && !word.starts_with(['/', '.']) {
        return root.join(word).exists();
    }
    let is_claim = word.matches('_').count() >= 2
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    !is_claim || sources.contains(&format!("fn {word}("))
}

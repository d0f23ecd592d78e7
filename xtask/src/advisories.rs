//! Holds the tree of dependencies to what is known offline: library floors from advisories, licences, sources, bans.
//!
//! Input: Cargo.lock, deny.toml, what cargo says of each package. The RustSec database itself is a git repository that the
//! gate cannot count on, so the advisories that matter here stand below as floors; `cargo deny check` asks the database where
//! it can be reached.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::run;

/// No version below this one of each, if it is in the tree at all (SAFETY.md), and why.
const FLOORS: [(&str, [u64; 3], &str); 5] = [
    (
        "lettre",
        [0, 11, 22],
        "commands smuggled into SMTP, an unchecked host name",
    ),
    ("tungstenite", [0, 20, 1], "header flood RUSTSEC-2023-0065"),
    ("h2", [0, 4, 16], "floods; better without it: we speak HTTP/1.1"),
    ("rustls-webpki", [0, 103, 13], "RUSTSEC-2026-0104"),
    ("tracing-subscriber", [0, 3, 20], "terminal escapes in log lines"),
];
/// The SQLite inside libsqlite3-sys (the damage to a WAL at a checkpoint was mended there).
const SQLITE_FLOOR: [u64; 3] = [3, 51, 3];
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn check() -> Result<()> {
    let root = run::root();
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let rules = fs::read_to_string(root.join("deny.toml")).context("cannot read deny.toml")?;
    let packages = packages(&lock);
    let mut complaints = floors(&packages);
    complaints.extend(sources_and_bans(&packages, &rules));
    complaints.extend(licences(&rules)?);
    let (sqlite, text) = sqlite_version()?;
    if sqlite < SQLITE_FLOOR {
        complaints.push(format!("the bundled SQLite is {text}, below {SQLITE_FLOOR:?}"));
    }
    if !complaints.is_empty() {
        bail!(
            "{} fault(s) among the dependencies:\n  {}",
            complaints.len(),
            complaints.join("\n  ")
        );
    }
    run::say(&format!(
        "advisories: {} packages at or above their floors, SQLite {text}, every licence and source allowed",
        packages.len()
    ));
    Ok(())
}

/// One entry of Cargo.lock.
#[derive(Debug, Default)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    /// Empty: ours.
    source: &'a str,
}

/// The value of `key = "value"` in an entry; empty if it has none.
fn quoted<'a>(entry: &'a str, key: &str) -> &'a str {
    let at = entry.find(&format!("\n{key} = \""));
    at.and_then(|at| entry[at..].split('"').nth(1))
        .unwrap_or_default()
}

fn packages(lock: &str) -> Vec<Package<'_>> {
    lock.split("[[package]]")
        .skip(1)
        .map(|entry| Package {
            name: quoted(entry, "name"),
            version: quoted(entry, "version"),
            source: quoted(entry, "source"),
        })
        .collect()
}

fn version(text: &str) -> [u64; 3] {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

fn floors(packages: &[Package<'_>]) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in packages {
        for (name, floor, why) in FLOORS {
            if package.name == name && version(package.version) < floor {
                let [major, minor, patch] = floor;
                complaints.push(format!(
                    "{name} {} is below {major}.{minor}.{patch} ({why}): cargo update -p {name}",
                    package.version
                ));
            }
        }
    }
    complaints
}

/// What deny.toml forbids without exception, and sources that are not the registry.
fn sources_and_bans(packages: &[Package<'_>], rules: &str) -> Vec<String> {
    let banned: Vec<&str> = rules
        .lines()
        .filter(|line| line.trim_start().starts_with("{ name = ") && !line.contains("wrappers"))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    let mut complaints = Vec::new();
    for package in packages {
        if banned.contains(&package.name) {
            complaints.push(format!("{} is banned by deny.toml", package.name));
        }
        if !package.source.is_empty() && package.source != REGISTRY {
            complaints.push(format!("{} comes from {}", package.name, package.source));
        }
    }
    complaints
}

fn licences(rules: &str) -> Result<Vec<String>> {
    let list = rules.lines().find(|line| line.starts_with("allow = "));
    let allowed: Vec<&str> = list
        .context("deny.toml has no line `allow = [...]`")?
        .split('"')
        .skip(1)
        .step_by(2)
        .collect();
    let mut tree = run::tool(&run::cargo_name(), &run::root());
    tree.args([
        "tree",
        "--workspace",
        "--locked",
        "--target",
        "all",
        "--edges",
        "normal,build",
    ]);
    tree.args(["--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"]);
    let text = run::output(tree)?;
    let mut refused: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_once('|'))
        .filter(|(_, licence)| !is_allowed(licence, &allowed))
        .map(|(package, licence)| format!("{package}: the licence \"{licence}\" is not in deny.toml"))
        .collect();
    refused.sort();
    refused.dedup();
    Ok(refused)
}

/// An SPDX expression: `OR` needs one side, `AND` both; the old `/` is an `OR`.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let is_right = either(&mut rest, allowed);
    is_right && rest.is_empty()
}

fn either(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut is_right = both(rest, allowed);
    while let ["OR", tail @ ..] = rest {
        *rest = tail;
        is_right |= both(rest, allowed);
    }
    is_right
}

fn both(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut is_right = one(rest, allowed);
    while let ["AND", tail @ ..] = rest {
        *rest = tail;
        is_right &= one(rest, allowed);
    }
    is_right
}

fn one(rest: &mut &[&str], allowed: &[&str]) -> bool {
    match *rest {
        ["(", tail @ ..] => {
            *rest = tail;
            let is_right = either(rest, allowed);
            *rest = rest.get(1..).unwrap_or_default();
            is_right
        }
        [name, "WITH", exception, tail @ ..] => {
            *rest = tail;
            allowed.contains(&format!("{name} WITH {exception}").as_str())
        }
        [name, tail @ ..] => {
            *rest = tail;
            allowed.contains(name)
        }
        [] => false,
    }
}

/// Of the copy that is compiled in: its header says so.
fn sqlite_version() -> Result<([u64; 3], String)> {
    let mut metadata = run::tool(&run::cargo_name(), &run::root());
    metadata.args(["metadata", "--format-version", "1", "--locked"]);
    let text = run::output(metadata)?;
    let is_manifest = |word: &&str| word.contains("/libsqlite3-sys-") && word.ends_with("/Cargo.toml");
    let manifest = text
        .split('"')
        .find(is_manifest)
        .context("libsqlite3-sys is not in the tree")?;
    let header = manifest.replace("/Cargo.toml", "/sqlite3/sqlite3.h");
    let header = fs::read_to_string(&header).with_context(|| format!("cannot read {header}"))?;
    let line = header
        .lines()
        .find(|line| line.starts_with("#define SQLITE_VERSION "));
    let said = line
        .and_then(|line| line.split('"').nth(1))
        .context("sqlite3.h names no version")?;
    Ok((version(said), said.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_below_its_floor_is_a_fault_and_an_absent_one_is_none() {
        let lock = "[[package]]\nname = \"h2\"\nversion = \"0.4.15\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
                    [[package]]\nname = \"lettre\"\nversion = \"0.11.22\"\n[[package]]\nname = \"tungstenite\"\nversion = \"0.30.0\"\n";
        let complaints = floors(&packages(lock));
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(
            complaints[0].starts_with("h2 0.4.15 is below 0.4.16"),
            "{complaints:?}"
        );
    }

    #[test]
    fn a_ban_and_a_foreign_source_are_faults() {
        let lock = "[[package]]\nname = \"openssl-sys\"\nversion = \"1.0.0\"\nsource = \"git+https://example.com/x\"\n";
        let rules = "deny = [\n  { name = \"openssl-sys\", reason = \"TLS is rustls\" },\n]\n";
        assert_eq!(sources_and_bans(&packages(lock), rules).len(), 2);
    }

    #[test]
    fn a_licence_is_judged_by_its_expression() {
        let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];
        for right in [
            "MIT",
            "GPL-3.0 OR MIT",
            "Apache-2.0/MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_allowed(right, &allowed), "{right}");
        }
        for wrong in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR Apache-2.0) AND GPL-3.0",
            "Apache-2.0",
        ] {
            assert!(!is_allowed(wrong, &allowed), "{wrong}");
        }
    }
}

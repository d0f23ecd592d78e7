//! Proves that linewatch-core is pure, and that the crates depend in one direction only.
//!
//! Three proofs: the core's dependency tree holds a hasher and nothing else; its sources name no I/O, clock, thread,
//! async, randomness, serialisation or unsafe; no leaf crate depends on another (DESIGN section 1).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run;

/// What may stand in the core's dependency tree beside itself.
const CORE_MAY_USE: [&str; 1] = ["siphasher"];

/// Words that must not stand in the core, each with what it would bring in.
const BANNED: [(&str, &str); 18] = [
    ("std::fs", "I/O"),
    ("std::io", "I/O"),
    ("std::env", "the environment"),
    ("std::process", "processes"),
    ("std::thread", "threads"),
    ("std::os::", "the operating system"),
    ("std::sync::mpsc", "threads"),
    ("std::net::Tcp", "sockets"),
    ("std::net::Udp", "sockets"),
    ("ToSocketAddrs", "the resolver"),
    ("Instant", "a clock"),
    ("SystemTime", "a clock"),
    ("async fn", "async"),
    (".await", "async"),
    ("serde", "serialisation"),
    ("rand::", "randomness"),
    ("unsafe {", "unsafe"),
    ("RandomState", "randomness (and HashMap's order)"),
];

/// Which of our crates each of our crates may depend on.
const DIRECTION: [(&str, &[&str]); 7] = [
    ("linewatch-core", &[]),
    ("linewatch-probe", &["linewatch-core"]),
    ("linewatch-store", &["linewatch-core"]),
    ("linewatch-render", &["linewatch-core"]),
    ("linewatch-web", &["linewatch-core", "linewatch-render"]),
    ("linewatch-sim", &["linewatch-core"]),
    (
        "linewatch",
        &[
            "linewatch-core",
            "linewatch-probe",
            "linewatch-store",
            "linewatch-render",
            "linewatch-web",
            "linewatch-sim",
        ],
    ),
];

pub(crate) fn check() -> Result<()> {
    dependencies_of_core()?;
    sources_of_core(&run::root().join("crates/linewatch-core/src"))?;
    direction()?;
    run::say(
        "purity: linewatch-core names no I/O, clock, thread, async, serde, rand or unsafe; the crates point one way",
    );
    Ok(())
}

fn tree(package: &str, depth: Option<&str>) -> Result<Vec<String>> {
    let mut command = run::tool("cargo", &run::root());
    command.args([
        "tree",
        "--locked",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    if let Some(depth) = depth {
        command.args(["--depth", depth]);
    }
    let text = run::output(command)?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect())
}

fn dependencies_of_core() -> Result<()> {
    for name in tree("linewatch-core", None)? {
        if name != "linewatch-core" && !CORE_MAY_USE.contains(&name.as_str()) {
            bail!("linewatch-core depends on {name}: the core is pure, it may use std and {CORE_MAY_USE:?}");
        }
    }
    Ok(())
}

fn sources_of_core(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            sources_of_core(&path)?;
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for (index, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for (word, what) in BANNED {
                if code.contains(word) {
                    bail!(
                        "{}:{}: `{word}` brings {what} into the pure core",
                        path.display(),
                        index + 1
                    );
                }
            }
        }
    }
    Ok(())
}

fn direction() -> Result<()> {
    for (package, may_use) in DIRECTION {
        for name in tree(package, Some("1"))? {
            if name.starts_with("linewatch") && name != package && !may_use.contains(&name.as_str()) {
                bail!("{package} depends on {name}: it may depend on {may_use:?} (ARCHITECTURE.md)");
            }
        }
    }
    Ok(())
}

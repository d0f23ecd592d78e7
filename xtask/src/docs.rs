//! Writes docs/reference from what cannot be wrong: the command line as the program tells it, the keys as the sample lists
//! them. `docs --check` says whether the files are what would be written now.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::options::Options;
use crate::run;

/// `docs` and `docs --check`.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let options = Options::read(words, &[], &["--check"])?;
    let files = [
        ("configuration.md", configuration()?),
        ("command-line.md", command_line()?),
    ];
    let dir = run::root().join("docs/reference");
    let mut stale = Vec::new();
    for (name, text) in files {
        let path = dir.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if options.has("--check") {
            stale.push(format!("docs/reference/{name}"));
        } else {
            fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            run::say(&format!("wrote docs/reference/{name}"));
        }
    }
    if !stale.is_empty() {
        bail!(
            "not what the code says: {}: run `cargo xtask docs`",
            stale.join(", ")
        );
    }
    run::say("docs: docs/reference is what the code says");
    Ok(())
}

/// The sample itself, by its sections: a table of keys would lose the comments between them.
fn configuration() -> Result<String> {
    let sample = fs::read_to_string(run::root().join("linewatch.sample.toml"))
        .context("cannot read linewatch.sample.toml")?;
    let mut text = String::from(
        "# Configuration\n\nMade from `linewatch.sample.toml` by `cargo xtask docs`: every key, with its default. The sample \
         is a right configuration; `linewatch check-config` says so, and `linewatch config show` tells what is in force and \
         where from.\n\n",
    );
    let mut is_open = false;
    for line in sample.lines() {
        let heading = line.trim_start_matches('#');
        let name = heading.split(']').next().unwrap_or_default();
        if heading.starts_with('[') && !name.contains(' ') {
            if is_open {
                close(&mut text);
            }
            text.push_str(&format!("\n## {}\n\n```toml\n", name.trim_start_matches('[')));
            is_open = true;
        } else if !is_open {
            text.push_str(line.trim_start_matches('#').trim_start());
            text.push('\n');
            continue;
        }
        text.push_str(line);
        text.push('\n');
    }
    if is_open {
        close(&mut text);
    }
    Ok(text)
}

/// Ends a block; the empty line before the next section is no part of it.
fn close(text: &mut String) {
    text.truncate(text.trim_end().len());
    text.push_str("\n```\n");
}

/// The long help of the program and of each command, as it is printed.
fn command_line() -> Result<String> {
    let program = program()?;
    let mut text = String::from(
        "# Command line\n\nMade by `cargo xtask docs` from the program's own help. The same as pages of the manual: `linewatch \
         man`; for a shell: `linewatch completions`.\n",
    );
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        let help = help(&program, &path)?;
        let name = [&["linewatch".to_owned()], path.as_slice()].concat().join(" ");
        text.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", help.trim_end()));
        let mut below = commands(&help);
        // The last one pushed is told first.
        below.reverse();
        waiting.extend(
            below
                .into_iter()
                .map(|command| [path.as_slice(), &[command]].concat()),
        );
    }
    Ok(text)
}

/// The program as it is built for tests, so that nothing is built twice.
fn program() -> Result<PathBuf> {
    run::cargo(&["build", "--quiet", "--locked", "--package", "linewatch"])?;
    Ok(run::target_dir().join("debug/linewatch"))
}

/// The help, in the width of a terminal and without what differs from computer to computer.
fn help(program: &Path, path: &[String]) -> Result<String> {
    let mut command = run::tool(&program.display().to_string(), &run::root());
    command.args(path).arg("--help").env("COLUMNS", "120");
    for variable in ["LINEWATCH_CONFIG", "LINEWATCH_DATA_DIR", "LINEWATCH_LISTEN"] {
        command.env_remove(variable);
    }
    let text = run::output(command)?;
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    Ok(lines.join("\n"))
}

/// The commands that a help lists.
fn commands(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    list.take_while(|line| !line.is_empty())
        // A long description goes on in lines that are indented deeper.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_a_help_and_continued_lines_are_none() {
        let help = "Usage: x <COMMAND>\n\nCommands:\n  serve   The monitor\n          and more\n  watch   Measure\n  help    \
                    Print\n\nOptions:\n  -h";
        assert_eq!(commands(help), ["serve", "watch"]);
    }
}

//! `linewatch completions` and `linewatch man`: what shells and `man` know of the command line, written from the same
//! definition that reads it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::exit::{Exit, UserError};
use crate::say;

/// Options of `linewatch completions`.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell to write for. Bash: linewatch completions bash > /etc/bash_completion.d/linewatch
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Options of `linewatch man`.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The page of one command; without it that of linewatch. To read it at once: linewatch man watch | man -l -
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Option<String>,
    /// Write every page into this directory (linewatch.1, linewatch-watch.1, ...)
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints the script for a shell.
///
/// # Errors
///
/// Standard output that takes nothing, for another reason than that nobody reads it.
pub(super) fn completions(args: &CompletionsArgs, mut definition: Command) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition, "linewatch", &mut script);
    print(&script)
}

/// Prints one page, or writes all of them.
///
/// # Errors
///
/// An unknown command, or a directory that cannot be written.
pub(super) fn man(args: &ManArgs, definition: Command) -> Result<Exit> {
    let pages = pages(definition);
    if let Some(dir) = &args.dir {
        write_all(&pages, dir)?;
        say::to_stdout(&format!("{} pages in {}", pages.len(), dir.display()));
        return Ok(Exit::Ok);
    }
    let wanted = args
        .command
        .as_ref()
        .map_or_else(|| "linewatch".to_owned(), |name| format!("linewatch-{name}"));
    let page = pages.iter().find(|page| page.name == wanted).ok_or_else(|| {
        let known: Vec<_> = pages
            .iter()
            .filter_map(|page| page.name.strip_prefix("linewatch-"))
            .collect();
        UserError::usage(format!(
            "there is no command \"{}\"",
            args.command.as_deref().unwrap_or_default()
        ))
        .help(format!("there are {}", known.join(", ")))
    })?;
    print(&page.roff()?)
}

/// One page of the manual, before it is typeset.
struct Page {
    name: String,
    definition: Command,
}

impl Page {
    fn roff(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Man::new(self.definition.clone())
            .manual("linewatch")
            .render(&mut bytes)
            .context("cannot typeset a page of the manual")?;
        Ok(bytes)
    }
}

/// The page of the program, of every command and of the commands below it.
fn pages(definition: Command) -> Vec<Page> {
    let mut definition = definition.disable_help_subcommand(true);
    definition.build();
    let mut pages = Vec::new();
    let mut waiting = vec![("linewatch".to_owned(), definition)];
    while let Some((name, definition)) = waiting.pop() {
        let below = definition
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        waiting.extend(below.map(|command| (format!("{name}-{}", command.get_name()), command.clone())));
        // The title is how the page is found; the way to call it, with spaces, clap has put into the usage.
        let title: &'static str = name.clone().leak();
        pages.push(Page {
            name,
            definition: definition.name(title),
        });
    }
    pages.sort_by(|a, b| a.name.cmp(&b.name));
    pages
}

fn write_all(pages: &[Page], dir: &Path) -> Result<()> {
    let refused = |path: &Path, error: &io::Error| {
        UserError::failed(format!("cannot write {}: {error}", path.display())).help("give another --dir")
    };
    fs::create_dir_all(dir).map_err(|error| refused(dir, &error))?;
    for page in pages {
        let path = dir.join(format!("{}.1", page.name));
        fs::write(&path, page.roff()?).map_err(|error| refused(&path, &error))?;
    }
    Ok(())
}

fn print(bytes: &[u8]) -> Result<Exit> {
    match io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        Ok(()) | Err(_) => Ok(Exit::Ok),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_command_has_a_page_that_names_its_options() {
        let pages = pages(Cli::command());
        let of = |name: &str| {
            let page = pages.iter().find(|page| page.name == name).expect("a page");
            String::from_utf8(page.roff().expect("typeset")).expect("text")
        };
        assert!(of("linewatch").contains("linewatch\\-serve(1)"));
        assert!(of("linewatch-watch").contains("\\-\\-interval"));
        assert!(of("linewatch-config-show").contains("\\-\\-config"));
        assert!(pages.iter().all(|page| !page.name.ends_with("-help")));
    }

    #[test]
    fn each_shell_gets_a_script_that_knows_the_commands() {
        for shell in [
            Shell::Bash,
            Shell::Zsh,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Elvish,
        ] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "linewatch", &mut script);
            let script = String::from_utf8(script).expect("text");
            assert!(
                script.contains("check-config") && script.contains("doctor"),
                "{shell}"
            );
        }
    }
}

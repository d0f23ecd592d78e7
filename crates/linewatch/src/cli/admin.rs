//! `linewatch admin`: the password and the tokens of the page, beside a running monitor or without one.
//!
//! Both are hashes in the data directory; a running monitor notices a change within a second. A secret is printed once, to standard
//! output, so that it can be piped to where it belongs.

use std::io;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use jiff::tz::TimeZone;
use linewatch_core::port::Clock as _;
use linewatch_probe::clock::SystemClock;
use linewatch_render::text::printable;
use linewatch_render::when::{date_time, zone_name};
use linewatch_web::{AdminError, AdminFile, TokenRole};

use super::{Global, load_options, mistakes};
use crate::config;
use crate::exit::{Exit, UserError};
use crate::say;

/// What can be managed.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AdminCommand {
    /// Make a new admin password and print it once; every browser is signed out
    ResetPassword(ResetArgs),
    /// Tokens for programs: scripts, `attach`, a phone's widget
    #[command(subcommand)]
    Token(TokenCommand),
}

/// Options of `linewatch admin reset-password`.
#[derive(Debug, clap::Args)]
pub(super) struct ResetArgs {
    /// Take the password from the first line of standard input instead of making one
    #[arg(long)]
    stdin: bool,
    #[command(flatten)]
    place: Place,
}

/// What can be done with tokens.
#[derive(Debug, clap::Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it once
    Create(CreateArgs),
    /// List the tokens there are; none is shown
    List(Place),
    /// Make a token worthless
    Revoke(RevokeArgs),
}

/// Options of `linewatch admin token create`.
#[derive(Debug, clap::Args)]
pub(super) struct CreateArgs {
    /// viewer looks; operator also starts, stops, acknowledges and silences; admin does everything
    #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = role)]
    role: TokenRole,
    /// What it is for, as the list shows it
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    #[command(flatten)]
    place: Place,
}

/// Options of `linewatch admin token revoke`.
#[derive(Debug, clap::Args)]
pub(super) struct RevokeArgs {
    /// As `token list` shows it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    place: Place,
}

/// Where the data directory is named.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Configuration file, for where the data is [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
///
/// No data directory, or a file in it that cannot be read or written.
pub(super) fn run(global: &Global, command: &AdminCommand) -> Result<Exit> {
    match command {
        AdminCommand::ResetPassword(args) => reset(&file(global, &args.place)?, args.stdin),
        AdminCommand::Token(TokenCommand::Create(args)) => create(&file(global, &args.place)?, args),
        AdminCommand::Token(TokenCommand::List(place)) => list(&file(global, place)?),
        AdminCommand::Token(TokenCommand::Revoke(args)) => revoke(&file(global, &args.place)?, &args.id),
    }
}

fn file(global: &Global, place: &Place) -> Result<AdminFile> {
    let loaded = config::load(&load_options(global, place.config.clone())?).map_err(mistakes)?;
    let folder = loaded.data_dir;
    if !folder.is_dir() {
        let help = "start the monitor once, or say where it keeps its data:  --data-dir DIR  or  --config FILE\n\
                    a service has its own: sudo linewatch --data-dir /var/lib/linewatch admin …";
        return Err(
            UserError::failed(format!("there is no data directory {}", folder.display()))
                .help(help)
                .into(),
        );
    }
    Ok(AdminFile::in_dir(&folder))
}

fn reset(file: &AdminFile, is_typed: bool) -> Result<Exit> {
    if is_typed {
        let mut line = String::new();
        io::stdin()
            .read_line(&mut line)
            .context("standard input cannot be read")?;
        let password = line.trim_end_matches(['\r', '\n']);
        file.set_password(password)
            .map_err(|error| refused(file, error))?;
    } else {
        let password = file.reset_password().map_err(|error| refused(file, error))?;
        say::to_stdout(&password);
    }
    say::to_stderr(&format!(
        "the admin password is a new one; its hash is in {}\n\
         every browser is signed out; a running monitor takes it over within a second",
        file.path().display()
    ));
    Ok(Exit::Ok)
}

fn create(file: &AdminFile, args: &CreateArgs) -> Result<Exit> {
    let now = SystemClock::start().wall();
    let made = file
        .create_token(&args.name, args.role, now)
        .map_err(|error| refused(file, error))?;
    say::to_stdout(&made.secret);
    say::to_stderr(&format!(
        "token {} of the role {}, shown this once; send it as  Authorization: Bearer TOKEN",
        made.info.id,
        made.info.role.word()
    ));
    Ok(Exit::Ok)
}

fn list(file: &AdminFile) -> Result<Exit> {
    let tokens = file.tokens().map_err(|error| refused(file, error))?;
    if tokens.is_empty() {
        say::to_stderr("no tokens: linewatch admin token create --role viewer --name NAME");
        return Ok(Exit::Ok);
    }
    let zone = TimeZone::system();
    for token in tokens {
        let made = format!(
            "{} {}",
            date_time(token.made, &zone),
            zone_name(token.made, &zone)
        );
        say::to_stdout(
            format!(
                "{}  {:<8}  {made}  {}",
                token.id,
                token.role.word(),
                printable(&token.name)
            )
            .trim_end(),
        );
    }
    Ok(Exit::Ok)
}

fn revoke(file: &AdminFile, id: &str) -> Result<Exit> {
    if file.revoke_token(id).map_err(|error| refused(file, error))? {
        say::to_stderr(&format!("token {} is worthless from now on", printable(id)));
        return Ok(Exit::Ok);
    }
    let help = "`linewatch admin token list` shows those there are; a revoke wants the ID, not the token";
    Err(
        UserError::failed(format!("there is no token \"{}\"", printable(id)))
            .help(help)
            .into(),
    )
}

fn refused(file: &AdminFile, error: AdminError) -> UserError {
    let denied = |source: &io::Error| source.kind() == io::ErrorKind::PermissionDenied;
    let path = file.path().display();
    let help = match &error {
        AdminError::Io { source, .. } if denied(source) => {
            "run it as the user of the monitor, or with sudo: the file stays that user's".to_owned()
        }
        AdminError::Unreadable { .. } => {
            format!("remove {path}, then make a new password: tokens must be made again too")
        }
        _ => return UserError::failed(error.to_string()),
    };
    UserError::failed(error.to_string()).help(help)
}

fn role(text: &str) -> Result<TokenRole, String> {
    TokenRole::from_word(text).ok_or_else(|| "a role is viewer, operator or admin".to_owned())
}

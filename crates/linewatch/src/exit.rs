//! Ends the program: exit codes as INTERFACE.md lists them, and the error a person can mend.
//!
//! Two tiers: a [`UserError`] is printed with its cure and without a backtrace; anything else is a bug of ours and
//! exits with 70. Not here: deciding that something failed.

use std::fmt;

/// What the shell sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All well.
    Ok = 0,
    /// Something failed that was asked for.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The system does not permit it.
    Privilege = 3,
    /// A `--fail-on` condition was met.
    ConditionMet = 4,
    /// A bug of ours.
    Bug = 70,
    /// Ctrl+C a second time.
    SecondInterrupt = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error of the user's world: what failed and why, and what to do about it.
#[derive(Debug)]
pub struct UserError {
    /// `what failed, which thing: why`, lower case, no full stop; may hold several lines already laid out.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// How the program ends.
    pub exit: Exit,
}

impl UserError {
    /// Something that was asked for cannot be done.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            exit: Exit::Failed,
        }
    }

    /// The command line or configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            exit: Exit::Usage,
        }
    }

    /// Adds what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if let Some(help) = &self.help {
            for (index, line) in help.lines().enumerate() {
                write!(f, "\n  {}{line}", if index == 0 { "help: " } else { "      " })?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for UserError {}

//! Runs linewatch: reads the command line, does it, tells what went wrong, and says so to the shell.

use std::process::ExitCode;

use linewatch::exit::{Exit, UserError};

fn main() -> ExitCode {
    linewatch::crash::install();
    let exit = match linewatch::cli::run(std::env::args_os()) {
        Ok(exit) => exit,
        Err(error) => report(&error),
    };
    exit.into()
}

fn report(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<UserError>() {
        Some(user) => {
            linewatch::say::to_stderr(&format!("error: {user}"));
            user.exit
        }
        None => {
            linewatch::say::to_stderr(&format!(
                "error: {error:#}\n  help: this is a bug of linewatch: report it with the line above"
            ));
            Exit::Bug
        }
    }
}

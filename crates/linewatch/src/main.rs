//! Runs linewatch: reads the command line, does it, tells what went wrong, and says so to the shell.

use std::process::ExitCode;

use linewatch::exit::{Exit, UserError};

fn main() -> ExitCode {
    linewatch_probe::heap::keep_together();
    linewatch::crash::install();
    let exit = match run() {
        Ok(exit) => exit,
        Err(error) => {
            let exit = report(&error);
            linewatch::desktop::keep_window();
            exit
        }
    };
    exit.into()
}

fn run() -> anyhow::Result<Exit> {
    #[cfg(target_os = "linux")]
    linewatch::user::step_down()?;
    linewatch::cli::run(std::env::args_os())
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

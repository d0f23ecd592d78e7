//! Serves people who start a program by double-click: opens the page, and keeps the window open when something failed.
//!
//! Only Windows gives a console program a window of its own for that; elsewhere nothing happens.

use std::io::{self, IsTerminal as _};

use crate::say;

/// Whether a person started us without a shell: nobody else uses our console, and nothing was typed.
pub(crate) fn is_double_click() -> bool {
    #[cfg(windows)]
    let is_alone = linewatch_probe::console::is_ours_alone();
    #[cfg(not(windows))]
    let is_alone = false;
    is_alone && std::env::args_os().len() == 1
}

/// Opens the page in the browser of a person who double-clicked.
pub(crate) fn open_page(url: &str) {
    if !is_double_click() {
        return;
    }
    #[cfg(windows)]
    if !linewatch_probe::console::open_in_browser(url) {
        say::to_stderr(&format!("note: no browser could be opened: open {url} yourself"));
    }
    #[cfg(not(windows))]
    let _ = url;
}

/// Waits for the Enter key where the window would vanish with the error in it.
pub fn keep_window() {
    if is_double_click() && io::stdin().is_terminal() && io::stderr().is_terminal() {
        say::to_stderr("\nPress Enter to close this window.");
        // Whatever ends the wait ends the program.
        let _ = io::stdin().read_line(&mut String::new());
    }
}

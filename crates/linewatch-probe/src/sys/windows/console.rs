//! The console window of Windows: whose it is, what closing it means, and the browser beside it.
//!
//! Ctrl+C and Ctrl+Break are not here: a library turns them into calls, but it lets the process die when its window is closed.

use std::io;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use windows_sys::Win32::System::Console::{
    CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT, GetConsoleProcessList, SetConsoleCtrlHandler,
};
use windows_sys::Win32::UI::Shell::ShellExecuteW;
use windows_sys::Win32::UI::WindowsAndMessaging::SW_SHOWNORMAL;
use windows_sys::core::BOOL;

static ON_CLOSE: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// Whether no other process, such as a shell, uses our console: it was made for us.
pub fn is_ours_alone() -> bool {
    let mut processes = [0_u32; 2];
    // SAFETY: a live array and its true length.
    unsafe { GetConsoleProcessList(processes.as_mut_ptr(), 2) == 1 }
}

/// Opens `url` with what the person has chosen for it; whether that worked.
pub fn open_in_browser(url: &str) -> bool {
    let wide = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<u16>>();
    let (verb, url) = (wide("open"), wide(url));
    // SAFETY: both strings live and end in zero; a null window, parameters and directory mean "none".
    let answer = unsafe {
        ShellExecuteW(
            null_mut(),
            verb.as_ptr(),
            url.as_ptr(),
            null(),
            null(),
            SW_SHOWNORMAL,
        )
    };
    // "If the function succeeds, it returns a value greater than 32."
    answer as usize > 32
}

/// From now on a closed window, the end of the session and a shutdown call `tell`, and Windows waits until the process has
/// ended by itself (5 s for a window). For once per process; to be called after other handlers are there, because the
/// last one is asked first.
///
/// # Errors
///
/// When Windows refuses the handler, or there is one already.
pub fn on_close(tell: impl Fn() + Send + Sync + 'static) -> io::Result<()> {
    ON_CLOSE
        .set(Box::new(tell))
        .map_err(|_| io::Error::other("a closed window has its handler already"))?;
    // SAFETY: the handler is a function of this program, which outlives the console.
    if unsafe { SetConsoleCtrlHandler(Some(handler), 1) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Called on a thread that Windows makes for it.
extern "system" fn handler(event: u32) -> BOOL {
    if !matches!(event, CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT) {
        return 0;
    }
    if let Some(tell) = ON_CLOSE.get() {
        tell();
    }
    // Windows ends the process as soon as this returns: the orderly stop must be the one that does.
    loop {
        std::thread::park();
    }
}

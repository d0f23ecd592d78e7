//! Sets and reads socket options the standard wrappers do not know.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Sets an option whose value is plain data.
pub(super) fn set<T: Copy>(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    // SAFETY: `value` lives through the call and the length is exactly its size; the kernel only reads it.
    let answer = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Switches an option on.
pub(super) fn enable(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int) -> io::Result<()> {
    set(fd, level, name, &1i32)
}

/// Reads an option into bytes; returns how many the kernel wrote.
pub(super) fn get(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &mut [u8],
) -> io::Result<usize> {
    let mut len = value.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, which is the length of the live slice behind the pointer.
    let answer =
        unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut len) };
    if answer == 0 {
        Ok(len as usize)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads and clears the pending error of a socket; 0 if there is none.
pub(super) fn take_error(fd: BorrowedFd<'_>) -> i32 {
    let mut value = [0; 4];
    match get(fd, libc::SOL_SOCKET, libc::SO_ERROR, &mut value) {
        Ok(_) => i32::from_ne_bytes(value),
        Err(error) => errno_of(&error),
    }
}

/// The errno behind an error. Errors of this module always have one; EIO stands for the impossible rest.
pub(super) fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// The errno of the call that just failed.
pub(super) fn last_errno() -> i32 {
    errno_of(&io::Error::last_os_error())
}

//! Names of network interfaces and their numbers.

use std::ffi::CString;

/// The number of the interface with this name, if there is one.
pub(crate) fn index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` is a live string with its final zero.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

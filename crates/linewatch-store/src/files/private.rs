//! Makes directories and files that only we can read, as this system knows how to.
//!
//! Unix: permission bits. Windows: the access list that the user's profile hands down, which is closed to other
//! users as it is and is not ours to rewrite. On neither is a symbolic link followed.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(super) use system::{close_directory, is_open_to_others, make_directory};

/// Options for files of ours: they follow no link, and what they make nobody else can read.
#[must_use]
pub fn options() -> OpenOptions {
    system::options()
}

/// Makes one directory that nobody else can enter; its parent must be there.
///
/// # Errors
///
/// What the file system says; also when the name is taken.
pub fn directory(path: &Path) -> io::Result<()> {
    system::directory(path)
}

/// Opens or makes a file that only we can read, and never follows a link to it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = system::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    system::close_file(&file, &metadata)?;
    Ok(file)
}

#[cfg(unix)]
mod unix {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt};
    use std::path::Path;

    /// Anything of the group or of others.
    const OTHERS: u32 = 0o077;

    pub(super) fn directory(path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    pub(crate) fn make_directory(dir: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }

    pub(crate) fn is_open_to_others(dir: &Path) -> io::Result<bool> {
        Ok(dir.metadata()?.permissions().mode() & OTHERS != 0)
    }

    pub(crate) fn close_directory(dir: &Path) -> io::Result<()> {
        std::fs::set_permissions(dir, PermissionsExt::from_mode(0o700))
    }

    pub(super) fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
        options
    }

    pub(super) fn close_file(file: &File, metadata: &Metadata) -> io::Result<()> {
        if metadata.permissions().mode() & OTHERS == 0 {
            return Ok(());
        }
        file.set_permissions(PermissionsExt::from_mode(0o600))
    }
}

#[cfg(windows)]
mod windows {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt as _;
    use std::path::Path;

    /// FILE_FLAG_OPEN_REPARSE_POINT (CreateFileW): opens the link itself, which then is not a file.
    const OPEN_THE_LINK: u32 = 0x0020_0000;

    pub(super) fn directory(path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    pub(crate) fn make_directory(dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)
    }

    pub(crate) fn is_open_to_others(_dir: &Path) -> io::Result<bool> {
        Ok(false)
    }

    pub(crate) fn close_directory(_dir: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.custom_flags(OPEN_THE_LINK);
        options
    }

    pub(super) fn close_file(_file: &File, _metadata: &Metadata) -> io::Result<()> {
        Ok(())
    }
}

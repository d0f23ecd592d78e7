//! Becomes an ordinary user before anything else happens, where a container starts this program as root.
//!
//! In: `LINEWATCH_UID` (`UID` or `UID:GID`), which the image sets, and `LINEWATCH_DATA_DIR`. An image without a shell has nobody
//! else to prepare the data directory and to step down. Of root's capabilities only those that measuring uses are kept, and
//! those are dropped by the monitor itself. Without the variable, and for everybody but root, nothing happens.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

use caps::{CapSet, Capability, CapsHashSet};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::exit::UserError;
use crate::say;

const VARIABLE: &str = "LINEWATCH_UID";

/// What measuring uses: raw sockets, large buffers, real-time priority, a port below 1024.
const KEPT: [Capability; 4] = [
    Capability::CAP_NET_RAW,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_SYS_NICE,
    Capability::CAP_NET_BIND_SERVICE,
];

/// Whom to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
}

/// Prepares the data directory for the user of `LINEWATCH_UID` and becomes that user. To be called before any thread is
/// started, because the kernel keeps capabilities for each thread.
///
/// # Errors
///
/// A value that is no user, a directory that cannot be given away, or a kernel that refuses although it permitted.
pub fn step_down() -> Result<(), UserError> {
    let Some(wanted) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(());
    };
    let user = user(&wanted)?;
    if !Uid::effective().is_root() {
        return Ok(());
    }
    if let Some(missing) = missing() {
        say::to_stderr(&format!(
            "note: started as root without {missing}, so it cannot become user {} and stays what it is; to start it as that \
             user from the beginning: --user {}:{}",
            user.uid, user.uid, user.gid
        ));
        return Ok(());
    }
    if let Some(data_dir) = std::env::var_os("LINEWATCH_DATA_DIR").filter(|value| !value.is_empty()) {
        let data_dir = PathBuf::from(data_dir);
        give(&data_dir, user).map_err(|error| {
            UserError::failed(format!(
                "cannot give the data directory {} to user {}: {error}",
                data_dir.display(),
                user.uid
            ))
            .help(format!(
                "on the host:  chown -R {}:{} DIRECTORY   or allow it in the container:  --cap-add CHOWN --cap-add DAC_OVERRIDE",
                user.uid, user.gid
            ))
        })?;
    }
    become_user(user).map_err(|error| {
        UserError::failed(format!("cannot become user {}: {error}", user.uid)).help(format!(
            "start it as that user from the beginning: --user {}:{}",
            user.uid, user.gid
        ))
    })
}

/// `UID` or `UID:GID`. Root is no user to become.
fn user(text: &OsStr) -> Result<User, UserError> {
    let text = text.to_string_lossy();
    let (uid, gid) = text.split_once(':').unwrap_or((&text, &text));
    match (uid.parse(), gid.parse()) {
        (Ok(uid), Ok(gid)) if uid != 0 && gid != 0 => Ok(User { uid, gid }),
        _ => Err(UserError::usage(format!(
            "{VARIABLE}=\"{text}\" names no user: it takes UID or UID:GID, numbers above 0"
        ))
        .help(format!("{VARIABLE}=65532 is what the image has"))),
    }
}

/// What root lacks to become somebody else.
fn missing() -> Option<String> {
    let needed = [Capability::CAP_SETUID, Capability::CAP_SETGID];
    let missing: Vec<_> = needed
        .into_iter()
        .filter(|needed| !caps::has_cap(None, CapSet::Effective, *needed).unwrap_or(false))
        .map(|capability| capability.to_string())
        .collect();
    (!missing.is_empty()).then(|| missing.join(" and "))
}

/// Makes the directory and gives it away with the files in it. Links are given away themselves, never what they lead to, and
/// a file with a second name elsewhere stays whose it is.
fn give(data_dir: &Path, user: User) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    for entry in fs::read_dir(data_dir)? {
        let path = entry?.path();
        let found = fs::symlink_metadata(&path)?;
        if found.is_file() && found.nlink() == 1 {
            give_one(&path, &found, user)?;
        }
    }
    // Last: until here nobody else could change what is in it.
    give_one(data_dir, &fs::metadata(data_dir)?, user)
}

fn give_one(path: &Path, found: &fs::Metadata, user: User) -> io::Result<()> {
    if found.uid() == user.uid {
        return Ok(());
    }
    lchown(path, Some(user.uid), Some(user.gid))
}

fn become_user(user: User) -> io::Result<()> {
    nix::sys::prctl::set_keepcaps(true)?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setgroups(&[])?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    nix::sys::prctl::set_keepcaps(false)?;
    let had = caps::read(None, CapSet::Permitted).map_err(io::Error::other)?;
    let kept: CapsHashSet = KEPT.into_iter().filter(|wanted| had.contains(wanted)).collect();
    caps::clear(None, CapSet::Inheritable).map_err(io::Error::other)?;
    caps::set(None, CapSet::Permitted, &kept).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u32, u32)>) {
        let got = user(OsStr::new(text)).ok().map(|user| (user.uid, user.gid));
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn a_user_is_a_number_or_two_and_never_root() {
        check("65532", Some((65532, 65532)));
        check("1000:100", Some((1000, 100)));
        check("0", None);
        check("1000:0", None);
        check("linewatch", None);
        check("-1", None);
    }

    #[test]
    fn what_a_link_leads_to_is_not_given_away() {
        let dir = tempfile::tempdir().expect("a directory");
        let outside = dir.path().join("outside");
        let data = dir.path().join("data");
        fs::create_dir(&data).expect("a directory");
        fs::write(&outside, "").expect("a file");
        fs::write(data.join("linewatch.db"), "").expect("a file");
        std::os::unix::fs::symlink(&outside, data.join("link")).expect("a link");
        fs::hard_link(&outside, data.join("twin")).expect("a link");
        let before = fs::metadata(&outside).expect("it").uid();
        if !Uid::effective().is_root() {
            return;
        }
        let user = User {
            uid: 65532,
            gid: 65532,
        };
        give(&data, user).expect("given");
        assert_eq!(fs::metadata(&outside).expect("it").uid(), before);
        assert_eq!(
            fs::metadata(data.join("linewatch.db")).expect("it").uid(),
            user.uid
        );
        assert_eq!(fs::metadata(&data).expect("it").uid(), user.uid);
    }
}

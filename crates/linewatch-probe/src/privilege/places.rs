//! Which files a running monitor may still open (Landlock), best effort by what the kernel knows.
//!
//! A right hangs on a directory or file that exists when it is given: who is replaced by renaming, such as
//! `/etc/resolv.conf` and certificates, has it by its directory. Not here: enforcing it (`confine`).

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, path_beneath_rules,
};

/// Everything that this module knows of; an older kernel takes what it knows.
const NEWEST: ABI = ABI::V5;

/// What any monitor reads beside its own files: hosts, resolver, zones and certificates of the system, what the
/// kernel tells about network and processors, and random numbers.
const SYSTEM: &[&str] = &[
    // Whole, because its files are replaced by renaming; what is secret in there is closed by its own mode.
    "/etc",
    "/proc",
    "/sys",
    "/dev/null",
    "/dev/urandom",
    "/run/NetworkManager",
    "/run/connman",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/usr/lib/ssl",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
];
/// Variables that name such a file or directory.
const NAMED: &[&str] = &["SSL_CERT_FILE", "SSL_CERT_DIR", "TZDIR", "CREDENTIALS_DIRECTORY"];

/// Files and directories of this monitor. What does not exist is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Read, and everything below it.
    pub read: Vec<PathBuf>,
    /// Read, written, made and deleted, and everything below it.
    pub write: Vec<PathBuf>,
}

/// The ruleset, or `None` where the kernel has no Landlock.
///
/// # Errors
///
/// When the kernel has it and refuses all the same.
pub(super) fn ruleset(places: &Places) -> Result<Option<OwnedFd>, RulesetError> {
    let everything = AccessFs::from_all(NEWEST);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // No program, no device, no socket, no pipe: nothing in there makes them.
    let unneeded = AccessFs::Execute
        | AccessFs::MakeChar
        | AccessFs::MakeBlock
        | AccessFs::MakeSock
        | AccessFs::MakeFifo
        | AccessFs::IoctlDev;
    let write: BitFlags<AccessFs> = everything & !unneeded;
    let named = NAMED.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let system = SYSTEM.iter().map(PathBuf::from).chain(named);
    let created = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(everything)?
        .create()?
        .add_rules(path_beneath_rules(
            system.chain(places.read.iter().cloned()),
            read,
        ))?
        .add_rules(path_beneath_rules(&places.write, write))?
        .add_rules(path_beneath_rules(temporary(), write))?;
    Ok(created.into())
}

/// Where SQLite sorts what does not fit into memory (sqlite.org/tempfiles.html, section 5): the first of these that there is.
fn temporary() -> Option<PathBuf> {
    let named = ["SQLITE_TMPDIR", "TMPDIR"]
        .into_iter()
        .filter_map(std::env::var_os);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(Into::into);
    named.chain(usual).map(PathBuf::from).find(|dir| dir.is_dir())
}

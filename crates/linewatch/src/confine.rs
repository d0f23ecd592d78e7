//! Gives up every privilege once all is open, and names the files a running monitor needs: all others are closed to it.
//!
//! A file that others replace by renaming (the configuration, a certificate, a secret) is reached through its directory. What
//! a reload names later and was not named at the start stays closed until the next start, and its error says "permission
//! denied". Elsewhere than on Linux nothing was asked for, and nothing is given up. Not here: how (`linewatch_probe::privilege`).
#![cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux confines"))]

use std::path::{Path, PathBuf};

use anyhow::Result;
use linewatch_probe::engine::Engine;
#[cfg(target_os = "linux")]
use linewatch_probe::privilege::{self, ConfineError, Depth, Places};

use crate::config::Loaded;
#[cfg(target_os = "linux")]
use crate::exit::UserError;

/// S2's file, in the working directory.
const DOT_ENV: &str = ".env";

/// Confines a command that measures and ends: no capability, no other program. Its user says where it writes.
///
/// # Errors
///
/// When the kernel does not do what it offers; then nothing should be measured.
pub(crate) fn command(engine: &Engine) -> Result<()> {
    engine.settle();
    #[cfg(target_os = "linux")]
    confine(Depth::Command)?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn confine(depth: Depth<'_>) -> Result<String> {
    privilege::confine(depth).map_err(|error| match error {
        ConfineError::NoProc => UserError::failed(error.to_string())
            .help("mount it in this root: mount -t proc proc ROOT/proc")
            .into(),
        other => other.into(),
    })
}

/// What the monitor keeps when it is confined.
pub(crate) struct Kept {
    #[cfg(target_os = "linux")]
    places: Places,
}

impl Kept {
    /// Waits until the engine needs no privilege any more, and notes what this configuration names.
    pub(crate) fn of(engine: &Engine, loaded: &Loaded, web_dir: Option<&Path>) -> Self {
        engine.settle();
        #[cfg(not(target_os = "linux"))]
        let _ = (loaded, web_dir);
        Self {
            #[cfg(target_os = "linux")]
            places: places(loaded, web_dir),
        }
    }

    /// Confines the monitor: to the system calls and the files it needs, too. Everything it will ever need is open by now.
    ///
    /// # Errors
    ///
    /// As [`command`].
    pub(crate) fn and_nothing_else(self) -> Result<()> {
        #[cfg(target_os = "linux")]
        {
            let held = confine(Depth::Service(&self.places))?;
            tracing::info!("confined for good: {held}");
        }
        Ok(())
    }
}

/// Makes sure that the data can be written without privileges, before anything is begun.
///
/// # Errors
///
/// When they belong to somebody else.
pub(crate) fn check_owner(data_dir: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    privilege::without_capabilities(|| still_ours(data_dir))??;
    #[cfg(not(target_os = "linux"))]
    let _ = data_dir;
    Ok(())
}

/// Root without its capabilities is a user like any other, to whom another user's files are closed.
#[cfg(target_os = "linux")]
fn still_ours(data_dir: &Path) -> Result<(), UserError> {
    use nix::unistd::{AccessFlags, eaccess};
    let files = std::fs::read_dir(data_dir).into_iter().flatten().flatten();
    let ours = AccessFlags::R_OK | AccessFlags::W_OK;
    // What is not there yet will be made by us.
    let is_closed = |path: &Path, wanted| {
        eaccess(path, wanted)
            .err()
            .filter(|error| *error != nix::errno::Errno::ENOENT)
    };
    let foreign = std::iter::once((data_dir.to_owned(), ours | AccessFlags::X_OK))
        .chain(files.map(|file| (file.path(), ours)))
        .find_map(|(path, wanted)| Some((is_closed(&path, wanted)?, path)));
    let Some((error, path)) = foreign else {
        return Ok(());
    };
    let (dir, why) = (data_dir.display(), error.desc().to_lowercase());
    Err(UserError::failed(format!(
        "cannot write {}: {why}; it belongs to another user, and root's privileges over it are given up before anything is measured",
        path.display()
    ))
    .help(format!(
        "start linewatch as the owner of {dir}, with CAP_NET_RAW for ICMP, or take the data over with  sudo chown -R \
         \"$(id -u)\" {dir}"
    )))
}

/// The files and directories of this monitor. Makes the directory of `[rrd]`: a right needs something to hang on.
#[cfg(target_os = "linux")]
fn places(loaded: &Loaded, web_dir: Option<&Path>) -> Places {
    let settings = &loaded.settings;
    let mut read: Vec<PathBuf> = vec![DOT_ENV.into()];
    read.extend(web_dir.map(Path::to_owned));
    let alerts = &settings.alerts;
    let mut files = vec![
        settings.server.tls_cert.as_str(),
        settings.server.tls_key.as_str(),
        alerts.email.password_file.as_str(),
    ];
    for webhook in &alerts.webhooks {
        files.extend([webhook.secret_file.as_str(), webhook.template_file.as_str()]);
    }
    let configuration = loaded.config_path.iter().map(PathBuf::as_path);
    for file in files.into_iter().map(Path::new).chain(configuration) {
        read.extend(directories(file));
    }
    let mut write = vec![loaded.data_dir.clone()];
    if !settings.rrd.dir.is_empty() {
        let dir = PathBuf::from(&settings.rrd.dir);
        // Its own thread tells what is wrong with it, and tries again.
        let _ = std::fs::create_dir_all(&dir);
        write.push(dir);
    }
    write.extend(directories(Path::new(&alerts.graph_file)));
    Places { read, write }
}

/// The directory of a file, and that of the file it leads to. Of no file: none.
fn directories(file: &Path) -> Vec<PathBuf> {
    if file.as_os_str().is_empty() {
        return Vec::new();
    }
    let real = file.canonicalize().ok();
    let dir = |file: &Path| match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut found = vec![dir(file)];
    found.extend(real.as_deref().map(dir));
    found.dedup();
    found
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_reached_by_its_directory_and_by_that_of_what_it_leads_to() {
        let dir = tempfile::tempdir().expect("a directory");
        let base = dir.path().canonicalize().expect("there");
        for name in ["live", "archive"] {
            std::fs::create_dir(base.join(name)).expect("made");
        }
        std::fs::write(base.join("archive/cert1.pem"), "x").expect("written");
        std::os::unix::fs::symlink("../archive/cert1.pem", base.join("live/cert.pem")).expect("a link");
        let found = directories(&base.join("live/cert.pem"));
        assert_eq!(found, [base.join("live"), base.join("archive")]);
        assert_eq!(directories(Path::new("linewatch.toml"))[0], Path::new("."));
        assert!(directories(Path::new("")).is_empty());
    }
}

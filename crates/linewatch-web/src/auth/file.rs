//! Keeps the hashes of password, tokens and lasting sessions in `admin.hash`, for the server and the commands beside it.
//!
//! One line each, read whole, written whole to a new file and renamed: a reader sees the old or the new, never half. A lock on
//! the folder keeps two writers apart. Nothing in the file lets anybody in. Not here: what a credential is good for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use linewatch_core::limits::{ADMIN_FILE_BYTES, NAME_CHARS, SESSIONS_KEPT, TOKENS};
use linewatch_core::time::WallTime;

use super::lines::{parse, print};
use super::secret::{self, Digest, SecretError};
use crate::guard::Role;

/// What a token is good for; each includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenRole {
    /// Looks.
    Viewer,
    /// Starts, stops, acknowledges and silences.
    Operator,
    /// Does everything.
    Admin,
}

impl TokenRole {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Operator => Role::Operator,
            Self::Admin => Role::Admin,
        }
    }
}

/// A token, without what it is recognised by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Names it when it is revoked; no secret.
    pub id: String,
    /// What its maker called it.
    pub name: String,
    /// What it is good for.
    pub role: TokenRole,
    /// When it was made.
    pub made: WallTime,
}

/// A token that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What is kept of it.
    pub info: TokenInfo,
    /// The token itself: shown once, kept nowhere.
    pub secret: String,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The system refuses it.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It is not what we write. What stands in it is not repeated: it may be a secret.
    #[error("{path}, line {line}: not a line of this file", path = .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// No randomness, or no memory.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What was asked for cannot be: the sentence says why.
    #[error("{0}")]
    Refused(String),
}

/// A browser that stays signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptSession {
    pub(crate) digest: Digest,
    pub(crate) until: WallTime,
}

/// What stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// As argon2 writes it; `None`: no password was made yet, and none lets anybody in.
    pub(crate) password: Option<String>,
    pub(crate) tokens: Vec<(TokenInfo, Digest)>,
    pub(crate) kept: Vec<KeptSession>,
}

/// Tells one state of the file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    size_bytes: u64,
    inode: u64,
}

/// `admin.hash` of a data directory.
#[derive(Clone, Debug)]
pub struct AdminFile {
    path: PathBuf,
}

impl AdminFile {
    /// The file in this data directory, whether it exists or not.
    pub fn in_dir(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("admin.hash"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a password.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn has_password(&self) -> Result<bool, AdminError> {
        Ok(self.read()?.password.is_some())
    }

    /// Makes a password unless there is one; gives the one that was made.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn ensure_password(&self) -> Result<Option<String>, AdminError> {
        if self.has_password()? {
            return Ok(None);
        }
        let password = secret::new_password()?;
        self.set_password(&password)?;
        Ok(Some(password))
    }

    /// Replaces the password by a new random one, which is given back; every browser is signed out.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn reset_password(&self) -> Result<String, AdminError> {
        let password = secret::new_password()?;
        self.set_password(&password)?;
        Ok(password)
    }

    /// Replaces the password by a chosen one; every browser is signed out.
    ///
    /// # Errors
    ///
    /// It is too short or no line of text; the file cannot be read or written.
    pub fn set_password(&self, password: &str) -> Result<(), AdminError> {
        if let Some(why) = secret::refuse_password(password) {
            return Err(AdminError::Refused(why));
        }
        let hash = secret::hash_password(password)?;
        self.edit(|credentials| {
            credentials.password = Some(hash);
            credentials.kept.clear();
            Ok(())
        })
    }

    /// Makes a token.
    ///
    /// # Errors
    ///
    /// The name cannot be, there are too many, or the file cannot be read or written.
    pub fn create_token(&self, name: &str, role: TokenRole, now: WallTime) -> Result<NewToken, AdminError> {
        let name = name.trim();
        if name.chars().count() > NAME_CHARS || name.contains(char::is_control) {
            let why = format!("a token's name is one line of at most {NAME_CHARS} characters");
            return Err(AdminError::Refused(why));
        }
        let token = NewToken {
            info: TokenInfo {
                id: secret::new_id()?,
                name: name.to_owned(),
                role,
                made: now,
            },
            secret: secret::new_token()?,
        };
        self.edit(|credentials| {
            if credentials.tokens.len() >= TOKENS {
                return Err(AdminError::Refused(format!(
                    "there are {TOKENS} tokens already: revoke one that nobody uses"
                )));
            }
            credentials
                .tokens
                .push((token.info.clone(), Digest::of(&token.secret)));
            Ok(())
        })?;
        Ok(token)
    }

    /// Every token, the oldest first.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, AdminError> {
        Ok(self.read()?.tokens.into_iter().map(|(info, _)| info).collect())
    }

    /// Makes a token worthless; false if there is none with this id.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn revoke_token(&self, id: &str) -> Result<bool, AdminError> {
        self.edit(|credentials| {
            let before = credentials.tokens.len();
            credentials.tokens.retain(|(info, _)| info.id != id);
            Ok(credentials.tokens.len() < before)
        })
    }

    /// Remembers a browser across restarts.
    pub(crate) fn keep_session(&self, session: KeptSession) -> Result<(), AdminError> {
        self.edit(|credentials| {
            credentials.kept.push(session);
            let excess = credentials.kept.len().saturating_sub(SESSIONS_KEPT);
            credentials.kept.drain(..excess);
            Ok(())
        })
    }

    /// Forgets one.
    pub(crate) fn forget_session(&self, digest: Digest) -> Result<(), AdminError> {
        self.edit(|credentials| {
            credentials.kept.retain(|session| session.digest != digest);
            Ok(())
        })
    }

    /// Everything in it; a file that is not there is empty.
    pub(crate) fn read(&self) -> Result<Credentials, AdminError> {
        let mut text = String::new();
        match File::open(&self.path) {
            Ok(file) => file
                .take(ADMIN_FILE_BYTES)
                .read_to_string(&mut text)
                .map_err(|error| self.refused(error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Credentials::default()),
            Err(error) => return Err(self.refused(error)),
        };
        parse(&text).map_err(|line| AdminError::Unreadable {
            path: self.path.clone(),
            line,
        })
    }

    /// What tells whether it is another one now; `None`: there is no file.
    pub(crate) fn stamp(&self) -> io::Result<Option<Stamp>> {
        match fs::metadata(&self.path) {
            Ok(about) => Ok(Some(Stamp {
                modified: about.modified().ok(),
                size_bytes: about.len(),
                inode: inode(&about),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn edit<T>(
        &self,
        change: impl FnOnce(&mut Credentials) -> Result<T, AdminError>,
    ) -> Result<T, AdminError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let _lock = lock(folder).map_err(|error| self.refused(error))?;
        let mut credentials = self.read()?;
        let done = change(&mut credentials)?;
        self.write(folder, &credentials)
            .map_err(|error| self.refused(error))?;
        Ok(done)
    }

    /// By a new file and a rename. A new name cannot be a link that somebody laid out (SAFETY T16).
    fn write(&self, folder: &Path, credentials: &Credentials) -> io::Result<()> {
        let suffix = secret::new_id().map_err(io::Error::other)?;
        let fresh = self.path.with_extension(format!("hash.{suffix}"));
        let written = create(&fresh).and_then(|mut file| {
            file.write_all(print(credentials).as_bytes())?;
            give_to_owner(&file, folder)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)
        });
        if written.is_err() {
            // What is left of the attempt; if it cannot be removed either, it holds nothing but hashes.
            drop(fs::remove_file(&fresh));
            return written;
        }
        sync_folder(folder)
    }

    fn refused(&self, source: io::Error) -> AdminError {
        AdminError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// `sudo linewatch admin …` beside a service of another user: the service must be able to read what root wrote.
#[cfg(unix)]
fn give_to_owner(file: &File, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (owner, ours) = (fs::metadata(folder)?, file.metadata()?);
    if owner.uid() == ours.uid() {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(not(unix))]
fn give_to_owner(_file: &File, _folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(Some(folder))
}

/// A folder cannot be opened there; two writers at the same instant lose one change.
#[cfg(not(unix))]
fn lock(_folder: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn inode(about: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn inode(_about: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_nanos(1_795_254_971_000_000_000);

    #[test]
    fn what_was_written_is_read_back_and_holds_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AdminFile::in_dir(folder.path());
        assert_eq!(file.read().expect("empty"), Credentials::default());
        let password = file.ensure_password().expect("written").expect("the first");
        assert!(file.ensure_password().expect("read").is_none(), "made once");
        let token = file
            .create_token("attach on my desk", TokenRole::Operator, NOW)
            .expect("written");
        file.keep_session(KeptSession {
            digest: Digest::of("s"),
            until: NOW,
        })
        .expect("written");
        let read = file.read().expect("readable");
        assert!(secret::is_password(
            &password,
            read.password.as_deref().expect("a password")
        ));
        assert_eq!(read.tokens, [(token.info.clone(), Digest::of(&token.secret))]);
        assert_eq!(read.kept.len(), 1);
        let text = fs::read_to_string(file.path()).expect("readable");
        assert!(
            !text.contains(&password) && !text.contains(&token.secret),
            "{text}"
        );
        assert!(file.revoke_token(&token.info.id).expect("written"));
        assert!(!file.revoke_token(&token.info.id).expect("written"));
        assert_eq!(file.tokens().expect("read"), []);
    }

    #[test]
    fn a_new_password_signs_every_browser_out_and_leaves_tokens() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AdminFile::in_dir(folder.path());
        file.create_token("", TokenRole::Viewer, NOW).expect("written");
        file.keep_session(KeptSession {
            digest: Digest::of("s"),
            until: NOW,
        })
        .expect("written");
        file.reset_password().expect("written");
        let read = file.read().expect("readable");
        assert_eq!((read.kept.len(), read.tokens.len()), (0, 1));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it_and_nothing_is_left_beside_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = AdminFile::in_dir(folder.path());
        file.reset_password().expect("written");
        let mode = fs::metadata(file.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let names = fs::read_dir(folder.path()).expect("readable").count();
        assert_eq!(names, 1);
    }

    #[test]
    fn a_spoilt_file_lets_nobody_in_and_its_content_is_not_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AdminFile::in_dir(folder.path());
        fs::write(file.path(), "password $argon2id$x\nhunter2\n").expect("written");
        let error = file.read().expect_err("spoilt").to_string();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
        assert!(file.reset_password().is_err(), "it is not overwritten unseen");
    }
}

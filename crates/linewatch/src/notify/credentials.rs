//! Finds out who sends mail and with which password: the configuration, the environment, S2's `EMAIL_*` names and `.env`.
//!
//! The environment wins over files for the password (S2-6); the configuration wins for everything else. A secret is read anew for
//! each attempt, so that a changed file needs no reload, and is in no message and no log line.

use std::fs;
use std::path::Path;

use crate::config::Secret;
use crate::config::alerts::{Alerts, Email};

const PASSWORD: &str = "LINEWATCH_EMAIL_PASSWORD";
/// S2's file, in the working directory.
const DOT_ENV: &str = ".env";
/// A file of secrets is longer than this by mistake only.
const SECRET_BYTES: u64 = 64 * 1024;

/// Who sends, as found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub server: String,
    pub port: u16,
    /// Empty: no login.
    pub user: String,
    pub password: Option<Secret<String>>,
    pub from: String,
}

/// Looks names up: first in the environment, then in `.env`.
struct Names {
    dot_env: Vec<(String, String)>,
}

impl Names {
    fn read() -> Self {
        let text = fs::read_to_string(DOT_ENV).unwrap_or_default();
        Self {
            dot_env: parse_dot_env(&text),
        }
    }

    fn environment(name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn file(&self, name: &str) -> Option<String> {
        let found = self.dot_env.iter().rev().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_empty())
    }

    fn any(&self, name: &str) -> Option<String> {
        Self::environment(name).or_else(|| self.file(name))
    }
}

/// The sender, where one is configured.
pub(super) fn sender(email: &Email) -> Option<String> {
    if !email.from.is_empty() {
        return Some(email.from.clone());
    }
    Names::read()
        .any("EMAIL_SENDER")
        .or_else(|| (email.user.contains('@')).then(|| email.user.clone()))
}

/// Everything needed to send; `None`: nobody sends.
///
/// # Errors
///
/// Which file could not be read and why.
pub(super) fn account(email: &Email) -> Result<Option<Account>, String> {
    let names = Names::read();
    let Some(from) = sender(email) else {
        return Ok(None);
    };
    let default = Email::default();
    let is_s2 = email.from.is_empty() && email.user.is_empty();
    let server = match names.any("EMAIL_SMTP_SERVER") {
        Some(server) if is_s2 && email.server == default.server => server,
        _ => email.server.clone(),
    };
    let port = match names.any("EMAIL_SMTP_PORT").map(|port| port.parse()) {
        Some(Ok(port)) if is_s2 && email.port == default.port => port,
        _ => email.port,
    };
    let password = password(email, &names)?;
    // Who has a password logs in; S2 names no user but the sender.
    let user = match (&password, email.user.is_empty()) {
        (Some(_), true) => bare(&from).to_owned(),
        _ => email.user.clone(),
    };
    Ok(Some(Account {
        server,
        port,
        user,
        password: password.map(Secret::new),
        from,
    }))
}

fn password(email: &Email, names: &Names) -> Result<Option<String>, String> {
    let by_environment = Names::environment(PASSWORD).or_else(|| Names::environment("EMAIL_PASSWORD"));
    if let Some(password) = by_environment {
        return Ok(Some(password));
    }
    if !email.password_file.is_empty() {
        return read_secret(&email.password_file).map(Some);
    }
    Ok(names.file(PASSWORD).or_else(|| names.file("EMAIL_PASSWORD")))
}

/// Where the password is read from, never what it is; `None`: nowhere.
pub(super) fn password_from(email: &Email) -> Option<String> {
    let is_set = |name: &&str| Names::environment(name).is_some();
    if let Some(name) = [PASSWORD, "EMAIL_PASSWORD"].iter().copied().find(is_set) {
        return Some(name.to_owned());
    }
    if !email.password_file.is_empty() {
        return Some(email.password_file.clone());
    }
    let names = Names::read();
    let is_written = [PASSWORD, "EMAIL_PASSWORD"]
        .iter()
        .any(|name| names.file(name).is_some());
    is_written.then(|| DOT_ENV.to_owned())
}

/// The first line of a file that holds a secret.
///
/// # Errors
///
/// What is wrong with the file; never what is in it.
pub(crate) fn read_secret(path: &str) -> Result<String, String> {
    let size = fs::metadata(path)
        .map_err(|error| format!("cannot read {path}: {error}"))?
        .len();
    if size > SECRET_BYTES {
        return Err(format!("{path} is no secret: it has {size} bytes"));
    }
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let secret = text.lines().next().unwrap_or_default().trim();
    if secret.is_empty() {
        return Err(format!("{path} is empty: write the secret into its first line"));
    }
    Ok(secret.to_owned())
}

/// The address of `Name <a@b>`.
pub(super) fn bare(mailbox: &str) -> &str {
    match mailbox.split_once('<') {
        Some((_, rest)) => rest.trim_end().trim_end_matches('>').trim(),
        None => mailbox.trim(),
    }
}

/// Files with secrets that everybody on this computer can read.
pub(super) fn warnings(alerts: &Alerts) -> Vec<String> {
    let secrets = alerts.webhooks.iter().map(|webhook| webhook.secret_file.as_str());
    let has_env_secret = Names::read()
        .dot_env
        .iter()
        .any(|(key, _)| key.ends_with("PASSWORD"));
    let files = secrets
        .chain([alerts.email.password_file.as_str()])
        .chain(has_env_secret.then_some(DOT_ENV));
    files
        .filter(|path| !path.is_empty() && is_world_readable(Path::new(path)))
        .map(|path| {
            format!("{path} holds a secret and everybody on this computer can read it: chmod 600 {path}")
        })
        .collect()
}

#[cfg(unix)]
fn is_world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Windows inherits the permissions of the directory, which are the user's own for a profile.
#[cfg(not(unix))]
fn is_world_readable(_path: &Path) -> bool {
    false
}

/// `KEY=value` a line; `export` before it, quotes around the value and lines that begin with `#` as people write them.
fn parse_dot_env(text: &str) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        let unquoted = ['"', '\'']
            .into_iter()
            .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
        let is_comment = line.starts_with('#');
        (!is_comment).then(|| (key.trim().to_owned(), unquoted.unwrap_or(value).to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_env_is_read_as_people_write_it() {
        let text = "# mail\nEMAIL_SENDER=a@b.org\nexport EMAIL_PASSWORD = \"ab cd=ef\"\nX='y'\n\nbroken\n";
        let expected = [
            ("EMAIL_SENDER", "a@b.org"),
            ("EMAIL_PASSWORD", "ab cd=ef"),
            ("X", "y"),
        ];
        let found = parse_dot_env(text);
        let found: Vec<_> = found
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_empty_secret_is_told_by_its_path_only() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_string_lossy().into_owned();
        assert!(read_secret(&path).expect_err("empty").contains("is empty"));
        fs::write(&path, " hunter2 \nsecond\n").expect("written");
        assert_eq!(read_secret(&path).as_deref(), Ok("hunter2"));
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_everybody_can_read_is_warned_about() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut alerts = Alerts::default();
        alerts.email.password_file = file.path().to_string_lossy().into_owned();
        let with_mode = |mode| {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).expect("set");
            warnings(&alerts).len()
        };
        assert_eq!((with_mode(0o600), with_mode(0o644)), (0, 1));
    }

    #[test]
    fn the_address_of_a_mailbox_is_what_is_between_the_brackets() {
        assert_eq!(
            (bare("Ops Team <ops@x.org>"), bare(" a@b.c ")),
            ("ops@x.org", "a@b.c")
        );
    }
}

//! Writes the file of hashes as lines, and reads them back strictly: half a file must let nobody in.
//!
//! `password PHC`, `token ID ROLE MADE DIGEST NAME`, `session UNTIL DIGEST`; times in milliseconds since 1970.

use linewatch_core::time::WallTime;

use super::file::{Credentials, KeptSession, TokenInfo, TokenRole};
use super::secret::Digest;

/// What the file begins with, for who opens it.
const HEAD: &str = "# linewatch: hashes of the admin password, of tokens and of browsers that stay signed in.\n\
                    # Edit it with  linewatch admin reset-password | token create | token list | token revoke\n";

/// The whole file.
pub(super) fn print(credentials: &Credentials) -> String {
    let mut text = HEAD.to_owned();
    if let Some(password) = &credentials.password {
        text += &format!("password {password}\n");
    }
    for (info, digest) in &credentials.tokens {
        let (id, role, made) = (&info.id, info.role.word(), info.made.as_millis());
        text += &format!("token {id} {role} {made} {} {}\n", digest.to_hex(), info.name);
    }
    for session in &credentials.kept {
        text += &format!(
            "session {} {}\n",
            session.until.as_millis(),
            session.digest.to_hex()
        );
    }
    text
}

/// The way back from [`print`]; the error is the number of the first line that is none of ours.
pub(super) fn parse(text: &str) -> Result<Credentials, usize> {
    let mut credentials = Credentials::default();
    for (index, line) in text.lines().enumerate() {
        read_line(line, &mut credentials).ok_or(index + 1)?;
    }
    Ok(credentials)
}

fn read_line(line: &str, credentials: &mut Credentials) -> Option<()> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Some(());
    }
    let (kind, rest) = line.split_once(' ')?;
    match kind {
        "password" if credentials.password.is_none() => credentials.password = Some(rest.to_owned()),
        "token" => {
            let mut words = rest.splitn(5, ' ');
            let info = TokenInfo {
                id: words.next()?.to_owned(),
                role: TokenRole::from_word(words.next()?)?,
                made: at(words.next()?)?,
                name: String::new(),
            };
            let digest = Digest::from_hex(words.next()?)?;
            let name = words.next().unwrap_or_default().to_owned();
            credentials.tokens.push((TokenInfo { name, ..info }, digest));
        }
        "session" => {
            let (until, digest) = rest.split_once(' ')?;
            credentials.kept.push(KeptSession {
                until: at(until)?,
                digest: Digest::from_hex(digest)?,
            });
        }
        _ => return None,
    }
    Some(())
}

fn at(millis: &str) -> Option<WallTime> {
    Some(WallTime::from_nanos(
        millis.parse::<i64>().ok()?.checked_mul(1_000_000)?,
    ))
}

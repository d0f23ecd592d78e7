//! Makes and hashes what must not be guessed: passwords, tokens, sessions.
//!
//! A password is kept as argon2id, because people choose short ones; tokens and sessions have 256 random bits, so that a
//! plain SHA-256 of them cannot be turned back. Nothing here is ever printed or logged but by who asked for it.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use linewatch_core::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
use sha2::{Digest as _, Sha256};

/// Letters and digits that are not mistaken for each other when read aloud: 32 of them are 5 bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Groups of five: 20 characters, 100 bits.
const PASSWORD_GROUPS: usize = 4;
/// Shows what it is to who finds one, and to programs that look for secrets in the wrong places.
const TOKEN_PREFIX: &str = "lw_";

/// What is kept of a token or session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// Of any secret text.
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// 64 hexadecimal digits.
    pub(crate) fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The way back from [`Self::to_hex`].
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// The operating system gave no random numbers, or argon2 no memory.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(String);

fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| SecretError(format!("the operating system gives no random numbers: {error}")))?;
    Ok(bytes)
}

/// A password to read aloud: `xxxxx-xxxxx-xxxxx-xxxxx`.
pub(crate) fn new_password() -> Result<String, SecretError> {
    let bytes = random::<{ PASSWORD_GROUPS * 5 }>()?;
    // 256 is a multiple of 32: every letter is equally likely.
    let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
    Ok(groups.join("-"))
}

/// A token for a program: 256 bits.
pub(crate) fn new_token() -> Result<String, SecretError> {
    Ok(format!(
        "{TOKEN_PREFIX}{}",
        URL_SAFE_NO_PAD.encode(random::<32>()?)
    ))
}

/// A session of a browser: 256 bits.
pub(crate) fn new_session() -> Result<String, SecretError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// The number a token is called by: it says nothing of the token.
pub(crate) fn new_id() -> Result<String, SecretError> {
    Ok(random::<4>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The password as it may be kept: argon2id with 19 MiB, 2 passes and its own salt (OWASP's least, argon2's default).
pub(crate) fn hash_password(password: &str) -> Result<String, SecretError> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| SecretError(format!("the password cannot be hashed: {error}")))?;
    Ok(hash.to_string())
}

/// Whether this is the password. Some 50 ms of one core, and 19 MiB.
pub(crate) fn is_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Why a chosen password will not do.
pub(crate) fn refuse_password(password: &str) -> Option<String> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Some(format!(
            "a password needs at least {PASSWORD_CHARS_MIN} characters"
        ));
    }
    if password.len() > PASSWORD_BYTES_MAX || password.contains(char::is_control) {
        return Some(format!(
            "a password is one line of at most {PASSWORD_BYTES_MAX} bytes"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_fits_its_hash_and_the_hash_is_argon2id() {
        let hash = hash_password("correct horse").expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_password("correct horse", &hash));
        assert!(!is_password("correct horse ", &hash));
        assert!(!is_password("", &hash));
        assert!(!is_password("correct horse", "correct horse"));
        assert_ne!(
            hash,
            hash_password("correct horse").expect("hashed"),
            "the salt is its own"
        );
    }

    #[test]
    fn what_we_make_is_long_and_never_the_same() {
        let (one, other) = (new_password().expect("random"), new_password().expect("random"));
        assert_ne!(one, other);
        assert_eq!((one.len(), refuse_password(&one)), (23, None));
        assert!(new_token().expect("random").len() >= 46);
        assert!(refuse_password("short").is_some() && refuse_password("two\nlines here").is_some());
    }

    #[test]
    fn a_digest_is_read_back_from_its_digits_alone() {
        let digest = Digest::of("x");
        assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
        assert_eq!(Digest::from_hex("x"), None);
        assert_eq!(Digest::from_hex(&"ä".repeat(32)), None);
    }
}

//! Speaks TLS by a certificate and a key from files (PEM), and takes changed files over while connections go on.
//!
//! A pair that does not fit is refused as a whole: at start with what to do, later by keeping the pair before. TLS 1.2 and 1.3,
//! HTTP/1.1. Not here: who issues certificates.

#[cfg(any(unix, test))]
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Certificate and key in force.
#[derive(Clone, Debug)]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    now: Arc<Mutex<Arc<ServerConfig>>>,
}

/// Why a certificate cannot be used: a sentence with the file, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TlsError {
    /// What is wrong, and with which file.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// One is missing, unreadable or none of its kind, or they do not belong together.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let config = read(cert, key)?;
        Ok(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            now: Arc::new(Mutex::new(Arc::new(config))),
        })
    }

    /// Reads both again; new connections get the new pair.
    ///
    /// # Errors
    ///
    /// As [`Self::load`]; the pair before stays in force.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = Arc::new(read(&self.cert, &self.key)?);
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Who may read the key beside its owner and group, in words; `None` where that is as it should be.
    pub fn loose_key(&self) -> Option<String> {
        loose(&self.key)
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&now))
    }
}

fn read(cert: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let chain = certificates(cert)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        let help = "tls_key must be the private key of tls_cert in PEM form: -----BEGIN PRIVATE KEY-----, without a passphrase";
        refused("tls_key", key, &error, help)
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let wrong = |error: &rustls::Error| TlsError {
        message: format!(
            "tls_cert \"{}\" and tls_key \"{}\" cannot be used together: {error}",
            cert.display(),
            key.display()
        ),
        help: "the key must belong to the first certificate of the file; its issuers follow it in the same file",
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let help = "tls_cert must be a file with the certificate and its issuers in PEM form: -----BEGIN CERTIFICATE-----";
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refused("tls_cert", path, &error, help))?;
    if chain.is_empty() {
        return Err(refused("tls_cert", path, &pem::Error::NoItemsFound, help));
    }
    Ok(chain)
}

fn refused(key: &str, path: &Path, error: &pem::Error, help: &'static str) -> TlsError {
    let why = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it holds none".to_owned(),
        // The parser's words repeat what stands in the file: of a key they would be a secret.
        _ => "it is not PEM".to_owned(),
    };
    TlsError {
        message: format!("{key} \"{}\" cannot be used: {why}", path.display()),
        help,
    }
}

#[cfg(unix)]
fn loose(key: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(key).ok()?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then(|| {
        let key = key.display();
        format!("every user of this computer may read tls_key \"{key}\" (mode {mode:03o}): chmod 600 {key}")
    })
}

#[cfg(not(unix))]
fn loose(_key: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("made");
        let (cert, key) = (
            folder.join(format!("{name}.crt")),
            folder.join(format!("{name}.key")),
        );
        fs::write(&cert, made.cert.pem()).expect("written");
        fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        (cert, key)
    }

    fn message(cert: &Path, key: &Path) -> String {
        Tls::load(cert, key).expect_err("refused").message
    }

    #[test]
    fn each_mistake_names_its_file_and_a_good_pair_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cert, key) = pair(folder.path(), "one.example");
        let (_, other) = pair(folder.path(), "two.example");
        let none = folder.path().join("none.pem");
        assert!(Tls::load(&cert, &key).is_ok());
        assert!(
            message(&none, &key).starts_with("tls_cert"),
            "{}",
            message(&none, &key)
        );
        assert!(
            message(&cert, &none).starts_with("tls_key"),
            "{}",
            message(&cert, &none)
        );
        assert!(
            message(&cert, &other).contains("together"),
            "{}",
            message(&cert, &other)
        );
        assert!(
            message(&key, &key).contains("holds none"),
            "{}",
            message(&key, &key)
        );
        assert!(
            message(&cert, &cert).contains("holds none"),
            "{}",
            message(&cert, &cert)
        );
    }

    #[test]
    fn a_broken_renewal_keeps_the_pair_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cert, key) = pair(folder.path(), "one.example");
        let tls = Tls::load(&cert, &key).expect("good");
        fs::write(
            &key,
            "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
        )
        .expect("written");
        let error = tls.reload().expect_err("broken").message;
        assert!(!error.contains("hunter2"), "{error}");
        let (new_cert, new_key) = pair(folder.path(), "two.example");
        fs::copy(new_cert, &cert).expect("copied");
        fs::copy(new_key, &key).expect("copied");
        tls.reload().expect("a new pair");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_for_everybody_to_read_is_said() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let (cert, key) = pair(folder.path(), "one.example");
        let tls = Tls::load(&cert, &key).expect("good");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
        assert!(tls.loose_key().expect("said").contains("chmod 600"));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("set");
        assert_eq!(
            tls.loose_key(),
            None,
            "a group such as ssl-cert is how keys are shared"
        );
    }
}

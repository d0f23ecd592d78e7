//! Prepares who may open the page: the admin password of the first start, the certificate, and the words that tell both.
//!
//! In: the checked configuration and the open sockets. Out: what `linewatch_web` is given, and lines to print. The password is
//! printed once and logged never. Not here: judging anybody (`linewatch_web`).

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::Result;
use linewatch_web::{AccessRule, AdminFile, Tls};

use crate::app::host_name;
use crate::config::{Auth, Loaded, Server as Settings};
use crate::control::Reload;
use crate::exit::UserError;

/// Set by the image, and by it alone (`packaging/Dockerfile`).
const IMAGE: &str = "LINEWATCH_UID";
/// Own addresses that are printed; a computer with more has somebody who knows them.
const ADDRESSES: usize = 4;

/// Everything about the door.
pub(crate) struct Access {
    pub rule: AccessRule,
    pub admin: AdminFile,
    pub tls: Option<Tls>,
    /// A password that was made just now.
    password: Option<String>,
}

impl Access {
    /// Makes the password where one is asked for and there is none yet. The data directory must be there.
    ///
    /// # Errors
    ///
    /// A file of hashes that cannot be used.
    pub(crate) fn prepare(loaded: &Loaded, tls: Option<Tls>, listen: SocketAddr) -> Result<Self> {
        let server = &loaded.settings.server;
        let rule = AccessRule {
            is_off: server.auth == Auth::Off,
            is_public_read: server.public_read,
            is_proxied: is_proxied(server),
        };
        let admin = AdminFile::in_dir(&loaded.data_dir);
        let is_asked = !rule.is_off && (rule.is_proxied || !is_loopback(listen));
        let password = if is_asked {
            admin.ensure_password()
        } else {
            Ok(None)
        };
        let password = password.map_err(|error| {
            let path = admin.path().display();
            let help = format!("without it nobody can sign in; a broken {path} can be removed: the next start makes a new one");
            UserError::failed(format!("the admin password cannot be kept: {error}")).help(help)
        })?;
        Ok(Self {
            rule,
            admin,
            tls,
            password,
        })
    }

    /// What a person needs to open the page, here and from elsewhere. For the terminal alone: a new password is among it.
    pub(crate) fn lines(&self, server: &Settings, listen: SocketAddr) -> Vec<String> {
        let scheme = if self.tls.is_some() { "https://" } else { "http://" };
        let base = match server.base_path.trim_end_matches('/') {
            "" => String::new(),
            base => format!("{base}/"),
        };
        // What a container calls itself nobody outside can type.
        let is_inside = std::env::var_os(IMAGE).is_some_and(|value| !value.is_empty());
        let own = (!is_inside).then(|| match listen.ip().is_unspecified() {
            true => own_addresses(),
            false => Vec::new(),
        });
        let mut lines = vec![format!("Running on {scheme}{listen}{base}")];
        lines.extend(self.way_in(listen, &host_name(), own.as_deref(), scheme, &base));
        lines
    }

    /// `own`: this computer's addresses; nothing inside a container.
    fn way_in(
        &self,
        listen: SocketAddr,
        host: &str,
        own: Option<&[IpAddr]>,
        scheme: &str,
        base: &str,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let port = listen.port();
        if is_loopback(listen) {
            lines.push(format!(
                "Only this computer can open this page. To share it: listen = \"0.0.0.0:{port}\" under [server] in linewatch.toml, \
                 or on the other computer  ssh -L {port}:{listen} {host}"
            ));
        } else if own.is_none() {
            lines.push(format!(
                "Inside a container: open it at the port that {port} is published under (docker run -p, `ports` of compose.yaml)"
            ));
        } else if let Some(own) = own.filter(|_| listen.ip().is_unspecified()) {
            let names = std::iter::once(host.to_owned()).chain(own.iter().take(ADDRESSES).map(literal));
            let urls: Vec<String> = names.map(|name| format!("{scheme}{name}:{port}{base}")).collect();
            lines.push(format!("From other computers: {}", urls.join("  ")));
        }
        if self.rule.is_proxied {
            lines.push("A proxy is configured (base_path or allowed_hosts): changes need the admin password from everywhere".to_owned());
        }
        if self.rule.is_off && !is_loopback(listen) {
            lines.push(
                "warning: auth = \"off\": everybody who reaches this address may change everything"
                    .to_owned(),
            );
        } else if !is_loopback(listen) {
            let looking = if self.rule.is_public_read {
                "Looking is open to everybody who reaches it"
            } else {
                "Looking"
            };
            let and = if self.rule.is_public_read {
                "; changes need"
            } else {
                " and changing need"
            };
            lines.push(format!(
                "{looking}{and} the admin password (lost? linewatch admin reset-password)"
            ));
            if self.tls.is_none() {
                lines.push("This connection is not encrypted: use it in a network you trust, or set tls_cert and tls_key".to_owned());
            }
        }
        if let Some(password) = &self.password {
            lines.push(format!("Admin password: {password}"));
            lines.push(format!(
                "  shown this once; only its hash is kept, in {}",
                self.admin.path().display()
            ));
        }
        lines
    }
}

/// The pair, if one is configured.
///
/// # Errors
///
/// Half a pair, or one that cannot be used.
pub(crate) fn certificate(loaded: &Loaded) -> Result<Option<Tls>, UserError> {
    let server = &loaded.settings.server;
    let missing = |key: &str, other: &str| {
        UserError::usage(format!("server.{key} is set, but server.{other} is not"))
            .help("a certificate needs its key and a key its certificate: set both, or neither")
    };
    let (cert, key) = match (server.tls_cert.as_str(), server.tls_key.as_str()) {
        ("", "") => return Ok(None),
        (_, "") => return Err(missing("tls_cert", "tls_key")),
        ("", _) => return Err(missing("tls_key", "tls_cert")),
        (cert, key) => (Path::new(cert), Path::new(key)),
    };
    let tls = Tls::load(cert, key).map_err(|error| UserError::usage(error.message).help(error.help))?;
    if let Some(sentence) = tls.loose_key() {
        tracing::warn!("{sentence}");
    }
    Ok(Some(tls))
}

/// Behind a name or a path of its own stands a proxy, and it may stand on this very computer.
fn is_proxied(server: &Settings) -> bool {
    !server.base_path.trim_matches('/').is_empty() || !server.allowed_hosts.is_empty()
}

fn is_loopback(listen: SocketAddr) -> bool {
    listen.ip().to_canonical().is_loopback()
}

/// Names under which this computer is known: as it calls itself, the first part, and that in the local network (mDNS).
pub(crate) fn own_names(host: &str) -> Vec<String> {
    let short = host.split('.').next().unwrap_or(host);
    let mut names = vec![host.to_owned(), short.to_owned(), format!("{short}.local")];
    names.dedup();
    names
}

/// A reload reads the certificate again too; a pair that does not fit is told and the one before stays.
pub(crate) fn with_certificate(reload: Reload, tls: Option<Tls>) -> Reload {
    Box::new(move |text| {
        // A change of the page is about targets.
        let tls = tls.as_ref().filter(|_| text.is_none());
        if let Some(Err(error)) = tls.map(Tls::reload) {
            tracing::error!(
                "{}; the certificate before stays in force: {}",
                error.message,
                error.help
            );
        }
        reload(text)
    })
}

fn literal(ip: &IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Addresses that other computers may know, IPv4 first.
#[cfg(unix)]
fn own_addresses() -> Vec<IpAddr> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let is_useful = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    };
    let ip = |address: nix::sys::socket::SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    let mut found: Vec<IpAddr> = all.filter_map(|one| ip(one.address?)).filter(is_useful).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(not(unix))]
fn own_addresses() -> Vec<IpAddr> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LoadOptions, Operator, load};

    fn loaded(folder: &Path, text: &str) -> Loaded {
        let options = LoadOptions {
            data_dir: Some(folder.to_owned()),
            operator: Operator::AsRead(Some((folder.join("linewatch.toml"), text.to_owned()))),
            ..LoadOptions::default()
        };
        load(&options).expect("right")
    }

    fn prepared(folder: &Path, text: &str, listen: &str) -> Access {
        Access::prepare(&loaded(folder, text), None, listen.parse().expect("an address")).expect("prepared")
    }

    fn told(access: &Access, listen: &str) -> String {
        let own = [IpAddr::from([192, 168, 1, 10])];
        access
            .way_in(
                listen.parse().expect("an address"),
                "nas",
                Some(&own),
                "http://",
                "",
            )
            .join("\n")
    }

    #[test]
    fn inside_a_container_no_address_is_told_that_only_it_knows() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = prepared(folder.path(), "", "0.0.0.0:5000");
        let listen = "0.0.0.0:5000".parse().expect("an address");
        let told = inside
            .way_in(listen, "5ac3231b6e22", None, "http://", "")
            .join("\n");
        assert!(
            told.starts_with("Inside a container") && !told.contains("5ac3231b6e22"),
            "{told}"
        );
    }

    #[test]
    fn a_password_is_made_once_and_only_where_others_come() {
        let folder = tempfile::tempdir().expect("a folder");
        let local = prepared(folder.path(), "", "127.0.0.1:5000");
        assert!(!local.admin.path().exists(), "this computer alone needs none");
        let first = prepared(folder.path(), "", "0.0.0.0:5000");
        let password = first.password.clone().expect("made");
        let told = told(&first, "0.0.0.0:5000");
        assert!(told.contains(&password) && told.contains("admin.hash"), "{told}");
        assert!(
            told.contains("http://nas:5000") && told.contains("http://192.168.1.10:5000"),
            "{told}"
        );
        assert!(
            prepared(folder.path(), "", "0.0.0.0:5000").password.is_none(),
            "printed once"
        );
    }

    #[test]
    fn off_is_said_and_makes_no_password() {
        let folder = tempfile::tempdir().expect("a folder");
        let off = prepared(folder.path(), "[server]\nauth = \"off\"\n", "0.0.0.0:5000");
        assert!(off.rule.is_off && !off.admin.path().exists());
        assert!(
            told(&off, "0.0.0.0:5000").contains("everybody who reaches this address may change everything")
        );
    }

    #[test]
    fn behind_a_proxy_this_computer_needs_the_password_too() {
        for text in [
            "[server]\nbase_path = \"/line/\"\n",
            "[server]\nallowed_hosts = [\"nas.home\"]\n",
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let access = prepared(folder.path(), text, "127.0.0.1:5000");
            assert!(access.rule.is_proxied && access.password.is_some(), "{text}");
        }
    }

    #[test]
    fn from_elsewhere_one_line_says_how() {
        let folder = tempfile::tempdir().expect("a folder");
        let told = told(&prepared(folder.path(), "", "127.0.0.1:5000"), "127.0.0.1:5000");
        assert!(
            told.starts_with("Only this computer can open this page."),
            "{told}"
        );
        assert!(
            told.contains("ssh -L 5000:127.0.0.1:5000 nas") && told.contains("0.0.0.0:5000"),
            "{told}"
        );
    }

    #[test]
    fn half_a_pair_is_refused_and_a_missing_file_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = |text: &str| {
            certificate(&loaded(folder.path(), text))
                .expect_err("refused")
                .to_string()
        };
        assert!(error("[server]\ntls_cert = \"a.pem\"\n").contains("server.tls_key is not"));
        let both = error("[server]\ntls_cert = \"a.pem\"\ntls_key = \"b.pem\"\n");
        assert!(both.contains("tls_cert \"a.pem\""), "{both}");
    }

    #[test]
    fn this_computer_is_known_by_its_name_and_in_the_local_network() {
        assert_eq!(
            own_names("nas.home.example"),
            ["nas.home.example", "nas", "nas.local"]
        );
        assert_eq!(own_names("nas"), ["nas", "nas.local"]);
    }
}

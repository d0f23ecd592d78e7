//! Connects to the addresses that were checked and to no others: resolve, check, pin (SAFETY T5).
//!
//! A webhook's name is looked up once per attempt, every address is judged, and the connection goes to those very addresses; a
//! second answer of the name server has no chance. Redirects are not followed, and no proxy of the environment is asked: it would
//! look the name up itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The public Internet.
    Public,
    /// Also this computer and the networks around it, but never its own link's addresses (`169.254.169.254` tells secrets).
    Private,
    /// Whatever the operator named and allowed.
    Anything,
}

/// A client for one request: no redirects, no proxy, nothing kept, and the whole of it within `limit`.
pub(super) fn agent(reach: Reach, limit: Duration) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .timeout_global(Some(limit))
        .user_agent(concat!("linewatch/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Pinned { reach })
}

#[derive(Debug)]
struct Pinned {
    reach: Reach,
}

impl Resolver for Pinned {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        // One forbidden address among good ones is as suspicious as a forbidden one alone.
        for address in found.iter() {
            if let Some(what) = forbidden(address.ip(), self.reach) {
                let words = format!(
                    "{} is {}, {what}: refused, set allow_private = true if that is meant",
                    uri.host().unwrap_or_default(),
                    address.ip()
                );
                return Err(ureq::Error::Io(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    words,
                )));
            }
        }
        Ok(found)
    }
}

/// What an address is, if it must not be connected to.
fn forbidden(ip: IpAddr, reach: Reach) -> Option<&'static str> {
    let (what, is_near) = match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => v6(ip),
    }?;
    match reach {
        Reach::Public => Some(what),
        Reach::Private => (!is_near).then_some(what),
        Reach::Anything => None,
    }
}

/// What a special address is (IANA's registry), and whether it is this computer or a network around it.
fn v4(ip: Ipv4Addr) -> Option<(&'static str, bool)> {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (127, ..) => Some(("this computer", true)),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some(("an address of a private network", true)),
        (100, 64..=127, _) => Some(("an address of a provider's own network", true)),
        (169, 254, _) => Some(("a link-local address", false)),
        (0, ..) => Some(("no address", false)),
        (192, 0, 0 | 2) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => {
            Some(("an address for tests and documentation", false))
        }
        (224.., ..) => Some(("a multicast or reserved address", false)),
        _ => None,
    }
}

fn v6(ip: Ipv6Addr) -> Option<(&'static str, bool)> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        _ if ip.is_loopback() => Some(("this computer", true)),
        _ if ip.is_unspecified() => Some(("no address", false)),
        // IPv4 in IPv6 dress: mapped, compatible, NAT64 (RFC 6052), 6to4.
        (0, 0, 0, 0, 0, 0xffff | 0) | (0x64, 0xff9b, 0, 0, 0, 0) => embedded(g, h),
        (0x2002, ..) => embedded(b, c),
        (0x64, 0xff9b, 1, ..) => Some(("an address of a local translator", true)),
        (0xfc00..=0xfdff, ..) => Some(("an address of a private network", true)),
        (0xfe80..=0xfeff, ..) => Some(("a link-local address", false)),
        (0xff00..=0xffff, ..) => Some(("a multicast address", false)),
        (0x2001, 0xdb8, ..) | (0x100, 0, 0, 0, ..) => Some(("an address for tests and documentation", false)),
        (0x2001, 0, ..) => Some(("an address of a tunnel", false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ip: &str, public: bool, private: bool) {
        let ip: IpAddr = ip.parse().expect("an address");
        let allowed = |reach| forbidden(ip, reach).is_none();
        assert_eq!(
            (allowed(Reach::Public), allowed(Reach::Private)),
            (public, private),
            "{ip}"
        );
        assert!(allowed(Reach::Anything), "{ip}");
    }

    #[test]
    fn public_addresses_are_reached() {
        for ip in [
            "8.8.8.8",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
            "172.32.0.1",
        ] {
            check(ip, true, true);
        }
    }

    #[test]
    fn near_addresses_are_reached_by_permission_only() {
        for ip in [
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "::127.0.0.1",
        ] {
            check(ip, false, true);
        }
    }

    #[test]
    fn what_is_never_a_server_is_not_even_near() {
        for ip in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
            "192.0.2.1",
            "2001:db8::1",
            "2001::1",
        ] {
            check(ip, false, false);
        }
    }
}

//! Decides who may ask at all: the Host, the Origin, and whether a request comes from this computer itself.
//!
//! SAFETY T1 to T5. Every request passes here, files and WebSocket included. Pure: headers and an address in,
//! a refusal or nothing out. Not here: who somebody is (`auth`), which role a route needs (`routes`).

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, Version, header};

use crate::respond::Refusal;

/// What somebody may do; each includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Everybody: the page's files and the sign of life.
    Public,
    /// May look.
    Viewer,
    /// May start and stop.
    Operator,
    /// May add, change and remove.
    Admin,
}

impl Role {
    /// The word of the API.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Whom this monitor serves.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Lower case, without port and final dot.
    hosts: Vec<String>,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    /// Who knocks; behind a proxy: the proxy.
    pub(crate) peer: IpAddr,
    /// We listen there for this computer alone.
    pub(crate) is_loopback_door: bool,
}

/// Headers a proxy adds: the peer is then the proxy, and who is behind it is unknown.
const FORWARDED: [&str; 9] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-port",
    "x-real-ip",
    "cf-connecting-ip",
    "via",
];

impl Guard {
    /// Accepts IP literals, `localhost` and these names.
    pub(crate) fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        let hosts = hosts
            .into_iter()
            .map(|host| host.trim_end_matches('.').to_ascii_lowercase());
        Self {
            hosts: hosts.filter(|host| !host.is_empty()).collect(),
        }
    }

    /// Refuses names that are not ours (DNS rebinding): 421, with the line that would allow the name.
    pub(crate) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(misdirected(None));
        };
        let host = host.to_str().map_err(|_| misdirected(None))?;
        // A request in proxy form names its host twice; both must be ours, and the same.
        if uri
            .authority()
            .is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(host))
        {
            return Err(misdirected(None));
        }
        match host_name(host) {
            Some(name) if self.is_ours(&name) => Ok(()),
            name => Err(misdirected(name)),
        }
    }

    fn is_ours(&self, name: &str) -> bool {
        let literal = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        // Only the plain spelling parses: `127.1`, `0x7f000001` and the like are names, and not ours.
        literal.parse::<IpAddr>().is_ok() || name == "localhost" || self.hosts.iter().any(|host| host == name)
    }
}

/// Whether somebody sits at this computer: no network lies between, and no proxy as far as anybody can tell.
///
/// A door that other computers reach is never enough, whoever the peer: a proxy on this computer would be let in with everybody
/// behind it. A proxy in front of a loopback door betrays itself by its headers, by HTTP/1.0 (nginx, unless told otherwise), or by
/// a Host that is not this computer's loopback; one that hides all three gets nowhere with a browser, whose Origin then differs.
pub(crate) fn is_here(visit: Visit, version: Version, headers: &HeaderMap) -> bool {
    let is_forwarded = FORWARDED.iter().any(|name| headers.contains_key(*name));
    visit.is_loopback_door
        && visit.peer.to_canonical().is_loopback()
        && version >= Version::HTTP_11
        && !is_forwarded
        && headers
            .get(header::HOST)
            .and_then(|host| host_name(host.to_str().ok()?))
            .is_some_and(|name| is_loopback_name(&name))
}

fn is_loopback_name(name: &str) -> bool {
    let literal = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || literal
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Refuses what another site's page made the browser send (CSRF, cross-site WebSocket).
///
/// Programs send neither header and pass; browsers always send at least one with a change or an upgrade. With TLS of our own a page
/// that came without it is another origin, which somebody on the way may have written.
pub(crate) fn check_origin(headers: &HeaderMap, is_tls: bool) -> Result<(), Refusal> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin_fits = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin
            .to_str()
            .is_ok_and(|origin| is_same_origin(origin, host) && (!is_tls || origin.starts_with("https://"))),
        (Some(_), Some(_)) => false,
    };
    let site_fits = headers
        .get_all(HeaderName::from_static("sec-fetch-site"))
        .iter()
        .all(|site| site.as_bytes() == b"same-origin");
    if origin_fits && site_fits {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "cross_origin",
        "a page of another origin may not do this; open linewatch's own page and do it there",
    ))
}

/// Refuses bodies that a plain HTML form can send.
pub(crate) fn check_body(headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    // An empty body cannot be told from a form's by its type; `check_origin` has judged it already.
    let media = headers
        .get(header::CONTENT_TYPE)
        .map(|media| media.to_str().unwrap_or_default());
    let is_json = media.is_some_and(|media| {
        let essence = media.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    if is_json || body.is_empty() && media.is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_json",
        "send the body as JSON, with the header content-type: application/json",
    ))
}

/// The name in a `Host` value, lower case, without port and final dot; `None` if it is none.
fn host_name(host: &str) -> Option<String> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            (&host[..end + 2], &rest[end + 1..])
        }
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok());
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    let name = name.strip_suffix('.').unwrap_or(name);
    (is_port && is_name && !name.is_empty()).then(|| name.to_ascii_lowercase())
}

/// `scheme://host:port` against a `Host` value; the scheme's own port may be left out on either side.
fn is_same_origin(origin: &str, host: &str) -> bool {
    let (authority, port) = match origin.split_once("://") {
        Some(("http", authority)) => (authority, ":80"),
        Some(("https", authority)) => (authority, ":443"),
        _ => return false,
    };
    let bare = |authority: &str| {
        authority
            .strip_suffix(port)
            .unwrap_or(authority)
            .to_ascii_lowercase()
    };
    !authority.is_empty() && bare(authority) == bare(host)
}

fn misdirected(name: Option<String>) -> Refusal {
    let message = match name {
        Some(name) => format!(
            "this monitor does not answer to the name \"{name}\"\n\
             to allow it, add to linewatch.toml:\n\n    [server]\n    allowed_hosts = [\"{name}\"]"
        ),
        None => "the request has no Host that can be read; give one, as in  Host: 127.0.0.1:5000".to_owned(),
    };
    Refusal::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[track_caller]
    fn check_host(host: &'static str, is_ours: bool) {
        let guard = Guard::new(["Monitor.example.".to_owned()]);
        let answer = guard.check_host(&Uri::from_static("/"), &headers(&[("host", host)]));
        assert_eq!(answer.is_ok(), is_ours, "{host}: {answer:?}");
    }

    #[test]
    fn literals_localhost_and_configured_names_are_ours() {
        for host in [
            "127.0.0.1:5000",
            "192.0.2.7",
            "[::1]:5000",
            "[2001:db8::1]",
            "localhost",
            "LOCALHOST:80",
        ] {
            check_host(host, true);
        }
        check_host("monitor.example:5000", true);
        check_host("monitor.example.", true);
    }

    #[test]
    fn every_other_name_is_refused() {
        for host in [
            "evil.example",
            "evil.example:5000",
            "127.1",
            "0x7f000001",
            "2130706433",
            "127.0.0.1.evil.example",
        ] {
            check_host(host, false);
        }
        for host in [
            "",
            ":5000",
            "localhost:x",
            "localhost:70000",
            "[::1",
            "[::1]x",
            "local host",
            "user@localhost",
        ] {
            check_host(host, false);
        }
        check_host("localhost.evil.example", false);
    }

    #[test]
    fn a_second_or_missing_host_is_refused() {
        let guard = Guard::new([]);
        assert!(
            guard
                .check_host(&Uri::from_static("/"), &HeaderMap::new())
                .is_err()
        );
        let mut two = headers(&[("host", "localhost")]);
        two.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(guard.check_host(&Uri::from_static("/"), &two).is_err());
        let proxied = Uri::from_static("http://evil.example/");
        assert!(
            guard
                .check_host(&proxied, &headers(&[("host", "localhost")]))
                .is_err()
        );
    }

    #[test]
    fn the_refusal_names_the_line_to_add() {
        let guard = Guard::new([]);
        let refusal = guard.check_host(&Uri::from_static("/"), &headers(&[("host", "nas.home:5000")]));
        let message = refusal.expect_err("not ours").message;
        assert!(message.contains("allowed_hosts = [\"nas.home\"]"), "{message}");
    }

    #[track_caller]
    fn check_origin_of(pairs: &[(&'static str, &'static str)], passes: bool) {
        let mut all = headers(pairs);
        all.insert(header::HOST, HeaderValue::from_static("127.0.0.1:5000"));
        assert_eq!(check_origin(&all, false).is_ok(), passes, "{pairs:?}");
    }

    #[test]
    fn only_our_own_page_and_programs_may_change() {
        check_origin_of(&[], true);
        check_origin_of(&[("origin", "http://127.0.0.1:5000")], true);
        check_origin_of(
            &[
                ("origin", "http://127.0.0.1:5000"),
                ("sec-fetch-site", "same-origin"),
            ],
            true,
        );
        for origin in [
            "http://evil.example",
            "http://127.0.0.1",
            "http://127.0.0.1:5001",
            "null",
            "",
            "file://",
        ] {
            check_origin_of(&[("origin", origin)], false);
        }
        for site in ["cross-site", "same-site", "none", "x"] {
            check_origin_of(&[("sec-fetch-site", site)], false);
            check_origin_of(
                &[("origin", "http://127.0.0.1:5000"), ("sec-fetch-site", site)],
                false,
            );
        }
    }

    #[test]
    fn the_port_of_the_scheme_may_be_left_out() {
        assert!(is_same_origin("https://nas.home", "nas.home:443"));
        assert!(is_same_origin("http://nas.home:80", "nas.home"));
        assert!(!is_same_origin("https://nas.home", "nas.home:80"));
        assert!(!is_same_origin("https://", ""));
    }

    #[test]
    fn a_form_cannot_send_a_body() {
        for media in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
        ] {
            assert!(
                check_body(&headers(&[("content-type", media)]), b"{}").is_err(),
                "{media}"
            );
            assert!(
                check_body(&headers(&[("content-type", media)]), b"").is_err(),
                "{media}, empty"
            );
        }
        assert!(check_body(&headers(&[]), b"{}").is_err());
        assert!(check_body(&headers(&[]), b"").is_ok());
        assert!(
            check_body(
                &headers(&[("content-type", "Application/JSON; charset=utf-8")]),
                b"{}"
            )
            .is_ok()
        );
    }

    #[test]
    fn with_tls_a_page_that_came_without_is_another_origin() {
        let of = |origin| headers(&[("host", "nas.home"), ("origin", origin)]);
        assert!(check_origin(&of("https://nas.home"), true).is_ok());
        assert!(check_origin(&of("http://nas.home"), true).is_err());
        assert!(check_origin(&of("http://nas.home"), false).is_ok());
    }

    #[track_caller]
    fn check_here(peer: &str, is_loopback_door: bool, more: &[(&'static str, &'static str)], expected: bool) {
        let visit = Visit {
            peer: peer.parse().expect("an address"),
            is_loopback_door,
        };
        let mut all = headers(&[("host", "127.0.0.1:5000")]);
        all.extend(headers(more));
        let got = is_here(visit, Version::HTTP_11, &all);
        assert_eq!(got, expected, "{peer} {is_loopback_door} {more:?}");
    }

    #[test]
    fn only_a_loopback_door_peer_and_host_without_a_sign_of_a_proxy_is_this_computer() {
        for peer in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            check_here(peer, true, &[], true);
            check_here(peer, false, &[], false);
        }
        check_here("192.0.2.1", true, &[], false);
        for host in ["localhost:5000", "LOCALHOST", "[::1]:5000", "127.0.0.2"] {
            check_here("127.0.0.1", true, &[("host", host)], true);
        }
        for host in [
            "nas.home",
            "192.0.2.1",
            "localhost.evil.example",
            "127.1",
            "0.0.0.0",
        ] {
            check_here("127.0.0.1", true, &[("host", host)], false);
        }
        for name in FORWARDED {
            check_here("127.0.0.1", true, &[(name, "x")], false);
        }
        let visit = Visit {
            peer: [127, 0, 0, 1].into(),
            is_loopback_door: true,
        };
        assert!(
            !is_here(visit, Version::HTTP_10, &headers(&[("host", "127.0.0.1")])),
            "nginx, as it comes"
        );
        assert!(!is_here(visit, Version::HTTP_11, &HeaderMap::new()));
    }
}

//! Chooses how a target is probed: what was asked for, else the best that the system permits.
//!
//! Only an explicitly asked method may fail for want of permission; everything else falls back to TCP handshakes, which need
//! none, and says so.

use anyhow::{Context as _, Result};
use linewatch_core::caps::Costs;
use linewatch_core::target::Method;
use linewatch_probe::engine::{EngineOptions, random_cookie_key};
use linewatch_probe::privilege;

/// Probed instead of ICMP where that is not permitted: a port that routers, resolvers and servers answer, be it by a reset.
pub(crate) const FALLBACK_PORT: u16 = 443;

/// A method, and the sentence to say if it is not the natural one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// How.
    pub method: Method,
    /// Why not ICMP.
    pub notice: Option<String>,
}

/// Chooses. `asked` is what a person wrote, `ability` what the engine's sockets can do.
///
/// # Errors
///
/// The sentence with the cure, when an explicitly asked method is not permitted.
pub(crate) fn choose(
    asked: Option<Method>,
    ability: impl Fn(Method) -> Result<(), String>,
) -> Result<Chosen, String> {
    if let Some(method) = asked {
        ability(method)?;
        return Ok(Chosen { method, notice: None });
    }
    match ability(Method::IcmpEcho) {
        Ok(()) => Ok(Chosen {
            method: Method::IcmpEcho,
            notice: None,
        }),
        Err(sentence) => {
            let method = Method::TcpConnect { port: FALLBACK_PORT };
            let notice = format!("measuring {} instead of ICMP: {sentence}", words(method));
            Ok(Chosen {
                method,
                notice: Some(notice),
            })
        }
    }
}

/// The method in a sentence: `ICMP`, `TCP handshakes with port 443`, `UDP (dns) to port 53`.
pub(crate) fn words(method: Method) -> String {
    match method {
        Method::IcmpEcho => "ICMP".to_owned(),
        Method::TcpConnect { port } => format!("TCP handshakes with port {port}"),
        Method::Udp { port, payload } => format!("UDP ({}) to port {port}", payload.word()),
    }
}

/// Options of the engine with this start's secrets.
pub(crate) fn engine_options(costs: Costs) -> Result<EngineOptions> {
    let none = "the operating system gives no random numbers";
    Ok(EngineOptions {
        key: random_cookie_key()
            .map_err(|error| anyhow::anyhow!("{error}"))
            .context(none)?,
        seed: getrandom::u64()
            .map_err(|error| anyhow::anyhow!("{error}"))
            .context(none)?,
        costs,
        setup: Box::new(privilege::realtime),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_icmp(method: Method) -> Result<(), String> {
        match method {
            Method::IcmpEcho => Err("not permitted".to_owned()),
            Method::TcpConnect { .. } | Method::Udp { .. } => Ok(()),
        }
    }

    #[test]
    fn without_permission_a_plain_host_is_measured_by_tcp_and_it_is_said() {
        let chosen = choose(None, no_icmp).expect("falls back");
        assert_eq!(chosen.method, Method::TcpConnect { port: FALLBACK_PORT });
        assert!(chosen.notice.expect("said").contains("not permitted"));
    }

    #[test]
    fn an_explicit_icmp_target_fails_instead() {
        assert_eq!(
            choose(Some(Method::IcmpEcho), no_icmp),
            Err("not permitted".to_owned())
        );
    }
}

//! Sorts a failed send or connect: is it this computer, the neighbour, or the capacity?
//!
//! MEASURING.md "Unsent" in code. Linux numbers; other systems translate to these before asking.

use crate::record::{Cause, Outcome};

/// EHOSTDOWN: the neighbour does not answer.
pub const EHOSTDOWN: i32 = 112;
/// EHOSTUNREACH: the neighbour does not answer, or a router said so.
pub const EHOSTUNREACH: i32 = 113;
/// ENETUNREACH: no route from here.
pub const ENETUNREACH: i32 = 101;
/// ENETDOWN: the link is down.
pub const ENETDOWN: i32 = 100;
/// ETIMEDOUT: a connect that nobody answered.
pub const ETIMEDOUT: i32 = 110;

/// The outcome of a probe whose send or connect failed with `errno`.
///
/// Only what the *neighbour* failed to do is evidence about the path (`Unreachable`); a connect that ran out of
/// SYNs is `Lost`; everything else is this computer's own trouble and never packet loss.
pub const fn classify(errno: i32) -> (Outcome, Cause) {
    match errno {
        EHOSTUNREACH | EHOSTDOWN => (Outcome::Unreachable, Cause::Errno(errno)),
        ETIMEDOUT => (Outcome::Lost, Cause::None),
        _ => (Outcome::Unsent, Cause::Errno(errno)),
    }
}

/// As [`classify`], for a connect that failed after its SYN had been handed over.
///
/// Without a route the call itself fails; an ENETUNREACH that comes later is a router's word (ICMP network
/// unreachable), hence evidence about the path.
pub const fn classify_connect(errno: i32) -> (Outcome, Cause) {
    match errno {
        ENETUNREACH => (Outcome::Unreachable, Cause::Errno(errno)),
        _ => classify(errno),
    }
}

/// No route or link down: a *local outage*.
pub const fn is_local_outage(errno: i32) -> bool {
    matches!(errno, ENETUNREACH | ENETDOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_silent_neighbour_is_evidence_about_the_path() {
        assert_eq!(classify(EHOSTUNREACH).0, Outcome::Unreachable);
        assert_eq!(classify(EHOSTDOWN).0, Outcome::Unreachable);
        for local in [1, 12, 24, ENETDOWN, ENETUNREACH, 99, 105] {
            assert_eq!(classify(local), (Outcome::Unsent, Cause::Errno(local)));
        }
    }

    #[test]
    fn a_router_without_a_network_is_no_trouble_of_ours() {
        assert_eq!(
            classify_connect(ENETUNREACH),
            (Outcome::Unreachable, Cause::Errno(ENETUNREACH))
        );
        assert_eq!(classify_connect(ENETDOWN), classify(ENETDOWN));
        assert_eq!(classify_connect(ETIMEDOUT), (Outcome::Lost, Cause::None));
    }
}

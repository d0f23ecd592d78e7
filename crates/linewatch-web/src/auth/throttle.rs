//! Slows down who tries passwords: ten in a minute, then waits that double (SAFETY T1), and folds what is told about it.
//!
//! Peers are counted by address, of IPv6 by /64, which is what one household has. A try is counted before it is judged, so that
//! many at once are no way around. Behind a proxy all come from one address and share its tries: who they are is unknown.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use linewatch_core::limits::{LOGIN_PEERS, LOGIN_TRIES, LOGIN_WAIT_MAX, LOGIN_WINDOW};
use linewatch_core::time::MonoTime;

/// Addresses that an event names; the rest is counted.
const NAMED: usize = 3;

#[derive(Clone, Copy, Debug)]
struct Tries {
    /// Within the window that began at `since`.
    count: u32,
    since: MonoTime,
    /// Waits so far, in a row.
    waits: u32,
    wait_until: MonoTime,
}

/// Who tried how often.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    peers: HashMap<IpAddr, Tries>,
}

impl Throttle {
    /// Counts a try. How many are left after it, or how long to wait instead.
    pub(crate) fn take(&mut self, peer: IpAddr, now: MonoTime) -> Result<u32, Duration> {
        let peer = household(peer);
        if !self.peers.contains_key(&peer) {
            self.make_room(now);
        }
        let tries = self.peers.entry(peer).or_insert(Tries {
            count: 0,
            since: now,
            waits: 0,
            wait_until: now,
        });
        if now < tries.wait_until {
            return Err(tries.wait_until.since(now));
        }
        // Who kept quiet for the longest wait begins anew.
        if now.since(tries.since.max(tries.wait_until)) >= LOGIN_WAIT_MAX {
            tries.waits = 0;
        }
        if now.since(tries.since) >= LOGIN_WINDOW {
            (tries.count, tries.since) = (0, now);
        }
        tries.count += 1;
        let left = LOGIN_TRIES.saturating_sub(tries.count);
        if left == 0 {
            let wait = LOGIN_WINDOW
                .saturating_mul(2_u32.saturating_pow(tries.waits))
                .min(LOGIN_WAIT_MAX);
            *tries = Tries {
                count: 0,
                since: now,
                waits: tries.waits + 1,
                wait_until: now.plus(wait),
            };
        }
        Ok(left)
    }

    /// The password was right.
    pub(crate) fn forgive(&mut self, peer: IpAddr) {
        self.peers.remove(&household(peer));
    }

    /// How long this peer has to wait now.
    pub(crate) fn wait(&self, peer: IpAddr, now: MonoTime) -> Duration {
        let tries = self.peers.get(&household(peer));
        tries.map_or(Duration::ZERO, |tries| tries.wait_until.since(now))
    }

    /// A bounded memory: who is over leaves, else who tried longest ago.
    fn make_room(&mut self, now: MonoTime) {
        if self.peers.len() < LOGIN_PEERS {
            return;
        }
        self.peers
            .retain(|_, tries| now < tries.wait_until || now.since(tries.since) < LOGIN_WAIT_MAX);
        if self.peers.len() < LOGIN_PEERS {
            return;
        }
        let oldest = self
            .peers
            .iter()
            .min_by_key(|(_, tries)| tries.since)
            .map(|(peer, _)| *peer);
        if let Some(oldest) = oldest {
            self.peers.remove(&oldest);
        }
    }
}

/// The address, of IPv6 its /64.
fn household(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(peer) => IpAddr::V4(peer),
        IpAddr::V6(peer) => IpAddr::V6(Ipv6Addr::from_bits(peer.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Wrong passwords that nobody was told of yet.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    count: u32,
    peers: BTreeSet<IpAddr>,
    others: u32,
    told_at: Option<MonoTime>,
}

impl Fold {
    /// One more.
    pub(crate) fn note(&mut self, peer: IpAddr) {
        self.count = self.count.saturating_add(1);
        let peer = peer.to_canonical();
        if self.peers.len() < NAMED {
            self.peers.insert(peer);
        } else if !self.peers.contains(&peer) {
            self.others = self.others.saturating_add(1);
        }
    }

    /// A sentence for an event: at once for the first, then at most one for each window.
    pub(crate) fn due(&mut self, now: MonoTime) -> Option<String> {
        let is_early = self.told_at.is_some_and(|at| now.since(at) < LOGIN_WINDOW);
        if self.count == 0 || is_early {
            return None;
        }
        let told = std::mem::take(self);
        self.told_at = Some(now);
        let from: Vec<String> = told.peers.iter().map(ToString::to_string).collect();
        let tries = match told.count {
            1 => "a wrong password".to_owned(),
            count => format!("{count} wrong passwords"),
        };
        let more = match told.others {
            0 => String::new(),
            others => format!(" and others, {others} times"),
        };
        Some(format!("{tries} from {}{more}", from.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn at(seconds: u64) -> MonoTime {
        MonoTime::ZERO.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn ten_tries_a_minute_then_waits_that_double() {
        let mut throttle = Throttle::default();
        let lefts: Vec<_> = (0..10).map(|_| throttle.take(PEER, at(0))).collect();
        assert_eq!(lefts, (0..10).rev().map(Ok).collect::<Vec<_>>());
        assert_eq!(throttle.take(PEER, at(1)), Err(Duration::from_secs(59)));
        assert_eq!(throttle.take(PEER, at(60)), Ok(9));
        for _ in 0..9 {
            throttle.take(PEER, at(61)).expect("ten in all");
        }
        assert_eq!(throttle.take(PEER, at(61)), Err(Duration::from_secs(120)));
        let other = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 8));
        assert_eq!(
            throttle.take(other, at(61)),
            Ok(9),
            "another peer is not slowed down"
        );
    }

    #[test]
    fn waits_end_at_a_quarter_of_an_hour_and_quiet_is_forgotten() {
        let mut throttle = Throttle::default();
        let mut now = 0;
        for wait in [60, 120, 240, 480, 900, 900] {
            for _ in 0..10 {
                throttle.take(PEER, at(now)).expect("a new window");
            }
            assert_eq!(throttle.wait(PEER, at(now)), Duration::from_secs(wait));
            now += wait;
        }
        now += LOGIN_WAIT_MAX.as_secs();
        for _ in 0..10 {
            throttle.take(PEER, at(now)).expect("begins anew");
        }
        assert_eq!(throttle.wait(PEER, at(now)), LOGIN_WINDOW);
    }

    #[test]
    fn a_slow_person_is_never_blocked_and_a_right_password_forgives() {
        let mut throttle = Throttle::default();
        for minute in 0..100 {
            assert_eq!(throttle.take(PEER, at(minute * 60)), Ok(9));
        }
        for _ in 0..8 {
            throttle.take(PEER, at(6000)).expect("few");
        }
        throttle.forgive(PEER);
        assert_eq!(throttle.take(PEER, at(6000)), Ok(9));
    }

    #[test]
    fn a_household_of_ipv6_is_one_peer_and_memory_is_bounded() {
        let mut throttle = Throttle::default();
        let of = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(throttle.take(of("2001:db8::1"), at(0)), Ok(9));
        assert_eq!(throttle.take(of("2001:db8::2"), at(0)), Ok(8));
        assert_eq!(throttle.take(of("2001:db8:0:1::1"), at(0)), Ok(9));
        assert_eq!(household(of("::ffff:192.0.2.7")), PEER);
        for index in 0..2 * LOGIN_PEERS as u32 {
            let _ = throttle.take(IpAddr::V4((index + (10 << 24)).into()), at(1));
        }
        assert!(throttle.peers.len() <= LOGIN_PEERS);
    }

    #[test]
    fn failures_are_told_at_once_and_then_once_a_minute() {
        let mut fold = Fold::default();
        assert_eq!(fold.due(at(0)), None);
        fold.note(PEER);
        assert_eq!(
            fold.due(at(0)).as_deref(),
            Some("a wrong password from 192.0.2.7")
        );
        for _ in 0..500 {
            fold.note(PEER);
        }
        assert_eq!(fold.due(at(59)), None);
        assert_eq!(
            fold.due(at(60)).as_deref(),
            Some("500 wrong passwords from 192.0.2.7")
        );
        assert_eq!(fold.due(at(200)), None);
    }
}

//! Throws the dice for one probe: which of the things that can happen to it do happen.
//!
//! Every probe draws the same numbers in the same order whatever the script says, so that changing one line
//! of a scenario leaves the rest of the story as it was.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use linewatch_core::target::Address;
use linewatch_core::time::{MonoTime, nanos_of};

use crate::path::{Path, Shape};
use crate::random::{Random, scaled};

/// No answer is quicker than this: a network that takes no time would be the loopback, and stamps could tie.
const DELAY_MIN: Duration = Duration::from_micros(1);

/// What happens to one probe.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dice {
    pub(crate) is_unsent: bool,
    pub(crate) is_lost: bool,
    /// A TCP handshake's second SYN is lost as well.
    pub(crate) is_lost_again: bool,
    pub(crate) is_doubled: bool,
    pub(crate) is_forged: bool,
    pub(crate) is_dropped: bool,
    /// From sending to the kernel having the answer.
    pub(crate) delay: Duration,
}

impl Dice {
    /// The throw for probe `number` to `to`.
    pub(crate) fn throw(path: &Path, seed: u64, to: Address, number: u64, story: MonoTime) -> Self {
        let mut random = Random::of(&[seed, line_key(to), number]);
        let is_unsent = random.happens(path.errno.map_or(0.0, |(_, share)| share));
        let is_lost = random.happens(path.loss);
        let is_lost_again = random.happens(path.loss);
        let is_doubled = random.happens(path.duplicate);
        let is_forged = random.happens(path.forge.map_or(0.0, |(_, share)| share));
        let is_dropped = random.happens(path.overflow);
        let delay = delay(path, &mut random, number, story);
        Self {
            is_unsent,
            is_lost,
            is_lost_again,
            is_doubled,
            is_forged,
            is_dropped,
            delay,
        }
    }
}

/// The number that stands for an address in the dice.
///
/// `DefaultHasher::new` has fixed keys; should a new Rust change its algorithm, scenarios are cast anew but
/// stay as repeatable as before.
fn line_key(to: Address) -> u64 {
    let mut hasher = DefaultHasher::new();
    to.hash(&mut hasher);
    hasher.finish()
}

fn delay(path: &Path, random: &mut Random, number: u64, story: MonoTime) -> Duration {
    let (hold_share, hold) = path.hold.unwrap_or_default();
    let held = if random.happens(hold_share) {
        hold
    } else {
        Duration::ZERO
    };
    let (spike_share, spike) = path.spike.unwrap_or_default();
    let is_spike = random.happens(spike_share);
    let spiked = scaled(spike, random.unit() * f64::from(u8::from(is_spike)));
    if let Some(delays) = path.delays.as_deref().filter(|delays| !delays.is_empty()) {
        let index = (number % delays.len() as u64) as usize;
        return (delays[index] + held + spiked).max(DELAY_MIN);
    }
    let spread = match path.shape {
        Shape::Even => random.signed(),
        Shape::Bell => random.bell(),
        Shape::Tail => random.tail(),
    };
    let swing = path.wander.map_or(0.0, |(by, every)| {
        let turns = nanos_of(story.since(MonoTime::ZERO)) as f64 / nanos_of(every).max(1) as f64;
        by.as_nanos() as f64 * (turns * std::f64::consts::TAU).sin()
    });
    let nanos = path.middle.as_nanos() as f64 + path.jitter.as_nanos() as f64 * spread + swing;
    (Duration::from_nanos(nanos.max(0.0) as u64) + held + spiked).max(DELAY_MIN)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::path::{Effect, Spell};

    fn throw(effects: &[Effect], number: u64) -> Dice {
        let spells: Vec<_> = effects
            .iter()
            .map(|effect| Spell {
                effect: effect.clone(),
                from: MonoTime::ZERO,
                lasts: None,
                every: None,
            })
            .collect();
        let path = Path::at(spells.iter(), MonoTime::ZERO);
        let to = Address::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        Dice::throw(&path, 1, to, number, MonoTime::ZERO)
    }

    #[test]
    fn loss_does_not_change_the_delays_of_what_remains() {
        let rtt = Effect::Rtt {
            middle: Duration::from_millis(50),
            jitter: Duration::from_millis(5),
            shape: Shape::Even,
        };
        for number in 0..1_000 {
            let (calm, lossy) = (
                throw(std::slice::from_ref(&rtt), number),
                throw(&[rtt.clone(), Effect::Loss(0.5)], number),
            );
            assert_eq!(calm.delay, lossy.delay);
            assert!((45..=55).contains(&calm.delay.as_millis()), "{:?}", calm.delay);
        }
    }

    #[test]
    fn given_delays_come_in_their_order_and_again() {
        let ms = Duration::from_millis;
        let delays = Effect::Delays([ms(5), ms(500)].into());
        let seen: Vec<_> = (0..3)
            .map(|n| throw(std::slice::from_ref(&delays), n).delay)
            .collect();
        assert_eq!(seen, [ms(5), ms(500), ms(5)]);
    }
}

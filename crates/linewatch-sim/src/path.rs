//! Describes one path of the simulated network, and how a script changes it over time.
//!
//! A script is a list of [`Spell`]s; the [`Path`] at a moment is the default with every spell then active laid
//! over it, in the order of the script. Pure: the moment is an argument.

use std::sync::Arc;
use std::time::Duration;

use linewatch_core::target::Address;
use linewatch_core::time::{MonoTime, nanos_of};

/// How delays are spread around the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Even between -jitter and +jitter.
    Even,
    /// Bell-shaped between -jitter and +jitter.
    Bell,
    /// Never below the middle; exponential above it with mean jitter.
    Tail,
}

/// What a router says instead of forwarding (RFC 792, RFC 4443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Network unreachable.
    Net,
    /// Host (IPv6: address) unreachable.
    Host,
    /// Administratively prohibited: a firewall that says so.
    Prohibited,
    /// Time exceeded in transit.
    Expired,
}

impl Rejection {
    /// ICMP type and code.
    pub(crate) const fn code(self, is_v6: bool) -> (u8, u8) {
        match (self, is_v6) {
            (Self::Net, false) => (3, 0),
            (Self::Host, false) => (3, 1),
            (Self::Prohibited, false) => (3, 13),
            (Self::Expired, false) => (11, 0),
            (Self::Net, true) => (1, 0),
            (Self::Host, true) => (1, 3),
            (Self::Prohibited, true) => (1, 1),
            (Self::Expired, true) => (3, 0),
        }
    }

    /// What connect() returns for it on Linux (icmp_err_convert): EHOSTUNREACH but for a missing network.
    pub(crate) const fn errno(self) -> i32 {
        match self {
            Self::Net => linewatch_core::errno::ENETUNREACH,
            Self::Host | Self::Prohibited | Self::Expired => linewatch_core::errno::EHOSTUNREACH,
        }
    }
}

/// What is wrong with a reply that somebody makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Another payload, checksum right.
    Payload,
    /// The true reply, from an address that was not asked.
    Source,
    /// Another sequence number, checksum right.
    Sequence,
    /// Another identifier, checksum right.
    Identifier,
    /// A checksum that does not fit.
    Checksum,
    /// Cut off after the ICMP header.
    Truncated,
}

/// One thing a script does to a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Delays of answers.
    Rtt {
        /// The middle.
        middle: Duration,
        /// How far they spread.
        jitter: Duration,
        /// In which way.
        shape: Shape,
    },
    /// Exactly these delays, probe by probe, then from the beginning again.
    Delays(Arc<[Duration]>),
    /// The share of probes that get no answer.
    Loss(f64),
    /// No answer at all.
    Down,
    /// Ends every earlier `Down`, `Unreachable`, `Refused` and `Errno`.
    Up,
    /// The share of answers that come twice.
    Duplicate(f64),
    /// This share of the answers comes so much later: reordered, or late.
    Hold {
        /// The share.
        share: f64,
        /// How much later.
        by: Duration,
    },
    /// This share of the answers is slower by something up to this.
    Spike {
        /// The share.
        share: f64,
        /// The largest spike.
        up_to: Duration,
    },
    /// The middle swings slowly by so much either way.
    Wander {
        /// How far.
        by: Duration,
        /// From peak to peak.
        every: Duration,
    },
    /// A router answers with an ICMP error.
    Unreachable {
        /// Which.
        rejection: Rejection,
        /// Whose address it carries.
        reporter: Option<Address>,
        /// It quotes only 8 bytes of our message, as RFC 792 asks, and not the whole.
        is_short: bool,
    },
    /// The target answers TCP with a reset.
    Refused,
    /// This computer refuses to send.
    Errno {
        /// With which error.
        errno: i32,
        /// How often.
        share: f64,
    },
    /// Somebody makes up answers.
    Forge {
        /// Of which kind.
        forgery: Forgery,
        /// To which share of the probes.
        share: f64,
    },
    /// The kernel drops this share of the answers because nobody read in time, and says so.
    Overflow(f64),
    /// How long after the kernel has an answer this computer gives it to the program.
    Host(Duration),
}

/// An effect and when it holds, on the story's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Spell {
    /// What.
    pub effect: Effect,
    /// From when on.
    pub from: MonoTime,
    /// For how long; `None`: for ever.
    pub lasts: Option<Duration>,
    /// Begins anew this often, counted from `from`.
    pub every: Option<Duration>,
}

impl Spell {
    fn holds(&self, now: MonoTime) -> bool {
        if now < self.from {
            return false;
        }
        let since = now.since(self.from);
        let into = match self.every {
            Some(every) if !every.is_zero() => Duration::from_nanos(nanos_of(since) % nanos_of(every)),
            _ => since,
        };
        self.lasts.is_none_or(|lasts| into < lasts)
    }
}

/// The path at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) middle: Duration,
    pub(crate) jitter: Duration,
    pub(crate) shape: Shape,
    pub(crate) delays: Option<Arc<[Duration]>>,
    pub(crate) loss: f64,
    pub(crate) is_down: bool,
    pub(crate) duplicate: f64,
    pub(crate) hold: Option<(f64, Duration)>,
    pub(crate) spike: Option<(f64, Duration)>,
    pub(crate) wander: Option<(Duration, Duration)>,
    pub(crate) unreachable: Option<(Rejection, Option<Address>, bool)>,
    pub(crate) is_refused: bool,
    pub(crate) errno: Option<(i32, f64)>,
    pub(crate) forge: Option<(Forgery, f64)>,
    pub(crate) overflow: f64,
    pub(crate) host: Duration,
}

impl Path {
    /// What the spells make of the path at `now`.
    pub(crate) fn at<'a>(spells: impl Iterator<Item = &'a Spell>, now: MonoTime) -> Self {
        let mut path = Self {
            middle: Duration::from_millis(10),
            jitter: Duration::ZERO,
            shape: Shape::Even,
            delays: None,
            loss: 0.0,
            is_down: false,
            duplicate: 0.0,
            hold: None,
            spike: None,
            wander: None,
            unreachable: None,
            is_refused: false,
            errno: None,
            forge: None,
            overflow: 0.0,
            host: Duration::ZERO,
        };
        for spell in spells.filter(|spell| spell.holds(now)) {
            path.lay(&spell.effect);
        }
        path
    }

    fn lay(&mut self, effect: &Effect) {
        match effect {
            Effect::Rtt {
                middle,
                jitter,
                shape,
            } => {
                (self.middle, self.jitter, self.shape, self.delays) = (*middle, *jitter, *shape, None);
            }
            Effect::Delays(delays) => self.delays = Some(Arc::clone(delays)),
            Effect::Loss(share) => self.loss = *share,
            Effect::Down => self.is_down = true,
            Effect::Up => {
                (self.is_down, self.unreachable, self.is_refused, self.errno) = (false, None, false, None);
            }
            Effect::Duplicate(share) => self.duplicate = *share,
            Effect::Hold { share, by } => self.hold = Some((*share, *by)),
            Effect::Spike { share, up_to } => self.spike = Some((*share, *up_to)),
            Effect::Wander { by, every } => self.wander = Some((*by, *every)),
            Effect::Unreachable {
                rejection,
                reporter,
                is_short,
            } => {
                self.unreachable = Some((*rejection, *reporter, *is_short));
            }
            Effect::Refused => self.is_refused = true,
            Effect::Errno { errno, share } => self.errno = Some((*errno, *share)),
            Effect::Forge { forgery, share } => self.forge = Some((*forgery, *share)),
            Effect::Overflow(share) => self.overflow = *share,
            Effect::Host(delay) => self.host = *delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> MonoTime {
        MonoTime::ZERO.plus(SECOND * seconds)
    }

    /// For which of the seconds 0 to 9 the path is down under one spell.
    #[track_caller]
    fn check_down(spell: &Spell, expected: &str) {
        let seen: String = (0..10)
            .map(|s| {
                if Path::at(std::iter::once(spell), at(s)).is_down {
                    'x'
                } else {
                    '.'
                }
            })
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_spell_holds_from_its_begin_to_just_before_its_end() {
        let mut spell = Spell {
            effect: Effect::Down,
            from: at(2),
            lasts: Some(SECOND * 3),
            every: None,
        };
        check_down(&spell, "..xxx.....");
        spell.lasts = None;
        check_down(&spell, "..xxxxxxxx");
    }

    #[test]
    fn a_repeated_spell_comes_back() {
        let spell = Spell {
            effect: Effect::Down,
            from: at(1),
            lasts: Some(SECOND),
            every: Some(SECOND * 4),
        };
        check_down(&spell, ".x...x...x");
    }

    #[test]
    fn a_later_line_of_the_script_overrules_an_earlier_one() {
        let always = |effect| Spell {
            effect,
            from: at(0),
            lasts: None,
            every: None,
        };
        let script = [
            always(Effect::Loss(0.5)),
            always(Effect::Down),
            always(Effect::Loss(0.1)),
            always(Effect::Up),
        ];
        let path = Path::at(script.iter(), at(0));
        assert_eq!((path.loss, path.is_down), (0.1, false));
    }
}

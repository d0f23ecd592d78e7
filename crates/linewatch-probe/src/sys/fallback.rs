//! Stands where no wire is built yet: opens, waits, and says of every method that it cannot be probed.
//!
//! Everything else of the program (history, web page, export) works on such a system.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use linewatch_core::port::{Clock, Incoming, Outgoing, SendResult, Waker, Wire};
use linewatch_core::record::Class;
use linewatch_core::target::Method;
use linewatch_core::time::MonoTime;

use super::{WireError, WireOptions, WireReport};
use crate::clock::SystemClock;

/// ENOSYS of Linux, whose numbers records carry everywhere.
const ENOSYS: i32 = 38;

/// A wire without any ability.
pub struct FallbackWire {
    clock: SystemClock,
    /// Set by the waker, cleared by the wait it ended.
    attention: Arc<(Mutex<bool>, Condvar)>,
}

impl FallbackWire {
    /// Opens nothing; the signature is that of the real one.
    ///
    /// # Errors
    ///
    /// Never here.
    pub fn open(clock: SystemClock, _options: WireOptions) -> Result<(Self, WireReport), WireError> {
        let report = WireReport {
            icmp_v4: Err(sentence()),
            icmp_v6: Err(sentence()),
        };
        Ok((
            Self {
                clock,
                attention: Arc::default(),
            },
            report,
        ))
    }
}

impl Wire for FallbackWire {
    fn send(&mut self, outgoing: &Outgoing, results: &mut Vec<SendResult>) {
        let sent_at = self.clock.mono();
        results.extend(outgoing.shots.iter().map(|_| SendResult {
            sent_at,
            result: Err(ENOSYS),
        }));
    }

    fn receive(&mut self, until: MonoTime, _incoming: &mut Incoming) {
        let (called, bell) = &*self.attention;
        let called = called.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = until.since(self.clock.mono());
        let waited = bell.wait_timeout_while(called, wait, |called| !*called);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    fn ability(&self, _method: Method, _is_v6: bool) -> Result<Class, String> {
        Err(sentence())
    }

    fn waker(&self) -> Waker {
        let attention = Arc::clone(&self.attention);
        Arc::new(move || {
            *attention.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            attention.1.notify_one();
        })
    }
}

fn sentence() -> String {
    "cannot probe on this operating system: only Linux is built yet\n  help: run linewatch on a Linux computer of \
     this network and open its page from here"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_called_for_attention() {
        let (mut wire, _) =
            FallbackWire::open(SystemClock::start(), WireOptions::default()).expect("opens anywhere");
        (wire.waker())();
        wire.receive(MonoTime::MAX, &mut Incoming::default());
        wire.receive(MonoTime::ZERO, &mut Incoming::default());
    }

    #[test]
    fn every_method_is_refused_with_a_cure() {
        let (wire, report) =
            FallbackWire::open(SystemClock::start(), WireOptions::default()).expect("opens anywhere");
        let answer = wire
            .ability(Method::IcmpEcho, false)
            .expect_err("nothing can be probed");
        assert!(answer.contains("help:"), "{answer}");
        assert_eq!(report.icmp_v4, Err(answer));
    }
}

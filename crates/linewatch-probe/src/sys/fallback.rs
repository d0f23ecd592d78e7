//! Sends no ICMP: for systems where no way to send it is built. TCP handshakes work there as everywhere.

use std::sync::Arc;

use linewatch_core::port::{Clock as _, Incoming, SendResult, Shot};

use super::portable::Echo;
use super::{WireOptions, WireReport};
use crate::clock::SystemClock;

/// ENOSYS of Linux, whose numbers records carry everywhere.
const ENOSYS: i32 = 38;

/// No ICMP.
pub struct NoEcho(SystemClock);

impl Echo for NoEcho {
    fn open(_: &mio::Registry, _: &Arc<mio::Waker>, clock: SystemClock, _: WireOptions) -> Self {
        Self(clock)
    }

    fn report(&self) -> WireReport {
        let sentence = || {
            Err(format!(
                "cannot send ICMP: linewatch has no way to do so built for {}\n  help: probe a TCP port: that works \
                 here and needs no permission",
                std::env::consts::OS
            ))
        };
        WireReport {
            icmp_v4: sentence(),
            icmp_v6: sentence(),
        }
    }

    fn send(&mut self, _: &Shot, _: &[u8]) -> SendResult {
        SendResult {
            sent_at: self.0.mono(),
            result: Err(ENOSYS),
        }
    }

    fn collect(&mut self, _: &mut Incoming, _: &mut usize) -> bool {
        true
    }
}

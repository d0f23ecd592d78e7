//! Is the door to the simulated network: implements [`Wire`] over a [`SimNetwork`] and a [`Pace`].
//!
//! Under a [`crate::clock::SimClock`] waiting moves the clock to the next arrival or appointment; under a
//! [`crate::clock::Paced`] it waits really. Either way nothing leaves the machine.

use std::sync::Arc;

use linewatch_core::port::{Incoming, Outgoing, SendResult, ShotBody, Waker, Wire};
use linewatch_core::record::Class;
use linewatch_core::target::Method;
use linewatch_core::time::MonoTime;

use crate::clock::{Bell, Interrupt, Pace};
use crate::network::SimNetwork;

/// One program's sockets on the simulated network.
#[derive(Debug)]
pub struct SimWire<P: Pace> {
    network: SimNetwork,
    pace: P,
    index: usize,
    bell: Arc<Bell>,
}

impl<P: Pace> SimWire<P> {
    /// Opens a wire on `network`. Wires that share a simulated clock must be used by turns from one thread.
    pub fn open(network: &SimNetwork, pace: P) -> Self {
        let index = network.lock().open();
        Self {
            network: network.clone(),
            pace,
            index,
            bell: Arc::default(),
        }
    }

    /// Which wire of its network this is: the `wire` of [`crate::truth::Truth`].
    pub const fn index(&self) -> usize {
        self.index
    }
}

impl<P: Pace> Drop for SimWire<P> {
    fn drop(&mut self) {
        self.network.lock().close(self.index);
    }
}

impl<P: Pace> Wire for SimWire<P> {
    fn send(&mut self, outgoing: &Outgoing, results: &mut Vec<SendResult>) {
        let mut state = self.network.lock();
        for shot in &outgoing.shots {
            let message = match shot.body {
                ShotBody::Icmp { start, len } | ShotBody::Udp { start, len, .. } => {
                    &outgoing.bytes[start as usize..start as usize + usize::from(len)]
                }
                ShotBody::Tcp { .. } => &[],
            };
            let sent_at = self.pace.mono();
            let result = state.take(self.index, shot, message, sent_at, &self.pace);
            results.push(SendResult { sent_at, result });
        }
    }

    fn receive(&mut self, until: MonoTime, incoming: &mut Incoming) {
        loop {
            let now = self.pace.mono();
            let mut state = self.network.lock();
            let has_arrived = state.drain(self.index, now, &self.pace, incoming);
            let wake_at = state.wake_at(self.index, until, self.pace.is_simulated());
            drop(state);
            if has_arrived || now >= until || self.bell.take() {
                return;
            }
            if wake_at <= now && self.pace.is_simulated() {
                return; // Somebody else's turn.
            }
            self.pace.pass(wake_at, &Interrupt(&self.bell));
        }
    }

    fn ability(&self, method: Method, _is_v6: bool) -> Result<Class, String> {
        let class = self.network.lock().class();
        Ok(match (method, class) {
            (Method::IcmpEcho | Method::Udp { .. }, class) => class,
            (Method::TcpConnect { .. }, Class::K) => Class::K,
            (Method::TcpConnect { .. }, Class::H | Class::U) => Class::U,
        })
    }

    fn waker(&self) -> Waker {
        let bell = Arc::clone(&self.bell);
        Arc::new(move || bell.ring())
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;

//! Finds targets by the address that their answers come from: a hash table whose chains run through the flows.
//!
//! Eight bytes a target. Addresses are the operator's, not a stranger's, so the hash needs no secret.

use super::flow::Flow;
use std::net::IpAddr;

/// End of a chain.
pub(super) const END: u32 = u32::MAX;
/// 2^64 divided by the golden ratio (Fibonacci hashing): neighbouring addresses fall apart.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// First flow of each chain; a power of two of them, or none.
    heads: Vec<u32>,
    flows: usize,
}

impl Sources {
    /// Puts in the flow at `index`, which is in `flows` already.
    pub(super) fn insert(&mut self, index: u32, flows: &mut [Option<Flow>]) {
        self.flows += 1;
        if self.flows > self.heads.len() {
            self.heads = vec![END; self.flows.next_power_of_two()];
            for index in 0..flows.len() as u32 {
                self.link(index, flows);
            }
        } else {
            self.link(index, flows);
        }
    }

    /// Takes out the flow at `index`, which is still in `flows`.
    pub(super) fn remove(&mut self, index: u32, flows: &mut [Option<Flow>]) {
        let Some(Some(flow)) = flows.get(index as usize) else {
            return;
        };
        let (chain, next) = (self.chain(flow.ip()), flow.next_of_chain);
        self.flows -= 1;
        if self.heads[chain] == index {
            self.heads[chain] = next;
            return;
        }
        let mut at = self.heads[chain];
        while let Some(Some(flow)) = flows.get_mut(at as usize) {
            at = flow.next_of_chain;
            if at == index {
                flow.next_of_chain = next;
            }
        }
    }

    /// The flows of this address, in no order.
    pub(super) fn at<'a>(&self, ip: IpAddr, flows: &'a [Option<Flow>]) -> impl Iterator<Item = &'a Flow> {
        let mut at = if self.heads.is_empty() {
            END
        } else {
            self.heads[self.chain(ip)]
        };
        let chain = std::iter::from_fn(move || {
            let flow = flows.get(at as usize)?.as_ref()?;
            at = flow.next_of_chain;
            Some(flow)
        });
        chain.filter(move |flow| flow.ip() == ip)
    }

    fn link(&mut self, index: u32, flows: &mut [Option<Flow>]) {
        if let Some(flow) = &mut flows[index as usize] {
            let chain = self.chain(flow.ip());
            flow.next_of_chain = std::mem::replace(&mut self.heads[chain], index);
        }
    }

    fn chain(&self, ip: IpAddr) -> usize {
        let bits = match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ (ip.to_bits() as u64).rotate_left(1),
        };
        (bits.wrapping_mul(GOLDEN) >> 32) as usize & (self.heads.len() - 1)
    }
}

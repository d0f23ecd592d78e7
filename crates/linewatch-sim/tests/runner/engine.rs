//! The engine under test: the real shard, over the simulated wire.

use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::{EgressIndex, Target, TargetId};
use linewatch_probe::shard::{Command, EngineTarget, Shard};
use linewatch_sim::clock::SimClock;
use linewatch_sim::scenario::address_of;
use linewatch_sim::wire::SimWire;

/// See the module.
pub(crate) struct Engine {
    shard: Shard<SimWire<SimClock>, SimClock>,
}

impl Engine {
    /// An engine without targets; another `number` means other keys, identifiers and phases.
    pub(crate) fn new(wire: SimWire<SimClock>, clock: SimClock, number: u64) -> Self {
        let mut key = [0x5A; 16];
        key[..8].copy_from_slice(&number.to_be_bytes());
        Self {
            shard: Shard::new(wire, clock, CookieKey::new(key), number),
        }
    }

    /// Adds a target or changes its plan.
    pub(crate) fn set(&mut self, target: &Target) {
        let address = address_of(target).expect("scenarios name addresses only");
        let Target {
            id,
            method,
            plan,
            allow_high_rate,
            ..
        } = *target;
        self.shard.apply(Command::Set(EngineTarget {
            id,
            address,
            method,
            plan,
            allow_high_rate,
            egress: EgressIndex::default(),
            slots: None,
        }));
    }

    pub(crate) fn remove(&mut self, id: TargetId) {
        self.shard.apply(Command::Remove(id));
    }

    pub(crate) fn pause(&mut self, id: TargetId) {
        self.shard.apply(Command::Pause(id));
    }

    pub(crate) fn resume(&mut self, id: TargetId) {
        self.shard.apply(Command::Resume(id));
    }

    /// One turn; what is finished is appended.
    pub(crate) fn turn(&mut self, batches: &mut Vec<RecordBatch>) {
        self.shard.turn(&mut |batch| {
            batches.push(batch);
            None
        });
    }

    pub(crate) fn stop(&mut self) {
        self.shard.stop_sending();
    }

    /// Whether everything is decided and handed on.
    pub(crate) fn is_settled(&self) -> bool {
        self.shard.is_settled()
    }

    /// Ends what is open.
    pub(crate) fn finish(&mut self, batches: &mut Vec<RecordBatch>) {
        self.shard.finish(&mut |batch| {
            batches.push(batch);
            None
        });
    }
}

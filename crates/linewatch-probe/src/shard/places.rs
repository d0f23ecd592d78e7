//! Knows which target is where: dense places that are used again, with a generation each.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use linewatch_core::inflight::Handle;
use linewatch_core::limits::TARGETS;
use linewatch_core::record::Class;
use linewatch_core::table;
use linewatch_core::target::{EgressIndex, Method, TargetId, UdpPayload};
use linewatch_core::time::WallTime;

use super::EngineTarget;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Free ones wait under the handle of their next target.
    targets: Vec<Placed>,
    by_id: HashMap<TargetId, u32>,
    /// Longest free first, so that generations last.
    free: VecDeque<u32>,
    /// Begin of each pause that goes on.
    pauses: BTreeMap<TargetId, WallTime>,
    /// Next number of each target that was removed: it may come back, and no number is used twice in a run.
    retired: HashMap<TargetId, u64>,
}

/// What sending needs of a target beside its address, which `inflight` has. 24 bytes: there are 100,000 of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) id: TargetId,
    pub(super) handle: Handle,
    pub(super) method: Method,
    /// In microseconds, of which 30 s fit.
    timeout_us: u32,
    pub(super) payload_bytes: u16,
    pub(super) egress: EgressIndex,
    pub(super) class: Class,
    /// Which local port its datagrams leave from.
    pub(super) source: u8,
    is_taken: bool,
}

const _: () = assert!(size_of::<Placed>() <= 24);

impl Placed {
    fn new(target: &EngineTarget, handle: Handle, class: Class) -> Self {
        Self {
            id: target.id,
            handle,
            method: target.method,
            timeout_us: u32::try_from(target.plan.timeout.as_micros()).unwrap_or(u32::MAX),
            payload_bytes: target.plan.payload_bytes,
            egress: target.egress,
            class,
            source: 0,
            is_taken: true,
        }
    }

    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_micros(self.timeout_us as u64)
    }
}

impl Places {
    pub(super) fn at(&self, index: u32) -> Option<&Placed> {
        self.targets.get(index as usize).filter(|placed| placed.is_taken)
    }

    /// Whether datagrams of this target go to `port`, with `payload` where that is known.
    pub(super) fn speaks_udp(&self, handle: Handle, port: u16, payload: Option<UdpPayload>) -> bool {
        let Some(placed) = self.at(handle.index()).filter(|placed| placed.handle == handle) else {
            return false;
        };
        match placed.method {
            Method::Udp {
                port: its_port,
                payload: its_payload,
            } => its_port == port && payload.is_none_or(|payload| payload == its_payload),
            Method::IcmpEcho | Method::TcpConnect { .. } => false,
        }
    }

    /// Has later datagrams of a target leave from another local port; the answer is its handle.
    pub(super) fn rotate(&mut self, id: TargetId) -> Option<Handle> {
        let index = self.index_of(id)?;
        let placed = &mut self.targets[index as usize];
        placed.source = placed.source.wrapping_add(1);
        Some(placed.handle)
    }

    pub(super) fn get(&self, id: TargetId) -> Option<&Placed> {
        self.at(self.index_of(id)?)
    }

    pub(super) fn index_of(&self, id: TargetId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// Places there are, free ones included.
    pub(super) fn len(&self) -> u32 {
        self.targets.len() as u32
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Placed> {
        self.targets.iter().filter(|placed| placed.is_taken)
    }

    /// Takes over another plan of a target that stays in its place.
    pub(super) fn replan(&mut self, target: &EngineTarget) {
        if let Some(index) = self.index_of(target.id) {
            let placed = &mut self.targets[index as usize];
            *placed = Placed {
                source: placed.source,
                ..Placed::new(target, placed.handle, placed.class)
            };
        }
    }

    /// Notes the begin of a pause; false if it was there before, or the target is not.
    pub(super) fn pause(&mut self, id: TargetId, from: WallTime) -> bool {
        if self.is_paused(id) || !self.by_id.contains_key(&id) {
            return false;
        }
        self.pauses.insert(id, from);
        true
    }

    /// Ends a pause; the answer is its begin.
    pub(super) fn unpause(&mut self, id: TargetId) -> Option<WallTime> {
        self.pauses.remove(&id)
    }

    pub(super) fn is_paused(&self, id: TargetId) -> bool {
        self.pauses.contains_key(&id)
    }

    /// Gives `target` a place; the answer is its name there and the number of its next probe.
    pub(super) fn take(&mut self, target: &EngineTarget, class: Class) -> (Handle, u64) {
        let (index, handle) = match self.free.pop_front() {
            Some(index) => (index, self.targets[index as usize].handle),
            None => (self.len(), Handle::new(self.len(), 0)),
        };
        assert!(
            (index as usize) < TARGETS,
            "the caps let in more targets than there are places"
        );
        let placed = Placed::new(target, handle, class);
        if index == self.len() {
            table::make_room(&mut self.targets, index as usize + 1);
            self.targets.push(placed);
        } else {
            self.targets[index as usize] = placed;
        }
        self.by_id.insert(target.id, index);
        (handle, self.retired.remove(&target.id).unwrap_or(0))
    }

    /// Frees the place of a target. A pause of it goes on: it may get another place.
    pub(super) fn free(&mut self, id: TargetId, next_seq: u64) {
        let Some(index) = self.by_id.remove(&id) else {
            return;
        };
        let placed = &mut self.targets[index as usize];
        placed.is_taken = false;
        placed.handle = placed.handle.next_generation();
        self.free.push_back(index);
        self.retired.insert(id, next_seq);
    }

    /// The number after the last one of a target that was removed.
    pub(super) fn retired(&self, id: TargetId) -> u64 {
        self.retired.get(&id).copied().unwrap_or(0)
    }
}

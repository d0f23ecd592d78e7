//! Knows which target is where: dense places that are used again, with a generation each.

use std::collections::{HashMap, VecDeque};

use linewatch_core::inflight::Handle;
use linewatch_core::limits::TARGETS;
use linewatch_core::record::Class;
use linewatch_core::target::{Method, TargetId, UdpPayload};
use linewatch_core::time::WallTime;

use super::EngineTarget;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) targets: Vec<Option<Placed>>,
    pub(super) by_id: HashMap<TargetId, u32>,
    /// Longest free first, so that generations last.
    free: VecDeque<u32>,
    generations: Vec<u32>,
    /// Next number of each target that was removed: it may come back, and no number is used twice in a run.
    retired: HashMap<TargetId, u64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) target: EngineTarget,
    pub(super) handle: Handle,
    pub(super) class: Class,
    /// Which local port its datagrams leave from.
    pub(super) source: u8,
    /// Begin of the pause that goes on.
    pub(super) paused_at: Option<WallTime>,
}

impl Places {
    pub(super) fn at(&self, index: u32) -> Option<Placed> {
        self.targets.get(index as usize).copied().flatten()
    }

    /// Whether datagrams of this target go to `port`, with `payload` where that is known.
    pub(super) fn speaks_udp(&self, handle: Handle, port: u16, payload: Option<UdpPayload>) -> bool {
        let placed = self.targets.get(handle.index() as usize).and_then(Option::as_ref);
        placed.is_some_and(|placed| match placed.target.method {
            Method::Udp {
                port: its_port,
                payload: its_payload,
            } => {
                let is_its = payload.is_none_or(|payload| payload == its_payload);
                placed.handle == handle && its_port == port && is_its
            }
            Method::IcmpEcho | Method::TcpConnect { .. } => false,
        })
    }

    pub(super) fn get_mut(&mut self, id: TargetId) -> Option<&mut Placed> {
        let index = *self.by_id.get(&id)?;
        self.targets.get_mut(index as usize)?.as_mut()
    }

    /// Gives `target` a place; the answer is its name there and the number of its next probe.
    pub(super) fn take(
        &mut self,
        target: EngineTarget,
        class: Class,
        paused_at: Option<WallTime>,
    ) -> (Handle, u64) {
        let index = self.free.pop_front().unwrap_or_else(|| {
            self.targets.push(None);
            self.generations.push(0);
            self.targets.len() as u32 - 1
        });
        assert!(
            (index as usize) < TARGETS,
            "the caps let in more targets than there are places"
        );
        let handle = Handle::new(index, self.generations[index as usize]);
        self.targets[index as usize] = Some(Placed {
            target,
            handle,
            class,
            source: 0,
            paused_at,
        });
        self.by_id.insert(target.id, index);
        (handle, self.retired.remove(&target.id).unwrap_or(0))
    }

    pub(super) fn free(&mut self, id: TargetId, next_seq: u64) {
        let Some(index) = self.by_id.remove(&id) else {
            return;
        };
        self.targets[index as usize] = None;
        self.generations[index as usize] = self.generations[index as usize].wrapping_add(1);
        self.free.push_back(index);
        self.retired.insert(id, next_seq);
    }

    /// The number after the last one of a target that was removed.
    pub(super) fn retired(&self, id: TargetId) -> u64 {
        self.retired.get(&id).copied().unwrap_or(0)
    }
}

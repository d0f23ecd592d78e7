//! Counts what the store really keeps in memory for its series (a test binary of its own, for its allocator's sake).

mod common;

use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

use cap::Cap;
use common::*;
use linewatch_core::target::TargetId;
use linewatch_store::StoreMessage;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const SERIES: u32 = 10_000;
const INTERVAL: Duration = Duration::from_secs(10);
/// A series with an open minute, ten minutes begun, and eight rows in no block yet.
const SERIES_BYTES_MAX: usize = 640;

#[test]
fn a_series_costs_640_bytes_at_most() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    let before = HEAP.allocated();
    let plans = (1..=SERIES).map(|id| (TargetId(id), plan(10 * SECOND))).collect();
    handle.try_send(StoreMessage::Active(plans));
    for seq in 0..8 {
        let records = (1..=SERIES).map(|id| reply(TargetId(id), seq, 10 * SECOND));
        send(&handle, batch(records.collect()));
        clock.advance(INTERVAL);
        handle.flush().expect("flushed");
    }
    // The minute that is over becomes ten minutes once it is written, and what waited for the commits is gone.
    handle.flush().expect("flushed");
    let series_bytes = (HEAP.allocated() - before) / SERIES as usize;
    assert!(series_bytes <= SERIES_BYTES_MAX, "{series_bytes} bytes a series");
    drop(reader);
    handle.stop("test").expect("stopped");
}

//! Proves that a storm of forged and malformed replies is not one reply: a million of them at a running engine, in every way
//! the far end knows, and never a right one.
//!
//! Input: how many. Output: counts, and false if one was taken for an answer. What the kernel could not hand over because its
//! queue was full is `unmeasured` and said to be.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};
use linewatch_e2e::packet::{Answer, Kind};
use linewatch_e2e::responder::Responder;

use crate::part::{self, Load};
use crate::table::say;

/// Each request is answered by each of these ...
const FORGERIES: [Answer; 5] = [
    Answer::WrongPayload,
    Answer::WrongSource,
    Answer::WrongSequence,
    Answer::BadChecksum,
    Answer::Truncated,
];
/// ... this often.
const ROUNDS: u64 = 4;
const TARGETS: u32 = 20;
const PACKETS: u64 = 1_000_000;

/// The storm; `packets` is a million if nobody says otherwise.
pub(crate) fn run(packets: Option<u64>) -> Result<bool> {
    let each = FORGERIES.len() as u64 * ROUNDS * u64::from(TARGETS);
    let slots = packets.unwrap_or(PACKETS).div_ceil(each);
    let far_end = Responder::start(|_, packet| match packet.kind {
        Kind::EchoRequest { .. } => (0..ROUNDS)
            .flat_map(|round| FORGERIES.map(|forgery| (Duration::from_millis(1 + round), forgery)))
            .collect(),
        _ => Vec::new(),
    })?;
    let loaded = part::load(&Load {
        first: Ipv4Addr::new(10, 9, 0, 2),
        slots: Some(slots),
        warm_ms: 0,
        has_rtts: true,
        // 2,000 requests a second, 40,000 forgeries: as fast as a far end in user space goes on any computer.
        ..Load::loopback(TARGETS, 10_000, 0)
    })?;
    let exchanges = far_end.exchanges()?;
    let sent: usize = exchanges.iter().map(|exchange| exchange.answers.len()).sum();
    let counts = loaded.counts;
    say(&format!(
        "{} requests, {sent} forged or malformed packets: {} accepted, {} RTTs, {} counted as forged, {} lost, {} unmeasured, {} unsent",
        counts.scheduled,
        counts.replied + counts.refused + counts.duplicate + counts.late,
        loaded.rtts.len(),
        counts.forged,
        counts.lost,
        counts.unmeasured,
        counts.unsent,
    ));
    let told = judge(&loaded, sent as u64, slots * each);
    say(&match &told {
        Ok(()) => {
            "forged: holds: nothing was taken for an answer, and the engine told of every probe".to_owned()
        }
        Err(why) => format!("forged: FAILS: {why:#}"),
    });
    Ok(told.is_ok())
}

fn judge(loaded: &part::Loaded, sent: u64, wanted: u64) -> Result<()> {
    let counts = loaded.counts;
    let accepted = counts.replied + counts.refused + counts.unreachable + counts.duplicate + counts.late;
    ensure!(
        accepted == 0 && loaded.rtts.is_empty(),
        "{accepted} were taken for answers: {counts:?}"
    );
    ensure!(counts.is_conserved(), "the counts do not close: {counts:?}");
    ensure!(
        sent >= wanted / 100 * 99,
        "only {sent} of {wanted} forgeries left the far end"
    );
    ensure!(
        counts.forged > 0,
        "not one forgery was noticed: this proves nothing"
    );
    Ok(())
}

//! Proves counts: against the far end of a line, between two processes, and against the kernel's packet filter.
//!
//! Nothing here is a measurement of speed: each line is exactly so, or it fails.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use linewatch_e2e::namespace::tool;
use linewatch_e2e::packet::{Answer, Kind};
use linewatch_e2e::responder::Responder;

use crate::machine;
use crate::part::{self, Load, Loaded, command};
use crate::rows::punctual_far_end;
use crate::table::say;

/// Runs one proof or all; false if one fails.
pub(crate) fn run(show: Option<u8>) -> Result<bool> {
    let mut holds = true;
    for number in 2..=4 {
        if show.is_some_and(|show| show != number) {
            continue;
        }
        let proofs: &[fn() -> Result<String>] = match number {
            2 => &[a_long_line_at_a_millisecond],
            3 => &[
                the_wire_sequence_wraps,
                two_processes_share_an_id,
                one_of_two_is_answered,
            ],
            _ => &[drops_on_the_way_in_are_lost, drops_on_the_way_out_are_unsent],
        };
        for proof in proofs {
            match proof() {
                Ok(told) => say(&format!("show {number}: holds: {told}")),
                Err(why) => {
                    holds = false;
                    say(&format!("show {number}: FAILS: {why:#}"));
                }
            }
        }
    }
    Ok(holds)
}

/// Interval 1 ms at 200 ms RTT for 10 s.
fn a_long_line_at_a_millisecond() -> Result<String> {
    let far_end = punctual_far_end(Duration::from_millis(200))?;
    let loaded = part::load(&Load {
        first: Ipv4Addr::new(10, 9, 0, 2),
        warm_ms: 500,
        has_rtts: true,
        has_samples: true,
        ..Load::loopback(1, 1000, 10_000)
    })?;
    let exchanges = far_end.exchanges()?;
    let answered = exchanges.iter().filter(|exchange| exchange.delay_ns().is_some());
    let (asked, answered, counts) = (exchanges.len() as u64, answered.count() as u64, loaded.counts);
    ensure!(
        (9_990..=10_010).contains(&loaded.sent),
        "{} sent in {:.3} s",
        loaded.sent,
        loaded.span_s
    );
    ensure!(
        asked == counts.scheduled,
        "{asked} seen on the line, {} scheduled",
        counts.scheduled
    );
    ensure!(
        counts.replied == answered && answered == asked && counts.is_conserved(),
        "{answered} answered: {counts:?}"
    );
    let mut errors: Vec<u64> = Vec::new();
    for (_, number, rtt_ns) in &loaded.rtts {
        let exchange = exchanges
            .get(*number as usize)
            .context("a reply to what was never sent")?;
        let delay_ns = exchange.delay_ns().context("a reply to what was not answered")?;
        errors.push(delay_ns.abs_diff(*rtt_ns as i64));
    }
    let worst_us = errors.iter().max().copied().unwrap_or(0) / 1000;
    ensure!(
        worst_us < 1000,
        "an RTT is wrong by {worst_us} us: a reply went to another probe"
    );
    Ok(format!(
        "{} sent in {:.3} s; all {asked} seen on the line, answered after 200 ms and matched, each RTT true within {worst_us} us",
        loaded.sent, loaded.span_s
    ))
}

/// 200,000 probes on one flow.
fn the_wire_sequence_wraps() -> Result<String> {
    const PROBES: u64 = 200_000;
    let loaded = part::load(&Load {
        slots: Some(PROBES),
        warm_ms: 0,
        // 10,000/s: this proves counts, not speed.
        ..Load::loopback(1, 100, 0)
    })?;
    ensure_all_replied(&loaded, PROBES)?;
    Ok(format!(
        "{PROBES} probes on one flow at 10,000/s, 3 wraps: as many replies, nothing else"
    ))
}

/// Two processes, one target, 1 kHz each, and even the same ICMP identifier: only the cookie tells them apart.
fn two_processes_share_an_id() -> Result<String> {
    const PROBES: u64 = 5000;
    let load = Load {
        slots: Some(PROBES),
        warm_ms: 0,
        ..Load::loopback(1, 1000, 0)
    };
    let both = [part::start_load(&load)?, part::start_load(&load)?];
    let mut foreign = 0;
    for child in both {
        let loaded: Loaded = part::finish(child)?;
        ensure_all_replied(&loaded, PROBES)?;
        foreign += loaded.counts.forged;
    }
    ensure!(
        foreign > PROBES,
        "only {foreign} answers to the other were seen: this proves little"
    );
    Ok(format!(
        "two processes at 1 kHz each with the same identifier: {PROBES} replies each, {foreign} answers to the other refused"
    ))
}

/// Two processes, one target, and a far end that answers the first identifier it sees and never the other.
fn one_of_two_is_answered() -> Result<String> {
    const PROBES: u64 = 5000;
    let mut chosen = None;
    let far_end = Responder::start(move |_, packet| match packet.kind {
        Kind::EchoRequest { id, .. } if id == *chosen.get_or_insert(id) => {
            vec![(Duration::from_micros(300), Answer::Right)]
        }
        _ => Vec::new(),
    })?;
    let load = |seed| Load {
        first: Ipv4Addr::new(10, 9, 0, 2),
        slots: Some(PROBES),
        warm_ms: 0,
        seed,
        ..Load::loopback(1, 1000, 0)
    };
    let both = [part::start_load(&load(11))?, part::start_load(&load(12))?];
    let mut replied = Vec::new();
    for child in both {
        let loaded: Loaded = part::finish(child)?;
        let counts = loaded.counts;
        ensure!(
            counts.is_conserved() && counts.replied + counts.lost == PROBES,
            "{counts:?}"
        );
        replied.push(counts.replied);
    }
    drop(far_end);
    replied.sort_unstable();
    ensure!(
        replied == [0, PROBES],
        "the answered one has {}, the other {}",
        replied[1],
        replied[0]
    );
    Ok(format!(
        "of two processes at 1 kHz one is answered: it has {PROBES} replies, the other none"
    ))
}

fn ensure_all_replied(loaded: &Loaded, probes: u64) -> Result<()> {
    let counts = loaded.counts;
    let is_exact = counts.scheduled == probes && counts.replied == probes && counts.duplicate == 0;
    let causes = &loaded.own_causes;
    ensure!(is_exact && counts.late == 0, "{counts:?}, of ours: {causes:?}");
    Ok(())
}

/// 10,000/s for five seconds, from a table of counters and the verdicts named by `rules`.
fn filtered(rules: &str) -> Result<(Loaded, impl Fn(&str) -> Result<u64>)> {
    ensure!(machine::has("nft"), "nft (package nftables) is not installed");
    let table = format!(
        "table inet proof {{
            counter asked {{ packets 0 bytes 0; }}
            counter refused {{ packets 0 bytes 0; }}
            counter answered {{ packets 0 bytes 0; }}
            counter dropped {{ packets 0 bytes 0; }}
            {rules}
        }}"
    );
    // A table of an earlier proof; the first time there is none.
    let _ = tool("nft", &["delete", "table", "inet", "proof"]);
    tool("nft", &[&table])?;
    let loaded = part::load(&Load {
        slots: Some(5000),
        warm_ms: 0,
        ..Load::loopback(10, 1000, 0)
    })?;
    let listed = json(&["list", "counters"])?;
    let counter = move |name: &str| {
        let all = listed["nftables"].as_array().context("nft printed no list")?;
        let found = all.iter().find(|entry| entry["counter"]["name"] == name);
        found
            .and_then(|entry| entry["counter"]["packets"].as_u64())
            .with_context(|| format!("nft has no counter {name}"))
    };
    Ok((loaded, counter))
}

/// 30 % random drop on the way in.
fn drops_on_the_way_in_are_lost() -> Result<String> {
    let (loaded, counter) = filtered(
        "chain out { type filter hook output priority 0; icmp type echo-request counter name asked; }
         chain in { type filter hook input priority 0;
            icmp type echo-reply numgen random mod 100 < 30 counter name dropped drop;
            icmp type echo-reply counter name answered; }",
    )?;
    let (asked, dropped, answered) = (counter("asked")?, counter("dropped")?, counter("answered")?);
    let counts = loaded.counts;
    let is_exact = counts.scheduled == asked && counts.lost == dropped && counts.replied == answered;
    ensure!(
        is_exact && counts.is_conserved() && counts.scheduled == 50_000,
        "nft: {asked} asked, {dropped} dropped, {answered} answered; ours: {counts:?}"
    );
    Ok(format!(
        "10,000/s, 30 % dropped on the way in: nft dropped {dropped} and let {answered} in; {} lost, {} replied",
        counts.lost, counts.replied
    ))
}

/// About 10 % dropped on the way out: the kernel refuses the send. Which ones is a hash of the probe, because a batch
/// that breaks off is offered again from there, and a die would then be cast twice; the set holds each but once.
fn drops_on_the_way_out_are_unsent() -> Result<String> {
    let (loaded, counter) = filtered(
        "set refusals { typeof ip daddr . icmp sequence; size 65535; flags dynamic; }
         chain out { type filter hook output priority 0;
            icmp type echo-request jhash ip daddr . icmp sequence mod 100 < 10 jump refuse;
            icmp type echo-request counter name asked; }
         chain refuse { update @refusals { ip daddr . icmp sequence }; counter name refused; drop; }",
    )?;
    let listed = json(&["list", "set", "inet", "proof", "refusals"])?;
    let set = listed["nftables"].as_array().into_iter().flatten();
    let elements = set.filter_map(|entry| entry["set"]["elem"].as_array()).next();
    let refusals = elements.context("nft has refused nothing")?.len() as u64;
    let (tries, asked, counts) = (counter("refused")?, counter("asked")?, loaded.counts);
    let is_exact = counts.unsent == refusals && counts.replied == asked && counts.lost == 0;
    ensure!(
        is_exact && counts.is_conserved() && counts.scheduled == 50_000,
        "nft: {refusals} refused in {tries} tries, {asked} let out; ours: {counts:?}"
    );
    Ok(format!(
        "10,000/s, 10 % dropped on the way out: nft dropped {refusals} and let {asked} out; {} unsent, {} replied, 0 lost",
        counts.unsent, counts.replied
    ))
}

/// What nft prints as JSON.
fn json(arguments: &[&str]) -> Result<serde_json::Value> {
    let output = command("nft").arg("-j").args(arguments).output()?;
    serde_json::from_slice(&output.stdout).context("nft printed no JSON")
}

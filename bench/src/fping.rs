//! Runs the installed `fping` and reads what it did and what it cost.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::NamedTempFile;

use crate::account;
use crate::part::{Percentiles, command};

/// A hung fping ends a row after so long.
const SECONDS_MAX: &str = "60";

/// One run of fping in count mode.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Address of the first target.
    pub first: Ipv4Addr,
    /// This many, at consecutive addresses.
    pub targets: u32,
    /// Probes to each.
    pub count: u32,
    /// `-p`: from probe to probe of one target, in milliseconds.
    pub period_ms: u32,
    /// `-i`: between any two probes, in milliseconds.
    pub spacing_ms: f64,
    /// `-C`: tell every RTT.
    pub has_rtts: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// False: it gave up; `complaint` says why.
    pub is_complete: bool,
    /// First line of its standard error that is not a figure.
    pub complaint: String,
    /// Requests.
    pub sent: u64,
    /// Replies.
    pub received: u64,
    /// Its own word on how long it took.
    pub elapsed_s: f64,
    /// User and system time, start and end of the program included.
    pub cpu: Duration,
    /// With `-C`: RTTs of each target in order, in nanoseconds as far as its digits go; `None` where it got none.
    pub rtts: Vec<(Ipv4Addr, Vec<Option<u64>>)>,
}

/// Runs it to its end.
pub(crate) fn run(order: &Order) -> Result<Done> {
    let mut list = NamedTempFile::new()?;
    for index in 0..order.targets {
        writeln!(list, "{}", Ipv4Addr::from_bits(order.first.to_bits() + index))?;
    }
    let before = account::children_cpu()?;
    let output = command("timeout")
        .args([SECONDS_MAX, "fping", "-q", "-s"])
        .args([if order.has_rtts { "-C" } else { "-c" }, &order.count.to_string()])
        .args(["-p", &order.period_ms.to_string()])
        .args(["-i", &order.spacing_ms.to_string()])
        .arg("-f")
        .arg(list.path())
        .output()
        .context("run fping")?;
    let cpu = account::children_cpu()? - before;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let figure = |name: &str| {
        let line = text.lines().find(|line| line.contains(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok())
    };
    let complaint = text
        .lines()
        .find(|line| line.contains("error"))
        .unwrap_or_default();
    // It says 1 when a target answered nothing, as in a flood on a busy computer: the run is whole all the same.
    let is_complete = output.status.success()
        || output.status.code() == Some(1) && complaint.is_empty() && figure("Echos sent").is_some();
    ensure!(
        is_complete || !complaint.is_empty(),
        "fping failed: {}",
        output.status
    );
    Ok(Done {
        is_complete,
        complaint: complaint.to_owned(),
        sent: figure("Echos sent").unwrap_or(0.0) as u64,
        received: figure("Echo Replies received").unwrap_or(0.0) as u64,
        elapsed_s: figure("elapsed real time").unwrap_or(0.0),
        cpu,
        rtts: text.lines().filter_map(read_rtts).collect(),
    })
}

/// `127.0.0.1 : 0.022 - 0.014`
fn read_rtts(line: &str) -> Option<(Ipv4Addr, Vec<Option<u64>>)> {
    let (name, values) = line.split_once(" : ")?;
    let ip = name.trim().parse().ok()?;
    let nanos = |word: &str| Some((word.parse::<f64>().ok()? * 1e6).round() as u64);
    Some((ip, values.split_whitespace().map(nanos).collect()))
}

/// How late the probes on a tap were: each target's are laid on a grid of its own, which begins where it fits the most
/// punctual one. The same for whoever sent them.
pub(crate) fn lateness(sent_at_ns: &[Vec<i64>], period_ns: i64) -> Percentiles {
    let mut late = Vec::new();
    for series in sent_at_ns {
        let offsets: Vec<i64> = series
            .iter()
            .zip(0..)
            .map(|(at, slot)| at - slot * period_ns)
            .collect();
        let best = offsets.iter().min().copied().unwrap_or(0);
        late.extend(offsets.iter().map(|offset| offset.abs_diff(best)));
    }
    Percentiles::of(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_rtts_keeps_the_places_of_lost_probes() {
        let (ip, rtts) = read_rtts("127.0.0.1 : 0.022 - 1.50").expect("a line of RTTs");
        assert_eq!(ip, Ipv4Addr::LOCALHOST);
        assert_eq!(rtts, [Some(22_000), None, Some(1_500_000)]);
    }

    #[test]
    fn a_sender_on_its_grid_is_never_late_and_one_late_probe_is_as_late_as_it_is() {
        let punctual = vec![vec![100, 110, 120, 130]];
        assert_eq!(lateness(&punctual, 10).max, 0);
        let once = vec![vec![100, 117, 120, 130]];
        assert_eq!(lateness(&once, 10).max, 7);
    }
}

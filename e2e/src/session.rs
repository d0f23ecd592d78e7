//! Reads the folder of a session of `linewatch record` strictly: a line that is not whole is an error, and so are sums that
//! do not agree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

/// Bytes of a row of a table without its end (REQUIREMENTS S3-34).
const ROW_BYTES: usize = 102;

/// One row of a table of averages: sent, received, failed, outage.
pub type Row = (u64, u64, u64, bool);

/// One outage of `packetloss.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// First second, as it is written.
    pub from: String,
    /// Last second.
    pub to: String,
    /// How many seconds.
    pub seconds: u64,
    /// Probes in it.
    pub sent: u64,
    /// Answers in it.
    pub received: u64,
}

/// What the files of one target say, each read by itself.
#[derive(Clone, Debug)]
pub struct Files {
    /// `averages_per_second.txt`.
    pub seconds: BTreeMap<String, Row>,
    /// `packetloss.txt`; `None` before the first writing.
    pub outages: Option<Vec<Outage>>,
    /// Sent, received, lost and outages of `session_*.txt`; `None` before the first writing.
    pub totals: Option<[u64; 4]>,
    /// Lines of the log: sent and received; `None` without one.
    pub log: Option<(u64, u64)>,
    /// The session has ended in order.
    pub has_ended: bool,
}

/// The number of `Sent: 120 packets` in `session_*.txt`.
///
/// # Errors
///
/// When there is no such line.
pub fn total(session: &str, name: &str) -> anyhow::Result<u64> {
    let line = session
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    let line = line.with_context(|| format!("no line {name} in {session}"))?;
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}

/// Rows of a table by their time.
///
/// # Errors
///
/// For anything that is not whole.
pub fn rows(text: &str) -> anyhow::Result<BTreeMap<String, Row>> {
    ensure_whole(text)?;
    let mut rows = BTreeMap::new();
    for line in text.lines().skip(4) {
        ensure!(line.len() == ROW_BYTES, "a row of {} bytes: {line:?}", line.len());
        let number = |from: usize| line[from..from + 12].trim().parse::<u64>();
        let (sent, received, success, failed) = (number(21)?, number(34)?, number(66)?, number(79)?);
        ensure!(received == success && sent == received + failed, "{line}");
        let is_outage = match line[92..].trim() {
            "Yes" => true,
            "No" => false,
            other => bail!("{other:?} in {line}"),
        };
        let row = (sent, received, failed, is_outage);
        let known = rows.insert(line[..19].to_owned(), row);
        ensure!(known.is_none(), "a second row of one time: {line}");
    }
    Ok(rows)
}

/// Sent, received and failed of all rows.
pub fn sums(rows: &BTreeMap<String, Row>) -> (u64, u64, u64) {
    rows.values().fold((0, 0, 0), |sum, row| {
        (sum.0 + row.0, sum.1 + row.1, sum.2 + row.2)
    })
}

/// Reads every file of one target in `dir`; `stem` is the name of the session.
///
/// # Errors
///
/// For a file that does not parse, a line that is cut, or files that contradict each other. What was written last may know
/// more than what was written first by one writing, because a session may be killed between the two.
pub fn read(dir: &Path, stem: &str) -> anyhow::Result<Files> {
    let text = |name: &str| fs::read_to_string(dir.join(name)).with_context(|| name.to_owned());
    let seconds = rows(&text("averages_per_second.txt")?).context("averages_per_second.txt")?;
    let files = Files {
        outages: optional(dir, "packetloss.txt", outages)?,
        totals: optional(dir, &format!("{stem}.txt"), totals)?,
        log: optional(dir, "connection_log.txt", log)?,
        has_ended: fs::read_to_string(dir.join(format!("{stem}.txt")))
            .is_ok_and(|text| text.contains("\nSession ended: ")),
        seconds,
    };
    for name in ["averages_per_minute.txt", "averages_per_hour.txt"] {
        let (sent, ..) = sums(&rows(&text(name)?).context(name.to_owned())?);
        ensure!(sent <= sums(&files.seconds).0, "{name}: {sent}");
    }
    let csv_seconds = optional(dir, "session.csv", csv_rows)?;
    ensure!(
        csv_seconds.is_none_or(|rows| rows <= files.seconds.len() + 1),
        "session.csv: {csv_seconds:?} rows"
    );
    optional(dir, "session.json", |text| {
        Ok(serde_json::from_str::<serde_json::Value>(text)?)
    })?;
    optional(dir, "minutes.ndjson", |text| {
        if !text.is_empty() {
            ensure_whole(text)?;
        }
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line)?;
        }
        Ok(())
    })?;
    files.agree()?;
    Ok(files)
}

impl Files {
    /// Whether the sums that each file tells by itself are of one session.
    fn agree(&self) -> anyhow::Result<()> {
        let (sent, received, failed) = sums(&self.seconds);
        if let Some([all, answered, lost, outages]) = self.totals {
            ensure!(
                all == answered + lost,
                "{all} sent, {answered} received, {lost} lost"
            );
            let is_less = all <= sent && answered <= received && lost <= failed;
            ensure!(is_less, "the totals know more than the rows: {self:?}");
            if self.has_ended {
                ensure!((all, answered, lost) == (sent, received, failed), "{self:?}");
            }
            let listed = self.outages.as_ref().map_or(0, Vec::len) as u64;
            ensure!(
                listed >= outages,
                "{outages} outages in the totals, {listed} listed"
            );
        }
        for outage in self.outages.iter().flatten() {
            let rows: Vec<_> = self
                .seconds
                .range(outage.from.clone()..=outage.to.clone())
                .collect();
            let sum = rows
                .iter()
                .fold((0, 0), |sum, (_, row)| (sum.0 + row.0, sum.1 + row.1));
            ensure!(
                sum == (outage.sent, outage.received),
                "{outage:?} is not its rows {rows:?}"
            );
            ensure!(
                rows.iter().all(|(_, row)| row.3),
                "{outage:?} has a good second: {rows:?}"
            );
            ensure!(
                rows.len() as u64 == outage.seconds,
                "{outage:?} has {} rows",
                rows.len()
            );
        }
        if let (Some((attempts, answers)), true) = (self.log, self.has_ended) {
            ensure!(
                (attempts, answers) == (sent, received),
                "the log: {attempts} {answers}, {self:?}"
            );
        }
        Ok(())
    }
}

fn ensure_whole(text: &str) -> anyhow::Result<()> {
    let end = text.len().saturating_sub(120);
    ensure!(
        text.ends_with('\n'),
        "the last line is cut: {:?}",
        text.get(end..)
    );
    Ok(())
}

/// A file that appears with the first writing.
fn optional<T>(
    dir: &Path,
    name: &str,
    read: impl FnOnce(&str) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let path = dir.join(name);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).with_context(|| name.to_owned())?;
    read(&text)
        .map(Some)
        .with_context(|| format!("{name}: {text:.400}"))
}

fn totals(text: &str) -> anyhow::Result<[u64; 4]> {
    ensure_whole(text)?;
    let [sent, received, lost] = ["Sent", "Received", "Lost"].map(|name| total(text, name));
    Ok([sent?, received?, lost?, total(text, "Packet loss outages")?])
}

fn outages(text: &str) -> anyhow::Result<Vec<Outage>> {
    ensure_whole(text)?;
    let head = text.lines().next().unwrap_or_default();
    let counted = head
        .strip_prefix("Packet loss outages - ")
        .context("another first line")?;
    let counted: usize = counted.split(' ').next().unwrap_or_default().parse()?;
    let blocks: Vec<&str> = text.split("Outage #").skip(1).collect();
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::to_owned)
            .with_context(|| format!("no{name} in {block}"))
    };
    let mut outages = Vec::new();
    for block in blocks {
        ensure!(
            block.ends_with(&format!("{}\n", "-".repeat(100))),
            "a cut block: {block}"
        );
        let numbers = field(block, "  Sent: ")?;
        let mut numbers = numbers
            .split(" | ")
            .map(|part| part.rsplit(' ').next().unwrap_or_default());
        let length = field(block, "  Duration: ")?;
        outages.push(Outage {
            from: field(block, "  From: ")?,
            to: field(block, "  To: ")?,
            seconds: length.split(' ').next().unwrap_or_default().parse()?,
            sent: numbers.next().unwrap_or_default().parse()?,
            received: numbers.next().unwrap_or_default().parse()?,
        });
    }
    ensure!(
        outages.len() == counted,
        "{counted} outages announced, {} listed",
        outages.len()
    );
    Ok(outages)
}

/// Attempts and answers.
fn log(text: &str) -> anyhow::Result<(u64, u64)> {
    ensure_whole(text)?;
    let mut sums = (0, 0);
    for line in text.lines().skip(1) {
        let told = line.get(23..).and_then(|rest| rest.strip_prefix(" - Sent: "));
        let told = told.with_context(|| format!("{line:?}"))?;
        let is_whole = told.contains(", RTT: ") && told.contains(", Success: ");
        ensure!(is_whole, "{line:?}");
        sums.0 += u64::from(told.starts_with('1'));
        sums.1 += u64::from(told.contains(", Received: 1,"));
    }
    Ok(sums)
}

/// How many rows there are below the head.
fn csv_rows(text: &str) -> anyhow::Result<usize> {
    ensure!(text.ends_with("\r\n"), "the last line is cut");
    ensure!(
        text.lines().all(|line| line.split(',').count() == 10),
        "a row of other columns"
    );
    Ok(text.lines().count() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Time zone: UTC\n=\nTime range (1s)\n-\n";

    fn row(time: &str, sent: u64, received: u64, is_outage: &str) -> String {
        let failed = sent - received;
        format!(
            "{time:<20} {sent:<12} {received:<12} {:<18} {received:<12} {failed:<12} {is_outage:<10}\n",
            "1.00"
        )
    }

    #[test]
    fn a_cut_row_and_a_wrong_sum_are_found() {
        let whole = format!("{HEAD}{}", row("2026-11-21 16:56:02", 285, 200, "No"));
        assert_eq!(
            rows(&whole).expect("whole")["2026-11-21 16:56:02"],
            (285, 200, 85, false)
        );
        assert!(rows(&whole[..whole.len() - 3]).is_err());
        assert!(rows(&whole.replace("285", "286")).is_err());
    }

    #[test]
    fn an_outage_that_is_cut_or_not_counted_is_found() {
        let block = format!(
            "Outage #1:\n  From: a\n  To: b\n  Duration: 3 seconds\n  Sent: 892 | Received: 234 | Loss: 73.8%\n{}\n",
            "-".repeat(100)
        );
        let text = format!("Packet loss outages - 1 outage\n{block}");
        let found = outages(&text).expect("whole");
        assert_eq!(
            (found[0].seconds, found[0].sent, found[0].received),
            (3, 892, 234)
        );
        assert!(outages(&format!("{text}{block}")).is_err());
        assert!(outages(&text[..text.len() - 5]).is_err());
    }
}

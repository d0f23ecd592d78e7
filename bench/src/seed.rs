//! Makes large histories: `cargo xtask seed-history`. What they hold is what a line of 12 ms would have left.
//!
//! RTTs are log-normal (median 12 ms, sigma 0.15, whole microseconds), one probe in a thousand is lost, there are outages,
//! gaps and events; a seed makes the same history again. Every tier is summed from the samples themselves, also where
//! these are older than their retention and not kept.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use linewatch_core::event::{Event, EventId, EventKind, OutageRow, RunId, Severity};
use linewatch_core::outage::OpenedBy;
use linewatch_core::port::Clock as _;
use linewatch_core::record::{Cause, Class, Gap, GapKind, Outcome, ProbeRecord};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_probe::clock::SystemClock;
use linewatch_store::bulk::{Bulk, KeptFrom};
use linewatch_store::{SeriesKey, Store};

use crate::table::say;

const SECOND_NS: u64 = 1_000_000_000;
const DAY: Duration = Duration::from_secs(86_400);
/// The default retention of INTERFACE: 30 days of samples, 90 of minutes, a year of ten minutes, hours for ever.
const RAW_DAYS: u32 = 30;
const MINUTE_DAYS: u32 = 90;
const TEN_MINUTE_DAYS: u32 = 365;
/// One probe in so many is lost by itself.
const LOSS_ONE_IN: u64 = 1000;
/// Outages and gaps come this far apart in the mean, and last up to so long.
const OUTAGE_EVERY_S: u64 = 10 * 86_400;
const OUTAGE_MAX_S: u64 = 600;
const GAP_EVERY_S: u64 = 30 * 86_400;
const GAP_MAX_S: u64 = 7200;
/// Probes between two looks at the clock.
const TOLD_EVERY: u64 = 1 << 20;

/// What to make.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Series.
    pub targets: u32,
    /// Length of the history, which ends at `end`.
    pub days: u32,
    /// Slot to slot.
    pub interval: Duration,
    /// Where to.
    pub dir: PathBuf,
    /// The same seed makes the same history.
    pub seed: u64,
    /// Its last moment.
    pub end: WallTime,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made {
    /// Finished probes.
    pub samples: u64,
    /// Outages.
    pub outages: u64,
    /// Gaps.
    pub gaps: u64,
}

/// Reads the words behind `seed-history` and does it.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let mut order = Order {
        targets: 20,
        days: 30,
        interval: Duration::from_secs(1),
        dir: PathBuf::new(),
        seed: 1,
        end: SystemClock::start().wall(),
    };
    let mut words = words.iter();
    while let Some(name) = words.next() {
        let value = words.next().with_context(|| format!("{name} needs a value"))?;
        let number = || -> Result<u64> {
            value
                .parse()
                .with_context(|| format!("{name} {value}: not a whole number"))
        };
        match name.as_str() {
            "--targets" => order.targets = u32::try_from(number()?)?,
            "--days" => order.days = u32::try_from(number()?)?,
            "--seed" => order.seed = number()?,
            "--interval" => order.interval = interval(value)?,
            "--data-dir" => order.dir = PathBuf::from(value),
            _ => bail!("there are --targets, --days, --interval, --data-dir and --seed, not \"{name}\""),
        }
    }
    ensure!(
        !order.dir.as_os_str().is_empty(),
        "--data-dir DIR is needed: where the history is to be"
    );
    ensure!(
        (1..=10_000).contains(&order.targets) && (1..=3650).contains(&order.days),
        "1 to 10,000 targets and 1 to 3,650 days, not {} and {}",
        order.targets,
        order.days
    );
    let made = make(&order, true)?;
    say(&format!(
        "{}: {} targets, {} days, {} probes, {} outages, {} gaps; {:.1} MB",
        order.dir.display(),
        order.targets,
        order.days,
        made.samples,
        made.outages,
        made.gaps,
        database(&order.dir).metadata()?.len() as f64 / 1e6
    ));
    Ok(())
}

fn interval(text: &str) -> Result<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, Duration::from_millis(1)),
        None => (text.strip_suffix('s').unwrap_or(text), Duration::from_secs(1)),
    };
    let number: u32 = number
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .with_context(|| format!("--interval {text}: give whole seconds or milliseconds, as 1s or 200ms"))?;
    Ok(unit * number)
}

/// The database of a data directory.
pub(crate) fn database(dir: &Path) -> PathBuf {
    dir.join("linewatch.db")
}

/// Makes the history; with `is_told` says how far it is.
pub(crate) fn make(order: &Order, is_told: bool) -> Result<Made> {
    ensure!(
        !database(&order.dir).exists(),
        "{} is there already: histories are made in a directory of their own",
        database(&order.dir).display()
    );
    let before = |days: u32| order.end.minus(DAY * days);
    let begin = before(order.days);
    let opened = Store::open(&order.dir, "seeded", begin)?;
    let run = opened.run;
    let mut store = opened.store;
    let mut targets = Vec::new();
    for number in 1..=order.targets {
        let slug = format!("seed-{number}");
        let key = SeriesKey {
            // TEST-NET-2 (RFC 5737) and on: nobody is named by accident.
            address: std::net::Ipv4Addr::from_bits(0xc633_6400 + number).to_string(),
            method: "icmp".to_owned(),
            port: None,
            slug,
        };
        targets.push(store.register(&key, &key.slug, begin)?);
    }
    let mut bulk = Bulk::new(store);
    let noise = Noise::new(order.seed);
    let slots = DAY.as_nanos() as u64 * u64::from(order.days) / order.interval.as_nanos() as u64;
    let mut progress = Progress::new(slots * u64::from(order.targets), is_told);
    let kept = KeptFrom {
        raw: before(RAW_DAYS),
        minutes: before(MINUTE_DAYS),
        ten_minutes: before(TEN_MINUTE_DAYS),
    };
    let mut made = Made::default();
    let mut story = Story::new(run);
    for target in targets {
        let anchor = Anchor {
            mono: MonoTime::ZERO,
            wall: begin,
        };
        let mut series = bulk.series(target, anchor, kept)?;
        let mut line = Line::new(target, order, &noise);
        while line.seq < slots {
            if let Some(record) = line.next(&mut story, anchor) {
                series.add(&record)?;
                made.samples += 1;
            }
            progress.at(made.samples + line.skipped);
        }
        series.finish()?;
        progress.skipped(line.skipped);
        bulk.others(&story.gaps, &story.events, &story.outages)?;
        made.outages += story.outages.len() as u64;
        made.gaps += story.gaps.len() as u64;
        story.clear();
    }
    bulk.finish(order.end)?;
    progress.end();
    Ok(made)
}

/// Random numbers, and the delays they stand for.
#[derive(Debug)]
pub(crate) struct Noise {
    rtts_us: Vec<u32>,
    /// Exponential with a mean of one, in thousandths.
    queues: Vec<u32>,
    seed: u64,
}

impl Noise {
    /// Of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let sizes = 0..1 << 16;
        let mut uniform = || ((dice.roll() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        Self {
            // Box and Muller, 1958.
            rtts_us: sizes
                .clone()
                .map(|_| {
                    let normal = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
                    (12_000.0 * (0.15 * normal).exp()).round() as u32
                })
                .collect(),
            queues: sizes.map(|_| (-uniform().ln() * 1000.0) as u32).collect(),
            seed,
        }
    }
}

/// splitmix64: the same everywhere, a nanosecond a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Any number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }
}

/// A reply as such a line gives it, whose slot is `due_at`.
pub(crate) fn reply(target: TargetId, seq: u64, due_at: MonoTime, noise: &Noise, roll: u64) -> ProbeRecord {
    let place = |shift: u32| (roll >> shift & 0xffff) as usize;
    let rtt_ns = u64::from(noise.rtts_us[place(0)]) * 1000;
    ProbeRecord {
        target,
        seq,
        due_at,
        // Woken 55 us late and a little more, read 15 us after the kernel had it and a little more.
        sent_at: due_at.plus(Duration::from_nanos(
            55_000 + u64::from(noise.queues[place(16)]) * 20,
        )),
        outcome: Outcome::Reply,
        rtt: Some(Rtt::from_nanos(rtt_ns)),
        host_rtt: Some(Rtt::from_nanos(
            rtt_ns + 15_000 + u64::from(noise.queues[place(32)]) * 10,
        )),
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

/// One target's probes, in order.
struct Line<'a> {
    target: TargetId,
    noise: &'a Noise,
    dice: Dice,
    interval_ns: u64,
    phase_ns: u64,
    seq: u64,
    /// Slots in gaps.
    skipped: u64,
    /// Where the next outage and the next gap begin, in slots.
    outage_at: u64,
    gap_at: u64,
}

impl<'a> Line<'a> {
    fn new(target: TargetId, order: &Order, noise: &'a Noise) -> Self {
        let mut dice = Dice(noise.seed ^ u64::from(target.0) << 32);
        let interval_ns = order.interval.as_nanos() as u64;
        let mut line = Self {
            target,
            noise,
            interval_ns,
            phase_ns: dice.roll() % interval_ns,
            seq: 0,
            skipped: 0,
            outage_at: 0,
            gap_at: 0,
            dice,
        };
        line.outage_at = line.slots_up_to(OUTAGE_EVERY_S * 2);
        line.gap_at = line.slots_up_to(GAP_EVERY_S * 2);
        line
    }

    /// A length up to this, in slots; at least one.
    fn slots_up_to(&mut self, most_s: u64) -> u64 {
        (self.dice.roll() % (most_s * SECOND_NS) / self.interval_ns).max(1)
    }

    fn due_at(&self, seq: u64) -> MonoTime {
        MonoTime::from_nanos(seq * self.interval_ns + self.phase_ns)
    }

    /// The next probe; `None`: a gap was.
    fn next(&mut self, story: &mut Story, anchor: Anchor) -> Option<ProbeRecord> {
        let seq = self.seq;
        if seq >= self.gap_at {
            let slots = self.slots_up_to(GAP_MAX_S);
            self.seq += slots;
            self.skipped += slots;
            self.gap_at = self.seq + self.slots_up_to(GAP_EVERY_S * 2);
            self.outage_at = self.outage_at.max(self.seq);
            story.gap(self, seq, slots, anchor);
            return None;
        }
        self.seq += 1;
        let roll = self.dice.roll();
        let mut record = reply(self.target, seq, self.due_at(seq), self.noise, roll);
        if seq >= self.outage_at {
            let length = self.outage_length();
            if seq == self.outage_at {
                story.outage(self, seq, length, anchor);
            }
            if seq + 1 >= self.outage_at + length {
                self.outage_at = seq + 1 + self.slots_up_to(OUTAGE_EVERY_S * 2);
            }
            (record.outcome, record.rtt, record.host_rtt) = (Outcome::Lost, None, None);
        } else if (roll >> 48).is_multiple_of(LOSS_ONE_IN) {
            (record.outcome, record.rtt, record.host_rtt) = (Outcome::Lost, None, None);
        }
        Some(record)
    }

    /// Slots of the outage that begins at `outage_at`: the same whenever it is asked, and over before the next gap.
    fn outage_length(&self) -> u64 {
        let most = (OUTAGE_MAX_S * SECOND_NS / self.interval_ns).max(4);
        let length = 3 + Dice(self.outage_at).roll() % most;
        length.min(self.gap_at.saturating_sub(self.outage_at)).max(1)
    }
}

/// What is told beside the samples.
struct Story {
    run: RunId,
    next_event: u64,
    gaps: Vec<Gap>,
    events: Vec<Event>,
    outages: Vec<OutageRow>,
}

impl Story {
    fn new(run: RunId) -> Self {
        Self {
            run,
            next_event: 0,
            gaps: Vec::new(),
            events: Vec::new(),
            outages: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.gaps.clear();
        self.events.clear();
        self.outages.clear();
    }

    fn gap(&mut self, line: &Line<'_>, first_seq: u64, slots: u64, anchor: Anchor) {
        self.gaps.push(Gap {
            target: line.target,
            kind: GapKind::Suspended,
            from: anchor.wall_at(line.due_at(first_seq)),
            to: anchor.wall_at(line.due_at(first_seq + slots)),
            first_seq,
            slots,
        });
    }

    fn outage(&mut self, line: &Line<'_>, seq: u64, lost: u64, anchor: Anchor) {
        let id = EventId {
            run: self.run,
            seq: self.next_event,
        };
        self.next_event += 1;
        let (from, to) = (
            anchor.wall_at(line.due_at(seq)),
            anchor.wall_at(line.due_at(seq + lost)),
        );
        let duration_ns = lost * line.interval_ns;
        self.outages.push(OutageRow {
            id,
            target: line.target,
            from,
            to: Some(to),
            duration_ns,
            opened_by: OpenedBy::Run,
            sent: lost,
            lost,
            uncertainty_ns: line.interval_ns,
        });
        self.events.push(Event {
            id,
            kind: EventKind::Outage,
            severity: Severity::Critical,
            target: Some(line.target),
            at: from,
            until: Some(to),
            count: lost,
            excess: None,
            message: format!("was down for {} s: {lost} probes lost", duration_ns / SECOND_NS),
        });
    }
}

/// A line that says how far it is, how fast, and how long it will take.
struct Progress {
    total: u64,
    /// Slots of finished series that lie in gaps.
    skipped: u64,
    told: u64,
    begin_at: MonoTime,
    clock: SystemClock,
    is_told: bool,
    is_terminal: bool,
}

impl Progress {
    fn new(total: u64, is_told: bool) -> Self {
        let clock = SystemClock::start();
        Self {
            total,
            skipped: 0,
            told: 0,
            begin_at: clock.mono(),
            clock,
            is_told,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn skipped(&mut self, slots: u64) {
        self.skipped += slots;
    }

    /// `done` slots are.
    fn at(&mut self, done: u64) {
        let done = done + self.skipped;
        // On a terminal now and then, in a log twenty times.
        let step = if self.is_terminal {
            TOLD_EVERY
        } else {
            (self.total / 20).max(TOLD_EVERY)
        };
        if !self.is_told || done < self.told + step {
            return;
        }
        self.told = done;
        let spent_s = self.clock.mono().since(self.begin_at).as_secs_f64().max(0.001);
        let rate = done as f64 / spent_s;
        let left_s = self.total.saturating_sub(done) as f64 / rate;
        let share = done as f64 / self.total as f64;
        let bar = "#".repeat((share * 30.0) as usize);
        let text = format!(
            "[{bar:30}] {:3.0} %  {:.1} million probes/s  {left_s:.0} s left",
            share * 100.0,
            rate / 1e6
        );
        let mut out = std::io::stderr();
        // A reader that went away is no reason to fail.
        let _ = if self.is_terminal {
            write!(out, "\r{text}  ").and_then(|()| out.flush())
        } else {
            writeln!(out, "{text}")
        };
    }

    fn end(&self) {
        if self.is_told && self.is_terminal {
            let _ = writeln!(std::io::stderr()); // As above.
        }
    }
}

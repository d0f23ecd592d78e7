//! Sorts, filters and sums the fleet for the overview: worst first.
//!
//! Pure: views in, order and figures out. Percentiles are of the targets' medians; nothing averages targets.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use linewatch_core::past::{SeriesSum, share_ppm};
use linewatch_core::record::Loss;
use linewatch_core::time::Rtt;
use linewatch_core::view::{Grade, State, TargetView};

use crate::api::{Kpi, rtt_ms};
use crate::catalog::CatalogEntry;

/// Which targets, and which page of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FleetQuery {
    pub(crate) countries: Vec<String>,
    pub(crate) partners: Vec<String>,
    pub(crate) groups: Vec<String>,
    /// States and badges.
    pub(crate) status: Vec<String>,
    /// Text in name, id, address or place, without regard to case.
    pub(crate) text: String,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
}

/// One target with its newest view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) entry: &'a CatalogEntry,
    pub(crate) view: Option<&'a TargetView>,
}

/// What the page counts and colours by: the state where it takes the grade's place, else the grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Badge {
    State(State),
    Grade(Grade),
}

impl Badge {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::State(state) => state.word(),
            Self::Grade(grade) => grade.word(),
        }
    }

    /// UI.md 4.2; a target with losses only, not yet down, stands where its state says.
    const fn weight(self) -> u8 {
        match self {
            Self::State(State::Error) => 0,
            Self::State(State::Down) => 1,
            Self::Grade(Grade::Critical) | Self::State(State::Bad) => 2,
            Self::State(State::Stale) => 3,
            Self::Grade(Grade::Poor) => 4,
            Self::Grade(Grade::Fair) | Self::State(State::Warn) => 5,
            Self::Grade(Grade::Good) => 6,
            Self::Grade(Grade::Excellent) | Self::State(State::Ok) => 7,
            Self::State(State::Waiting) => 8,
            // 9 is maintenance, which this version has not.
            Self::State(State::Paused) => 10,
        }
    }
}

impl Member<'_> {
    fn state(&self) -> State {
        self.entry.state(self.view)
    }

    pub(crate) fn badge(&self) -> Badge {
        let state = self.state();
        match state {
            State::Paused | State::Error | State::Waiting | State::Stale | State::Down => Badge::State(state),
            State::Ok | State::Warn | State::Bad => self
                .view
                .and_then(|view| view.grade)
                .map_or(Badge::State(state), Badge::Grade),
        }
    }

    fn loss(&self) -> Loss {
        self.view.map(|view| view.window.loss).unwrap_or_default()
    }

    fn p50(&self) -> Option<Rtt> {
        Some(self.view?.window.rtt?.p50)
    }

    fn matches_but_status(&self, query: &FleetQuery) -> bool {
        let target = &self.entry.target;
        let one_of = |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
        one_of(&query.countries, &target.country)
            && one_of(&query.partners, &target.partner)
            && one_of(&query.groups, &target.group)
            && self.contains(&query.text)
    }

    fn contains(&self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        let target = &self.entry.target;
        text.is_empty()
            || [
                &target.name,
                &target.slug,
                &target.address_text(),
                &target.country,
                &target.partner,
                &target.group,
            ]
            .iter()
            .any(|field| field.to_lowercase().contains(&text))
    }

    fn matches_status(&self, query: &FleetQuery) -> bool {
        let (state, badge) = (self.state().word(), self.badge().word());
        query.status.is_empty() || query.status.iter().any(|word| word == state || word == badge)
    }
}

/// The fleet after filtering: all of it in order, and counts beside it.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    /// Worst first, every page.
    pub(crate) members: Vec<Member<'a>>,
    /// Before filtering.
    pub(crate) all: usize,
    /// Under every filter but `status`, so that the counts on the filter buttons tell what a press would give.
    pub(crate) badges: BTreeMap<&'static str, usize>,
    /// Of all targets.
    pub(crate) countries: BTreeMap<String, usize>,
    /// Only built-in lines.
    pub(crate) is_first_run: bool,
}

/// Filters and sorts.
pub(crate) fn select<'a>(members: impl Iterator<Item = Member<'a>>, query: &FleetQuery) -> Fleet<'a> {
    let mut fleet = Fleet {
        members: Vec::new(),
        all: 0,
        badges: BTreeMap::new(),
        countries: BTreeMap::new(),
        is_first_run: true,
    };
    for member in members {
        fleet.all += 1;
        fleet.is_first_run &= member.entry.is_built_in;
        *fleet
            .countries
            .entry(member.entry.target.country.clone())
            .or_default() += 1;
        if !member.matches_but_status(query) {
            continue;
        }
        *fleet.badges.entry(member.badge().word()).or_default() += 1;
        if member.matches_status(query) {
            fleet.members.push(member);
        }
    }
    fleet.is_first_run &= fleet.all > 0;
    fleet.members.sort_by_cached_key(|member| {
        let p95 = member.view.and_then(|view| view.window.rtt).map(|rtt| rtt.p95);
        (
            member.badge().weight(),
            Reverse(member.loss().ppm().unwrap_or(0)),
            Reverse(p95),
            member.entry.target.name.clone(),
            member.entry.target.id,
        )
    });
    fleet
}

/// The figures above the table.
pub(crate) fn kpi(members: &[Member<'_>]) -> Kpi {
    let mut medians: Vec<Rtt> = members.iter().filter_map(Member::p50).collect();
    let mut jitters: Vec<Rtt> = members
        .iter()
        .filter_map(|member| member.view?.window.jitter)
        .collect();
    medians.sort_unstable();
    jitters.sort_unstable();
    let loss = members
        .iter()
        .map(Member::loss)
        .fold(Loss::default(), |sum, loss| Loss {
            failed: sum.failed + loss.failed,
            finished: sum.finished + loss.finished,
        });
    let views = || members.iter().filter_map(|member| member.view);
    Kpi {
        median_rtt_ms: rtt_ms(percentile(&medians, 50)),
        p95_rtt_ms: rtt_ms(percentile(&medians, 95)),
        loss_ppm: loss.ppm(),
        jitter_ms: rtt_ms(percentile(&jitters, 50)),
        measured: members.iter().filter(|member| member.loss().finished > 0).count(),
        outages: views().map(|view| view.outages).sum(),
        availability_ppm: share_ppm(
            views().map(|view| view.measured.saturating_sub(view.down)).sum(),
            views().map(|view| view.measured).sum(),
        ),
        coverage_ppm: None,
        outages_open: views().filter(|view| view.outage.is_some()).count(),
        outages_run: views().map(|view| view.outages).sum(),
        outages_24h: None,
        availability_24h_ppm: None,
    }
}

/// The figures above the table for a span of history, of these targets' sums.
pub(crate) fn tell(kpi: &mut Kpi, sums: &[&SeriesSum], span: Duration) {
    let mut medians: Vec<Rtt> = sums.iter().filter_map(|sum| sum.rollup.quantile(0.5)).collect();
    let mut jitters: Vec<Rtt> = sums.iter().filter_map(|sum| sum.rollup.jitter()).collect();
    medians.sort_unstable();
    jitters.sort_unstable();
    let losses = || sums.iter().map(|sum| sum.rollup.counts().loss());
    let loss = losses().fold(Loss::default(), |sum, loss| Loss {
        failed: sum.failed + loss.failed,
        finished: sum.finished + loss.finished,
    });
    kpi.median_rtt_ms = rtt_ms(percentile(&medians, 50));
    kpi.p95_rtt_ms = rtt_ms(percentile(&medians, 95));
    kpi.loss_ppm = loss.ppm();
    kpi.jitter_ms = rtt_ms(percentile(&jitters, 50));
    kpi.measured = losses().filter(|loss| loss.finished > 0).count();
    kpi.outages = sums.iter().map(|sum| sum.outages).sum();
    kpi.availability_ppm = availability_ppm(sums);
    let measured = sums.iter().map(|sum| sum.measured).sum();
    let count = u32::try_from(kpi.measured).unwrap_or(u32::MAX);
    kpi.coverage_ppm = share_ppm(measured, span.saturating_mul(count));
}

/// Outage time over measured time of all of them, as availability rounded down.
pub(crate) fn availability_ppm(sums: &[&SeriesSum]) -> Option<u32> {
    let measured: Duration = sums.iter().map(|sum| sum.measured).sum();
    let down = sums.iter().map(|sum| sum.down).sum();
    share_ppm(measured.saturating_sub(down), measured)
}

/// MEASURING.md: the smallest value with F(x) >= p.
fn percentile(sorted: &[Rtt], percent: usize) -> Option<Rtt> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let rtts: Vec<Rtt> = (1..=4).map(Rtt::from_nanos).collect();
        assert_eq!(percentile(&rtts, 50), Some(Rtt::from_nanos(2)));
        assert_eq!(percentile(&rtts, 95), Some(Rtt::from_nanos(4)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn the_order_of_badges_is_that_of_the_specification() {
        let order = [
            Badge::State(State::Error),
            Badge::State(State::Down),
            Badge::Grade(Grade::Critical),
            Badge::State(State::Stale),
            Badge::Grade(Grade::Poor),
            Badge::Grade(Grade::Fair),
            Badge::Grade(Grade::Good),
            Badge::Grade(Grade::Excellent),
            Badge::State(State::Waiting),
            Badge::State(State::Paused),
        ];
        assert!(order.windows(2).all(|pair| pair[0].weight() < pair[1].weight()));
    }
}

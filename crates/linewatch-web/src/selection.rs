//! Keeps the order and the figures of the whole fleet for the next who asks, until a view or a target changes.
//!
//! Ten thousand targets are sorted and summed up in some 10 ms, under the lock that all share; views change once a second.
//! What is kept is thus never older than what it was made of. Not here: the rows of a page, which are made anew each time.

use std::collections::BTreeMap;
use std::sync::Arc;

use linewatch_core::past::SeriesSum;

use crate::api::Kpi;
use crate::fleet::{self, FleetQuery, Member};
use crate::live::State;
use crate::past::Past;

/// Kept at once: a few pages with filters of their own, and several programs.
const KEPT: usize = 8;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Which targets; the page of them is of no meaning here.
    query: FleetQuery,
    /// The history that the figures are of; `None`: live ones.
    span: Option<Arc<Past>>,
    /// The last 24 hours, as far as they are known.
    day: Option<Arc<Past>>,
}

/// The fleet after filtering, of every page.
#[derive(Debug)]
pub(crate) struct Selected {
    /// Worst first.
    pub(crate) keys: Vec<u32>,
    /// Before filtering.
    pub(crate) all: usize,
    /// See [`fleet::Fleet::badges`].
    pub(crate) badges: BTreeMap<&'static str, usize>,
    /// Of all targets.
    pub(crate) countries: BTreeMap<String, usize>,
    /// Only built-in lines.
    pub(crate) is_first_run: bool,
    /// The figures above the table.
    pub(crate) kpi: Kpi,
}

/// The newest selections.
#[derive(Debug, Default)]
pub(crate) struct Selections(Vec<(Asked, Arc<Selected>)>);

impl Selections {
    /// A view or a target changed.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Asked {
    /// Live figures, or those of `span`, with what is known of the last 24 hours.
    pub(crate) fn new(query: &FleetQuery, span: Option<&Arc<Past>>, day: Option<&Arc<Past>>) -> Self {
        Self {
            query: FleetQuery {
                limit: 0,
                offset: 0,
                ..query.clone()
            },
            span: span.cloned(),
            day: day.cloned(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        let is_same = |one: &Option<Arc<Past>>, two: &Option<Arc<Past>>| match (one, two) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        };
        self.query == other.query && is_same(&self.span, &other.span) && is_same(&self.day, &other.day)
    }

    fn kpi(&self, members: &[Member<'_>]) -> Kpi {
        let mut kpi = fleet::kpi(members);
        if let Some(day) = &self.day {
            let sums = sums(members, day);
            kpi.outages_24h = Some(sums.iter().map(|sum| sum.outages).sum());
            kpi.availability_24h_ppm = fleet::availability_ppm(&sums);
        }
        if let Some(past) = &self.span {
            fleet::tell(&mut kpi, &sums(members, past), past.length());
        }
        kpi
    }
}

/// The fleet as of now.
pub(crate) fn selected(state: &mut State, asked: Asked) -> Arc<Selected> {
    if let Some((_, kept)) = state.selections.0.iter().find(|(known, _)| known.is(&asked)) {
        return Arc::clone(kept);
    }
    let fleet = fleet::select(state.members(), &asked.query);
    let made = Arc::new(Selected {
        keys: fleet
            .members
            .iter()
            .map(|member| member.entry.target.id.0)
            .collect(),
        kpi: asked.kpi(&fleet.members),
        all: fleet.all,
        badges: fleet.badges,
        countries: fleet.countries,
        is_first_run: fleet.is_first_run,
    });
    let kept = &mut state.selections.0;
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push((asked, Arc::clone(&made)));
    made
}

fn sums<'a>(members: &[Member<'_>], past: &'a Past) -> Vec<&'a SeriesSum> {
    let of = |member: &Member<'_>| past.sums.get(&member.entry.target.slug);
    members.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{Hub, HubOptions};
    use crate::tests::data::{entry, view};
    use linewatch_core::event::RunId;
    use linewatch_core::time::WallTime;
    use linewatch_core::view::State as Is;

    fn asked(hub: &Hub, text: &str) -> Arc<Selected> {
        let query = FleetQuery {
            text: text.to_owned(),
            ..FleetQuery::default()
        };
        selected(&mut hub.state(), Asked::new(&query, None, None))
    }

    #[test]
    fn the_fleet_is_sorted_anew_when_a_view_changes_and_only_then() {
        let hub = Hub::new(HubOptions {
            epoch: String::new(),
            run: RunId(1),
            started_at: WallTime::from_nanos(0),
        });
        hub.catalog(vec![entry(1, "a"), entry(2, "b")]);
        hub.views(vec![view(1, Is::Ok, None, 10), view(2, Is::Ok, None, 10)]);
        let first = asked(&hub, "");
        assert!(Arc::ptr_eq(&first, &asked(&hub, "")));
        assert_eq!((first.keys.len(), asked(&hub, "nobody").keys.len()), (2, 0));
        hub.views(vec![view(2, Is::Down, None, 10)]);
        let second = asked(&hub, "");
        assert_eq!(second.keys, [2, 1], "worst first, at once");
        hub.catalog(vec![entry(1, "a")]);
        assert_eq!(asked(&hub, "").keys, [1]);
    }
}

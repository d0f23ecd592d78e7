//! Words a notification as the stories write it: short, in one language, and without anything to look up.

use linewatch_core::alert::{CauseKind, Item, Kind, Notification, Telling};

/// Its items, one after the other.
pub(crate) fn words(told: &Notification) -> String {
    let items = told.items.iter().map(|item| match cause(told, item) {
        Some(targets) => with_others(item, targets),
        None => alone(item),
    });
    items.collect::<Vec<_>>().join("; ")
}

/// How many others the item stands for, if it is told as a cause.
fn cause(told: &Notification, item: &Item) -> Option<u64> {
    let causes = told.causes.iter();
    let cause = causes
        .filter(|_| item.kind == Kind::Outage)
        .find(|cause| match cause.kind {
            CauseKind::Behind(root) => item.target == Some(root) && item.outages > 1,
            CauseKind::EveryTarget => item.target.is_none(),
        });
    Some(cause?.targets)
}

fn with_others(item: &Item, targets: u64) -> String {
    match (item.slug.as_str(), item.telling) {
        ("", Telling::Began) => format!("all {targets} are down"),
        ("", _) => format!("all {targets} are up after {}", length(item)),
        (slug, Telling::Began) => format!("{slug} is down with {targets} behind it"),
        (slug, _) => format!("{slug} is up after {} with {targets} behind it", length(item)),
    }
}

fn alone(item: &Item) -> String {
    let slug = if item.slug.is_empty() {
        "this computer"
    } else {
        &item.slug
    };
    match (item.kind, item.telling) {
        (_, Telling::Withdrawn) => format!("{slug} is watched no longer"),
        (_, Telling::Escalated) => format!("{slug} still has its {}", item.kind.word()),
        (Kind::Outage, Telling::Began) => format!("{slug} is down"),
        (Kind::Outage, Telling::Ended) => format!("{slug} is up after {}", length(item)),
        (Kind::Flapping, Telling::Began) => format!("{slug} flaps"),
        (Kind::Flapping, Telling::Ended) => {
            format!("{slug} was down {} times, {}", item.outages, length(item))
        }
        (kind, Telling::Began) => format!("{slug} has {}", kind.word()),
        (kind, Telling::Ended) => format!("{slug} has no {} after {}", kind.word(), length(item)),
    }
}

fn length(item: &Item) -> String {
    format!("{:.1} s", item.duration_ns as f64 / 1e9)
}

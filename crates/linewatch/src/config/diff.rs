//! Compares two configurations: what a reload has to do to the running monitor.
//!
//! Origins do not count: a line that moved changes nothing that is measured. Whether a method was asked for does.

use std::collections::BTreeMap;
use std::sync::Arc;

use linewatch_core::target::Origins;

use super::settings::{Settings, TargetSettings};

/// What became of one target.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetChange {
    /// It is new.
    Added(Arc<TargetSettings>),
    /// It is gone; holds its id.
    Removed(String),
    /// It is the same one with other settings; holds the new ones.
    Changed(Arc<TargetSettings>),
}

/// Changes of targets: removals first, so that a rate given up can be taken by another.
pub fn diff(before: &Settings, after: &Settings) -> Vec<TargetChange> {
    let old: BTreeMap<&str, &TargetSettings> = by_id(before);
    let new: BTreeMap<&str, &TargetSettings> = by_id(after);
    let removed = old
        .keys()
        .filter(|id| !new.contains_key(*id))
        .map(|id| TargetChange::Removed((*id).to_owned()));
    let mut changes: Vec<TargetChange> = removed.collect();
    for target in &after.targets {
        match old.get(target.target.slug.as_str()) {
            None => changes.push(TargetChange::Added(Arc::clone(target))),
            Some(old) if !is_measured_alike(old, target) => {
                changes.push(TargetChange::Changed(Arc::clone(target)));
            }
            Some(_) => {}
        }
    }
    changes
}

fn by_id(settings: &Settings) -> BTreeMap<&str, &TargetSettings> {
    settings
        .targets
        .iter()
        .map(|target| (target.target.slug.as_str(), target.as_ref()))
        .collect()
}

/// Whether a method was asked for shows in the origins only: `probe = "icmp"` may fail where a bare host falls back.
fn is_measured_alike(old: &TargetSettings, new: &TargetSettings) -> bool {
    measured(old) == measured(new) && old.asked_method() == new.asked_method()
}

/// The target without its origins and without the series id, which only the running monitor knows.
fn measured(target: &TargetSettings) -> TargetSettings {
    let mut bare = TargetSettings {
        origins: Origins::default(),
        ..target.clone()
    };
    bare.target.id = linewatch_core::target::TargetId(0);
    bare
}

/// Keys whose change takes effect at the next start only.
pub fn needs_restart(before: &Settings, after: &Settings) -> Vec<&'static str> {
    let (old, new) = (&before.server, &after.server);
    let changed = [
        ("server.listen", old.listen != new.listen),
        ("server.base_path", old.base_path != new.base_path),
        ("server.tls_cert", old.tls_cert != new.tls_cert),
        ("server.tls_key", old.tls_key != new.tls_key),
        ("server.auth", old.auth != new.auth),
        ("server.public_read", old.public_read != new.public_read),
        ("server.allowed_hosts", old.allowed_hosts != new.allowed_hosts),
        ("server.vantage", old.vantage != new.vantage),
        (
            "storage.data_dir",
            before.storage.data_dir != after.storage.data_dir,
        ),
        (
            "storage.flush_interval",
            before.storage.flush_interval != after.storage.flush_interval,
        ),
        ("web.language", before.web.language != after.web.language),
        ("logging.level", before.logging != after.logging),
    ];
    changed
        .into_iter()
        .filter(|(_, is_changed)| *is_changed)
        .map(|(key, _)| key)
        .collect()
}

//! How the monitor itself is doing.

use axum::http::StatusCode;

use super::Call;
use crate::api::{Health, Status, StatusIcmp, StatusStorage, StatusStorageError, duration_ms};
use crate::respond::{Answer, Refusal, json};

/// Alive.
pub(super) async fn health(_call: Call) -> Result<Answer, Refusal> {
    Ok(json(StatusCode::OK, &Health { status: "ok" }))
}

/// Version, rates, lateness, storage, queues.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let storage = call.app.ask_history(|history| Ok(history.storage())).await?;
    let hub = &call.app.hub;
    let options = hub.options();
    let now = call.app.clock.wall();
    let (info, targets) = {
        let state = hub.state();
        (state.status.clone(), state.targets())
    };
    let uptime_ms = now.as_millis().saturating_sub(options.started_at.as_millis());
    let status = Status {
        version: info.version,
        started_at: options.started_at.as_millis(),
        uptime_s: u64::try_from(uptime_ms).unwrap_or(0) / 1_000,
        now: now.as_millis(),
        vantage: info.vantage,
        run: options.run.0,
        epoch: options.epoch.clone(),
        targets,
        asked_per_s: info.asked_per_s,
        achieved_per_s: info.achieved_per_s,
        lateness_p99_ms: duration_ms(info.lateness_p99),
        lateness_max_ms: duration_ms(info.lateness_max),
        icmp: StatusIcmp {
            v4: info.icmp_v4,
            v6: info.icmp_v6,
        },
        scheduling: info.scheduling,
        unmeasured: info.unmeasured,
        unsent: info.unsent,
        storage: StatusStorage {
            path: storage.path,
            size_bytes: storage.size_bytes,
            budget_bytes: storage.budget_bytes,
            state: storage.state.word(),
            oldest: storage
                .oldest
                .into_iter()
                .map(|(kind, at)| (kind, at.as_millis()))
                .collect(),
            waiting_samples: storage.waiting,
            commit_age_ms: storage
                .flushed_at
                .map(|at| now.as_millis().saturating_sub(at.as_millis())),
            last_error: storage.last_error.map(|(at, message)| StatusStorageError {
                at: at.as_millis(),
                message,
            }),
            queued: storage.queued,
            overrun: storage.overrun,
            flushed_at: storage.flushed_at.map(|at| at.as_millis()),
            trouble: storage.trouble,
        },
        live: hub.live_status(),
    };
    Ok(json(StatusCode::OK, &status))
}

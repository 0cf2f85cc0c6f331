//! `/healthz`: whether the watch of every pool is alive, and its latest judgement.

use framepool::{HealthStatus, Timestamp};
use serde::Serialize;

use crate::recorder::{Recorder, Shared, locked};
use crate::views::json;

/// If the latest judgement is older than this, the watch has stopped.
const RECENT_SECONDS: f64 = 30.0;

/// Whether a pool's watch is alive.
#[derive(Serialize)]
struct LivenessView {
    pool: String,
    status: Option<HealthStatus>,
    age_s: Option<f64>,
}

/// The judgement of each pool, and whether every judgement is recent.
pub(crate) fn document(shared: &Shared) -> (Vec<u8>, bool) {
    let view = |recorder: &Recorder| {
        let pool = &recorder.watched.pool;
        let latest = recorder.store().latest_of(pool.id());
        let age = |time| Timestamp::now().since(time).as_secs_f64();
        LivenessView {
            pool: pool.name().to_owned(),
            status: latest.as_ref().map(|health| health.status),
            age_s: latest.map(|health| age(health.time)),
        }
    };
    let pools = shared.pools.iter();
    let views: Vec<_> = pools.map(|recorder| view(&locked(recorder))).collect();
    let are_alive = views.iter().all(|view| is_recent(view.age_s));
    (json(&views), are_alive)
}

/// Whether a judgement of this age means that the watch is alive.
fn is_recent(age_s: Option<f64>) -> bool {
    age_s.is_some_and(|age| age <= RECENT_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::is_recent;

    #[test]
    fn only_a_recent_judgement_says_alive() {
        assert!(is_recent(Some(0.0)) && is_recent(Some(29.9)));
        assert!(!is_recent(Some(30.1)) && !is_recent(None));
    }
}

//! The contents of a store at one moment: the latest health snapshots and the log of alerts of each pool, and the events of
//! all pools.
//!
//! A value of these types never changes once it is published; the next one is made from it. All values of a pool share its
//! `Past`, whose rings are written in place.

use super::history::History;
use super::past::Past;
use super::past::event::Event;
use crate::health::{Alert, AlertState, HealthSnapshot, HealthStatus};
use crate::sync::Arc;
use crate::telemetry::id::PoolId;
use crate::telemetry::outstanding::Outstanding;

/// The most alerts of one rule and pool in the log.
const LOGGED: usize = 64;

/// The most pools.
const POOLS: usize = 64;

/// The most events of all pools: changes of alerts, and marks. Many changes do not push out a mark.
const CHANGES: usize = 512;
const MARKS: usize = 512;

/// The contents of a store; never changed once published.
#[derive(Default)]
pub(crate) struct Kept {
    /// In the order of their first health snapshots.
    pub(crate) pools: Vec<Arc<KeptPool>>,
    changes: Arc<History<Event>>,
    marks: Arc<History<Event>>,
    /// Health snapshots received.
    received: u64,
}

/// The contents for one pool.
#[derive(Clone)]
pub(crate) struct KeptPool {
    history: Arc<History<HealthSnapshot>>,
    past: Arc<Past>,
    /// What the walk of the latest health snapshot found, if it was kept.
    outstanding: Option<Arc<Outstanding>>,
    /// One entry per alert.
    log: Vec<Logged>,
    /// The number of the latest health snapshot received.
    received: u64,
}

/// The latest report of an alert that was raised, escalated or resolved.
#[derive(Clone)]
struct Logged {
    alert: Arc<Alert>,
    /// The number of the health snapshot that brought it.
    received: u64,
}

impl Kept {
    /// The state after receiving `health`.
    pub(super) fn with(
        &self,
        health: HealthSnapshot,
        outstanding: Option<Arc<Outstanding>>,
        changed: &[Arc<Alert>],
        most: usize,
    ) -> Self {
        let received = self.received + 1;
        let id = health.pool_id;
        let health = Arc::new(health);
        let mut changes = Arc::clone(&self.changes);
        for alert in changed {
            changes = Arc::new(changes.with(Arc::new(Event::of(alert)), CHANGES));
        }
        let mut pools = self.pools.clone();
        let known = pools.iter().position(|known| known.id() == id);
        let before = known.map_or_else(KeptPool::empty, |at| KeptPool::clone(&pools[at]));
        before.past.add(&health);
        let after = Arc::new(KeptPool {
            history: Arc::new(before.history.with(health, most)),
            past: before.past,
            outstanding,
            log: with_changed(before.log, changed, received),
            received,
        });
        if let Some(at) = known {
            pools[at] = after;
        } else {
            if pools.len() == POOLS {
                let silent = (0..POOLS).min_by_key(|&at| pools[at].received);
                pools.remove(silent.unwrap_or(0));
            }
            pools.push(after);
        }
        Self {
            pools,
            changes,
            marks: Arc::clone(&self.marks),
            received,
        }
    }

    /// The state with one more mark.
    pub(super) fn with_mark(&self, mark: Arc<Event>) -> Self {
        Self {
            pools: self.pools.clone(),
            changes: Arc::clone(&self.changes),
            marks: Arc::new(self.marks.with(mark, MARKS)),
            received: self.received,
        }
    }

    /// The state without a pool.
    pub(super) fn without(&self, id: PoolId) -> Self {
        let others = self.pools.iter().filter(|pool| pool.id() != id);
        Self {
            pools: others.cloned().collect(),
            changes: Arc::clone(&self.changes),
            marks: Arc::clone(&self.marks),
            received: self.received,
        }
    }

    /// The latest events, in the order of their times.
    pub(crate) fn events(&self) -> Vec<Arc<Event>> {
        let mut events = self.changes.to_vec();
        events.extend(self.marks.to_vec());
        events.sort_by_key(|event| event.time);
        events
    }

    pub(super) fn status(&self) -> HealthStatus {
        let worst = self.pools.iter().map(|pool| pool.latest().status).max();
        worst.unwrap_or_default()
    }

    pub(crate) fn pool(&self, id: PoolId) -> Option<&KeptPool> {
        let known = self.pools.iter().find(|pool| pool.id() == id);
        known.map(|pool| &**pool)
    }

    pub(super) fn first_to_look_at(&self) -> Option<&KeptPool> {
        let worst = self.pools.iter();
        worst
            .max_by_key(|pool| (pool.latest().status, pool.id()))
            .map(|pool| &**pool)
    }

    /// The active alerts, pool by pool.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Alert> {
        self.pools.iter().flat_map(|pool| &pool.latest().active)
    }

    /// The log of all pools, the last changed alert at the end.
    pub(crate) fn log(&self) -> Vec<Alert> {
        let logs = self.pools.iter().flat_map(|pool| {
            pool.log
                .iter()
                .map(|logged| (logged.received, pool.present(&logged.alert)))
        });
        let mut log: Vec<_> = logs.collect();
        log.sort_by_key(|&(received, _)| received);
        log.into_iter().map(|(_, alert)| alert.clone()).collect()
    }
}

impl KeptPool {
    /// A pool before its first health snapshot.
    fn empty() -> Self {
        Self {
            history: Arc::default(),
            past: Arc::new(Past::new()),
            outstanding: None,
            log: Vec::new(),
            received: 0,
        }
    }

    pub(crate) fn id(&self) -> PoolId {
        self.latest().pool_id
    }

    /// The latest health snapshot received.
    pub(crate) fn latest(&self) -> &Arc<HealthSnapshot> {
        let latest = self.history.latest();
        latest.expect("a pool is kept from its first health snapshot on")
    }

    /// The latest health snapshot, and what its walk found, if that was kept.
    pub(crate) fn judged(&self) -> Option<(Arc<HealthSnapshot>, Arc<Outstanding>)> {
        let outstanding = self.outstanding.clone()?;
        Some((Arc::clone(self.latest()), outstanding))
    }

    pub(crate) fn past(&self) -> &Past {
        &self.past
    }

    pub(crate) fn history(&self) -> Vec<Arc<HealthSnapshot>> {
        self.history.to_vec()
    }

    /// The alert as it is now, if it is active.
    fn present<'a>(&'a self, alert: &'a Alert) -> &'a Alert {
        let active = &self.latest().active;
        active
            .iter()
            .find(|now| now.id == alert.id)
            .unwrap_or(alert)
    }
}

/// A log with these changes of alerts, which a health snapshot with this number brought.
fn with_changed(mut log: Vec<Logged>, changed: &[Arc<Alert>], received: u64) -> Vec<Logged> {
    for alert in changed {
        let of_rule = |at: &usize| log[*at].alert.rule == alert.rule;
        let before = log.iter().position(|logged| logged.alert.id == alert.id);
        let replaced = before.or_else(|| {
            let is_full = (0..log.len()).filter(of_rule).count() == LOGGED;
            // Drop the oldest resolved alert of this rule, or the oldest active one if none is resolved.
            let is_raised = |at: &usize| log[*at].alert.state == AlertState::Raised;
            let oldest = (0..log.len()).filter(of_rule).min_by_key(is_raised);
            oldest.filter(|_| is_full)
        });
        if let Some(replaced) = replaced {
            log.remove(replaced);
        }
        log.push(Logged {
            alert: Arc::clone(alert),
            received,
        });
    }
    log
}

//! The store: what was judged last and before, for any number of readers.
//!
//! The whole state is one immutable value. A receiver builds the next one and publishes it with one exchange of a
//! pointer; a reader takes the pointer. So readers do not wait for receivers nor receivers for readers, and all that
//! one reader sees at once belongs together. Only receivers take turns, by a lock that no reader touches. The next state
//! shares the history with the one before, but for a few nodes (`history.rs`): the cost of a receipt does not depend on
//! how much is remembered.

use std::fmt;

use super::history::History;
use crate::health::{Alert, HealthSnapshot, HealthStatus};
use crate::sync::{Arc, Atomic, ForkLock, Ordering, Published, Rank};

/// A minute at five health snapshots a second.
const HISTORY: usize = 300;

/// Raised and resolved alerts remembered.
const LOG: usize = 256;

/// Keeps the latest health snapshots, the active alerts and a log of alerts. A handle: clones share one store.
///
/// A store is meant for one pool. Fed by the monitors of several, named differently, it keeps their active alerts apart
/// and its status is that of the worst, while `latest` and `history` take all as they come.
///
/// `Display` gives a report for a terminal.
#[derive(Clone)]
pub struct DiagnosticsStore {
    shared: Arc<Shared>,
}

struct Shared {
    history: usize,
    kept: Published<Kept>,
    status: Atomic<HealthStatus>,
    receiving: ForkLock<()>,
}

/// What is kept; never changed once published.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) history: History<HealthSnapshot>,
    pub(crate) active: Vec<Alert>,
    /// Raised and resolved, the latest last. Shared with the states before while nothing is added.
    pub(crate) log: Arc<Vec<Alert>>,
}

impl DiagnosticsStore {
    /// An empty store that remembers 300 health snapshots: a minute at five a second.
    pub fn new() -> Self {
        Self::with_history(HISTORY)
    }

    /// An empty store that remembers this many health snapshots, at least one.
    pub fn with_history(snapshots: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                history: snapshots,
                kept: Published::new(Arc::new(Kept::default())),
                status: Atomic::new(HealthStatus::Healthy),
                receiving: ForkLock::new(Rank::Store, ()),
            }),
        }
    }

    /// Takes a health snapshot.
    pub fn receive(&self, health: HealthSnapshot) {
        let turn = self.shared.receiving.lock();
        let before = self.shared.kept.load();
        let next = before.with(health, self.shared.history);
        let worst = next.active.iter().map(|alert| alert.severity).max();
        let status = worst.map_or(HealthStatus::Healthy, HealthStatus::from);
        self.shared.kept.swap(Arc::new(next));
        // Release: pairs with the Acquire in `status`; who reads this status finds the state it was taken from.
        self.shared.status.store(status, Ordering::Release);
        drop(turn);
    }

    /// The worst severity of the active alerts. Costs one load.
    pub fn status(&self) -> HealthStatus {
        // Acquire: pairs with the Release in `receive`; a read of the store after this sees that state or a later one.
        self.shared.status.load(Ordering::Acquire)
    }

    /// The health snapshot received last.
    pub fn latest(&self) -> Option<Arc<HealthSnapshot>> {
        self.kept().history.latest().cloned()
    }

    /// The health snapshots remembered, the latest last. The cost grows with their number; the receiver waits for no
    /// reader.
    pub fn history(&self) -> Vec<Arc<HealthSnapshot>> {
        self.kept().history.to_vec()
    }

    /// The alerts that last, with their present severity and value, the oldest first.
    pub fn active_alerts(&self) -> Vec<Alert> {
        self.kept().active.clone()
    }

    /// The last 256 reports of alerts that were raised, escalated or resolved, the latest last.
    pub fn alert_log(&self) -> Vec<Alert> {
        self.kept().log.to_vec()
    }

    /// All that is kept, as of one moment.
    pub(crate) fn kept(&self) -> Arc<Kept> {
        self.shared.kept.load()
    }
}

impl Kept {
    /// The state after receiving `health`.
    fn with(&self, health: HealthSnapshot, most: usize) -> Self {
        let others = self.active.iter().filter(|alert| alert.pool != health.pool);
        let active = others.chain(&health.active).cloned().collect();
        let events = || health.raised.iter().chain(&health.resolved).cloned();
        let log = if events().next().is_none() {
            Arc::clone(&self.log)
        } else {
            let mut log: Vec<Alert> = self.log.iter().cloned().chain(events()).collect();
            log.drain(..log.len().saturating_sub(LOG));
            Arc::new(log)
        };
        Self {
            history: self.history.with(Arc::new(health), most),
            active,
            log,
        }
    }
}

impl Default for DiagnosticsStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DiagnosticsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        f.debug_struct("DiagnosticsStore")
            .field("status", &self.status())
            .field("history", &kept.history.len())
            .field("active", &kept.active)
            .finish_non_exhaustive()
    }
}

//! The store: what was judged last and before, for any number of readers.
//!
//! The whole state is one immutable value. A receiver builds the next one and publishes it with one exchange of a
//! pointer; a reader takes the pointer. So readers do not wait for receivers nor receivers for readers, and all that
//! one reader sees at once belongs together. Only receivers take turns, by a lock that no reader touches. The next state
//! shares the history with the one before, but for a few nodes (`history.rs`): the cost of a receipt does not depend on
//! how much is remembered.
//!
//! Single frames, and numbers rolled up over an hour and a day, are in rings beside it (`past/mod.rs`), which a receiver
//! writes in its turn.

use std::fmt;
use std::ops::DerefMut;

use super::history::History;
use super::past::event::Event;
use super::past::frame::FrameRecord;
use super::past::{Past, Rollup, Span};
use super::saved::SavedHistory;
use super::subscribers::Subscribers;
use crate::health::{Alert, AlertState, HealthSnapshot, HealthStatus, PoolName};
use crate::sync::{Arc, Atomic, ForkLock, Ordering, Published, Rank};
use crate::telemetry::id::{FrameEnd, PoolId};
use crate::telemetry::snapshot::FrameSnapshot;

/// A minute at five health snapshots a second.
const HISTORY: usize = 300;

/// Alerts of one rule of a pool in the log.
const LOGGED: usize = 64;

/// Pools kept.
const POOLS: usize = 64;

/// Events kept, of all pools.
const EVENTS: usize = 512;

/// Keeps the latest health snapshots, the active alerts and a log of alerts, of each pool apart. A handle: clones share one
/// store.
///
/// Several pools can feed one store, each by its own monitor or watch. Pools are told apart by their
/// [number](crate::BufferPool::id), not by name. Of more than 64 pools, the one that was heard of least lately is forgotten.
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
    receiving: ForkLock<Subscribers>,
}

/// What is kept; never changed once published.
#[derive(Default)]
pub(crate) struct Kept {
    /// In the order in which they were first heard of.
    pub(crate) pools: Vec<Arc<KeptPool>>,
    events: Arc<History<Event>>,
    /// Health snapshots received.
    received: u64,
}

/// What is kept of one pool.
#[derive(Clone)]
pub(crate) struct KeptPool {
    history: Arc<History<HealthSnapshot>>,
    past: Arc<Past>,
    /// One entry per alert.
    log: Vec<Logged>,
    /// The number of the health snapshot received last.
    received: u64,
}

/// The latest report of an alert that was raised, escalated or resolved.
#[derive(Clone)]
struct Logged {
    alert: Arc<Alert>,
    /// The number of the health snapshot that brought it.
    received: u64,
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
                receiving: ForkLock::new(Rank::Store, Subscribers::default()),
            }),
        }
    }

    /// Takes a health snapshot.
    pub fn receive(&self, health: HealthSnapshot) {
        let changed = health.raised.iter().chain(&health.resolved);
        let changed: Vec<_> = changed.map(|alert| Arc::new(alert.clone())).collect();
        self.publish(&changed, |before| {
            before.with(health, &changed, self.shared.history)
        });
    }

    /// Forgets a pool, for example one that was dropped: its alerts are active no more.
    pub fn forget(&self, pool: PoolId) {
        self.publish(&[], |before| before.without(pool));
    }

    /// Takes in a frame of a pool that the store has heard of: of each pool the latest 1,024 are kept one by one.
    pub fn record_frame(&self, frame: &FrameSnapshot) {
        let writing = self.shared.receiving.lock();
        if let Some(pool) = self.kept().pool(frame.pool_id) {
            pool.past.add_frame(frame);
        }
        drop(writing);
    }

    /// Marks this moment in the history of all pools, for example `level 3 loaded`.
    ///
    /// ```
    /// use framepool::DiagnosticsStore;
    /// use framepool::store::EventKind;
    ///
    /// let store = DiagnosticsStore::new();
    /// store.mark("level 3 loaded");
    /// let events = store.events();
    /// assert_eq!((events[0].kind, &*events[0].text), (EventKind::Mark, "level 3 loaded"));
    /// ```
    pub fn mark(&self, text: impl Into<String>) {
        self.add_mark(text.into(), None);
    }

    /// Marks this moment, in the history of one pool if one is given.
    pub(crate) fn add_mark(&self, text: String, of: Option<(PoolName, FrameEnd)>) {
        let event = Arc::new(Event::mark(text, of));
        self.publish(&[], |before| Kept {
            pools: before.pools.clone(),
            events: Arc::new(before.events.with(event, EVENTS)),
            received: before.received,
        });
    }

    /// Publishes the state after the present one, and tells the subscribers which alerts changed.
    fn publish(&self, changed: &[Arc<Alert>], after: impl FnOnce(&Kept) -> Kept) {
        let mut turn = self.shared.receiving.lock();
        let before = self.shared.kept.load();
        let next = after(&before);
        let status = next.status();
        self.shared.kept.swap(Arc::new(next));
        // Release: pairs with the Acquire in `status`; who reads this status finds the state it was taken from.
        self.shared.status.store(status, Ordering::Release);
        turn.tell(changed);
        drop(turn);
    }

    /// The subscribers to alerts. Holds the receivers' turn.
    pub(crate) fn subscribers(&self) -> impl DerefMut<Target = Subscribers> {
        self.shared.receiving.lock()
    }

    /// The worst status of all pools. Costs one load.
    pub fn status(&self) -> HealthStatus {
        // Acquire: pairs with the Release in `receive`; a read of the store after this sees that state or a later one.
        self.shared.status.load(Ordering::Acquire)
    }

    /// The pools that are kept, in the order in which they were first heard of.
    pub fn pools(&self) -> Vec<PoolId> {
        let kept = self.kept();
        kept.pools.iter().map(|pool| pool.id()).collect()
    }

    /// The latest health snapshot of one pool.
    pub fn latest_of(&self, pool: PoolId) -> Option<Arc<HealthSnapshot>> {
        let kept = self.kept();
        kept.pool(pool).map(|pool| Arc::clone(pool.latest()))
    }

    /// The status of one pool.
    pub fn status_of(&self, pool: PoolId) -> Option<HealthStatus> {
        let kept = self.kept();
        kept.pool(pool).map(|pool| pool.latest().status)
    }

    /// The health snapshots remembered of one pool, the latest last.
    pub fn history_of(&self, pool: PoolId) -> Vec<Arc<HealthSnapshot>> {
        let kept = self.kept();
        kept.pool(pool).map_or_else(Vec::new, KeptPool::history)
    }

    /// The latest health snapshot of the pool that needs a look first: the one with the worst status, and of several the one
    /// that was made last. With one pool, its latest.
    pub fn latest(&self) -> Option<Arc<HealthSnapshot>> {
        let kept = self.kept();
        kept.first_to_look_at()
            .map(|pool| Arc::clone(pool.latest()))
    }

    /// The health snapshots remembered of the pool that [`latest`](Self::latest) is of, the latest last. The cost grows with
    /// their number; the receiver waits for no reader.
    pub fn history(&self) -> Vec<Arc<HealthSnapshot>> {
        let kept = self.kept();
        kept.first_to_look_at()
            .map_or_else(Vec::new, KeptPool::history)
    }

    /// The alerts of all pools that are active, with their present severity and value. Of each pool the oldest first.
    pub fn active_alerts(&self) -> Vec<Alert> {
        self.kept().active().cloned().collect()
    }

    /// The alerts that were raised, one entry each, the one that changed last at the end.
    ///
    /// An entry is the alert's present state if it is active, else the report that resolved it. It says how many times the
    /// alert came, and when first. Of each pool 64 alerts of every rule are kept; those that resolved go first.
    pub fn alert_log(&self) -> Vec<Alert> {
        self.kept().log()
    }

    /// Marks, and alerts that were raised, escalated and resolved, the latest last: 512 at most.
    pub fn events(&self) -> Vec<Arc<Event>> {
        self.kept().events()
    }

    /// The latest 1,024 frames of a pool, the latest last. A [`Watch`](crate::Watch) records them.
    pub fn frames_of(&self, pool: PoolId) -> Vec<FrameRecord> {
        let kept = self.kept();
        kept.pool(pool)
            .map_or_else(Vec::new, |pool| pool.past.frames())
    }

    /// The numbers of a pool over a span of time, merged to buckets of this many milliseconds, or to those of the span if
    /// these are wider. Readable while the store receives: neither waits for the other.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    /// use framepool::store::Span;
    ///
    /// let pool = BufferPool::new();
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// let kept = pool.alloc::<u8>(100);
    /// pool.end_frame();
    /// watch.stop();
    /// let hour = watch.store().rollup_of(pool.id(), Span::Hour, 0).unwrap();
    /// let latest = hour.samples.last().unwrap();
    /// assert!(latest.value("framepool.memory.usage", &[("state", "in_use")]) >= Some(100.0));
    /// # drop(kept);
    /// ```
    pub fn rollup_of(&self, pool: PoolId, span: Span, bucket_ms: u64) -> Option<Rollup> {
        let kept = self.kept();
        kept.pool(pool)
            .map(|pool| pool.past.rollup(span, bucket_ms))
    }

    /// What is kept, as values that can be saved and shown.
    pub fn saved(&self) -> SavedHistory {
        SavedHistory::of(&self.kept(), self.alert_subscribers(), true)
    }

    /// All that is kept, as of one moment.
    pub(crate) fn kept(&self) -> Arc<Kept> {
        self.shared.kept.load()
    }
}

impl Kept {
    /// The state after receiving `health`.
    fn with(&self, health: HealthSnapshot, changed: &[Arc<Alert>], most: usize) -> Self {
        let received = self.received + 1;
        let id = health.pool_id;
        let health = Arc::new(health);
        let mut events = Arc::clone(&self.events);
        for alert in changed {
            events = Arc::new(events.with(Arc::new(Event::of(alert)), EVENTS));
        }
        let mut pools = self.pools.clone();
        if let Some(known) = pools.iter_mut().find(|known| known.id() == id) {
            *known = Arc::new(known.with(health, changed, most, received));
        } else {
            if pools.len() == POOLS {
                let silent = (0..POOLS).min_by_key(|&at| pools[at].received);
                pools.remove(silent.unwrap_or(0));
            }
            let new = KeptPool {
                history: Arc::new(History::new()),
                past: Arc::new(Past::new()),
                log: Vec::new(),
                received,
            };
            pools.push(Arc::new(new.with(health, changed, most, received)));
        }
        Self {
            pools,
            events,
            received,
        }
    }

    /// The state without a pool.
    fn without(&self, id: PoolId) -> Self {
        let others = self.pools.iter().filter(|pool| pool.id() != id);
        Self {
            pools: others.cloned().collect(),
            events: Arc::clone(&self.events),
            received: self.received,
        }
    }

    pub(crate) fn events(&self) -> Vec<Arc<Event>> {
        self.events.to_vec()
    }

    fn status(&self) -> HealthStatus {
        let worst = self.pools.iter().map(|pool| pool.latest().status).max();
        worst.unwrap_or_default()
    }

    pub(crate) fn pool(&self, id: PoolId) -> Option<&KeptPool> {
        let known = self.pools.iter().find(|pool| pool.id() == id);
        known.map(|pool| &**pool)
    }

    fn first_to_look_at(&self) -> Option<&KeptPool> {
        let worst = self.pools.iter();
        worst
            .max_by_key(|pool| (pool.latest().status, pool.id()))
            .map(|pool| &**pool)
    }

    /// The active alerts, pool by pool.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Alert> {
        self.pools.iter().flat_map(|pool| &pool.latest().active)
    }

    /// The log of all pools, the one that changed last at the end.
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
    pub(crate) fn id(&self) -> PoolId {
        self.latest().pool_id
    }

    /// The health snapshot received last.
    pub(crate) fn latest(&self) -> &Arc<HealthSnapshot> {
        let latest = self.history.latest();
        latest.expect("a pool is kept from its first health snapshot on")
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

    fn with(
        &self,
        health: Arc<HealthSnapshot>,
        changed: &[Arc<Alert>],
        most: usize,
        received: u64,
    ) -> Self {
        self.past.add(&health);
        let mut log = self.log.clone();
        for alert in changed {
            let before = log.iter().position(|logged| logged.alert.id == alert.id);
            if let Some(before) = before {
                log.remove(before);
            } else if log
                .iter()
                .filter(|logged| logged.alert.rule == alert.rule)
                .count()
                == LOGGED
            {
                // Of this rule a resolved one goes, the oldest; an active one only if there is no other.
                let of_rule = (0..log.len()).filter(|&at| log[at].alert.rule == alert.rule);
                let first = of_rule.min_by_key(|&at| log[at].alert.state == AlertState::Raised);
                log.remove(first.unwrap_or(0));
            }
            log.push(Logged {
                alert: Arc::clone(alert),
                received,
            });
        }
        Self {
            history: Arc::new(self.history.with(health, most)),
            past: Arc::clone(&self.past),
            log,
            received,
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
            .field("pools", &kept.pools.len())
            .field("active", &kept.active().count())
            .finish_non_exhaustive()
    }
}

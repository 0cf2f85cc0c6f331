//! The store: current and earlier judgements, for any number of readers.
//!
//! The whole state is one immutable value. A receiver builds the next one and publishes it with one exchange of a pointer;
//! a reader loads the pointer. So readers and receivers never wait for each other, and a reader sees a consistent state.
//! Only receivers take turns, with a lock that no reader takes. The next state shares all entries with the previous one, and
//! copies a pointer to each (`history.rs`).
//!
//! Single frames, and numbers rolled up over an hour and a day, are in separate rings (`past/mod.rs`), which a receiver
//! writes in its turn.

use std::fmt;
use std::ops::DerefMut;
use std::panic::RefUnwindSafe;
use std::sync::LazyLock;

use super::kept::{Kept, KeptPool};
use super::past::columns::COLUMNS;
use super::past::event::Event;
use super::past::frame::FrameRecord;
use super::past::{Rollup, Span};
use super::saved::SavedHistory;
use super::subscribers::Subscribers;
use crate::health::{Alert, HealthSnapshot, HealthStatus, PoolName};
use crate::sync::{Arc, Atomic, AtomicBool, ForkLock, Ordering, Published, Rank};
use crate::telemetry::id::{FrameEnd, PoolId};
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::snapshot::FrameSnapshot;

/// A minute at five health snapshots a second.
const HISTORY: usize = 300;

/// Keeps the latest health snapshots, the active alerts and a log of alerts for each pool. This is a handle: clones share
/// one store.
///
/// Several pools can feed one store, each through its own monitor or watch. Pools are identified by their
/// [number](crate::BufferPool::id), not by name. Beyond 64 pools, the least recently updated one is forgotten.
///
/// `Display` gives a report for a terminal.
///
/// ```
/// use framepool::{BufferPool, DiagnosticsStore, HealthConfig, Watch};
///
/// let store = DiagnosticsStore::new();
/// let pools = [BufferPool::new(), BufferPool::new()];
/// let config = HealthConfig::default().store(store.clone());
/// let watches = pools.each_ref().map(|pool| Watch::start(pool, config.clone()));
/// watches.iter().for_each(Watch::stop);
/// assert_eq!(store.pools().len(), 2);
/// println!("{store}");
/// ```
#[derive(Clone)]
pub struct DiagnosticsStore {
    shared: Arc<Shared>,
}

struct Shared {
    history: usize,
    kept: Published<Kept>,
    status: Atomic<HealthStatus>,
    /// Whether watches pass on what their walks find.
    keeps_outstanding: AtomicBool,
    receiving: ForkLock<Subscribers>,
}

// A panic of the user leaves a store whole: callbacks run on threads of their own, and none of the user's code runs while the
// store is being changed.
impl RefUnwindSafe for Shared {}

impl DiagnosticsStore {
    /// An empty store that remembers 300 health snapshots: a minute at five a second.
    pub fn new() -> Self {
        Self::with_history(HISTORY)
    }

    /// An empty store that remembers this many health snapshots, at least one. Each receipt copies a pointer for each of
    /// them: 3 µs for 300, 0.14 ms for 10,000.
    pub fn with_history(snapshots: usize) -> Self {
        // Not within the lock, which a fork waits for: a child could find the table half made.
        LazyLock::force(&COLUMNS);
        Self {
            shared: Arc::new(Shared {
                history: snapshots,
                kept: Published::new(Arc::new(Kept::default())),
                status: Atomic::new(HealthStatus::Healthy),
                keeps_outstanding: AtomicBool::new(false),
                receiving: ForkLock::new(Rank::Store, Subscribers::default()),
            }),
        }
    }

    /// Takes a health snapshot.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// if let Some(health) = monitor.emit(&pool) {
    ///     store.receive(health);
    /// }
    /// assert_eq!(store.latest().unwrap().pool_id, pool.id());
    /// ```
    pub fn receive(&self, health: HealthSnapshot) {
        self.receive_with(health, None);
    }

    /// Takes a health snapshot, and what its walk found.
    pub(crate) fn receive_with(
        &self,
        health: HealthSnapshot,
        outstanding: Option<Arc<Outstanding>>,
    ) {
        let changed = health.raised.iter().chain(&health.resolved);
        let changed: Vec<_> = changed.map(|alert| Arc::new(alert.clone())).collect();
        self.publish(&changed, |before| {
            before.with(health, outstanding, &changed, self.shared.history)
        });
    }

    /// Forgets a pool, for example one that was dropped. Its alerts are no longer active.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// store.receive(HealthMonitor::new(Thresholds::default()).emit_now(&pool));
    /// store.forget(pool.id());
    /// assert!(store.pools().is_empty());
    /// ```
    pub fn forget(&self, pool: PoolId) {
        self.publish(&[], |before| before.without(pool));
    }

    /// Records a frame of a pool that the store knows. The latest 1,024 frames of each pool are kept one by one.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// store.receive(HealthMonitor::new(Thresholds::default()).emit_now(&pool));
    /// let snapshot = pool.end_frame();
    /// store.record_frame(&snapshot);
    /// assert_eq!(store.frames_of(pool.id())[0].frame, snapshot.frame);
    /// ```
    pub fn record_frame(&self, frame: &FrameSnapshot) {
        let writing = self.shared.receiving.lock();
        if let Some(pool) = self.kept().pool(frame.pool_id) {
            pool.past().add_frame(frame);
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

    /// Marks this moment, in the history of one pool or of all.
    pub(crate) fn add_mark(&self, text: String, of: Option<(PoolName, FrameEnd)>) {
        let event = Arc::new(Event::mark(text, of));
        self.publish(&[], |before| before.with_mark(event));
    }

    /// Publishes the next state, and sends the changed alerts to the subscribers.
    fn publish(&self, changed: &[Arc<Alert>], after: impl FnOnce(&Kept) -> Kept) {
        let turn = self.shared.receiving.lock();
        let before = self.shared.kept.load();
        let next = after(&before);
        let status = next.status();
        self.shared.kept.swap(Arc::new(next));
        // Release: pairs with the Acquire in `status`; a thread that reads this status also sees the state behind it.
        self.shared.status.store(status, Ordering::Release);
        turn.tell(changed);
        drop(turn);
    }

    /// The subscribers to alerts. The guard holds the receivers' lock.
    pub(crate) fn subscribers(&self) -> impl DerefMut<Target = Subscribers> {
        self.shared.receiving.lock()
    }

    /// The worst status of all pools. Costs one load.
    pub fn status(&self) -> HealthStatus {
        // Acquire: pairs with the Release in `publish`; a read of the store after this sees that state or a later one.
        self.shared.status.load(Ordering::Acquire)
    }

    /// The pools in the store, in the order of their first health snapshots.
    pub fn pools(&self) -> Vec<PoolId> {
        let kept = self.kept();
        kept.pools.iter().map(|pool| pool.id()).collect()
    }

    /// The latest health snapshot of one pool.
    pub fn latest_of(&self, pool: PoolId) -> Option<Arc<HealthSnapshot>> {
        let kept = self.kept();
        kept.pool(pool).map(|pool| Arc::clone(pool.latest()))
    }

    /// Asks the watches that feed this store to pass on, from their next judgement on, who holds what at that moment. For
    /// [`judged_of`](Self::judged_of). It costs the watch's thread a copy of the list of holders at each judgement.
    pub fn keep_outstanding(&self) {
        // Relaxed: a watch that sees it one judgement later does no harm.
        self.shared.keeps_outstanding.store(true, Ordering::Relaxed);
    }

    /// Whether a watch is to pass on what its walks find.
    pub(crate) fn keeps_outstanding(&self) -> bool {
        // Relaxed: see `keep_outstanding`.
        self.shared.keeps_outstanding.load(Ordering::Relaxed)
    }

    /// The latest health snapshot of one pool, with who held what at that very moment: the numbers of both agree. `None` before a
    /// watch has judged after [`keep_outstanding`](Self::keep_outstanding).
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    ///
    /// let pool = BufferPool::new();
    /// let buffer = pool.alloc::<u8>(100);
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// watch.store().keep_outstanding();
    /// watch.stop(); // judges
    /// drop(buffer);
    /// let (health, outstanding) = watch.store().judged_of(pool.id()).unwrap();
    /// assert_eq!(outstanding.buffers, health.metrics.outstanding_buffers);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(outstanding.buffers, 1);
    /// # }
    /// ```
    pub fn judged_of(&self, pool: PoolId) -> Option<(Arc<HealthSnapshot>, Arc<Outstanding>)> {
        let kept = self.kept();
        kept.pool(pool).and_then(KeptPool::judged)
    }

    /// The status of one pool.
    pub fn status_of(&self, pool: PoolId) -> Option<HealthStatus> {
        let kept = self.kept();
        kept.pool(pool).map(|pool| pool.latest().status)
    }

    /// The stored health snapshots of one pool, the latest last.
    pub fn history_of(&self, pool: PoolId) -> Vec<Arc<HealthSnapshot>> {
        let kept = self.kept();
        kept.pool(pool).map_or_else(Vec::new, KeptPool::history)
    }

    /// The latest health snapshot of the pool with the worst status; among several, the most recent one. With one pool, its
    /// latest.
    pub fn latest(&self) -> Option<Arc<HealthSnapshot>> {
        let kept = self.kept();
        kept.first_to_look_at()
            .map(|pool| Arc::clone(pool.latest()))
    }

    /// The stored health snapshots of the pool that [`latest`](Self::latest) returns, the latest last. The cost grows with
    /// their number; the receiver does not wait.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
    /// let store = DiagnosticsStore::with_history(2);
    /// # let pool = BufferPool::new();
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// for _ in 0..5 {
    ///     store.receive(monitor.emit_now(&pool));
    /// }
    /// assert_eq!(store.history().len(), 2);
    /// ```
    pub fn history(&self) -> Vec<Arc<HealthSnapshot>> {
        let kept = self.kept();
        kept.first_to_look_at()
            .map_or_else(Vec::new, KeptPool::history)
    }

    /// The active alerts of all pools, with their current severity and value, by pool and then the oldest first.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Rule, Thresholds};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// # let buffer = pool.alloc::<u8>(10_000);
    /// # let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 20_000));
    /// # store.receive(monitor.emit_now(&pool));
    /// for alert in store.active_alerts() {
    ///     assert_eq!(alert.rule, Rule::PooledBytes);
    ///     eprintln!("{alert}");
    /// }
    /// ```
    pub fn active_alerts(&self) -> Vec<Alert> {
        self.kept().active().cloned().collect()
    }

    /// All alerts that were raised, one entry each, the last changed one at the end.
    ///
    /// An entry is the alert's current state if it is active, else the report that resolved it. It has the number of times
    /// that the alert began, and the first time. Each pool keeps 64 alerts of every rule; resolved ones are dropped first.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
    /// # use std::time::Duration;
    /// # let store = DiagnosticsStore::new();
    /// let budget = Thresholds::default().frame_budget(Duration::from_millis(16)).hold(Duration::ZERO);
    /// let mut monitor = HealthMonitor::new(budget).with_window(Duration::from_millis(20));
    /// # let pool = BufferPool::new();
    /// for ms in [20, 5, 5, 5, 5, 20] {
    ///     monitor.record_frame(&pool.end_frame(), Duration::from_millis(ms));
    ///     store.receive(monitor.emit_now(&pool));
    /// }
    /// # if cfg!(feature = "telemetry") {
    /// let log = store.alert_log();
    /// assert_eq!((log.len(), log[0].count), (1, 2)); // one entry, raised twice
    /// # }
    /// ```
    pub fn alert_log(&self) -> Vec<Alert> {
        self.kept().log()
    }

    /// Marks, and alerts that were raised, escalated or resolved, the latest last: at most 512 marks and as many alerts.
    pub fn events(&self) -> Vec<Arc<Event>> {
        self.kept().events()
    }

    /// The latest 1,024 frames of a pool, the latest last. A [`Watch`](crate::Watch) records them.
    pub fn frames_of(&self, pool: PoolId) -> Vec<FrameRecord> {
        let kept = self.kept();
        kept.pool(pool)
            .map_or_else(Vec::new, |pool| pool.past().frames())
    }

    /// The numbers of a pool over a span of time, merged into buckets of this many milliseconds, or into the span's own
    /// buckets if these are wider. Readers and the receiver do not wait for each other.
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
    /// # if cfg!(feature = "telemetry") {
    /// assert!(latest.value("framepool.memory.usage", &[("state", "in_use")]) >= Some(100.0));
    /// # }
    /// # drop(kept);
    /// ```
    pub fn rollup_of(&self, pool: PoolId, span: Span, bucket_ms: u64) -> Option<Rollup> {
        let kept = self.kept();
        kept.pool(pool)
            .map(|pool| pool.past().rollup(span, bucket_ms))
    }

    /// The store's contents, as values that can be saved and shown.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// # store.receive(HealthMonitor::new(Thresholds::default()).emit_now(&pool));
    /// let history = store.saved();
    /// store.forget(pool.id());
    /// assert_eq!(history.pools.len(), 1); // a copy, so it still has the pool
    /// ```
    pub fn saved(&self) -> SavedHistory {
        SavedHistory::of(&self.kept(), self.alert_subscribers(), true)
    }

    /// The store's contents at one moment.
    pub(crate) fn kept(&self) -> Arc<Kept> {
        self.shared.kept.load()
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

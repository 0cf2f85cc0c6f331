//! The pools that an outlet exports.

use super::diagnostics::DiagnosticsStore;
use crate::health::PoolName;
use crate::metrics::Reading;
use crate::pool::handle::BufferPool;
use crate::telemetry::FrameFeed;
use crate::telemetry::id::PoolId;
use crate::telemetry::snapshot::FrameSnapshot;

/// The pools that an outlet exports, with a distinct name, the readings, and every frame since it was added for each.
///
/// It holds a handle of each pool, so they live at least as long, or until [`remove`](Self::remove).
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool::metrics::METRICS;
/// use framepool::store::WatchedPools;
///
/// let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// let mut pools = WatchedPools::default();
/// pools.add(watch.pool().clone(), watch.store().clone());
/// for (name, reading) in pools.read() {
///     for metric in METRICS {
///         metric.read(&reading, &mut |labels, value| println!("{} of {name} {labels:?}: {value:?}", metric.name));
///     }
/// }
/// ```
#[derive(Debug, Default)]
pub struct WatchedPools(Vec<WatchedPool>);

#[derive(Debug)]
struct WatchedPool {
    name: PoolName,
    pool: BufferPool,
    store: DiagnosticsStore,
    feed: FrameFeed,
}

impl WatchedPools {
    /// Adds a pool whose judgements go to this store. If its name is taken, its number is appended, as in `render#7`. A
    /// pool that was added before is replaced.
    pub fn add(&mut self, pool: BufferPool, store: DiagnosticsStore) {
        self.remove(pool.id());
        let is_taken = |name: &str| self.0.iter().any(|other| other.name == *name);
        let name = if is_taken(pool.name()) {
            PoolName::new(pool.id(), &format!("{}#{}", pool.name(), pool.id().get()))
        } else {
            PoolName::new(pool.id(), pool.name())
        };
        let feed = pool.subscribe();
        self.0.push(WatchedPool {
            name,
            pool,
            store,
            feed,
        });
    }

    /// Removes a pool, and drops its handle.
    pub fn remove(&mut self, pool: PoolId) {
        self.0.retain(|watched| watched.name.id() != pool);
    }

    /// Reads every pool now, in the order in which they were added.
    pub fn read(&self) -> Vec<(PoolName, Reading)> {
        let readings = self.0.iter().map(|watched| {
            let health = watched.store.latest_of(watched.name.id());
            (watched.name.clone(), Reading::now(&watched.pool, health))
        });
        readings.collect()
    }

    /// Passes every frame that ended since the previous call to `each`. Overwritten frames are missing: a pool keeps as
    /// many as its builder's `history_frames`.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore};
    /// use framepool::store::WatchedPools;
    ///
    /// # let (pool, mut pools) = (BufferPool::builder().name("render").build()?, WatchedPools::default());
    /// pools.add(pool.clone(), DiagnosticsStore::new());
    /// let ended = pool.end_frame();
    /// pools.drain_frames(|name, frame| {
    ///     assert_eq!((&**name, frame.frame), ("render", ended.frame));
    /// });
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn drain_frames(&mut self, mut each: impl FnMut(&PoolName, &FrameSnapshot)) {
        for watched in &mut self.0 {
            while let Some(frame) = watched.feed.next() {
                each(&watched.name, &frame);
            }
        }
    }
}

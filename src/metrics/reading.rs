//! A reading of one pool, from which every metric takes its numbers.

use crate::clock::Timestamp;
use crate::health::HealthSnapshot;
use crate::pool::handle::BufferPool;
use crate::sync::Arc;
use crate::telemetry::snapshot::PoolStats;
use crate::telemetry::tags::Tags;

/// A reading of one pool at one moment: its own numbers, and its latest judgement.
///
/// ```
/// use framepool::BufferPool;
/// use framepool::metrics::{METRICS, Reading};
///
/// let pool = BufferPool::new();
/// for _ in 0..3 {
///     pool.end_frame();
/// }
/// let reading = Reading::now(&pool, None);
/// let frames = METRICS.iter().find(|metric| metric.name == "framepool.frames").unwrap();
/// # if cfg!(feature = "telemetry") {
/// frames.read(&reading, &mut |_, value| assert_eq!(value, Some(3.0)));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Reading {
    pub(super) stats: PoolStats,
    pub(super) health: Option<Arc<HealthSnapshot>>,
    /// The numbers of tags; `None` for a reading from a judgement, which does not have them.
    pub(super) tags: Option<Tags>,
    pub(super) time: Timestamp,
}

impl Reading {
    /// The pool's numbers now, with its latest judgement if it is watched. Costs as much as [`BufferPool::stats`].
    pub fn now(pool: &BufferPool, health: Option<Arc<HealthSnapshot>>) -> Self {
        Self {
            stats: pool.stats(),
            health,
            tags: Some(pool.tags()),
            time: Timestamp::now(),
        }
    }

    /// A reading without a pool: every number exists, and is zero.
    pub(crate) fn none() -> Self {
        Self {
            stats: PoolStats::default(),
            health: None,
            tags: None,
            time: Timestamp::default(),
        }
    }

    /// All numbers from a judgement, without those of tags.
    ///
    /// ```
    /// use framepool::metrics::{METRICS, Reading};
    /// use framepool::{BufferPool, HealthMonitor, Thresholds};
    ///
    /// let pool = BufferPool::new();
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// monitor.record(&pool.end_frame());
    /// let reading = Reading::of(monitor.emit_now(&pool).into());
    /// let frames = METRICS.iter().find(|metric| metric.name == "framepool.frames").unwrap();
    /// # if cfg!(feature = "telemetry") {
    /// frames.read(&reading, &mut |_, value| assert_eq!(value, Some(1.0)));
    /// # }
    /// ```
    pub fn of(health: Arc<HealthSnapshot>) -> Self {
        Self {
            stats: health.stats,
            tags: None,
            time: health.time,
            health: Some(health),
        }
    }

    /// A number of the latest judgement; zero before the first.
    pub(super) fn judged(&self, number: impl Fn(&HealthSnapshot) -> f64) -> f64 {
        self.health.as_deref().map_or(0.0, number)
    }
}

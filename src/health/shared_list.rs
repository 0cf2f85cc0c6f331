//! Lists that successive health snapshots share.

use std::ops::Deref;

use super::{LeakVerdict, SiteVerdict};
use crate::sync::Arc;

/// A list that health snapshots share while it does not change.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// let pool = BufferPool::new();
/// let buffer = pool.alloc::<u8>(100);
/// let health = HealthMonitor::new(Thresholds::default()).emit_now(&pool);
/// let holders = health.holders.clone(); // copies no entry
/// for holder in holders.iter() {
///     assert_eq!(holder.buffers, 1);
/// }
/// # drop(buffer);
/// ```
#[derive(Debug)]
pub struct SharedList<T>(Arc<Vec<T>>);

impl<T> SharedList<T> {
    pub(crate) fn new(list: Vec<T>) -> Self {
        Self(Arc::new(list))
    }

    /// Copies a list if it differs, and shares it.
    pub(crate) fn share(&mut self, list: &[T]) -> Self
    where
        T: Clone + PartialEq,
    {
        if **self != *list {
            self.0 = Arc::new(list.to_vec());
        }
        self.clone()
    }
}

impl SharedList<SiteVerdict> {
    /// The sites with this verdict, in the order of the list.
    ///
    /// ```
    /// use framepool::health::LeakVerdict;
    /// use framepool::{BufferPool, HealthMonitor, Thresholds};
    ///
    /// let pool = BufferPool::builder().expect_release_within(2).build()?;
    /// let late = pool.alloc::<u8>(100);
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// for _ in 0..10 {
    ///     monitor.record(&pool.end_frame());
    /// }
    /// let verdicts = monitor.emit_now(&pool).verdicts;
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(verdicts.with(LeakVerdict::Overdue).count(), 1);
    /// assert_eq!(verdicts.with(LeakVerdict::Growing).count(), 0);
    /// # }
    /// # drop(late);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn with(&self, verdict: LeakVerdict) -> impl Iterator<Item = &SiteVerdict> {
        self.iter().filter(move |site| site.verdict == verdict)
    }
}

/// Shares the list: nothing is copied.
impl<T> Clone for SharedList<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl<T> Deref for SharedList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: PartialEq> PartialEq for SharedList<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

#[cfg(feature = "serde")]
impl<T: serde::Serialize> serde::Serialize for SharedList<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

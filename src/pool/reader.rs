//! A cached reader of the latest snapshot: reading again costs one comparison.

use std::fmt;
use std::ops::Deref;

use crate::pool::handle::BufferPool;
use crate::sync::{Arc, Cached};
use crate::telemetry::snapshot::FrameSnapshot;

/// A cached reader of a pool's latest snapshot, for loops that read it often.
///
/// [`BufferPool::snapshot`] changes a reference count each time. This checks whether a new snapshot was published
/// and, if not, returns the one it has. Made by [`BufferPool::snapshot_reader`]. It is a handle of the pool, and
/// keeps one snapshot from being recycled.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let mut reader = pool.snapshot_reader();
/// for _ in 0..3 {
///     let ended = pool.end_frame();
///     assert_eq!(reader.latest().frame, ended.frame);
/// }
/// ```
pub struct SnapshotReader {
    cached: Cached<Source, FrameSnapshot>,
}

/// The pool as the source of a cached reader.
#[derive(Clone)]
struct Source(BufferPool);

impl SnapshotReader {
    pub(crate) fn new(pool: BufferPool) -> Self {
        Self {
            cached: Cached::new(Source(pool)),
        }
    }

    /// The latest published snapshot.
    pub fn latest(&mut self) -> &Arc<FrameSnapshot> {
        self.cached.load()
    }
}

impl fmt::Debug for SnapshotReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotReader").finish_non_exhaustive()
    }
}

impl Deref for Source {
    type Target = crate::sync::PublishedSource<FrameSnapshot>;

    fn deref(&self) -> &Self::Target {
        self.0.inner().published.source()
    }
}

impl BufferPool {
    /// Returns a cached reader; cheaper than [`snapshot`](Self::snapshot) when polled often.
    pub fn snapshot_reader(&self) -> SnapshotReader {
        SnapshotReader::new(self.clone())
    }
}

//! Publishes a snapshot without allocating: it overwrites an old snapshot that no reader has any more.

use crate::sync::{Arc, Published};
use crate::telemetry::snapshot::FrameSnapshot;

/// The most old snapshots kept for reuse. If readers keep all of them, the pool allocates another.
const KEPT: usize = 8;

/// Snapshots that were published before.
#[derive(Debug)]
pub(crate) struct Recycler {
    old: Vec<Arc<FrameSnapshot>>,
    /// The number of snapshots: those in `old`, the published one, and the one being written.
    count: usize,
}

impl Recycler {
    pub(crate) fn new() -> Self {
        Self {
            old: Vec::with_capacity(KEPT),
            count: 1,
        }
    }

    /// Returns a snapshot to write: an old one, of which the caller has the only reference, or a new one.
    ///
    /// A snapshot is reused only if no other reference exists or can be made. That it was replaced is not enough: a
    /// reader that was loading it has a reference when `swap` returns. A thread with a `Weak` can also make one, and
    /// only `Arc::get_mut` detects that; if it fails, the caller must write a new snapshot.
    pub(crate) fn take(&mut self) -> Arc<FrameSnapshot> {
        let unread = self.old.iter().position(|old| Arc::strong_count(old) == 1);
        if let Some(at) = unread {
            return self.old.swap_remove(at);
        }
        self.count += 1;
        Arc::new(FrameSnapshot::default())
    }

    /// Publishes a snapshot.
    pub(crate) fn publish(
        &mut self,
        published: &Published<FrameSnapshot>,
        next: &Arc<FrameSnapshot>,
    ) {
        let before = published.swap(Arc::clone(next));
        if self.old.len() == KEPT {
            // All are still in use: leave one to its readers.
            self.old.swap_remove(0);
            self.count -= 1;
        }
        self.old.push(before);
    }

    /// Bytes of the snapshots.
    pub(crate) fn bytes(&self) -> u64 {
        (self.count * size_of::<FrameSnapshot>()) as u64
    }
}

//! Publishes a snapshot without allocating: an old snapshot that no reader has any more is overwritten.

use crate::sync::{Arc, Published};
use crate::telemetry::snapshot::FrameSnapshot;

/// Old snapshots kept for being written again. A reader that keeps one longer makes the pool allocate another.
const KEPT: usize = 8;

/// Snapshots that were published before.
#[derive(Debug)]
pub(crate) struct Recycler {
    old: Vec<Arc<FrameSnapshot>>,
    /// How many snapshots there are: those in `old`, the one published, the one being written.
    count: usize,
}

impl Recycler {
    pub(crate) fn new() -> Self {
        Self {
            old: Vec::with_capacity(KEPT),
            count: 1,
        }
    }

    /// A snapshot to be written: an old one, of which the caller has the only count, or a new one.
    ///
    /// A snapshot is written again only if nobody has or can get another count, never because it was replaced: a reader that
    /// was loading it when it was replaced has a count by the time `swap` returns. A thread that has a `Weak` of the old one can get
    /// one, and only `Arc::get_mut` tells: where it does not give the snapshot, a new one is to be
    /// written.
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
            // All are still read: one is left to its readers.
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

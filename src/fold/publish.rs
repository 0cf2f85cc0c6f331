//! Publishing a snapshot without allocating: an old one nobody reads any more is written anew.

use crate::fold::FrameSnapshot;
use crate::sync::{Arc, Published};

/// Old snapshots kept for being written again. A reader that keeps one longer makes the pool allocate another.
const KEPT: usize = 8;

/// Snapshots that were published before.
#[derive(Debug)]
pub(crate) struct Recycler {
    old: Vec<Arc<FrameSnapshot>>,
}

impl Recycler {
    pub(crate) fn new() -> Self {
        Self {
            old: Vec::with_capacity(KEPT),
        }
    }

    /// Publishes `frame`, and gives the caller a count of it.
    ///
    /// A snapshot is written again only if this is the only count of it (`Arc::get_mut`), never because it was replaced:
    /// a reader that was loading it when it was replaced has a count by the time `swap` returns.
    pub(crate) fn publish(
        &mut self,
        published: &Published<FrameSnapshot>,
        frame: &FrameSnapshot,
    ) -> Arc<FrameSnapshot> {
        let mut next = self.take_unread().unwrap_or_else(|| Arc::new(*frame));
        if let Some(unread) = Arc::get_mut(&mut next) {
            *unread = *frame;
        }
        let before = published.swap(Arc::clone(&next));
        if self.old.len() == KEPT {
            // All are still read: the oldest is left to its readers.
            self.old.remove(0);
        }
        self.old.push(before);
        next
    }

    /// An old snapshot that nobody reads.
    fn take_unread(&mut self) -> Option<Arc<FrameSnapshot>> {
        // Who has no count any more cannot make another: what seems unread is, and `get_mut` synchronizes with it.
        let at = self
            .old
            .iter()
            .position(|old| Arc::strong_count(old) == 1)?;
        Some(self.old.remove(at))
    }

    /// Bytes of the snapshots kept.
    pub(crate) fn bytes(&self) -> u64 {
        ((self.old.len() + 1) * size_of::<FrameSnapshot>()) as u64
    }
}

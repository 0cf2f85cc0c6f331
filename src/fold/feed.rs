//! Every frame's snapshot, for a reader that must not miss one: a bounded queue per subscriber.
//!
//! The frame end puts a copy into each queue and waits for nobody: in a full queue the oldest is overwritten, and the
//! loss is counted for that subscriber.

use crate::fold::FrameSnapshot;
use crate::sync::{Arc, ArrayQueue, AtomicU64, Ordering};

/// What the pool and one subscriber share.
#[derive(Debug)]
struct Feed {
    frames: ArrayQueue<FrameSnapshot>,
    lost: AtomicU64,
}

/// The snapshots of all frame ends since the subscription, oldest first.
///
/// Holds as many as the builder's `history_frames`; if more frames end before they are read, the oldest are lost and
/// [`lost`](Self::lost) says how many. Dropping it ends the subscription. It does not keep the pool's memory alive.
#[derive(Debug)]
pub struct FrameFeed {
    feed: Arc<Feed>,
}

impl FrameFeed {
    /// The oldest snapshot not read yet.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would end at the first moment without a new frame"
    )]
    pub fn next(&mut self) -> Option<FrameSnapshot> {
        self.feed.frames.pop()
    }

    /// Snapshots overwritten before they were read, since the subscription.
    pub fn lost(&self) -> u64 {
        // Relaxed: a number of its own.
        self.feed.lost.load(Ordering::Relaxed)
    }
}

/// The subscribers of a pool.
#[derive(Debug)]
pub(crate) struct Feeds {
    feeds: Vec<Arc<Feed>>,
}

impl Feeds {
    pub(crate) fn new() -> Self {
        Self { feeds: Vec::new() }
    }

    /// A new subscriber that can be `frames` behind.
    pub(crate) fn subscribe(&mut self, frames: usize) -> FrameFeed {
        let feed = Arc::new(Feed {
            frames: ArrayQueue::new(frames),
            lost: AtomicU64::new(0),
        });
        self.feeds.push(Arc::clone(&feed));
        FrameFeed { feed }
    }

    /// Gives every subscriber a copy; forgets those that are gone.
    pub(crate) fn send(&mut self, snapshot: &FrameSnapshot) {
        self.feeds.retain(|feed| {
            if Arc::strong_count(feed) == 1 {
                return false;
            }
            if feed.frames.force_push(*snapshot).is_some() {
                // Relaxed: a number of its own; the fold's lock makes this the only writer.
                feed.lost.fetch_add(1, Ordering::Relaxed);
            }
            true
        });
    }

    /// Bytes of the queues.
    pub(crate) fn bytes(&self) -> u64 {
        self.feeds
            .iter()
            .map(|feed| (feed.frames.capacity() * size_of::<FrameSnapshot>()) as u64)
            .sum()
    }
}

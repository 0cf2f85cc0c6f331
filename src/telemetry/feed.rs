//! Delivers the snapshot of every frame to subscribers, through one ring each.
//!
//! The frame end writes a copy into each ring and waits for no reader (`ring.rs`). In a full ring it overwrites the
//! oldest entry and counts the loss for that subscriber. A ring's memory belongs to its subscriber and is freed when the
//! subscription is dropped. The pool keeps a few words of it until the next subscription or frame end.

use crate::telemetry::ring::{Reader, Writer, ring};
use crate::telemetry::snapshot::FrameSnapshot;

/// The snapshots of all frame ends since the subscription, oldest first.
///
/// Holds up to the builder's `history_frames`. If more frames end before they are read, the oldest are lost, and
/// [`lost`](Self::lost) counts them. A frame end never waits for a feed's reader. Dropping a feed ends the
/// subscription and frees its memory. It does not keep the pool's memory alive.
///
/// ```
/// let pool = framepool::BufferPool::builder().history_frames(2).build()?;
/// let mut feed = pool.subscribe();
/// for _ in 0..3 {
///     pool.end_frame();
/// }
/// assert_eq!(feed.next().unwrap().frame.get(), 2); // the first was overwritten
/// assert_eq!(feed.lost(), 1);
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct FrameFeed {
    frames: Reader<FrameSnapshot>,
}

impl FrameFeed {
    /// Makes a feed that can be `frames` behind, and the pool's end of it.
    pub(crate) fn new(frames: usize) -> (Writer<FrameSnapshot>, Self) {
        let (writer, reader) = ring(frames);
        (writer, Self { frames: reader })
    }

    /// Returns the oldest snapshot that was not read yet.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would end at the first moment without a new frame"
    )]
    pub fn next(&mut self) -> Option<FrameSnapshot> {
        self.frames.read()
    }

    /// Snapshots overwritten before they were read, since the subscription.
    pub fn lost(&self) -> u64 {
        self.frames.lost()
    }
}

/// The pool's ends of its feeds.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Vec<Writer<FrameSnapshot>>);

impl Feeds {
    /// Adds a feed; removes dropped ones.
    pub(crate) fn add(&mut self, feed: Writer<FrameSnapshot>) {
        self.0.retain(|before| !before.is_gone());
        self.0.push(feed);
    }

    /// Gives every feed a copy; removes dropped ones.
    pub(crate) fn send(&mut self, snapshot: &FrameSnapshot) {
        self.0.retain_mut(|feed| feed.write(snapshot));
    }

    /// Bytes of the rings.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(Writer::bytes).sum()
    }
}

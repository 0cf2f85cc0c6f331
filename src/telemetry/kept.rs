//! The buffers that are kept across frames: levels that can be compared between any two moments.
//!
//! # Why
//!
//! Most programs allocate buffers in a frame and release them before its end. A reading in the middle of a frame meets
//! them, and the next one, between two frames, does not. So of two readings, one shows a buffer of a frame as "born".
//!
//! # What is in flight, and what is kept
//!
//! A pooled buffer is *in flight* if it was allocated since the oldest open frame began; if no frame is open, since the
//! latest frame end. All other pooled buffers in use are *kept*: they outlived a frame. Frame buffers of open frames are
//! always in flight.
//!
//! - The age of a buffer is in rounds (`rounds.rs`), and each block record has the round of its alloc. So a walk knows
//!   what is in flight, and workers do nothing for it.
//! - A frame that is never ended would put everything in flight. So at most as many rounds count as frames can be open.
//! - If frames stop ending, nothing separates their buffers from others. Then every pooled buffer counts as kept: before
//!   the first frame end, and when the current round has lasted for longer than a second and four times the round before.
//! - Buffers without attribution have no age, and count as kept.
//!
//! # Why the numbers add up
//!
//! All kept buffers are counted by one walk, and each of them once by call site, tag, thread and size. So the four ways
//! of splitting have the same sum. The rest of the bytes in use is in flight, by subtraction:
//!
//! ```text
//! in use = kept + in flight        in use + idle = held (L3, it adds up)
//! ```
//!
//! Workers run during the walk. So a buffer that is allocated or released meanwhile may be missing in the sum of the
//! kept ones, or be in it; at rest all numbers are exact.

use std::iter::Sum;
use std::panic::Location;

use crate::sync::sized;

/// Call sites that a reading names.
pub(crate) const SITES: usize = sized(16, 2, 2);
/// Tags, threads and sizes that it names, of each.
pub(crate) const NAMED: usize = sized(8, 2, 2);

/// Pooled buffers: their number and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) buffers: u64,
    pub(crate) bytes: u64,
}

impl Amount {
    pub(crate) fn add(&mut self, other: Self) {
        self.buffers += other.buffers;
        self.bytes += other.bytes;
    }

    /// The one with fewer buffers.
    pub(crate) fn min(self, other: Self) -> Self {
        if other.buffers < self.buffers {
            other
        } else {
            self
        }
    }

    /// This without a part of it.
    pub(crate) fn less(self, part: Self) -> Self {
        Self {
            buffers: self.buffers.saturating_sub(part.buffers),
            bytes: self.bytes.saturating_sub(part.bytes),
        }
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), |mut sum, amount| {
            sum.add(amount);
            sum
        })
    }
}

/// The holders with the most bytes, and the sum of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Largest<K, const N: usize> {
    pub(crate) all: Amount,
    named: [Option<(K, Amount)>; N],
}

impl<K: Copy, const N: usize> Default for Largest<K, N> {
    fn default() -> Self {
        Self {
            all: Amount::default(),
            named: [None; N],
        }
    }
}

impl<K: Copy, const N: usize> Largest<K, N> {
    /// Adds a holder that was not added before.
    pub(crate) fn enter(&mut self, holder: K, amount: Amount) {
        if amount == Amount::default() {
            return;
        }
        self.all.add(amount);
        let bytes = |place: &Option<(K, Amount)>| place.map(|(_, amount)| amount.bytes);
        // An empty place is the least.
        if let Some(least) = self.named.iter_mut().min_by_key(|place| bytes(place))
            && bytes(least).is_none_or(|least| amount.bytes > least)
        {
            *least = Some((holder, amount));
        }
    }

    /// The largest holders, in no order.
    pub(crate) fn named(&self) -> impl Iterator<Item = (K, Amount)> {
        self.named.iter().flatten().copied()
    }
}

/// The pooled buffers that are kept across frames, split in four ways. See the head of this file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) all: Amount,
    /// By the line of code that allocated them.
    pub(crate) sites: Largest<&'static Location<'static>, SITES>,
    /// By the number of the tag, without those below it.
    pub(crate) tags: Largest<usize, NAMED>,
    /// By the number of the thread's name.
    pub(crate) threads: Largest<u32, NAMED>,
    /// By the bytes of a block; `None` for those beyond the largest size class.
    pub(crate) sizes: Largest<Option<u64>, NAMED>,
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use super::*;
    use crate::{BufferPool, HealthMonitor, Thresholds};

    /// Bytes that are kept, and bytes in flight.
    fn split(pool: &BufferPool) -> (u64, u64) {
        let metrics = HealthMonitor::new(Thresholds::default())
            .emit_now(pool)
            .metrics;
        let in_flight = metrics.in_flight_bytes;
        (metrics.in_use_bytes - in_flight, in_flight)
    }

    #[test]
    fn what_a_frame_releases_is_never_kept() {
        let pool = BufferPool::new();
        let level = pool.alloc::<u8>(1024);
        assert_eq!(split(&pool), (1024, 0), "no frame ends yet");
        for _ in 0..3 {
            pool.end_frame();
            assert_eq!(split(&pool), (1024, 0));
            let frame = pool.begin_frame();
            let scratch = pool.alloc::<u8>(4096);
            let in_frame = frame.alloc::<u8>(64).len() as u64;
            assert_eq!(split(&pool), (1024, 4096 + in_frame));
            drop(scratch);
            frame.release_all();
        }
        let outlives = pool.alloc::<u8>(4096);
        assert_eq!(split(&pool), (1024, 4096));
        pool.end_frame();
        assert_eq!(split(&pool), (1024 + 4096, 0));
        drop((level, outlives));
    }

    #[test]
    fn buffers_of_every_open_frame_are_in_flight() {
        let pool = BufferPool::builder()
            .max_frames_in_flight(3)
            .build()
            .unwrap();
        pool.end_frame();
        let upload = pool.begin_frame();
        let of_upload = pool.alloc::<u8>(1024);
        let render = pool.begin_frame();
        pool.begin_frame().release_all();
        let of_render = pool.alloc::<u8>(2048);
        assert_eq!(split(&pool), (0, 3072));
        upload.release_all();
        drop(of_upload);
        assert_eq!(split(&pool), (0, 2048));
        render.release_all();
        assert_eq!(split(&pool), (2048, 0));
        drop(of_render);
    }

    #[test]
    fn a_forgotten_frame_puts_nothing_more_in_flight() {
        let pool = BufferPool::new();
        let forgotten = pool.begin_frame();
        let kept = pool.alloc::<u8>(1024);
        for _ in 0..10 {
            pool.end_frame();
        }
        assert_eq!(split(&pool), (1024, 0));
        drop((kept, forgotten));
    }

    #[test]
    fn the_largest_holders_are_named_in_any_order() {
        let mut largest = Largest::<u32, 3>::default();
        for holder in [5, 1, 4, 0, 2, 3] {
            let bytes = u64::from(holder) * 100;
            largest.enter(
                holder,
                Amount {
                    buffers: u64::from(holder),
                    bytes,
                },
            );
        }
        let mut named: Vec<_> = largest.named().map(|(holder, _)| holder).collect();
        named.sort_unstable();
        assert_eq!(named, [3, 4, 5]);
        assert_eq!((largest.all.buffers, largest.all.bytes), (15, 1_500));
    }
}

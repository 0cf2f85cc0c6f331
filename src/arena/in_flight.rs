//! The set of open frames: one bit for each, with the number, the time and the line of code of its beginning.
//!
//! `begin_frame` claims a bit, and the frame end frees it.
//!
//! # Reading the open frames
//!
//! The thread that claims a bit stores the line and the time at which the frame began, and then the frame's number. The frame end
//! stores zero as the number, then frees the bit. A reader loads the number, then the other words, then the number again. It
//! accepts the words if both numbers are the same and not zero.
//!
//! Why this is right: every frame has its own number. A later frame stores its words with Release, after it acquired the bit
//! and with it the zero. A reader that loads one of those words with Acquire therefore sees the zero or a later number at
//! its second load, and rejects the words.

#![expect(
    unsafe_code,
    reason = "the line of code that began a frame is kept as a pointer"
)]

use std::panic::Location;
use std::ptr;
use std::time::Duration;

use crate::clock::{self, Time};
use crate::error::FrameError;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, sized};
use crate::telemetry::id::FrameId;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::rounds::this_thread;

/// The largest number of open frames. Each slot has this many arenas.
pub(crate) const MAX_IN_FLIGHT: usize = sized(16, 4, 2);

/// The open frames of a pool.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// One bit for each open frame.
    open: AtomicU32,
    /// The open frame of each bit.
    frames: [Begun; MAX_IN_FLIGHT],
    /// Frames begun so far; the number of the last one.
    begun: AtomicU64,
    /// Frames that could not begin, because the limit was reached.
    refused: AtomicU64,
    /// One bit for each frame whose arenas may have blocks.
    blocks: AtomicU32,
    limit: u32,
}

/// When and where the frame of one bit began. See the head of this file.
#[derive(Debug)]
struct Begun {
    /// The frame's number; 0 if no frame is open.
    id: AtomicU64,
    site: AtomicPtr<Location<'static>>,
    /// When it began, as [`Time::to_word`] gives it.
    at: AtomicU64,
    /// The thread that began it (`telemetry/rounds.rs`). Only for the thread that ends the frame.
    thread: AtomicU64,
    /// The pool's round when it began (`telemetry/rounds.rs`).
    round: AtomicU64,
    /// The value of `InFlight::refused` when it began.
    refused: AtomicU64,
    /// The number of its tag; zero for none.
    tag: AtomicU32,
}

impl InFlight {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            open: AtomicU32::new(0),
            frames: std::array::from_fn(|_| Begun::new()),
            begun: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            blocks: AtomicU32::new(0),
            limit,
        }
    }

    /// Claims the lowest free bit, if there is one.
    pub(crate) fn claim(&self) -> Option<usize> {
        // Relaxed: the exchange below decides.
        let mut open = self.open.load(Ordering::Relaxed);
        loop {
            let index = open.trailing_ones();
            if index >= self.limit {
                return None;
            }
            // Acquire: pairs with the Release in `free`; the arenas of the bit's last frame are visibly reset.
            // Relaxed on failure: the next try decides.
            match self.open.compare_exchange_weak(
                open,
                open | 1 << index,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(index as usize),
                Err(seen) => open = seen,
            }
        }
    }

    /// Claims the bit `index`, if it is free.
    pub(crate) fn claim_index(&self, index: usize) -> bool {
        // Acquire: pairs with the Release in `free`; the arenas of the bit's last frame are visibly reset.
        self.open.fetch_or(1 << index, Ordering::Acquire) & 1 << index == 0
    }

    /// Sets the number of frames begun.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&self, begun: u64) {
        // Relaxed: no other data depends on it.
        self.begun.store(begun, Ordering::Relaxed);
    }

    /// Numbers the frame that claimed `index`, and stores its line and time.
    pub(crate) fn begin(
        &self,
        index: usize,
        site: &'static Location<'static>,
        round: u64,
        tag: usize,
    ) -> FrameId {
        let frame = &self.frames[index];
        let at = clock::now().to_word();
        // Relaxed: no other data depends on it.
        let id = self.begun.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // Relaxed: no other data depends on it.
        let refused = self.refused.load(Ordering::Relaxed);
        // Relaxed: the transfer of the `Frame` value orders it for the thread that ends the frame.
        frame.thread.store(this_thread(), Ordering::Relaxed);
        // Relaxed: the claim of the bit (Acquire) ordered the last frame's store before this load.
        if frame.tag.load(Ordering::Relaxed) != tag as u32 {
            // Relaxed: a thread that reads the tag has read the frame's arenas with Acquire, or ends the frame; see `tag`.
            frame.tag.store(tag as u32, Ordering::Relaxed);
        }
        // Release, all: pair with the Acquires in `read`; a reader that sees one of them sees the zero that `free` stored before.
        frame
            .site
            .store(ptr::from_ref(site).cast_mut(), Ordering::Release);
        frame.at.store(at, Ordering::Release);
        frame.round.store(round, Ordering::Release);
        frame.refused.store(refused, Ordering::Release);
        // Release: pairs with the Acquire in `read`; a reader that sees the number sees the words stored before it.
        frame.id.store(id, Ordering::Release);
        FrameId(id)
    }

    /// The number of the open frame `index`; zero if none is open there.
    pub(crate) fn id(&self, index: usize) -> FrameId {
        // Relaxed: only for a message.
        FrameId(self.frames[index].id.load(Ordering::Relaxed))
    }

    /// The open frame `index`, and when it began. Only for the thread that ends it.
    pub(crate) fn begun(&self, index: usize) -> (FrameId, Time) {
        let frame = &self.frames[index];
        // Relaxed, both: the `Frame` value came from the thread that stored them, and this transfer orders the accesses.
        let id = frame.id.load(Ordering::Relaxed);
        let at = Time::of_word(frame.at.load(Ordering::Relaxed));
        (FrameId(id), at)
    }

    /// Frees the bit, after the frame's arenas were reset.
    pub(crate) fn free(&self, index: usize) {
        // Relaxed: the Release below publishes it to the next frame of the bit, and that frame's words publish it to readers.
        self.frames[index].id.store(0, Ordering::Relaxed);
        // Release: pairs with the Acquires in `claim` and `claim_index`; publishes the zero and the reset arenas.
        self.open.fetch_and(!(1 << index), Ordering::Release);
    }

    /// The open frame of this bit, if there is one. `round` and `now` are the pool's round and time of this reading.
    fn read(&self, index: usize, round: u64, now: Time) -> Option<OpenFrame> {
        let frame = &self.frames[index];
        // Acquire: pairs with the Release in `begin`; the words below are of this frame or of a later one.
        let id = frame.id.load(Ordering::Acquire);
        // Acquire, all: pair with the Releases in `begin`, and order the second load of the number after them.
        let site = frame.site.load(Ordering::Acquire);
        let at = Time::of_word(frame.at.load(Ordering::Acquire));
        let begun_in = frame.round.load(Ordering::Acquire);
        let refused_before = frame.refused.load(Ordering::Acquire);
        // Relaxed: the loads before it are Acquire, so this one comes after them.
        if id == 0 || frame.id.load(Ordering::Relaxed) != id {
            return None;
        }
        // Relaxed: no other data depends on it.
        let refused = self.refused.load(Ordering::Relaxed);
        Some(OpenFrame {
            id: FrameId(id),
            // SAFETY: `begin` stored it from a `'static` reference.
            location: unsafe { site.as_ref() }?,
            age: now.since(at),
            age_frames: round
                .saturating_sub(begun_in)
                .saturating_add(refused.saturating_sub(refused_before)),
        })
    }

    /// The open frames in no particular order, with their ages at one moment. `round` is the pool's round now.
    pub(crate) fn open_frames(&self, round: u64) -> impl Iterator<Item = OpenFrame> {
        let now = clock::now();
        (0..self.limit as usize).filter_map(move |index| self.read(index, round, now))
    }

    /// The age in rounds of the oldest open frame, zero if none is open. It is less than the number of frames that can be
    /// open, so that a frame that is never ended does not grow old here.
    pub(crate) fn age(&self, round: u64) -> u64 {
        let ages = (0..self.limit as usize)
            .filter(|&index| self.id(index) != FrameId(0))
            // Relaxed: an estimate, which a frame that begins or ends meanwhile may miss.
            .map(|index| round.saturating_sub(self.frames[index].round.load(Ordering::Relaxed)));
        ages.max().unwrap_or(0).min(u64::from(self.limit) - 1)
    }

    /// The thread that began the open frame `index`. Only for the thread that ends it.
    pub(crate) fn begun_by(&self, index: usize) -> u64 {
        // Relaxed: the `Frame` value came from the thread that stored it, and this transfer orders the accesses.
        self.frames[index].thread.load(Ordering::Relaxed)
    }

    /// The number of the tag of the open frame `index`. Only for a thread that has read its arenas, or ends it.
    pub(crate) fn tag(&self, index: usize) -> usize {
        // Relaxed: the arena's words (Release in `bump`, Acquire in `Arena::read`) order it after the store in `begin`. A frame that
        // is just beginning has allocated nothing, so its tag does not matter yet.
        self.frames[index].tag.load(Ordering::Relaxed) as usize
    }

    /// Frames begun so far.
    pub(crate) fn begun_so_far(&self) -> u64 {
        // Relaxed: no other data depends on it.
        self.begun.load(Ordering::Relaxed)
    }

    /// The bits of the open frames.
    pub(crate) fn open(&self) -> u32 {
        // Relaxed: a thread that uses it to read arenas holds the aggregator's lock, under which bits are freed. It may
        // miss a bit that was just claimed.
        self.open.load(Ordering::Relaxed)
    }

    /// Records that an arena of the open frame `index` gets a block.
    pub(crate) fn note_blocks(&self, index: usize) {
        // Relaxed: the frame end and trimming both hold the aggregator's lock. It orders this store before a load for a frame that
        // has ended; for an open frame the value does not matter, because its bit cannot be claimed.
        self.blocks.fetch_or(1 << index, Ordering::Relaxed);
    }

    /// Records that no arena of the frame `index` has a block. The caller has claimed the frame's bit.
    pub(crate) fn note_no_blocks(&self, index: usize) {
        // Relaxed: ordered by the aggregator's lock, see `note_blocks`.
        self.blocks.fetch_and(!(1 << index), Ordering::Relaxed);
    }

    /// Whether an arena of the frame `index` may have a block.
    pub(crate) fn may_have_blocks(&self, index: usize) -> bool {
        // Relaxed: ordered by the aggregator's lock, see `note_blocks`.
        self.blocks.load(Ordering::Relaxed) & 1 << index != 0
    }

    /// The largest number of open frames that the pool allows.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// Counts a frame that could not begin, and returns the error.
    ///
    /// Only under the aggregator's lock: no frame ends while it is held, so the number of open frames is the limit.
    pub(crate) fn refusal(&self, round: u64) -> FrameError {
        // Relaxed: no other data depends on it.
        self.refused.fetch_add(1, Ordering::Relaxed);
        let oldest = self.open_frames(round).min_by_key(|frame| frame.id);
        FrameError::TooManyInFlight {
            open: self.limit,
            limit: self.limit,
            oldest: oldest.as_ref().map_or(FrameId(0), |frame| frame.id),
            oldest_site: oldest.as_ref().map(|frame| frame.location),
            oldest_age: oldest.map_or(Duration::ZERO, |frame| frame.age),
        }
    }
}

impl Begun {
    fn new() -> Self {
        Self {
            id: AtomicU64::new(0),
            site: AtomicPtr::new(ptr::null_mut()),
            at: AtomicU64::new(0),
            thread: AtomicU64::new(0),
            round: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            tag: AtomicU32::new(0),
        }
    }
}

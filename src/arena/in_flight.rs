//! Which frames are open: a bit each, claimed by `begin_frame` and given back by the frame end; and when, where and under
//! which number each began.
//!
//! # Reading what is open
//!
//! The thread that claims a bit writes where and when the frame began, and its number last. The frame end writes a zero over
//! the number, then gives the bit back. A reader loads the number, then the rest, then the number again. It believes what it
//! read if the number is the same and not zero: a later frame stores its words with Release after it saw the zero, so a
//! reader that loads one of them with Acquire finds the zero, or a later number, at its second look. No two frames have one number.

#![expect(
    unsafe_code,
    reason = "the line of code that began a frame is kept as a pointer"
)]

use std::panic::Location;
use std::ptr;
use std::time::{Duration, Instant};

use crate::clock;
use crate::error::FrameError;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, sized};
use crate::telemetry::id::FrameId;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::rounds::this_thread;

/// The most frames a pool can have open: each slot has so many arenas.
pub(crate) const MAX_IN_FLIGHT: usize = sized(16, 4, 2);

/// The open frames of a pool.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// A bit per open frame.
    open: AtomicU32,
    /// The frame that has each bit.
    frames: [Begun; MAX_IN_FLIGHT],
    begun: AtomicU64,
    /// Frames that could not begin, because as many as allowed were open.
    refused: AtomicU64,
    /// A bit per frame whose arenas may have blocks.
    blocks: AtomicU32,
    limit: u32,
    /// What begin times are counted from.
    origin: Instant,
}

/// When and where the frame began that has a bit. See the head of this file.
#[derive(Debug)]
struct Begun {
    /// The frame's number; 0: none.
    id: AtomicU64,
    site: AtomicPtr<Location<'static>>,
    /// Nanoseconds since `origin`.
    at: AtomicU64,
    /// The thread that began it (`telemetry/rounds.rs`). Only for who ends the frame.
    thread: AtomicU64,
    /// The pool's round then (`telemetry/rounds.rs`).
    round: AtomicU64,
    /// Frames that could not begin until then.
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
            origin: clock::now(),
        }
    }

    /// Claims the lowest free bit, if there is one.
    pub(crate) fn claim(&self) -> Option<usize> {
        // Relaxed: the exchange decides.
        let mut open = self.open.load(Ordering::Relaxed);
        loop {
            let index = open.trailing_ones();
            if index >= self.limit {
                return None;
            }
            // Acquire: pairs with the Release in `free`; the arenas of the frame that had the bit are reset.
            // Relaxed on failure: the next turn decides.
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

    /// Claims this very bit, if it is free.
    pub(crate) fn claim_index(&self, index: usize) -> bool {
        // Acquire: as in `claim`.
        self.open.fetch_or(1 << index, Ordering::Acquire) & 1 << index == 0
    }

    /// Sets how many frames have begun.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&self, begun: u64) {
        // Relaxed: a number of its own.
        self.begun.store(begun, Ordering::Relaxed);
    }

    /// Numbers the frame that claimed `index`, and notes where and when it began.
    pub(crate) fn begin(
        &self,
        index: usize,
        site: &'static Location<'static>,
        round: u64,
        tag: usize,
    ) -> FrameId {
        let frame = &self.frames[index];
        let at = clock::since(self.origin).as_nanos() as u64;
        // Relaxed: a number of its own.
        let id = self.begun.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // Relaxed: a count of its own.
        let refused = self.refused.load(Ordering::Relaxed);
        // Relaxed: passed on with the frame.
        frame.thread.store(this_thread(), Ordering::Relaxed);
        if frame.tag.load(Ordering::Relaxed) != tag as u32 {
            // Relaxed: as above; an arena that was lent from since brings it along.
            frame.tag.store(tag as u32, Ordering::Relaxed);
        }
        // Release, all: pair with the Acquire in `read`; a reader that sees one of them sees the zero that `free` wrote before.
        frame
            .site
            .store(ptr::from_ref(site).cast_mut(), Ordering::Release);
        frame.at.store(at, Ordering::Release);
        frame.round.store(round, Ordering::Release);
        frame.refused.store(refused, Ordering::Release);
        // Release: pairs with the Acquire in `read`; a reader that sees the number sees what belongs to it.
        frame.id.store(id, Ordering::Release);
        FrameId(id)
    }

    /// The number of the open frame `index`; zero if none is open there.
    pub(crate) fn id(&self, index: usize) -> FrameId {
        // Relaxed: for a message.
        FrameId(self.frames[index].id.load(Ordering::Relaxed))
    }

    /// The open frame `index`, and when it began. Only for the thread that ends it.
    pub(crate) fn begun(&self, index: usize) -> (FrameId, Instant) {
        let frame = &self.frames[index];
        // Relaxed, both: the thread that ends the frame has it from the thread that began it.
        let id = frame.id.load(Ordering::Relaxed);
        let at = Duration::from_nanos(frame.at.load(Ordering::Relaxed));
        (
            FrameId(id),
            self.origin.checked_add(at).unwrap_or(self.origin),
        )
    }

    /// Gives the bit back, once the frame's arenas are reset.
    pub(crate) fn free(&self, index: usize) {
        // Relaxed: the Release below passes it on to the next frame that has the bit, whose words pass it on to readers.
        self.frames[index].id.store(0, Ordering::Relaxed);
        // Release: pairs with the Acquire in `claim`.
        self.open.fetch_and(!(1 << index), Ordering::Release);
    }

    /// The open frame that has this bit, if one has. `round` and `now` are the pool's round and time of this reading.
    fn read(&self, index: usize, round: u64, now: Duration) -> Option<OpenFrame> {
        let frame = &self.frames[index];
        // Acquire: pairs with the Release in `begin`; what follows is of this frame or of a later one.
        let id = frame.id.load(Ordering::Acquire);
        // Acquire, all: pair with the Release in `begin`; they keep the second look at the number behind them.
        let site = frame.site.load(Ordering::Acquire);
        let at = Duration::from_nanos(frame.at.load(Ordering::Acquire));
        let begun_in = frame.round.load(Ordering::Acquire);
        let refused_before = frame.refused.load(Ordering::Acquire);
        // Relaxed: the loads before it are Acquire, so this one comes after them.
        if id == 0 || frame.id.load(Ordering::Relaxed) != id {
            return None;
        }
        // Relaxed: a count of its own.
        let refused = self.refused.load(Ordering::Relaxed);
        Some(OpenFrame {
            id: FrameId(id),
            // SAFETY: stored by `begin`, from a location that lives for ever.
            location: unsafe { site.as_ref() }?,
            age: now.saturating_sub(at),
            age_frames: round
                .saturating_sub(begun_in)
                .saturating_add(refused.saturating_sub(refused_before)),
        })
    }

    /// The open frames, in no order, all aged at one moment. `round` is the pool's round now.
    pub(crate) fn open_frames(&self, round: u64) -> impl Iterator<Item = OpenFrame> {
        let now = clock::since(self.origin);
        (0..self.limit as usize).filter_map(move |index| self.read(index, round, now))
    }

    /// The thread that began the open frame `index`. Only for the thread that ends it.
    pub(crate) fn begun_by(&self, index: usize) -> u64 {
        // Relaxed: the thread that ends the frame has it from the thread that began it.
        self.frames[index].thread.load(Ordering::Relaxed)
    }

    /// The number of the tag of the open frame `index`. For who has read its arenas, or ends it.
    pub(crate) fn tag(&self, index: usize) -> usize {
        // Relaxed: see `begin`. A frame that begins just now has lent nothing.
        self.frames[index].tag.load(Ordering::Relaxed) as usize
    }

    /// The bits of the open frames.
    pub(crate) fn open(&self) -> u32 {
        // Relaxed: who reads arenas by it has the aggregator's lock, under which bits are given back; a bit just claimed may be missed.
        self.open.load(Ordering::Relaxed)
    }

    /// Notes that an arena of the open frame `index` gets a block.
    pub(crate) fn note_blocks(&self, index: usize) {
        // Relaxed: the frame's bit orders it before any look by trimming.
        self.blocks.fetch_or(1 << index, Ordering::Relaxed);
    }

    /// Notes that no arena of the frame `index`, whose bit the caller has, has a block.
    pub(crate) fn note_no_blocks(&self, index: usize) {
        // Relaxed: as in `note_blocks`.
        self.blocks.fetch_and(!(1 << index), Ordering::Relaxed);
    }

    /// Whether an arena of the frame `index` may have a block.
    pub(crate) fn may_have_blocks(&self, index: usize) -> bool {
        // Relaxed: as in `note_blocks`.
        self.blocks.load(Ordering::Relaxed) & 1 << index != 0
    }

    /// How many frames may be open.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// Why no bit could be claimed, and counts it. Only under the aggregator's lock, under which no frame ends: then all that may be
    /// open are open.
    pub(crate) fn refusal(&self, round: u64) -> FrameError {
        // Relaxed: a count of its own.
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

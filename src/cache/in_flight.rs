//! Which frames are open: a bit each, claimed by `begin_frame` and given back by the frame end.

use crate::alloc::FrameError;
use crate::fold::FrameId;
use crate::sync::{AtomicU32, AtomicU64, Ordering, sized};

/// The most frames a pool can have open: each slot has so many arenas.
pub(crate) const MOST_IN_FLIGHT: usize = sized(16, 4, 2);

/// The open frames of a pool.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// A bit per open frame.
    open: AtomicU32,
    /// The frame that has each bit.
    frames: [AtomicU64; MOST_IN_FLIGHT],
    begun: AtomicU64,
    /// A bit per frame whose arenas may have blocks.
    blocks: AtomicU32,
    limit: u32,
}

impl InFlight {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            open: AtomicU32::new(0),
            frames: std::array::from_fn(|_| AtomicU64::new(0)),
            begun: AtomicU64::new(0),
            blocks: AtomicU32::new(0),
            limit,
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

    /// Numbers the frame that claimed `index`.
    pub(crate) fn begin(&self, index: usize) -> FrameId {
        // Relaxed: a number of its own.
        let id = self.begun.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // Relaxed: read for messages only.
        self.frames[index].store(id, Ordering::Relaxed);
        FrameId(id)
    }

    /// Gives the bit back, once the frame's arenas are reset.
    pub(crate) fn free(&self, index: usize) {
        // Relaxed: read for messages only.
        self.frames[index].store(0, Ordering::Relaxed);
        // Release: pairs with the Acquire in `claim`.
        self.open.fetch_and(!(1 << index), Ordering::Release);
    }

    /// The bits of the open frames.
    pub(crate) fn open(&self) -> u32 {
        // Relaxed: who reads arenas by it has the fold's lock, under which bits are given back; a bit just claimed may be missed.
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

    /// Why no bit could be claimed.
    pub(crate) fn refusal(&self) -> FrameError {
        let oldest = self
            .frames
            .iter()
            // Relaxed: for a message.
            .map(|frame| frame.load(Ordering::Relaxed))
            .filter(|&id| id != 0)
            .min();
        FrameError::TooManyInFlight {
            open: self.open().count_ones(),
            limit: self.limit,
            oldest: FrameId(oldest.unwrap_or(0)),
        }
    }
}

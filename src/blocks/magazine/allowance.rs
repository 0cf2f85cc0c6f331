//! What a bin may keep: its limit, what it has earned, and a full batch beside it.
//!
//! The fast paths need none of this, so it lies apart from the bins. Then a bin is half a cache line, and most threads use few of them.
#![expect(unsafe_code, reason = "a spare batch is counted through its head")]

use std::cell::Cell;
use std::ptr;

use crate::blocks::block::Block;

/// Bytes that a visit of the slow path earns, and again for each block of the limit.
const EARNED: u32 = 64;

/// What the bin of one class may keep. Only for the owner of the magazine, or the closer that pays for it.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// A full batch, or null.
    pub(super) spare: Cell<*const Block>,
    /// The most blocks that hot place and active list may hold together. Their credit is spent.
    pub(super) limit: Cell<u32>,
    /// The most bytes of the limit by the bin's use so far; see `credit.rs`.
    earned: Cell<u32>,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self {
            spare: Cell::new(ptr::null()),
            limit: Cell::new(0),
            earned: Cell::new(0),
        }
    }

    /// Earns what a visit of the slow path is worth. The blocks of the limit count, because they passed since the last visit.
    pub(super) fn earn_by_visit(&self) {
        self.earn(EARNED * (1 + self.limit.get().max(1)));
    }

    /// Allows the bin this many more bytes.
    pub(super) fn earn(&self, bytes: u32) {
        self.earned.set(self.earned.get().saturating_add(bytes));
    }

    /// The blocks by which the limit may grow, if each has this many bytes. Blocks without bytes need not be earned.
    pub(super) fn places_to_grant(&self, block_bytes: usize) -> u32 {
        let earned = (self.earned.get() as usize).checked_div(block_bytes);
        let places = earned.map_or(u32::MAX, |places| places as u32);
        places.saturating_sub(self.limit.get())
    }

    /// The number of blocks in the bin at this value of [`Bin::given`](crate::blocks::bin::Bin::given).
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    pub(crate) unsafe fn kept(&self, given: i64) -> i64 {
        let limit = self.limit.get();
        if limit == 0 {
            return 0;
        }
        // SAFETY: as for the caller; `spare` heads a batch of records of the table.
        let spare = unsafe { self.spare.get().as_ref() }.map_or(0, Block::batch_len);
        i64::from(limit) - 1 + given + i64::from(spare)
    }
}

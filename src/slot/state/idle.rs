//! A slot's idle blocks between allocs and releases: prefilled, counted, sent to the depot, and settled when owner or pool end.
#![expect(unsafe_code, reason = "the lanes are only for the slot's owner")]

use std::ptr;

use super::Slot;
use crate::blocks::block::Block;
use crate::blocks::exchange::Exchange;
use crate::sync::Ordering;

impl Slot {
    /// Puts a new, never allocated block into the magazine without a tag, or the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, holds the block, and gives it up; `exchange` is of the slot's pool.
    pub(crate) unsafe fn prefill(&self, exchange: &Exchange<'_>, class: usize, block: &Block) {
        let (magazine, notes) = (self.lane.magazine(), self.lane.notes(self));
        // SAFETY: as for the caller.
        unsafe { magazine.prefill(class, block, exchange, notes) };
    }

    /// Idle blocks of a class in all lanes.
    ///
    /// # Safety
    ///
    /// The caller owns the slot.
    pub(crate) unsafe fn idle_blocks(&self, class: usize) -> u64 {
        self.lanes().map(|lane| lane.magazine().idle(class)).sum()
    }

    /// Sends all idle blocks of the owner to the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, and `exchange` is of its pool.
    pub(crate) unsafe fn flush(&self, exchange: &Exchange<'_>) {
        for lane in self.lanes() {
            lane.magazine().flush_all(exchange, lane.notes(self));
        }
    }

    /// Takes the owner's unpaid balance: allocs minus releases since its claim or its last payment. The magazines are
    /// empty.
    ///
    /// # Safety
    ///
    /// The caller owns the slot.
    pub(crate) unsafe fn take_balance(&self) -> i64 {
        self.lanes()
            .map(|lane| lane.magazine().take_balance())
            .sum()
    }

    /// Makes the owner's fast paths find the pool closed. For the closer.
    pub(crate) fn close_lanes(&self) {
        for lane in self.lanes() {
            // Relaxed: the owner may see it late; the head of `closing.rs` covers a release that misses it.
            lane.key.store(ptr::null_mut(), Ordering::Relaxed);
        }
    }

    /// The owner's unpaid balance, for the closer: see [`Magazine::balance_for_owner`](crate::blocks::magazine::Magazine::balance_for_owner).
    pub(crate) fn balance_for_owner(&self) -> i64 {
        let lanes = self.lanes();
        lanes.map(|lane| lane.magazine().balance_for_owner()).sum()
    }

    /// The owner's later fast releases: see [`Magazine::given_since`](crate::blocks::magazine::Magazine::given_since).
    pub(crate) fn given_since(&self) -> i64 {
        self.lanes().map(|lane| lane.magazine().given_since()).sum()
    }

    /// The number of fast releases that the closer did not see, for the owner: see [`Magazine::take_over`](crate::blocks::magazine::Magazine::take_over).
    pub(crate) fn take_over(&self) -> i64 {
        self.lanes().map(|lane| lane.magazine().take_over()).sum()
    }
}

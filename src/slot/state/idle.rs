//! A slot's idle blocks between allocs and releases: prefilled, counted, sent to the depot, and settled when owner or pool end.
#![expect(unsafe_code, reason = "the magazine is only for the slot's owner")]

use super::Slot;
use crate::blocks::bin::Bin;
use crate::blocks::block::Block;
use crate::blocks::exchange::Exchange;

impl Slot {
    /// Puts a new, never allocated block into the magazine or the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, holds the block, and gives it up; `exchange` is of the slot's pool.
    pub(crate) unsafe fn prefill(&self, exchange: &Exchange<'_>, class: usize, block: &Block) {
        // SAFETY: as for the caller.
        unsafe { self.magazine.prefill(class, block, exchange, self.notes()) };
    }

    /// Idle blocks of a class in the magazine.
    ///
    /// # Safety
    ///
    /// The caller owns the slot.
    pub(crate) unsafe fn idle_blocks(&self, class: usize) -> u64 {
        self.magazine.idle(class)
    }

    /// Sends all idle blocks of the owner to the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, and `exchange` is of its pool.
    pub(crate) unsafe fn flush(&self, exchange: &Exchange<'_>) {
        self.magazine.flush_all(exchange, self.notes());
    }

    /// Every bin that was ever granted anything, with its class. For the aggregator.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (usize, &Bin)> {
        self.magazine.bins()
    }

    /// Takes the owner's unpaid balance: allocs minus releases since its claim or its last payment. The magazine is
    /// empty.
    ///
    /// # Safety
    ///
    /// The caller owns the slot.
    pub(crate) unsafe fn take_balance(&self) -> i64 {
        self.magazine.take_balance()
    }

    /// The owner's unpaid balance, for the closer: see [`Magazine::balance_for_owner`](crate::blocks::magazine::Magazine::balance_for_owner).
    pub(crate) fn balance_for_owner(&self) -> i64 {
        self.magazine.balance_for_owner()
    }

    /// The owner's later fast releases: see [`Magazine::given_since`](crate::blocks::magazine::Magazine::given_since).
    pub(crate) fn given_since(&self) -> i64 {
        self.magazine.given_since()
    }

    /// The number of fast releases that the closer did not see, for the owner: see [`Magazine::take_over`](crate::blocks::magazine::Magazine::take_over).
    pub(crate) fn take_over(&self) -> i64 {
        self.magazine.take_over()
    }
}

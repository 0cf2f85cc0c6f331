//! The idle blocks of one size class in a thread's magazine, and the words from which the aggregator computes their releases.
//!
//! # The balance
//!
//! The aggregator computes a bin's releases from the hot place and the bin's balance (`counters.rs`). The balance is one word with two
//! parts, a sum and the room of the active list. Its value is sum − room.
//!
//! - A push to the active list lowers the room by one, so the value grows by one. A pop does the opposite.
//! - Every other step stores sum and room together, so that no aggregation sees half of it. Such steps are: a batch arrives, leaves,
//!   becomes spare or becomes active; the limit grows. They do not touch the hot place.
//! - A flush empties the hot place. Before that it sets the `LEAVING` bit: the block there counts until the sum includes it.
//!
//! The sum has 56 bits. That is enough for a century of ten million releases a second into one bin without any alloc from it.
#![expect(
    unsafe_code,
    reason = "lists are linked through the blocks they consist of"
)]

use std::cell::Cell;
use std::ptr;

use crate::blocks::block::Block;
use crate::blocks::class::MAX_PER_BATCH;
use crate::codegen::cold_path;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, Owned};
use crate::telemetry::counters::Counter;

/// How often the aggregator tries to read balance and hot place without a change in between.
///
/// After the last try it accepts the values: the result may then be one release too low.
const TRIES: u32 = 2;

/// The idle blocks of one class, and the number of allocs from them, in half a cache line. What only slow paths need is in the bin's
/// allowance (`magazine/allowance.rs`).
///
/// An alloc and a release write its line and one line of the slot that all classes share. Only the owner writes the bin; the
/// aggregator loads its atomics.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct Bin {
    /// One block, null, or [`NO_PLACE`].
    hot: AtomicPtr<Block>,
    pub(crate) active: Cell<*const Block>,
    /// The room of `active`, and the sum for the aggregator; see [`Balance`].
    balance: AtomicU64,
    /// Allocs that took a block from this bin.
    pub(crate) hits: Counter,
}

/// Marks a bin without a hot place.
///
/// It is not null, so a push does not use the place. It is not greater than itself, so a pop does not use it either.
const NO_PLACE: *mut Block = ptr::without_provenance_mut(1);

/// A bin's balance. See the head of this file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Balance(u64);

impl Balance {
    const SUM_SHIFT: u32 = 8;
    const ROOM: u64 = (1 << 7) - 1;
    /// Set while a flush empties the hot place: the hot block counts even if it has already left.
    const LEAVING: u64 = 1 << 7;

    /// Makes a balance with this value and this room.
    fn new(value: i64, room: u32) -> Self {
        let sum = value.wrapping_add(i64::from(room)) as u64;
        Self(sum << Self::SUM_SHIFT | u64::from(room))
    }

    #[inline(always)]
    pub(crate) fn room(self) -> u32 {
        (self.0 & Self::ROOM) as u32
    }

    fn value(self) -> i64 {
        (self.0 as i64 >> Self::SUM_SHIFT) - i64::from(self.room())
    }
}

const _: () = assert!(MAX_PER_BATCH as u64 <= Balance::ROOM);

impl Bin {
    pub(crate) fn new() -> Self {
        Self {
            hot: AtomicPtr::new(NO_PLACE),
            active: Cell::new(ptr::null()),
            balance: AtomicU64::new(0),
            hits: Counter::new(),
        }
    }

    /// The block in the hot place. Only for the owner.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    #[inline(always)]
    pub(crate) unsafe fn hot<'t>(&self) -> Option<&'t Block> {
        let hot = self.hot.load_own();
        if hot.addr() <= NO_PLACE.addr() {
            return None;
        }
        // SAFETY: the hot place holds only records of the table.
        Some(unsafe { &*hot })
    }

    #[inline(always)]
    pub(crate) fn set_hot(&self, block: *const Block) {
        // Release: pairs with the Acquire in `released`; the aggregator sees everything before the push, including
        // the block's alloc.
        self.hot.store(block.cast_mut(), Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn balance(&self) -> Balance {
        Balance(self.balance.load_own())
    }

    #[inline(always)]
    fn set_balance(&self, balance: Balance) {
        // Release: pairs with the Acquire in `released`; the aggregator sees everything before, including the block's
        // alloc.
        self.balance.store(balance.0, Ordering::Release);
    }

    /// Pops the block that was pushed last; `None` if hot place and active list are empty.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    #[inline(always)]
    pub(crate) unsafe fn pop<'t>(&self) -> Option<&'t Block> {
        // SAFETY: as for the caller.
        if let Some(block) = unsafe { self.hot() } {
            self.set_hot(ptr::null());
            return Some(block);
        }
        // SAFETY: lists consist of records of the pool's table, which are alive.
        let Some(block) = (unsafe { self.active.get().as_ref() }) else {
            cold_path();
            return None;
        };
        let next = block.next();
        self.active.set(next);
        // SAFETY: as above.
        if let Some(next) = unsafe { next.as_ref() } {
            next.prefetch_ahead();
        }
        self.set_balance(Balance(self.balance().0 + 1));
        Some(block)
    }

    /// Pushes a block of the bin's class, which the caller holds; `false` if there is no room, and then nothing
    /// changed.
    #[inline(always)]
    pub(crate) fn try_push(&self, block: &Block) -> bool {
        if self.hot.load_own().is_null() {
            self.set_hot(block);
            return true;
        }
        let balance = self.balance();
        if balance.room() == 0 {
            cold_path();
            return false;
        }
        self.push(block);
        self.set_balance(Balance(balance.0 - 1));
        true
    }

    /// Pushes a block on the active list. The caller updates the balance.
    #[inline(always)]
    pub(crate) fn push(&self, block: &Block) {
        block.set_next(self.active.get().cast_mut());
        self.active.set(block);
    }

    /// Sets the room after an exchange. `given` is the number of releases in it, minus the allocs.
    pub(crate) fn set_room(&self, room: u32, given: i64) {
        self.set_balance(Balance::new(self.balance().value() + given, room));
    }

    /// Closes the bin after its active list was taken out: no hot place, no room.
    ///
    /// Returns the hot block, if there was one, and counts it in the balance.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    pub(crate) unsafe fn close<'t>(&self) -> Option<&'t Block> {
        let balance = self.balance();
        // SAFETY: as for the caller.
        let block = unsafe { self.hot() };
        if block.is_some() {
            self.set_balance(Balance(balance.0 | Balance::LEAVING));
        }
        self.set_hot(NO_PLACE);
        let value = balance.value() + i64::from(block.is_some());
        self.set_balance(Balance::new(value, 0));
        block
    }

    /// Fast releases into this bin minus fast allocs from it, since its limit last changed, plus a constant. For the
    /// closer of the pool, and then for the owner. Both find at least the releases that are ordered before them.
    pub(crate) fn given(&self) -> i64 {
        // Acquire, both: pair with the Releases in `set_balance` and `set_hot`.
        let room = Balance(self.balance.load(Ordering::Acquire)).room();
        let hot = self.hot.load(Ordering::Acquire);
        i64::from(hot.addr() > NO_PLACE.addr()) - i64::from(room)
    }

    /// The number of blocks released into this bin. For the aggregator; see `counters.rs`.
    pub(crate) fn released(&self) -> u64 {
        // Load the hits before the balance and the hot place: see `counters.rs`.
        let hits = self.hits.get();
        let mut tries = 0;
        loop {
            // Acquire, both: pair with the Releases in `set_balance` and `set_hot`.
            let balance = self.balance.load(Ordering::Acquire);
            let hot = self.hot.load(Ordering::Acquire);
            tries += 1;
            // Relaxed: comes after the loads before it, which are Acquire.
            if tries < TRIES && self.balance.load(Ordering::Relaxed) != balance {
                // The balance changed, so the block may have left the hot place in between. Retry.
                continue;
            }
            let is_hot = balance & Balance::LEAVING != 0 || hot.addr() > NO_PLACE.addr();
            let rest = Balance(balance).value().wrapping_add(i64::from(is_hot));
            return hits.wrapping_add_signed(rest);
        }
    }
}

//! The idle blocks of one size class in a thread's magazine, and what the aggregator computes their releases from.
//!
//! # The balance
//!
//! The aggregator computes a bin's releases from the hot place and the bin's balance (`counters.rs`). The balance is one word: the room, and
//! a sum that makes what it says, sum − room, right. A give to the list and a take from it change the room alone. All
//! other steps (a batch comes, goes, becomes spare or active; more is granted) write sum and room at once, so that no aggregation sees
//! half of an exchange. They leave the hot place alone; only a flush empties it, and says in the balance beforehand that the
//! block there is counted, until the sum has it.
//!
//! The sum has 56 bits: enough for ten million blocks a second, all given back to one thread that never takes one, for a century.
#![expect(
    unsafe_code,
    reason = "lists are linked through the blocks they consist of"
)]

use std::cell::Cell;
use std::ptr;

use crate::blocks::block::Block;
use crate::blocks::class::MAX_PER_BATCH;
use crate::codegen::{cold_path, prefetch};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, Owned};
use crate::telemetry::counters::Counter;

/// How often the aggregator tries to read balance and hot place between two exchanges. Together they are too little by one at most
/// otherwise.
const TRIES: u32 = 2;

/// The idle blocks of one class, and what the thread took: one cache line. Besides it an alloc and a release write one of the slot, which
/// all classes have in common. Only the owner writes it; the aggregator reads the atomics.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Bin {
    /// One block, null, or [`NO_PLACE`].
    hot: AtomicPtr<Block>,
    pub(crate) active: Cell<*const Block>,
    pub(crate) spare: Cell<*const Block>,
    /// How many more blocks `active` takes, and what the aggregator must know besides.
    balance: AtomicU64,
    /// How many blocks `hot` and `active` may have; paid for.
    pub(crate) limit: Cell<u32>,
    /// Blocks that were taken from here and lent.
    pub(crate) hits: Counter,
}

/// Says that a bin has no hot place. Not null, so that nothing is put there, and not above itself, so that nothing is
/// taken.
const NO_PLACE: *mut Block = ptr::without_provenance_mut(1);

/// A bin's balance, see the head of this file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Balance(u64);

impl Balance {
    const SUM_SHIFT: u32 = 8;
    const ROOM: u64 = (1 << 7) - 1;
    /// Says that the hot block is counted, whether it is still there or not.
    const LEAVING: u64 = 1 << 7;

    /// Of a bin with so much room, that says so much.
    fn new(says: i64, room: u32) -> Self {
        let sum = says.wrapping_add(i64::from(room)) as u64;
        Self(sum << Self::SUM_SHIFT | u64::from(room))
    }

    #[inline(always)]
    pub(crate) fn room(self) -> u32 {
        (self.0 & Self::ROOM) as u32
    }

    fn says(self) -> i64 {
        (self.0 as i64 >> Self::SUM_SHIFT) - i64::from(self.room())
    }
}

const _: () = assert!(MAX_PER_BATCH as u64 <= Balance::ROOM);

impl Bin {
    pub(crate) fn new() -> Self {
        Self {
            hot: AtomicPtr::new(NO_PLACE),
            active: Cell::new(ptr::null()),
            spare: Cell::new(ptr::null()),
            balance: AtomicU64::new(0),
            limit: Cell::new(0),
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
        // SAFETY: what is hot is a record of the table.
        Some(unsafe { &*hot })
    }

    #[inline(always)]
    pub(crate) fn set_hot(&self, block: *const Block) {
        // Release: pairs with the Acquire in `released`; the aggregator sees what came before the give, its alloc too.
        self.hot.store(block.cast_mut(), Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn balance(&self) -> Balance {
        Balance(self.balance.load_own())
    }

    #[inline(always)]
    fn set_balance(&self, balance: Balance) {
        // Release: pairs with the Acquire in `released`, as for the hot place.
        self.balance.store(balance.0, Ordering::Release);
    }

    /// Takes the block given last; `None` when hot place and active list are empty.
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
        prefetch(next);
        self.set_balance(Balance(self.balance().0 + 1));
        Some(block)
    }

    /// Gives a block of the bin's class, which the caller holds; `false` when there is no room, and then nothing has
    /// happened.
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

    /// Pushes a block on the active list. The balance is the caller's.
    #[inline(always)]
    pub(crate) fn push(&self, block: &Block) {
        block.set_next(self.active.get().cast_mut());
        self.active.set(block);
    }

    /// Sets the room after an exchange, in which so many more blocks were given than taken.
    pub(crate) fn set_room(&self, room: u32, given: i64) {
        self.set_balance(Balance::new(self.balance().says() + given, room));
    }

    /// Leaves the bin without a hot place and without room, when the active list was taken out: gives the hot
    /// block, and counts it in the balance.
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
        let says = balance.says() + i64::from(block.is_some());
        self.set_balance(Balance::new(says, 0));
        block
    }

    /// Quick releases into this bin since its limit last changed, less quick takes, plus a constant. For the closer of the pool, and
    /// then for the owner: both find at least the releases that are ordered before them.
    pub(crate) fn given(&self) -> i64 {
        // Acquire, both: pair with the Releases in `set_balance` and `set_hot`.
        let room = Balance(self.balance.load(Ordering::Acquire)).room();
        let hot = self.hot.load(Ordering::Acquire);
        i64::from(hot.addr() > NO_PLACE.addr()) - i64::from(room)
    }

    /// How many blocks lie here, when `given` is so much. Only for the owner, or the closer that pays for it.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    pub(crate) unsafe fn kept(&self, given: i64) -> i64 {
        let limit = self.limit.get();
        if limit == 0 {
            return 0;
        }
        // SAFETY: as for the caller; what is spare heads a batch that lies here.
        let spare = unsafe { self.spare.get().as_ref() }.map_or(0, |spare| {
            // SAFETY: the batch is the bin's, and the caller uses the bin.
            unsafe { spare.batch_len() }
        });
        i64::from(limit) - 1 + given + i64::from(spare)
    }

    /// How many blocks were released into this bin, for the aggregator; see `counters.rs`.
    pub(crate) fn released(&self) -> u64 {
        // Before the balance and the hot place.
        let hits = self.hits.get();
        let mut tries = 0;
        loop {
            // Acquire, both: pair with the Releases in `set_balance` and `set_hot`.
            let balance = self.balance.load(Ordering::Acquire);
            let hot = self.hot.load(Ordering::Acquire);
            tries += 1;
            // Relaxed: comes after the loads before it, which are Acquire.
            if tries < TRIES && self.balance.load(Ordering::Relaxed) != balance {
                // The block may have left the hot place meanwhile.
                continue;
            }
            let is_hot = balance & Balance::LEAVING != 0 || hot.addr() > NO_PLACE.addr();
            let rest = Balance(balance).says().wrapping_add(i64::from(is_hot));
            return hits.wrapping_add_signed(rest);
        }
    }
}

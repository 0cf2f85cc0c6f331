//! The idle blocks of one size class in a thread's magazine, and what the aggregator reckons their releases from.
//!
//! # The account
//!
//! The aggregator reckons a bin's releases from the place in front and the bin's account (`counters.rs`). The account is one word: the room, and
//! a sum that makes what it says, sum − room, right. A give to the list and a take from it change the room alone. All
//! other steps (a batch comes, goes, becomes spare or active; more is granted) write sum and room at once, so that no aggregation sees
//! half of an exchange. They leave the place in front alone; only a flush empties it, and says in the account beforehand that the
//! block there is counted, until the sum has it.
//!
//! The sum has 56 bits: enough for ten million blocks a second, all given back to one thread that never takes one, for a century.
#![expect(
    unsafe_code,
    reason = "lists are linked through the blocks they consist of"
)]

use std::cell::Cell;
use std::hint::cold_path;
use std::ptr;

use crate::blocks::block::Block;
use crate::blocks::class::MOST_PER_BATCH;
use crate::codegen::prefetch;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, Owned};
use crate::telemetry::counters::Counter;

/// How often the aggregator tries to read account and front between two exchanges. Together they are too little by one at most
/// otherwise.
const TRIES: u32 = 2;

/// The idle blocks of one class, and what the thread took: one cache line. Besides it an alloc and a release write one of the slot, which
/// all classes have in common. Only the owner writes it; the aggregator reads the atomics.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Bin {
    /// One block, null, or [`NO_PLACE`].
    front: AtomicPtr<Block>,
    pub(crate) active: Cell<*const Block>,
    pub(crate) spare: Cell<*const Block>,
    /// How many more blocks `active` takes, and what the aggregator must know besides.
    account: AtomicU64,
    /// How many blocks `front` and `active` may have; paid for.
    pub(crate) limit: Cell<u32>,
    /// Blocks that were taken from here and lent.
    pub(crate) hits: Counter,
}

/// Says that a bin has no place in front. Not null, so that nothing is put there, and not above itself, so that nothing is
/// taken.
const NO_PLACE: *mut Block = ptr::without_provenance_mut(1);

/// A bin's account, see the head of this file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account(u64);

impl Account {
    const SUM_SHIFT: u32 = 8;
    const ROOM: u64 = (1 << 7) - 1;
    /// Says that the block in front is counted, whether it is still there or not.
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

const _: () = assert!(MOST_PER_BATCH as u64 <= Account::ROOM);

impl Bin {
    pub(crate) fn new() -> Self {
        Self {
            front: AtomicPtr::new(NO_PLACE),
            active: Cell::new(ptr::null()),
            spare: Cell::new(ptr::null()),
            account: AtomicU64::new(0),
            limit: Cell::new(0),
            hits: Counter::new(),
        }
    }

    /// The block in the place in front. Only for the owner.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    #[inline(always)]
    pub(crate) unsafe fn front<'t>(&self) -> Option<&'t Block> {
        let front = self.front.load_own();
        if front.addr() <= NO_PLACE.addr() {
            return None;
        }
        // SAFETY: what is in front is a record of the table.
        Some(unsafe { &*front })
    }

    #[inline(always)]
    pub(crate) fn set_front(&self, block: *const Block) {
        // Release: pairs with the Acquire in `released`; the aggregator sees what came before the give, its alloc too.
        self.front.store(block.cast_mut(), Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn account(&self) -> Account {
        Account(self.account.load_own())
    }

    #[inline(always)]
    fn set_account(&self, account: Account) {
        // Release: pairs with the Acquire in `released`, as for the place in front.
        self.account.store(account.0, Ordering::Release);
    }

    /// Takes the block given last; `None` when front and active list are empty.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    #[inline(always)]
    pub(crate) unsafe fn take<'t>(&self) -> Option<&'t Block> {
        // SAFETY: as for the caller.
        if let Some(block) = unsafe { self.front() } {
            self.set_front(ptr::null());
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
        self.set_account(Account(self.account().0 + 1));
        Some(block)
    }

    /// Gives a block of the bin's class, which the caller holds; `false` when there is no room, and then nothing has
    /// happened.
    #[inline(always)]
    pub(crate) fn give(&self, block: &Block) -> bool {
        if self.front.load_own().is_null() {
            self.set_front(block);
            return true;
        }
        let account = self.account();
        if account.room() == 0 {
            cold_path();
            return false;
        }
        self.lay(block);
        self.set_account(Account(account.0 - 1));
        true
    }

    /// Lays a block on the active list. The account is the caller's.
    #[inline(always)]
    pub(crate) fn lay(&self, block: &Block) {
        block.set_next(self.active.get().cast_mut());
        self.active.set(block);
    }

    /// Sets the room after an exchange, in which so many more blocks were given than taken.
    pub(crate) fn set_room(&self, room: u32, given: i64) {
        self.set_account(Account::new(self.account().says() + given, room));
    }

    /// Leaves the bin without a place in front and without room, when the active list was taken out: gives the block that was in
    /// front, and counts it in the account.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    pub(crate) unsafe fn close<'t>(&self) -> Option<&'t Block> {
        let account = self.account();
        // SAFETY: as for the caller.
        let block = unsafe { self.front() };
        if block.is_some() {
            self.set_account(Account(account.0 | Account::LEAVING));
        }
        self.set_front(NO_PLACE);
        let says = account.says() + i64::from(block.is_some());
        self.set_account(Account::new(says, 0));
        block
    }

    /// Quick releases into this bin since its limit last changed, less quick takes, plus a constant. For whoever closes the pool, and
    /// then for the owner: both find at least the releases that are ordered before them.
    pub(crate) fn given(&self) -> i64 {
        // Acquire, both: pair with the Releases in `set_account` and `set_front`.
        let room = Account(self.account.load(Ordering::Acquire)).room();
        let front = self.front.load(Ordering::Acquire);
        i64::from(front.addr() > NO_PLACE.addr()) - i64::from(room)
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
        // Before the account and the place in front.
        let hits = self.hits.get();
        let mut tries = 0;
        loop {
            // Acquire, both: pair with the Releases in `set_account` and `set_front`.
            let account = self.account.load(Ordering::Acquire);
            let front = self.front.load(Ordering::Acquire);
            tries += 1;
            // Relaxed: comes after the loads before it, which are Acquire.
            if tries < TRIES && self.account.load(Ordering::Relaxed) != account {
                // The block may have left the front meanwhile.
                continue;
            }
            let is_in_front = account & Account::LEAVING != 0 || front.addr() > NO_PLACE.addr();
            let rest = Account(account).says().wrapping_add(i64::from(is_in_front));
            return hits.wrapping_add_signed(rest);
        }
    }
}

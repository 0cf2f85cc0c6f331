//! The table of block records: which are in use, and how they are claimed and released. `buckets.rs` has their memory.
//!
//! # States
//!
//! A page has 64 records, and a word with a bit for each record in use. A record is written when it is first claimed, and the word
//! with the first record of its page, so new memory needs no initialisation. When the last record of a page is released, the page
//! goes back to the system. What comes back in its place is zeroes, which are vacant records and a zero word.
//!
//! # Steps
//!
//! Both steps happen under the lock `supply`. Only an alloc that takes new memory claims a record, and only the return of
//! memory to the system releases one.
//!
//! - Claim: take the lowest vacant record, so that high pages empty out. So the records that were ever claimed are the first ones, and
//!   a number says which they are. Write the record if it is the next one. Set its bit.
//! - Release: clear the bit. If the word is zero, give the page back.
//!
//! # Why readers need no lock
//!
//! A bucket is never unmapped while the pool lives. So every number that was ever given to a record leads to readable memory: a
//! record, or zeroes if its page went back. Two readers may follow such a number. A pop from a stack with an outdated top reads
//! `below`, and its exchange then fails (`stack.rs`). The walker finds an idle state (`block.rs`). If the walker sets its bit
//! just after the page went back, the page becomes resident again, idle, until its next release.
#![expect(unsafe_code, reason = "records are written, and their pages go back")]

use std::ptr;

use crate::blocks::block::Block;
use crate::blocks::buckets::{
    Buckets, MAX_PAGES, PAGE_BYTES, PER_PAGE, Regions, discard, write_vacant,
};
use crate::sync::{AtomicU32, AtomicU64, ForkLock, Ordering, Rank};

/// The word of a page with all records in use.
const FULL: u64 = u64::MAX >> (64 - PER_PAGE);

/// All block records of a pool.
#[derive(Debug)]
pub(crate) struct Table {
    buckets: Buckets,
    /// Pages up to the last with a record in use.
    pages: AtomicU32,
    /// Records in use.
    in_use: AtomicU32,
    /// Bytes that are resident or from the global allocator.
    bytes: AtomicU64,
    supply: ForkLock<Supply>,
}

/// The state that claims and releases change together.
#[derive(Debug)]
struct Supply {
    /// No page before this one has a vacant record.
    lowest: u32,
    /// How many records were ever claimed. They are the first ones. They are written, and the words of their pages.
    written: u32,
    regions: Regions,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            buckets: Buckets::new(),
            pages: AtomicU32::new(0),
            in_use: AtomicU32::new(0),
            bytes: AtomicU64::new(0),
            supply: ForkLock::new(
                Rank::Notes,
                Supply {
                    lowest: 0,
                    written: 0,
                    regions: Regions::new(),
                },
            ),
        }
    }

    /// The record with this number, which [`claim`](Self::claim) returned before.
    pub(crate) fn get(&self, number: u32) -> &Block {
        self.buckets
            .record((number - 1) / PER_PAGE, (number - 1) % PER_PAGE)
    }

    /// Claims the lowest vacant record for the caller; `None` when no memory or no number is left.
    pub(crate) fn claim(&self) -> Option<&Block> {
        let mut supply = self.supply.lock();
        let (page, taken) = loop {
            let page = supply.lowest;
            if page == MAX_PAGES {
                return None;
            }
            let new_bytes = self.buckets.make(&mut supply.regions, page)?;
            if new_bytes > 0 {
                self.add_bytes(new_bytes);
            }
            if supply.written == page * PER_PAGE {
                // SAFETY: no record of the page was ever claimed, so nobody reads its word.
                unsafe { self.buckets.word(page).write(AtomicU64::new(0)) };
            }
            // Relaxed: written under the lock, which we have.
            let taken = self.buckets.word_of(page).load(Ordering::Relaxed);
            if taken != FULL {
                break (page, taken);
            }
            supply.lowest = page + 1;
        };
        if taken == 0 && supply.regions.returns(page) {
            self.add_bytes(PAGE_BYTES);
        }
        let place = (!taken).trailing_zeros();
        let index = page * PER_PAGE + place;
        if supply.written == index {
            // SAFETY: the record was never claimed, so nobody reads it.
            unsafe { write_vacant(self.buckets.place(page, place)) };
            supply.written = index + 1;
        }
        let block = self.buckets.record(page, place);
        block.set_number(index + 1);
        // Release: pairs with the Acquire in `records_of`; the record is written. A walk that must meet the block is ordered after its
        // alloc, and so after this.
        self.buckets
            .word_of(page)
            .store(taken | 1 << place, Ordering::Release);
        // Relaxed: changes only under the lock.
        if self.pages.load(Ordering::Relaxed) <= page {
            // Release: pairs with the Acquire in `pages`; the bucket is installed.
            self.pages.store(page + 1, Ordering::Release);
        }
        // Relaxed: grows before the alloc is counted; that counter publishes it to the aggregator.
        self.in_use.fetch_add(1, Ordering::Relaxed);
        Some(block)
    }

    /// Releases a record. Returns its page to the system if no other record in it is in use.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which is one of this table and has no memory, and gives it up.
    pub(crate) unsafe fn release(&self, block: &Block) {
        let index = block.number() - 1;
        let (page, place) = (index / PER_PAGE, index % PER_PAGE);
        let mut supply = self.supply.lock();
        // Relaxed: written under the lock, which we have.
        let left = self.buckets.word_of(page).load(Ordering::Relaxed) & !(1 << place);
        // Release: as in `claim`, for the records whose bits are left, which the lock has passed on to us.
        self.buckets.word_of(page).store(left, Ordering::Release);
        // Relaxed: for a block whose alloc was counted, this shrinks only under the aggregator's lock.
        self.in_use.fetch_sub(1, Ordering::Relaxed);
        supply.lowest = supply.lowest.min(page);
        if left == 0 {
            self.let_page_go(&supply, page);
        }
    }

    /// Returns a page without records in use to the system.
    fn let_page_go(&self, supply: &Supply, page: u32) {
        if supply.regions.returns(page) {
            let first = ptr::from_ref(self.buckets.record(page, 0)).cast_mut();
            // SAFETY: the page lies in the mapping of its bucket. No thread holds a record in it, and a thread that
            // reads one without holding it can handle zeroes, see the head of this file.
            unsafe { discard(first) };
            // Relaxed: for statistics and the budget, which need no order.
            self.bytes.fetch_sub(PAGE_BYTES as u64, Ordering::Relaxed);
        }
        // Relaxed, both: changes only under the lock. A reader that saw more pages finds words of zero.
        let mut pages = self.pages.load(Ordering::Relaxed);
        while pages > 0 && self.buckets.word_of(pages - 1).load(Ordering::Relaxed) == 0 {
            pages -= 1;
        }
        // Release: as in `claim`, for the buckets of the pages that are left, which the lock has passed on to us.
        self.pages.store(pages, Ordering::Release);
    }

    fn add_bytes(&self, bytes: usize) {
        // Relaxed: as in `let_page_go`.
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Pages that may have a record in use.
    pub(crate) fn pages(&self) -> u32 {
        // Acquire: pairs with the Release in `claim`; the buckets of these pages are installed.
        self.pages.load(Ordering::Acquire)
    }

    /// Every record in use of one of the first [`pages`](Self::pages).
    pub(crate) fn records_of(&self, page: u32) -> impl Iterator<Item = &Block> {
        // Acquire: pairs with the Releases in `claim` and `release`; the records are written. One that the caller must meet was claimed
        // before, see `claim`.
        let mut taken = self.buckets.word_of(page).load(Ordering::Acquire);
        std::iter::from_fn(move || {
            (taken != 0).then(|| {
                let place = taken.trailing_zeros();
                taken &= taken - 1;
                self.buckets.record(page, place)
            })
        })
    }

    /// Every record in use.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Block> {
        (0..self.pages()).flat_map(|page| self.records_of(page))
    }

    /// Records in use.
    pub(crate) fn len(&self) -> u32 {
        // Relaxed: see `claim`.
        self.in_use.load(Ordering::Relaxed)
    }

    /// Bytes that the records occupy.
    pub(crate) fn bytes(&self) -> u64 {
        // Relaxed: for statistics.
        self.bytes.load(Ordering::Relaxed) + ForkLock::<Supply>::BYTES
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: the table ends, so its records are not used any more.
        unsafe { self.supply.lock().regions.give_back() };
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;
    use crate::memory::mapping;

    #[test]
    fn claimed_records_are_found_by_their_numbers() {
        let table = Table::new();
        for expected in 1..=1000 {
            let block = table.claim().expect("memory");
            assert_eq!(block.number(), expected);
            assert!(ptr::eq(block, table.get(expected)));
        }
        assert_eq!((table.records().count(), table.len()), (1000, 1000));
        assert_eq!(table.pages(), 1000_u32.div_ceil(64));
    }

    #[test]
    fn the_lowest_vacant_record_is_claimed_first() {
        let table = Table::new();
        for _ in 0..1000 {
            table.claim().expect("memory");
        }
        for number in [700, 30, 31, 999] {
            // SAFETY: claimed above.
            unsafe { table.release(table.get(number)) };
        }
        let again: Vec<u32> = (0..5)
            .map(|_| table.claim().expect("memory").number())
            .collect();
        assert_eq!(again, [30, 31, 700, 999, 1001]);
    }

    #[test]
    fn released_pages_go_back_and_come_back_vacant() {
        let table = Table::new();
        let claim_many = || (0..10_000).for_each(|_| assert!(table.claim().is_some()));
        claim_many();
        let peak = table.bytes();
        for number in 1..=10_000 {
            let block = table.get(number);
            block.set_next(ptr::from_ref(block).cast_mut());
            // SAFETY: claimed above.
            unsafe { table.release(block) };
        }
        assert_eq!((table.len(), table.pages()), (0, 0));
        if mapping::KNOWN {
            assert!(peak > 10_000 * 64 && peak < 12_000 * 64, "{peak} bytes");
            assert!(table.bytes() < 64 << 10, "{} of {peak}", table.bytes());
        }
        claim_many();
        assert_eq!(table.bytes(), peak);
        assert!(!mapping::KNOWN || table.get(10_000).next().is_null());
    }
}

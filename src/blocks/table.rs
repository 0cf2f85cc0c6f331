//! The table of block records: which are in use, and how they are claimed and released. `buckets.rs` has their memory.
//!
//! # States
//!
//! A page has up to 64 records, and a word with a bit for each record in use. A record is written when it is first claimed, and the word
//! with the first record of its page, so new memory needs no initialisation. When the last record of a system's page is released, that
//! page goes back to the system. What comes back in its place is zeroes, or the released records if the
//! program locked the page: both are vacant.
//!
//! # Steps
//!
//! Both steps happen under the lock `supply`. Only an alloc that takes new memory claims a record, and only the return of
//! memory to the system releases one.
//!
//! - Claim: take the lowest vacant record, so that high pages empty out. So the records that were ever claimed are the first ones, and
//!   a number says which they are. Write the record if it is the next one. Set its bit.
//! - Release: clear the bit. If the words of all records in the system's page are zero, give that page back.
//!
//! # Why readers need no lock
//!
//! A bucket is never unmapped while the pool lives. So every number that was ever given to a record leads to readable memory: a
//! record, or zeroes if its page went back. Two readers may follow such a number. A pop from a stack with an outdated top reads
//! `below`, and its exchange then fails (`stack.rs`). The walker finds an idle state (`block.rs`). If the walker sets its bit
//! just after the page went back, the page becomes resident again, idle, until its next release.
#![expect(unsafe_code, reason = "records are written, and their pages go back")]

use crate::blocks::block::Block;
use crate::blocks::buckets::{Buckets, MAX_PAGES, PER_PAGE, Regions};
use crate::blocks::note::Record;
use crate::sync::{AtomicU32, AtomicU64, ForkLock, Ordering, Rank};

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
    /// The numbers below this one, plus one, were claimed before. Their records are written, and the words of their pages.
    written: u32,
    regions: Regions,
}

impl Table {
    /// An empty table, whose records share cache lines if `is_packed`.
    pub(crate) fn new(is_packed: bool) -> Self {
        Self {
            buckets: Buckets::new(is_packed),
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

    /// The record with this number, which [`claim_some`](Self::claim_some) returned before.
    pub(crate) fn get(&self, number: u32) -> &Block {
        self.buckets
            .record((number - 1) / PER_PAGE, (number - 1) % PER_PAGE)
            .block
    }

    /// The number of a record of this table.
    pub(crate) fn number(&self, block: &Block) -> u32 {
        let (page, place) = self.buckets.locate(block);
        page * PER_PAGE + place + 1
    }

    /// A record of this table, with its note.
    pub(crate) fn record<'t>(&'t self, block: &Block) -> Record<'t> {
        let (page, place) = self.buckets.locate(block);
        self.buckets.record(page, place)
    }

    /// Claims the lowest `count` vacant records, and passes each to the caller, who holds it. Returns how many: fewer when no memory or no
    /// number is left.
    pub(crate) fn claim_some<'t>(&'t self, count: u32, mut each: impl FnMut(Record<'t>)) -> u32 {
        let mut supply = self.supply.lock();
        let mut claimed = 0;
        while claimed < count
            && let Some(record) = self.claim_lowest(&mut supply)
        {
            each(record);
            claimed += 1;
        }
        // Relaxed: grows before the alloc is counted; that counter publishes it to the aggregator.
        self.in_use.fetch_add(claimed, Ordering::Relaxed);
        claimed
    }

    /// Claims the lowest vacant record.
    #[cfg(test)]
    pub(crate) fn claim(&self) -> Option<Record<'_>> {
        let mut record = None;
        self.claim_some(1, |claimed| record = Some(claimed));
        record
    }

    fn claim_lowest(&self, supply: &mut Supply) -> Option<Record<'_>> {
        let full = u64::MAX >> (64 - self.buckets.layout.records);
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
            if taken != full {
                break (page, taken);
            }
            supply.lowest = page + 1;
        };
        if taken == 0 && supply.regions.returns(page) && self.is_vacant_around(page) {
            self.add_bytes(self.buckets.together_bytes());
        }
        let place = (!taken).trailing_zeros();
        let index = page * PER_PAGE + place;
        if supply.written == index {
            // SAFETY: the record was never claimed, so nobody reads it.
            unsafe { self.buckets.write_vacant(page, place) };
            supply.written = if place + 1 == self.buckets.layout.records {
                (page + 1) * PER_PAGE
            } else {
                index + 1
            };
        }
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
        Some(self.buckets.record(page, place))
    }

    /// Whether the other pages in the same page of the system have no record in use.
    fn is_vacant_around(&self, page: u32) -> bool {
        // Relaxed: written under the lock, which the callers have. Before the first claim in its page, a word in a mapping is zero.
        self.buckets
            .together(page)
            .all(|other| other == page || self.buckets.word_of(other).load(Ordering::Relaxed) == 0)
    }

    /// Releases a record. Returns its page to the system if no other record in it is in use.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which is one of this table and has no memory, and gives it up.
    pub(crate) unsafe fn release(&self, block: &Block) {
        let (page, place) = self.buckets.locate(block);
        let mut supply = self.supply.lock();
        // Relaxed: written under the lock, which we have.
        let left = self.buckets.word_of(page).load(Ordering::Relaxed) & !(1 << place);
        // Release: as in `claim_lowest`, for the records whose bits are left, which the lock has passed on to us.
        self.buckets.word_of(page).store(left, Ordering::Release);
        // Relaxed: for a block whose alloc was counted, this shrinks only under the aggregator's lock.
        self.in_use.fetch_sub(1, Ordering::Relaxed);
        supply.lowest = supply.lowest.min(page);
        if left == 0 {
            self.return_page(&supply, page);
        }
    }

    /// Returns a page without records in use to the system.
    fn return_page(&self, supply: &Supply, page: u32) {
        if supply.regions.returns(page) && self.is_vacant_around(page) {
            // SAFETY: the page lies in the mapping of its bucket. No thread holds a record in it or around it, and a thread that
            // reads one without holding it can handle zeroes, see the head of this file.
            let gone = unsafe { self.buckets.discard(page) };
            // Relaxed: for statistics and the budget, which need no order.
            self.bytes.fetch_sub(gone as u64, Ordering::Relaxed);
        }
        // Relaxed, both: changes only under the lock. A reader that saw more pages finds words of zero.
        let mut pages = self.pages.load(Ordering::Relaxed);
        while pages > 0 && self.buckets.word_of(pages - 1).load(Ordering::Relaxed) == 0 {
            pages -= 1;
        }
        // Release: as in `claim_lowest`, for the buckets of the pages that are left, which the lock has passed on to us.
        self.pages.store(pages, Ordering::Release);
    }

    fn add_bytes(&self, bytes: usize) {
        // Relaxed: as in `return_page`.
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Pages that may have a record in use.
    pub(crate) fn pages(&self) -> u32 {
        // Acquire: pairs with the Release in `claim_lowest`; the buckets of these pages are installed.
        self.pages.load(Ordering::Acquire)
    }

    /// Every record in use of one of the first [`pages`](Self::pages).
    pub(crate) fn records_of(&self, page: u32) -> impl Iterator<Item = Record<'_>> {
        // Acquire: pairs with the Releases in `claim_lowest` and `release`; the records are written. One that the caller must meet was claimed
        // before, see `claim_lowest`.
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
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.pages()).flat_map(|page| self.records_of(page))
    }

    /// Bytes of a record with its note.
    pub(crate) fn record_bytes(&self) -> u64 {
        self.buckets.layout.record_bytes()
    }

    /// Records in use.
    pub(crate) fn len(&self) -> u32 {
        // Relaxed: see `claim_lowest`.
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
    use std::ptr;

    use super::*;
    use crate::memory::mapping;

    #[test]
    fn claimed_records_are_found_by_their_numbers() {
        for (is_packed, records) in [(false, 64), (true, 56)] {
            let table = Table::new(is_packed);
            for index in 0..1000 {
                let block = table.claim().expect("memory").block;
                let number = index / records * 64 + index % records + 1;
                assert_eq!(table.number(block), number);
                assert!(ptr::eq(block, table.get(number)));
                assert!(ptr::eq(block, table.record(block).block));
            }
            assert_eq!((table.records().count(), table.len()), (1000, 1000));
            assert_eq!(table.pages(), 1000_u32.div_ceil(records));
        }
    }

    #[test]
    fn the_lowest_vacant_record_is_claimed_first() {
        for is_packed in [false, true] {
            let table = Table::new(is_packed);
            let all: Vec<_> = (0..1000).map(|_| table.claim().expect("memory")).collect();
            for at in [699, 29, 30, 998] {
                // SAFETY: claimed above.
                unsafe { table.release(all[at].block) };
            }
            let again: Vec<_> = (0..4).map(|_| table.claim().expect("memory")).collect();
            for (record, at) in again.iter().zip([29, 30, 699, 998]) {
                assert!(ptr::eq(record.block, all[at].block), "record {at}");
            }
        }
    }

    #[test]
    fn released_pages_go_back_and_come_back_vacant() {
        for (is_packed, record_bytes) in [(false, 64), (true, 37)] {
            let table = Table::new(is_packed);
            let claim_many = || -> Vec<_> {
                (0..10_000)
                    .map(|_| table.claim().expect("memory").block)
                    .collect()
            };
            let all = claim_many();
            let peak = table.bytes();
            for &block in &all {
                block.set_next(ptr::from_ref(block).cast_mut());
                // SAFETY: claimed above.
                unsafe { table.release(block) };
            }
            assert_eq!((table.len(), table.pages()), (0, 0));
            if mapping::KNOWN {
                let least = 10_000 * (record_bytes - 1);
                assert!(peak > least && peak < least * 6 / 5, "{peak} bytes");
                assert!(table.bytes() < 70 << 10, "{} of {peak}", table.bytes());
            }
            assert!(claim_many().iter().zip(&all).all(|(a, b)| ptr::eq(*a, *b)));
            assert_eq!(table.bytes(), peak);
            assert!(!mapping::KNOWN || all[9_999].next().is_null());
        }
    }

    /// Two pages of packed records share a page of the system.
    #[test]
    fn a_record_in_use_keeps_its_neighbours_page() {
        if !mapping::KNOWN {
            return;
        }
        let table = Table::new(true);
        let all: Vec<_> = (0..20_000)
            .map(|_| table.claim().expect("memory").block)
            .collect();
        let numbers: Vec<u32> = all.iter().map(|block| table.number(block)).collect();
        for &block in &all {
            block.set_next(ptr::from_ref(block).cast_mut());
        }
        // Every third page keeps its last record.
        let is_kept =
            |number: u32| ((number - 1) / 64).is_multiple_of(3) && (number - 1) % 64 == 55;
        for (&block, &number) in all.iter().zip(&numbers) {
            if !is_kept(number) {
                // SAFETY: claimed above.
                unsafe { table.release(block) };
            }
        }
        for (&block, &number) in all
            .iter()
            .zip(&numbers)
            .filter(|(_, number)| is_kept(**number))
        {
            assert!(ptr::eq(block.next(), block), "record {number} went");
        }
    }
}

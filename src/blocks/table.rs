//! The table of block records: their addresses, and which are in use. Records never move.
//!
//! ```text
//!   bucket 0        bucket 1                 bucket 2                                    …
//!   page 0          page 1, page 2           page 3 … page 6
//!   number 1…64     65…128, 129…192          193…448
//!   word 0          word 1, word 2           word 3 … word 6
//! ```
//!
//! # States
//!
//! A page has 64 records, and a word with a bit for each record in use. A record is written when it is first claimed, and the word
//! with the first record of its page, so a new bucket needs no initialisation. Buckets of 64 KiB and more are mappings of the operating
//! system (`mapping.rs`): their pages become resident when the first record is claimed, and go back when the last record is
//! released. What comes back in their place is zeroes, which are vacant records and a zero word. Smaller buckets, and all buckets on
//! systems without mappings, come from the global allocator and stay.
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
#![expect(
    unsafe_code,
    reason = "records are reached by number through buckets made here"
)]

use std::ptr::{self, NonNull};

use crate::blocks::block::Block;
use crate::blocks::class::LINE;
use crate::memory::mapping;
use crate::memory::region::{MAPPED_BYTES, PAGE, Region};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, ForkLock, Ordering, Rank, sized};

/// Records of a page.
const PER_PAGE: u32 = sized(64, 2, 2) as u32;
/// The word of a page with all records in use.
const FULL: u64 = u64::MAX >> (64 - PER_PAGE);
const BUCKETS: usize = sized(25, 5, 2);
/// The most pages. The numbers of their records fit in 31 bits.
const MAX_PAGES: u32 = (1 << BUCKETS as u32) - 1;
const PAGE_BYTES: usize = PER_PAGE as usize * size_of::<Block>();
/// Whether this is the build of a model, where a vacant record is not all zeroes and the table clears a discarded
/// page itself.
const MODEL: bool = cfg!(any(framepool_loom, framepool_shuttle));

const _: () = assert!(MODEL || PAGE_BYTES == PAGE);

/// All block records of a pool.
#[derive(Debug)]
pub(crate) struct Table {
    /// The records of each bucket, with the words of its pages behind them.
    buckets: [AtomicPtr<Block>; BUCKETS],
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
    buckets: [Option<Region>; BUCKETS],
}

// SAFETY: the regions are the table's own memory, which any thread may use and free.
unsafe impl Send for Supply {}

/// The bucket of a page, and the page's place in it.
fn locate(page: u32) -> (usize, usize) {
    let bucket = (page + 1).ilog2();
    (bucket as usize, (page + 1 - (1 << bucket)) as usize)
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            pages: AtomicU32::new(0),
            in_use: AtomicU32::new(0),
            bytes: AtomicU64::new(0),
            supply: ForkLock::new(
                Rank::Notes,
                Supply {
                    lowest: 0,
                    written: 0,
                    buckets: [None; BUCKETS],
                },
            ),
        }
    }

    /// The record with this number, which [`claim`](Self::claim) returned before.
    pub(crate) fn get(&self, number: u32) -> &Block {
        self.record((number - 1) / PER_PAGE, (number - 1) % PER_PAGE)
    }

    /// A record that was claimed before.
    fn record(&self, page: u32, place: u32) -> &Block {
        // SAFETY: a record is written when it is claimed for the first time.
        unsafe { &*self.place(page, place) }
    }

    /// The word of a page of which a record was claimed before.
    fn word_of(&self, page: u32) -> &AtomicU64 {
        // SAFETY: a word is written when the first record of its page is claimed for the first time.
        unsafe { &*self.word(page) }
    }

    /// Where a record lies, of a page whose bucket exists.
    fn place(&self, page: u32, place: u32) -> *mut Block {
        let (bucket, at) = locate(page);
        // SAFETY: the bucket has room for the records of all its pages, and this one is behind those of the pages before.
        unsafe {
            self.start(bucket)
                .add(at * PER_PAGE as usize + place as usize)
        }
    }

    /// Where the word of a page lies whose bucket exists.
    fn word(&self, page: u32) -> *mut AtomicU64 {
        let (bucket, at) = locate(page);
        // SAFETY: a bucket has room for as many words as pages, behind its records.
        unsafe {
            let words = self.start(bucket).byte_add(PAGE_BYTES << bucket);
            words.cast::<AtomicU64>().add(at)
        }
    }

    fn start(&self, bucket: usize) -> *mut Block {
        // Relaxed: the caller has acquired the bucket: by the lock, by `pages`, or with a record's number from a
        // stack or from the thread that had the block.
        let start = self.buckets[bucket].load(Ordering::Relaxed);
        debug_assert!(!start.is_null());
        start
    }

    /// Claims the lowest vacant record for the caller; `None` when no memory or no number is left.
    pub(crate) fn claim(&self) -> Option<&Block> {
        let mut supply = self.supply.lock();
        let (page, taken) = loop {
            let page = supply.lowest;
            if page == MAX_PAGES {
                return None;
            }
            self.make_bucket(&mut supply, locate(page).0)?;
            if supply.written == page * PER_PAGE {
                // SAFETY: no record of the page was ever claimed, so nobody reads its word.
                unsafe { self.word(page).write(AtomicU64::new(0)) };
            }
            // Relaxed: written under the lock, which we have.
            let taken = self.word_of(page).load(Ordering::Relaxed);
            if taken != FULL {
                break (page, taken);
            }
            supply.lowest = page + 1;
        };
        if taken == 0 && supply.returns(page) {
            self.add_bytes(PAGE_BYTES);
        }
        let place = (!taken).trailing_zeros();
        let index = page * PER_PAGE + place;
        if supply.written == index {
            // SAFETY: the record was never claimed, so nobody reads it.
            unsafe { write_vacant(self.place(page, place)) };
            supply.written = index + 1;
        }
        let block = self.record(page, place);
        block.set_number(index + 1);
        // Release: pairs with the Acquire in `records_of`; the record is written. A walk that must meet the block is ordered after its
        // alloc, and so after this.
        self.word_of(page)
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
        let left = self.word_of(page).load(Ordering::Relaxed) & !(1 << place);
        // Release: as in `claim`, for the records whose bits are left, which the lock has passed on to us.
        self.word_of(page).store(left, Ordering::Release);
        // Relaxed: for a block whose alloc was counted, this shrinks only under the aggregator's lock.
        self.in_use.fetch_sub(1, Ordering::Relaxed);
        supply.lowest = supply.lowest.min(page);
        if left == 0 {
            self.let_page_go(&supply, page);
        }
    }

    /// Returns a page without records in use to the system.
    fn let_page_go(&self, supply: &Supply, page: u32) {
        if supply.returns(page) {
            let first = ptr::from_ref(self.record(page, 0)).cast_mut();
            // SAFETY: the page lies in the mapping of its bucket. No thread holds a record in it, and a thread that
            // reads one without holding it can handle zeroes, see the head of this file.
            unsafe { discard(first) };
            // Relaxed: for statistics and the budget, which need no order.
            self.bytes.fetch_sub(PAGE_BYTES as u64, Ordering::Relaxed);
        }
        // Relaxed, both: changes only under the lock. A reader that saw more pages finds words of zero.
        let mut pages = self.pages.load(Ordering::Relaxed);
        while pages > 0 && self.word_of(pages - 1).load(Ordering::Relaxed) == 0 {
            pages -= 1;
        }
        // Release: as in `claim`, for the buckets of the pages that are left, which the lock has passed on to us.
        self.pages.store(pages, Ordering::Release);
    }

    /// Makes a bucket if it does not exist.
    fn make_bucket(&self, supply: &mut Supply, bucket: usize) -> Option<()> {
        if supply.buckets[bucket].is_some() {
            return Some(());
        }
        let word_bytes = size_of::<AtomicU64>() << bucket;
        let bytes = ((PAGE_BYTES << bucket) + word_bytes).next_multiple_of(LINE);
        let align = if bytes < MAPPED_BYTES { LINE } else { PAGE };
        let region = Region::take_uninit(bytes, align)?;
        #[cfg(any(framepool_loom, framepool_shuttle))]
        // SAFETY: the region has room for these records, and no other thread knows it.
        unsafe {
            leave_unwritten(region.start.cast(), (PER_PAGE as usize) << bucket);
        }
        supply.buckets[bucket] = Some(region);
        self.add_bytes(if region.is_mapping() {
            word_bytes
        } else {
            bytes
        });
        // Relaxed: published with the number of a record, or by `pages`.
        self.buckets[bucket].store(region.start.as_ptr().cast(), Ordering::Relaxed);
        Some(())
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
        let mut taken = self.word_of(page).load(Ordering::Acquire);
        std::iter::from_fn(move || {
            (taken != 0).then(|| {
                let place = taken.trailing_zeros();
                taken &= taken - 1;
                self.record(page, place)
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

impl Supply {
    /// Whether a page goes back to the system when no record in it is in use.
    fn returns(&self, page: u32) -> bool {
        // A larger page of the system holds the records of several of our pages.
        let is_whole = mapping::page_bytes() <= PAGE;
        MODEL || is_whole && self.buckets[locate(page).0].is_some_and(|region| region.is_mapping())
    }
}

/// Under a model: fills a new bucket with what a thread may read of a record before its first claim is visible.
///
/// # Safety
///
/// The memory has room for this many records, and belongs to the caller alone.
#[cfg(any(framepool_loom, framepool_shuttle))]
unsafe fn leave_unwritten(start: NonNull<Block>, records: usize) {
    for at in 0..records {
        // SAFETY: as for the caller.
        unsafe { start.add(at).write(Block::unwritten()) };
    }
}

/// Writes a vacant record: zeroes, but for a model's.
///
/// # Safety
///
/// The memory is for a record that nobody reads yet.
unsafe fn write_vacant(at: *mut Block) {
    #[cfg(any(framepool_loom, framepool_shuttle))]
    // SAFETY: `leave_unwritten` wrote something there.
    unsafe {
        (*at).write_first();
    }
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    // SAFETY: as for the caller; a record of zeroes is vacant.
    unsafe {
        at.write_bytes(0, 1);
    }
}

/// Gives the page of records from `first` back to the system, which makes it zero.
///
/// # Safety
///
/// The page lies in a mapping, and no thread holds a record in it.
unsafe fn discard(first: *mut Block) {
    #[cfg(any(framepool_loom, framepool_shuttle))]
    for at in 0..PER_PAGE as usize {
        // SAFETY: the records of a page are contiguous.
        unsafe { &*first.add(at) }.clear();
    }
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    // SAFETY: as for the caller; a record of zeroes is vacant.
    unsafe {
        mapping::discard(NonNull::new_unchecked(first.cast()), PAGE_BYTES);
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let supply = self.supply.lock();
        for (bucket, region) in supply.buckets.iter().enumerate() {
            let Some(region) = region else {
                continue;
            };
            let records = (PER_PAGE as usize) << bucket;
            let start = region.start.cast::<Block>();
            // SAFETY: the bucket has this many records, which are not used any more. Only a model has anything to
            // drop.
            unsafe { NonNull::slice_from_raw_parts(start, records).drop_in_place() };
            let align = if region.bytes < MAPPED_BYTES {
                LINE
            } else {
                PAGE
            };
            // SAFETY: `make_bucket` took it with this alignment, and it is given back once.
            unsafe { region.give_back(align) };
        }
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

//! The memory of the block records: buckets of pages, which are found by number. Records never move.
//!
//! ```text
//!   bucket 0        bucket 1                 bucket 2                                    …
//!   page 0          page 1, page 2           page 3 … page 6
//!   number 1…64     65…128, 129…192          193…448
//!   word 0          word 1, word 2           word 3 … word 6
//! ```
//!
//! Buckets of 64 KiB and more are mappings of the operating system (`mapping.rs`): their pages become resident when the first
//! record is claimed, and go back when the last record is released. Smaller buckets, and all buckets on systems without mappings, come
//! from the global allocator and stay. No bucket is freed before the pool. `table.rs` says which records are in use.
#![expect(
    unsafe_code,
    reason = "records are reached by number through buckets made here"
)]

use std::ptr::{self, NonNull};

use crate::blocks::block::Block;
use crate::blocks::class::LINE;
use crate::memory::mapping;
use crate::memory::region::{MAPPED_BYTES, PAGE, Region};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, sized};

/// Records of a page.
pub(super) const PER_PAGE: u32 = sized(64, 2, 2) as u32;
const BUCKETS: usize = sized(25, 5, 2);
/// The most pages. The numbers of their records fit in 31 bits.
pub(super) const MAX_PAGES: u32 = (1 << BUCKETS as u32) - 1;
pub(super) const PAGE_BYTES: usize = PER_PAGE as usize * size_of::<Block>();
/// Whether this is the build of a model, where a vacant record is not all zeroes and the table clears a discarded
/// page itself.
const MODEL: bool = cfg!(any(framepool_loom, framepool_shuttle));

const _: () = assert!(MODEL || PAGE_BYTES == PAGE);

/// The addresses of the buckets, which any thread may read.
#[derive(Debug)]
pub(super) struct Buckets {
    /// The records of each bucket, with the words of its pages behind them.
    starts: [AtomicPtr<Block>; BUCKETS],
}

/// The memory of the buckets, which only the holder of the table's lock may change.
#[derive(Debug)]
pub(super) struct Regions([Option<Region>; BUCKETS]);

// SAFETY: the regions are the table's own memory, which any thread may use and free.
unsafe impl Send for Regions {}

/// The bucket of a page, and the page's place in it.
fn locate(page: u32) -> (usize, usize) {
    let bucket = (page + 1).ilog2();
    (bucket as usize, (page + 1 - (1 << bucket)) as usize)
}

impl Buckets {
    pub(super) fn new() -> Self {
        Self {
            starts: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// A record that was claimed before.
    pub(super) fn record(&self, page: u32, place: u32) -> &Block {
        // SAFETY: a record is written when it is claimed for the first time.
        unsafe { &*self.place(page, place) }
    }

    /// The word of a page of which a record was claimed before.
    pub(super) fn word_of(&self, page: u32) -> &AtomicU64 {
        // SAFETY: a word is written when the first record of its page is claimed for the first time.
        unsafe { &*self.word(page) }
    }

    /// Where a record lies, of a page whose bucket exists.
    pub(super) fn place(&self, page: u32, place: u32) -> *mut Block {
        let (bucket, at) = locate(page);
        // SAFETY: the bucket has room for the records of all its pages, and this one is behind those of the pages before.
        unsafe {
            self.start(bucket)
                .add(at * PER_PAGE as usize + place as usize)
        }
    }

    /// Where the word of a page lies whose bucket exists.
    pub(super) fn word(&self, page: u32) -> *mut AtomicU64 {
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
        let start = self.starts[bucket].load(Ordering::Relaxed);
        debug_assert!(!start.is_null());
        start
    }

    /// Makes the bucket of a page if it does not exist. Returns the bytes that are resident or from the global allocator
    /// now; `None` without memory.
    pub(super) fn make(&self, regions: &mut Regions, page: u32) -> Option<usize> {
        let bucket = locate(page).0;
        if regions.0[bucket].is_some() {
            return Some(0);
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
        regions.0[bucket] = Some(region);
        // Relaxed: published with the number of a record, or by `pages`.
        self.starts[bucket].store(region.start.as_ptr().cast(), Ordering::Relaxed);
        Some(if region.is_mapping() {
            word_bytes
        } else {
            bytes
        })
    }
}

impl Regions {
    pub(super) fn new() -> Self {
        Self([None; BUCKETS])
    }

    /// Whether a page goes back to the system when no record in it is in use.
    pub(super) fn returns(&self, page: u32) -> bool {
        // A larger page of the system holds the records of several of our pages.
        let is_whole = mapping::page_bytes() <= PAGE;
        MODEL || is_whole && self.0[locate(page).0].is_some_and(|region| region.is_mapping())
    }

    /// Gives the memory of all buckets back.
    ///
    /// # Safety
    ///
    /// No record is used any more, and this is called once.
    pub(super) unsafe fn give_back(&self) {
        for (bucket, region) in self.0.iter().enumerate() {
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
            // SAFETY: `make` took it with this alignment, and it is given back once.
            unsafe { region.give_back(align) };
        }
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
pub(super) unsafe fn write_vacant(at: *mut Block) {
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
pub(super) unsafe fn discard(first: *mut Block) {
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

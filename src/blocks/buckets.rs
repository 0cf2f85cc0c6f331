//! The memory of the block records: buckets of pages, which are found by number. Records never move.
//!
//! ```text
//!   bucket 0        bucket 1                 bucket 2                                    …
//!   page 0          page 1, page 2           page 3 … page 6
//!   number 1…64     65…128, 129…192          193…448
//!   word 0          word 1, word 2           word 3 … word 6
//! ```
//!
//! # Layouts
//!
//! A pool whose blocks are whole lines has a wide page: 64 records, each with its note in one cache line, so that the records of two
//! threads never share a line. A pool with an alignment of 16 bytes has a packed page of half a system page: 56
//! records, two in a line, and their notes behind them. In each layout the numbers of a page are 64 apart.
//!
//! Buckets of 64 KiB and more are mappings of the operating system (`mapping.rs`): their pages become resident when the first
//! record is claimed, and go back when the last record is released. Smaller buckets, and all buckets on systems without mappings, come
//! from the global allocator and stay. No bucket is freed before the pool. `table.rs` says which records are in use.
#![expect(
    unsafe_code,
    reason = "records are reached by number through buckets made here"
)]

use std::mem::offset_of;
use std::ops::Range;
use std::ptr::{self, NonNull};

use crate::blocks::block::Block;
use crate::blocks::class::LINE;
use crate::blocks::note::{Note, Record};
use crate::memory::mapping;
use crate::memory::region::{MAPPED_BYTES, PAGE, Region};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, sized};

/// Numbers of a page.
pub(super) const PER_PAGE: u32 = sized(64, 2, 2) as u32;
const BUCKETS: usize = sized(25, 5, 2);
/// The most pages. The numbers of their records fit in 31 bits.
pub(super) const MAX_PAGES: u32 = (1 << BUCKETS as u32) - 1;
/// Whether this is the build of a model, where a vacant record is not all zeroes and the table clears a discarded
/// page itself.
const MODEL: bool = cfg!(any(framepool_loom, framepool_shuttle));

/// A record and its note in one line.
#[repr(C, align(64))]
struct Wide {
    block: Block,
    note: Note,
}

/// Where the records of a page lie, and their notes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Records of a page.
    pub(super) records: u32,
    page_bytes: usize,
    /// The distance between records.
    stride: usize,
    /// Where the first note lies in the page, and the distance between notes.
    first_note: usize,
    note_stride: usize,
}

const WIDE: Layout = Layout {
    records: PER_PAGE,
    page_bytes: PER_PAGE as usize * size_of::<Wide>(),
    stride: size_of::<Wide>(),
    first_note: offset_of!(Wide, note),
    note_stride: size_of::<Wide>(),
};

const PACKED: Layout = Layout {
    records: 56,
    page_bytes: PAGE / 2,
    stride: size_of::<Block>(),
    first_note: 56 * size_of::<Block>(),
    note_stride: size_of::<Note>(),
};

const _: () = assert!(MODEL || WIDE.page_bytes == PAGE && size_of::<Block>() == 32);
const _: () = assert!(MODEL || PACKED.first_note + 56 * size_of::<Note>() <= PACKED.page_bytes);

impl Layout {
    /// Bytes of a record with its note and its part of the rest of the page.
    pub(super) fn record_bytes(&self) -> u64 {
        self.page_bytes.div_ceil(self.records as usize) as u64
    }

    /// Models have wide pages only.
    fn of(is_packed: bool) -> Self {
        if is_packed && !MODEL { PACKED } else { WIDE }
    }
}

/// The addresses of the buckets, which any thread may read.
#[derive(Debug)]
pub(super) struct Buckets {
    /// The pages of each bucket, with their words behind them.
    starts: [AtomicPtr<Block>; BUCKETS],
    pub(super) layout: Layout,
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
    pub(super) fn new(is_packed: bool) -> Self {
        Self {
            starts: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            layout: Layout::of(is_packed),
        }
    }

    /// A record that was claimed before.
    pub(super) fn record(&self, page: u32, place: u32) -> Record<'_> {
        // SAFETY: a record and its note are written when the record is claimed for the first time.
        unsafe {
            Record {
                block: &*self.place(page, place),
                note: &*self.note(page, place),
            }
        }
    }

    /// Page and place of a record of these buckets.
    pub(super) fn locate(&self, block: &Block) -> (u32, u32) {
        let address = ptr::from_ref(block).addr();
        // Most records lie in the largest bucket.
        for bucket in (0..BUCKETS).rev() {
            // Relaxed: the caller has acquired the bucket with the record.
            let start = self.starts[bucket].load(Ordering::Relaxed).addr();
            let offset = address.wrapping_sub(start);
            if start != 0 && offset < self.layout.page_bytes << bucket {
                let at = (offset / self.layout.page_bytes) as u32;
                let place = offset % self.layout.page_bytes / self.layout.stride;
                return ((1 << bucket) - 1 + at, place as u32);
            }
        }
        unreachable!("the record is one of this table");
    }

    /// The word of a page of which a record was claimed before.
    pub(super) fn word_of(&self, page: u32) -> &AtomicU64 {
        // SAFETY: a word is written when the first record of its page is claimed for the first time.
        unsafe { &*self.word(page) }
    }

    /// Where a page begins whose bucket exists.
    fn page(&self, page: u32) -> *mut Block {
        let (bucket, at) = locate(page);
        // SAFETY: the bucket has room for all its pages, and this one is behind those before.
        unsafe { self.start(bucket).byte_add(at * self.layout.page_bytes) }
    }

    /// Where a record lies, of a page whose bucket exists.
    fn place(&self, page: u32, place: u32) -> *mut Block {
        debug_assert!(place < self.layout.records);
        // SAFETY: a page has room for its records.
        unsafe {
            self.page(page)
                .byte_add(place as usize * self.layout.stride)
        }
    }

    /// Where a note lies, of a page whose bucket exists.
    fn note(&self, page: u32, place: u32) -> *mut Note {
        let offset = self.layout.first_note + place as usize * self.layout.note_stride;
        // SAFETY: a page has room for its notes.
        unsafe { self.page(page).byte_add(offset) }.cast()
    }

    /// Where the word of a page lies whose bucket exists.
    pub(super) fn word(&self, page: u32) -> *mut AtomicU64 {
        let (bucket, at) = locate(page);
        // SAFETY: a bucket has room for as many words as pages, behind its pages.
        unsafe {
            let words = self
                .start(bucket)
                .byte_add(self.layout.page_bytes << bucket);
            words.cast::<AtomicU64>().add(at)
        }
    }

    /// The pages that share a page of the system with this one.
    pub(super) fn together(&self, page: u32) -> Range<u32> {
        let (bucket, at) = locate(page);
        let all = if MODEL {
            1
        } else {
            PAGE / self.layout.page_bytes
        };
        let first = (1 << bucket) - 1 + (at - at % all) as u32;
        first..first + all as u32
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
        let bytes = ((self.layout.page_bytes << bucket) + word_bytes).next_multiple_of(LINE);
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
            #[cfg(any(framepool_loom, framepool_shuttle))]
            {
                let records = (PER_PAGE as usize) << bucket;
                let start = region.start.cast::<Wide>();
                // SAFETY: the bucket has this many records, which are not used any more. Only a model has anything to
                // drop.
                unsafe { NonNull::slice_from_raw_parts(start, records).drop_in_place() };
            }
            #[cfg(not(any(framepool_loom, framepool_shuttle)))]
            let _ = bucket;
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
unsafe fn leave_unwritten(start: NonNull<Wide>, records: usize) {
    for at in 0..records {
        let (block, note) = (Block::unwritten(), Note::empty());
        // SAFETY: as for the caller.
        unsafe { start.add(at).write(Wide { block, note }) };
    }
}

impl Buckets {
    /// Writes a vacant record and its note: zeroes, but for a model's.
    ///
    /// # Safety
    ///
    /// The record was never claimed, so nobody reads it yet.
    pub(super) unsafe fn write_vacant(&self, page: u32, place: u32) {
        #[cfg(any(framepool_loom, framepool_shuttle))]
        // SAFETY: `leave_unwritten` wrote something there.
        unsafe {
            (*self.place(page, place)).write_first();
        }
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        // SAFETY: as for the caller; records and notes of zeroes are vacant.
        unsafe {
            self.place(page, place).write_bytes(0, 1);
            self.note(page, place).write_bytes(0, 1);
        }
    }

    /// Gives the pages of records [`together`](Self::together) with this one back to the system, which makes them zero. Returns
    /// their bytes.
    ///
    /// # Safety
    ///
    /// The pages lie in a mapping, and no thread holds a record in them.
    pub(super) unsafe fn discard(&self, page: u32) -> usize {
        let first = self.together(page).start;
        #[cfg(any(framepool_loom, framepool_shuttle))]
        for place in 0..PER_PAGE {
            let record = self.record(first, place);
            record.block.clear();
            record.note.clear();
        }
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        // SAFETY: as for the caller; records and notes of zeroes are vacant.
        unsafe {
            mapping::discard(NonNull::new_unchecked(self.page(first).cast()), PAGE);
        }
        self.together_bytes()
    }

    /// Bytes of the pages that go back together.
    pub(super) fn together_bytes(&self) -> usize {
        if MODEL { self.layout.page_bytes } else { PAGE }
    }
}

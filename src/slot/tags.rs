//! A slot's counters for tags: buffers and bytes per tag, and the thread's credit for tags with a budget.
//!
//! # The counts
//!
//! Each tag has four counters in each slot: allocs and releases, in buffers and in bytes. Like all counters, they are
//! cumulative and have one writer, the slot's owner. A release counts for the buffer's tag in the slot of the
//! releasing thread. They are allocated when a thread first allocates or releases a buffer with a tag, so a pool
//! without tags has none.
//!
//! # Steps
//!
//! - Alloc: pop the block, count it for the pool, count it for the tag, mark the record as allocated with this tag.
//! - Release: count the release for the tag in the record. Then continue as for every block: mark the record as idle, push
//!   the block. An idle record has no tag, so a release that is tried again counts once.
//!
//! # Why an aggregation never finds more releases than allocs
//!
//! The alloc's counters are stored (Release) before the buffer exists. The release's counters are stored (Release) after. An
//! aggregation first loads the releases of all slots (Acquire), then the allocs of all slots. So for each release that it found,
//! it finds the alloc, in any slot. It loads the tags' allocs before the pool's, so no tag has more allocs than its pool.

#![expect(unsafe_code, reason = "a slot owns its counters for tags")]

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{self, NonNull};

use crate::blocks::label::TagMark;
use crate::memory::tag_budget::{Credit, MAX_TAGS};
use crate::sync::{AtomicPtr, Ordering, Owned};
use crate::telemetry::counters::Counter;

/// A slot's counters for one tag.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct TagCounters {
    pub(crate) allocs: Counter,
    pub(crate) alloc_bytes: Counter,
    pub(crate) releases: Counter,
    pub(crate) release_bytes: Counter,
}

impl TagCounters {
    /// Counts the alloc of a block with `bytes`.
    #[inline(always)]
    pub(crate) fn count_alloc(&self, bytes: u64) {
        self.allocs.increment();
        self.alloc_bytes.add(bytes);
    }

    /// Counts the release of a block with `bytes`.
    #[inline(always)]
    pub(crate) fn count_release(&self, bytes: u64) {
        self.releases.increment();
        self.release_bytes.add(bytes);
    }
}

/// A slot's counters and credits for all tags.
#[derive(Debug)]
pub(crate) struct TagCells {
    counts: [TagCounters; MAX_TAGS],
    /// One per budget, in the order of the pool's budgets.
    pub(crate) credits: [Credit; MAX_TAGS],
}

impl TagCells {
    /// Writes new cells in place, because they are too large for the stacks of small threads.
    ///
    /// # Safety
    ///
    /// `at` is memory for cells that nobody else uses.
    unsafe fn write_new(at: *mut Self) {
        // SAFETY: as for this function; all fields are written.
        unsafe {
            let counts = (&raw mut (*at).counts).cast::<TagCounters>();
            let credits = (&raw mut (*at).credits).cast::<Credit>();
            for place in 0..MAX_TAGS {
                counts.add(place).write(TagCounters {
                    allocs: Counter::new(),
                    alloc_bytes: Counter::new(),
                    releases: Counter::new(),
                    release_bytes: Counter::new(),
                });
                credits.add(place).write(Credit::new());
            }
        }
    }

    /// The counters of a tag.
    #[inline(always)]
    pub(crate) fn of(&self, tag: usize) -> &TagCounters {
        // The mask changes nothing; it only proves to the compiler that the index is in bounds.
        &self.counts[tag & (MAX_TAGS - 1)]
    }
}

/// A slot's cells, once it has any.
#[derive(Debug)]
pub(crate) struct TagPart(AtomicPtr<TagCells>);

impl TagPart {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The cells, for the owner.
    #[inline(always)]
    pub(crate) fn own(&self) -> Option<&TagCells> {
        // SAFETY: cells are freed only with the part.
        unsafe { self.0.load_own().as_ref() }
    }

    /// The owner's counters for a tag; `None` without a tag. An owner has cells before it allocates with a tag.
    pub(crate) fn counters(&self, tag: TagMark) -> Option<&TagCounters> {
        let cells = tag.is_some().then(|| self.own()).flatten()?;
        Some(cells.of(tag.number()))
    }

    /// The cells, for the aggregator.
    pub(crate) fn seen(&self) -> Option<&TagCells> {
        // Acquire: pairs with the Release in `own_or_new`; the cells are written.
        // SAFETY: as in `own`.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// The cells, allocated if there are none; `None` if there is no memory for them. Only for the owner.
    pub(crate) fn own_or_new(&self) -> Option<&TagCells> {
        if self.own().is_none() {
            // SAFETY: cells are not zero-sized.
            let cells = NonNull::new(unsafe { alloc(Layout::new::<TagCells>()) })?.cast();
            // SAFETY: allocated just now for cells.
            unsafe { TagCells::write_new(cells.as_ptr()) };
            // Release: pairs with the Acquire in `seen`.
            self.0.store(cells.as_ptr(), Ordering::Release);
        }
        self.own()
    }
}

impl Drop for TagPart {
    fn drop(&mut self) {
        // Relaxed: the thread that frees a slot has exclusive access to it.
        if let Some(cells) = NonNull::new(self.0.load(Ordering::Relaxed)) {
            // SAFETY: made by `own_or_new`, and freed once.
            unsafe {
                cells.drop_in_place();
                dealloc(cells.as_ptr().cast(), Layout::new::<TagCells>());
            }
        }
    }
}

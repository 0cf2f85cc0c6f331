//! The global allocator of this binary: the system's, with counts of calls and bytes, and refusals on demand. `mappings.rs`
//! does the same for mappings.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};

// Under a sanitizer the library takes all memory from the global allocator.
#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ),
    not(framepool_sanitized)
))]
#[path = "mappings.rs"]
mod mappings;

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ),
    not(framepool_sanitized)
)))]
mod mappings {
    /// This build has no mappings.
    pub(super) fn resident_in_runs() -> i64 {
        0
    }
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
/// Zeroed requests to grant before one is refused; below zero, all are granted.
static GRANTED: AtomicI64 = AtomicI64::new(-1);

/// Calls to the allocator so far, of every kind.
pub(crate) fn calls() -> u64 {
    CALLS.load(SeqCst)
}

/// Live bytes.
pub(crate) fn live() -> i64 {
    LIVE.load(SeqCst) + mappings::resident_in_runs()
}

/// Refuses zeroed requests, with which the library takes memory for buffers, after `granted` more of them: the next one
/// with `Some(1)`, all later ones with `None`.
pub(crate) fn refuse_after(granted: u64, how_many: Option<u64>) {
    HOW_MANY.store(how_many.map_or(i64::MAX, |many| many as i64), SeqCst);
    GRANTED.store(granted as i64, SeqCst);
}

/// Refuses zeroed requests for more than `bytes`.
pub(crate) fn refuse_large(bytes: usize) {
    LARGE.store(bytes, SeqCst);
}

static LARGE: AtomicUsize = AtomicUsize::new(usize::MAX);
static HOW_MANY: AtomicI64 = AtomicI64::new(0);

/// Which requests are refused.
static WHERE: AtomicU64 = AtomicU64::new(ZEROED);
/// Only zeroed requests, of any thread.
const ZEROED: u64 = 0;
/// Requests of every kind, between [`exposed`]'s beginning and end.
const EXPOSED: u64 = 1;
/// Requests of every kind, everywhere.
const EVERYWHERE: u64 = 2;

thread_local! {
    static IS_EXPOSED: Cell<bool> = const { Cell::new(false) };
}

/// Like [`refuse_after`], for requests of every kind in [`exposed`].
pub(crate) fn refuse_exposed_after(granted: u64, how_many: Option<u64>) {
    WHERE.store(EXPOSED, SeqCst);
    refuse_after(granted, how_many);
}

/// Like [`refuse_after`], for requests of every kind.
pub(crate) fn refuse_anything_after(granted: u64, how_many: Option<u64>) {
    WHERE.store(EVERYWHERE, SeqCst);
    refuse_after(granted, how_many);
}

/// Runs a part of a test whose requests may be refused.
pub(crate) fn exposed<R>(part: impl FnOnce() -> R) -> R {
    IS_EXPOSED.set(true);
    let result = part();
    IS_EXPOSED.set(false);
    result
}

/// For the rest of a thread's life, including its exit.
pub(crate) fn exposed_from_now_on() {
    IS_EXPOSED.set(true);
}

/// Grants everything again; returns whether anything was refused meanwhile.
pub(crate) fn refuse_nothing() -> bool {
    let met = GRANTED.swap(-1, SeqCst) == 0;
    WHERE.store(ZEROED, SeqCst);
    met
}

pub(crate) fn refused(zeroed: bool, bytes: usize) -> bool {
    if zeroed && bytes > LARGE.load(SeqCst) {
        return true;
    }
    let counts = match WHERE.load(SeqCst) {
        ZEROED => zeroed,
        EXPOSED => IS_EXPOSED.get(),
        _ => true,
    };
    if !counts {
        return false;
    }
    match GRANTED.load(SeqCst) {
        0 => HOW_MANY.fetch_sub(1, SeqCst) > 0,
        granted if granted > 0 => {
            GRANTED.fetch_sub(1, SeqCst);
            false
        }
        _ => false,
    }
}

pub(crate) fn count(bytes: usize, out: bool) {
    CALLS.fetch_add(1, SeqCst);
    let bytes = bytes as i64;
    LIVE.fetch_add(if out { bytes } else { -bytes }, SeqCst);
}

// SAFETY: every request goes to the system's allocator as it came, or is refused with a null pointer.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refused(false, layout.size()) {
            return ptr::null_mut();
        }
        count(layout.size(), true);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if refused(true, layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: as above.
        let start = unsafe { System.alloc_zeroed(layout) };
        if !start.is_null() {
            count(layout.size(), true);
        }
        start
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if refused(false, new_size) {
            return ptr::null_mut();
        }
        count(new_size, true);
        LIVE.fetch_sub(layout.size() as i64, SeqCst);
        // SAFETY: as above.
        unsafe { System.realloc(start, layout, new_size) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        count(layout.size(), false);
        // SAFETY: as above.
        unsafe { System.dealloc(start, layout) }
    }
}

//! Replaces the mapping functions of this binary, to count and refuse large mappings like requests to the global allocator.
//! The library takes large regions from here.
//!
//! The functions override those of the C library, whose own allocator does not use them.

//!
//! A mapping of exactly [`RUN`] bytes is a run of slabs for small buffers. Only its resident pages count.

use std::ffi::{c_int, c_long, c_void};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::counting::{count, refused};

/// Smaller ones are the standard library's, for threads.
const LARGE: usize = 64 << 10;
const RUN: usize = 1 << 20;
const PAGE: usize = 4096;

/// The addresses of the mapped runs.
static RUNS: [AtomicUsize; 4096] = [const { AtomicUsize::new(0) }; 4096];

fn replace_run(from: usize, to: usize) {
    let swap = |run: &AtomicUsize| run.compare_exchange(from, to, SeqCst, SeqCst).is_ok();
    assert!(
        RUNS.iter().any(swap),
        "no place for {to}, or nothing at {from}"
    );
}

/// Bytes in memory of the mappings that small buffers are cut from.
pub(crate) fn resident_in_runs() -> i64 {
    let starts = RUNS
        .iter()
        .map(|run| run.load(SeqCst))
        .filter(|&start| start != 0);
    let resident = |start: usize| {
        let mut pages = [0_u8; RUN / PAGE];
        // SAFETY: it does not read at these addresses, and writes a byte for each page.
        let outcome = unsafe {
            mincore(
                std::ptr::without_provenance_mut(start),
                RUN,
                pages.as_mut_ptr(),
            )
        };
        // Where it was unmapped meanwhile, nothing is in memory.
        if outcome == 0 {
            pages.iter().filter(|&page| page & 1 == 1).count()
        } else {
            0
        }
    };
    (starts.map(resident).sum::<usize>() * PAGE) as i64
}

#[cfg(target_arch = "x86_64")]
const NUMBERS: (c_long, c_long) = (9, 11);
#[cfg(not(target_arch = "x86_64"))]
const NUMBERS: (c_long, c_long) = (222, 215);

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn mincore(start: *mut c_void, bytes: usize, pages: *mut u8) -> c_int;
}

// SAFETY: it does what the C library's does, whose place it takes: the call goes to the system as it came, or is refused as
// the system would refuse it.
#[unsafe(no_mangle)]
unsafe extern "C" fn mmap(
    near: *mut c_void,
    bytes: usize,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    const FAILED: *mut c_void = std::ptr::without_provenance_mut(usize::MAX);
    if bytes >= LARGE && refused(true, bytes) {
        return FAILED;
    }
    // SAFETY: the caller's promises are the system's conditions.
    let start = unsafe { syscall(NUMBERS.0, near, bytes, protection, flags, file, offset) };
    if start != -1 && bytes == RUN {
        replace_run(0, start as usize);
        count(0, true);
    } else if start != -1 && bytes >= LARGE {
        count(bytes, true);
    }
    std::ptr::with_exposed_provenance_mut(start as usize)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn munmap(start: *mut c_void, bytes: usize) -> c_int {
    // SAFETY: as above.
    let outcome = unsafe { syscall(NUMBERS.1, start, bytes) as c_int };
    if outcome == 0 && bytes == RUN {
        replace_run(start.addr(), 0);
        count(0, false);
    } else if outcome == 0 && bytes >= LARGE {
        count(bytes, false);
    }
    outcome
}

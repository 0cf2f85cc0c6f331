//! The operating system's mappings of this binary, with every call and every byte of the large ones counted and refused like
//! requests to the global allocator: the library takes large pieces from here.
//!
//! The functions stand before those of the C library, whose own allocator has a way of its own to the system.

use std::ffi::{c_int, c_long, c_void};

use crate::counting::{count, refused};

/// Smaller ones are the standard library's, for threads.
const LARGE: usize = 64 << 10;

#[cfg(target_arch = "x86_64")]
const NUMBERS: (c_long, c_long) = (9, 11);
#[cfg(not(target_arch = "x86_64"))]
const NUMBERS: (c_long, c_long) = (222, 215);

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
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
    if start != -1 && bytes >= LARGE {
        count(bytes, true);
    }
    std::ptr::with_exposed_provenance_mut(start as usize)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn munmap(start: *mut c_void, bytes: usize) -> c_int {
    if bytes >= LARGE {
        count(bytes, false);
    }
    // SAFETY: as above.
    unsafe { syscall(NUMBERS.1, start, bytes) as c_int }
}

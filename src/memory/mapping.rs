//! Large regions of memory straight from the operating system, where it is known how to ask for them.
//!
//! What is given back to the global allocator need not leave the process: glibc's, for one, cuts its heap at the top only,
//! where a small block that came last pins all that is free below. A mapping of its own is gone when it is given back, comes
//! zeroed without being written, and begins where a page does.
//!
//! Known are the 64-bit Linux systems whose constants are the generic ones (`asm-generic/mman-common.h`). Elsewhere, and under
//! the sanitizers, which follow what the global allocator gives, there are no mappings.
#![expect(unsafe_code, reason = "calls to the operating system")]

use std::ptr::NonNull;

/// Whether there are mappings.
pub(crate) const KNOWN: bool = known::KNOWN;

/// Zeroed memory, of which the caller has the only use; `None` when there is none, or no mappings.
pub(crate) fn map(bytes: usize) -> Option<NonNull<u8>> {
    known::map(bytes)
}

/// Gives a mapping back.
///
/// # Safety
///
/// `map` gave `start` for so many bytes, nobody uses them any more, and this is done once.
pub(crate) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: as for the caller.
    unsafe { known::unmap(start, bytes) }
}

/// Gives the memory of whole pages back while their addresses stay: they read as zeroes from now on.
///
/// # Safety
///
/// The pages lie in one mapping that `map` gave, and nobody relies on what is in them.
#[cfg(not(any(framepool_loom, framepool_shuttle)))]
pub(crate) unsafe fn discard(start: NonNull<u8>, bytes: usize) {
    // SAFETY: as for the caller.
    unsafe { known::discard(start, bytes) }
}

/// Bytes of a page of the system.
#[cfg(not(any(framepool_loom, framepool_shuttle)))]
pub(crate) fn page_bytes() -> usize {
    known::page_bytes()
}

/// Which of the pages from `start` on are resident: the lowest bit of each byte, a byte for each page. `None` if there are none at one of
/// these addresses now.
#[cfg(not(any(framepool_loom, framepool_shuttle)))]
pub(crate) fn residency(start: usize, pages: &mut [u8]) -> Option<()> {
    known::residency(start, pages)
}

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
mod known {
    use std::ffi::{c_int, c_void};
    use std::ptr::{self, NonNull};

    pub(super) const KNOWN: bool = true;
    const PROT_READ_WRITE: c_int = 1 | 2;
    const MAP_PRIVATE_ANONYMOUS: c_int = 0x02 | 0x20;
    const MADV_DONTNEED: c_int = 4;
    /// What `mmap` returns instead of an address: all bits set.
    const MAP_FAILED: usize = usize::MAX;

    // SAFETY: these are the C library's, which the standard library links; `off_t` has 64 bits here.
    unsafe extern "C" {
        fn mmap(
            near: *mut c_void,
            bytes: usize,
            protection: c_int,
            flags: c_int,
            file: c_int,
            offset: i64,
        ) -> *mut c_void;
        fn munmap(start: *mut c_void, bytes: usize) -> c_int;
        fn madvise(start: *mut c_void, bytes: usize, advice: c_int) -> c_int;
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        fn mincore(start: *mut c_void, bytes: usize, pages: *mut u8) -> c_int;
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        fn getpagesize() -> c_int;
    }

    pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: a private mapping of no file, wherever the system likes, touches nothing that is there.
        let start = unsafe {
            mmap(
                ptr::null_mut(),
                bytes,
                PROT_READ_WRITE,
                MAP_PRIVATE_ANONYMOUS,
                -1,
                0,
            )
        };
        if start.addr() == MAP_FAILED {
            return None;
        }
        NonNull::new(start.cast())
    }

    /// # Safety
    ///
    /// As for [`unmap`](super::unmap).
    pub(super) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
        // SAFETY: as for the caller: a whole mapping, used no more. Where its neighbours lie close it may take a place in the system's
        // list of mappings more than there is; then the addresses stay, and the pages go.
        unsafe {
            if munmap(start.as_ptr().cast(), bytes) != 0 {
                discard(start, bytes);
            }
        }
    }

    /// # Safety
    ///
    /// Nobody relies on what is in these pages of a mapping.
    pub(super) unsafe fn discard(start: NonNull<u8>, bytes: usize) {
        // SAFETY: as for the caller.
        unsafe { madvise(start.as_ptr().cast(), bytes, MADV_DONTNEED) };
    }

    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(super) fn page_bytes() -> usize {
        // SAFETY: it has no conditions.
        unsafe { getpagesize() as usize }
    }

    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(super) fn residency(start: usize, pages: &mut [u8]) -> Option<()> {
        let bytes = pages.len() * page_bytes();
        let start = ptr::without_provenance_mut(start);
        // SAFETY: it reads nothing at these addresses, and writes a byte for each page. Where there is no memory it fails.
        let outcome = unsafe { mincore(start, bytes, pages.as_mut_ptr()) };
        (outcome == 0).then_some(())
    }
}

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
mod known {
    use std::ptr::NonNull;

    pub(super) const KNOWN: bool = false;

    pub(super) fn map(_bytes: usize) -> Option<NonNull<u8>> {
        None
    }

    /// # Safety
    ///
    /// As for [`unmap`](super::unmap).
    pub(super) unsafe fn unmap(_start: NonNull<u8>, _bytes: usize) {
        unreachable!("there are no mappings here");
    }

    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(super) fn page_bytes() -> usize {
        1
    }

    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(super) fn residency(_start: usize, _pages: &mut [u8]) -> Option<()> {
        None
    }

    /// # Safety
    ///
    /// As for [`discard`](super::discard).
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(super) unsafe fn discard(_start: NonNull<u8>, _bytes: usize) {
        unreachable!("there are no mappings here");
    }
}

//! Allocates large regions, and the runs of small ones, with `mmap`, on systems where the library supports it.
//!
//! Memory that is freed to the global allocator may stay in the process. For example, glibc trims its heap only at the top, where
//! one small late allocation pins all free memory below it. A mapping is returned to the system at once when it is
//! unmapped. It is also zeroed without being written, and it starts at a page boundary.
//!
//! Supported are the 64-bit Linux systems with the generic constants (`asm-generic/mman-common.h`). Other systems have no mappings
//! here. Neither do builds with a sanitizer, because sanitizers track only the global allocator.
#![expect(unsafe_code, reason = "calls to the operating system")]

use std::ptr::NonNull;

/// Whether this system has mappings.
pub(crate) const KNOWN: bool = known::KNOWN;

/// Maps zeroed memory for the caller alone; `None` if the system refuses, or has no mappings.
pub(crate) fn map(bytes: usize) -> Option<NonNull<u8>> {
    known::map(bytes)
}

/// Unmaps a mapping.
///
/// # Safety
///
/// `map` returned `start` for this number of bytes. No thread uses the mapping any more, and it is unmapped once.
pub(crate) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: as for the caller.
    unsafe { known::unmap(start, bytes) }
}

/// Returns the memory of whole pages to the system. The addresses stay valid, and read as zeroes unless the program locked the pages.
///
/// The system keeps locked pages (`mlock`, `mlockall`), because such a program wants no page faults. They stay resident and keep their
/// contents. Whole mappings go back, locked or not.
///
/// # Safety
///
/// The pages lie in one mapping from `map`, and nothing depends on their contents. `start` and `bytes` are multiples of the system's page.
#[cfg_attr(any(framepool_loom, framepool_shuttle), expect(dead_code))]
pub(crate) unsafe fn discard(start: NonNull<u8>, bytes: usize) {
    // SAFETY: as for the caller.
    unsafe { known::discard(start, bytes) }
}

/// The system's page size in bytes.
pub(crate) fn page_bytes() -> usize {
    known::page_bytes()
}

/// Stores one byte for each page from `start` on; its lowest bit tells whether the page is resident.
///
/// Returns `None` if one of the pages is not mapped now.
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

    // SAFETY: these are functions of the C library, which the standard library links; `off_t` has 64 bits here.
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
        fn getpagesize() -> c_int;
    }

    pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: a private anonymous mapping at an address that the system chooses touches no existing memory.
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
    /// The conditions of [`unmap`](super::unmap) hold.
    pub(super) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller promises that this is a whole mapping that is not used any more. `munmap` can fail: the kernel may have
        // merged the mapping with its neighbours, so that it must split an entry, and its table of mappings may be full. Then the
        // addresses stay mapped, and only the pages are returned.
        unsafe {
            if munmap(start.as_ptr().cast(), bytes) != 0 {
                discard(start, bytes);
            }
        }
    }

    /// # Safety
    ///
    /// Nothing depends on the contents of these pages of a mapping.
    pub(super) unsafe fn discard(start: NonNull<u8>, bytes: usize) {
        // SAFETY: as for the caller.
        unsafe { madvise(start.as_ptr().cast(), bytes, MADV_DONTNEED) };
    }

    pub(super) fn page_bytes() -> usize {
        // SAFETY: the function has no conditions.
        unsafe { getpagesize() as usize }
    }

    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(super) fn residency(start: usize, pages: &mut [u8]) -> Option<()> {
        let bytes = pages.len() * page_bytes();
        let start = ptr::without_provenance_mut(start);
        // SAFETY: `mincore` does not read at these addresses, and writes one byte for each page. It fails where no memory is mapped.
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
    /// The conditions of [`unmap`](super::unmap) hold.
    pub(super) unsafe fn unmap(_start: NonNull<u8>, _bytes: usize) {
        unreachable!("there are no mappings here");
    }

    pub(super) fn page_bytes() -> usize {
        1
    }

    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(super) fn residency(_start: usize, _pages: &mut [u8]) -> Option<()> {
        None
    }

    /// # Safety
    ///
    /// The conditions of [`discard`](super::discard) hold.
    pub(super) unsafe fn discard(_start: NonNull<u8>, _bytes: usize) {
        unreachable!("there are no mappings here");
    }
}

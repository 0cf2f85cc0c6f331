//! The contestants: framepool and its rivals, behind one trait.
//!
//! All of them return a buffer that is released when dropped, and all are used through [`Lender`], so that each measured
//! operation is written once. The general allocators are called directly through their `GlobalAlloc`; none of them is the
//! program's own allocator. They are asked for the alignment of `malloc`, 16 bytes, which is their fastest; framepool gives
//! 64.
//!
//! Longer measured operations are here too, so that the benchmarks and the contest measure the same.

mod free_list;
mod heap;
mod queue;

pub mod frames;
pub mod readers;
pub mod ring;
pub mod shared_frame;
pub mod sizes;
pub mod slots;

pub use free_list::FreeList;
pub use heap::Heap;
pub use queue::Queue;

use framepool::{Buffer, BufferPool};

/// An allocator of byte buffers.
pub trait Lender {
    /// A buffer. Dropping it releases it.
    type Lent<'l>: Lent
    where
        Self: 'l;

    /// Allocates a buffer of `bytes` bytes.
    fn lend(&self, bytes: usize) -> Self::Lent<'_>;
}

/// A buffer of at least one byte.
pub trait Lent {
    /// Its first byte.
    fn start(&mut self) -> *mut u8;

    /// Writes the first byte, so that the compiler cannot remove it.
    #[inline(always)]
    fn touch(&mut self) {
        // SAFETY: every buffer here has at least one byte, which its owner may write.
        unsafe { self.start().write_volatile(1) }
    }

    /// Reads the first byte.
    #[inline(always)]
    fn look(&mut self) -> u8 {
        // SAFETY: as above.
        unsafe { self.start().read_volatile() }
    }
}

impl Lender for BufferPool {
    type Lent<'l> = Buffer<u8>;

    #[inline(always)]
    fn lend(&self, bytes: usize) -> Buffer<u8> {
        self.alloc::<u8>(bytes)
    }
}

impl Lent for Buffer<u8> {
    #[inline(always)]
    fn start(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }
}

/// Allocates a buffer, writes its first byte, and releases it.
#[inline(always)]
pub fn pair(lender: &impl Lender, bytes: usize) {
    lender.lend(bytes).touch();
}

/// Allocates a buffer of each size, writes each first byte, then releases all. `held` keeps them meanwhile.
#[inline(always)]
pub fn hold<'l, L: Lender>(
    lender: &'l L,
    sizes: impl IntoIterator<Item = usize>,
    held: &mut Vec<L::Lent<'l>>,
) {
    for bytes in sizes {
        let mut buffer = lender.lend(bytes);
        buffer.touch();
        held.push(buffer);
    }
    held.clear();
}

//! The contestants of a replay: framepool, its rivals, and the replay itself with planned addresses.

mod pattern;
mod pool;
mod raw;
mod recorded;

use std::fmt;

use crate::replay::Work;

pub(crate) use pool::{OneLine, Pool};
pub(crate) use raw::{Given, Heap, MiMalloc, System};
pub(crate) use recorded::{RecordedSites, SiteNames};

/// An allocator of buffers, for several threads at once.
pub(crate) trait Contestant: Send + Sync + 'static {
    /// A live buffer. A thread other than its allocator may free it.
    type Buffer: Send + 'static;
    /// The state that one thread keeps between its allocs.
    type Seat;
    /// Why there was no buffer.
    type Refusal: fmt::Display;

    /// Prepares a thread.
    fn seat(&self, work: &Work) -> Self::Seat;

    /// Allocates a buffer of `bytes` bytes. `buffer` is its index among the recorded ones.
    fn alloc(
        &self,
        seat: &mut Self::Seat,
        bytes: usize,
        buffer: u32,
    ) -> Result<Self::Buffer, Self::Refusal>;

    /// Frees a buffer.
    fn free(&self, buffer: Self::Buffer);

    /// Ends a frame, after all threads have met.
    fn end_frame(&self) {}

    /// Writes the pattern to both ends of the buffer; a small one is filled with it.
    fn write(buffer: &mut Self::Buffer, pattern: u64);

    /// Whether both ends still hold the pattern.
    fn holds(buffer: &Self::Buffer, pattern: u64) -> bool;

    /// The first offset at which an end differs from the pattern; `None` if both hold it.
    fn changed_end(buffer: &Self::Buffer, pattern: u64) -> Option<usize>;

    /// Writes a pattern seeded with `pattern` to every byte of the buffer.
    fn fill(buffer: &mut Self::Buffer, pattern: u64);

    /// The first byte that differs from the pattern of [`fill`](Self::fill); `None` if none does.
    fn changed_byte(buffer: &Self::Buffer, pattern: u64) -> Option<usize>;

    /// Writes one byte to each page of the buffer, like a program that uses all of it.
    fn touch_pages(buffer: &mut Self::Buffer);
}

/// The smallest page size: touching memory at this distance touches every page.
const PAGE: usize = 4096;

/// A contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// This library.
    Framepool,
    /// The system's allocator.
    System,
    /// mimalloc.
    MiMalloc,
    /// Addresses planned beforehand.
    Null,
}

impl Name {
    /// All contestants.
    pub const ALL: [Self; 4] = [Self::Framepool, Self::System, Self::MiMalloc, Self::Null];

    /// The name in reports and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Framepool => "framepool",
            Self::System => "system",
            Self::MiMalloc => "mimalloc",
            Self::Null => "null",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps_the_pattern<C: Contestant>(contestant: &C) {
        let work = Work::default();
        for bytes in (0..80).chain([4_095, 4_096, 100_000]) {
            // Its first byte is not 1, which `touch_pages` writes.
            let pattern = (0x0123_4567_89ab_cdef + bytes as u64) << 8;
            let mut seat = contestant.seat(&work);
            let Ok(mut buffer) = contestant.alloc(&mut seat, bytes, 0) else {
                panic!("{bytes} bytes were refused");
            };
            C::touch_pages(&mut buffer);
            C::write(&mut buffer, pattern);
            assert!(C::holds(&buffer, pattern), "{bytes} bytes");
            assert!(bytes == 0 || !C::holds(&buffer, !pattern), "{bytes} bytes");
            let at_once = (bytes > 0).then_some(0);
            assert_eq!(C::changed_end(&buffer, pattern), None);
            assert_eq!(C::changed_end(&buffer, !pattern), at_once);
            C::fill(&mut buffer, pattern);
            assert_eq!(C::changed_byte(&buffer, pattern), None);
            assert_eq!(C::changed_byte(&buffer, !pattern), at_once);
            C::touch_pages(&mut buffer);
            assert_eq!(C::changed_byte(&buffer, pattern), at_once);
            contestant.free(buffer);
        }
    }

    #[test]
    fn a_buffer_of_any_size_keeps_its_pattern() {
        keeps_the_pattern(&Heap(System));
        keeps_the_pattern(&Heap(MiMalloc));
        keeps_the_pattern(&Pool(framepool::BufferPool::new(), OneLine));
    }
}

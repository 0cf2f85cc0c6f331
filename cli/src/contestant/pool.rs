//! framepool as a contestant.

use framepool::{AllocError, Buffer, BufferPool, Tag};

use super::pattern::{self, BOTH_ENDS, small};
use super::{Contestant, PAGE};
use crate::replay::Work;

/// A pool, and the line that allocates its buffers.
#[derive(Debug)]
pub(crate) struct Pool<S = OneLine>(pub(crate) BufferPool, pub(crate) S);

/// Chooses the line of code that allocates a recorded buffer.
pub(crate) trait AllocSite: Send + Sync + 'static {
    /// Allocates a buffer.
    fn alloc(&self, pool: &BufferPool, bytes: usize, buffer: u32)
    -> Result<Buffer<u8>, AllocError>;
}

/// One line allocates every buffer, on the fastest path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OneLine;

impl AllocSite for OneLine {
    #[inline(always)]
    fn alloc(
        &self,
        pool: &BufferPool,
        bytes: usize,
        _buffer: u32,
    ) -> Result<Buffer<u8>, AllocError> {
        pool.try_alloc::<u8>(bytes)
    }
}

/// The same with a tag of the pool.
impl AllocSite for Tag {
    #[inline(always)]
    fn alloc(
        &self,
        _pool: &BufferPool,
        bytes: usize,
        _buffer: u32,
    ) -> Result<Buffer<u8>, AllocError> {
        self.try_alloc::<u8>(bytes)
    }
}

impl<S: AllocSite> Contestant for Pool<S> {
    type Buffer = Buffer<u8>;
    type Seat = ();
    type Refusal = AllocError;

    fn seat(&self, _work: &Work) {}

    #[inline(always)]
    fn alloc(&self, _seat: &mut (), bytes: usize, buffer: u32) -> Result<Buffer<u8>, AllocError> {
        self.1.alloc(&self.0, bytes, buffer)
    }

    #[inline(always)]
    fn free(&self, buffer: Buffer<u8>) {
        drop(buffer);
    }

    fn end_frame(&self) {
        let _ = self.0.end_frame();
    }

    #[inline(always)]
    fn write(buffer: &mut Buffer<u8>, pattern: u64) {
        let bytes = buffer.len();
        if bytes >= BOTH_ENDS {
            let pattern = pattern.to_ne_bytes();
            buffer[..8].copy_from_slice(&pattern);
            buffer[bytes - 8..].copy_from_slice(&pattern);
        } else {
            buffer.copy_from_slice(&small(pattern)[..bytes]);
        }
    }

    #[inline(always)]
    fn holds(buffer: &Buffer<u8>, pattern: u64) -> bool {
        let bytes = buffer.len();
        if bytes >= BOTH_ENDS {
            let pattern = pattern.to_ne_bytes();
            buffer[..8] == pattern && buffer[bytes - 8..] == pattern
        } else {
            buffer[..] == small(pattern)[..bytes]
        }
    }

    fn changed_end(buffer: &Buffer<u8>, pattern: u64) -> Option<usize> {
        let read = |from: usize, count: usize| &buffer[from..from + count];
        pattern::changed_end(buffer.len(), pattern, read)
    }

    fn fill(buffer: &mut Buffer<u8>, pattern: u64) {
        for (part, word) in buffer.chunks_mut(8).zip(pattern::words(pattern)) {
            part.copy_from_slice(&word[..part.len()]);
        }
    }

    fn changed_byte(buffer: &Buffer<u8>, pattern: u64) -> Option<usize> {
        pattern::changed_byte(buffer, pattern)
    }

    fn touch_pages(buffer: &mut Buffer<u8>) {
        buffer.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    }
}

//! Values of any type in frame memory: packed into chunks, which are cleaned at the frame end.
//!
//! ```text
//!   block of the arena   [ buffer ][ chunk: header, value, value … ][ buffer ][ header, value …      free ]
//!   values ────────────────────────────────────────────────────────────────────▲      cursor ──▲       ▲
//!   a chunk's header     below ──▶ the chunk before it                                    end ─────────┘
//! ```
//!
//! A chunk is taken from the arena like a buffer. Values lie in it at their own alignment, one after another, so a small value costs
//! little more than its size. Each counts as one alloc. The bytes of a chunk count for the value that needed it.
//!
//! # Why buffers stay initialised
//!
//! A buffer of plain data shows the bytes that an earlier frame left, so every byte must be initialised. A value can have
//! padding, and a write of the value leaves its padding uninitialised. So a frame end fills the used part of each chunk with zeroes,
//! before the memory serves another frame. Until then no buffer overlaps the chunk.
//!
//! The bit [`VALUES`] of the `lent` word says that the arena has chunks. So a frame end reads no line of an arena
//! without values that it would not read anyway.
//!
//! The threads that may touch the chunks are those of the arena (`arena/bump.rs`).
#![expect(unsafe_code, reason = "a chunk's header lies in the chunk")]

use std::alloc::Layout;
use std::ptr::{self, NonNull};

use super::{ADDRESSES_ARE_POSITIVE, Arena, VALUES};
use crate::sync::Ordering;

/// Bytes of a frame's first chunk, with its header. Each further one has twice as many,
const FIRST_CHUNK: usize = 1 << 10;
/// up to this size. A larger value has a chunk of its own.
const MAX_CHUNK: usize = 32 << 10;

/// The header of a chunk, which lies at its start. Only for the threads that may touch the arena's blocks.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The first free byte.
    cursor: *mut u8,
    /// The end of the chunk. Null while the frame is sampled, so that each value takes the slow path.
    end: *mut u8,
    /// A chunk with less room, or null.
    below: *mut Chunk,
    /// Bytes of the chunk.
    bytes: usize,
}

impl Chunk {
    /// Memory for a value, if there is room. The size is not zero.
    #[inline(always)]
    fn bump(&mut self, value: Layout) -> Option<NonNull<u8>> {
        debug_assert!(value.size() > 0);
        let below_align = value.align() - 1;
        let aligned = |addr: usize| addr.wrapping_add(below_align) & !below_align;
        let start = self.cursor.map_addr(aligned);
        let next = start.wrapping_add(value.size());
        let wraps = !ADDRESSES_ARE_POSITIVE && next.addr() < self.cursor.addr();
        if next.addr() > self.end.addr() || wraps {
            return None;
        }
        self.cursor = next;
        NonNull::new(start)
    }

    fn room(&self) -> usize {
        self.end.addr().saturating_sub(self.cursor.addr())
    }
}

impl Arena {
    /// Runs `f` with the chunk that has the most room, if there is one. Only for the owner, or for a thread with exclusive access.
    #[inline(always)]
    fn with_chunk<R>(&self, f: impl FnOnce(&mut Chunk) -> R) -> Option<R> {
        // For the model checker only: the chunk belongs to the same thread as the blocks.
        self.blocks.with(|_| ());
        // SAFETY: it is null, or a header that `add_chunk` wrote in this frame. Only this thread touches it, and no `f` below reaches it in
        // another way.
        unsafe { self.values.get().as_mut() }.map(f)
    }

    /// Allocates a value from the chunk; `None` without room. The size is not zero. Only for the owner.
    #[inline(always)]
    pub(crate) fn bump_value(&self, value: Layout) -> Option<NonNull<u8>> {
        let start = self.with_chunk(|chunk| chunk.bump(value))??;
        self.count(1, value.size());
        Some(start)
    }

    /// Adds `more` bytes to the value that ends at `end`, if it is the last one of the chunk and there is room. Only for
    /// the owner.
    pub(crate) fn grow_value(&self, end: *mut u8, more: usize) -> bool {
        let grew = self.with_chunk(|chunk| {
            let grows = chunk.cursor == end && more <= chunk.room();
            if grows {
                chunk.cursor = end.wrapping_add(more);
            }
            grows
        });
        if grew == Some(true) {
            self.count(0, more);
        }
        grew == Some(true)
    }

    /// Bytes of a new chunk that has room for this value. Only for the owner.
    pub(crate) fn chunk_bytes(&self, value: Layout) -> usize {
        let last = self.with_chunk(|chunk| chunk.bytes).unwrap_or(0);
        let usual = (2 * last).clamp(FIRST_CHUNK, MAX_CHUNK);
        // The chunk has the alignment of the pool, which may be less than that of the value.
        let needed = size_of::<Chunk>()
            .saturating_add(value.align() - 1)
            .saturating_add(value.size());
        usual.max(needed)
    }

    /// Makes this memory of the open frame a chunk, and places a value in it, which was counted already. Only for the owner.
    ///
    /// # Safety
    ///
    /// The arena allocated `bytes` bytes at `start` for this, aligned for a [`Chunk`], and they have room for the header and the
    /// value at its alignment.
    pub(crate) unsafe fn add_chunk(
        &self,
        start: NonNull<u8>,
        bytes: usize,
        value: Layout,
    ) -> NonNull<u8> {
        let place = start.cast::<Chunk>().as_ptr();
        let mut added = Chunk {
            cursor: place.wrapping_add(1).cast(),
            end: start.as_ptr().wrapping_add(bytes),
            below: self.values.get(),
            bytes,
        };
        let placed = added.bump(value).expect("the chunk has room");
        // The value's alignment may leave more room than the `lent` word can count in bytes.
        let most = added.cursor.wrapping_add(MAX_CHUNK);
        added.end = added.end.min(most);
        added.bytes = added.end.addr() - place.addr();
        let goes_below = self.with_chunk(|current| {
            // A value with a chunk of its own leaves less room than the current chunk has.
            let goes_below = current.room() > added.room();
            if goes_below {
                added.below = current.below;
                current.below = place;
            }
            goes_below
        });
        if goes_below != Some(true) {
            self.values.set(place);
        }
        // SAFETY: the memory is ours, and aligned for the header.
        unsafe { place.write(added) };
        // Relaxed: the owner reads its own write. Release: pairs with the Acquire in `read`, as every store of this word does.
        let lent = self.lent.load(Ordering::Relaxed);
        self.lent.store(lent | VALUES, Ordering::Release);
        placed
    }

    /// Makes each value of a sampled frame take the slow path.
    pub(crate) fn close_values(&self) {
        self.with_chunk(|chunk| chunk.end = ptr::null_mut());
    }

    /// Gives the fast path the room of the chunk.
    pub(crate) fn open_values(&self) {
        let start = self.values.get().cast::<u8>();
        self.with_chunk(|chunk| chunk.end = start.wrapping_add(chunk.bytes));
    }

    /// Fills all values with zeroes and forgets the chunks: see the head of this file.
    ///
    /// # Safety
    ///
    /// The frame has ended, and the caller has exclusive access to the arena and its memory.
    #[cold]
    pub(super) unsafe fn clean_values(&self) {
        let mut chunk = self.values.replace(ptr::null_mut());
        while !chunk.is_null() {
            // SAFETY: a chunk has a header. Its bytes up to the cursor are initialised, or of values that ended with the frame.
            unsafe {
                let Chunk { cursor, below, .. } = chunk.read();
                let used = cursor.addr() - chunk.addr();
                chunk.cast::<u8>().write_bytes(0, used);
                chunk = below;
            }
        }
    }
}

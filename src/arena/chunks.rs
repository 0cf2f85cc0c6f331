//! The blocks of an arena, what the aggregator reads of it, and what it remembers: by that it judges which blocks are worth keeping.

use std::ptr;

use crate::memory::region::Region;
use crate::telemetry::arena_reading::ArenaReading;

/// The most of a block that is lent in pieces, so that what was asked for fits the lent word.
pub(crate) const MAX_BLOCK_BYTES: usize = 1 << 29;

/// For how many frames at least an arena keeps what a frame needed.
const WINDOW_FRAMES: u32 = 64;

/// What the end of a frame found in an arena.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    pub(crate) reading: ArenaReading,
    /// Bytes of the blocks that the frame used, if they were several and one could be as large.
    pub(crate) several_bytes: usize,
    /// Whether there may be a block that is not needed any more.
    pub(crate) may_trim: bool,
}

/// The blocks of an arena, those in use first.
#[derive(Debug)]
pub(crate) struct Chunks {
    pub(crate) blocks: Vec<Region>,
    pub(crate) used: usize,
}

/// What the aggregator remembers of an arena.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct History {
    /// What it read last in the open frame.
    pub(crate) last: ArenaReading,
    /// The most bytes of blocks that a frame needed, in the last full window of frames and in the current one.
    pub(crate) needed: [u64; 2],
    /// The version at the last reset. While it is the same, the block is the chunks's first and nothing is sealed.
    pub(crate) version: u64,
    /// Frames of the current window.
    pub(crate) frames: u32,
    /// Whether the blocks changed since the last look at whether all are needed.
    pub(crate) changed: bool,
}

impl Chunks {
    /// Begins anew: where the next frame's first buffer lies, or null.
    ///
    /// That is in the first block, unless it was made for one very large buffer. Such a block is not lent in pieces beyond what the
    /// lent word counts: it waits for a buffer that needs it, and another block takes its place if there is one.
    pub(crate) fn rewind(&mut self) -> *mut u8 {
        let is_usual = |block: &Region| block.bytes <= MAX_BLOCK_BYTES;
        let first = self.blocks.iter().position(is_usual);
        self.used = usize::from(first.is_some());
        first.map_or(ptr::null_mut(), |at| {
            self.blocks.swap(0, at);
            self.blocks[0].start.as_ptr()
        })
    }

    /// Where the block with which a frame begins ends, or null.
    pub(crate) fn end(&self) -> *mut u8 {
        if self.used == 0 {
            return ptr::null_mut();
        }
        let block = &self.blocks[0];
        block.start.as_ptr().wrapping_add(usable_bytes(block))
    }

    /// Whether the last block is worth keeping: recent frames needed more than the others hold, and it is not one that was
    /// made for a buffer much larger than what they needed.
    pub(crate) fn is_needed(&self, needed: &[u64; 2], usual_bytes: u64) -> bool {
        let needed = needed[0].max(needed[1]);
        let Some((last, others)) = self.blocks.split_last() else {
            return true;
        };
        (bytes_of(others) as u64) < needed && last.bytes as u64 <= 2 * needed.max(usual_bytes)
    }
}

impl History {
    /// Notes at a frame's end what it needed: all of the blocks before the last in use, and so much of that one. Whether
    /// less may be needed from now on than before.
    pub(crate) fn note_need(&mut self, bytes: u64) -> bool {
        self.needed[1] = self.needed[1].max(bytes);
        self.frames += 1;
        let ends_window = self.frames == WINDOW_FRAMES;
        if ends_window {
            self.needed = [self.needed[1], 0];
            self.frames = 0;
        }
        ends_window
    }
}

pub(crate) fn bytes_of(blocks: &[Region]) -> usize {
    blocks.iter().map(|block| block.bytes).sum()
}

/// How much of a block is lent between two refills, so that the lent word can count it. Only a block that was made for one
/// very large buffer has more, and is then used as far as this.
pub(crate) fn usable_bytes(block: &Region) -> usize {
    block.bytes.min(MAX_BLOCK_BYTES)
}

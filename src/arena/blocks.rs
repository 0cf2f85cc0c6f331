//! The blocks of an arena, and the history from which the aggregator decides which blocks to keep.

use std::ptr;

use crate::memory::region::Region;
use crate::telemetry::arena_reading::ArenaReading;

/// The most bytes of a block that the cursor uses, so that the requested bytes fit in the `lent` word.
pub(crate) const MAX_BLOCK_BYTES: usize = 1 << 29;

/// An arena keeps the memory that a frame needed for at least this many frames.
const WINDOW_FRAMES: u32 = 64;

/// An arena's result at the end of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    pub(crate) reading: ArenaReading,
    /// Bytes of all blocks that the frame used, if it used several and one block can replace them; else 0.
    pub(crate) several_bytes: usize,
    /// Whether the arena may have a block that is no longer needed.
    pub(crate) may_trim: bool,
}

/// The blocks of an arena. The first `used` ones are in use.
#[derive(Debug)]
pub(crate) struct ArenaBlocks {
    pub(crate) all: Vec<Region>,
    pub(crate) used: usize,
}

/// The aggregator's records about one arena.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct History {
    /// The last accepted reading of the open frame.
    pub(crate) last: ArenaReading,
    /// The largest need of one frame, in bytes of blocks: in the last full window of frames, and in the current one.
    pub(crate) needed: [u64; 2],
    /// The version at the last reset. While it is unchanged, the current block is the first one and nothing is sealed.
    pub(crate) version: u64,
    /// Frames of the current window.
    pub(crate) frames: u32,
    /// Whether the blocks changed since the last check for unneeded ones.
    pub(crate) changed: bool,
}

impl ArenaBlocks {
    /// Starts again at the first block of usual size. Returns its start, which is the next frame's first buffer, or null.
    ///
    /// A block larger than [`MAX_BLOCK_BYTES`] was made for one very large buffer, and the `lent` word cannot count all of
    /// it in small buffers. So it is never the first block: it waits for a buffer that needs it.
    pub(crate) fn rewind(&mut self) -> *mut u8 {
        let is_usual = |block: &Region| block.bytes <= MAX_BLOCK_BYTES;
        let first = self.all.iter().position(is_usual);
        self.used = usize::from(first.is_some());
        first.map_or(ptr::null_mut(), |at| {
            self.all.swap(0, at);
            self.all[0].start.as_ptr()
        })
    }

    /// The end of a frame's first block, or null.
    pub(crate) fn end(&self) -> *mut u8 {
        if self.used == 0 {
            return ptr::null_mut();
        }
        let block = &self.all[0];
        block.start.as_ptr().wrapping_add(usable_bytes(block))
    }

    /// The end of the current block, or null.
    pub(crate) fn current_end(&self) -> *mut u8 {
        match self.all[..self.used].last() {
            Some(block) => block.start.as_ptr().wrapping_add(usable_bytes(block)),
            None => ptr::null_mut(),
        }
    }

    /// Whether to keep the last block.
    ///
    /// It is kept if recent frames needed more than the other blocks hold, and if it is not much larger than that need.
    pub(crate) fn is_needed(&self, needed: &[u64; 2], usual_bytes: u64) -> bool {
        let needed = needed[0].max(needed[1]);
        let Some((last, others)) = self.all.split_last() else {
            return true;
        };
        (bytes_of(others) as u64) < needed && last.bytes as u64 <= 2 * needed.max(usual_bytes)
    }
}

impl History {
    /// Records the bytes a frame needed: all full blocks, and the used part of the last one.
    ///
    /// Returns whether a window of frames ended, after which the need may be smaller than before.
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

/// The part of a block that the cursor uses, so that the `lent` word can count it.
///
/// Only a block that was made for one very large buffer has more bytes than this.
pub(crate) fn usable_bytes(block: &Region) -> usize {
    block.bytes.min(MAX_BLOCK_BYTES)
}

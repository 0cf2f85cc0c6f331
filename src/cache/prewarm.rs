//! Memory before it is needed: blocks made, touched and put where allocs find them.
#![expect(
    unsafe_code,
    reason = "new blocks are written to before they are handed on"
)]

use crate::cache::core::Core;
use crate::cache::pooled::Refusal;
use crate::cache::slot::Slot;

/// The smallest page of the systems we know. Touching more often than needed costs little.
const PAGE: usize = 4096;

impl Core {
    /// Makes `count` blocks of `class` ready, in the slot's magazine as far as there is room, else in the depot. The caller
    /// owns the slot.
    pub(crate) fn prewarm(&self, slot: &Slot, class: usize, count: usize) -> Result<(), Refusal> {
        let bytes = self.block_bytes(class);
        for _ in 0..count {
            let (block, _) = self.new_block(class, bytes, None)?;
            for at in (0..bytes).step_by(PAGE) {
                // SAFETY: the block is new and ours, and has `bytes` bytes. Volatile, so that the write of a zero to zeroed
                // memory is not left out: it is what brings the page in.
                unsafe { block.start().add(at).write_volatile(0) };
            }
            // Before trimming can see the block idle.
            self.depot.keep(class, 1);
            // SAFETY: the caller owns the slot, and the block is ours.
            unsafe { slot.stock(self, class, block) };
        }
        Ok(())
    }
}

//! Memory before it is needed: blocks made, touched and put where allocs find them.
#![expect(
    unsafe_code,
    reason = "new blocks are written to before they are handed on"
)]

use std::ptr::NonNull;

use crate::cache::class::OVERSIZE;
use crate::cache::core::Core;
use crate::cache::pooled::{NO_SLOT, Refusal, class_or_oversize};
use crate::cache::slot::Slot;
use crate::cache::system::PAGE;
use crate::cache::tenancy::with_slot;

impl Core {
    /// Makes `count` blocks for `bytes` ready, in the calling thread's magazine as far as there is room, else in the depot.
    pub(crate) fn prewarm(&self, bytes: usize, count: usize) -> Result<(), Refusal> {
        let class = class_or_oversize(bytes).ok_or(Refusal::Overflow)?;
        if class == OVERSIZE {
            return Ok(());
        }
        // SAFETY: the caller's handle keeps the pool alive.
        unsafe { with_slot(NonNull::from(self), |slot| self.stock(slot, class, count)) }
            .unwrap_or(Err(NO_SLOT))
    }

    /// The same, into the slot that the caller owns.
    fn stock(&self, slot: &Slot, class: usize, count: usize) -> Result<(), Refusal> {
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

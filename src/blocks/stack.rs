//! A lock-free stack of blocks: the depot keeps batches in it.
//!
//! # Protocol
//!
//! The stack is one word: `tag │ number of the top block`, 32 bits each. Number 0 means empty. A block's state has the
//! number of the block below it. Records stay readable (`table.rs`), so a thread that follows an outdated number reads a
//! state, or zero.
//!
//! - Push: store `below`, then compare-exchange the word (Release).
//! - Pop: load the word (Acquire), load `below` of the top block, then compare-exchange the word.
//!
//! Every exchange raises the tag. So a compare-exchange that was prepared on an old top fails, even if the same block is on top
//! again (the ABA problem). Only a multiple of 2^32 exchanges during one pop could defeat the tag.
//!
//! Every change of the word is a read-modify-write, so it continues the release sequences of earlier pushes. So a pop
//! of a block synchronises with the push of that block, even with other operations in between.

use crate::blocks::block::Block;
use crate::blocks::table::Table;
use crate::sync::{AtomicU64, Ordering};

/// The top of a stack.
#[derive(Debug)]
pub(crate) struct Stack {
    top: AtomicU64,
}

fn number_of(top: u64) -> u32 {
    top as u32
}

fn next_top(top: u64, number: u32) -> u64 {
    let tag = (top >> 32).wrapping_add(1);
    tag << 32 | u64::from(number)
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self {
            top: AtomicU64::new(0),
        }
    }

    /// Pushes an idle block of the table. The thread that pops it holds it.
    pub(crate) fn push(&self, block: &Block, table: &Table) {
        let number = table.number(block);
        // Relaxed: the number is only stored in `below`; the compare-exchange decides.
        let mut top = self.top.load(Ordering::Relaxed);
        loop {
            block.set_below(number_of(top));
            // Release: pairs with the Acquire in `pop`; publishes the block and the list that it heads. Relaxed on
            // failure: as the load above.
            match self.top.compare_exchange_weak(
                top,
                next_top(top, number),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => top = seen,
            }
        }
    }

    /// Pops the top block. The caller then holds it.
    pub(crate) fn pop<'t>(&self, table: &'t Table) -> Option<&'t Block> {
        // Acquire: pairs with the Release in `push`; the block on top and what is below it are written.
        let mut top = self.top.load(Ordering::Acquire);
        loop {
            if number_of(top) == 0 {
                return None;
            }
            let block = table.get(number_of(top));
            // If another thread popped this block meanwhile the value may be anything, and the exchange fails.
            let below = block.below();
            // Relaxed on success: the tag proves that this is the value that was acquired by the load. Acquire on
            // failure: as the load above, for the next turn.
            match self.top.compare_exchange_weak(
                top,
                next_top(top, below),
                Ordering::Relaxed,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(block),
                Err(seen) => top = seen,
            }
        }
    }
}

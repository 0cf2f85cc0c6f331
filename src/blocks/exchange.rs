//! The parts of a pool and a slot that a magazine needs for an exchange with the depot.

use std::cell::Cell;

use crate::blocks::bin::Bin;
use crate::blocks::block::Block;
use crate::blocks::class::{Classes, OVERSIZE};
use crate::blocks::depot::Depot;
use crate::blocks::table::Table;
use crate::memory::budget::Budget;
use crate::telemetry::counters::{Counter, SlotCounters};

/// The parts of a pool that its magazines share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'p> {
    pub(crate) classes: &'p Classes,
    pub(crate) table: &'p Table,
    pub(crate) depot: &'p Depot,
    pub(crate) budget: &'p Budget,
    pub(crate) out: &'p dyn BlocksOut,
}

impl Exchange<'_> {
    /// Bytes of a block of this class.
    pub(crate) fn bytes_of(&self, class: usize, block: &Block) -> u64 {
        if class == OVERSIZE {
            self.table.record(block).bytes(self.classes)
        } else {
            self.classes.block_bytes(class) as u64
        }
    }
}

/// The number of a pool's blocks in use, to which each magazine adds its balance.
pub(crate) trait BlocksOut: std::fmt::Debug {
    /// Adds a balance: blocks that a magazine received, minus those that it passed on.
    fn pay(&self, balance: i64);
}

/// The credit that all magazines of a thread share.
pub(crate) trait Purse: std::fmt::Debug {
    /// Bytes not yet granted to any bin.
    fn credit(&self) -> &Cell<usize>;

    /// Empties bins until there is `enough` credit, or no bin other than `but` has any.
    fn collect(&self, enough: usize, but: *const Bin, exchange: &Exchange<'_>);
}

/// The parts of a lane and its slot that a magazine needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notes<'s> {
    pub(crate) counters: &'s SlotCounters,
    /// Raised when the counters have changed; see `slot/changes.rs`.
    pub(crate) changes: &'s Counter,
    pub(crate) purse: &'s dyn Purse,
    /// Whether the blocks may have the key of a tag (`slot/lane.rs`).
    pub(crate) is_tagged: bool,
}

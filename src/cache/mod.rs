//! What a thread keeps and what threads share: slots with counters, magazines and arenas; the depot; the blocks.
//!
//! A buffer's way, fastest first: the thread's `magazine` (in its `slot`, found by `tenancy`), a batch from the `depot`,
//! new memory from the `system` within the `budget`. Back: the magazine, the depot, and by `reclaim` the system.

mod arena;
mod bin;
mod block;
mod budget;
mod chain;
mod class;
mod closing;
mod core;
mod counters;
mod depot;
mod framed;
mod hints;
mod in_flight;
mod ledger;
mod magazine;
mod mapping;
mod names;
mod owner;
mod pooled;
mod pressure;
mod prewarm;
mod reclaim;
mod slot;
mod slots;
mod stack;
mod system;
mod table;
mod tally;
mod tenancies;
mod tenancy;
mod tidy;

#[cfg(all(test, framepool_loom))]
#[path = "../../loom-tests/tests/primitives/mod.rs"]
mod models;

pub use counters::{CounterDefinition, Counts};
pub(crate) use counters::{Lent, Settled};

pub(crate) use arena::{Arena, MOST_BLOCK_BYTES};
pub(crate) use block::{Block, Seen};
pub(crate) use budget::Budget;
pub(crate) use chain::ArenaReading;
pub(crate) use class::LINE;
pub(crate) use core::Core;
pub(crate) use framed::{Lane, lend_framed, lend_framed_at_once, with_arena};
pub(crate) use in_flight::MOST_IN_FLIGHT;
pub(crate) use pooled::{Refusal, count_refusal, lend, lend_at_once, take_back};
pub(crate) use reclaim::{TrimState, TrimTime};
pub(crate) use slot::Slot;
pub(crate) use tenancy::with_slot;

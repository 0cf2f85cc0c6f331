//! Models of single parts of the library, each so small that most are explored completely.
//!
//! The parts are not public, so these files are compiled into the library (`src/pool/mod.rs`) when its own tests are built
//! under the model checker. The files next to this folder model the parts together.

#[path = "../support/mod.rs"]
mod support;

mod arena;
mod bins;
mod block;
mod budget;
mod call_stacks;
mod closing;
mod counters;
mod in_flight;
mod lifetime;
mod names;
mod ring;
mod slots;
mod stack;
mod table;
mod tag_budget;
mod waiting;

use support::explore;

//! Models of the single parts of the library's cache, each alone and so small that most are searched whole.
//!
//! The parts are not public, so these files are compiled into the library (`src/pool/mod.rs`) when its own tests are built
//! under the model checker. What the parts are for together is modelled in the files beside this folder.

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

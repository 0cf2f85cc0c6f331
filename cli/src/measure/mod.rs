//! The cost of a replay: time per operation in interleaved rounds, and peak memory in separate processes.

mod memory;
mod rounds;
mod spread;

pub(crate) use memory::{Memory, measure_here, measure_in_children, peak_of};
pub(crate) use rounds::{Contestants, Rounds, time, verify};
pub(crate) use spread::Spread;

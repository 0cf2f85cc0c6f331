//! What a replay costs: time per operation in interleaved rounds, and peak memory in processes of their own.

mod memory;
mod rounds;
mod spread;

pub(crate) use memory::{Memory, measure_here, measure_in_children, peak_of};
pub(crate) use rounds::{Contestants, Rounds, time, verify};
pub(crate) use spread::Spread;

//! Splits buffers by the call stacks of the sampled ones.

use std::panic::Location;

use framepool::telemetry::{SampledCounts, StackFrame, StackHolding};

use crate::Values;

/// The buffers of one call stack.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) values: Values,
    pub(crate) location: &'static Location<'static>,
    frames: Vec<StackFrame>,
}

impl Part {
    /// The functions that led to the line, the innermost first.
    pub(crate) fn callers(&self) -> impl Iterator<Item = &StackFrame> {
        self.frames.iter()
    }
}

/// Splits the whole by the samples. Large buffers are all sampled and counted exactly. The others are split in the
/// proportion of the sampled ones, rounded down. So the parts never exceed the whole. `unlisted` are samples without a call
/// stack, which get a share too.
pub(crate) fn split(whole: Values, stacks: &[&StackHolding], unlisted: SampledCounts) -> Vec<Part> {
    let large = |it: &StackHolding| [it.large_buffers, it.large_bytes];
    let small = |it: &StackHolding| [it.buffers - it.large_buffers, it.bytes - it.large_bytes];
    let sum = |of: &dyn Fn(&StackHolding) -> Values, unlisted| {
        let values = stacks.iter().map(|it| of(it));
        values.fold(unlisted, plus)
    };
    let SampledCounts {
        buffers,
        bytes,
        large_buffers,
        large_bytes,
        ..
    } = unlisted;
    let all_large = sum(&large, [large_buffers, large_bytes]);
    let all_small = sum(&small, [buffers - large_buffers, bytes - large_bytes]);
    let parts = stacks.iter().map(|it| Part {
        values: plus(
            large(it),
            share(rest(whole, all_large), small(it), all_small),
        ),
        location: it.location,
        frames: it.frames(),
    });
    parts.collect()
}

/// The share of the whole for a part of the samples, rounded down.
pub(crate) fn share(whole: Values, part: Values, of: Values) -> Values {
    std::array::from_fn(|at| {
        let share = (u128::from(whole[at]) * u128::from(part[at])).checked_div(u128::from(of[at]));
        share.unwrap_or(0) as u64
    })
}

pub(crate) fn plus([a, b]: Values, [c, d]: Values) -> Values {
    [a + c, b + d]
}

pub(crate) fn rest(all: Values, part: Values) -> Values {
    [
        all[0].saturating_sub(part[0]),
        all[1].saturating_sub(part[1]),
    ]
}

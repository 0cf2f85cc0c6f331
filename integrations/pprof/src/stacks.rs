//! Call stacks of sampled buffers, with names of functions.

use framepool::store::SavedStack;
use framepool::telemetry::{SampledCounts, StackFrame, StackHolding};

use crate::Values;

/// The sampled buffers of one call stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) location: String,
    pub(crate) tag: String,
    pub(crate) counts: SampledCounts,
    /// The functions that led to the line, the innermost first.
    pub(crate) callers: Vec<StackFrame>,
}

impl From<&StackHolding> for Stack {
    fn from(it: &StackHolding) -> Self {
        Self {
            location: it.location.to_string(),
            tag: it.tag.clone(),
            counts: it.counts(),
            callers: it.frames(),
        }
    }
}

impl From<&SavedStack> for Stack {
    fn from(it: &SavedStack) -> Self {
        Self {
            location: it.location.clone(),
            tag: it.tag.clone(),
            counts: it.counts,
            callers: it.frames.clone(),
        }
    }
}

/// Each stack with its part of the whole.
pub(crate) fn divided<'s>(
    whole: Values,
    stacks: impl Iterator<Item = &'s Stack> + Clone,
    unlisted: SampledCounts,
) -> impl Iterator<Item = (&'s Stack, Values)> {
    let counts = stacks.clone().map(|it| it.counts);
    let counts: Vec<_> = counts.chain([unlisted]).collect();
    stacks.zip(SampledCounts::divide(whole, &counts))
}

/// The share of the whole that a part of the samples represents, rounded down.
pub(crate) fn share(whole: Values, part: Values, of: Values) -> Values {
    std::array::from_fn(|at| {
        let share = (u128::from(whole[at]) * u128::from(part[at])).checked_div(u128::from(of[at]));
        share.unwrap_or(0) as u64
    })
}

/// The sum. A saved history may have any numbers.
pub(crate) fn plus([a, b]: Values, [c, d]: Values) -> Values {
    [a.saturating_add(c), b.saturating_add(d)]
}

pub(crate) fn rest(all: Values, part: Values) -> Values {
    [
        all[0].saturating_sub(part[0]),
        all[1].saturating_sub(part[1]),
    ]
}

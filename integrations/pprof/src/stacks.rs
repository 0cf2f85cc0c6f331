//! What a call site holds, split by the call stacks of its sampled buffers.

use framepool::telemetry::{StackFrame, StackHolding};

use crate::{Site, Values};

/// What a call site holds through one call stack.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) values: Values,
    frames: Vec<StackFrame>,
}

impl Part {
    /// The functions that led to the line, the innermost first.
    pub(crate) fn callers(&self) -> impl Iterator<Item = &StackFrame> {
        self.frames.iter()
    }
}

/// Splits what a call site holds. Large buffers are all sampled and count as they are. The others are divided in the proportion of the
/// sampled ones, rounded down. So the parts never exceed the site.
pub(crate) fn split(site: &Site<'_>, stacks: &[StackHolding]) -> Vec<Part> {
    let of_site =
        |it: &&StackHolding| it.tag == site.tag && it.location.to_string() == site.location;
    let stacks: Vec<&StackHolding> = stacks.iter().filter(of_site).collect();
    let large = |it: &StackHolding| [it.large_buffers, it.large_bytes];
    let small = |it: &StackHolding| [it.buffers - it.large_buffers, it.bytes - it.large_bytes];
    let sum = |of: &dyn Fn(&StackHolding) -> Values| {
        let values = stacks.iter().map(|it| of(it));
        values.fold([0; 2], |[a, b], [c, d]| [a + c, b + d])
    };
    let (all_large, all_small) = (sum(&large), sum(&small));
    let parts = stacks.iter().map(|it| {
        let (large, small) = (large(it), small(it));
        let value = |at: usize| {
            let of_small = u128::from(site.values[at].saturating_sub(all_large[at]));
            let share = (of_small * u128::from(small[at])).checked_div(u128::from(all_small[at]));
            large[at] + share.unwrap_or(0) as u64
        };
        Part {
            values: [value(0), value(1)],
            frames: it.frames(),
        }
    });
    parts.collect()
}

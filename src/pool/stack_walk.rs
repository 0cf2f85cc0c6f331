//! Counts sampled buffers by call stack during a walk over the block records.
#![expect(unsafe_code, reason = "a record points to a stack of the pool's table")]

use crate::blocks::call_stacks::CallStack;
use crate::blocks::state::Holder;
use crate::telemetry::call_stack::StackHolding;

/// Counts a sampled buffer for its call stack, if there is memory for the entry. The list is in the order of the
/// pool's stacks.
pub(crate) fn enter_stack(stacks: &mut Vec<StackHolding>, lent: &Holder, large_bytes: u64) {
    let Some(entry) = lent.stack else { return };
    let key = (entry.addr().get(), lent.tag.number());
    let at = match stacks.binary_search_by_key(&key, |it| (it.entry, it.tag_number)) {
        Ok(at) => at,
        Err(at) => {
            if stacks.try_reserve(1).is_err() {
                return;
            }
            // SAFETY: the stack lives as long as the pool, and does not change.
            let CallStack { site, stack, .. } = unsafe { entry.as_ref() };
            stacks.insert(at, StackHolding::new(site, key, stack));
            at
        }
    };
    let it = &mut stacks[at];
    it.buffers += 1;
    it.bytes += lent.bytes;
    if lent.bytes >= large_bytes {
        it.large_buffers += 1;
        it.large_bytes += lent.bytes;
    }
}

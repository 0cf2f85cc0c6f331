//! The reason of a refused request, before it becomes an error.

use crate::error::AllocError;
use crate::memory::tag_budget::Refused;
use crate::pool::inner::PoolInner;
use crate::slot::lane::Lane;

/// The reason of a refused request, before it becomes an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// More bytes than can be addressed.
    Overflow,
    /// Elements aligned more coarsely than the pool's buffers.
    Alignment(usize),
    /// This many bytes more would exceed the budget.
    Budget(u64),
    /// The budget of a tag is used up.
    TagBudget(Refused),
    /// The system did not give this many bytes.
    Memory(u64),
}

/// There is no memory for a slot.
#[cold]
pub(crate) fn slot_refused(inner: &PoolInner) -> Refusal {
    Refusal::Memory(inner.slots.slot_bytes())
}

/// The most bytes an allocation can have, with room for rounding and alignment.
pub(crate) const MAX_BYTES: usize = isize::MAX as usize - (1 << 20);

/// Counts a refusal.
pub(crate) fn count_refusal(lane: &Lane, refusal: Refusal) {
    match refusal {
        Refusal::Overflow | Refusal::Alignment(_) => lane.counters.overflow_refusals.increment(),
        Refusal::Budget(_) | Refusal::TagBudget(_) => lane.counters.budget_refusals.increment(),
        Refusal::Memory(_) => lane.counters.memory_refusals.increment(),
    }
}

/// Panics with the text of an error.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn refused(error: &AllocError) -> ! {
    panic!("framepool: {error}")
}

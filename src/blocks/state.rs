//! The state word of a block: idle, or the frame, the tag and the thread of its alloc.
//!
//! ```text
//!   idle       number of the block below (32 bits) │ batch length (8 bits) │ … │ watched │ … │ 0
//!   allocated  frame (35 bits) │ tag (8 bits) │ thread name (18 bits) │ watched │ long-lived │ 1
//! ```
//!
//! In an idle state a late walker may set the watched bit. The other parts are for the depot: `stack.rs` and `depot.rs`. Without the feature `telemetry` an alloc writes
//! none of it.

use std::panic::Location;

use crate::blocks::label::TagMark;

/// The state of an idle block.
pub(super) const IDLE: u64 = 0;
const BATCH_SHIFT: u32 = 8;
const BELOW_SHIFT: u32 = 32;
/// Set in every state of an allocated block.
pub(super) const LENT: u64 = 1;
pub(super) const LONG_LIVED: u64 = 2;
/// Set by the walker, and cleared by the next state that a holder stores.
pub(super) const WATCHED: u64 = 4;
const THREAD_SHIFT: u32 = 3;
/// Bits of a state word that name the thread.
pub(crate) const THREAD_BITS: u32 = 18;
const TAG_SHIFT: u32 = THREAD_SHIFT + THREAD_BITS;
pub(super) const FRAME_SHIFT: u32 = TAG_SHIFT + u8::BITS;

/// An idle state of a block that heads a batch of `len` blocks, and lies above the block with this number in a stack.
pub(super) fn idle_state(len: u8, below: u32) -> u64 {
    IDLE | u64::from(len) << BATCH_SHIFT | u64::from(below) << BELOW_SHIFT
}

/// The length of the batch, in an idle state.
pub(super) fn batch_len_of(state: u64) -> u8 {
    (state >> BATCH_SHIFT) as u8
}

/// The number of the block below, in an idle state.
pub(super) fn below_of(state: u64) -> u32 {
    (state >> BELOW_SHIFT) as u32
}

/// The part of an allocated state that is the same for all buffers of a thread.
pub(crate) fn thread_stamp(name: u32) -> u64 {
    u64::from(name & ANONYMOUS) << THREAD_SHIFT
}

/// The number of the thread's name in a stamp or an allocated state.
pub(crate) fn thread_of(state: u64) -> u32 {
    (state >> THREAD_SHIFT) as u32 & ANONYMOUS
}

/// The part of an allocated state that names the buffer's tag; zero for no tag.
#[inline(always)]
pub(crate) fn tag_stamp(tag: TagMark) -> u64 {
    u64::from(tag.bits()) << TAG_SHIFT
}

/// The tag in an allocated state.
#[inline(always)]
pub(super) fn tag_of(state: u64) -> TagMark {
    TagMark::from_bits((state >> TAG_SHIFT) as u8)
}

/// The part of an allocated state that is the same for all buffers of a frame. Wraps after 2^35 frames.
pub(crate) fn frame_stamp(frame: u64) -> u64 {
    frame << FRAME_SHIFT | LENT
}

/// The stamp of a buffer without attribution. It replaces the thread's name, so the walker names no holder.
pub(crate) fn anonymous_stamp(frame: u64) -> u64 {
    frame_stamp(frame) | u64::from(ANONYMOUS) << THREAD_SHIFT
}

/// The thread name of a block allocated without attribution.
pub(super) const ANONYMOUS: u32 = (1 << THREAD_BITS) - 1;

/// The holder of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) site: &'static Location<'static>,
    /// The call stack, if it was recorded. Lives as long as the pool.
    #[cfg(feature = "backtrace")]
    pub(crate) stack: Option<std::ptr::NonNull<crate::blocks::call_stacks::CallStack>>,
    /// Frame ends before the alloc, modulo 2^35.
    pub(crate) frame: u64,
    pub(crate) thread: u32,
    pub(crate) long_lived: bool,
    pub(crate) bytes: u64,
    pub(crate) tag: TagMark,
}

/// What the walker finds in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The block is idle, or its holder is changing.
    Idle,
    /// The block is allocated without attribution; its bytes.
    Anonymous(u64),
    Lent(Holder),
}

impl Seen {
    /// The holder, if the record names one.
    pub(crate) fn lent(self) -> Option<Holder> {
        match self {
            Self::Lent(lent) => Some(lent),
            Self::Idle | Self::Anonymous(_) => None,
        }
    }
}

impl Holder {
    /// Frame ends between the alloc and the `frame`-th; zero if the alloc came later.
    pub(crate) fn age(&self, frame: u64) -> u64 {
        const MAX: u64 = u64::MAX >> FRAME_SHIFT;
        let age = frame.wrapping_sub(self.frame) & MAX;
        // The largest ages are those of buffers that were allocated after the `frame`-th frame end.
        if age <= MAX - MAX / 16 { age } else { 0 }
    }
}

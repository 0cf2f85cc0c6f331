//! The state word of a block: idle, or who has had it since which frame.
//!
//! ```text
//!   idle   ……………………………………………………………………………………… 0
//!   lent   frame (39 bits) │ thread name (22 bits) │ watched │ long-lived │ 1
//! ```
//!
//! In an idle state only the last bit has a meaning: a late walker may have set the watched bit.

use std::panic::Location;

use crate::blocks::label::TagMark;

/// The state of an idle block.
pub(super) const IDLE: u64 = 0;
/// Set in every state of an allocated block.
pub(super) const LENT: u64 = 1;
pub(super) const LONG_LIVED: u64 = 2;
/// Set by the walker, and cleared by the next state that a holder stores.
pub(super) const WATCHED: u64 = 4;
const THREAD_SHIFT: u32 = 3;
/// Bits of a state word that name the thread.
const THREAD_BITS: u32 = 22;
pub(super) const FRAME_SHIFT: u32 = THREAD_SHIFT + THREAD_BITS;

/// The part of a lent state that is the same for all buffers a thread takes.
pub(crate) fn thread_stamp(name: u32) -> u64 {
    u64::from(name & ANONYMOUS) << THREAD_SHIFT
}

/// The number of the thread's name in a stamp or a lent state.
pub(crate) fn thread_of(state: u64) -> u32 {
    (state >> THREAD_SHIFT) as u32 & ANONYMOUS
}

/// The part of a lent state that is the same for all buffers taken in a frame. Wraps after 2^39 frames.
pub(crate) fn frame_stamp(frame: u64) -> u64 {
    frame << FRAME_SHIFT | LENT
}

/// The stamp of a buffer without attribution. It replaces the thread's name, and the walker then names no holder.
pub(crate) fn anonymous_stamp(frame: u64) -> u64 {
    frame_stamp(frame) | u64::from(ANONYMOUS) << THREAD_SHIFT
}

/// The thread name of a block lent without attribution.
pub(super) const ANONYMOUS: u32 = (1 << THREAD_BITS) - 1;

/// Who has a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) site: &'static Location<'static>,
    /// How it was reached, if that was recorded. Lives as long as the pool.
    #[cfg(feature = "backtrace")]
    pub(crate) stack: Option<std::ptr::NonNull<crate::blocks::call_stacks::CallStack>>,
    /// Frame ends before it was taken, modulo 2^39.
    pub(crate) frame: u64,
    pub(crate) thread: u32,
    pub(crate) long_lived: bool,
    pub(crate) bytes: u64,
    pub(crate) tag: TagMark,
}

/// What the walker finds in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nobody has the block, or it is just changing hands.
    Idle,
    /// Somebody has it, without attribution: how many bytes.
    Anonymous(u64),
    Lent(Holder),
}

impl Seen {
    /// Who has the block, if the record says so.
    pub(crate) fn lent(self) -> Option<Holder> {
        match self {
            Self::Lent(lent) => Some(lent),
            Self::Idle | Self::Anonymous(_) => None,
        }
    }
}

impl Holder {
    /// Frame ends since it was taken, when `frame` frames had ended; none if it was taken since.
    pub(crate) fn age(&self, frame: u64) -> u64 {
        const MAX: u64 = u64::MAX >> FRAME_SHIFT;
        let age = frame.wrapping_sub(self.frame) & MAX;
        if age <= MAX / 2 { age } else { 0 }
    }
}

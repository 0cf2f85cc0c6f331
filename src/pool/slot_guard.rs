//! Access to a slot through a guard: the thread's own slot, or a temporary one.
//!
//! A temporary slot is claimed for one use and handed back after it. It is used if there is no memory for the
//! thread's list, or if the list was dropped because the thread is about to exit. This is slow, but correct. A use
//! inside such a use (`Frame::with_arena`) claims another temporary slot.
#![expect(
    unsafe_code,
    reason = "a guard keeps a pointer to a slot that the thread owns"
)]

use std::ptr::NonNull;

use crate::pool::inner::PoolInner;
use crate::pool::lookup::{claim, current_slot, enter, leave, leave_busy, sweep_if_closed};
use crate::slot::list::NoSlot;
use crate::slot::owner::Use;
use crate::slot::state::Slot;

/// Runs `f` with the calling thread's slot of the pool, then raises the change mark of its lane without a tag; `None` if there is no
/// memory for a slot.
///
/// # Safety
///
/// The pool is not closed during the call: the caller has a handle or a frame of it.
#[inline]
pub(crate) unsafe fn with_slot<R>(
    inner: NonNull<PoolInner>,
    f: impl FnOnce(&Slot) -> R,
) -> Option<R> {
    // SAFETY: as for the caller.
    unsafe {
        with_slot_unmarked(inner, |slot| {
            let result = f(slot);
            slot.lane.mark_changed();
            result
        })
    }
}

/// Runs `f` with the calling thread's slot, without raising a change mark: `f` changes nothing that an aggregation reads, or
/// raises the mark itself. It may panic.
///
/// # Safety
///
/// As for [`with_slot`].
#[inline]
pub(crate) unsafe fn with_slot_unmarked<R>(
    inner: NonNull<PoolInner>,
    f: impl FnOnce(&Slot) -> R,
) -> Option<R> {
    sweep_if_closed();
    // SAFETY: the caller keeps the pool alive.
    let guard = match unsafe { current_slot(inner) } {
        Some(slot) => SlotGuard {
            inner,
            slot: NonNull::from(slot),
            is_temporary: false,
        },
        // SAFETY: as above.
        None => unsafe { SlotGuard::begin(inner, Use::Handle) }.ok()?,
    };
    // SAFETY: the thread owns the slot, at least until the guard ends.
    Some(f(unsafe { guard.slot.as_ref() }))
}

/// Runs `f`, which releases a buffer and does not panic, with the calling thread's slot of the pool.
///
/// # Errors
///
/// The pool is closed, and the caller must release the buffer without a slot; or there is no memory for one.
///
/// # Safety
///
/// The pool is alive before the call, since the caller has a buffer of it, and is not used after `f`.
pub(crate) unsafe fn release_in_slot(
    inner: NonNull<PoolInner>,
    f: impl FnOnce(&Slot),
) -> Result<(), NoSlot> {
    sweep_if_closed();
    // SAFETY: the buffer keeps the pool alive until `f`, and then the slot's hold does until the guard ends; a slot in the
    // list is there until the thread leaves it.
    unsafe {
        if inner.as_ref().lifetime.is_closed() {
            leave(inner);
            return Err(NoSlot::Closed);
        }
        let guard = match current_slot(inner) {
            Some(slot) if slot.owner().begin_release() => SlotGuard {
                inner,
                slot: NonNull::from(slot),
                is_temporary: false,
            },
            _ => SlotGuard::begin(inner, Use::Release)?,
        };
        f(guard.slot.as_ref());
        guard.end_release();
    }
    Ok(())
}

/// A use of the thread's slot, or of a temporary one, which is handed back at the end, even after a panic.
struct SlotGuard {
    inner: NonNull<PoolInner>,
    slot: NonNull<Slot>,
    is_temporary: bool,
}

impl SlotGuard {
    /// Begins a use of the slot in the thread's list, or of a temporary one if there is no list.
    ///
    /// # Safety
    ///
    /// As for [`with_slot`], or, to release a buffer, for [`release_in_slot`].
    #[cold]
    #[inline(never)]
    unsafe fn begin(inner: NonNull<PoolInner>, purpose: Use) -> Result<Self, NoSlot> {
        let (slot, is_temporary) = match enter(inner, purpose) {
            Ok(slot) => (slot, false),
            Err(NoSlot::Closed) => return Err(NoSlot::Closed),
            // SAFETY: as for the caller.
            Err(NoSlot::Memory) => (unsafe { claim(inner, purpose) }?, true),
        };
        Ok(Self {
            inner,
            slot,
            is_temporary,
        })
    }

    /// Ends a guard in which a buffer was released.
    #[inline]
    fn end_release(self) {
        // SAFETY: the thread owns the slot.
        if !self.is_temporary && !unsafe { self.slot.as_ref() }.owner().end_release() {
            // SAFETY: the guard ends here.
            unsafe { leave_busy(self.inner, self.slot) };
        }
    }

    /// Hands the slot back. A separate function that takes a reference, so that the slot pointer stays in memory and
    /// occupies no register during the guard.
    #[cold]
    #[inline(never)]
    fn end_temporary(&self) {
        // SAFETY: the guard owns the slot and its hold, and ends here.
        unsafe { PoolInner::hand_back(self.inner, self.slot) };
    }
}

impl Drop for SlotGuard {
    #[inline]
    fn drop(&mut self) {
        if self.is_temporary {
            self.end_temporary();
        }
    }
}

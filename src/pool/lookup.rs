//! The thread-local lookup of the calling thread's slot in a pool.
//!
//! The fast paths compare one word. A thread-local without destructor points to the last used lane, which stores its key (`slot/lane.rs`),
//! and to the last used slot, whose lane without a tag stores the pool's address. Pooled buffers need the lane, frames the slot. The slow
//! path keeps a list of the thread's slots in a second thread-local, whose destructor hands them back at
//! thread exit. A listed slot and its pool's address stay valid until the thread leaves them (`closing.rs`). So an address in the
//! list, or in the last used slot or lane, never belongs to another pool.
//!
//! # When a pool is closed
//!
//! Its contents are freed without this thread (`closing.rs`). The thread's slot and the pool's own memory stay: about 8 KiB, and
//! 3.3 KiB for each tag that the thread used.
//! They are freed when the thread next looks through its list. It does that at its exit, and in every slow-path operation, with
//! any pool, after `CLOSED` rose. Each time it checks [`SWEEP`] entries of the list, until it has checked all, so that no single
//! operation pays for a long list.
//!
//! # Without a list
//!
//! After our thread-local was dropped, the destructor of another thread-local may still use a pool. Such a use claims a temporary slot
//! (`slot_guard.rs`).
#![expect(
    unsafe_code,
    reason = "thread-locals hold pointers to pools that they name"
)]

use crate::codegen::cold_path;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use crate::blocks::label::Key;
use crate::pool::inner::PoolInner;
use crate::pool::thread_records::{ThreadRecord, ThreadRecords};
use crate::slot::lane::Lane;
use crate::slot::list::NoSlot;
use crate::slot::owner::Use;
use crate::slot::state::Slot;
use crate::sync::{AtomicPtr, Ordering, dropped_thread_local, global_counter, plain_thread_local};

/// How many entries of the list one sweep checks, after a pool was closed.
const SWEEP: usize = 8;

/// The fast lookup of this thread.
///
/// `slot` is not the first word: on Linux that is at a multiple of 256 bytes. There its load would wait for the caller's store to a frame
/// buffer with the same low address bits, one of 16 of 256 bytes: 2.8 instead of 2.6 ns a buffer.
#[repr(C)]
struct Last {
    /// The value of `CLOSED` at the start of the thread's last complete sweep.
    closed: Cell<u64>,
    /// The last used slot, and the lane for which a pooled buffer was last allocated or released. Set only while the thread's list has
    /// their slots.
    slot: Cell<Option<NonNull<Slot>>>,
    lane: Cell<Option<NonNull<Lane>>>,
}

/// All slots that this thread owns.
struct Listed {
    list: RefCell<ThreadRecords>,
    /// How many entries of the list the current sweep must still check, and the value of `CLOSED` at its start.
    to_sweep: Cell<usize>,
    sweeps_for: Cell<u64>,
}

global_counter! {
    /// The number of pools that were closed in this process.
    static CLOSED;
}

plain_thread_local! {
    static LAST: Last = Last {
        slot: Cell::new(None),
        lane: Cell::new(None),
        closed: Cell::new(0),
    };
}

dropped_thread_local! {
    static LISTED: Listed = Listed {
        list: RefCell::new(ThreadRecords::new()),
        to_sweep: Cell::new(0),
        sweeps_for: Cell::new(0),
    };
}

/// The calling thread's slot of the pool, if the pool is the one it used last.
///
/// # Safety
///
/// The pool is alive while the slot is used: the caller has a handle, a frame or a buffer of it.
#[inline(always)]
pub(crate) unsafe fn current_slot<'s>(inner: NonNull<PoolInner>) -> Option<&'s Slot> {
    let remembered = LAST.try_with(|last| {
        // SAFETY: a slot is remembered only while this thread's list has it, and exists until the thread leaves it.
        let slot: &'s Slot = unsafe { last.slot.get()?.as_ref() };
        is_open_for(&slot.lane.key, Key::new(inner, 0)).then_some(slot)
    });
    found(remembered.ok().flatten())
}

/// The calling thread's lane with this key, if it is the one it used last.
///
/// # Safety
///
/// As for [`current_slot`].
#[inline(always)]
pub(crate) unsafe fn current<'s>(key: Key) -> Option<&'s Lane> {
    // SAFETY: as for this function.
    unsafe { current_by(key, |lane| &lane.key) }
}

/// The calling thread's lane, for an alloc; `None` while backtraces are on (`backtraces.rs`). See [`current`].
///
/// # Safety
///
/// As for [`current`], and the caller has a handle.
#[cfg(feature = "backtrace")]
#[inline(always)]
pub(crate) unsafe fn current_for_alloc<'s>(key: Key) -> Option<&'s Lane> {
    // SAFETY: as for this function.
    unsafe { current_by(key, |lane| &lane.allocs_for) }
}

/// The calling thread's last used lane, if the given word of it holds the key.
///
/// # Safety
///
/// As for [`current`].
#[inline(always)]
unsafe fn current_by<'s>(key: Key, word: impl FnOnce(&Lane) -> &AtomicPtr<()>) -> Option<&'s Lane> {
    let remembered = LAST.try_with(|last| {
        // SAFETY: a lane is remembered only while this thread's list has its slot, and exists as long as that.
        let lane: &'s Lane = unsafe { last.lane.get()?.as_ref() };
        is_open_for(word(lane), key).then_some(lane)
    });
    found(remembered.ok().flatten())
}

#[inline(always)]
fn is_open_for(word: &AtomicPtr<()>, key: Key) -> bool {
    // Relaxed: the owner reads its own write; it may see late that another thread cleared the word.
    word.load(Ordering::Relaxed) == key.word()
}

#[inline(always)]
fn found<T>(remembered: Option<T>) -> Option<T> {
    if remembered.is_none() {
        cold_path();
    }
    remembered
}

/// Makes the lane of a tag the last used one, if the thread used its pool last and has the lane; `false` if there is nothing to change, or
/// only the slow paths may use the lane.
///
/// # Safety
///
/// As for [`current_slot`].
#[inline]
pub(crate) unsafe fn switch_lane(inner: NonNull<PoolInner>, tag: usize) -> bool {
    // SAFETY: as for this function.
    let lane = unsafe { current_slot(inner) }.and_then(|slot| slot.own_lane(tag));
    lane.is_some_and(|lane| is_open_for(&lane.key, Key::new(inner, tag)) && remember_lane(lane))
}

/// Makes a lane the last used one; returns whether it was another one before.
fn remember_lane(lane: &Lane) -> bool {
    let lane = Some(NonNull::from(lane));
    LAST.try_with(|last| last.lane.replace(lane) != lane)
        .unwrap_or(false)
}

/// Makes a lane of the slot the last used one, if the thread's list has the slot. Only for the owner.
pub(crate) fn remember_lane_of(slot: &Slot, lane: &Lane) {
    let _ = LAST.try_with(|last| {
        if last.slot.get() == Some(NonNull::from(slot)) {
            last.lane.set(Some(NonNull::from(lane)));
        }
    });
}

/// Claims a slot, and takes a hold for it.
///
/// # Safety
///
/// The caller keeps the pool alive, at least for this call.
pub(crate) unsafe fn claim(
    inner: NonNull<PoolInner>,
    purpose: Use,
) -> Result<NonNull<Slot>, NoSlot> {
    // SAFETY: as for this function; the hold is given up again if there is no slot.
    unsafe {
        let pool = inner.as_ref();
        pool.lifetime.enter();
        let claimed = pool.claim_slot(purpose);
        if claimed.is_err() {
            PoolInner::leave(inner, 0);
        }
        claimed
    }
}

/// The calling thread's own slot of the pool, claimed if it has none; `Err` also if the thread's list was dropped.
pub(crate) fn enter(inner: NonNull<PoolInner>, purpose: Use) -> Result<NonNull<Slot>, NoSlot> {
    LISTED
        .try_with(|listed| listed.enter(inner, purpose))
        .unwrap_or(Err(NoSlot::Memory))
}

impl Listed {
    /// The slot of the pool, claimed if this thread has none.
    fn enter(&self, inner: NonNull<PoolInner>, purpose: Use) -> Result<NonNull<Slot>, NoSlot> {
        let mut list = self.list.borrow_mut();
        let slot = if let Some(at) = list.find(inner) {
            let slot = list.get(at).slot;
            // SAFETY: a slot in the list exists until the thread leaves it.
            if purpose == Use::Release && !unsafe { slot.as_ref() }.owner().begin_release() {
                drop(list);
                // SAFETY: the caller has a buffer, and does not use its slot now.
                unsafe { leave(inner) };
                return Err(NoSlot::Closed);
            }
            slot
        } else {
            list.reserve().ok_or(NoSlot::Memory)?;
            // SAFETY: the caller keeps the pool alive; the name is dropped when the slot is left.
            unsafe {
                let slot = claim(inner, purpose)?;
                inner.as_ref().lifetime.add_name();
                list.push(ThreadRecord { inner, slot });
                slot
            }
        };
        // SAFETY: the thread owns the slot.
        unsafe { remember(inner, slot) };
        Ok(slot)
    }

    /// Checks some entries of the list, and leaves closed pools.
    fn sweep(&self) {
        for _ in 0..SWEEP {
            let Some(at) = self.to_sweep.get().checked_sub(1) else {
                return;
            };
            self.to_sweep.set(at);
            let mut list = self.list.borrow_mut();
            if at >= list.len() {
                continue;
            }
            // SAFETY: the list names the pool.
            if unsafe { list.get(at).inner.as_ref() }.lifetime.is_closed() {
                // The last entry, which takes its place, was already checked, or is newer.
                let record = list.remove(at);
                drop(list);
                forget(record.slot);
                // SAFETY: this thread owns the slot, and the entry is gone from the list.
                unsafe { PoolInner::leave_slot(record.inner, record.slot) };
            }
        }
    }

    /// Takes the slot of the pool out of the list.
    fn remove(&self, inner: NonNull<PoolInner>) -> Option<ThreadRecord> {
        let mut list = self.list.borrow_mut();
        let at = list.find(inner)?;
        Some(list.remove(at))
    }
}

/// Sweeps a part of the list if a pool was closed since the last complete sweep.
#[inline]
pub(crate) fn sweep_if_closed() {
    // Acquire: pairs with the Release in `note_closed`; for each counted pool, `is_closed` returns true.
    let closed = CLOSED.load(Ordering::Acquire);
    let _ = LAST.try_with(|last| {
        if last.closed.get() != closed {
            begin_sweep(last, closed);
        }
    });
}

#[cold]
#[inline(never)]
fn begin_sweep(last: &Last, closed: u64) {
    let _ = LISTED.try_with(|listed| {
        if listed.to_sweep.get() == 0 {
            listed.to_sweep.set(listed.list.borrow().len());
            listed.sweeps_for.set(closed);
        }
        listed.sweep();
        if listed.to_sweep.get() == 0 {
            last.closed.set(listed.sweeps_for.get());
        }
    });
}

/// Remembers that a pool was used.
///
/// # Safety
///
/// The thread owns the slot, which is one of the pool, and its list has it. The pool is not closed, or the slot is marked.
unsafe fn remember(inner: NonNull<PoolInner>, slot: NonNull<Slot>) {
    // SAFETY: the thread owns the slot.
    let lane = unsafe { &slot.as_ref().lane };
    // Relaxed: the owner's to read.
    lane.key.store(Key::new(inner, 0).word(), Ordering::Relaxed);
    #[cfg(feature = "backtrace")]
    // SAFETY: the pool is alive.
    unsafe {
        inner.as_ref().open_lane(lane);
    }
    let _ = LAST.try_with(|last| {
        last.slot.set(Some(slot));
        last.lane.set(Some(NonNull::from(lane)));
    });
}

/// Forgets a slot that the thread is about to leave, and the last used lane, which may be one of it.
fn forget(slot: NonNull<Slot>) {
    let _ = LAST.try_with(|last| {
        last.lane.set(None);
        if last.slot.get() == Some(slot) {
            last.slot.set(None);
        }
    });
}

impl Drop for Listed {
    fn drop(&mut self) {
        let _ = LAST.try_with(|last| {
            last.slot.set(None);
            last.lane.set(None);
        });
        while let Some(record) = self.list.get_mut().pop() {
            // SAFETY: this thread owns the slot, and the entry is gone from the list.
            unsafe { PoolInner::leave_slot(record.inner, record.slot) };
        }
    }
}

/// Leaves the calling thread's slot of the pool, if it has one.
///
/// # Safety
///
/// The thread does not use the slot at the moment.
pub(crate) unsafe fn leave(inner: NonNull<PoolInner>) {
    let removed = LISTED.try_with(|listed| listed.remove(inner));
    if let Ok(Some(record)) = removed {
        forget(record.slot);
        // SAFETY: this thread owns the slot, and the entry is gone from the list.
        unsafe { PoolInner::leave_slot(record.inner, record.slot) };
    }
}

/// Leaves a pool that the thread found closed, through a slot that it has marked.
///
/// # Safety
///
/// The thread owns the slot, which its list has, and uses it no more.
#[cold]
pub(crate) unsafe fn leave_busy(inner: NonNull<PoolInner>, slot: NonNull<Slot>) {
    let _ = LISTED.try_with(|listed| listed.remove(inner));
    forget(slot);
    // SAFETY: the entry is gone from the list, and with it the pool's name is this call's to drop.
    unsafe {
        PoolInner::hand_back(inner, slot);
        PoolInner::drop_name(inner);
    }
}

/// Makes every thread sweep its list some time later.
pub(crate) fn note_closed() {
    // Release: pairs with the Acquire in `sweep_if_closed`; a thread that sees the rise sees the pool closed.
    CLOSED.fetch_add(1, Ordering::Release);
}

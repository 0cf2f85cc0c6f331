//! All slots of a pool. A slot is claimed at a thread's first use, handed back at its exit, and claimed again by another thread.
//!
//! # Claim and hand-back
//!
//! A claim (Acquire) and a hand-back (Release) change one word (`owner.rs`). So a new owner sees everything that the
//! previous owner wrote. It continues the cumulative counters and the arenas of open frames.
//!
//! The list only grows. A slot is added only if a whole walk found no free one, and none was freed during the walk (`freed` is
//! unchanged). Then all slots had an owner at the end of the walk. So there are never more slots than threads that lived at once,
//! apart from nested temporary slots (`pool/slot_guard.rs`). No law depends on this: a missed free slot, or a `freed` that
//! wrapped during a walk, only costs one more slot.
//!
//! # The end of the list
//!
//! The thread that closes the pool marks the list closed, in the word of its newest slot, and then walks it. Either a slot is added
//! before the mark, and the walk finds it, or it is not added.
#![expect(unsafe_code, reason = "slots are freed with their list")]

use std::alloc::{alloc, dealloc};
use std::ptr::{self, NonNull};

use crate::blocks::exchange::Exchange;
use crate::slot::lane::Lane;
use crate::slot::owner::Use;
use crate::slot::state::Slot;
use crate::slot::thread_names::ThreadNames;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};

/// How many slots ahead a walk prefetches, because fetching a slot takes longer than reading it.
const AHEAD: usize = 4;
/// Off under a model, where each prefetch would be one more step.
const LOOKS_AHEAD: bool = cfg!(not(any(framepool_loom, framepool_shuttle)));

/// Set in the word of the newest slot once the list is closed. A slot's address has this bit clear.
const CLOSED: usize = 1;

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSlot {
    /// The pool is closed.
    Closed,
    /// There is no memory for one.
    Memory,
}

/// All slots of a pool.
#[derive(Debug)]
pub(crate) struct Slots {
    /// The newest slot, with [`CLOSED`].
    newest: AtomicPtr<Slot>,
    count: AtomicU32,
    /// The number of hand-backs.
    freed: AtomicU32,
    /// The number of frames that can be open at once.
    frames: u32,
}

impl Slots {
    pub(crate) fn new(frames: u32) -> Self {
        Self {
            frames,
            newest: AtomicPtr::new(ptr::null_mut()),
            count: AtomicU32::new(0),
            freed: AtomicU32::new(0),
        }
    }

    /// Every slot, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        // Acquire: pairs with the Release in `add`; this slot and all older ones are written.
        let mut at = unmarked(self.newest.load(Ordering::Acquire)).cast_const();
        std::iter::from_fn(move || {
            // SAFETY: a slot is written before it is published and freed only with the list.
            let slot = unsafe { at.as_ref() }?;
            if LOOKS_AHEAD {
                // Relaxed: written before the slot was published.
                Lane::fetch(slot.lane.ahead.load(Ordering::Relaxed));
            }
            // Relaxed: as above.
            at = slot.lane.older.load(Ordering::Relaxed).cast_const().cast();
            Some(slot)
        })
    }

    /// Closes the list: no slot can be added any more. A later walk finds every slot.
    pub(crate) fn close(&self) {
        // Relaxed: the exchange decides.
        let mut newest = self.newest.load(Ordering::Relaxed);
        loop {
            // Acquire: pairs with the Release in `add`. Relaxed on failure: the next turn decides.
            match self.newest.compare_exchange_weak(
                newest,
                newest.map_addr(|addr| addr | CLOSED),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => newest = seen,
            }
        }
    }

    /// Claims a slot for the calling thread: a free one, or a new one whose magazine may keep `credit` bytes.
    pub(crate) fn claim(
        &self,
        names: &ThreadNames,
        credit: usize,
        claim_for: Use,
    ) -> Result<NonNull<Slot>, NoSlot> {
        let slot = loop {
            // Acquire: pairs with the Release in `hand_back`; a walk that begins after a hand-back sees the slot free.
            let freed = self.freed.load(Ordering::Acquire);
            if let Some(slot) = self.iter().find(|slot| slot.owner().claim(claim_for)) {
                break NonNull::from(slot);
            }
            // Acquire: as above; keeps this load after the walk.
            if self.freed.load(Ordering::Acquire) == freed {
                break self.add(credit, claim_for)?;
            }
        };
        let name = names.acquire_own();
        // SAFETY: slots are freed only with the list, and the caller keeps the pool alive.
        unsafe { slot.as_ref() }.set_thread(name);
        Ok(slot)
    }

    /// Adds a new slot, owned by the caller.
    fn add(&self, credit: usize, claimed_for: Use) -> Result<NonNull<Slot>, NoSlot> {
        // SAFETY: a slot is not zero-sized.
        let slot = NonNull::new(unsafe { alloc(Slot::layout(self.frames)) })
            .ok_or(NoSlot::Memory)?
            .cast::<Slot>();
        // SAFETY: allocated just now for a slot.
        unsafe { Slot::write_new(slot, credit, self.frames, claimed_for) };
        // Relaxed: published by the Release below, so a thread that sees the slot sees it counted.
        self.count.fetch_add(1, Ordering::Relaxed);
        // Acquire: pairs with the Release below; `nth_older` reads the slots. The exchange decides.
        let mut newest = self.newest.load(Ordering::Acquire);
        loop {
            if newest.addr() & CLOSED != 0 {
                // Relaxed: the slot was not published.
                self.count.fetch_sub(1, Ordering::Relaxed);
                // SAFETY: written above, and not published.
                unsafe { free(slot) };
                return Err(NoSlot::Closed);
            }
            // SAFETY: the slot is not published yet.
            let new = unsafe { slot.as_ref() };
            // Relaxed: published by the Release below.
            new.lane.older.store(newest.cast(), Ordering::Relaxed);
            if LOOKS_AHEAD {
                // Relaxed: as above.
                let ahead = nth_older(newest, AHEAD - 1).cast();
                new.lane.ahead.store(ahead, Ordering::Relaxed);
            }
            // Release: pairs with the Acquire in `iter`; publishes the slot. Every change of `newest` is such an
            // exchange, so it also continues the earlier publications. Acquire on failure: as above; the next turn
            // decides.
            match self.newest.compare_exchange_weak(
                newest,
                slot.as_ptr(),
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return Ok(slot),
                Err(seen) => newest = seen,
            }
        }
    }

    /// Hands a slot back: its idle blocks go to the depot. Returns its balance, for the lifetime.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of these, and does not use it any more.
    pub(crate) unsafe fn hand_back(
        &self,
        exchange: &Exchange<'_>,
        names: &ThreadNames,
        slot: &Slot,
    ) -> i64 {
        // No change mark needed: `flush` marked the slot before it pushed each batch, and emptying a bin leaves its release count unchanged.
        // SAFETY: the caller owns the slot.
        let balance = unsafe {
            slot.flush(exchange);
            slot.take_balance()
        };
        names.release(slot.thread());
        slot.owner().hand_back();
        // Release: pairs with the Acquires in `claim`; a thread that sees the new number sees the slot free.
        self.freed.fetch_add(1, Ordering::Release);
        balance
    }

    /// Pooled buffers allocated and released so far, as the slots count them now. For the walk over the records,
    /// which takes no lock for it. Releases are read before allocs, so the difference is at least the number of
    /// buffers that are in use throughout.
    pub(crate) fn pooled_counts(&self) -> PooledCounts {
        let mut counts = PooledCounts::default();
        for lane in self.iter().flat_map(Slot::lanes) {
            let of_bins = lane.bins().map(|(_, bin)| bin.released());
            counts.releases = of_bins.fold(
                counts.releases.wrapping_add(lane.counters.released.get()),
                u64::wrapping_add,
            );
        }
        for lane in self.iter().flat_map(Slot::lanes) {
            let of_bins = lane.bins().map(|(_, bin)| bin.hits.get());
            counts.allocs = of_bins.fold(
                counts
                    .allocs
                    .wrapping_add(lane.counters.read_allocated().allocs()),
                u64::wrapping_add,
            );
        }
        counts
    }

    /// Bytes of a slot.
    pub(crate) fn slot_bytes(&self) -> u64 {
        Slot::layout(self.frames).size() as u64
    }

    /// Bytes of all slots.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.count()) * self.slot_bytes()
    }

    /// The number of slots.
    pub(crate) fn count(&self) -> u32 {
        // Relaxed: for statistics.
        self.count.load(Ordering::Relaxed)
    }
}

/// Pooled buffers allocated and released since the pool was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PooledCounts {
    pub(crate) allocs: u64,
    pub(crate) releases: u64,
}

/// The slot `places` steps after `slot` in a walk; null after the last.
fn nth_older(slot: *mut Slot, places: usize) -> *mut Slot {
    (0..places).fold(slot, |slot, _| {
        // SAFETY: a slot of the list, which is freed only with it; its older ones were published before it.
        unsafe { slot.as_ref() }.map_or(ptr::null_mut(), |slot| {
            // Relaxed: written before the slot was published.
            slot.lane.older.load(Ordering::Relaxed).cast()
        })
    })
}

/// Frees a slot.
///
/// # Safety
///
/// `Slots::add` made it, and it is not used any more.
pub(crate) unsafe fn free(slot: NonNull<Slot>) {
    // SAFETY: as for this function.
    unsafe {
        let layout = Slot::layout(slot.as_ref().frames());
        let slot = Slot::whole(slot.as_ptr());
        Slot::drop_arenas(slot);
        slot.drop_in_place();
        dealloc(slot.cast(), layout);
    }
}

fn unmarked(newest: *mut Slot) -> *mut Slot {
    newest.map_addr(|addr| addr & !CLOSED)
}

impl Drop for Slots {
    /// Frees the slots without owners. The others are freed by their owners, which name the pool (`closing.rs`).
    fn drop(&mut self) {
        // Relaxed: the thread that drops the list has exclusive access.
        let mut at = unmarked(self.newest.load(Ordering::Relaxed));
        while let Some(slot) = NonNull::new(at) {
            // SAFETY: every slot was made by `add` and is in the list once. A slot with an owner is not touched after
            // this check, and one without an owner is not in use.
            unsafe {
                // Relaxed: as above.
                at = (*slot.as_ptr()).lane.older.load(Ordering::Relaxed).cast();
                if (*slot.as_ptr()).owner().abandon() {
                    free(slot);
                }
            }
        }
    }
}

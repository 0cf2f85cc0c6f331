//! Closing a pool, from the drop of its last handle until its memory is freed.
//!
//! # What must hold
//!
//! The contents (blocks, records, slots, all bookkeeping) are freed as soon as no buffer is in use. No other thread has to act for
//! this. A thread that sleeps, or uses only other pools, keeps at most its own slot and the pool's address. Threads without a slot
//! in the pool are not affected.
//!
//! # The steps of the closer, the thread that dropped the last handle
//!
//! 1. It marks the pool closed, and hands back its own slot as at thread exit.
//! 2. It closes the list of slots (`slot/list.rs`), so that the walk finds every slot.
//! 3. For each slot it sets `CLOSED` in the owner's word (`owner.rs`) and clears the keys of its lanes, so that later releases
//!    find the pool closed. If the owner is not `BUSY`, the closer pays in the slot's balance and gives up its hold. A `BUSY`
//!    owner does this itself when it has finished; it sees the pool closed then, and frees what it handed back.
//! 4. It frees what lies in the depot and in arenas, and gives up the handles' hold.
//!
//! # Releases
//!
//! A buffer that is released in a closed pool is freed at once, and paid for in the lifetime: one step, however
//! many slots there are. A release that was under way when the pool was closed ends in one of two ways:
//!
//! - *The slow way* it is marked `BUSY`. So the closer skips the slot, and the owner finds `CLOSED` at its end.
//! - *The fast way* (`Lane::release_fast`) has no mark. It puts one block into a bin and changes nothing else: hot block, balance and
//!   active list. It may look for the lane first (`lookup::switch_lane`), in memory of the slot and the thread. The closer counts each block that it does not see in a bin as out. So a missed block
//!   keeps the contents alive. It is paid for when the owner leaves the slot ([`Slot::given_since`]): at its next use of any
//!   pool other than the closed one, or at its exit. If the closer does see the block in the bin, the contents may be freed while the
//!   release still writes its count. That count is in the slot, which exists until its owner leaves it.
//!
//! There are no other steps in a closed pool. Every other use of a slot needs a handle (a frame has one), and is ordered before
//! the last handle is dropped.
//!
//! # Owners
//!
//! A thread's list names the pool and the slot. When the thread leaves, closer and owner may use the slot at once. The second of
//! them finishes it (`owner.rs`). The contents may be freed by then. The owner frees the slot's own memory, and the last thread that
//! names the pool frees the pool's own memory.
#![expect(
    unsafe_code,
    reason = "the thread that gives up the last interest in a pool frees it"
)]

use std::alloc::{Layout, dealloc};
use std::ptr::{self, NonNull};

use crate::blocks::block::Block;
use crate::pool::inner::PoolInner;
use crate::pool::lifetime::Lifetime;
use crate::pool::lookup;
use crate::slot::list;
use crate::slot::owner::{Found, Left};
use crate::slot::state::Slot;

impl PoolInner {
    /// The lifetime, for steps after which the pool may be gone.
    ///
    /// # Safety
    ///
    /// The pool's own memory is there.
    unsafe fn lifetime_of(inner: NonNull<Self>) -> NonNull<Lifetime> {
        // SAFETY: as for this function.
        NonNull::from(unsafe { &**(*inner.as_ptr()).lifetime })
    }

    /// Gives up a hold on the pool, and frees the contents if nothing else refers to them.
    ///
    /// # Safety
    ///
    /// The caller has a hold, and uses the pool no more.
    pub(crate) unsafe fn leave(inner: NonNull<Self>, balance: i64) {
        // SAFETY: the hold keeps the pool alive until this step; when it was the last, the caller is alone with the pool.
        unsafe {
            if Lifetime::leave(Self::lifetime_of(inner), balance) {
                Self::free(inner);
            }
        }
    }

    /// Pays for buffers that came back and are counted nowhere else; frees the contents if nothing else refers to
    /// them.
    ///
    /// # Safety
    ///
    /// The caller had the buffers, and uses the pool no more.
    unsafe fn end_buffers(inner: NonNull<Self>, buffers: i64) {
        // SAFETY: the buffers keep the pool alive until this step; when they were the last, the caller is alone with the pool.
        unsafe {
            if Lifetime::end_buffers(Self::lifetime_of(inner), buffers) {
                Self::free(inner);
            }
        }
    }

    /// Gives up a handle, and closes the pool if it was the last.
    ///
    /// # Safety
    ///
    /// The caller has a handle and uses the pool no more.
    pub(crate) unsafe fn drop_handle(inner: NonNull<Self>) {
        // SAFETY: the handle keeps the pool alive until it is dropped here; after the last one, the handles' hold
        // does, which is given up at the end.
        unsafe {
            if !Lifetime::drop_handle(Self::lifetime_of(inner)) {
                return;
            }
            inner.as_ref().lifetime.close();
            lookup::leave(inner);
            inner.as_ref().close_slots(inner);
            lookup::note_closed();
            // Idle memory will not be used any more.
            inner.as_ref().trim_now(None);
            Self::leave(inner, 0);
        }
    }

    /// Pays the balances of all slots whose owners are not `BUSY`; a busy owner pays its own.
    ///
    /// # Safety
    ///
    /// `this` is this pool, and the caller has the handles' hold.
    unsafe fn close_slots(&self, this: NonNull<Self>) {
        self.slots.close();
        for slot in self.slots.iter() {
            if slot.owner().close() != Found::Unpaid {
                continue;
            }
            slot.close_lanes();
            let mut balance = slot.balance_for_owner();
            if !slot.owner().note_paid() {
                balance -= slot.given_since();
            }
            // SAFETY: the owner's hold is this step's to give up, and the caller's own keeps the pool.
            unsafe { Self::leave(this, balance) };
        }
    }

    /// Gives a slot back, and with it a hold on the pool.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, has marked it or has a handle, and uses neither slot nor pool any more, unless it names the pool.
    pub(crate) unsafe fn hand_back(inner: NonNull<Self>, slot: NonNull<Slot>) {
        // SAFETY: the hold keeps the pool alive until `leave`; the caller owns the slot.
        unsafe {
            let pool = inner.as_ref();
            if let Some(by_tag) = slot.as_ref().by_tag.own() {
                pool.tag_budgets.settle(&by_tag.credits);
            }
            let balance = pool
                .slots
                .hand_back(&pool.exchange(), &pool.names, slot.as_ref());
            if pool.lifetime.is_closed() {
                // The pool is closed, so the memory that came back is not used any more.
                pool.trim_now(None);
            }
            Self::leave(inner, balance);
        }
    }

    /// Leaves a slot, and the pool. The pool may be closed, and its contents gone.
    ///
    /// # Safety
    ///
    /// The caller owns the slot and names the pool, and uses neither any more.
    pub(crate) unsafe fn leave_slot(inner: NonNull<Self>, slot: NonNull<Slot>) {
        // SAFETY: the slot is there until its owner has left it, and the pool's own memory until its name is dropped.
        unsafe {
            if slot.as_ref().owner().begin_release() {
                Self::hand_back(inner, slot);
            } else if slot.as_ref().owner().leave() == Left::Paid {
                Self::leave_paid(inner, slot);
            }
            Self::drop_name(inner);
        }
    }

    /// Leaves a slot for which the closer has paid.
    ///
    /// # Safety
    ///
    /// As for [`leave_slot`](Self::leave_slot).
    unsafe fn leave_paid(inner: NonNull<Self>, slot: NonNull<Slot>) {
        // SAFETY: the slot is there until its owner has left it, the pool's own memory as long as the caller names it, and its
        // contents while the caller has a hold.
        unsafe {
            if inner.as_ref().lifetime.try_enter() {
                let pool = inner.as_ref();
                let given = slot.as_ref().take_over();
                slot.as_ref().flush(&pool.exchange());
                pool.trim_now(None);
                let balance = slot.as_ref().take_balance() - given;
                slot.as_ref().owner().leave_paid();
                Self::leave(inner, balance);
            } else if (*slot.as_ptr()).owner().leave_paid() {
                list::free(slot);
            }
        }
    }

    /// Releases the block of a buffer that is dropped in a closed pool.
    ///
    /// # Safety
    ///
    /// The caller holds the block, and uses neither its memory nor the pool any more.
    pub(crate) unsafe fn release_closed(inner: NonNull<Self>, block: NonNull<Block>) {
        // SAFETY: the buffer keeps the contents until it is paid for; the block is the caller's.
        unsafe {
            let align = inner.as_ref().config.alignment;
            let of = inner.as_ref();
            of.table
                .record(block.as_ref())
                .unbind(&of.classes)
                .give_back(align);
            Self::end_buffers(inner, 1);
        }
    }

    /// Frees the contents of the pool: everything except the lifetime and slots that have owners.
    ///
    /// # Safety
    ///
    /// Nothing refers to the contents any more.
    unsafe fn free(inner: NonNull<Self>) {
        // The caller's pointer may come from a reference; `this` is the pointer that the box was turned into. SAFETY:
        // the caller is alone with the contents.
        let this = unsafe { inner.as_ref().this() };
        // SAFETY: as above; `drop_name` comes last, and does not touch the contents.
        unsafe {
            inner.as_ref().give_back_all();
            ptr::drop_in_place(this.as_ptr());
            Self::drop_name(this);
        }
    }

    /// Gives all memory for buffers back to the system.
    ///
    /// # Safety
    ///
    /// The caller is alone with the contents.
    unsafe fn give_back_all(&self) {
        let align = self.config.alignment;
        for record in self.table.records() {
            // SAFETY: no buffer and no slot is in use: every block is idle and held by this thread. A block that lost its
            // memory, or never had any, gives an empty region.
            unsafe { record.unbind(&self.classes).give_back(align) };
        }
        for slot in self.slots.iter() {
            for (_, arena) in slot.arenas_among(u32::MAX) {
                // SAFETY: no frame is open, since each has a handle; this thread is alone with the arenas.
                while let Some(block) = unsafe { arena.take_unneeded(0, true) } {
                    // SAFETY: taken from the arena just now, and taken from the system with this alignment.
                    unsafe { block.give_back(align) };
                }
            }
        }
    }

    /// One name less; frees the pool's own memory if it was the last.
    ///
    /// # Safety
    ///
    /// The caller has a name, and uses the pool no more.
    pub(crate) unsafe fn drop_name(inner: NonNull<Self>) {
        // SAFETY: the name keeps the pool's own memory until the lifetime has it; when it was the last one, the contents were
        // dropped, and no thread refers to the memory any more. It was a box; the lifetime, which was not dropped, has no
        // destructor.
        unsafe {
            if Lifetime::drop_name(Self::lifetime_of(inner)) {
                dealloc(inner.as_ptr().cast(), Layout::new::<Self>());
            }
        }
    }
}

//! The list of slots, and a slot that changes its owner.
//!
//! Laws: L1 Conservation, L6 One owner.
#![expect(unsafe_code, reason = "the model owns the slots it claims")]

use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr::NonNull;

use loom::thread;

use super::explore;
use crate::BufferPool;
use crate::blocks::class::class_for;
use crate::blocks::label::Label;
use crate::pool::inner::PoolInner;
use crate::pool::pressure::Reach;
use crate::slot::owner::Use;
use crate::slot::state::Slot;

/// A slot for the calling thread, like a temporary one.
fn claim(inner: &PoolInner) -> NonNull<Slot> {
    inner.lifetime.enter();
    inner.claim_slot(Use::Handle).unwrap()
}

/// Four preemptions at most: 12,249 executions; the search without a bound takes over a minute.
#[test]
fn concurrent_claims_get_different_slots() {
    explore(Some(4), || {
        let pool = BufferPool::new();
        let other = {
            let pool = pool.clone();
            thread::spawn(move || claim(pool.inner()).addr())
        };
        let mine = claim(pool.inner()).addr();
        assert_ne!(mine, other.join().unwrap());
        assert_eq!(
            (
                pool.inner().slots.count(),
                pool.inner().slots.iter().count()
            ),
            (2, 2)
        );
    });
}

/// Four preemptions at most; the search without a bound takes over a minute.
#[test]
fn only_free_slot_is_claimed_by_one_thread() {
    explore(Some(4), || {
        let pool = BufferPool::new();
        let inner = pool.inner();
        let free = claim(inner);
        // SAFETY: claimed just now, and not used any more.
        unsafe { PoolInner::hand_back(pool.inner_ptr(), free) };
        let other = {
            let pool = pool.clone();
            thread::spawn(move || {
                let inner = pool.inner();
                claim(inner).addr()
            })
        };
        let mine = claim(inner).addr();
        assert_ne!(mine, other.join().unwrap());
    });
}

#[test]
fn claimed_slot_shows_all_writes_of_previous_owner() {
    explore(None, || {
        let pool = BufferPool::new();
        let inner = pool.inner();
        let slot = claim(inner);
        // SAFETY: the pool lives to the model's end.
        unsafe { slot.as_ref() }.lane.counters.released.increment();
        let other = {
            let (pool, slot) = (pool.clone(), slot.addr());
            thread::spawn(move || {
                let inner = pool.inner();
                let slot = inner
                    .slots
                    .iter()
                    .find(|&own| std::ptr::from_ref(own).addr() == slot.get());
                let slot = slot.unwrap();
                slot.lane.counters.released.increment();
                // SAFETY: this thread does as the owner that hands its slot back.
                let out = unsafe { inner.slots.hand_back(&inner.exchange(), &inner.names, slot) };
                assert_eq!(out, 0, "nothing was lent");
                // SAFETY: the hold that came with the slot.
                unsafe { PoolInner::leave(pool.inner_ptr(), out) };
            })
        };
        // SAFETY: the pool lives to the model's end.
        let next = unsafe { claim(inner).as_ref() };
        next.lane.counters.released.increment();
        let told = u64::from(next.lane.counters.released.get() == 3);
        other.join().unwrap();
        assert_eq!(u64::from(inner.slots.count()), 2 - told);
        let releases: u64 = inner
            .slots
            .iter()
            .map(|slot| slot.lane.counters.released.get())
            .sum();
        assert_eq!(releases, 3, "L1");
    });
}

/// Two preemptions at most: 2,847 executions; the search without a bound takes over a minute.
#[test]
fn the_next_aggregation_counts_a_handed_back_slot() {
    explore(Some(2), || {
        let pool = BufferPool::new();
        let inner = pool.inner();
        // SAFETY: claimed just now; the pool lives to the model's end.
        let slot = unsafe { claim(inner).as_ref() };
        let class = class_for(1).unwrap();
        let (batch, _) = inner.new_blocks(class, 1, 1, Reach::Thread(slot)).unwrap();
        slot.lane.counters.cold_misses.increment();
        // SAFETY: the slot is this thread's, and so is the block, until it lies in the place in front.
        unsafe {
            let block = slot.lane.alloc_new(
                (&inner.exchange(), slot),
                inner.stamp(),
                &batch,
                1,
                Label::untagged(Location::caller()),
            );
            slot.lane
                .release_slow((&inner.exchange(), slot), class, block.as_ref(), 1);
        }
        slot.lane.mark_changed();
        let owner = {
            let (pool, slot) = (pool.clone(), std::ptr::from_ref(slot).addr());
            thread::spawn(move || {
                let inner = pool.inner();
                let slot = inner
                    .slots
                    .iter()
                    .find(|&own| std::ptr::from_ref(own).addr() == slot);
                // SAFETY: this thread does as the owner that hands its slot back, with the hold.
                unsafe {
                    let out = inner
                        .slots
                        .hand_back(&inner.exchange(), &inner.names, slot.unwrap());
                    PoolInner::leave(pool.inner_ptr(), out);
                    out
                }
            })
        };
        pool.stats();
        assert_eq!(owner.join().unwrap(), 0, "nothing is out");
        let totals = pool.stats().totals;
        assert_eq!((totals.allocs, totals.releases), (1, 1), "L1");
        assert_eq!(totals.counts.depot_exchanges, 1, "L1");
    });
}

/// One thread allocates buffers that another releases, more of them than a hold is worth (`HOLD`, small here). Then the
/// other exits during a use of the pool.
#[test]
fn a_pool_outlives_a_consumer_of_many_buffers() {
    explore(Some(1), || {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        // A destructor would free a freed pool twice.
        let pool = ManuallyDrop::new(pool);
        let inner = pool.inner();
        inner.lifetime.add_name();
        // SAFETY: claimed just now; the pool lives to the model's end.
        let (producer, consumer) = unsafe { (claim(inner).as_ref(), claim(inner).as_ref()) };
        let class = class_for(1).unwrap();
        for _ in 0..12 {
            // SAFETY: both slots are still this thread's, and so is the block.
            unsafe {
                let lent = producer.lane.refill(
                    (&inner.exchange(), producer),
                    inner.stamp(),
                    class,
                    1,
                    Label::untagged(Location::caller()),
                );
                let block = lent.unwrap_or_else(|| {
                    let (batch, _) = inner
                        .new_blocks(class, 1, 1, Reach::Thread(producer))
                        .unwrap();
                    producer.lane.alloc_new(
                        (&inner.exchange(), producer),
                        inner.stamp(),
                        &batch,
                        1,
                        Label::untagged(Location::caller()),
                    )
                });
                consumer
                    .lane
                    .release_slow((&inner.exchange(), consumer), class, block.as_ref(), 1);
            }
        }
        let exiting = {
            let (pool, consumer) = (
                BufferPool::clone(&pool),
                std::ptr::from_ref(consumer).addr(),
            );
            thread::spawn(move || {
                let inner = pool.inner();
                let slot = inner
                    .slots
                    .iter()
                    .find(|&own| std::ptr::from_ref(own).addr() == consumer)
                    .unwrap();
                // SAFETY: this thread does as the owner that hands its slot back.
                unsafe { PoolInner::hand_back(pool.inner_ptr(), NonNull::from(slot)) };
                std::mem::forget(pool);
            })
        };
        pool.stats();
        exiting.join().unwrap();
        assert!(inner.lifetime.try_enter(), "L7: the handle keeps the pool");
        // SAFETY: entered just now; the producer's slot is not used any more; the name is the model's.
        unsafe {
            PoolInner::leave(pool.inner_ptr(), 0);
            PoolInner::hand_back(pool.inner_ptr(), NonNull::from(producer));
            PoolInner::drop_name(pool.inner_ptr());
            // The handle that was not dropped.
            PoolInner::drop_handle(pool.inner_ptr());
        }
        drop(ManuallyDrop::into_inner(pool));
    });
}

//! The list of slots, and a slot that changes its owner.
//!
//! Laws: L1, L6.
#![expect(unsafe_code, reason = "the model owns the slots it claims")]

use std::panic::Location;

use loom::thread;

use super::explore;
use crate::BufferPool;
use crate::cache::class::class_for;
use crate::cache::pressure::Reach;

/// Four preemptions at most: 6,711 executions; the search without a bound takes over a minute.
#[test]
fn two_threads_that_claim_at_once_get_different_slots() {
    explore(Some(4), || {
        let pool = BufferPool::new();
        let claim = |pool: &BufferPool| {
            let core = pool.core();
            core.slots.claim(core).unwrap().addr()
        };
        let other = {
            let pool = pool.clone();
            thread::spawn(move || claim(&pool))
        };
        let mine = claim(&pool);
        assert_ne!(mine, other.join().unwrap());
        assert_eq!(
            (pool.core().slots.count(), pool.core().slots.iter().count()),
            (2, 2)
        );
    });
}

#[test]
fn the_one_slot_that_is_free_is_claimed_by_one_thread() {
    explore(None, || {
        let pool = BufferPool::new();
        let core = pool.core();
        let free = core.slots.claim(core).unwrap();
        // SAFETY: claimed just now, and not used any more.
        unsafe { core.slots.hand_back(core, free.as_ref()) };
        let other = {
            let pool = pool.clone();
            thread::spawn(move || {
                let core = pool.core();
                core.slots.claim(core).unwrap().addr()
            })
        };
        let mine = core.slots.claim(core).unwrap().addr();
        assert_ne!(mine, other.join().unwrap());
    });
}

#[test]
fn whoever_claims_a_slot_handed_back_has_all_that_its_owner_wrote() {
    explore(None, || {
        let pool = BufferPool::new();
        let core = pool.core();
        let slot = core.slots.claim(core).unwrap();
        // SAFETY: the pool lives to the model's end.
        unsafe { slot.as_ref() }.counters.released.increment();
        let other = {
            let (pool, slot) = (pool.clone(), slot.addr());
            thread::spawn(move || {
                let core = pool.core();
                let slot = core
                    .slots
                    .iter()
                    .find(|&own| std::ptr::from_ref(own).addr() == slot.get());
                let slot = slot.unwrap();
                slot.counters.released.increment();
                // SAFETY: this thread does as the owner that hands its slot back.
                let out = unsafe { core.slots.hand_back(core, slot) };
                assert_eq!(out, 0, "nothing was lent");
            })
        };
        // SAFETY: the pool lives to the model's end.
        let next = unsafe { core.slots.claim(core).unwrap().as_ref() };
        next.counters.released.increment();
        let told = u64::from(next.counters.released.get() == 3);
        other.join().unwrap();
        assert_eq!(u64::from(core.slots.count()), 2 - told);
        let releases: u64 = core
            .slots
            .iter()
            .map(|slot| slot.counters.released.get())
            .sum();
        assert_eq!(releases, 3, "L1");
    });
}

/// Two preemptions at most: 2,847 executions; the search without a bound takes over a minute.
#[test]
fn what_a_slot_handed_back_beside_a_fold_had_is_found_by_the_next() {
    explore(Some(2), || {
        let pool = BufferPool::new();
        let core = pool.core();
        // SAFETY: claimed just now; the pool lives to the model's end.
        let slot = unsafe { core.slots.claim(core).unwrap().as_ref() };
        let (block, _) = core
            .new_block(class_for(1).unwrap(), 1, Reach::Thread(slot))
            .unwrap();
        slot.counters.cold_misses.increment();
        // SAFETY: the slot is this thread's, and so is the block, until it lies in the place in front.
        unsafe {
            slot.lend_new(core, block, 1, Location::caller());
            slot.give_with_room(core, block, 1);
        }
        slot.announce();
        let owner = {
            let (pool, slot) = (pool.clone(), std::ptr::from_ref(slot).addr());
            thread::spawn(move || {
                let core = pool.core();
                let slot = core
                    .slots
                    .iter()
                    .find(|&own| std::ptr::from_ref(own).addr() == slot);
                // SAFETY: this thread does as the owner that hands its slot back.
                unsafe { core.slots.hand_back(core, slot.unwrap()) }
            })
        };
        pool.stats();
        assert_eq!(owner.join().unwrap(), 0, "nothing is out");
        let totals = pool.stats().totals;
        assert_eq!((totals.allocs, totals.releases), (1, 1), "L1");
        assert_eq!(totals.counts.depot_exchanges, 1, "L1");
    });
}

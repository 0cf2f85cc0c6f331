//! The list of slots, and a slot that changes its owner.
//!
//! Laws: L1, L6.
#![expect(unsafe_code, reason = "the model owns the slots it claims")]

use loom::thread;

use super::explore;
use crate::BufferPool;

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
        unsafe { slot.as_ref() }.counters.released.add(1);
        let other = {
            let (pool, slot) = (pool.clone(), slot.addr());
            thread::spawn(move || {
                let core = pool.core();
                let slot = core
                    .slots
                    .iter()
                    .find(|&own| std::ptr::from_ref(own).addr() == slot.get());
                let slot = slot.unwrap();
                slot.counters.released.add(1);
                // SAFETY: this thread does as the owner that hands its slot back.
                let out = unsafe { core.slots.hand_back(core, slot) };
                assert_eq!(out, 0, "nothing was lent");
            })
        };
        // SAFETY: the pool lives to the model's end.
        let next = unsafe { core.slots.claim(core).unwrap().as_ref() };
        next.counters.released.add(1);
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

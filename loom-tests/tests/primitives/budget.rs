//! The account of the bytes that the pool holds.

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::memory::budget::Budget;
use crate::telemetry::counters::Counter;

/// Laws: L3 It adds up. Four preemptions at most: the search without a bound takes over a minute.
#[test]
fn counted_growth_is_already_in_the_budget() {
    explore(Some(4), || {
        let shared = Arc::new((Budget::new(None), Counter::new()));
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                assert!(shared.0.reserve(64));
                shared.0.commit(64);
                shared.1.add(64);
            })
        };
        // Another worker grows in between.
        assert!(shared.0.reserve(64));
        shared.0.commit(64);
        let lent = shared.1.get();
        let held = shared.0.held_at_aggregation();
        assert!(lent + 64 <= held);
        assert!(held <= shared.0.peak());
        worker.join().unwrap();
        assert_eq!((shared.0.held(), shared.0.peak()), (128, 128));
    });
}

/// Each request fits alone.
#[test]
fn two_requests_at_once_never_exceed_the_limit() {
    explore(None, || {
        let budget = Arc::new(Budget::new(Some(64)));
        let other = {
            let budget = Arc::clone(&budget);
            thread::spawn(move || budget.reserve(64))
        };
        let mine = budget.reserve(64);
        assert_ne!(mine, other.join().unwrap(), "one of them fits");
        assert_eq!((budget.claimed(), budget.held()), (64, 0));
        budget.cancel(64);
        assert!(budget.reserve(64));
    });
}

/// A request that the system refuses, concurrent with one that it grants: the refused one appears in no published number.
#[test]
fn a_request_the_system_refuses_is_never_held() {
    explore(None, || {
        let budget = Arc::new(Budget::new(None));
        let refused = {
            let budget = Arc::clone(&budget);
            thread::spawn(move || {
                assert!(budget.reserve(1 << 20));
                budget.cancel(1 << 20);
            })
        };
        assert!(budget.reserve(64));
        budget.commit(64);
        assert_eq!((budget.held_at_aggregation(), budget.peak()), (64, 64));
        refused.join().unwrap();
        assert_eq!(
            (budget.claimed(), budget.held(), budget.peak()),
            (64, 64, 64)
        );
    });
}

/// A growth during a change of phase is in the phase that ends or in the one that begins. If it is in the one that ends,
/// the one that begins includes it in the held bytes.
#[test]
fn growth_during_phase_change_counts_in_either_phase() {
    explore(None, || {
        let budget = Arc::new(Budget::new(None));
        assert!(budget.reserve(64));
        budget.commit(64);
        let worker = {
            let budget = Arc::clone(&budget);
            thread::spawn(move || {
                assert!(budget.reserve(64));
                budget.commit(64);
            })
        };
        let ended = budget.begin_phase();
        let begun = budget.peak();
        assert!(ended >= 64 && begun >= 64);
        assert!(ended < 128 || begun == 128, "the level is known");
        worker.join().unwrap();
        assert_eq!(ended.max(budget.peak()), 128);
    });
}

/// Memory is returned during a request for the same size: the held bytes never exceed the limit, and the request fits
/// afterwards.
#[test]
fn returned_memory_frees_budget_only_after_its_return() {
    explore(None, || {
        let budget = Arc::new(Budget::new(Some(64)));
        assert!(budget.reserve(64));
        budget.commit(64);
        let evictor = {
            let budget = Arc::clone(&budget);
            thread::spawn(move || budget.evicted(64))
        };
        let fits = budget.reserve(64);
        if fits {
            budget.commit(64);
            assert!(budget.held() <= 64);
        }
        evictor.join().unwrap();
        assert_eq!(budget.held(), 64 * u64::from(fits));
        assert_eq!(budget.peak(), 64);
    });
}

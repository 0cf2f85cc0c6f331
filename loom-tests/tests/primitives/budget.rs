//! The account of the bytes that the pool holds.

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::cache::budget::Budget;
use crate::cache::counters::Counter;

/// Laws: L3.
#[test]
fn what_a_counter_tells_of_is_in_the_account_already() {
    explore(None, || {
        let shared = Arc::new((Budget::new(None), Counter::new()));
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                assert!(shared.0.reserve(64));
                shared.0.confirm();
                shared.1.add(64);
            })
        };
        // Another worker's growth comes in between.
        assert!(shared.0.reserve(64));
        let lent = shared.1.get();
        let reserved = shared.0.confirm();
        assert!(lent + 64 <= reserved);
        assert!(reserved <= shared.0.peak());
        worker.join().unwrap();
        assert_eq!((shared.0.reserved(), shared.0.confirm()), (128, 128));
    });
}

/// Either request fits alone.
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
        assert_eq!(budget.reserved(), 64);
        budget.cancel(64);
        assert!(budget.reserve(64));
    });
}

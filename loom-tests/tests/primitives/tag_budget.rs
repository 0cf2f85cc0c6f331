//! The account of a tag's budget: two threads reserve and return bytes.

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::memory::tag_budget::{Credit, TagBudgets};

const TAG: usize = 1;

/// A budget of which a thread keeps 2 bytes.
fn budget() -> Arc<TagBudgets> {
    let mut budgets = TagBudgets::new();
    budgets.limit(TAG, 0, 256);
    Arc::new(budgets)
}

fn claimed(budgets: &TagBudgets) -> u64 {
    budgets.state(0).2
}

/// Three preemptions at most.
#[test]
fn claimed_bytes_are_out_or_credit_within_limit() {
    explore(Some(3), || {
        let budgets = budget();
        let work = |budgets: &TagBudgets, bytes: [u64; 2]| {
            let credits = [Credit::new()];
            let mut out = 0;
            for bytes in bytes {
                if budgets.take(&credits, TAG, bytes).is_ok() {
                    out += bytes;
                }
                assert!(claimed(budgets) <= 256);
            }
            budgets.give(&credits, TAG, out);
            (out, credits[0].bytes())
        };
        let other = {
            let budgets = Arc::clone(&budgets);
            thread::spawn(move || work(&budgets, [200, 55]))
        };
        let (mine, my_credit) = work(&budgets, [100, 100]);
        let (others, other_credit) = other.join().unwrap();
        assert!(mine > 0 || others > 0, "one of them fits");
        assert_eq!(claimed(&budgets), my_credit + other_credit);
    });
}

/// Four preemptions at most; a search without a bound is 4,065,186 executions, takes six minutes, and found nothing.
#[test]
fn a_thread_that_ends_leaves_no_credit_behind() {
    explore(Some(4), || {
        let budgets = budget();
        let work = |budgets: &TagBudgets| {
            let credits = [Credit::new()];
            assert!(budgets.take(&credits, TAG, 100).is_ok());
            budgets.give(&credits, TAG, 100);
            budgets.settle(&credits);
        };
        let other = {
            let budgets = Arc::clone(&budgets);
            thread::spawn(move || work(&budgets))
        };
        work(&budgets);
        other.join().unwrap();
        assert_eq!(claimed(&budgets), 0);
    });
}

//! Runs a model and prints how much of it was explored.
//!
//! A model without a bound is explored completely: every order of its steps, and every value that a weak ordering allows a
//! load to see. If that takes too long for a regular check, the model has a bound on preemptions (involuntary switches of
//! threads), and its comment gives the bound and the number of executions. A nightly search can go further:
//!
//! ```text
//! FRAMEPOOL_LOOM_PREEMPTIONS=4     bounds below 4 are raised to it
//! FRAMEPOOL_LOOM_PREEMPTIONS=all   no model has a bound
//! ```
//!
//! The number of executions and the time are printed; `-- --nocapture` shows them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;

/// Explores every execution of `model`, or, with a bound, every one with at most `preemptions` involuntary switches.
///
/// # Panics
///
/// If the model fails, or if there was only one execution, which checks nothing.
pub(crate) fn explore(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = raised(preemptions);
    builder.max_branches = 100_000;
    let bound = builder.preemption_bound;
    let began = std::time::Instant::now();
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executions);
    builder.check(move || {
        // Relaxed, here and below: the executions run one after the other.
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let executions = executions.load(Ordering::Relaxed);
    let bound = bound.map_or("no bound".to_owned(), |most| {
        format!("{most} preemptions at most")
    });
    println!(
        "{executions} executions in {:.1?}, {bound}",
        began.elapsed()
    );
    assert!(executions > 1, "the model has nothing to explore");
}

/// Shares a pool among threads through a reference count that loom does not see.
///
/// A separate handle in each thread would add steps to explore; the models of `lifetime.rs` cover handles. The thread that
/// joins the others drops the pool last.
#[allow(dead_code, reason = "not every file of models shares a pool")]
pub(crate) fn shared<T>(pool: T) -> Arc<T> {
    Arc::new(pool)
}

/// The bound from the environment, if it is higher than the model's own.
fn raised(preemptions: Option<usize>) -> Option<usize> {
    let own = preemptions?;
    match std::env::var("FRAMEPOOL_LOOM_PREEMPTIONS") {
        Ok(all) if all == "all" => None,
        Ok(asked) => {
            let asked = asked.parse().expect("a number, or `all`");
            Some(own.max(asked))
        }
        Err(_) => Some(own),
    }
}

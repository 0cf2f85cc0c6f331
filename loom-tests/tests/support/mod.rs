//! Runs a model and says how much of it was explored.

use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;

/// Explores every execution of `model`, or with `preemptions` every one with at most so many involuntary switches.
///
/// # Panics
///
/// If the model fails, or if there was only one execution: then nothing was checked.
pub(crate) fn explore(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 100_000;
    // Relaxed: a number for the report, and tests of one binary that run at once only make it larger.
    let before = EXECUTIONS.load(Ordering::Relaxed);
    let began = std::time::Instant::now();
    builder.check(move || {
        EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let executions = EXECUTIONS.load(Ordering::Relaxed) - before;
    println!("{executions} executions in {:.1?}", began.elapsed());
    assert!(executions > 1, "the model has nothing to explore");
}

//! Short measurements: all benchmarks together take a few minutes.
//!
//! Criterion measures one contestant after the other. On a noisy machine `cargo run --profile measured -p contest` is
//! better, because there they take turns.

use std::time::Duration;

use criterion::Criterion;

/// The Criterion settings of every benchmark.
pub(crate) fn brief() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(30)
        .without_plots()
}

//! Short measurements: all benchmarks together take a few minutes.
//!
//! Criterion measures one contestant after the other. Where the machine is noisy, `cargo run --profile measured -p contest` tells
//! more: there they take turns.

use std::time::Duration;

use criterion::Criterion;

/// How every benchmark is measured.
pub(crate) fn brief() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(30)
        .without_plots()
}

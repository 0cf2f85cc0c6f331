//! Random programs over several pools and threads, compared with a slow, obvious model.
//!
//! The operations run on real threads, one after the other, so that every number has one right value. After every frame end
//! all counters, levels, per-frame numbers and holdings are compared.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

// Under noise (`stress-tests/`) the suite runs against the library with noise at its seam.
#[cfg(framepool_noise)]
extern crate framepool_under_noise as framepool;

#[path = "../common/mod.rs"]
mod common;

mod model;
mod program;
mod strategy;

use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::common::rounds;

#[test]
fn counters_and_snapshots_equal_a_sequential_model() {
    let config = Config {
        cases: rounds(600) as u32,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let programs = vec(strategy::operation(), 0..120);
    TestRunner::new_with_rng(config, random)
        .run(&programs, |operations| {
            program::run(&operations);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

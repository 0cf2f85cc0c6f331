//! L1 (Conservation) to L4 (Whole and ordered) and L6 (One owner) on real threads: churn, hammering, panics, thread exits,
//! rings.

// Under noise (`stress-tests/`) the suite runs against the library with noise at its seam.
#[cfg(framepool_noise)]
extern crate framepool_under_noise as framepool;

#[path = "../common/mod.rs"]
mod common;

mod attribution;
mod churn;
mod economy;
mod endings;
mod exits;
mod hammered;
mod many_pools;
mod ownership;
mod panics;
mod planted;
mod rings;
mod watched;

//! Scenarios of four threads and more, under random schedules: laws L1, L2, L3, L4, L6, L7.
//!
//! A scenario that fails says with which command its schedule is run again:
//!
//! ```text
//! FRAMEPOOL_SHUTTLE_REPLAY=<schedule, or a file that has it> cargo test --profile checks -p shuttle-tests <test>
//! ```
//!
//! `FRAMEPOOL_TEST_SCALE` scales the number of schedules, `FRAMEPOOL_SHUTTLE_SEED` chooses others.
//!
//! Laws: L1, L2, L3, L7.

extern crate framepool_under_shuttle as framepool;

#[path = "../../../tests/common/mod.rs"]
mod common;
mod support;

mod exits;
mod frames;
mod lifetime;
mod programs;
mod readers;
mod rings;

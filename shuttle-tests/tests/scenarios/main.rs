//! Scenarios of four threads and more, under random schedules: laws L1 (Conservation) to L4 (Whole and ordered), L6 (One owner), L7 (All of it comes back).
//!
//! A failing scenario prints the command that runs its schedule again:
//!
//! ```text
//! FRAMEPOOL_SHUTTLE_REPLAY=<schedule, or a file that has it> cargo test --profile checks -p shuttle-tests <test>
//! ```
//!
//! `FRAMEPOOL_TEST_SCALE` scales the number of schedules, `FRAMEPOOL_SHUTTLE_SEED` chooses others.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

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

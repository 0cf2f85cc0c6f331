//! Far more threads than cores, and every way to end: threads that come and go, panic, leave values in thread-locals, and
//! outlive their pools. After each scenario all counts and bytes must agree exactly.
//!
//! Every test runs in a separate process with a counting allocator (L7 All of it comes back). `stress-tests/` runs this
//! suite with noise at the library's seam.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

// Under noise (`stress-tests/`) the suite runs against the library with noise at its seam.
#[cfg(framepool_noise)]
extern crate framepool_under_noise as framepool;

#[path = "../memory/alone.rs"]
mod alone;
#[path = "../common/mod.rs"]
mod common;
#[path = "../memory/counting.rs"]
#[allow(dead_code, reason = "no request is refused here")]
mod counting;

mod books;
mod churn;
mod crowd;
mod ends;
mod panics;

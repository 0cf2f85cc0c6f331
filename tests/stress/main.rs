//! Far more threads than cores, and every way to end: threads that come and go, panic, leave things to their
//! thread-locals, and outlive their pools. After each scenario the books are compared to the last count and byte.
//!
//! Every test runs in a process of its own, whose allocator counts (L7). `stress-tests/` runs this suite with noise at
//! the library's seam.
//!
//! Laws: L1, L2, L3, L7.

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

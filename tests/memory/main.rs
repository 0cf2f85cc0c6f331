//! L7 (All of it comes back), L8 (Steady state allocates nothing), trimming and failing memory, measured by the global
//! allocator of this test binary.
//!
//! Every test runs in a separate process, so that nothing else allocates meanwhile (`alone.rs`).

// Under noise (`stress-tests/`) the suite runs against the library with noise at its seam.
#[cfg(framepool_noise)]
extern crate framepool_under_noise as framepool;

#[path = "../common/mod.rs"]
mod common;

mod alone;
mod bookkeeping;
mod comes_back;
mod counting;
mod failing;
mod failing_anywhere;
mod live_threads;
mod refused;
mod small_buffers;
mod steady;
mod steady_threads;
mod trimming;

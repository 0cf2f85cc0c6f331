//! Laws L7 and L8, trimming and failing memory, seen from below: by the global allocator of this test binary.
//!
//! Every test runs in a process of its own, so that nothing else allocates meanwhile (`alone.rs`).

#[path = "../common/mod.rs"]
mod common;

mod alone;
mod comes_back;
mod counting;
mod failing;
mod failing_anywhere;
mod live_threads;
mod steady;
mod steady_threads;
mod trimming;

//! The test bench of leak verdicts: healthy programs raise no leak alert, planted leaks are reported at their line.
//!
//! Real pools, real buffers, and the bench's own clock: 100,000 frames of a program at 60 frames a second pass in about a
//! second. `docs/verdicts.md` has the table of results.
//!
//!     cargo test --release --test verdicts -- --nocapture

mod bench;
mod cost;
mod growth;
mod healthy;
mod hidden;
mod larger;
mod leak;
mod loads;
mod pauses;
mod planted;
mod scenarios;
mod tags;

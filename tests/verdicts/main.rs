//! The test bench of leak verdicts: healthy programs raise no leak alert, planted leaks are named at their line.
//!
//! Real pools, real buffers, and a clock of the bench's own: 100,000 frames of a program at 60 frames a second pass in about a
//! second. `docs/verdicts.md` has the table of results.
//!
//!     cargo test --release --test verdicts -- --nocapture

mod bench;
mod cost;
mod growth;
mod healthy;
mod leak;
mod planted;
mod scenarios;

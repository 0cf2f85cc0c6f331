//! The fuzz targets: each is a function that takes any bytes, and panics if the library breaks a promise.
//!
//! `fuzz/run` runs them with libFuzzer and an address sanitizer (`fuzz_targets/`). The ordinary tests run the corpus through the
//! same functions (`tests/corpus.rs`), so every input that once found a fault is checked in every test run.
#![deny(unsafe_code)]

mod bytes;

mod arguments;
mod config;
mod health;
mod program;
mod trace;

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/oracle/model.rs"]
mod model;
#[path = "../../tests/oracle/program.rs"]
mod oracle;

pub use arguments::arguments;
pub use config::config;
pub use health::health;
pub use program::program;
pub use trace::trace;

/// A target: takes any bytes, and panics if the library breaks a promise.
pub type Target = fn(&[u8]);

/// Every target, with its name on the command line and in `corpus/`.
pub const TARGETS: [(&str, Target); 5] = [
    ("trace", trace),
    ("arguments", arguments),
    ("config", config),
    ("health", health),
    ("program", program),
];

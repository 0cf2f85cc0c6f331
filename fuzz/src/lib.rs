//! What is fuzzed: each target is a function that takes any bytes and panics when a promise is broken.
//!
//! `fuzz/run` drives them with libFuzzer and with addresses checked (`fuzz_targets/`); the ordinary tests run the corpus
//! through the same functions (`tests/corpus.rs`), so that an input which once broke something stays checked everywhere.
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

/// A target: any bytes in, a panic when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target under the name it has on the command line and in `corpus/`.
pub const TARGETS: [(&str, Target); 5] = [
    ("trace", trace),
    ("arguments", arguments),
    ("config", config),
    ("health", health),
    ("program", program),
];

//! Keeping and showing what was judged: the store, the background watch, and text for people.

mod history;
mod report;
mod store;
mod text;
mod watch;

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;

pub use store::DiagnosticsStore;
pub use text::{Align, Table, bytes, sparkline};
pub use watch::{HealthConfig, Watch};

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
pub(crate) use watch::Watcher;

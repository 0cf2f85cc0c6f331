//! Judging, keeping and showing: frame records and the pool's outstanding buffers in, health snapshots with alerts out.
//!
//! ```text
//! record_frame ──▶ RecentFrames, Spreads ───┐
//! stats, outstanding_into ─────────────────┴▶ RuntimeHealthMetrics ──▶ rules: (rule, site, value)
//!              └▶ Envelopes of each site ──▶ SiteVerdict ───────────────▲
//!                                                                          │
//!                      HealthSnapshot ◀── AlertBook: hold, raise, clear ◀──┘
//! ```

mod frame_times;
mod misses;
mod recent;
mod spread;
mod worst;

mod envelope;
mod loop_time;
mod memory_left;
mod verdict;
mod verdicts;

mod metrics;
mod monitor;

mod advice;
mod need;
mod rules;
mod thresholds;

mod alert;
mod alert_book;

mod snapshot;
mod status;

mod largest;

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;

pub use alert::{Alert, AlertId, AlertState, PoolName};
pub(crate) use largest::LARGEST;
pub use largest::{LargestSite, LargestSites};
pub use metrics::RuntimeHealthMetrics;
pub use monitor::HealthMonitor;
pub use recent::FrameTimeSource;
pub use rules::Rule;
pub use snapshot::{HealthSnapshot, SharedSites};
pub(crate) use snapshot::{write_head, write_metrics};
pub use spread::{FrameSpreads, Spread};
pub use status::{HealthStatus, Severity};
pub use thresholds::{Limits, Thresholds};
pub use verdict::{Exhaustion, Growth, LeakVerdict, MemoryLimit, SharedVerdicts, SiteVerdict};
pub use worst::{WorstFrame, WorstFrames};

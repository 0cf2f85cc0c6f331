//! Leak verdicts, limits and frame times: what a [`HealthSnapshot`] consists of.
//!
//! A [`HealthMonitor`] takes frame records and the buffers in use, and makes health snapshots with alerts:
//!
//! ```text
//! record_frame ──▶ RecentFrames, Spreads ───┐
//! stats, outstanding_into ─────────────────┴▶ RuntimeHealthMetrics ──▶ rules: (rule, site, value)
//!              ├▶ Usage ──▶ Advice
//!              └▶ Envelopes of each site ──▶ SiteVerdict ───────────────▲
//!                                                                          │
//!                      HealthSnapshot ◀── AlertBook: hold, raise, clear ◀──┘
//! ```

mod frame_times;
mod misses;
mod recent;
mod seen_sites;
mod spread;
mod usage;
mod worst;

mod byte_growth;
mod cycle;
mod envelope;
mod growth;
mod loop_time;
mod memory_left;
mod rises;
mod rows;
mod site_history;
mod verdict;
mod verdicts;

pub(crate) mod metrics;
pub(crate) mod monitor;
mod monitor_clock;
mod pool_reading;

pub(crate) mod advice;
mod advice_code;
mod limits;
mod listed;
mod need;
mod next_step;
pub(crate) mod rules;
mod scales;
pub(crate) mod thresholds;

pub(crate) mod alert;
mod alert_book;
mod alert_sentence;
mod pool_name;

mod shared_list;
pub(crate) mod snapshot;
pub(crate) mod status;

mod kept_misses;

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;

pub use advice::{Advice, AdviceKind, Basis, PrewarmSize};
pub use advice_code::settings_code;
pub use alert::AlertState;
pub(crate) use alert::{Alert, AlertId};
pub use growth::{Exhaustion, Growth, MemoryLimit};
pub use limits::Limits;
pub(crate) use listed::{HOLDERS, STACKS};
pub(crate) use metrics::RuntimeHealthMetrics;
pub(crate) use monitor::HealthMonitor;
pub use pool_name::PoolName;
pub use recent::FrameTimeSource;
pub(crate) use rules::Rule;
pub(crate) use scales::GrowthLimits;
pub use shared_list::SharedList;
pub(crate) use snapshot::HealthSnapshot;
pub(crate) use snapshot::{write_head, write_metrics};
pub use spread::{FrameSpreads, Spread};
pub(crate) use status::{HealthStatus, Severity};
pub(crate) use thresholds::Thresholds;
pub use usage::{Measure, UsageHistogram};
pub use verdict::{LeakVerdict, SiteVerdict};
pub use worst::{WorstFrame, WorstFrames};

//! The report as data. The field names are the keys of `--json`; docs/replay-report.md explains them.

use serde::Serialize;

use crate::advise::AdviceSection;
use crate::measure::Spread;
use crate::watch::AlertEntry;

/// The whole report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) version: &'static str,
    pub(crate) trace: TraceSection,
    pub(crate) pool: PoolSection,
    /// The signal that ended the run, and when; `None` if it was complete.
    pub(crate) interrupted: Option<String>,
    /// `None` if a signal ended the replay before the trace's end.
    pub(crate) leaks: Option<LeakSection>,
    /// Why growth was not judged; `None` if it was.
    pub(crate) growth_not_judged: Option<String>,
    pub(crate) alerts: Vec<AlertEntry>,
    /// `None` if nothing was timed.
    pub(crate) timing: Option<TimingSection>,
    /// `None` if nothing was timed.
    pub(crate) advice: Option<AdviceSection>,
    pub(crate) faults: Vec<String>,
}

/// The replayed trace.
#[derive(Debug, Serialize)]
pub(crate) struct TraceSection {
    pub(crate) name: String,
    pub(crate) bundled: bool,
    pub(crate) operations: u64,
    pub(crate) allocs: u64,
    pub(crate) frees: u64,
    pub(crate) freed_by_another_thread: u64,
    pub(crate) recorded_threads: u64,
    pub(crate) replay_threads: u64,
    pub(crate) call_sites: u64,
    pub(crate) seconds: f64,
    pub(crate) peak_live_bytes: u64,
    pub(crate) peak_live_buffers: u64,
    pub(crate) frames: u64,
    pub(crate) frame_ms: Option<f64>,
    pub(crate) idle_frames_left_out: u64,
    pub(crate) lines_left_out: Vec<LeftOut>,
}

/// Lines of the trace that `--lenient` left out, for one reason.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) what: &'static str,
    pub(crate) count: u64,
    pub(crate) first_line: u64,
}

/// The pool's counts while it was watched.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PoolSection {
    pub(crate) frames: u64,
    pub(crate) allocs: u64,
    pub(crate) releases: u64,
    pub(crate) imbalance: i64,
    pub(crate) alloc_bytes: u64,
    pub(crate) release_bytes: u64,
    pub(crate) hits_thread: u64,
    pub(crate) hits_depot: u64,
    pub(crate) misses: u64,
    pub(crate) misses_cold: u64,
    pub(crate) misses_oversize: u64,
    pub(crate) misses_budget: u64,
    pub(crate) misses_frame_block: u64,
    pub(crate) refusals: u64,
    pub(crate) peak_in_use_bytes: u64,
    pub(crate) peak_in_use_buffers: u64,
    pub(crate) peak_pooled_bytes: u64,
    pub(crate) peak_idle_bytes: u64,
    pub(crate) peak_rounding_bytes: u64,
    pub(crate) peak_pool_keys: u32,
    pub(crate) peak_telemetry_bytes: u64,
    pub(crate) pooled_to_live: Option<f64>,
}

/// The buffers still in use after the trace's end.
#[derive(Debug, Default, Serialize)]
pub(crate) struct LeakSection {
    pub(crate) quiet_frames: u64,
    pub(crate) leak_after_frames: u64,
    pub(crate) suspects: u64,
    pub(crate) suspect_bytes: u64,
    pub(crate) suspect_in_use_bytes: u64,
    pub(crate) pool_agrees: bool,
    pub(crate) sites: Vec<LeakSite>,
}

/// Leak suspects of one recorded call site.
#[derive(Debug, Serialize)]
pub(crate) struct LeakSite {
    pub(crate) site: String,
    pub(crate) buffers: u64,
    pub(crate) bytes: u64,
    pub(crate) in_use_bytes: u64,
    pub(crate) oldest_age_frames: u64,
    pub(crate) oldest_taken_at_seconds: f64,
    pub(crate) oldest_thread: u64,
    pub(crate) oldest_line: u64,
}

/// The cost of an operation.
#[derive(Debug, Serialize)]
pub(crate) struct TimingSection {
    pub(crate) rounds: u32,
    pub(crate) cores: u64,
    pub(crate) contestants: Vec<ContestantSection>,
}

/// One contestant's cost.
#[derive(Debug, Serialize)]
pub(crate) struct ContestantSection {
    pub(crate) name: &'static str,
    pub(crate) ns_per_operation: Option<Spread>,
    pub(crate) net_ns_per_operation: Option<Spread>,
    pub(crate) frame_end_ns_per_operation: Option<Spread>,
    pub(crate) elapsed_ns_per_operation: Option<Spread>,
    pub(crate) first_round_ns_per_operation: Option<f64>,
    pub(crate) framepool_to_this: Option<Spread>,
    pub(crate) net_framepool_to_this: Option<Spread>,
    pub(crate) peak_memory_bytes: Option<u64>,
    pub(crate) peak_memory_unavailable: Option<String>,
}

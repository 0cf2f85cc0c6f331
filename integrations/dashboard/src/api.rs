//! The documents of the interface as a reader in Rust sees them.
//!
//! The server writes [`Pool`], [`Limits`], [`Holding`] and [`Sites`] as they are here; a reader reads of each document what it needs, and
//! ignores the rest. `openapi.json` describes all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use framepool::store::{SavedAlert, SavedVerdict};
pub use framepool::store::{SavedHolding as Holding, SavedLimits as Limits};
use framepool::telemetry::TagStats;
use framepool::{HealthStatus, PoolId, RuntimeHealthMetrics, Timestamp};
use serde::{Deserialize, Serialize};

/// All that changes: `/api/v1/update`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Update {
    /// Every pool of the page.
    pub pools: Vec<PoolUpdate>,
}

/// All that changes of one pool.
#[derive(Clone, Debug, Deserialize)]
pub struct PoolUpdate {
    /// Which pool.
    pub pool: Pool,
    /// How it was judged last, if it was.
    pub health: Option<Health>,
    /// The alerts that are active.
    pub active: Vec<SavedAlert>,
    /// Who holds memory.
    pub sites: Sites,
    /// The latest samples of the history.
    pub samples: Vec<SampleRow>,
}

/// One pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pool {
    /// Its number in its process.
    pub id: PoolId,
    /// Its name.
    pub name: String,
    /// The severity of its worst active alert; none before the first judgement.
    pub status: Option<HealthStatus>,
    /// Its budget, if it has one.
    pub limit_bytes: Option<u64>,
    /// The levels of every rule, by the rule's name.
    pub thresholds: BTreeMap<String, Limits>,
}

/// Who holds memory: `/api/v1/sites`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sites<List = Vec<Site>> {
    /// When this was read.
    pub at: Timestamp,
    /// Pooled buffers out.
    pub buffers: u64,
    /// Bytes of these buffers.
    pub bytes: u64,
    /// Of them, buffers marked as long-lived.
    pub long_lived: u64,
    /// Bytes of the long-lived buffers.
    pub long_lived_bytes: u64,
    /// Of them, leak suspects.
    pub suspects: u64,
    /// Bytes of the leak suspects.
    pub suspect_bytes: u64,
    /// The call sites that hold the most, the largest first.
    pub sites: List,
    /// Call sites beyond the ones listed.
    pub left_out: usize,
    /// All memory part by part.
    pub holdings: Vec<Holding>,
}

/// What one call site holds: see [`SiteHolding`](framepool::SiteHolding).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Site {
    /// The line of code.
    pub location: String,
    /// The tag with which the buffers were taken; empty for none.
    pub tag: String,
    /// Buffers out.
    pub buffers: u64,
    /// Bytes of these buffers.
    pub bytes: u64,
    /// Frames since the oldest was taken.
    pub oldest_age_frames: u64,
    /// For how long at least the oldest has been out.
    pub oldest_age: Duration,
    /// The thread that took the oldest.
    pub thread: String,
}

/// How a pool was judged: see [`HealthSnapshot`](framepool::HealthSnapshot).
#[derive(Clone, Debug, Deserialize)]
pub struct Health {
    /// The severity of the worst active alert.
    pub status: HealthStatus,
    /// The numbers.
    pub metrics: RuntimeHealthMetrics,
    /// The verdicts on call sites with old buffers.
    pub verdicts: Vec<SavedVerdict>,
    /// The pool's tags.
    pub tags: Vec<TagStats>,
    /// When it was judged, since the first judgement.
    pub at: Duration,
    /// When it was judged, by the clocks.
    pub time: Timestamp,
}

/// The history over a span: `/api/v1/history`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct History {
    /// What the values of a sample are.
    pub columns: Vec<Column>,
    /// The samples, the latest last.
    pub samples: Vec<SampleRow>,
}

/// What a value of a sample is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Column {
    /// The name of its metric.
    pub metric: String,
    /// Which of the metric's numbers it is.
    pub labels: BTreeMap<String, String>,
}

/// Who held how much: the place of the name, bytes, buffers.
pub type HeldRow = (u64, u64, u64);

/// A sample: when it was taken in milliseconds since 1970, its values, and who held the memory in use: by call site, tag, thread and
/// block size.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct SampleRow(
    pub u64,
    pub Vec<Option<f64>>,
    pub Vec<HeldRow>,
    #[serde(default)] pub Vec<HeldRow>,
    #[serde(default)] pub Vec<HeldRow>,
    #[serde(default)] pub Vec<HeldRow>,
);

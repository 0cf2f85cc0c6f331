//! The documents of the interface as Rust types for readers.
//!
//! The server writes [`Pool`], [`Limits`], [`Holding`] and [`Sites`] as they are here; a reader's type has only the fields
//! that it needs. `openapi.json` describes everything.

use std::collections::BTreeMap;
use std::time::Duration;

use framepool::store::{SavedAlert, SavedStack, SavedVerdict};
pub use framepool::store::{SavedHolding as Holding, SavedLimits as Limits};
use framepool::telemetry::{StackSampling, TagStats};
use framepool::{HealthStatus, PoolId, RuntimeHealthMetrics, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything that changes: `/api/v1/update`.
///
/// ```
/// use framepool_dashboard::api::Update;
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let pool = BufferPool::builder().name("render").build()?;
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
///
/// let update: Update = recording.update(); // or `/api/v1/update`, read with serde
/// assert_eq!(update.pools[0].pool.name, "render");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Update {
    /// The process that answers. After a restart it is another one.
    #[serde(default)]
    pub process: Process,
    /// Every pool of the page.
    pub pools: Vec<PoolUpdate>,
}

/// A process.
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// let before = recording.update().process;
/// assert_eq!(before.id, std::process::id());
/// assert_eq!(recording.update().process, before); // the numbers of pools and frames go on
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number in the system.
    pub id: u32,
    /// When it began to record its pools.
    pub started: Timestamp,
}

/// Everything that changes for one pool.
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// for pool in recording.update().pools {
///     println!("{}: {} alerts", pool.pool.name, pool.active.len());
///     assert_eq!(pool.sites.buffers, 0);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
pub struct PoolUpdate {
    /// The pool.
    pub pool: Pool,
    /// Its latest judgement, if there is one.
    pub health: Option<Health>,
    /// The active alerts.
    pub active: Vec<SavedAlert>,
    /// The holders of memory.
    pub sites: Sites,
    /// The latest samples of the history.
    pub samples: Vec<SampleRow>,
}

/// One pool.
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// let pool = BufferPool::builder().max_bytes(1 << 30).build()?;
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// let shown = &recording.update().pools[0].pool;
/// assert_eq!(shown.limit_bytes, Some(1 << 30));
/// assert_eq!(shown.thresholds["pooled_bytes"].warning, Some(50e6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pool {
    /// Its number in its process.
    pub id: PoolId,
    /// Its name.
    pub name: String,
    /// The severity of its worst active alert; `None` before the first judgement.
    pub status: Option<HealthStatus>,
    /// Its budget, if it has one.
    pub limit_bytes: Option<u64>,
    /// The levels of every rule, by the rule's name.
    pub thresholds: BTreeMap<String, Limits>,
}

/// The holders of memory: `/api/v1/sites`.
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let pool = BufferPool::new();
/// let image = pool.alloc::<u8>(4096);
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// let sites = &recording.update().pools[0].sites;
/// assert_eq!((sites.buffers, sites.bytes, sites.left_out), (1, 4096, 0));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sites<List = Vec<Site>> {
    /// The time of the judgement that these are of; only `holdings` are read a moment later. It stands still when the watch has
    /// stopped.
    pub at: Timestamp,
    /// Pooled buffers in use.
    pub buffers: u64,
    /// Bytes of these buffers.
    pub bytes: u64,
    /// Buffers among these that are marked as long-lived.
    pub long_lived: u64,
    /// Bytes of the long-lived buffers.
    pub long_lived_bytes: u64,
    /// Leak suspects among these.
    pub suspects: u64,
    /// Bytes of the leak suspects.
    pub suspect_bytes: u64,
    /// The call sites that hold the most, the largest first.
    pub sites: List,
    /// Call sites beyond the ones listed.
    pub left_out: usize,
    /// All memory, part by part.
    pub holdings: Vec<Holding>,
    /// Call stacks of sampled buffers: `/api/v1/stacks` has them.
    #[serde(default)]
    pub stacks: usize,
}

/// The callers of sampled buffers that are out: `/api/v1/stacks`.
///
/// ```
/// use framepool_dashboard::api::Stacks;
/// # use std::io::{Read, Write};
/// # use framepool::{Attribution, BufferPool, HealthConfig, Watch};
/// # let pool = BufferPool::builder().attribution(Attribution::Backtraces).build()?;
/// # let image = pool.alloc::<u8>(1 << 20);
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # let server = framepool_dashboard::serve(&watch, "127.0.0.1:0")?;
/// # let mut connection = std::net::TcpStream::connect(server.address())?;
/// # write!(connection, "GET /api/v1/stacks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
/// # let mut answer = String::new();
/// # connection.read_to_string(&mut answer)?;
/// # let body = answer.split_once("\r\n\r\n").unwrap().1;
///
/// let read: Stacks = serde_json::from_str(body)?; // of a GET
/// assert_eq!(read.stacks[0].counts.large_bytes, 1 << 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stacks {
    /// When this was read.
    pub at: Timestamp,
    /// Which buffers have their call stack recorded.
    pub sampling: StackSampling,
    /// The call stacks, those first that stand for the most bytes, 64 at most.
    pub stacks: Vec<SavedStack>,
    /// Call stacks beyond the ones listed.
    pub left_out: usize,
    /// Sampled buffers since the pool was made whose call stack was not kept.
    pub lost: u64,
}

/// The buffers of one call site: see [`SiteHolding`](framepool::SiteHolding).
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let pool = BufferPool::new();
/// let image = pool.tag("textures").alloc::<u8>(4096);
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// let site = &recording.update().pools[0].sites.sites[0];
/// assert_eq!((&*site.tag, site.bytes), ("textures", 4096));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Site {
    /// The line of code.
    pub location: String,
    /// The tag of the buffers; empty for none.
    pub tag: String,
    /// Buffers out.
    pub buffers: u64,
    /// Bytes of these buffers.
    pub bytes: u64,
    /// The age of the oldest in frames.
    pub oldest_age_frames: u64,
    /// The least time that the oldest has been in use.
    pub oldest_age: Duration,
    /// The thread that allocated the oldest.
    pub thread: String,
}

/// A judgement of a pool: see [`HealthSnapshot`](framepool::HealthSnapshot).
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, HealthStatus, Watch};
/// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// watch.stop();
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// let pools = recording.update().pools;
/// let health = pools[0].health.as_ref().expect("the watch has judged");
/// assert_eq!(health.status, HealthStatus::Healthy);
/// # Ok::<(), std::io::Error>(())
/// ```
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
    /// The time of the judgement, since the first one.
    pub at: Duration,
    /// The time of the judgement, by the clocks.
    pub time: Timestamp,
}

/// The history over a span: `/api/v1/history`.
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let pool = BufferPool::new();
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # watch.stop();
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// let history = recording.recent(pool.id()).expect("a pool of this recording");
/// for sample in &history.samples {
///     assert_eq!(sample.1.len(), history.columns.len()); // a value for each column
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
pub struct History {
    /// The meaning of a sample's values.
    pub columns: Vec<Column>,
    /// The samples, the latest last.
    pub samples: Vec<SampleRow>,
}

/// The meaning of a value in a sample.
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let pool = BufferPool::new();
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # watch.stop();
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// let history = recording.recent(pool.id()).expect("a pool of this recording");
/// let in_use = history.columns.iter().position(|column| {
///     column.metric == "framepool.memory.usage" && column.labels["state"] == "in_use"
/// });
/// assert!(in_use.is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Column {
    /// The name of its metric.
    pub metric: String,
    /// The labels of the number.
    pub labels: BTreeMap<String, String>,
}

/// A holder: the place of the name, bytes, buffers.
pub type HeldRow = (u64, u64, u64);

/// A sample: its time in milliseconds since 1970, its values, and the holders of the memory in use by call site, tag,
/// thread and block size.
///
/// ```
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let pool = BufferPool::new();
/// let image = pool.alloc::<u8>(4096);
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # watch.stop();
/// # let recording = framepool_dashboard::Dashboard::new(&watch).record()?;
/// let history = recording.recent(pool.id()).expect("a pool of this recording");
/// let latest = history.samples.last().expect("a judgement");
/// let (_, bytes, buffers) = latest.2[0]; // the largest call site
/// assert_eq!((bytes, buffers), (4096, 1));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct SampleRow(
    pub u64,
    pub Vec<Option<f64>>,
    pub Vec<HeldRow>,
    #[serde(default)] pub Vec<HeldRow>,
    #[serde(default)] pub Vec<HeldRow>,
    #[serde(default)] pub Vec<HeldRow>,
);

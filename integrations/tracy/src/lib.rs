//! framepool's frames, numbers and memory in the Tracy profiler.
//!
//! A [`Reporter`] reports one pool to a connected profiler:
//!
//! | in Tracy | what it shows |
//! |---|---|
//! | frames named after the pool | every frame end that the program reports |
//! | plots | every level and counter of the library's table, [`framepool::metrics::METRICS`], and the time and bytes of each frame |
//! | memory pool named after the pool | the pooled buffers in use, at each reading, by address |
//! | memory pool `… frames` | the blocks of open frames, discarded and listed again at each reading |
//!
//! It does nothing without the feature `enable`, and almost nothing while no profiler is connected.
#![deny(unsafe_code)]

mod buffers;
mod emit;
mod plots;

use std::fmt;
use std::time::{Duration, Instant};

use framepool::metrics::Reading;
use framepool::telemetry::{Place, PlaceKind};
use framepool::{BufferPool, DiagnosticsStore, FrameSnapshot};
use tracy_client::Client;

use buffers::Buffers;
use emit::{FrameMark, MemoryPool};
use plots::Plots;

/// The interval of reading levels and memory.
const LOOKS: Duration = Duration::from_millis(50);

/// Reports one pool to Tracy. See the [crate documentation](crate).
///
/// ```
/// use framepool::BufferPool;
/// use framepool_tracy::Reporter;
///
/// let pool = BufferPool::builder().name("render").build()?;
/// let mut tracy = Reporter::new(&pool);
/// for _ in 0..3 {
///     let frame = pool.begin_frame();
///     frame.alloc::<f32>(1024);
///     tracy.frame(&frame.release_all());
/// }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
pub struct Reporter {
    client: Client,
    pool: BufferPool,
    store: Option<DiagnosticsStore>,
    mark: FrameMark,
    plots: Plots,
    buffers: MemoryPool,
    frames: MemoryPool,
    /// The buffers that were reported to the profiler.
    told: Buffers,
    places: Vec<Place>,
    interval: Duration,
    looked: Option<Instant>,
    was_connected: bool,
}

impl Reporter {
    /// Starts Tracy's client, if the feature `enable` is on and it is not running yet, and reports this pool.
    ///
    /// Tracy never frees names: those of a reporter, about 4 KiB, stay in memory after it is dropped.
    pub fn new(pool: &BufferPool) -> Self {
        let name = pool.name();
        Self {
            client: Client::start(),
            mark: FrameMark::new(name),
            plots: Plots::new(name),
            buffers: MemoryPool::new(name),
            frames: MemoryPool::new(&format!("{name} frames")),
            pool: pool.clone(),
            store: None,
            told: Buffers::default(),
            places: Vec::new(),
            interval: LOOKS,
            looked: None,
            was_connected: false,
        }
    }

    /// Also plots judgements of the pool: leaks, alerts, ages.
    #[must_use]
    pub fn with_store(mut self, store: &DiagnosticsStore) -> Self {
        self.store = Some(store.clone());
        self
    }

    /// Sets the least time between two readings of levels and memory: 50 ms by default, zero for every frame. A reading
    /// reads the records of all blocks.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Reports a frame end, on the thread that ended the frame: a frame mark, its numbers, and, if due, levels and memory.
    pub fn frame(&mut self, frame: &FrameSnapshot) {
        if self.is_connected() {
            self.mark.emit(&self.client);
            self.plots.frame(&self.client, frame);
            if self.looked.is_none_or(|at| at.elapsed() >= self.interval) {
                self.look();
            }
        }
    }

    /// Reports levels and memory now, for programs that end no frames.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    /// use framepool_tracy::Reporter;
    ///
    /// let pool = BufferPool::new();
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// let mut tracy = Reporter::new(&pool).with_store(watch.store());
    /// tracy.report(); // for example once a second
    /// ```
    pub fn report(&mut self) {
        if self.is_connected() {
            self.look();
        }
    }

    /// Whether a profiler is connected. A new one starts without earlier reports.
    fn is_connected(&mut self) -> bool {
        let is_connected = Client::is_connected();
        if is_connected && !self.was_connected {
            self.told = Buffers::default();
            self.looked = None;
            self.plots.configure(&self.client);
        }
        self.was_connected = is_connected;
        is_connected
    }

    fn look(&mut self) {
        self.looked = Some(Instant::now());
        let store = self.store.as_ref();
        let health = store.and_then(|store| store.latest_of(self.pool.id()));
        let reading = Reading::now(&self.pool, health);
        self.plots.levels(&self.client, &reading);
        self.pool.places_into(&mut self.places);
        // Discard all at once, so that memory of ended frames does not look leaked.
        self.frames.discard(&self.client);
        for place in &self.places {
            match place.kind {
                PlaceKind::FrameBlock => {
                    self.frames.alloc(&self.client, place.address, place.bytes);
                }
                _ => self.told.enter(place.address, place.bytes),
            }
        }
        let (pool, client) = (&self.buffers, &self.client);
        self.told.settle(
            |address| pool.free(client, address),
            |address, bytes| pool.alloc(client, address, bytes),
        );
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("pool", &self.pool)
            .field("is_connected", &self.was_connected)
            .finish_non_exhaustive()
    }
}

/// Removes the reporter's buffers from the profiler, so that they do not look leaked.
impl Drop for Reporter {
    fn drop(&mut self) {
        if Client::is_connected() && self.was_connected {
            self.buffers.discard(&self.client);
            self.frames.discard(&self.client);
        }
    }
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

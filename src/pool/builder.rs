//! How a pool is set up, checked when it is built.

use std::time::Duration;

use crate::arena::{blocks::MAX_BLOCK_BYTES, in_flight::MAX_IN_FLIGHT};
use crate::blocks::class::LINE;
use crate::error::ConfigError;
use crate::memory::alignment::Alignment;
use crate::pool::config::{Attribution, Config};
use crate::pool::handle::BufferPool;
use crate::pool::tag_settings::TagSettings;
use crate::telemetry::ring::MAX_PLACES;

const MIN_BLOCK_BYTES: usize = 4096;
/// The most tags that a builder sets up. The pool has room for all of them, with three parents each.
const MAX_CONFIGURED: usize = 31;
/// Off under a model checker; models of sampling set it themselves.
const SAMPLE_FRAMES: u32 = if cfg!(any(framepool_loom, framepool_shuttle)) {
    0
} else {
    64
};
const LEAK_AFTER: Duration = Duration::from_secs(1);

/// Settings for a new pool; [`build`](Self::build) checks them.
///
/// ```
/// use framepool::BufferPool;
///
/// let pool = BufferPool::builder()
///     .name("render")
///     .max_frames_in_flight(3)
///     .max_bytes(1 << 30)
///     .build()?;
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until `build`"]
pub struct PoolBuilder {
    config: Config,
    /// Whether the leak age was set: in frames, in time.
    own_leak_after: (bool, bool),
}

impl PoolBuilder {
    pub(crate) fn new() -> Self {
        Self {
            config: Config {
                name: None,
                max_frames_in_flight: if MAX_IN_FLIGHT < 3 { 1 } else { 3 },
                frame_block_bytes: 256 << 10,
                thread_cache_bytes: 2 << 20,
                max_bytes: None,
                leak_after_frames: 4,
                leak_after: LEAK_AFTER,
                looked_at_after: Duration::ZERO,
                overdue_after_frames: None,
                alignment: LINE,
                history_frames: 256,
                attribution: Attribution::CallSites,
                #[cfg(feature = "backtrace")]
                backtraces: (4096, 100_000),
                sample_frames: SAMPLE_FRAMES,
                tags: Vec::new(),
            },
            own_leak_after: (false, false),
        }
    }

    pub(crate) fn into_config(self) -> Config {
        self.config
    }

    /// Sets the name under which the pool reports. Default: `framepool` for the first pool of the process, and
    /// `framepool-2` and so on, by the pool's [number](BufferPool::id), for the others.
    ///
    /// The name is only a label; the number identifies the pool.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().name("audio").build()?;
    /// assert_eq!(pool.name(), "audio");
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = Some(name.into());
        self
    }

    /// Sets how many frames can be open at once, 1 to 16. Default: 3.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_frames_in_flight(2).build()?;
    /// let (simulate, render) = (pool.begin_frame(), pool.begin_frame());
    /// assert!(pool.try_begin_frame().is_err());
    /// # drop((simulate, render));
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn max_frames_in_flight(mut self, frames: u32) -> Self {
        self.config.max_frames_in_flight = frames;
        self
    }

    /// Sets the bytes that a thread takes at a time for its frame buffers, 4 KiB to 512 MiB. Default: 256 KiB.
    ///
    /// A larger frame buffer gets its own block.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().frame_block_bytes(1 << 20).build()?;
    /// let frame = pool.begin_frame();
    /// frame.alloc::<u8>(100);
    /// frame.alloc::<u8>(100_000); // from the same block
    /// let snapshot = frame.release_all();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!((snapshot.misses, snapshot.pooled_bytes), (1, 1 << 20));
    /// # }
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn frame_block_bytes(mut self, bytes: usize) -> Self {
        self.config.frame_block_bytes = bytes;
        self
    }

    /// Sets the most bytes of idle pooled buffers that one thread keeps to itself, those of all tags together. Default: 2 MiB.
    ///
    /// No other thread can use or return this memory. So in a pool with [`max_bytes`](Self::max_bytes) one thread
    /// keeps at most a 128th of the limit, and all threads together at most a sixteenth, even if you set more here.
    ///
    /// A thread earns these bytes by use. It keeps a buffer of up to 128 bytes at once, and larger ones after it used the shared depot
    /// several times for their size: one of 4 KiB after about 16 allocs and releases. [`prewarm`](crate::BufferPool::prewarm) earns the
    /// places of the buffers that it prepares.
    ///
    /// A buffer larger than half of it, or than 1 MiB, goes through the shared depot each time, which costs tens of nanoseconds more.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().thread_cache_bytes(64 << 10).build()?;
    /// drop((0..100).map(|_| pool.alloc::<u8>(4096)).collect::<Vec<_>>());
    /// let sizes = pool.outstanding().sizes;
    /// # if cfg!(feature = "telemetry") {
    /// assert!(sizes[0].thread_bytes <= 64 << 10); // the others are in the depot
    /// assert!(sizes[0].depot_bytes >= (400 - 64) << 10);
    /// # }
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn thread_cache_bytes(mut self, bytes: usize) -> Self {
        self.config.thread_cache_bytes = bytes;
        self
    }

    /// Sets the most bytes that the pool may hold from the system. Default: no limit.
    ///
    /// The limit counts buffers in use, idle memory, and the overhead of pooled buffers: a record of 64 bytes each (37
    /// with [`Alignment::Bytes16`]), and slack (up to the alignment for a buffer of 1 KiB and more, up to a page from
    /// 64 KiB on). So a buffer of one byte counts as 128 bytes, or as 53 with [`Alignment::Bytes16`]. Of this
    /// overhead, the first 64 KiB and a 64th of the limit are free: that covers any number of buffers of 512 KiB and
    /// more. Memory that does not grow with the buffers is not counted: the slack of frame blocks, and the rest of the
    /// telemetry.
    ///
    /// Before the pool refuses a request, it returns idle memory to the system: that of the depot, of the calling
    /// thread, of frames that are not open, and blocks of open frames that no thread has used yet. The caches of
    /// other threads ([`thread_cache_bytes`](Self::thread_cache_bytes)) stay: a sixteenth of the limit at most. If
    /// all of this would not be enough, nothing is returned.
    ///
    /// ```
    /// use framepool::{AllocError, BufferPool};
    ///
    /// let pool = BufferPool::builder().max_bytes(64 << 20).build()?;
    /// let level = pool.alloc::<u8>(60 << 20);
    /// match pool.try_alloc::<u8>(5 << 20) {
    ///     Err(AllocError::BudgetExceeded { limit, .. }) => assert_eq!(limit, 64 << 20),
    ///     other => panic!("{other:?}"),
    /// }
    /// # drop(level);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.config.max_bytes = Some(bytes);
        self
    }

    /// Sets the age, in frames, beyond which an unreleased buffer is a leak suspect. Default: 4.
    ///
    /// A suspect is old in frames *and* in time, see [`leak_after`](Self::leak_after). If you set the frames and not the
    /// time, frames alone count.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().leak_after_frames(2).build()?;
    /// let image = pool.alloc::<u8>(4096);
    /// let suspects = [1, 2, 3].map(|_frame| {
    ///     pool.end_frame();
    ///     pool.outstanding().suspects
    /// });
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(suspects, [0, 0, 1]);
    /// # }
    /// # drop(image);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn leak_after_frames(mut self, frames: u64) -> Self {
        self.config.leak_after_frames = frames;
        self.own_leak_after.0 = true;
        self
    }

    /// Sets the time after which an unreleased buffer is a leak suspect, if it is also older than
    /// [`leak_after_frames`](Self::leak_after_frames). Default: one second; zero if only the frames are set.
    ///
    /// At 2,000 frames a second a disk read takes 20 frames and is no leak; at one frame a second a buffer of 3
    /// seconds is no leak. One second is longer than usual reads, uploads and read-backs, and still a short wait for
    /// an alert.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = framepool::BufferPool::builder().leak_after(Duration::from_secs(60)).build()?;
    /// let download = pool.alloc::<u8>(4096);
    /// for _ in 0..100 {
    ///     pool.end_frame(); // old in frames, but not in time
    /// }
    /// assert_eq!(pool.outstanding().suspects, 0);
    /// # drop(download);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn leak_after(mut self, time: Duration) -> Self {
        self.config.leak_after = time;
        self.config.looked_at_after = time;
        self.own_leak_after.1 = true;
        self
    }

    /// Raises an alert at once ([`Rule::Overdue`](crate::Rule::Overdue)) for each buffer that is in use for more than
    /// this many frames and not marked as long-lived. Default: no limit.
    ///
    /// Use it for pools whose buffers all live for a few frames. Put caches and levels into another pool, or mark
    /// them with [`Buffer::mark_long_lived`](crate::Buffer::mark_long_lived). Leaks are found without it, see
    /// [`LeakVerdict::Growing`](crate::health::LeakVerdict::Growing).
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Rule, Thresholds};
    ///
    /// let pool = BufferPool::builder().expect_release_within(8).build()?;
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// let kept = pool.alloc::<u8>(100);
    /// for _ in 0..9 {
    ///     monitor.record(&pool.end_frame());
    /// }
    /// let health = monitor.emit_now(&pool);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(health.raised[0].rule, Rule::Overdue);
    /// # }
    /// # drop(kept);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn expect_release_within(mut self, frames: u64) -> Self {
        self.config.overdue_after_frames = Some(frames);
        self
    }

    /// Sets the boundary on which every buffer starts. Default: [`Alignment::Bytes64`].
    ///
    /// Block sizes are rounded up to it.
    pub fn alignment(mut self, alignment: Alignment) -> Self {
        self.config.alignment = alignment.bytes();
        self
    }

    /// Sets how many frames a [`FrameFeed`](crate::telemetry::FrameFeed) can fall behind, up to 2^20. Default: 256.
    pub fn history_frames(mut self, frames: usize) -> Self {
        self.config.history_frames = frames;
        self
    }

    /// Sets whether call sites are recorded; can be changed later. Default: [`Attribution::CallSites`].
    pub fn attribution(mut self, attribution: Attribution) -> Self {
        self.config.attribution = attribution;
        self
    }

    /// Sets which call stacks [`Attribution::Backtraces`] records: one buffer in `every`, at random, and each whose
    /// block has at least `from_bytes`. With zero as `every`, only the large ones. Default: 4096, and 100,000 bytes.
    ///
    /// A call stack takes 2 to 4 µs, and 20 to 50 ns if the thread had the same one before (Linux, x86-64). A pool keeps 1,024 different ones.
    ///
    /// ```
    /// use framepool::{Attribution, BufferPool};
    ///
    /// let pool = BufferPool::builder()
    ///     .attribution(Attribution::Backtraces)
    ///     .backtraces(1_000, 1 << 20)
    ///     .build()?;
    /// let image = pool.alloc::<u8>(2 << 20);
    /// println!("{}", pool.outstanding().stacks[0]);
    /// # drop(image);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    #[cfg(feature = "backtrace")]
    pub fn backtraces(mut self, every: u32, from_bytes: u64) -> Self {
        self.config.backtraces = (every, from_bytes);
        self
    }

    /// Samples one frame in `every`: each of its frame buffers counts for the line that allocated it. Zero samples
    /// none. Can be changed later. Default: 64.
    ///
    /// In a sampled frame an alloc takes 134 instructions instead of 27. See [`BufferPool::frame_memory`].
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().sample_frames(10).build()?;
    /// for _ in 0..100 {
    ///     pool.begin_frame().release_all();
    /// }
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.frame_memory().sampling.frames, 10);
    /// # }
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn sample_frames(mut self, every: u32) -> Self {
        self.config.sample_frames = every;
        self
    }

    /// Adds a tag with budgets and an expected lifetime: [`BufferPool::tag`]. A second call with the same name
    /// replaces the first.
    ///
    /// ```
    /// use framepool::{AllocError, BufferPool, TagSettings};
    ///
    /// let pool = BufferPool::builder()
    ///     .tag("textures", TagSettings::new().max_bytes(1 << 20))
    ///     .build()?;
    /// let textures = pool.tag("textures");
    /// let atlas = textures.alloc::<u8>(1 << 20);
    /// let refused = textures.tag("ui").try_alloc::<u8>(64).unwrap_err();
    /// assert!(matches!(refused, AllocError::TagBudgetExceeded { .. }));
    /// # drop(atlas);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn tag(mut self, name: impl Into<String>, settings: TagSettings) -> Self {
        self.config.tags.push((name.into(), settings));
        self
    }

    /// Builds the pool.
    ///
    /// ```
    /// use framepool::{BufferPool, ConfigError};
    ///
    /// let built = BufferPool::builder().max_bytes(0).build();
    /// assert!(matches!(built, Err(ConfigError::MaxBytes { tag: None, given: 0, min: 1 })));
    /// ```
    ///
    /// # Errors
    ///
    /// A setting out of its range.
    pub fn build(mut self) -> Result<BufferPool, ConfigError> {
        let config = &mut self.config;
        if self.own_leak_after == (true, false) {
            config.leak_after = Duration::ZERO;
        }
        let max = MAX_IN_FLIGHT as u32;
        if !(1..=max).contains(&config.max_frames_in_flight) {
            return Err(ConfigError::FramesInFlight {
                given: config.max_frames_in_flight,
                max,
            });
        }
        if !(MIN_BLOCK_BYTES..=MAX_BLOCK_BYTES).contains(&config.frame_block_bytes) {
            return Err(ConfigError::FrameBlockBytes {
                given: config.frame_block_bytes,
                min: MIN_BLOCK_BYTES,
                max: MAX_BLOCK_BYTES,
            });
        }
        config.frame_block_bytes = config
            .frame_block_bytes
            .next_multiple_of(config.alignment.max(LINE));
        if !(1..=MAX_PLACES).contains(&config.history_frames) {
            return Err(ConfigError::HistoryFrames {
                given: config.history_frames,
                max: MAX_PLACES,
            });
        }
        if config.tags.len() > MAX_CONFIGURED {
            return Err(ConfigError::Tags {
                given: config.tags.len(),
                max: MAX_CONFIGURED,
            });
        }
        config.check_budgets()?;
        Ok(BufferPool::from_config(self.config))
    }
}

impl Default for PoolBuilder {
    fn default() -> Self {
        Self::new()
    }
}

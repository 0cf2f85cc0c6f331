//! The history's record of a single frame.

use crate::telemetry::id::FrameEnd;
use crate::telemetry::snapshot::FrameSnapshot;

/// Words of a frame's row in a ring.
pub(crate) const WORDS: usize = 12;

/// No work was measured.
const NONE: u64 = u64::MAX;

/// The history's record of one frame.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
///
/// let pool = BufferPool::new();
/// let watch = Watch::start(&pool, HealthConfig::default());
/// pool.begin_frame().alloc::<u8>(100);
/// watch.stop();
/// for frame in watch.store().frames_of(pool.id()) {
///     # if cfg!(feature = "telemetry") {
///     assert_eq!((frame.frame.get(), frame.allocs), (1, 1));
///     # }
///     println!("{:.2} ms", frame.period_ns as f64 / 1e6);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FrameRecord {
    /// The frame end.
    pub frame: FrameEnd,
    /// The time of the frame end, in nanoseconds since 1970.
    pub time_unix_ns: u64,
    /// The time from the previous frame end to this one, in nanoseconds.
    pub period_ns: u64,
    /// The time from the beginning of the frame to its end, in nanoseconds, if a frame ended.
    pub work_ns: Option<u64>,
    /// Buffers allocated in this frame.
    pub allocs: u64,
    /// Buffers released in this frame.
    pub releases: u64,
    /// Bytes allocated in this frame.
    pub alloc_bytes: u64,
    /// Allocs of this frame that took memory from the system.
    pub misses: u64,
    /// Bytes the pool holds from the system.
    pub pooled_bytes: u64,
    /// Bytes of the buffers in use.
    pub in_use_bytes: u64,
    /// Bytes the pool holds that are not in use.
    pub idle_bytes: u64,
    /// Requested bytes of the buffers in use.
    pub requested_bytes: u64,
}

impl FrameRecord {
    pub(crate) fn new(frame: &FrameSnapshot) -> Self {
        let nanos = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(NONE - 1);
        Self {
            frame: frame.frame,
            time_unix_ns: frame.time.unix_nanos(),
            period_ns: nanos(frame.duration),
            work_ns: frame.work.map(nanos),
            allocs: frame.allocs,
            releases: frame.releases,
            alloc_bytes: frame.alloc_bytes,
            misses: frame.misses,
            pooled_bytes: frame.pooled_bytes,
            in_use_bytes: frame.in_use_bytes,
            idle_bytes: frame.idle_bytes,
            requested_bytes: frame.requested_bytes,
        }
    }

    pub(crate) fn words(&self) -> [u64; WORDS] {
        [
            self.allocs,
            self.releases,
            self.frame.0,
            self.time_unix_ns,
            self.period_ns,
            self.work_ns.unwrap_or(NONE),
            self.alloc_bytes,
            self.misses,
            self.pooled_bytes,
            self.in_use_bytes,
            self.idle_bytes,
            self.requested_bytes,
        ]
    }

    pub(crate) fn from_words(words: &[u64; WORDS]) -> Self {
        let [
            allocs,
            releases,
            frame,
            time_unix_ns,
            period_ns,
            work_ns,
            alloc_bytes,
            misses,
            pooled_bytes,
            in_use_bytes,
            idle_bytes,
            requested_bytes,
        ] = *words;
        Self {
            frame: FrameEnd(frame),
            time_unix_ns,
            period_ns,
            work_ns: (work_ns != NONE).then_some(work_ns),
            allocs,
            releases,
            alloc_bytes,
            misses,
            pooled_bytes,
            in_use_bytes,
            idle_bytes,
            requested_bytes,
        }
    }
}

//! The holders of a pool's memory, as named in a refusal.

use std::fmt;
use std::panic::Location;

use crate::telemetry::id::FrameId;

/// One part of the memory that counts against a pool's limit.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let image = pool.alloc::<u8>(1 << 20);
/// drop(pool.alloc::<u8>(4096));
/// let parts = pool.holdings();
/// let sum = |state| -> u64 {
///     let parts = parts.iter().filter(|part| part.by.state() == state);
///     parts.map(|part| part.bytes).sum()
/// };
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((sum("in_use"), sum("idle")), (1 << 20, 4096));
/// # }
/// # drop(image);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holding {
    /// The holder of the memory.
    pub by: HeldBy,
    /// Bytes of this part.
    pub bytes: u64,
}

/// The holder of a part of a pool's memory.
///
/// ```
/// use framepool::BufferPool;
/// use framepool::telemetry::HeldBy;
///
/// let pool = BufferPool::new();
/// let images: Vec<_> = (0..3).map(|_| pool.alloc::<u8>(4096)).collect();
/// let mut by_line = 0;
/// for part in pool.holdings() {
///     match part.by {
///         HeldBy::CallSite { .. } => by_line += part.bytes,
///         other => println!("{} bytes: {other}", part.bytes),
///     }
/// }
/// # if cfg!(feature = "telemetry") {
/// assert_eq!(by_line, 3 * 4096);
/// # }
/// # drop(images);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeldBy {
    /// Pooled buffers that one line allocated.
    CallSite {
        /// The line.
        location: &'static Location<'static>,
        /// The tag; empty for none.
        tag: String,
    },
    /// Other pooled buffers: of other lines, allocated since the last walk, or allocated while call sites are not
    /// recorded.
    OtherBuffers,
    /// Buffers of an open frame.
    Frame {
        /// The frame.
        frame: FrameId,
        /// The thread that allocated them.
        thread: String,
    },
    /// Buffers of other open frames and threads.
    OtherFrames,
    /// Parts of frame blocks that open frames have not used.
    UnusedInFrames,
    /// Blocks kept for frames that are not open, and blocks that a thread has not used in an open frame.
    KeptForFrames,
    /// Idle buffers in the depot, where any thread finds them.
    Depot,
    /// Idle buffers that this thread keeps. No other thread reaches them.
    Thread(String),
    /// Idle buffers that other threads keep, or that are moving between threads.
    OtherThreads,
    /// Credit: bytes of a tag's budget that threads have reserved for the tag's next buffers. It is not memory, and
    /// other threads cannot use it.
    Credit,
    /// Memory that other threads are asking the system for.
    Requests,
    /// The overhead of small buffers: their records, and the slack of their slab or mapping. Without the free
    /// allowance of [`max_bytes`](crate::PoolBuilder::max_bytes).
    Bookkeeping,
}

impl HeldBy {
    /// `in_use`, `idle`, or `other` for credit, concurrent requests and bookkeeping.
    pub fn state(&self) -> &'static str {
        match self {
            Self::CallSite { .. } | Self::OtherBuffers | Self::Frame { .. } | Self::OtherFrames => {
                "in_use"
            }
            Self::UnusedInFrames
            | Self::KeptForFrames
            | Self::Depot
            | Self::Thread(_)
            | Self::OtherThreads => "idle",
            Self::Credit | Self::Requests | Self::Bookkeeping => "other",
        }
    }

    /// Whether this memory cannot be given back for a request, because it is in use or out of reach.
    pub(crate) fn stays(&self) -> bool {
        !matches!(self, Self::KeptForFrames | Self::Depot | Self::Requests)
    }
}

impl fmt::Display for HeldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallSite { location, tag } if tag.is_empty() => {
                write!(f, "buffers from {location}")
            }
            Self::CallSite { location, tag } => {
                write!(f, "buffers from {location} with tag `{tag}`")
            }
            Self::OtherBuffers => f.write_str("other buffers"),
            Self::Frame { frame, thread } => {
                write!(f, "buffers of frame {frame} on thread `{thread}`")
            }
            Self::OtherFrames => f.write_str("buffers of other frames"),
            Self::UnusedInFrames => f.write_str("unused parts of open frames' blocks"),
            Self::KeptForFrames => f.write_str("blocks kept for frames"),
            Self::Depot => f.write_str("idle in the depot"),
            Self::Thread(thread) => write!(f, "idle on thread `{thread}`"),
            Self::OtherThreads => f.write_str("idle on other threads"),
            Self::Credit => f.write_str("credit of threads"),
            Self::Requests => f.write_str("requests under way"),
            Self::Bookkeeping => f.write_str("records and slack of small buffers"),
        }
    }
}

//! A pool's settings, checked, and their enums.
#![expect(
    unsafe_code,
    reason = "an enum of one byte says that it has no padding"
)]

use std::time::Duration;

use crate::pool::tag_settings::TagSettings;

/// Whether a pool records, for every pooled buffer, the line of code, the frame and the thread that allocated it.
///
/// ```
/// use framepool::{Attribution, BufferPool};
///
/// let pool = BufferPool::builder().attribution(Attribution::Off).build()?;
/// let image = pool.alloc::<u8>(4096);
/// if pool.attribution() == Attribution::Off {
///     assert!(pool.outstanding().sites.is_empty());
/// }
/// # drop(image);
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Attribution {
    /// Records every call site; `outstanding` lists every buffer.
    #[default]
    CallSites,
    /// Records no call sites; `outstanding` omits buffers allocated in this mode.
    Off,
    /// Records every call site, and the call stack of one buffer in many and of every large one
    /// ([`PoolBuilder::backtraces`](crate::PoolBuilder::backtraces)).
    ///
    /// Stacks are recorded as addresses, and resolved to names when they are shown
    /// ([`Stack`](crate::telemetry::Stack)). [`Outstanding::stacks`](crate::Outstanding::stacks) lists those of
    /// buffers in use.
    #[cfg(feature = "backtrace")]
    Backtraces,
}

// SAFETY: one byte, hence no padding; `Copy` and `'static`.
unsafe impl bytemuck::NoUninit for Attribution {}

/// The boundary on which every buffer of a pool starts.
///
/// ```
/// use framepool::{Alignment, BufferPool};
///
/// let pool = BufferPool::builder().alignment(Alignment::Bytes256).build()?;
/// assert_eq!(pool.alloc::<f32>(10).as_ptr().addr() % 256, 0);
/// assert_eq!(pool.alignment().bytes(), 256);
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Alignment {
    /// 16 bytes, as general allocators give: for many buffers below 128 bytes.
    ///
    /// Up to 128 bytes, the sizes of blocks are 16 bytes apart. Larger ones begin on a boundary of 64 bytes, as with
    /// [`Bytes64`](Self::Bytes64). Small buffers share cache lines, and so do the pool's records of all buffers. So threads
    /// that use neighbours slow each other.
    Bytes16,
    /// 64 bytes: one cache line, one AVX-512 register.
    #[default]
    Bytes64,
    /// 128 bytes: two cache lines, which some processors fetch together.
    Bytes128,
    /// 256 bytes: what GPU interfaces ask of uniform buffers and copies.
    Bytes256,
    /// 4096 bytes: one page of memory, for direct I/O.
    Bytes4096,
}

impl Alignment {
    /// Every alignment, smallest first.
    pub const ALL: &'static [Self] = &[
        Self::Bytes16,
        Self::Bytes64,
        Self::Bytes128,
        Self::Bytes256,
        Self::Bytes4096,
    ];

    /// The boundary in bytes.
    ///
    /// ```
    /// assert_eq!(framepool::Alignment::Bytes128.bytes(), 128);
    /// ```
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bytes16 => 16,
            Self::Bytes64 => 64,
            Self::Bytes128 => 128,
            Self::Bytes256 => 256,
            Self::Bytes4096 => 4096,
        }
    }

    /// The alignment of this many bytes, or `None` if there is none.
    ///
    /// ```
    /// use framepool::Alignment;
    ///
    /// assert_eq!(Alignment::from_bytes(4096), Some(Alignment::Bytes4096));
    /// assert_eq!(Alignment::from_bytes(48), None);
    /// ```
    #[must_use]
    pub fn from_bytes(bytes: usize) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.bytes() == bytes)
    }
}

/// A pool's settings, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// None: the pool gets a name of its own.
    pub(crate) name: Option<String>,
    pub(crate) max_frames_in_flight: u32,
    pub(crate) frame_block_bytes: usize,
    pub(crate) thread_cache_bytes: usize,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) leak_after_frames: u64,
    pub(crate) leak_after: Duration,
    /// The leak age in time, if one was set, else zero. Verdicts consider older buffers; the default plays no part
    /// there.
    pub(crate) looked_at_after: Duration,
    /// The age in frames beyond which a buffer is overdue.
    pub(crate) overdue_after_frames: Option<u64>,
    pub(crate) alignment: usize,
    pub(crate) history_frames: usize,
    pub(crate) attribution: Attribution,
    /// One buffer in this many has its call stack recorded, and each of at least these bytes.
    #[cfg(feature = "backtrace")]
    pub(crate) backtraces: (u32, u64),
    /// One frame in this many is sampled; zero for none.
    pub(crate) sample_frames: u32,
    /// Tags by name, with their settings.
    pub(crate) tags: Vec<(String, TagSettings)>,
}

impl Config {
    /// The hard budgets: of the pool (`None`), and of tags by name.
    pub(crate) fn budgets(&self) -> impl Iterator<Item = (Option<&String>, u64)> {
        let of_tags = self.tags.iter().map(|(tag, it)| (Some(tag), it.max_bytes));
        let all = [(None, self.max_bytes)].into_iter().chain(of_tags);
        all.filter_map(|(tag, limit)| Some((tag, limit?)))
    }
}

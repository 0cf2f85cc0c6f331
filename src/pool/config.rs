//! A pool's settings, checked, and their enums.
#![expect(
    unsafe_code,
    reason = "an enum of one byte says that it has no padding"
)]

use std::time::Duration;

use crate::error::ConfigError;
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
    /// Records no call sites. [`Outstanding::unattributed`](crate::Outstanding::unattributed) counts the buffers allocated in this mode.
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
    /// Whether each budget is at least a byte.
    pub(crate) fn check_budgets(&self) -> Result<(), ConfigError> {
        let of_tags = self.tags.iter().map(|(tag, it)| (Some(tag), it.max_bytes));
        let mut hard = [(None, self.max_bytes)].into_iter().chain(of_tags);
        if let Some((tag, _)) = hard.find(|&(_, limit)| limit == Some(0)) {
            let (tag, given, min) = (tag.cloned(), 0, 1);
            return Err(ConfigError::MaxBytes { tag, given, min });
        }
        let mut tags = self.tags.iter();
        if let Some((tag, _)) = tags.find(|(_, settings)| settings.warn_bytes == Some(0)) {
            let (tag, given, min) = (tag.clone(), 0, 1);
            return Err(ConfigError::WarnBytes { tag, given, min });
        }
        Ok(())
    }
}

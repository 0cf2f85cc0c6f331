//! The recorded program's setup of its pool, as given on the command line.

use framepool::health::PrewarmSize;
use framepool::{BufferPool, ConfigError};

/// The settings that advice can change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) thread_cache_bytes: u64,
    pub(crate) prewarm: Vec<PrewarmSize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            thread_cache_bytes: 2 << 20,
            prewarm: Vec::new(),
        }
    }
}

impl Settings {
    /// A new pool with these settings, prewarmed.
    pub(crate) fn pool(&self) -> Result<BufferPool, ConfigError> {
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let pool = BufferPool::builder()
            .name("advised")
            .thread_cache_bytes(bytes(self.thread_cache_bytes))
            .build()?;
        // On a thread that replays nothing, like a program's main thread: no other thread reaches the blocks in its
        // magazine.
        for size in &self.prewarm {
            pool.prewarm::<u8>(bytes(size.block_bytes), bytes(size.count));
        }
        Ok(pool)
    }

    /// These settings with more blocks prewarmed. For a size in both lists, the larger number counts.
    pub(crate) fn with_prewarm(&self, sizes: &[PrewarmSize]) -> Self {
        let mut all = self.clone();
        for &size in sizes {
            match all
                .prewarm
                .iter_mut()
                .find(|it| it.block_bytes == size.block_bytes)
            {
                Some(known) => known.count = known.count.max(size.count),
                None => all.prewarm.push(size),
            }
        }
        all
    }
}

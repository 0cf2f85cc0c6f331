//! What a judgement reads of the pool besides its counters and its buffers.

use super::usage::Setup;
use crate::BufferPool;
use crate::telemetry::frame_memory::FrameMemory;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::tags::Tags;

/// The latest reading. Its lists keep their memory from one reading to the next.
#[derive(Debug, Default)]
pub(super) struct PoolReading {
    pub(super) setup: Setup,
    pub(super) tags: Tags,
    pub(super) frame_memory: FrameMemory,
    pub(super) open_frames: Vec<OpenFrame>,
    pub(super) prewarmed_bytes: u64,
}

impl PoolReading {
    /// Reads the pool. The walk over its buffers comes after it: the walk reads the round again, so no age is too high.
    pub(super) fn read(&mut self, pool: &BufferPool) {
        let inner = pool.inner();
        self.setup = Setup {
            round: inner.round(),
            max_bytes: inner.config.max_bytes,
            shared_bytes: inner.classes.shared_bytes() as u64,
            frame_block_bytes: inner.config.frame_block_bytes as u64,
        };
        if cfg!(feature = "telemetry") && pool.has_tags() {
            pool.tags_into(&mut self.tags);
        } else {
            self.tags.tags.clear();
        }
        pool.frame_memory_into(&mut self.frame_memory);
        self.prewarmed_bytes = inner.prewarmed_bytes();
        inner.open_frames_into(&mut self.open_frames);
    }
}

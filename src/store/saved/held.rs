//! Who held memory, as a saved history has it.

use std::time::Duration;

use crate::telemetry::call_stack::StackFrame;
use crate::telemetry::frame_memory::FrameCounts;
use crate::telemetry::stack_counts::SampledCounts;

saved! {
    /// The buffers that a call site holds and that are marked as long-lived.
    ///
    /// ```
    /// # let (pool, store) = (framepool::BufferPool::new(), framepool::DiagnosticsStore::new());
    /// let kept = pool.alloc::<u8>(1_000);
    /// framepool::Buffer::mark_long_lived(&kept);
    /// # store.receive(framepool::HealthMonitor::new(Default::default()).emit_now(&pool));
    /// for site in &store.saved().pools[0].long_lived {
    ///     assert_eq!((site.buffers, site.bytes), (1, 1_024));
    /// }
    /// ```
    SavedSite {
        /// The line of code.
        location: String,
        /// Buffers.
        buffers: u64,
        /// Bytes of these buffers, as rounded block sizes.
        bytes: u64,
    }

    /// A part of a pool's memory: see [`Holding`](crate::telemetry::Holding).
    ///
    /// ```
    /// # let (pool, store) = (framepool::BufferPool::new(), framepool::DiagnosticsStore::new());
    /// # store.receive(framepool::HealthMonitor::new(Default::default()).emit_now(&pool));
    /// let pool = &store.saved().pools[0];
    /// let bytes: u64 = pool.holdings.iter().map(|part| part.bytes).sum();
    /// assert_eq!(bytes, pool.metrics.pooled_bytes);
    /// ```
    SavedHolding {
        /// `in_use`, `idle` or `other`.
        state: String,
        /// The holder.
        by: String,
        /// Its bytes.
        bytes: u64,
    }

    /// The buffers that a call site holds with one tag.
    ///
    /// ```
    /// # let (pool, store) = (framepool::BufferPool::new(), framepool::DiagnosticsStore::new());
    /// let kept = pool.tag("shadows").alloc::<u8>(1_000);
    /// # store.receive(framepool::HealthMonitor::new(Default::default()).emit_now(&pool));
    /// for holder in &store.saved().pools[0].holders {
    ///     assert_eq!((&*holder.tag, holder.bytes), ("shadows", 1_024));
    /// }
    /// ```
    SavedHolder {
        /// The line of code.
        location: String,
        /// The tag; empty for none.
        tag: String,
        /// The thread that allocated the oldest buffer.
        thread: String,
        /// Buffers.
        buffers: u64,
        /// Bytes of these buffers, as rounded block sizes.
        bytes: u64,
        /// Bytes of those of frames in flight: see [`SiteHolding`](crate::SiteHolding). The rest is kept across frames.
        in_flight_bytes: u64,
        /// Leak suspects among these buffers.
        suspects: u64,
        /// Buffers among these that are marked as long-lived.
        long_lived: u64,
        /// The age of the oldest in frames, if known.
        oldest_age_frames: Option<u64>,
        /// The least time that the oldest has been in use, if known.
        oldest_age: Option<Duration>,
    }

    /// The sampled buffers of one call stack and tag: see [`StackHolding`](crate::telemetry::StackHolding).
    ///
    /// ```
    /// # #[cfg(feature = "backtrace")] {
    /// # use framepool::{Attribution, BufferPool, DiagnosticsStore, HealthMonitor};
    /// # let store = DiagnosticsStore::new();
    /// let pool = BufferPool::builder().attribution(Attribution::Backtraces).build()?;
    /// let image = pool.alloc::<u8>(1 << 20);
    /// # store.receive(HealthMonitor::new(Default::default()).emit_now(&pool));
    /// for stack in &store.saved().pools[0].stacks {
    ///     assert_eq!(stack.counts.large_bytes, 1 << 20);
    /// }
    /// # }
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    SavedStack {
        /// The line of code.
        location: String,
        /// The tag; empty for none.
        tag: String,
        /// Counts of these buffers. Not scaled.
        counts: SampledCounts,
        /// How the line was reached, beginning with the function that called `alloc`; at most 32 functions.
        frames: Vec<StackFrame>,
    }

    /// The frame buffers of one call site in the sampled frames: see [`FrameSite`](crate::telemetry::FrameSite).
    ///
    /// ```
    /// # let pool = framepool::BufferPool::builder().sample_frames(1).build().unwrap();
    /// # let store = framepool::DiagnosticsStore::new();
    /// pool.begin_frame().alloc::<u8>(1_000);
    /// # store.receive(framepool::HealthMonitor::new(Default::default()).emit_now(&pool));
    /// for site in &store.saved().pools[0].frame_sites {
    ///     assert_eq!(site.most_bytes, 1_024);
    /// }
    /// ```
    SavedFrameSite {
        /// The line of code.
        location: String,
        /// The tag of the frames; empty for none.
        tag: String,
        /// Its allocs in all sampled frames.
        counts: FrameCounts,
        /// The most bytes that it allocated in one of them.
        most_bytes: u64,
    }

    /// A frame that has been open for too long.
    ///
    /// ```
    /// # let (pool, store) = (framepool::BufferPool::new(), framepool::DiagnosticsStore::new());
    /// # let at_once = framepool::Thresholds::default().open_frame_age(1, std::time::Duration::ZERO);
    /// let frame = pool.begin_frame();
    /// # (0..3).for_each(|_| drop(pool.begin_frame()));
    /// # store.receive(framepool::HealthMonitor::new(at_once).emit_now(&pool));
    /// for open in &store.saved().pools[0].open_too_long {
    ///     assert_eq!(open.id, frame.id().get());
    /// }
    /// ```
    SavedOpenFrame {
        /// The frame's number.
        id: u64,
        /// The line of code that began it.
        location: String,
        /// How long it has been open.
        age: Duration,
        /// Its age in frames.
        age_frames: u64,
    }
}

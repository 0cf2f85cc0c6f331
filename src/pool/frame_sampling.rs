//! Sampled frames: how one begins, ends, and is counted. `arena/sampling.rs` decides which frames are sampled.
#![expect(
    unsafe_code,
    reason = "tables of an ended frame are emptied under the aggregator's lock"
)]

use crate::pool::aggregator::Aggregator;
use crate::pool::config::Attribution;
use crate::pool::handle::BufferPool;
use crate::pool::inner::PoolInner;
use crate::slot::frame_sites::FrameSites;
use crate::slot::state::{ArenaPlace, Slot};
use crate::telemetry::arena_reading::ArenaReading;
use crate::telemetry::frame_memory::FrameMemory;
use crate::telemetry::id::FrameId;
use crate::telemetry::sampled_allocs::SampledAllocs;

impl PoolInner {
    /// Begins a frame as a sampled one if its turn has come. The caller has claimed the frame's bit, and nobody else
    /// has the frame yet.
    #[inline]
    pub(crate) fn sample_frame(&self, index: usize, id: FrameId) {
        if cfg!(feature = "telemetry") && self.sampling.takes(id) {
            self.begin_sampled(index);
        }
    }

    #[cold]
    fn begin_sampled(&self, index: usize) {
        self.sampling.begin(index);
        for slot in self.slots.iter() {
            for (_, arena) in slot.arenas_among(1 << index) {
                arena.close_at_begin();
            }
        }
    }

    /// Prepares a thread that first allocates from a frame of this bit to count in sampled frames. Only for the
    /// slot's owner.
    pub(crate) fn prepare_sampling(&self, slot: &Slot, index: usize) {
        let is_on = cfg!(feature = "telemetry") && self.sampling.every() > 0;
        if is_on && slot.frame_sites.add(index) {
            self.sampling.note_table();
        }
    }

    /// Bytes of all tables of call sites.
    pub(crate) fn sampling_bytes(&self) -> u64 {
        u64::from(self.sampling.tables()) * FrameSites::table_bytes()
    }

    /// Samples one frame in `every`, or none. Only under the aggregator's lock.
    pub(crate) fn set_sampling(&self, aggregator: &mut Aggregator, every: u32) {
        aggregator.sample_every = every;
        let is_on = self.attribution() != Attribution::Off;
        let every = if is_on { every } else { 0 };
        self.sampling.set(every, self.in_flight.begun_so_far());
    }
}

impl Aggregator {
    /// Adds the counts of a thread in the sampled frame that ends. `lent` is the total of its arena.
    pub(crate) fn end_sampled(
        &mut self,
        inner: &PoolInner,
        slot: &Slot,
        place: ArenaPlace,
        lent: ArenaReading,
    ) {
        let tag = inner.in_flight.tag(place.index());
        self.frame_book.add_arena(lent);
        // SAFETY: we have the aggregator's lock, and the frame has ended.
        unsafe {
            slot.frame_sites
                .take(place.index(), |used| self.frame_book.add_site(used, tag));
        }
    }
}

impl BufferPool {
    /// What fills frame memory: the buffers of sampled frames, by the line that allocated them.
    ///
    /// One frame in 64 is sampled, unless [`sample_frames`](crate::PoolBuilder::sample_frames) is set. In a sampled
    /// frame each buffer takes the slow path, where it is counted; other frames pay nothing. The result covers the
    /// latest sampled frames, at most 128. Its counts are exact for these frames, and not scaled: divide them by the
    /// number of frames for the average of a frame.
    ///
    /// ```
    /// use framepool::BufferPool;
    ///
    /// let pool = BufferPool::builder().sample_frames(1).build()?;
    /// let frame = pool.begin_frame();
    /// frame.alloc::<f32>(1024);
    /// frame.alloc::<u8>(100);
    /// frame.release_all();
    /// let memory = pool.frame_memory();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(memory.sites.len(), 2);
    /// assert_eq!(memory.sites[0].counts.requested_bytes, 4096);
    /// # }
    /// println!("{memory}");
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn frame_memory(&self) -> FrameMemory {
        let mut memory = FrameMemory::default();
        self.frame_memory_into(&mut memory);
        memory
    }

    /// Writes what [`frame_memory`](Self::frame_memory) returns into an earlier result, and reuses its memory.
    ///
    /// ```
    /// use framepool::BufferPool;
    /// use framepool::telemetry::FrameMemory;
    ///
    /// let pool = BufferPool::builder().sample_frames(1).build()?;
    /// let mut memory = FrameMemory::default();
    /// for frames in 1..=3 {
    ///     pool.begin_frame().release_all();
    ///     pool.frame_memory_into(&mut memory); // reuses the memory of the list
    ///     # if cfg!(feature = "telemetry") {
    ///     assert_eq!(memory.sampling.frames, frames);
    ///     # }
    /// }
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn frame_memory_into(&self, memory: &mut FrameMemory) {
        let inner = self.inner();
        let aggregator = inner.aggregator.lock();
        let every = inner.sampling.every();
        aggregator
            .frame_book
            .report(&aggregator.tags, every, memory);
    }

    /// The sampled allocs since the pool was made, by call site.
    ///
    /// No alloc is counted for its call site on the fast path. *Frame buffers* are counted in sampled frames: see
    /// [`frame_memory`](Self::frame_memory). *Pooled buffers* are counted where a call stack is recorded, so only while
    /// `Attribution::Backtraces` is on (feature `backtrace`). The result has what was sampled, and the exact sum of which it is a sample.
    ///
    /// ```
    /// use framepool::BufferPool;
    ///
    /// let pool = BufferPool::builder().sample_frames(1).build()?;
    /// for _ in 0..100 {
    ///     let frame = pool.begin_frame();
    ///     frame.alloc::<f32>(1024);
    ///     frame.release_all();
    /// }
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.sampled_allocs().frames.sites[0].counts.allocs, 100);
    /// # }
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn sampled_allocs(&self) -> SampledAllocs {
        let inner = self.inner();
        #[cfg(feature = "backtrace")]
        let pooled = inner.sampled_pooled();
        #[cfg(not(feature = "backtrace"))]
        let pooled = SampledAllocs::default();
        let aggregator = inner.aggregator.lock();
        let every = inner.sampling.every();
        SampledAllocs {
            frames: aggregator.frame_book.report_all(&aggregator.tags, every),
            ..pooled
        }
    }

    /// One frame in this many is sampled; zero if none is, as while [`attribution`](Self::attribution) is off.
    pub fn frame_sampling(&self) -> u32 {
        self.inner().sampling.every()
    }

    /// Samples one frame in `every` from now on; none with zero. See [`frame_memory`](Self::frame_memory).
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// pool.set_frame_sampling(1); // samples every frame
    /// let frame = pool.begin_frame();
    /// frame.alloc::<u8>(100);
    /// frame.release_all();
    /// pool.set_frame_sampling(64);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.frame_memory().sites[0].counts.allocs, 1);
    /// # }
    /// ```
    pub fn set_frame_sampling(&self, every: u32) {
        let inner = self.inner();
        inner.set_sampling(&mut inner.aggregator.lock(), every);
    }
}

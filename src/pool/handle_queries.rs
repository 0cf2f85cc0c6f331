//! What a handle tells about the pool's memory: numbers, peaks, holders, addresses, resident pages.

use crate::pool::handle::BufferPool;
use crate::telemetry::holdings::Holding;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::peaks::{Mark, Peak};
use crate::telemetry::place::Place;
use crate::telemetry::resident::Resident;
use crate::telemetry::snapshot::PoolStats;
use crate::text::counted;

impl BufferPool {
    /// The frames that are open, the oldest first.
    pub fn open_frames(&self) -> Vec<OpenFrame> {
        let mut open = Vec::new();
        self.inner().open_frames_into(&mut open);
        open
    }

    /// The pool's numbers now. Waits for frame ends and other walks, never for workers.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// drop(pool.alloc::<u8>(4096));
    /// let stats = pool.stats();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!((stats.in_use_bytes, stats.idle_bytes), (0, 4096));
    /// # }
    /// ```
    pub fn stats(&self) -> PoolStats {
        self.inner().stats()
    }

    /// Marks the beginning of a phase, such as a level or a request, for [`peak_since`](Self::peak_since).
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// drop(pool.alloc::<u8>(8 << 20));
    /// pool.trim();
    /// let level = pool.mark();
    /// drop(pool.alloc::<u8>(1 << 20));
    /// let peak = pool.peak_since(&level);
    /// # if cfg!(feature = "telemetry") {
    /// assert!(peak.bytes >= 1 << 20 && peak.bytes < 8 << 20);
    /// assert!(pool.stats().peak_bytes >= 8 << 20);
    /// # }
    /// ```
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.inner().mark()
    }

    /// The most bytes that the pool held from the system since a mark.
    ///
    /// Growth that happens while the mark is made may or may not count. The peak since the pool was made is in every
    /// [`FrameSnapshot`](crate::FrameSnapshot) and in [`stats`](Self::stats).
    ///
    /// # Panics
    ///
    /// If the mark was made by another pool.
    #[track_caller]
    pub fn peak_since(&self, mark: &Mark) -> Peak {
        let peak = self.inner().peak_since(mark);
        peak.expect("framepool: the mark was made by another pool; keep each pool's own marks")
    }

    /// The pooled buffers in use: by call site, with age in frames, the largest first.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let image = pool.alloc::<u8>(4096);
    /// let outstanding = pool.outstanding();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!((outstanding.sites[0].buffers, outstanding.sites[0].bytes), (1, 4096));
    /// # }
    /// println!("{outstanding}"); // a table of call sites, with bytes and ages
    /// # drop(image);
    /// ```
    pub fn outstanding(&self) -> Outstanding {
        self.inner().outstanding()
    }

    /// Writes what [`outstanding`](Self::outstanding) returns into an earlier result, and reuses its memory.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let mut outstanding = pool.outstanding();
    /// let image = pool.alloc::<u8>(4096);
    /// pool.outstanding_into(&mut outstanding);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(outstanding.buffers, 1);
    /// # }
    /// # drop(image);
    /// ```
    pub fn outstanding_into(&self, outstanding: &mut Outstanding) {
        self.inner().outstanding_into(outstanding);
    }

    /// All memory that the pool holds now, part by part: memory in use, idle memory by place, and the bookkeeping
    /// that counts against a budget.
    ///
    /// The parts in use and idle add up to [`pooled_bytes`](PoolStats::pooled_bytes) at one moment. The five largest
    /// call sites, frames and threads are named. When many buffers are in use, the call sites may be a moment old.
    /// Without telemetry the list is empty.
    ///
    /// ```
    /// use framepool::BufferPool;
    ///
    /// let pool = BufferPool::new();
    /// let image = pool.alloc::<u8>(1 << 20);
    /// for part in pool.holdings() {
    ///     println!("{:>9} {:7} {}", part.bytes, part.by.state(), part.by);
    /// }
    /// # drop(image);
    /// ```
    pub fn holdings(&self) -> Vec<Holding> {
        self.inner().holdings().parts
    }

    /// Lists the addresses of memory in use, and reuses the memory of an earlier list. It has the block of every
    /// pooled buffer in use, and, for every open frame, the block from which each thread allocates.
    ///
    /// The list is exact where the threads rest. Use the addresses only for display, as in a map of memory: the
    /// memory behind one may be returned at any time. It reads the record of every block, as
    /// [`outstanding`](Self::outstanding) does. A frame that outgrows its block has several; the latest of each
    /// thread is listed. Without telemetry the list is empty.
    ///
    /// ```
    /// use framepool::BufferPool;
    ///
    /// let pool = BufferPool::new();
    /// let image = pool.alloc::<u8>(1 << 20);
    /// let mut places = Vec::new();
    /// pool.places_into(&mut places);
    /// for place in &places {
    ///     println!("{:#x}: {} bytes, {:?}", place.address, place.bytes, place.kind);
    /// }
    /// # drop(image);
    /// ```
    pub fn places_into(&self, places: &mut Vec<Place>) {
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        self.inner().places_into(places);
        #[cfg(any(framepool_loom, framepool_shuttle))]
        places.clear();
    }

    /// How many of the pool's bytes are in physical memory now, as reported by the operating system for blocks in use
    /// and idle blocks, page by page.
    ///
    /// Memory that was never touched, and memory that was swapped out, is not resident. While a frame outgrows its block, only
    /// the latest block of each thread counts; a steady frame has one. It asks the system about every block: 0.3 ms for a
    /// gigabyte of large blocks, more for many small ones. It takes no lock, so no worker waits for it. A watched pool has the
    /// answer in its health snapshots, about once a second
    /// ([`RuntimeHealthMetrics::resident_bytes`](crate::RuntimeHealthMetrics::resident_bytes)).
    ///
    /// `None` without telemetry, and on all systems except 64-bit Linux on x86, Arm and RISC-V.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let mut image = pool.alloc::<u8>(4 << 20);
    /// image.fill(1);
    /// if let Some(resident) = pool.resident() {
    ///     println!("{} bytes were resident at {}", resident.bytes, resident.time);
    /// }
    /// ```
    pub fn resident(&self) -> Option<Resident> {
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        return self.inner().resident();
        #[cfg(any(framepool_loom, framepool_shuttle))]
        return None;
    }

    /// Asserts, in tests, that no pooled buffer is in use, except long-lived ones. A buffer allocated while attribution was
    /// off counts as in use even if it was marked as long-lived. Without the feature `telemetry` it always passes.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let image = pool.alloc::<u8>(4096);
    /// drop(image); // without this, the next line panics
    /// pool.assert_no_leaks();
    /// ```
    ///
    /// # Panics
    ///
    /// If buffers are in use; the message has the report of [`outstanding`](Self::outstanding).
    #[track_caller]
    pub fn assert_no_leaks(&self) {
        let out = self.outstanding();
        let counts = self.stats().totals.counts;
        let pooled = counts.pooled_allocs().wrapping_sub(counts.pooled_releases);
        assert!(
            pooled <= out.long_lived,
            "framepool: {} in use of pool `{}`, {} of them long-lived: {out}",
            counted(pooled, "pooled buffer"),
            self.name(),
            out.long_lived,
        );
    }
}

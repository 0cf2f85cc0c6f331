//! Tags: a handle that allocates buffers and begins frames under a name.

use std::fmt;
use std::panic::Location;

use bytemuck::Pod;

use crate::blocks::label::{Key, Label};
use crate::error::{AllocError, FrameError};
use crate::pool::buffer::Buffer;
use crate::pool::frame::Frame;
use crate::pool::handle::BufferPool;
use crate::telemetry::tags::{TagCounts, Tags};

/// A name under which a part of a program allocates: see [`BufferPool::tag`].
///
/// A tag has the pool's methods and allocates from the same memory. Each buffer counts for its tag: live buffers, live bytes, peak and
/// churn ([`BufferPool::tags`]). A buffer keeps its tag until it is dropped, on any thread. A tag is a handle; clones are the same tag.
///
/// A buffer with a tag costs what one without costs. Only a change of tag from one buffer to the next costs a few nanoseconds more. Each thread
/// keeps idle buffers for each tag that it uses, within its [`thread_cache_bytes`](crate::PoolBuilder::thread_cache_bytes), and needs 3.3 KiB of
/// bookkeeping for each, and 3 KiB once. A frame end reads two cache lines for each. So give names to parts of a program, not to single objects.
///
/// Budgets and an expected lifetime are set when the pool is built: [`PoolBuilder::tag`](crate::PoolBuilder::tag) with
/// [`TagSettings`](crate::TagSettings).
///
/// ```
/// use framepool::BufferPool;
///
/// let pool = BufferPool::new();
/// let physics = pool.tag("physics");
/// let contacts = physics.alloc::<f32>(1024);
/// let frame = physics.begin_frame();
/// frame.alloc::<u8>(100);
/// # if cfg!(feature = "telemetry") {
/// assert_eq!(pool.tags().get("physics").unwrap().total.live_buffers(), 2);
/// # }
/// frame.release_all();
/// # drop(contacts);
/// ```
#[derive(Clone)]
pub struct Tag {
    pool: BufferPool,
    number: usize,
    /// Of its buffers: that of buffers without a tag if nothing is counted and no budget limits the tag.
    key: Key,
}

impl Tag {
    /// The pool.
    pub fn pool(&self) -> &BufferPool {
        &self.pool
    }

    /// The full name, such as `render/shadows`. Waits for a frame end in progress.
    pub fn name(&self) -> String {
        let aggregator = self.pool.inner().aggregator.lock();
        aggregator.tags.name(self.number).to_owned()
    }

    /// The tag with this name below this one: `pool.tag("render").tag("shadows")` is `pool.tag("render/shadows")`.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let shadows = pool.tag("render").tag("shadows");
    /// assert_eq!(shadows.name(), "render/shadows");
    /// ```
    #[must_use]
    pub fn tag(&self, name: &str) -> Self {
        self.pool.open_tag(self.number, name)
    }

    fn label(&self, site: &'static Location<'static>) -> Label {
        Label {
            site,
            key: Some(self.key),
        }
    }

    /// Allocates a pooled buffer of `len` elements that counts for this tag; see [`BufferPool::alloc`].
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let audio = pool.tag("audio");
    /// let samples = audio.alloc::<f32>(1024);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.outstanding().sites[0].tag, "audio");
    /// # }
    /// # drop(samples);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline(always)]
    #[track_caller]
    pub fn alloc<T: Pod>(&self, len: usize) -> Buffer<T> {
        self.pool
            .alloc_labelled(len, self.label(Location::caller()))
    }

    /// Allocates a buffer of `len` zeroes that counts for this tag; see [`BufferPool::alloc_zeroed`].
    ///
    /// ```
    /// let silence = framepool::BufferPool::new().tag("audio").alloc_zeroed::<f32>(1024);
    /// assert!(silence.iter().all(|&sample| sample == 0.0));
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_zeroed<T: Pod>(&self, len: usize) -> Buffer<T> {
        self.alloc::<T>(len).zeroed()
    }

    /// Allocates a copy of `source` that counts for this tag; see [`BufferPool::alloc_copy`].
    ///
    /// ```
    /// let notes = framepool::BufferPool::new().tag("audio").alloc_copy(&[440.0_f32, 880.0]);
    /// assert_eq!(*notes, [440.0, 880.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_copy<T: Pod>(&self, source: &[T]) -> Buffer<T> {
        self.alloc::<T>(source.len()).copied(source)
    }

    /// Allocates a buffer that counts for this tag, or returns why it cannot; see [`BufferPool::try_alloc`].
    ///
    /// ```
    /// use framepool::{AllocError, BufferPool, TagSettings};
    ///
    /// let settings = TagSettings::new().max_bytes(64 << 10);
    /// let audio = BufferPool::builder().tag("audio", settings).build()?.tag("audio");
    /// let samples = audio.try_alloc::<u8>(64 << 10)?;
    /// match audio.try_alloc::<u8>(64) {
    ///     Err(AllocError::TagBudgetExceeded { in_use, limit, .. }) => assert_eq!(in_use, limit),
    ///     other => panic!("{other:?}"),
    /// }
    /// # drop(samples);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the pool, and [`AllocError::TagBudgetExceeded`] if a budget of the tag, or of a tag above it, is used up.
    #[inline(always)]
    #[track_caller]
    pub fn try_alloc<T: Pod>(&self, len: usize) -> Result<Buffer<T>, AllocError> {
        self.pool
            .try_alloc_labelled(len, self.label(Location::caller()))
    }

    /// Allocates a buffer that counts for this tag and for this line of code; see [`BufferPool::alloc_at`].
    ///
    /// ```
    /// use std::panic::Location;
    ///
    /// let pool = framepool::BufferPool::new();
    /// let asked_at = Location::caller(); // where a request was made
    /// let samples = pool.tag("audio").alloc_at::<f32>(1024, asked_at);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.outstanding().sites[0].location, asked_at);
    /// # }
    /// # drop(samples);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc_at`](Self::try_alloc_at) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_at<T: Pod>(&self, len: usize, location: &'static Location<'static>) -> Buffer<T> {
        self.pool.alloc_labelled(len, self.label(location))
    }

    /// Allocates a buffer of zeroes that counts for this tag and this line; see [`BufferPool::alloc_zeroed_at`].
    ///
    /// ```
    /// use std::panic::Location;
    ///
    /// let audio = framepool::BufferPool::new().tag("audio");
    /// let silence = audio.alloc_zeroed_at::<f32>(1024, Location::caller());
    /// assert!(silence.iter().all(|&sample| sample == 0.0));
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc_at`](Self::try_alloc_at) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_zeroed_at<T: Pod>(
        &self,
        len: usize,
        location: &'static Location<'static>,
    ) -> Buffer<T> {
        self.alloc_at::<T>(len, location).zeroed()
    }

    /// Allocates a buffer for this tag and this line, or returns why it cannot; see [`BufferPool::try_alloc_at`].
    ///
    /// ```
    /// use std::panic::Location;
    ///
    /// let audio = framepool::BufferPool::new().tag("audio");
    /// let samples = audio.try_alloc_at::<f32>(1024, Location::caller())?;
    /// assert_eq!(samples.len(), 1024);
    /// # Ok::<(), framepool::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`try_alloc`](Self::try_alloc).
    #[inline]
    pub fn try_alloc_at<T: Pod>(
        &self,
        len: usize,
        location: &'static Location<'static>,
    ) -> Result<Buffer<T>, AllocError> {
        self.pool.try_alloc_labelled(len, self.label(location))
    }

    /// Begins a frame whose buffers count for this tag.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.tag("physics").begin_frame();
    /// frame.alloc::<f32>(1024);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.tags().get("physics").unwrap().total.live_buffers(), 1);
    /// # }
    /// frame.release_all();
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_begin_frame`](Self::try_begin_frame) returns an error.
    #[track_caller]
    pub fn begin_frame(&self) -> Frame {
        self.pool.begin_tagged(self.number)
    }

    /// Begins a frame whose buffers count for this tag, or returns why it cannot.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_frames_in_flight(1).build()?;
    /// let physics = pool.tag("physics");
    /// let frame = physics.begin_frame();
    /// assert!(physics.try_begin_frame().is_err()); // the limit is the pool's
    /// # drop(frame);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`BufferPool::try_begin_frame`].
    #[track_caller]
    pub fn try_begin_frame(&self) -> Result<Frame, FrameError> {
        self.pool.try_begin_tagged(self.number)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tag")
            .field("pool", &self.pool.name())
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl BufferPool {
    /// Returns the tag with this name, and adds it if it is new. Keep the handle: this call waits for a frame end in
    /// progress.
    ///
    /// Tags nest by name: `render/shadows` lies below `render`, whose numbers include it. White space around a part does not count,
    /// and empty parts are ignored; a name with only empty parts is `(unnamed)`.
    ///
    /// A pool has up to 126 tags. A further name gets the nearest existing tag above it, so that this tag's budget
    /// still counts; without one it gets `(other tags)`. [`Tags::beyond_limit`] counts these cases.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let shadows = pool.tag("render/shadows");
    /// assert_eq!(pool.tag("render").tag("shadows").name(), shadows.name());
    /// let map = shadows.alloc::<f32>(512 * 512);
    /// # if cfg!(feature = "telemetry") {
    /// let tags = pool.tags();
    /// assert_eq!(tags.get("render/shadows").unwrap().own.live_bytes(), 1 << 20);
    /// assert_eq!(tags.get("render").unwrap().total.live_bytes(), 1 << 20);
    /// assert_eq!(tags.get("render").unwrap().own.live_bytes(), 0);
    /// # }
    /// # drop(map);
    /// ```
    #[must_use]
    pub fn tag(&self, name: &str) -> Tag {
        self.open_tag(0, name)
    }

    fn open_tag(&self, above: usize, name: &str) -> Tag {
        let inner = self.inner();
        let number = inner
            .aggregator
            .lock()
            .tags
            .open(&inner.tag_budgets, above, name);
        let is_seen = cfg!(feature = "telemetry") || inner.tag_budgets.is_limited(number);
        Tag {
            pool: self.clone(),
            number,
            key: Key::new(self.inner_ptr(), if is_seen { number } else { 0 }),
        }
    }

    /// The numbers of all tags now. Waits for frame ends and other walks, never for workers.
    ///
    /// The live numbers of a tag are exact when the threads rest; while they run, each count is from some moment
    /// during this call, and no tag has more releases than allocs.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let image = pool.tag("textures").alloc::<u8>(4096);
    /// for tag in pool.tags().tags {
    ///     println!("{}: {} bytes, {} at most", tag.name, tag.total.live_bytes(), tag.peak_bytes);
    ///     # if cfg!(feature = "telemetry") {
    ///     assert_eq!(tag.peak_bytes, 4096);
    ///     # }
    /// }
    /// # drop(image);
    /// ```
    pub fn tags(&self) -> Tags {
        let mut tags = Tags::default();
        self.tags_into(&mut tags);
        tags
    }

    /// Whether the pool has any tag.
    pub(crate) fn has_tags(&self) -> bool {
        !self.inner().aggregator.lock().tags.is_empty()
    }

    /// Writes what [`tags`](Self::tags) returns into an earlier result, and reuses its memory.
    ///
    /// ```
    /// use framepool::BufferPool;
    /// use framepool::telemetry::Tags;
    ///
    /// let pool = BufferPool::new();
    /// let uploads = pool.tag("uploads");
    /// let mut tags = Tags::default();
    /// for frames in 1..=3 {
    ///     drop(uploads.alloc::<u8>(4096));
    ///     pool.end_frame();
    ///     pool.tags_into(&mut tags); // reuses the memory of the list
    ///     # if cfg!(feature = "telemetry") {
    ///     assert_eq!(tags.get("uploads").unwrap().total.allocs, frames);
    ///     # }
    /// }
    /// ```
    pub fn tags_into(&self, tags: &mut Tags) {
        let inner = self.inner();
        let aggregator = &mut *inner.aggregator.lock();
        let now = aggregator.levels_now(inner);
        let totals = now.totals;
        let all = TagCounts {
            allocs: totals.allocs,
            releases: totals.releases,
            alloc_bytes: totals.alloc_bytes,
            release_bytes: totals.release_bytes,
        };
        tags.time = now.time;
        tags.frame = inner.frame();
        aggregator.tags.report(all, tags);
    }
}

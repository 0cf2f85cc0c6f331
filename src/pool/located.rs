//! Allocs with a given call site: for wrappers that allocate for their callers.

use std::panic::Location;

use bytemuck::Pod;

use crate::blocks::label::Label;
use crate::error::AllocError;
use crate::pool::buffer::Buffer;
use crate::pool::handle::BufferPool;

/// Buffers attributed to a call site that the caller names.
///
/// [`outstanding`](BufferPool::outstanding), leak reports and alerts name the line that called
/// [`alloc`](BufferPool::alloc). Two kinds of call hide that line:
///
/// - **A wrapper without `#[track_caller]`**: every buffer is attributed to the wrapper's own line. Put
///   `#[track_caller]` on the wrapper, and on each function between it and the line of interest. Where this is not
///   possible (a foreign trait, a closure, an asynchronous function, a request that runs later), take the location
///   where it is known, with [`Location::caller`], and pass it to [`alloc_at`](BufferPool::alloc_at).
/// - **A call through a function pointer or a trait object**, such as `.map(pool_alloc)` with
///   `let pool_alloc: fn(_, _) -> _ = BufferPool::alloc::<f32>;`: the buffer is attributed to a line of this library.
///   Use a closure, `|n| pool.alloc::<f32>(n)`, which has its own call site, or `alloc_at`.
impl BufferPool {
    /// Allocates a buffer of `len` elements, attributed to `location`, initialised with unspecified contents.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc_at`](Self::try_alloc_at) returns an error.
    ///
    /// # Examples
    ///
    /// A queue of requests that run later; each is attributed to the line that made it:
    ///
    /// ```
    /// use framepool::{Buffer, BufferPool};
    /// use std::panic::Location;
    ///
    /// struct Request {
    ///     len: usize,
    ///     made_at: &'static Location<'static>,
    /// }
    ///
    /// #[track_caller]
    /// fn request(len: usize) -> Request {
    ///     Request { len, made_at: Location::caller() }
    /// }
    ///
    /// let pool = BufferPool::new();
    /// let requests = [request(1024)];
    /// let line = line!() - 1;
    /// let buffers: Vec<Buffer<f32>> = requests
    ///     .iter()
    ///     .map(|request| pool.alloc_at(request.len, request.made_at))
    ///     .collect();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.outstanding().sites[0].location.line(), line);
    /// # }
    /// # drop(buffers);
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_at<T: Pod>(&self, len: usize, location: &'static Location<'static>) -> Buffer<T> {
        self.alloc_labelled(len, Label::untagged(location))
    }

    /// Allocates a buffer of `len` zeroes, attributed to `location`.
    ///
    /// ```
    /// use std::panic::Location;
    ///
    /// let pool = framepool::BufferPool::new();
    /// let asked_at = Location::caller(); // where a request was made
    /// let mask = pool.alloc_zeroed_at::<u8>(64, asked_at);
    /// assert!(mask.iter().all(|&byte| byte == 0));
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.outstanding().sites[0].location, asked_at);
    /// # }
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

    /// Allocates a buffer of `len` elements, attributed to `location`, initialised with unspecified contents.
    ///
    /// ```
    /// use framepool::{AllocError, BufferPool};
    /// use std::panic::Location;
    ///
    /// let pool = BufferPool::builder().max_bytes(1 << 20).build()?;
    /// let refused = pool.try_alloc_at::<u8>(2 << 20, Location::caller());
    /// assert!(matches!(refused, Err(AllocError::BudgetExceeded { .. })));
    /// # Ok::<(), framepool::ConfigError>(())
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
        self.try_alloc_labelled(len, Label::untagged(location))
    }
}

//! Pooled buffers whose call site is given: for wrappers that take buffers for somebody else.
#![expect(unsafe_code, reason = "a lent block becomes a buffer")]

use std::panic::Location;

use bytemuck::Pod;

use crate::error::AllocError;
use crate::pool::buffer::Buffer;
use crate::pool::handle::BufferPool;
use crate::pool::refusal::refused;

/// Buffers attributed to a call site that the caller names.
///
/// [`outstanding`](BufferPool::outstanding), leak reports and alerts name the line that called
/// [`alloc`](BufferPool::alloc). Two kinds of call hide that line:
///
/// - **A wrapper without `#[track_caller]`**: every buffer is attributed to the wrapper's own line. The cure is
///   `#[track_caller]` on the wrapper, and on each function between it and the line of interest. Where this cannot be
///   done (a trait of somebody else, a closure, an asynchronous function, a request that is carried out later), take the
///   location where it is known, with [`Location::caller`], and pass it to [`alloc_at`](BufferPool::alloc_at).
/// - **A call through a function pointer or a trait object**, such as `.map(pool_alloc)` with
///   `let pool_alloc: fn(_, _) -> _ = BufferPool::alloc::<f32>;`: the buffer is attributed to a line of this library. The
///   cure is a closure, `|n| pool.alloc::<f32>(n)`, which is a call site of its own, or `alloc_at`.
impl BufferPool {
    /// A buffer of `len` elements, attributed to `location`. Contents: initialised, otherwise unspecified.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc_at`](Self::try_alloc_at) returns an error.
    ///
    /// # Examples
    ///
    /// A queue of requests, each of which is carried out later and attributed to the line that made it:
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
        match self.try_alloc_at(len, location) {
            Ok(buffer) => buffer,
            Err(error) => refused(&error),
        }
    }

    /// A buffer of `len` zeroes, attributed to `location`.
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
        let mut buffer = self.alloc_at::<T>(len, location);
        if size_of::<T>() > 0 {
            buffer.fill(T::zeroed());
        }
        buffer
    }

    /// A buffer of `len` elements, attributed to `location`. Contents: initialised, otherwise unspecified.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc).
    #[inline]
    pub fn try_alloc_at<T: Pod>(
        &self,
        len: usize,
        location: &'static Location<'static>,
    ) -> Result<Buffer<T>, AllocError> {
        let block = match self.alloc_fast::<T>(len, location) {
            Some(block) => block,
            None => self.alloc_slow::<T>(len, location)?,
        };
        // SAFETY: the block was lent to us just now, for these elements; their alignment was checked.
        Ok(unsafe { Buffer::new(block, len) })
    }
}

//! A thread's part of an open frame, for loops that allocate many buffers.

#![expect(
    unsafe_code,
    reason = "an arena lends its memory for as long as its frame is borrowed"
)]

use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use bytemuck::Pod;

use crate::arena::bump::Arena;
use crate::error::AllocError;
use crate::pool::frame::{Frame, copied, zeroed};
use crate::pool::frame_values::{assert_needs_no_drop, put};
use crate::pool::framed::{FrameLayout, with_arena};
use crate::pool::refusal::refused;

/// The calling thread's part of a [`Frame`], given to a function by [`Frame::with_arena`].
///
/// It allocates buffers as the frame itself does, without a thread lookup for each. It cannot leave the function or
/// the thread:
///
/// ```compile_fail,E0277
/// let pool = framepool::BufferPool::new();
/// let frame = pool.begin_frame();
/// frame.with_arena(|arena| {
///     std::thread::scope(|scope| {
///         scope.spawn(|| arena.alloc::<u8>(64)); // error: another thread has an arena of its own
///     });
/// });
/// ```
///
/// ```compile_fail,E0521
/// let pool = framepool::BufferPool::new();
/// let frame = pool.begin_frame();
/// let arena = frame.with_arena(|arena| arena); // error: it would outlive the function
/// ```
///
/// Meanwhile the frame, the pool and other pools can be used as usual.
///
/// ```
/// use framepool::{BufferPool, FrameArena};
///
/// fn node<'f>(arena: FrameArena<'_, 'f>, children: &[u32]) -> &'f [u32] {
///     arena.alloc_copy(children)
/// }
///
/// let pool = BufferPool::new();
/// let frame = pool.begin_frame();
/// let leaf = frame.with_arena(|arena| (0..100).map(|n| node(arena, &[n, n + 1])).last());
/// assert_eq!(leaf, Some(&[99, 100][..])); // it lives as long as the frame
/// ```
#[derive(Clone, Copy)]
pub struct FrameArena<'t, 'f> {
    arena: &'t Arena,
    layout: FrameLayout,
    frame: &'f Frame,
    /// Neither `Send` nor `Sync`: the arena belongs to the thread.
    on_this_thread: PhantomData<*mut ()>,
}

impl<'t, 'f> FrameArena<'t, 'f> {
    /// The arena of the calling thread in this frame's layout.
    pub(crate) fn new(frame: &'f Frame, layout: FrameLayout, arena: &'t Arena) -> Self {
        Self {
            arena,
            layout,
            frame,
            on_this_thread: PhantomData,
        }
    }

    /// The frame.
    pub fn frame(&self) -> &'f Frame {
        self.frame
    }

    /// Allocates `len` elements, initialised with unspecified contents, as [`Frame::alloc`] does.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let rows: Vec<_> = frame.with_arena(|arena| (1..4).map(|len| arena.alloc::<f32>(len)).collect());
    /// assert_eq!(rows[2].len(), 3);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`Frame::try_alloc`] returns an error.
    #[inline(always)]
    #[track_caller]
    pub fn alloc<T: Pod>(&self, len: usize) -> &'f mut [T] {
        let fast = self.alloc_fast::<T>(len);
        // SAFETY: the memory was allocated for these elements, from this frame, and is ours until it ends.
        unsafe { self.frame.view_or_panic(fast, len) }
    }

    /// Allocates `len` elements, all zero, as [`Frame::alloc_zeroed`] does.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let counts = frame.with_arena(|arena| arena.alloc_zeroed::<u32>(64));
    /// assert_eq!(counts.iter().sum::<u32>(), 0);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`Frame::try_alloc`] returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_zeroed<T: Pod>(&self, len: usize) -> &'f mut [T] {
        zeroed(self.alloc::<T>(len))
    }

    /// Allocates a copy of `source`, as [`Frame::alloc_copy`] does.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let name = frame.with_arena(|arena| arena.alloc_copy(b"player"));
    /// assert_eq!(name, b"player");
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`Frame::try_alloc`] returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_copy<T: Pod>(&self, source: &[T]) -> &'f mut [T] {
        copied(self.alloc::<T>(source.len()), source)
    }

    /// Moves `value` into the frame's memory, as [`Frame::alloc_value`] does.
    ///
    /// ```
    /// struct Node<'f> {
    ///     key: u32,
    ///     next: Option<&'f Node<'f>>,
    /// }
    ///
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let list = frame.with_arena(|arena| {
    ///     let mut list = None;
    ///     for key in 0..100 {
    ///         list = Some(&*arena.alloc_value(Node { key, next: list }));
    ///     }
    ///     list
    /// });
    /// assert_eq!(list.unwrap().next.unwrap().key, 98);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`Frame::try_alloc_value`] returns an error.
    #[inline(always)]
    #[track_caller]
    pub fn alloc_value<T>(&self, value: T) -> &'f mut T {
        const { assert_needs_no_drop::<T>() }
        let layout = Layout::new::<T>();
        let fast = (layout.size() > 0).then(|| self.arena.bump_value(layout));
        let place = match fast.flatten() {
            Some(place) => place,
            None => self.frame.value_or_panic(layout),
        };
        // SAFETY: the memory was allocated for a `T`, and nobody else has it until the frame ends.
        unsafe { put(place, value) }
    }

    /// Allocates `len` elements, or returns why it cannot, as [`Frame::try_alloc`] does.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_bytes(1 << 20).build()?;
    /// let frame = pool.begin_frame();
    /// let fits = frame.with_arena(|arena| arena.try_alloc::<u8>(2 << 20).is_ok());
    /// assert!(!fits);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Frame::try_alloc`].
    #[inline]
    #[track_caller]
    pub fn try_alloc<T: Pod>(&self, len: usize) -> Result<&'f mut [T], AllocError> {
        let fast = self.alloc_fast::<T>(len);
        // SAFETY: as in `alloc`.
        unsafe { self.frame.view_or_error(fast, len) }
    }

    /// Memory for `len` elements if the arena's block has it.
    #[inline(always)]
    fn alloc_fast<T: Pod>(&self, len: usize) -> Option<NonNull<u8>> {
        let bytes = self.frame.pool().bytes_fast::<T>(len)?;
        self.layout.bump(self.arena, bytes)
    }
}

impl fmt::Debug for FrameArena<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameArena")
            .field("frame", &self.frame.id())
            .finish_non_exhaustive()
    }
}

impl Frame {
    /// Runs `f` with the calling thread's part of the frame, from which a loop allocates faster. The thread and its
    /// arena are looked up once, before the loop, instead of for every buffer.
    ///
    /// The buffers live as long as the frame, not only as long as the call.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let rows: Vec<&mut [f32]> = frame.with_arena(|arena| (0..100).map(|n| arena.alloc(n)).collect());
    /// assert_eq!(rows[99].len(), 99);
    /// let snapshot = frame.release_all();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(snapshot.frame_allocs, 100);
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the system has no memory for the thread's slot; [`try_with_arena`](Self::try_with_arena) returns an error
    /// then.
    #[inline]
    #[track_caller]
    pub fn with_arena<'f, R>(&'f self, f: impl for<'t> FnOnce(FrameArena<'t, 'f>) -> R) -> R {
        match self.try_with_arena(f) {
            Ok(result) => result,
            Err(error) => refused(&error),
        }
    }

    /// Calls `f` with the arena as [`with_arena`](Self::with_arena) does, or returns an error.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let rows = frame.try_with_arena(|arena| [arena.alloc::<u8>(10), arena.alloc::<u8>(20)])?;
    /// assert_eq!(rows[1].len(), 20);
    /// # Ok::<(), framepool::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError::OutOfMemory`]: the thread is new to the pool, and the system has no memory for its slot. `f` was not called.
    #[inline]
    pub fn try_with_arena<'f, R>(
        &'f self,
        f: impl for<'t> FnOnce(FrameArena<'t, 'f>) -> R,
    ) -> Result<R, AllocError> {
        // SAFETY: the handle keeps the pool alive; the frame is borrowed, so it is open.
        unsafe {
            with_arena(self.pool.inner_ptr(), &self.layout, |arena| {
                f(FrameArena::new(self, self.layout, arena))
            })
        }
        .map_err(|refusal| self.pool.explain::<u8>(refusal, 0))
    }
}

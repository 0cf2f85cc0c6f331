//! Values of any type in a frame: structures with padding, references, enums, closures.
#![expect(
    unsafe_code,
    reason = "a frame lends its arenas' memory for as long as it is borrowed"
)]
#![expect(
    clippy::mut_from_ref,
    reason = "every call lends other memory, as an arena does"
)]

use std::alloc::Layout;
use std::panic::Location;
use std::ptr::NonNull;
use std::{ptr, str};

use crate::arena::bump::Arena;
use crate::error::AllocError;
use crate::pool::frame::Frame;
use crate::pool::frame_vec::FrameVec;
use crate::pool::framed::{Request, count_sampled, frame_alloc_slow, sampled_arena};
use crate::pool::lookup::current_slot;
use crate::pool::refusal::refused;
use crate::telemetry::frame_memory::FrameCounts;

/// Fails to compile for a type that must be dropped.
pub(super) const fn assert_needs_no_drop<T>() {
    assert!(
        !std::mem::needs_drop::<T>(),
        "a frame drops no values: keep this one in a `FrameVec`, which does"
    );
}

impl Frame {
    /// Moves `value` into the frame's memory, where it lives as long as the frame.
    ///
    /// The value can be of any type that needs no drop, also one with padding or references, which [`alloc`](Self::alloc) does not
    /// take. It lies at its own alignment, next to the thread's other values of the frame.
    ///
    /// ```
    /// use framepool::{BufferPool, Frame};
    ///
    /// enum Shape<'f> {
    ///     Circle { radius: f32 },
    ///     Union(&'f Shape<'f>, &'f Shape<'f>),
    /// }
    ///
    /// fn area(shape: &Shape<'_>) -> f32 {
    ///     match shape {
    ///         Shape::Circle { radius } => 3.14 * radius * radius,
    ///         Shape::Union(a, b) => area(a) + area(b),
    ///     }
    /// }
    ///
    /// let pool = BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let a = frame.alloc_value(Shape::Circle { radius: 1.0 });
    /// let b = frame.alloc_value(Shape::Circle { radius: 2.0 });
    /// let both = frame.alloc_value(Shape::Union(a, b));
    /// assert!((area(both) - 15.7).abs() < 0.1);
    /// ```
    ///
    /// A type that must be dropped does not compile; a [`FrameVec`] drops its elements:
    ///
    /// ```compile_fail,E0080
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// frame.alloc_value(String::from("never freed")); // error: a frame drops no values
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc_value`](Self::try_alloc_value) returns an error.
    #[inline(always)]
    #[track_caller]
    pub fn alloc_value<T>(&self, value: T) -> &mut T {
        const { assert_needs_no_drop::<T>() }
        let place = match self.value_fast(Layout::new::<T>()) {
            Some(place) => place,
            None => self.value_or_panic(Layout::new::<T>()),
        };
        // SAFETY: the memory was allocated for a `T`, and nobody else has it until the frame ends.
        unsafe { put(place, value) }
    }

    /// Moves `value` into the frame's memory as [`alloc_value`](Self::alloc_value) does, or returns an error.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_bytes(64 << 10).build()?;
    /// let frame = pool.begin_frame();
    /// assert!(frame.try_alloc_value([0_u8; 128 << 10]).is_err());
    /// assert_eq!(*frame.try_alloc_value(Some('x')).unwrap(), Some('x'));
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the pool's budget is used up, or the system has no memory. The value is gone then; it needed no drop.
    #[inline]
    #[track_caller]
    pub fn try_alloc_value<T>(&self, value: T) -> Result<&mut T, AllocError> {
        const { assert_needs_no_drop::<T>() }
        let place = self.value_memory(Layout::new::<T>())?;
        // SAFETY: as in `alloc_value`.
        Ok(unsafe { put(place, value) })
    }

    /// Moves the items of an iterator into the frame's memory, as a slice that lives as long as the frame.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let words = frame.alloc_iter("a frame of words".split(' '));
    /// words.sort_unstable();
    /// assert_eq!(words, ["a", "frame", "of", "words"]);
    /// ```
    ///
    /// If the iterator says a length that is too small ([`size_hint`](Iterator::size_hint)), the slice is moved when it grows, and the
    /// earlier places stay in use until the frame ends.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc_value`](Self::try_alloc_value) returns an error.
    #[track_caller]
    pub fn alloc_iter<T>(&self, items: impl IntoIterator<Item = T>) -> &mut [T] {
        const { assert_needs_no_drop::<T>() }
        let mut vec = FrameVec::new_in(self);
        vec.extend_from(items);
        vec.into_slice()
    }

    /// Copies a text into the frame's memory.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let name = frame.alloc_str("Player");
    /// name.make_ascii_lowercase();
    /// assert_eq!(name, "player");
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc_value`](Self::try_alloc_value) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_str(&self, text: &str) -> &mut str {
        let layout = Layout::for_value(text);
        let place = match self.value_fast(layout) {
            Some(place) => place,
            None => self.value_or_panic(layout),
        };
        // SAFETY: the memory was allocated for this many bytes, and nobody else has it until the frame ends. They become those of a
        // text.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr(), place.as_ptr(), text.len());
            let bytes = NonNull::slice_from_raw_parts(place, text.len()).as_mut();
            str::from_utf8_unchecked_mut(bytes)
        }
    }

    /// The calling thread's arena of the frame, if the thread used this pool last.
    #[inline(always)]
    fn arena_fast(&self) -> Option<&Arena> {
        // SAFETY: the handle keeps the pool alive; the slot is the calling thread's own, and lives as long as the pool.
        unsafe { current_slot(self.pool.inner_ptr()) }.map(|slot| slot.arena(self.layout.place))
    }

    /// Memory for a value until the frame ends, if the calling thread's chunk has room.
    #[inline(always)]
    fn value_fast(&self, value: Layout) -> Option<NonNull<u8>> {
        if value.size() == 0 {
            return None;
        }
        self.arena_fast()?.bump_value(value)
    }

    /// Adds `more` bytes to the caller's value that ends at `end`, if nothing lies behind it.
    #[track_caller]
    pub(super) fn grow_value(&self, end: *mut u8, more: usize) -> bool {
        let grew = self.arena_fast().map(|arena| arena.grow_value(end, more));
        grew == Some(true) || self.grow_sampled(end, more, Location::caller())
    }

    /// The same in a sampled frame, in which the chunk has no room for the fast path. It is no alloc there either.
    fn grow_sampled(&self, end: *mut u8, more: usize, site: &'static Location<'static>) -> bool {
        // SAFETY: the handle keeps the pool alive.
        let found = unsafe { sampled_arena(self.pool.inner_ptr(), &self.layout) };
        let Some((slot, arena)) = found else {
            return false;
        };
        arena.open_values();
        let grew = arena.grow_value(end, more);
        arena.close_values();
        if grew {
            let counts = FrameCounts {
                requested_bytes: more as u64,
                ..FrameCounts::default()
            };
            // SAFETY: the slot is the calling thread's own, and the frame is open.
            unsafe { count_sampled(self.pool.inner(), slot, &self.layout, counts, site) };
        }
        grew
    }

    /// Memory for a value, or why there is none.
    #[inline]
    #[track_caller]
    pub(super) fn value_memory(&self, value: Layout) -> Result<NonNull<u8>, AllocError> {
        match self.value_fast(value) {
            Some(place) => Ok(place),
            None => self.value_slow(value),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn value_slow(&self, value: Layout) -> Result<NonNull<u8>, AllocError> {
        let site = Location::caller();
        // SAFETY: the handle keeps the pool alive; the frame stays open for the value's lifetime, which is that of `&self`.
        unsafe {
            let inner = self.pool.inner_ptr();
            frame_alloc_slow(inner, &self.layout, Request::Value(value), site)
        }
        .map_err(|refusal| self.pool.explain::<u8>(refusal, value.size()))
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn value_or_panic(&self, value: Layout) -> NonNull<u8> {
        // Not a closure, which would name its own line.
        match self.value_slow(value) {
            Ok(start) => start,
            Err(error) => refused(&error),
        }
    }
}

/// Writes the value.
///
/// # Safety
///
/// The memory has the size and the alignment of a `T`, and nobody else uses it during `'f`.
#[inline(always)]
pub(super) unsafe fn put<'f, T>(place: NonNull<u8>, value: T) -> &'f mut T {
    // SAFETY: as for the caller.
    unsafe {
        let place = place.cast::<T>();
        place.write(value);
        &mut *place.as_ptr()
    }
}

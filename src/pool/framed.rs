//! Allocating frame buffers: the arena's cursor, then its next block, then the system.
#![expect(unsafe_code, reason = "the slot's owner lends from its arenas")]

use std::alloc::Layout;
use std::num::NonZero;
use std::panic::Location;
use std::ptr::NonNull;

use crate::arena::blocks::MAX_BLOCK_BYTES;
use crate::arena::bump::{Arena, MAX_REQUESTED};
use crate::codegen::{cold_path, in_one_register};
use crate::memory::region::{PAGE, Region};
use crate::pool::inner::PoolInner;
use crate::pool::lookup::current_slot;
use crate::pool::pressure::Reach;
use crate::pool::refusal::{MAX_BYTES, Refusal, count_refusal, slot_refused};
use crate::pool::slot_guard::{with_slot, with_slot_unmarked};
use crate::slot::state::{ArenaPlace, Slot};
use crate::telemetry::frame_memory::FrameCounts;

/// From this size on, a frame buffer occupies an odd number of units of the pool's alignment.
///
/// With strides of a power of two, all buffers would begin in the same few cache sets, and the caller's first writes
/// would evict each other. Odd strides use all sets. If a unit is a page, an extra unit does not change the set, so
/// none is added. Smaller buffers would grow by more than a sixteenth.
const COLOURED_FROM: usize = 1024;

/// What a frame is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    /// A buffer of this many bytes, at the pool's alignment.
    Buffer(usize),
    /// Memory for a value of any type (`arena/bump/values.rs`).
    Value(Layout),
}

impl Request {
    fn bytes(self) -> usize {
        match self {
            Self::Buffer(bytes) => bytes,
            Self::Value(value) => value.size(),
        }
    }
}

/// Frame memory, and how much of the block it took.
struct Lent {
    start: NonNull<u8>,
    /// Zero for a value in a chunk that had room.
    taken: usize,
}

/// How an open frame lays out its buffers, computed once when it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameLayout {
    pub(super) place: ArenaPlace,
    /// The bits of an address below the pool's alignment.
    below_alignment: usize,
    /// The bits below an odd number of units, if buffers are coloured.
    below_odd: usize,
}

impl FrameLayout {
    /// Of the frame `index` of this pool.
    pub(crate) fn of(inner: &PoolInner, index: usize) -> Self {
        let alignment = inner.config.alignment;
        Self {
            place: ArenaPlace::of(index),
            below_alignment: alignment - 1,
            below_odd: if alignment < PAGE {
                2 * alignment - 1
            } else {
                alignment - 1
            },
        }
    }

    /// The frame's index.
    pub(crate) fn index(&self) -> usize {
        self.place.index()
    }

    /// Allocates `bytes` bytes from the frame's arena of the calling thread, if its block has room.
    #[inline(always)]
    pub(crate) fn bump(&self, arena: &Arena, bytes: usize) -> Option<NonNull<u8>> {
        // Zero, or more than `isize::MAX`.
        if bytes.cast_signed() <= 0 {
            cold_path();
            return None;
        }
        arena.bump(self.stride(bytes), bytes)
    }

    /// How far the cursor moves for `bytes`, which are at most `isize::MAX`: a multiple of the alignment, an odd one
    /// if buffers are coloured.
    ///
    /// Setting the low bits and subtracting those of the alignment takes one instruction and one register less than
    /// clearing the low bits and setting the one that makes the multiple odd.
    #[inline(always)]
    fn stride(&self, bytes: usize) -> usize {
        let below = if bytes < COLOURED_FROM {
            self.below_alignment
        } else {
            self.below_odd
        };
        ((bytes + self.below_alignment) | below) - self.below_alignment
    }
}

/// Allocates `bytes` bytes until the end of the layout's frame if the calling thread used this pool last, and its frame block
/// has room.
///
/// # Safety
///
/// The pool is alive for the call, and the frame is open for as long as the memory is used.
#[inline(always)]
pub(crate) unsafe fn frame_alloc_fast(
    inner: NonNull<PoolInner>,
    layout: &FrameLayout,
    bytes: usize,
) -> Option<NonNull<u8>> {
    // SAFETY: the caller keeps the pool alive; the slot is the calling thread's own.
    let arena = unsafe { current_slot(inner) }?.arena(layout.place);
    layout.bump(arena, bytes)
}

/// Runs `f` with the calling thread's arena of the layout's frame.
///
/// # Errors
///
/// There is no memory for a slot.
///
/// # Safety
///
/// The pool is alive for the call, and the frame is open.
#[inline]
pub(crate) unsafe fn with_arena<R>(
    inner: NonNull<PoolInner>,
    layout: &FrameLayout,
    f: impl FnOnce(&Arena) -> R,
) -> Result<R, Refusal> {
    // Allocs from the arena need no change mark. Anything else that `f` does with the slot has its own guard. SAFETY:
    // the caller keeps the pool alive; the slot is the calling thread's own.
    unsafe { with_slot_unmarked(inner, |slot| f(in_one_register(slot.arena(layout.place)))) }
        // SAFETY: the caller keeps the pool alive.
        .ok_or_else(|| slot_refused(unsafe { inner.as_ref() }))
}

/// Allocates `bytes` bytes in a sampled frame if the calling thread used this pool last, and its frame block has room.
///
/// # Safety
///
/// As for [`frame_alloc_fast`].
#[inline]
pub(crate) unsafe fn frame_alloc_sampled(
    inner: NonNull<PoolInner>,
    layout: &FrameLayout,
    bytes: usize,
    site: &'static Location<'static>,
) -> Option<NonNull<u8>> {
    // SAFETY: the caller keeps the pool alive.
    let (slot, arena) = unsafe { sampled_arena(inner, layout) }?;
    arena.open();
    let lent = layout.bump(arena, bytes);
    arena.close();
    if lent.is_some() {
        let counts = FrameCounts::of_one(bytes, layout.stride(bytes));
        // SAFETY: the caller keeps the pool alive; the slot is the calling thread's own, and the frame is open.
        unsafe { count_sampled(inner.as_ref(), slot, layout, counts, site) };
    }
    lent
}

/// The calling thread's slot and arena, if the layout's frame is sampled, the thread used this pool last, and the arena is not parked.
///
/// # Safety
///
/// The pool is alive while the slot is used.
#[inline(always)]
pub(super) unsafe fn sampled_arena<'s>(
    inner: NonNull<PoolInner>,
    layout: &FrameLayout,
) -> Option<(&'s Slot, &'s Arena)> {
    // SAFETY: the caller keeps the pool alive.
    let sampling = unsafe { &inner.as_ref().sampling };
    if !cfg!(feature = "telemetry") || !sampling.is_sampled(layout.index()) {
        return None;
    }
    // SAFETY: as above; the slot is the calling thread's own.
    let slot: &Slot = unsafe { current_slot(inner) }?;
    let arena = slot.arena(layout.place);
    arena.is_owned().then_some((slot, arena))
}

/// Counts what a line allocated in a sampled frame.
///
/// # Safety
///
/// The caller owns the slot, and the frame is open.
pub(super) unsafe fn count_sampled(
    inner: &PoolInner,
    slot: &Slot,
    layout: &FrameLayout,
    counts: FrameCounts,
    site: &'static Location<'static>,
) {
    let index = layout.index();
    // SAFETY: as for the caller.
    let count = || unsafe { slot.frame_sites.count(index, site, counts) };
    if !count() {
        // Sampling began after the thread's first frame.
        inner.prepare_sampling(slot, index);
        count();
    }
}

/// Allocates memory until the end of the layout's frame, on the slow path.
///
/// # Errors
///
/// Why there are none.
///
/// # Safety
///
/// As for [`frame_alloc_fast`].
pub(crate) unsafe fn frame_alloc_slow(
    inner: NonNull<PoolInner>,
    layout: &FrameLayout,
    request: Request,
    site: &'static Location<'static>,
) -> Result<NonNull<u8>, Refusal> {
    // SAFETY: the caller keeps the pool alive, and `with_slot` passes the calling thread's own slot.
    unsafe {
        with_slot(inner, |slot| {
            let lent = alloc_from(inner.as_ref(), slot, layout, request, site);
            // An overflow is counted in `explain`.
            if let Err(reason) = lent
                && reason != Refusal::Overflow
            {
                count_refusal(&slot.lane, reason);
            }
            lent
        })
        .unwrap_or_else(|| Err(slot_refused(inner.as_ref())))
    }
}

/// # Safety
///
/// The caller owns the slot, which is one of `inner`, and the arena's frame is open.
unsafe fn alloc_from(
    inner: &PoolInner,
    slot: &Slot,
    layout: &FrameLayout,
    request: Request,
    site: &'static Location<'static>,
) -> Result<NonNull<u8>, Refusal> {
    let arena = slot.arena(layout.place);
    let index = layout.index();
    if slot.note_arena(layout.place) {
        inner.prepare_sampling(slot, index);
    }
    if inner.budget.is_limited() {
        while !arena.unpark() {
            // Another thread is reclaiming the arena's blocks under the aggregator's lock; wait for it.
            drop(inner.aggregator.lock());
        }
    }
    if !cfg!(feature = "telemetry") || !inner.sampling.is_sampled(index) {
        return alloc_open(inner, slot, layout, request).map(|lent| lent.start);
    }
    arena.open();
    let is_value = matches!(request, Request::Value(_));
    if is_value {
        arena.open_values();
    }
    let lent = alloc_open(inner, slot, layout, request);
    if is_value {
        arena.close_values();
    }
    arena.close();
    let lent = lent?;
    let counts = FrameCounts::of_one(request.bytes(), lent.taken);
    // SAFETY: as for the caller.
    unsafe { count_sampled(inner, slot, layout, counts, site) };
    Ok(lent.start)
}

/// Allocates from an arena that is neither parked nor closed. Only for the slot's owner, while the frame is open.
fn alloc_open(
    inner: &PoolInner,
    slot: &Slot,
    layout: &FrameLayout,
    request: Request,
) -> Result<Lent, Refusal> {
    let arena = slot.arena(layout.place);
    let bytes = request.bytes();
    if bytes == 0 {
        arena.count_empty();
        let align = match request {
            Request::Buffer(_) => layout.below_alignment + 1,
            Request::Value(value) => value.align(),
        };
        let align = NonZero::new(align).expect("an alignment is not zero");
        let start = NonNull::without_provenance(align);
        return Ok(Lent { start, taken: 0 });
    }
    if bytes > MAX_BYTES {
        return Err(Refusal::Overflow);
    }
    if bytes > MAX_REQUESTED {
        // More than the counters can hold, and more than any supported system gives.
        return Err(inner
            .out_of_reach(bytes as u64)
            .unwrap_or(Refusal::Memory(bytes as u64)));
    }
    match request {
        Request::Buffer(_) => take_room(inner, slot, layout, bytes, bytes),
        Request::Value(value) => {
            if let Some(start) = arena.bump_value(value) {
                return Ok(Lent { start, taken: 0 });
            }
            let chunk_bytes = arena.chunk_bytes(value);
            if chunk_bytes > MAX_BYTES {
                return Err(Refusal::Overflow);
            }
            let chunk = take_room(inner, slot, layout, chunk_bytes, bytes)?;
            // SAFETY: the arena just allocated these bytes, as many as the value needs. The pool's alignment is at least a header's.
            let start = unsafe { arena.add_chunk(chunk.start, chunk.taken, value) };
            Ok(Lent {
                start,
                taken: chunk.taken,
            })
        }
    }
}

/// Allocates `bytes` bytes for a request of `requested` bytes, which is counted, from the arena's block or a new one.
fn take_room(
    inner: &PoolInner,
    slot: &Slot,
    layout: &FrameLayout,
    bytes: usize,
    requested: usize,
) -> Result<Lent, Refusal> {
    let arena = slot.arena(layout.place);
    let taken = layout.stride(bytes);
    let found = arena
        .bump(taken, requested)
        .or_else(|| arena.advance(taken, requested, false));
    if let Some(start) = found {
        return Ok(Lent { start, taken });
    }
    if !arena.reserve_place() {
        return Err(Refusal::Memory(size_of::<Region>() as u64));
    }
    let block = take_block(inner, slot, layout, taken)?;
    inner.in_flight.note_blocks(layout.index());
    arena.add_block(block);
    let start = arena
        .advance(taken, requested, true)
        .expect("the block just added has room");
    Ok(Lent { start, taken })
}

/// A block with room for `stride` bytes: of the usual size if the budget and the system allow it, else smaller.
///
/// The usual size is tried first, and idle memory is returned to make room for it. Then half of it, and so on,
/// without taking memory from others. Last comes the size that the buffer itself needs.
fn take_block(
    inner: &PoolInner,
    slot: &Slot,
    layout: &FrameLayout,
    stride: usize,
) -> Result<Region, Refusal> {
    let held = slot.arena(layout.place).held();
    // With a budget, one block takes at most a 64th of it.
    let max = inner.budget.limit().map_or(u64::MAX, |limit| limit / 64);
    let eighth = (held / 8).min(max).min(MAX_BLOCK_BYTES as u64) as usize & !layout.below_alignment;
    let usual = inner.config.frame_block_bytes.max(eighth).max(stride);
    if let Ok((block, _)) = inner.take_region(usual, Reach::Thread(slot)) {
        return Ok(block);
    }
    let mut smaller = (usual / 2) & !layout.below_alignment;
    while smaller > stride {
        if let Ok((block, _)) = inner.take_region(smaller, Reach::Nothing) {
            return Ok(block);
        }
        smaller = (smaller / 2) & !layout.below_alignment;
    }
    let (block, _) = inner.take_region(stride, Reach::Thread(slot))?;
    Ok(block)
}

//! A slot's arenas: one per open frame. They lie behind the slot in the same allocation, as many as the pool's frames: writing to cold
//! memory is most of the time of a thread's first use of a pool.
//!
//! A reference to a slot does not cover the arenas. So they are found by the slot's address, whose provenance is exposed.
#![expect(unsafe_code, reason = "a place of a frame of the pool has an arena")]

use std::alloc::Layout;
use std::ptr;

use super::Slot;
use crate::arena::bump::Arena;
use crate::arena::in_flight::MAX_IN_FLIGHT;
use crate::blocks::class::LINE;
use crate::sync::Ordering;

/// The position of an open frame's arena in every slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArenaPlace {
    /// The offset from the start of the slot.
    offset: usize,
}

/// Where the first arena begins: a line behind the slot. A multiple of 256 would be worse. There the cursor has the same low address bits as
/// every 16th buffer of 256 bytes, and its load waits for the caller's store to that buffer: 2.90 instead of 2.56 ns a buffer.
const FIRST_ARENA: usize = size_of::<Slot>() + LINE;
const _: () = assert!(align_of::<Slot>() >= align_of::<Arena>());

impl ArenaPlace {
    /// The place of the open frame `index`.
    pub(crate) fn of(index: usize) -> Self {
        assert!(index < MAX_IN_FLIGHT);
        Self {
            offset: FIRST_ARENA + index * size_of::<Arena>(),
        }
    }

    /// The open frame's index.
    pub(crate) fn index(self) -> usize {
        (self.offset - FIRST_ARENA) / size_of::<Arena>()
    }
}

impl Slot {
    /// The pointer to a slot and its arenas, from one that may have been made from a reference.
    #[inline(always)]
    pub(crate) fn whole(slot: *const Self) -> *mut Self {
        // `write_arenas` exposed the provenance of the allocation.
        ptr::with_exposed_provenance_mut(slot.addr())
    }

    /// The memory of a slot with this many arenas.
    ///
    /// Allocators put slots one behind another. If they were 4 KiB apart, the lines that a frame end reads in each would be in the same few
    /// sets of the processor's caches: 7.9 to 13.5 instead of 7.1 to 7.5 ns a slot with 512 of them. Then a slot is a little larger.
    pub(crate) const fn layout(frames: u32) -> Layout {
        let align = align_of::<Self>();
        let mut bytes = FIRST_ARENA + frames as usize * size_of::<Arena>();
        // With two words of the allocator's own.
        let apart = (bytes + 16).next_multiple_of(align);
        if apart.is_multiple_of(4096) {
            bytes += align;
        }
        // SAFETY: the alignment is that of a type, and the bytes of at most `MAX_IN_FLIGHT` arenas are few.
        unsafe { Layout::from_size_align_unchecked(bytes, align) }
    }

    /// Writes the arenas of a new slot.
    ///
    /// # Safety
    ///
    /// `at` is memory of [`layout`](Self::layout) that nobody else uses.
    pub(super) unsafe fn write_arenas(at: *mut Self, frames: u32) {
        at.expose_provenance();
        for index in 0..frames as usize {
            // SAFETY: the layout has room for this many arenas.
            unsafe {
                let arena = at.byte_add(ArenaPlace::of(index).offset);
                arena.cast::<Arena>().write(Arena::new());
            }
        }
    }

    /// Drops the arenas of a slot.
    ///
    /// # Safety
    ///
    /// [`write_arenas`](Self::write_arenas) wrote them, nobody uses them any more, and this is called once. The pointer is to the
    /// [`whole`](Self::whole).
    pub(crate) unsafe fn drop_arenas(slot: *mut Self) {
        // SAFETY: as for this function.
        unsafe {
            for index in 0..(*slot).frames as usize {
                let arena = slot.byte_add(ArenaPlace::of(index).offset);
                arena.cast::<Arena>().drop_in_place();
            }
        }
    }

    /// The owner's arena at this place.
    #[inline(always)]
    pub(crate) fn arena(&self, place: ArenaPlace) -> &Arena {
        debug_assert!(place.index() < self.frames as usize);
        let slot = Self::whole(self);
        // SAFETY: only `of` makes a place. The place is that of a frame of the pool, and there is an arena for each behind the slot.
        unsafe { &*slot.byte_add(place.offset).cast() }
    }

    /// The arenas whose bits are set in `frames` and that an owner ever allocated from, with their places.
    pub(crate) fn arenas_among(&self, frames: u32) -> impl Iterator<Item = (ArenaPlace, &Arena)> {
        // Relaxed: the end of a frame is ordered after all its allocs. For an open frame a bit, and so the latest
        // allocs, may be missed.
        let mut bits = self.lane.of_slot.arenas_used.load(Ordering::Relaxed) & frames;
        std::iter::from_fn(move || {
            (bits != 0).then(|| {
                let place = ArenaPlace::of(bits.trailing_zeros() as usize);
                bits &= bits - 1;
                (place, self.arena(place))
            })
        })
    }

    /// Notes that the owner allocates from the arena at this place; returns whether for the first time. Only for the
    /// owner.
    pub(crate) fn note_arena(&self, place: ArenaPlace) -> bool {
        // Relaxed, both: the owner is the only writer; see `arenas_among`.
        let used = self.lane.of_slot.arenas_used.load(Ordering::Relaxed);
        let bit = 1 << place.index();
        let is_first = used & bit == 0;
        if is_first {
            self.lane
                .of_slot
                .arenas_used
                .store(used | bit, Ordering::Relaxed);
        }
        is_first
    }
}

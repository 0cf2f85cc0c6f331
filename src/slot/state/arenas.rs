//! A slot's arenas: one per open frame.
#![expect(unsafe_code, reason = "a place of a frame of the pool has an arena")]

use std::mem::offset_of;
use std::ptr;

use super::Slot;
use crate::arena::bump::Arena;
use crate::arena::in_flight::MAX_IN_FLIGHT;
use crate::sync::Ordering;

/// The position of an open frame's arena in every slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArenaPlace {
    /// The offset from the start of the slot.
    offset: usize,
}

impl ArenaPlace {
    /// The place of the open frame `index`.
    pub(crate) fn of(index: usize) -> Self {
        assert!(index < MAX_IN_FLIGHT);
        Self {
            offset: offset_of!(Slot, arenas) + index * size_of::<Arena>(),
        }
    }

    /// The open frame's index.
    pub(crate) fn index(self) -> usize {
        (self.offset - offset_of!(Slot, arenas)) / size_of::<Arena>()
    }
}

impl Slot {
    /// The owner's arena at this place.
    #[inline(always)]
    pub(crate) fn arena(&self, place: ArenaPlace) -> &Arena {
        debug_assert!(place.index() < self.frames as usize);
        // SAFETY: only `of` makes a place, and it is the offset of an arena in every slot. The place is that of a frame of the
        // pool, so the arena is initialised.
        unsafe { &*ptr::from_ref(self).byte_add(place.offset).cast() }
    }

    /// The arenas whose bits are set in `frames` and that an owner ever allocated from, with their places.
    pub(crate) fn arenas_among(&self, frames: u32) -> impl Iterator<Item = (ArenaPlace, &Arena)> {
        // Relaxed: the end of a frame is ordered after all its allocs. For an open frame a bit, and so the latest
        // allocs, may be missed.
        let mut bits = self.arenas_used.load(Ordering::Relaxed) & frames;
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
        let used = self.arenas_used.load(Ordering::Relaxed);
        let bit = 1 << place.index();
        let is_first = used & bit == 0;
        if is_first {
            self.arenas_used.store(used | bit, Ordering::Relaxed);
        }
        is_first
    }
}

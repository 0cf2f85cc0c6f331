//! One thread's slot in a pool: its lanes, its arenas, and what all of them share.
#![expect(unsafe_code, reason = "what a slot has belongs to its owner")]

mod arenas;
mod idle;

use std::cell::Cell;
use std::ptr::NonNull;

use crate::blocks::label::TagMark;
use crate::blocks::state::thread_of;
use crate::slot::frame_sites::FrameSites;
use crate::slot::lane::Lane;
use crate::slot::lanes::TagPart;
use crate::slot::owner::{Owner, Use};

pub(crate) use arenas::ArenaPlace;

/// One thread's state in a pool. Behind it in memory lie the owner's bump allocators, one per open frame (`state/arenas.rs`).
///
/// ```text
///   lane without a tag (lane.rs) │ credit … frames, 1 line │ arenas, 3 lines each, of those in use
/// ```
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    /// The owner's idle blocks and counts without a tag, and what the frame end reads of the slot. First field, so that a bin's address is the
    /// slot's plus a multiple.
    pub(crate) lane: Lane,
    /// Bytes not yet granted to any bin of any lane. Only for the owner.
    pub(super) credit: Cell<usize>,
    /// What the slot needs for tags.
    pub(crate) by_tag: TagPart,
    /// The owner's allocs in sampled frames.
    pub(crate) frame_sites: FrameSites,
    /// The number of frames that can be open at once, and so of arenas behind the slot.
    frames: u32,
}

// SAFETY: the lanes are only for the owner, and `owner` passes them from one to the next; their readings are only for the aggregator.
unsafe impl Send for Slot {}
// SAFETY: as above; other threads read only atomics of the lanes, and the closer of the pool their allowances, while the owner runs fast
// releases at most (`closing.rs`). The rest is atomic, or its own type controls access.
unsafe impl Sync for Slot {}

impl Slot {
    /// Writes a new, claimed slot in place, because it is too large for the stacks of small threads.
    ///
    /// # Safety
    ///
    /// `at` is memory of [`layout`](Self::layout) for this many frames that nobody else uses.
    pub(crate) unsafe fn write_new(
        at: NonNull<Self>,
        credit: usize,
        frames: u32,
        claimed_for: Use,
    ) {
        let at = at.as_ptr();
        // SAFETY: as for this function; all fields are written, and all arenas.
        unsafe {
            let owner = Owner::new(claimed_for);
            Lane::write_new(&raw mut (*at).lane, TagMark::NONE, owner);
            (&raw mut (*at).credit).write(Cell::new(credit));
            (&raw mut (*at).by_tag).write(TagPart::new());
            (&raw mut (*at).frame_sites).write(FrameSites::new());
            (&raw mut (*at).frames).write(frames);
            Self::write_arenas(at, frames);
        }
    }

    /// The number of frames that can be open at once.
    pub(crate) fn frames(&self) -> u32 {
        self.frames
    }

    /// The number of the current or last owner's thread name.
    pub(crate) fn thread(&self) -> u32 {
        thread_of(self.lane.stamp())
    }

    /// Names the owner. Only for the owner.
    pub(super) fn set_thread(&self, name: u32) {
        for lane in self.lanes() {
            lane.set_thread(name);
        }
    }

    /// Whether a thread has the slot, and who may use it.
    #[inline]
    pub(crate) fn owner(&self) -> &Owner {
        &self.lane.of_slot.owner
    }

    /// Bytes of the idle blocks that the owner keeps. Exact when the owner rests.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock, and both passes have read the slot.
    pub(crate) unsafe fn kept_bytes(&self) -> u64 {
        // SAFETY: as for this function.
        self.lanes().map(|lane| unsafe { lane.kept_bytes() }).sum()
    }

    /// Adds a number of buffers that the slot allocated: pooled ones, or those of a frame that has ended.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock.
    #[inline]
    pub(crate) unsafe fn note_allocs(&self, allocs: u64) {
        if allocs > 0 {
            // SAFETY: the caller has the aggregator's lock.
            self.lane
                .last_read
                .with_mut(|last_read| unsafe { (*last_read).note_allocs(allocs) });
        }
    }

    /// Whether the owner allocated a buffer since the last frame end. `in_open_frames` are its allocs in open frames;
    /// `end_frame` is true at a frame end.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock, and has read the allocs.
    pub(crate) unsafe fn is_active(&self, in_open_frames: u64, end_frame: bool) -> bool {
        self.lane.last_read.with_mut(|last_read| {
            // SAFETY: the caller has the aggregator's lock.
            unsafe { (*last_read).is_active(in_open_frames, end_frame) }
        })
    }
}

// The cost of a thread before its first alloc, with three arenas: its bins, and about ten lines.
#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
const _: () = assert!(Slot::layout(3).size() <= 5200);

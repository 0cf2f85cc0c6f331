//! The lanes of a slot: one for buffers without a tag, and one for each tag that the slot's owners ever used.
//!
//! A lane is added when its tag is first used in the slot, and freed with the slot. The owner finds it by its tag's number. The
//! aggregator and the closer follow the list, which only grows.
//!
//! # Shared by all lanes
//!
//! The bytes that a thread may keep are those of all its lanes together: a lane that lacks credit takes it from the others ([`Purse`]). And
//! before a lane takes memory from the system, the thread's other lanes send what they keep of the class to the depot. So buffers that were
//! prepared in advance serve every tag. But a lane that has made way for another takes new memory from then on, if the budget has room. So
//! tags in turns do not take blocks from each other all the time: each ends up with those that it needs, within what the thread may keep.
//! A flush of the thread, and preparing buffers, let the lane take from others again.
//!
//! Without the feature `telemetry` nothing is counted, so all buffers share the lane without a tag.
#![expect(unsafe_code, reason = "a slot owns its lanes")]

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::ptr::{self, NonNull};

use crate::blocks::bin::Bin;
use crate::blocks::class::NO_CLASS;
use crate::blocks::exchange::{Exchange, Purse};
use crate::blocks::label::TagMark;
use crate::memory::tag_budget::{Credit, MAX_TAGS};
use crate::slot::lane::{Lane, OfSlot};
use crate::slot::owner::{Owner, Use};
use crate::slot::state::Slot;
use crate::sync::{AtomicPtr, Ordering, Owned};

/// What a slot has for tags, besides the lanes themselves.
#[derive(Debug)]
pub(crate) struct ByTag {
    /// The lane of each tag, or null. Only for the owner.
    lanes: [Cell<*const Lane>; MAX_TAGS],
    /// One per budget, in the order of the pool's budgets.
    pub(crate) credits: [Credit; MAX_TAGS],
}

/// What a slot has for tags, once it needs anything.
#[derive(Debug)]
pub(crate) struct TagPart(AtomicPtr<ByTag>);

impl ByTag {
    /// Writes new ones in place, because they are too large for the stacks of small threads.
    ///
    /// # Safety
    ///
    /// `at` is memory for them that nobody else uses.
    unsafe fn write_new(at: *mut Self) {
        // SAFETY: as for this function; all fields are written.
        unsafe {
            let lanes = (&raw mut (*at).lanes).cast::<Cell<*const Lane>>();
            let credits = (&raw mut (*at).credits).cast::<Credit>();
            for place in 0..MAX_TAGS {
                lanes.add(place).write(Cell::new(ptr::null()));
                credits.add(place).write(Credit::new());
            }
        }
    }
}

impl TagPart {
    pub(super) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// What the slot has for tags, for the owner.
    #[inline]
    pub(crate) fn own(&self) -> Option<&ByTag> {
        // SAFETY: freed only with the slot.
        unsafe { self.0.load_own().as_ref() }
    }

    /// What the slot has for tags, for a thread that explains a refusal.
    pub(crate) fn seen(&self) -> Option<&ByTag> {
        // Acquire: pairs with the Release in `own_or_new`; the contents are written.
        // SAFETY: as in `own`.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// What the slot has for tags, allocated if there is nothing; `None` if there is no memory for it. Only for the owner.
    pub(crate) fn own_or_new(&self) -> Option<&ByTag> {
        if self.own().is_none() {
            // SAFETY: the type is not zero-sized.
            let new = NonNull::new(unsafe { alloc(Layout::new::<ByTag>()) })?.cast();
            // SAFETY: allocated just now for this.
            unsafe { ByTag::write_new(new.as_ptr()) };
            // Release: pairs with the Acquire in `seen`.
            self.0.store(new.as_ptr(), Ordering::Release);
        }
        self.own()
    }
}

impl Slot {
    /// Bytes of what a slot with this number of lanes has for tags.
    #[inline]
    pub(crate) fn tag_bytes(lanes: usize) -> u64 {
        match lanes {
            0 | 1 => 0,
            _ => (size_of::<ByTag>() + (lanes - 1) * size_of::<Lane>()) as u64,
        }
    }

    /// Every lane with a tag, the newest first.
    #[inline]
    fn tagged_lanes(&self) -> impl Iterator<Item = &Lane> {
        let newest = &self.lane.of_slot.newest;
        // Acquire: pairs with the Release in `add_lane`; this lane and all older ones are written.
        let mut at = newest.load(Ordering::Acquire).cast_const();
        std::iter::from_fn(move || {
            // SAFETY: a lane is written before it is in the list, and freed only with the slot.
            let lane = unsafe { at.as_ref() }?;
            // Relaxed: written before the lane was in the list.
            at = lane.older.load(Ordering::Relaxed).cast_const();
            Lane::fetch(at);
            Some(lane)
        })
    }

    /// All lanes, beginning with the one without a tag.
    #[inline]
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        std::iter::once(&self.lane).chain(self.tagged_lanes())
    }

    /// The lane of a tag, or the lane without a tag for number zero; `None` if the slot lacks what it needs for the tag. Only for the owner.
    #[inline]
    pub(crate) fn own_lane(&self, tag: usize) -> Option<&Lane> {
        if tag == 0 {
            return Some(&self.lane);
        }
        let by_tag = self.by_tag.own()?;
        if !cfg!(feature = "telemetry") {
            return Some(&self.lane);
        }
        // SAFETY: lanes are freed only with the slot.
        unsafe { by_tag.lanes.get(tag)?.get().as_ref() }
    }

    /// Adds what is missing for a tag; returns its lane, or `None` if there is no memory. Only for the owner.
    pub(crate) fn add_lane(&self, tag: TagMark) -> Option<&Lane> {
        let by_tag = self.by_tag.own_or_new()?;
        if !cfg!(feature = "telemetry") {
            return Some(&self.lane);
        }
        // SAFETY: a lane is not zero-sized.
        let lane = NonNull::new(unsafe { alloc(Layout::new::<Lane>()) })?.cast::<Lane>();
        // SAFETY: allocated just now for a lane; no other thread knows it yet.
        let new = unsafe {
            // The owner's word is that of the slot.
            Lane::write_new(lane.as_ptr(), tag, Owner::new(Use::Handle));
            lane.as_ref()
        };
        new.set_thread(self.thread());
        // Relaxed, both: published by the Release below.
        let newest = &self.lane.of_slot.newest;
        new.older
            .store(newest.load(Ordering::Relaxed), Ordering::Relaxed);
        by_tag.lanes[tag.number()].set(lane.as_ptr());
        // Release: pairs with the Acquire in `tagged_lanes`.
        newest.store(lane.as_ptr(), Ordering::Release);
        Some(new)
    }

    /// Sends the idle blocks of a class in the other lanes to the depot for a lane that needs one; `true` if there was any. A lane that has
    /// made way before gets none unless it `must` not take new memory. Only for the owner.
    pub(crate) fn make_way_for(
        &self,
        needs: &Lane,
        class: usize,
        must: bool,
        exchange: &Exchange<'_>,
    ) -> bool {
        if class >= NO_CLASS || (needs.magazine().made_way(class) && !must) {
            return false;
        }
        let mut any = false;
        for lane in self.lanes().filter(|&lane| !ptr::eq(lane, needs)) {
            let notes = lane.notes(self);
            any |= lane.magazine().make_way(class, exchange, notes);
        }
        any
    }

    /// Lets every lane take blocks of a class from the others again. Only for the owner.
    pub(crate) fn forget_made_way(&self, class: usize) {
        for lane in self.lanes() {
            lane.magazine().forget_made_way(class);
        }
    }
}

impl Purse for Slot {
    fn credit(&self) -> &Cell<usize> {
        &self.credit
    }

    fn collect(&self, enough: usize, but: *const Bin, exchange: &Exchange<'_>) {
        // The largest first: they give back the most credit for one exchange.
        for class in (0..NO_CLASS).rev() {
            for lane in self.lanes() {
                if self.credit.get() >= enough {
                    return;
                }
                let notes = lane.notes(self);
                lane.magazine().flush_unless(but, class, exchange, notes);
            }
        }
    }
}

impl Drop for OfSlot {
    fn drop(&mut self) {
        // Relaxed, all: the thread that frees a slot has exclusive access to it.
        let mut at = self.newest.load(Ordering::Relaxed);
        while let Some(lane) = NonNull::new(at) {
            // SAFETY: made by `add_lane`, and freed once.
            unsafe {
                at = lane.as_ref().older.load(Ordering::Relaxed);
                lane.drop_in_place();
                dealloc(lane.as_ptr().cast(), Layout::new::<Lane>());
            }
        }
    }
}

impl Drop for TagPart {
    fn drop(&mut self) {
        // Relaxed: as above.
        if let Some(by_tag) = NonNull::new(self.0.load(Ordering::Relaxed)) {
            // SAFETY: made by `own_or_new`, and freed once.
            unsafe {
                by_tag.drop_in_place();
                dealloc(by_tag.as_ptr().cast(), Layout::new::<ByTag>());
            }
        }
    }
}

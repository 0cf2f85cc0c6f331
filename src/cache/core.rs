//! What all handles of a pool share.
#![expect(
    unsafe_code,
    reason = "a pool's lifetime is counted by its ledger, not by one owner"
)]

use std::ptr::NonNull;

use crate::alloc::{Attribution, Config};
use crate::cache::block::frame_stamp;
use crate::cache::budget::Budget;
use crate::cache::class::{CLASSES, class_bytes};
use crate::cache::depot::Depot;
use crate::cache::in_flight::InFlight;
use crate::cache::ledger::Ledger;
use crate::cache::magazine::batch_len;
use crate::cache::names::Names;
use crate::cache::slot::{Slot, Slots};
use crate::cache::stack::Stack;
use crate::cache::table::Table;
use crate::cache::tenancy;
use crate::fold::{Fold, FrameId, FrameSnapshot};
use crate::sync::{Arc, Atomic, CachePadded, Lock, Ordering, Published};

/// A pool, apart from its handles.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Core {
    pub(crate) config: Config,
    shapes: [Shape; CLASSES + 1],
    /// What workers read at every alloc and only a frame end writes.
    now: CachePadded<Now>,
    pub(crate) ledger: Ledger,
    pub(crate) budget: CachePadded<Budget>,
    pub(crate) in_flight: CachePadded<InFlight>,
    pub(crate) slots: CachePadded<Slots>,
    pub(crate) table: Table,
    /// Records of the table that have lost their memory.
    pub(crate) bare: CachePadded<Stack>,
    pub(crate) depot: Depot,
    pub(crate) names: Names,
    /// Frame ends, walks and everything that gives memory back are serialised here, among themselves.
    pub(crate) fold: Lock<Fold>,
    pub(crate) published: Published<FrameSnapshot>,
}

/// A size class in this pool.
#[derive(Clone, Copy, Debug)]
struct Shape {
    block_bytes: usize,
    batch_len: u32,
}

#[derive(Debug)]
struct Now {
    /// Frame ends so far.
    frame: Atomic<FrameId>,
    attribution: Atomic<Attribution>,
}

// SAFETY: everything in a core is atomic, behind a lock, never changes, or is a type that is `Sync` for reasons it
// states; the blocks' memory may be used from any thread.
unsafe impl Send for Core {}
// SAFETY: as above.
unsafe impl Sync for Core {}

impl Core {
    /// A new pool with one handle; freed by [`leave`](Self::leave).
    pub(crate) fn create(config: Config) -> NonNull<Self> {
        let first = Arc::new(FrameSnapshot::default());
        let shapes = std::array::from_fn(|class| {
            // Blocks beyond the largest class have their own sizes, and no thread keeps them.
            let block_bytes = if class < CLASSES {
                class_bytes(class).next_multiple_of(config.alignment)
            } else {
                usize::MAX
            };
            Shape {
                block_bytes,
                batch_len: batch_len(block_bytes, config.thread_cache_bytes),
            }
        });
        let core = Self {
            shapes,
            now: CachePadded::new(Now {
                frame: Atomic::new(FrameId(0)),
                attribution: Atomic::new(config.attribution),
            }),
            ledger: Ledger::new(),
            budget: CachePadded::new(Budget::new(config.max_bytes)),
            in_flight: CachePadded::new(InFlight::new(config.max_frames_in_flight)),
            slots: CachePadded::new(Slots::new()),
            table: Table::new(),
            bare: CachePadded::new(Stack::new()),
            depot: Depot::new(),
            names: Names::new(),
            fold: Lock::new(Fold::new()),
            published: Published::new(first),
            config,
        };
        NonNull::from(Box::leak(Box::new(core)))
    }

    /// Gives up a hold on the pool, and frees it if that was the last interest in it.
    ///
    /// # Safety
    ///
    /// The caller has a hold (a slot's, or the one of the handles) and uses the pool no more.
    pub(crate) unsafe fn leave(core: NonNull<Self>, balance: i64) {
        // SAFETY: the hold keeps the pool alive until this step.
        if unsafe { core.as_ref() }.ledger.leave(balance) {
            // SAFETY: the ledger says that nothing refers to the pool any more.
            unsafe { Self::free(core) };
        }
    }

    /// Gives up a handle.
    ///
    /// # Safety
    ///
    /// The caller has a handle and uses the pool no more.
    pub(crate) unsafe fn drop_handle(core: NonNull<Self>) {
        // SAFETY: the handle keeps the pool alive.
        if unsafe { core.as_ref() }.ledger.drop_handle() {
            // This thread's slot goes first, so that a pool used by one thread is gone with its handle.
            tenancy::note_closed();
            // SAFETY: the handles' hold is given up once, by the last of them.
            unsafe { Self::leave(core, 0) };
        }
    }

    /// Frees the pool and all its memory.
    ///
    /// # Safety
    ///
    /// Nothing refers to the pool any more.
    unsafe fn free(core: NonNull<Self>) {
        // SAFETY: made by `create`, and the caller is alone with it.
        let core = unsafe { Box::from_raw(core.as_ptr()) };
        let align = core.config.alignment;
        for block in core.table.records() {
            // SAFETY: no buffer is out and no slot has an owner: every block is idle and held by this thread. A block
            // that lost its memory, or never had any, gives an empty piece.
            unsafe { block.unbind().give_back(align) };
        }
        for slot in core.slots.iter() {
            for index in 0..crate::cache::in_flight::MOST_IN_FLIGHT {
                // SAFETY: no frame is open, since each holds a handle; this thread is alone with the arenas.
                while let Some(block) = unsafe { slot.arena(index).take_unneeded(true) } {
                    // SAFETY: taken from the arena just now, and taken from the system with this alignment.
                    unsafe { block.give_back(align) };
                }
            }
        }
    }

    /// Bytes of a block of `class`.
    #[inline]
    pub(crate) fn block_bytes(&self, class: usize) -> usize {
        self.shapes[class].block_bytes
    }

    /// Blocks that change hands at once; 0 if threads do not keep blocks of `class`.
    #[inline]
    pub(crate) fn batch_len(&self, class: usize) -> u32 {
        self.shapes[class].batch_len
    }

    /// Size classes of which the pool has blocks.
    pub(crate) fn pool_keys(&self) -> u32 {
        self.depot.keys()
    }

    /// Bytes of the bookkeeping, apart from the fold's.
    pub(crate) fn own_bytes(&self) -> u64 {
        let slots = u64::from(self.slots.count()) * size_of::<Slot>() as u64;
        let core = size_of::<Self>() as u64;
        core + slots + self.table.bytes() + self.depot.own_bytes() + self.names.bytes()
    }

    /// Frame ends so far.
    pub(crate) fn frame(&self) -> FrameId {
        // Relaxed: a number of its own.
        self.now.frame.load(Ordering::Relaxed)
    }

    /// Notes that a frame ended. Only under the fold's lock.
    pub(crate) fn set_frame(&self, frame: FrameId) {
        // Relaxed: a number of its own.
        self.now.frame.store(frame, Ordering::Relaxed);
    }

    /// What blocks lent now are stamped with, or nothing if call sites are not recorded.
    #[inline(always)]
    pub(crate) fn frame_stamp(&self) -> Option<u64> {
        // Relaxed, both: numbers of their own; a change takes effect at some alloc soon after.
        match self.now.attribution.load(Ordering::Relaxed) {
            Attribution::CallSites => Some(frame_stamp(self.now.frame.load(Ordering::Relaxed).0)),
            Attribution::Off => None,
        }
    }

    /// Whether call sites are recorded.
    pub(crate) fn attribution(&self) -> Attribution {
        // Relaxed: as in `frame_stamp`.
        self.now.attribution.load(Ordering::Relaxed)
    }

    /// Records call sites from now on, or stops.
    pub(crate) fn set_attribution(&self, attribution: Attribution) {
        // Relaxed: as in `frame_stamp`.
        self.now.attribution.store(attribution, Ordering::Relaxed);
    }
}

//! Adds to a walk what the records do not show: idle blocks by size and thread, and the frame buffers of each thread.
//!
//! The walk over the records counts the buffers in use by size and by thread. The pool counts the blocks of each size class
//! that have memory, and the depot counts its idle blocks. The rest of a class is idle in threads. So the numbers of a size
//! add up by construction, and they are exact while the threads rest. No counter is kept for this.
#![expect(
    unsafe_code,
    reason = "what slots and arenas say is read under the aggregator's lock"
)]

use crate::blocks::class::{CLASSES, OVERSIZE, class_for};
use crate::pool::findings::OutBySize;
use crate::pool::inner::PoolInner;
use crate::telemetry::breakdown::{SizeHolding, ThreadHolding, position};
use crate::telemetry::kept::Kept;
use crate::telemetry::outstanding::Outstanding;
use crate::text::replace;

impl PoolInner {
    /// Lists the sizes of which the pool has or had blocks, the smallest first. `out` is what a walk found.
    pub(crate) fn list_sizes(&self, out: &OutBySize, sizes: &mut Vec<SizeHolding>) {
        sizes.clear();
        // Without memory the list is empty; this is no error.
        if sizes.try_reserve(CLASSES + 1).is_err() {
            return;
        }
        for class in 0..CLASSES {
            let block_bytes = self.block_bytes(class);
            // Classes with equally large blocks are one size, listed under the class that `class_for` returns. The
            // walk does the same.
            if class_for(block_bytes) != Some(class) {
                continue;
            }
            let classes = || std::iter::once(class).chain(self.classes.as_large_as(class));
            let of = out.of[class];
            let buffers = of.buffers;
            let held: u64 = classes().map(|class| self.depot.held(class)).sum();
            let idle: u64 = classes().map(|class| self.depot.idle(class)).sum();
            let depot_blocks = idle.min(held.saturating_sub(buffers));
            let thread_blocks = held.saturating_sub(buffers + depot_blocks);
            let block_bytes = block_bytes as u64;
            let peak_blocks = classes().map(|class| self.depot.peak(class)).sum();
            let misses = classes().map(|class| self.depot.misses(class)).sum();
            let sampled = classes().map(|class| self.depot.sampled_requested(class));
            let (sampled_allocs, sampled_requested_bytes) =
                sampled.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            sizes.push(SizeHolding {
                block_bytes: Some(block_bytes),
                buffers,
                bytes: buffers * block_bytes,
                depot_blocks,
                depot_bytes: depot_blocks * block_bytes,
                thread_blocks,
                thread_bytes: thread_blocks * block_bytes,
                peak_blocks,
                misses,
                sampled_allocs,
                sampled_requested_bytes,
                kept_more: of.kept_more,
            });
        }
        let of = out.of[OVERSIZE];
        let (sampled_allocs, sampled_requested_bytes) = self.depot.sampled_requested(OVERSIZE);
        // Threads keep none of these.
        sizes.push(SizeHolding {
            buffers: of.buffers,
            bytes: of.bytes,
            kept_more: of.kept_more,
            depot_blocks: self.depot.idle(OVERSIZE),
            depot_bytes: self.depot.oversize_bytes(),
            peak_blocks: self.depot.peak(OVERSIZE),
            misses: self.depot.misses(OVERSIZE),
            sampled_allocs,
            sampled_requested_bytes,
            ..SizeHolding::default()
        });
        sizes.retain(|size| size.blocks() > 0 || size.misses > 0);
    }

    /// Adds to the kept buffers how they split by size.
    pub(crate) fn list_kept_sizes(&self, out: &OutBySize, kept: &mut Kept) {
        for (class, of) in out.of.iter().enumerate() {
            let block_bytes = (class != OVERSIZE).then(|| self.block_bytes(class) as u64);
            kept.sizes.enter(block_bytes, of.kept);
        }
    }

    /// Adds each thread's idle bytes and frame buffers to the walk's result, and names the threads.
    pub(crate) fn complete_threads(&self, out: &mut Outstanding) {
        let threads = &mut out.threads;
        {
            let mut aggregator = self.aggregator.lock();
            aggregator.levels_now(self);
            let open = self.in_flight.open();
            for slot in self.slots.iter() {
                let (mut lent, mut held) = (0, 0);
                for (place, arena) in slot.arenas_among(u32::MAX) {
                    held += arena.held();
                    if open & 1 << place.index() != 0 && !arena.is_parked() {
                        // SAFETY: we have the aggregator's lock.
                        lent += unsafe { arena.read() }.bytes;
                    }
                }
                // SAFETY: we have the aggregator's lock.
                let kept = unsafe { slot.kept_bytes() };
                if held + kept == 0 {
                    continue;
                }
                if let Some(at) = position(threads, slot.thread()) {
                    let thread = &mut threads[at];
                    thread.idle_bytes += kept;
                    thread.frame_bytes += lent;
                    thread.frame_idle_bytes += held.saturating_sub(lent);
                }
            }
        }
        threads.retain(|thread| thread.buffers > 0 || thread.total_bytes() > 0);
        for thread in &mut *threads {
            self.names
                .read(thread.number, |name| replace(&mut thread.thread, name));
        }
        let largest_first = |a: &ThreadHolding, b: &ThreadHolding| {
            let by_bytes = b.total_bytes().cmp(&a.total_bytes());
            by_bytes.then_with(|| a.thread.cmp(&b.thread))
        };
        threads.sort_unstable_by(largest_first);
    }
}

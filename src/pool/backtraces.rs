//! Sampled backtraces of pooled buffers: which buffers are sampled, and how the mode is switched.
//!
//! The fast path of an alloc compares its key (`slot/lane.rs`) with a word of the lane, `allocs_for`. While backtraces are on, that
//! word is null. The alloc then counts down to the next sample ([`count_down`]) and returns to the fast path. The slow path takes a
//! sample at the end of the countdown, and of each large buffer. Releases and frame buffers compare with another word, so backtraces
//! cost them nothing.
//!
//! Each countdown starts at a random number with the mean `every`, so that sampling does not lock onto a period of
//! the program.
//!
//! # Switching
//!
//! Switching on stores the mode, then clears the word in every lane. A thread that enters its slot at that moment may
//! have read the old mode and store the word again; the next frame end clears it. After switching off, a lane's
//! word is restored at the end of its countdown, or at its next large buffer.
#![expect(
    unsafe_code,
    reason = "a sampled block's record is written by its holder"
)]

use std::panic::Location;
use std::ptr;

use crate::blocks::block::Block;
use crate::blocks::class::OVERSIZE;
use crate::blocks::label::Key;
use crate::codegen::cold_path;
use crate::pool::aggregator::Aggregator;
use crate::pool::config::Attribution;
use crate::pool::inner::PoolInner;
use crate::pool::lookup::current;
use crate::slot::lane::Lane;
use crate::slot::state::Slot;
use crate::sync::Ordering;
use crate::telemetry::call_stack::StackHolding;
use crate::telemetry::counters::Counts;
use crate::telemetry::sampled_allocs::SampledAllocs;
use crate::telemetry::stack_counts::{SampledCounts, StackSampling};

impl PoolInner {
    /// Whether backtraces are on.
    #[inline]
    pub(crate) fn has_backtraces(&self) -> bool {
        self.attribution() == Attribution::Backtraces
    }

    /// Lets the fast path use a lane, which has its key, unless backtraces are on. Only for the lane's owner.
    pub(crate) fn open_lane(&self, lane: &Lane) {
        // Relaxed, both: the owner's to read, see the head of this file.
        let key = if self.has_backtraces() {
            ptr::null_mut()
        } else {
            lane.key.load(Ordering::Relaxed)
        };
        lane.allocs_for.store(key, Ordering::Relaxed);
    }

    /// Makes every alloc count down, if backtraces are on. Only under the aggregator's lock.
    pub(crate) fn close_lenders(&self) {
        if !self.has_backtraces() {
            return;
        }
        self.call_stacks.prepare();
        for lane in self.slots.iter().flat_map(Slot::lanes) {
            // Relaxed, both: see the head of this file.
            if !lane.allocs_for.load(Ordering::Relaxed).is_null() {
                lane.allocs_for.store(ptr::null_mut(), Ordering::Relaxed);
            }
        }
    }

    /// Samples a buffer that was just allocated, if it is its turn.
    ///
    /// # Safety
    ///
    /// The caller owns the lane and holds the block, which is of the class.
    #[inline(always)]
    pub(crate) unsafe fn sample(
        &self,
        lane: &Lane,
        class: usize,
        block: &Block,
        site: &'static Location<'static>,
    ) {
        if self.is_large(class, block) || lane.countdown.is_over() {
            self.sample_now(lane, class, block, site);
        }
    }

    /// Whether a block of the class is always sampled.
    #[inline(always)]
    fn is_large(&self, class: usize, block: &Block) -> bool {
        // Blocks beyond the largest class have sizes of their own.
        class >= self.large_class
            && (class != OVERSIZE
                || self.exchange().bytes_of(class, block) >= self.config.backtraces.1)
    }

    /// Samples a buffer, unless backtraces were switched off, or the countdown was not started.
    #[cold]
    #[inline(never)]
    fn sample_now(
        &self,
        lane: &Lane,
        class: usize,
        block: &Block,
        site: &'static Location<'static>,
    ) {
        if !self.has_backtraces() {
            lane.countdown.stop();
            self.open_lane(lane);
        } else if self.is_large(class, block) {
            self.record_stack(class, block, true, site);
        } else if lane.countdown.start(self.config.backtraces.0) {
            self.record_stack(class, block, false, site);
        }
    }

    /// Records the caller's stack.
    fn record_stack(
        &self,
        class: usize,
        block: &Block,
        is_large: bool,
        site: &'static Location<'static>,
    ) {
        let taken = match self.capture(site) {
            Some(entry) => {
                block.set_call_stack(entry);
                // SAFETY: the entry lives as long as the pool.
                unsafe { &entry.as_ref().taken }
            }
            None => &self.call_stacks.unlisted,
        };
        taken.add(self.exchange().bytes_of(class, block), is_large);
    }

    /// Which buffers are sampled while backtraces are on.
    pub(crate) fn stack_sampling(&self) -> StackSampling {
        let (every, from_bytes) = self.config.backtraces;
        StackSampling { every, from_bytes }
    }

    /// Pooled buffers that were allocated while backtraces were on, by the call stacks of the sampled ones. Those stand
    /// first that represent the most bytes.
    pub(crate) fn sampled_pooled(&self) -> SampledAllocs {
        let mut sampled = SampledAllocs {
            sampling: self.stack_sampling(),
            ..SampledAllocs::default()
        };
        for entry in self.call_stacks.entries() {
            // SAFETY: the entry lives as long as the pool.
            let of = unsafe { entry.as_ref() };
            let key = (entry.addr().get(), 0);
            let holding =
                StackHolding::new(of.site, key, &of.stack).with(SampledCounts::of(of.taken.read()));
            sampled.stacks.push(holding);
        }
        sampled.stacks.retain(|it| it.buffers > 0);
        let every = sampled.sampling.every;
        sampled
            .stacks
            .sort_unstable_by_key(|it| std::cmp::Reverse((it.weight(every), it.buffers)));
        sampled.unlisted = SampledCounts::of(self.call_stacks.unlisted.read());
        // After the samples, so that there are no more of them than buffers.
        let aggregator = &mut *self.aggregator.lock();
        let now = aggregator.levels_now(self).totals.counts;
        (sampled.buffers, sampled.bytes) = aggregator.traced.until(&now);
        sampled
    }

    /// Notes that the mode was set. Only under the aggregator's lock.
    pub(crate) fn note_traced(&self, aggregator: &mut Aggregator) {
        let now = aggregator.levels_now(self).totals.counts;
        aggregator.traced.switch(self.has_backtraces(), &now);
    }

    /// Begins with the mode that the pool was made with.
    pub(crate) fn begin_traced(&self) {
        let traced = &mut self.aggregator.lock().traced;
        traced.switch(self.has_backtraces(), &Counts::default());
        self.close_lenders();
    }
}

/// The calling thread's lane with this key, if an alloc of the class is no sample; the alloc is then counted, and must be taken back if it
/// finds no block. `None` if the slow path must decide.
///
/// # Safety
///
/// The pool is alive for the call.
#[inline(always)]
pub(crate) unsafe fn count_down<'s>(inner: &PoolInner, key: Key, class: usize) -> Option<&'s Lane> {
    cold_path();
    // SAFETY: the caller keeps the pool alive.
    let lane = unsafe { current(key) }?;
    (class < inner.large_class && lane.countdown.count()).then_some(lane)
}

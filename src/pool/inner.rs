//! What all handles of a pool share.
#![expect(
    unsafe_code,
    reason = "holds, handles and buffers out keep a pool alive, not one owner"
)]

use std::mem::ManuallyDrop;
use std::panic::RefUnwindSafe;
use std::ptr::NonNull;

use crate::arena::in_flight::InFlight;
use crate::arena::sampling::Sampling;
#[cfg(feature = "backtrace")]
use crate::blocks::call_stacks::CallStacks;
use crate::blocks::class::{CLASSES, Classes, LINE};
use crate::blocks::depot::Depot;
use crate::blocks::exchange::Exchange;
use crate::blocks::state::{anonymous_stamp, frame_stamp};
use crate::blocks::table::Table;
use crate::memory::budget::{Budget, max_kept_by_thread};
use crate::memory::slab;
use crate::memory::tag_budget::TagBudgets;
use crate::pool::aggregator::Aggregator;
use crate::pool::config::{Attribution, Config};
use crate::pool::lifetime::Lifetime;
use crate::pool::tag_book::TagBook;
use crate::pool::walk::{LastWalk, Walks};
use crate::slot::list::{NoSlot, Slots};
use crate::slot::owner::Use;
use crate::slot::state::Slot;
use crate::slot::thread_names::ThreadNames;
use crate::sync::{Arc, Atomic, AtomicU64, CachePadded, ForkLock, Ordering, Published, Rank};
use crate::telemetry::id::{FrameEnd, PoolId};
use crate::telemetry::largest_miss::Misses;
use crate::telemetry::snapshot::FrameSnapshot;

/// A pool, apart from its handles.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct PoolInner {
    /// The pool's own address, as the pointer that frees it.
    this: NonNull<PoolInner>,
    pub(crate) config: Config,
    pub(crate) id: PoolId,
    pub(crate) name: String,
    pub(crate) classes: Classes,
    /// The words that workers read at every alloc and only a frame end writes.
    now: CachePadded<Now>,
    /// The reference counts. They outlive the contents (`closing.rs`).
    pub(crate) lifetime: ManuallyDrop<CachePadded<Lifetime>>,
    pub(crate) budget: CachePadded<Budget>,
    pub(crate) in_flight: CachePadded<InFlight>,
    /// Which frames are sampled.
    pub(crate) sampling: Sampling,
    pub(crate) slots: CachePadded<Slots>,
    pub(crate) table: Table,
    pub(crate) depot: Depot,
    pub(crate) names: ThreadNames,
    /// The call stacks of sampled buffers.
    #[cfg(feature = "backtrace")]
    pub(crate) call_stacks: CallStacks,
    /// From this class on every buffer is sampled.
    #[cfg(feature = "backtrace")]
    pub(crate) large_class: usize,
    pub(crate) misses: Misses,
    pub(crate) tag_budgets: TagBudgets,
    /// The lock that serialises frame ends, aggregations, and everything that gives memory back.
    pub(crate) aggregator: ForkLock<Aggregator>,
    /// The state of walks over the block records; one walk runs at a time. A worker takes this lock only after a
    /// refusal, to name the holders.
    pub(crate) walks: ForkLock<Walks>,
    /// The walk of the last refusal. A worker takes it only when it was refused.
    pub(crate) last_walk: ForkLock<LastWalk>,
    pub(crate) published: CachePadded<Published<FrameSnapshot>>,
}

#[derive(Debug)]
struct Now {
    /// The stamp of blocks that are allocated now: the current round, marked anonymous if call sites are not
    /// recorded.
    stamp: AtomicU64,
    /// The current round (`telemetry/rounds.rs`).
    round: AtomicU64,
    frame: Atomic<FrameEnd>,
    attribution: Atomic<Attribution>,
}

// SAFETY: each field of a `PoolInner` is atomic, behind a lock, constant, or of a type that states why it is `Sync`;
// the blocks' memory may be used from any thread.
unsafe impl Send for PoolInner {}
// SAFETY: as above.
unsafe impl Sync for PoolInner {}

// A panic of the user leaves a pool whole: none of the user's code runs while the pool is being changed.
impl RefUnwindSafe for PoolInner {}

impl PoolInner {
    /// Creates a pool with one handle; [`drop_handle`](Self::drop_handle) frees it, or the thread that uses it last.
    pub(crate) fn create(mut config: Config) -> NonNull<Self> {
        if let Some(limit) = config.max_bytes {
            config.thread_cache_bytes = config.thread_cache_bytes.min(max_kept_by_thread(limit));
        }
        slab::keep_across_forks();
        let (tags, tag_budgets) = TagBook::with_settings(&config.tags);
        let first = Arc::new(FrameSnapshot::default());
        let id = PoolId::next();
        let name = config.name.clone().unwrap_or_else(|| match id.get() {
            1 => "framepool".to_owned(),
            number => format!("framepool-{number}"),
        });
        let classes = Classes::new(config.alignment, config.thread_cache_bytes);
        #[cfg(feature = "backtrace")]
        let large_class = classes.at_least(config.backtraces.1);
        let inner = Self {
            this: NonNull::dangling(),
            id,
            name,
            classes,
            now: CachePadded::new(Now {
                stamp: AtomicU64::new(stamp(0, config.attribution)),
                round: AtomicU64::new(0),
                frame: Atomic::new(FrameEnd(0)),
                attribution: Atomic::new(config.attribution),
            }),
            lifetime: ManuallyDrop::new(CachePadded::new(Lifetime::new())),
            budget: CachePadded::new(Budget::new(config.max_bytes)),
            in_flight: CachePadded::new(InFlight::new(config.max_frames_in_flight)),
            sampling: Sampling::new(match config.attribution {
                Attribution::Off => 0,
                _ => config.sample_frames,
            }),
            slots: CachePadded::new(Slots::new(config.max_frames_in_flight)),
            table: Table::new(config.alignment < LINE),
            depot: Depot::new(),
            names: ThreadNames::new(),
            #[cfg(feature = "backtrace")]
            call_stacks: CallStacks::new(),
            #[cfg(feature = "backtrace")]
            large_class,
            misses: Misses::new(),
            tag_budgets,
            aggregator: ForkLock::new(
                Rank::Aggregator,
                Aggregator::new(tags, config.sample_frames),
            ),
            walks: ForkLock::new(Rank::Walks, Walks::new()),
            last_walk: ForkLock::new(Rank::Refusals, LastWalk::default()),
            published: CachePadded::new(Published::new(first)),
            config,
        };
        let inner = NonNull::from(Box::leak(Box::new(inner)));
        // SAFETY: nobody else knows the pool yet.
        unsafe { (*inner.as_ptr()).this = inner };
        #[cfg(feature = "backtrace")]
        // SAFETY: as above.
        unsafe { inner.as_ref() }.begin_traced();
        inner
    }

    /// The pool's address.
    pub(crate) fn this(&self) -> NonNull<Self> {
        self.this
    }

    /// Bytes of a block of `class`.
    pub(crate) fn block_bytes(&self, class: usize) -> usize {
        self.classes.block_bytes(class)
    }

    /// The depot and counts that magazines exchange blocks with.
    pub(crate) fn exchange(&self) -> Exchange<'_> {
        Exchange {
            classes: &self.classes,
            table: &self.table,
            depot: &self.depot,
            budget: &self.budget,
            out: &**self.lifetime,
        }
    }

    /// Claims a slot for the calling thread.
    pub(crate) fn claim_slot(&self, claim_for: Use) -> Result<NonNull<Slot>, NoSlot> {
        let credit = self.config.thread_cache_bytes;
        let slot = self.slots.claim(&self.names, credit, claim_for)?;
        if self.names.is_crowded() {
            self.sweep_names();
        }
        Ok(slot)
    }

    /// Frees the names of threads that no longer have a slot or a buffer in use. Never waits: if a walk over the
    /// blocks is running, the next claim does it.
    fn sweep_names(&self) {
        if let Some(_walk) = self.walks.try_lock() {
            let lent = self
                .table
                .records()
                .filter_map(|record| record.read(&self.classes).lent());
            self.names.sweep(lent.map(|lent| lent.thread));
        }
    }

    /// Size classes of which the pool has blocks.
    pub(crate) fn pool_keys(&self) -> u32 {
        self.depot.keys()
    }

    /// Bytes of the blocks made in advance that trimming keeps.
    pub(crate) fn prewarmed_bytes(&self) -> u64 {
        let kept = self
            .depot
            .kept_by_class()
            .filter(|&(class, _)| class < CLASSES);
        kept.map(|(class, blocks)| blocks * self.block_bytes(class) as u64)
            .sum()
    }

    /// Bytes of the bookkeeping, without the aggregator's.
    pub(crate) fn own_bytes(&self) -> u64 {
        let locks = ForkLock::<Aggregator>::BYTES
            + ForkLock::<Walks>::BYTES
            + ForkLock::<LastWalk>::BYTES
            + Misses::LOCK_BYTES;
        let inner = size_of::<Self>() as u64 + locks;
        #[cfg(feature = "backtrace")]
        let inner = inner + self.call_stacks.bytes();
        inner
            + self.slots.bytes()
            + self.sampling_bytes()
            + self.table.bytes()
            + self.depot.own_bytes()
            + self.names.bytes()
    }

    /// Frame ends so far.
    pub(crate) fn frame(&self) -> FrameEnd {
        // Relaxed: a number of its own.
        self.now.frame.load(Ordering::Relaxed)
    }

    /// Stores the number of frame ends and the current round. Only under the aggregator's lock.
    pub(crate) fn set_frame(&self, frame: FrameEnd, round: u64) {
        // Relaxed, all: no other data depends on them; an alloc may use the old or the new value.
        self.now
            .stamp
            .store(stamp(round, self.attribution()), Ordering::Relaxed);
        self.now.round.store(round, Ordering::Relaxed);
        self.now.frame.store(frame, Ordering::Relaxed);
        #[cfg(feature = "backtrace")]
        self.close_lenders();
    }

    /// The current round.
    pub(crate) fn round(&self) -> u64 {
        // Relaxed: a number of its own.
        self.now.round.load(Ordering::Relaxed)
    }

    /// The stamp of blocks that are allocated now.
    #[inline(always)]
    pub(crate) fn stamp(&self) -> &AtomicU64 {
        &self.now.stamp
    }

    /// Whether call sites are recorded.
    pub(crate) fn attribution(&self) -> Attribution {
        // Relaxed: no other data depends on it.
        self.now.attribution.load(Ordering::Relaxed)
    }

    /// Records call sites from now on, or stops.
    pub(crate) fn set_attribution(&self, attribution: Attribution) {
        let mut aggregator = self.aggregator.lock();
        // Relaxed, both: written under the aggregator's lock; a change takes effect at some alloc soon after.
        self.now.attribution.store(attribution, Ordering::Relaxed);
        self.now
            .stamp
            .store(stamp(self.round(), attribution), Ordering::Relaxed);
        let every = aggregator.sample_every;
        self.set_sampling(&mut aggregator, every);
        #[cfg(feature = "backtrace")]
        {
            self.note_traced(&mut aggregator);
            self.close_lenders();
        }
    }
}

/// The stamp of blocks that are allocated in a round. Without attribution the stamp hides the holder, so the alloc
/// itself needs no test.
fn stamp(round: u64, attribution: Attribution) -> u64 {
    match attribution {
        #[cfg(feature = "backtrace")]
        Attribution::Backtraces => frame_stamp(round),
        Attribution::CallSites => frame_stamp(round),
        Attribution::Off => anonymous_stamp(round),
    }
}

//! The shared store of idle blocks: threads push and pop whole batches, one compare-exchange each.
//!
//! A batch is a list of blocks of one class. Its first block stores the length and represents the batch in the stack of its class.
//! Only the thread that owns a batch follows the list; the depot never does.
#![expect(unsafe_code, reason = "a batch has the blocks that its maker gave up")]

use crate::blocks::block::Block;
#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
use crate::blocks::class::LINE;
use crate::blocks::class::{CLASSES, OVERSIZE, bits};
use crate::blocks::exchange::Exchange;
use crate::blocks::stack::Stack;
use crate::sync::{AtomicU32, AtomicU64, CachePadded, Ordering};

/// A list of idle blocks of one class that moves as a whole. The owner of this value holds all the blocks.
#[derive(Debug)]
pub(crate) struct Batch<'t> {
    head: &'t Block,
    len: u32,
    class: usize,
}

impl<'t> Batch<'t> {
    /// Makes a batch of the `len` blocks of `class` from `head` along `next`. The last one has no next block.
    ///
    /// # Safety
    ///
    /// The caller holds these blocks, which are idle, and gives them to the batch.
    pub(crate) unsafe fn new(head: &'t Block, len: u32, class: usize) -> Self {
        debug_assert!(len > 0);
        Self { head, len, class }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn class(&self) -> usize {
        self.class
    }

    pub(crate) fn head(&self) -> &'t Block {
        self.head
    }

    /// Gives all blocks the key of their pool.
    pub(crate) fn clear_tags(&self) {
        let mut at = std::ptr::from_ref(self.head);
        // SAFETY: the batch holds the blocks of its list.
        while let Some(block) = unsafe { at.as_ref() } {
            // SAFETY: as above; only a block with memory can have a tag.
            unsafe { block.clear_tag() };
            at = block.next();
        }
    }
}

/// The idle batches of one class, in one cache line.
#[derive(Debug)]
#[repr(align(64))]
struct Shelf {
    batches: Stack,
    /// Blocks in the batches. Raised before a push and lowered after a pop, so never too low.
    idle: AtomicU64,
    /// The smallest value of `idle` since trimming last read it.
    low: AtomicU64,
    /// Blocks that were prewarmed and are not trimmed automatically.
    kept: AtomicU64,
    /// All blocks of the class that have memory, idle or in use.
    held: AtomicU32,
    /// The maximum of `held`.
    peak: AtomicU32,
    /// Allocs of the class that took memory from the system.
    misses: AtomicU64,
    /// Allocs of the class that came here or missed, and the bytes that these asked for.
    sampled: AtomicU64,
    sampled_requested: AtomicU64,
}

#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
const _: () = assert!(size_of::<Shelf>() == LINE);

/// The idle blocks of a pool outside the threads' magazines.
#[derive(Debug)]
pub(crate) struct Depot {
    /// One shelf per class, and one for blocks beyond the largest.
    shelves: Box<[Shelf]>,
    /// One bit per class of which the pool ever had a block. Exchanges do not write it, so no cache line that they
    /// write is shared by all classes.
    known: CachePadded<[AtomicU64; CLASSES / 64 + 1]>,
    /// Shelves whose `held` is not zero.
    keys: AtomicU32,
    /// Bytes of the idle blocks beyond the largest class, which have individual sizes.
    oversize_bytes: AtomicU64,
}

impl Depot {
    pub(crate) fn new() -> Self {
        Self {
            shelves: (0..=CLASSES)
                .map(|_| Shelf {
                    batches: Stack::new(),
                    idle: AtomicU64::new(0),
                    low: AtomicU64::new(0),
                    kept: AtomicU64::new(0),
                    held: AtomicU32::new(0),
                    peak: AtomicU32::new(0),
                    misses: AtomicU64::new(0),
                    sampled: AtomicU64::new(0),
                    sampled_requested: AtomicU64::new(0),
                })
                .collect(),
            known: CachePadded::new(std::array::from_fn(|_| AtomicU64::new(0))),
            keys: AtomicU32::new(0),
            oversize_bytes: AtomicU64::new(0),
        }
    }

    /// Pushes a batch.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the batch is consumed: its caller must not use it again"
    )]
    pub(crate) fn push(&self, batch: Batch<'_>, exchange: &Exchange<'_>) {
        batch.head.set_batch_len(batch.len);
        let shelf = &self.shelves[batch.class];
        // Relaxed: a level for trimming; the stack itself orders the transfer of the blocks.
        shelf
            .idle
            .fetch_add(u64::from(batch.len), Ordering::Relaxed);
        if batch.class == OVERSIZE {
            // Relaxed: as above.
            self.oversize_bytes.fetch_add(
                exchange.bytes_of(batch.class, batch.head),
                Ordering::Relaxed,
            );
        }
        shelf.batches.push(batch.head, exchange.table);
    }

    /// Pops a batch, if the class has one.
    pub(crate) fn pop<'t>(&self, class: usize, exchange: &Exchange<'t>) -> Option<Batch<'t>> {
        let shelf = &self.shelves[class];
        let head = shelf.batches.pop(exchange.table)?;
        let len = head.batch_len();
        // Relaxed: as in `push`.
        let before = shelf.idle.fetch_sub(u64::from(len), Ordering::Relaxed);
        let left = before - u64::from(len);
        // Relaxed, both: a level for trimming.
        if left < shelf.low.load(Ordering::Relaxed) {
            shelf.low.fetch_min(left, Ordering::Relaxed);
        }
        if class == OVERSIZE {
            // Relaxed: as in `push`.
            self.oversize_bytes
                .fetch_sub(exchange.bytes_of(class, head), Ordering::Relaxed);
        }
        // SAFETY: popped just now, with this length.
        Some(unsafe { Batch::new(head, len, class) })
    }

    /// The number of idle blocks here, for every class of which the pool ever had any.
    pub(crate) fn idle_by_class(&self) -> impl Iterator<Item = (usize, u64)> {
        self.known.iter().enumerate().flat_map(move |(at, word)| {
            // Relaxed: a thread sees the classes of the blocks that it bound; see `note_bound`.
            bits(word.load(Ordering::Relaxed)).map(move |bit| {
                let class = 64 * at + bit;
                (class, self.idle(class))
            })
        })
    }

    /// Bytes of the idle blocks beyond the largest class.
    pub(crate) fn oversize_bytes(&self) -> u64 {
        // Relaxed: a level for trimming.
        self.oversize_bytes.load(Ordering::Relaxed)
    }

    /// Idle blocks of a class.
    pub(crate) fn idle(&self, class: usize) -> u64 {
        // Relaxed: a level for trimming.
        self.shelves[class].idle.load(Ordering::Relaxed)
    }

    /// The number of blocks of a class that no thread fetched since the last call, without prewarmed ones.
    pub(crate) fn unused_since_asked(&self, class: usize) -> u64 {
        let shelf = &self.shelves[class];
        // Relaxed: levels for trimming.
        let now = shelf.idle.load(Ordering::Relaxed);
        let low = shelf.low.swap(now, Ordering::Relaxed).min(now);
        low.saturating_sub(shelf.kept.load(Ordering::Relaxed))
    }

    /// Idle blocks of a class, without prewarmed ones.
    pub(crate) fn spare(&self, class: usize) -> u64 {
        // Relaxed: levels for trimming.
        self.idle(class)
            .saturating_sub(self.shelves[class].kept.load(Ordering::Relaxed))
    }

    /// Keeps at least this many blocks of a class from being trimmed; returns the number kept before.
    pub(crate) fn keep(&self, class: usize, blocks: u64) -> u64 {
        // Relaxed: a level for trimming.
        self.shelves[class]
            .kept
            .fetch_max(blocks, Ordering::Relaxed)
    }

    /// Keeps at most this many blocks of a class.
    pub(crate) fn keep_at_most(&self, class: usize, blocks: u64) {
        // Relaxed: a level for trimming.
        self.shelves[class]
            .kept
            .fetch_min(blocks, Ordering::Relaxed);
    }

    /// Prewarmed blocks, for every class of which the pool ever had any.
    pub(crate) fn kept_by_class(&self) -> impl Iterator<Item = (usize, u64)> {
        let classes = self.idle_by_class().map(|(class, _)| class);
        // Relaxed: a level for trimming.
        classes.map(|class| (class, self.shelves[class].kept.load(Ordering::Relaxed)))
    }

    /// Lets all blocks be trimmed again.
    pub(crate) fn keep_nothing(&self) {
        for (class, _) in self.idle_by_class() {
            // Relaxed: a level for trimming.
            self.shelves[class].kept.store(0, Ordering::Relaxed);
        }
    }

    /// Blocks of a class that have memory.
    pub(crate) fn held(&self, class: usize) -> u64 {
        // Relaxed: for statistics.
        u64::from(self.shelves[class].held.load(Ordering::Relaxed))
    }

    /// The most blocks of a class that ever had memory at once.
    pub(crate) fn peak(&self, class: usize) -> u64 {
        // Relaxed: for statistics.
        u64::from(self.shelves[class].peak.load(Ordering::Relaxed))
    }

    /// Allocs of a class that took memory from the system.
    pub(crate) fn misses(&self, class: usize) -> u64 {
        // Relaxed: for statistics.
        self.shelves[class].misses.load(Ordering::Relaxed)
    }

    /// Counts an alloc of the class that took memory from the system.
    ///
    /// Models skip this and the peak: no other code depends on them, and they would multiply the executions.
    pub(crate) fn note_miss(&self, class: usize) {
        if !cfg!(framepool_loom) {
            // Relaxed: for statistics.
            self.shelves[class].misses.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes what an alloc of the class asked for that came here or missed. The shelf's line is this thread's then anyway.
    ///
    /// Models leave this out, as they do misses.
    pub(crate) fn sample_requested(&self, class: usize, requested: usize) {
        if cfg!(feature = "telemetry") && !cfg!(framepool_loom) {
            let shelf = &self.shelves[class];
            // Relaxed, both: for statistics.
            shelf.sampled.fetch_add(1, Ordering::Relaxed);
            shelf
                .sampled_requested
                .fetch_add(requested as u64, Ordering::Relaxed);
        }
    }

    /// The allocs of a class of which it is known what they asked for, and how much that was.
    pub(crate) fn sampled_requested(&self, class: usize) -> (u64, u64) {
        let shelf = &self.shelves[class];
        // Relaxed, both: for statistics.
        (
            shelf.sampled.load(Ordering::Relaxed),
            shelf.sampled_requested.load(Ordering::Relaxed),
        )
    }

    /// Notes that blocks of the class got memory.
    pub(crate) fn note_bound(&self, class: usize, blocks: u32) {
        let shelf = &self.shelves[class];
        let (word, bit) = (&self.known[class / 64], 1 << (class % 64));
        // Relaxed, all: for statistics and trimming. A bit is never cleared. Each thread that binds a block sees the bit set, so
        // it meets its own blocks when it looks for idle memory.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        let before = shelf.held.fetch_add(blocks, Ordering::Relaxed);
        if before == 0 {
            self.keys.fetch_add(1, Ordering::Relaxed);
        }
        // Models leave this out, as they do misses.
        if !cfg!(framepool_loom) {
            // Relaxed: an estimate.
            shelf.peak.fetch_max(before + blocks, Ordering::Relaxed);
        }
    }

    /// Notes that a block of the class lost its memory.
    pub(crate) fn note_unbound(&self, class: usize) {
        // Relaxed, both: for statistics.
        if self.shelves[class].held.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.keys.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Classes of which the pool has blocks.
    pub(crate) fn keys(&self) -> u32 {
        // Relaxed: for statistics.
        self.keys.load(Ordering::Relaxed)
    }

    /// Bytes the shelves occupy.
    pub(crate) fn own_bytes(&self) -> u64 {
        std::mem::size_of_val(&*self.shelves) as u64
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use crate::BufferPool;
    use crate::blocks::class::class_for;

    #[test]
    fn idle_count_equals_blocks_in_the_depot() {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        let depot = &pool.inner().depot;
        let class = class_for(1000).unwrap();
        let counted = || (depot.idle(class), pool.inner().depot_bytes());
        let mut buffers: Vec<_> = (0..10).map(|_| pool.alloc::<u8>(1000)).collect();
        assert_eq!(counted(), (0, 0));
        buffers.clear();
        assert_eq!(counted(), (10, 10 * 1024));
        buffers.extend((0..4).map(|_| pool.alloc::<u8>(1000)));
        assert_eq!(counted(), (6, 6 * 1024));
        pool.trim();
        assert_eq!(counted(), (0, 0));
        buffers.clear();
        assert_eq!(counted(), (4, 4 * 1024));
    }
}

//! A pool's memory by size of block, and by thread.

use super::kept::Amount;
use crate::text::{Align, Table, bytes};

/// The blocks of one size: in use, and idle by place.
///
/// The three groups add up to all blocks of this size that the pool holds. While threads allocate, a block in transit
/// counts as idle in a thread.
///
/// Two are equal if they hold the same blocks: samples are not compared.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let kept = pool.alloc::<u8>(100);
/// drop(pool.alloc::<u8>(100)); // idle in this thread's magazine
/// let sizes = pool.outstanding().sizes;
/// # if cfg!(feature = "telemetry") {
/// assert_eq!(sizes[0].block_bytes, Some(128));
/// assert_eq!((sizes[0].blocks(), sizes[0].buffers, sizes[0].thread_blocks), (2, 1, 1));
/// # }
/// # drop(kept);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct SizeHolding {
    /// Bytes of a block. `None` for the blocks beyond the largest size class, each of which has its own size.
    pub block_bytes: Option<u64>,
    /// Buffers in use.
    pub buffers: u64,
    /// Bytes of the buffers in use.
    pub bytes: u64,
    /// Idle blocks in the depot, where any thread finds them.
    pub depot_blocks: u64,
    /// Bytes of the idle blocks in the depot.
    pub depot_bytes: u64,
    /// Idle blocks that threads keep. No other thread reaches them.
    pub thread_blocks: u64,
    /// Bytes of the idle blocks that threads keep.
    pub thread_bytes: u64,
    /// The most blocks of this size that the pool ever held. Blocks beyond the largest size class are counted
    /// together. With an alignment of more than 64 bytes, several classes can have blocks of this size; then this is
    /// the sum of their peaks.
    pub peak_blocks: u64,
    /// Allocs of this size that took memory from the system, since the pool was made.
    pub misses: u64,
    /// Allocs of this size of which it is known what they asked for, since the pool was made: those that fetched a batch from the depot or took
    /// memory from the system. The others count what they ask for in one number for all sizes, [`PoolStats::requested_bytes`](crate::PoolStats).
    pub sampled_allocs: u64,
    /// Bytes that these asked for.
    pub sampled_requested_bytes: u64,
    /// Buffers in use of call sites whose number of buffers rises, as marked before the walk.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) kept_more: u64,
}

impl PartialEq for SizeHolding {
    fn eq(&self, other: &Self) -> bool {
        let out = |it: &Self| (it.block_bytes, it.buffers, it.bytes);
        let depot = |it: &Self| (it.depot_blocks, it.depot_bytes);
        let threads = |it: &Self| (it.thread_blocks, it.thread_bytes);
        let history = |it: &Self| (it.peak_blocks, it.misses);
        out(self) == out(other)
            && (depot(self), threads(self)) == (depot(other), threads(other))
            && history(self) == history(other)
    }
}

impl Eq for SizeHolding {}

impl SizeHolding {
    /// What rounding up costs of the buffers out: their bytes less what they asked for. An estimate by the mean of the sampled allocs; the
    /// pool's sum is exact, [`PoolStats::rounding_bytes`](crate::PoolStats::rounding_bytes). `None` without samples, and for blocks beyond the largest size class,
    /// where it is 64 KiB a buffer at most.
    pub fn rounding_bytes_estimate(&self) -> Option<u64> {
        let block = self.block_bytes?;
        let all = u128::from(block) * u128::from(self.sampled_allocs);
        let lost = all.saturating_sub(u128::from(self.sampled_requested_bytes));
        // The lost share is below one, so the result is at most `bytes`.
        let estimate = (lost * u128::from(self.bytes)).checked_div(all);
        match estimate {
            None if block == 0 => Some(0),
            estimate => estimate.map(|bytes| bytes as u64),
        }
    }

    /// Blocks of this size that the pool holds.
    pub fn blocks(&self) -> u64 {
        // A saved history may have any numbers.
        let idle = self.depot_blocks.saturating_add(self.thread_blocks);
        self.buffers.saturating_add(idle)
    }

    /// Bytes of all blocks of this size.
    pub fn total_bytes(&self) -> u64 {
        let idle = self.depot_bytes.saturating_add(self.thread_bytes);
        self.bytes.saturating_add(idle)
    }
}

/// The buffers that one thread allocated and that are still in use, and the idle memory that only this thread
/// reaches. Threads with the same name share one entry.
///
/// Two are equal if name and numbers are equal.
///
/// ```
/// use framepool::BufferPool;
/// use std::thread;
///
/// let pool = BufferPool::new();
/// let loader = thread::Builder::new().name("loader".into());
/// let image = thread::scope(|scope| {
///     loader.spawn_scoped(scope, || pool.alloc::<u8>(4096)).unwrap().join().unwrap()
/// });
/// let threads = pool.outstanding().threads;
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((threads[0].thread.as_str(), threads[0].bytes), ("loader", 4096));
/// # }
/// # drop(image);
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct ThreadHolding {
    /// Its name; `unnamed` for threads without one.
    pub thread: String,
    /// The number of the name in the pool.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) number: u32,
    /// Pooled buffers that it allocated and that are in use, on any thread. Buffers allocated while attribution was
    /// off are not counted.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// Bytes of its frame buffers in open frames.
    pub frame_bytes: u64,
    /// Bytes of its idle blocks.
    pub idle_bytes: u64,
    /// Bytes of its frame blocks that hold no buffer of an open frame.
    pub frame_idle_bytes: u64,
    /// Of its buffers, those that are kept across frames.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) kept: Amount,
}

impl PartialEq for ThreadHolding {
    fn eq(&self, other: &Self) -> bool {
        let in_use = |it: &Self| (it.buffers, it.bytes, it.frame_bytes);
        let idle = |it: &Self| (it.idle_bytes, it.frame_idle_bytes);
        self.thread == other.thread && in_use(self) == in_use(other) && idle(self) == idle(other)
    }
}

impl Eq for ThreadHolding {}

impl ThreadHolding {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            ..Self::default()
        }
    }

    /// Resets the entry. The memory of the name stays.
    pub(crate) fn clear(&mut self) {
        let thread = std::mem::take(&mut self.thread);
        *self = Self {
            thread,
            ..Self::new(self.number)
        };
    }

    /// Bytes in use and idle.
    pub fn total_bytes(&self) -> u64 {
        self.bytes + self.frame_bytes + self.idle_bytes + self.frame_idle_bytes
    }
}

/// The position of a thread's entry in the list sorted by number; added if it is new and there is memory for it.
pub(crate) fn position(threads: &mut Vec<ThreadHolding>, number: u32) -> Option<usize> {
    match threads.binary_search_by_key(&number, |thread| thread.number) {
        Ok(at) => Some(at),
        Err(at) => {
            threads.try_reserve(1).ok()?;
            threads.insert(at, ThreadHolding::new(number));
            Some(at)
        }
    }
}

/// The table of the sizes that have blocks.
pub(crate) fn sizes_table(sizes: &[SizeHolding]) -> Table {
    let mut table = Table::new(&[
        ("block size", Align::Right),
        ("buffers", Align::Right),
        ("in use", Align::Right),
        ("rounding, est.", Align::Right),
        ("idle in the depot", Align::Right),
        ("idle in threads", Align::Right),
        ("total", Align::Right),
    ])
    .spare(&[3]);
    for size in sizes.iter().filter(|size| size.blocks() > 0) {
        let block = size.block_bytes.map(|block| bytes(block).to_string());
        table.row([
            block.unwrap_or_else(|| "larger".to_owned()),
            size.buffers.to_string(),
            bytes(size.bytes).to_string(),
            size.rounding_bytes_estimate()
                .map_or_else(|| "-".to_owned(), |lost| bytes(lost).to_string()),
            bytes(size.depot_bytes).to_string(),
            bytes(size.thread_bytes).to_string(),
            bytes(size.total_bytes()).to_string(),
        ]);
    }
    table
}

/// The table of the threads that have anything.
pub(crate) fn threads_table(threads: &[ThreadHolding]) -> Table {
    let mut table = Table::new(&[
        ("thread", Align::Site),
        ("buffers", Align::Right),
        ("in use", Align::Right),
        ("in frames", Align::Right),
        ("idle", Align::Right),
        ("idle for frames", Align::Right),
    ]);
    for thread in threads {
        table.row([
            thread.thread.clone(),
            thread.buffers.to_string(),
            bytes(thread.bytes).to_string(),
            bytes(thread.frame_bytes).to_string(),
            bytes(thread.idle_bytes).to_string(),
            bytes(thread.frame_idle_bytes).to_string(),
        ]);
    }
    table
}

//! The table of block records: it only grows, in buckets of doubling size, and no record ever moves.
//!
//! ```text
//!   bucket 0        bucket 1                bucket 2
//!   64 records      128 records             256 records              …
//!   number 1…64     65…192                  193…448
//! ```
#![expect(
    unsafe_code,
    reason = "records are reached by number through buckets made here"
)]

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{self, NonNull};

use crate::cache::block::Block;
use crate::sync::{AtomicPtr, AtomicU32, Ordering, sized};

const FIRST_BUCKET: u32 = sized(64, 2, 2) as u32;
const BUCKETS: usize = sized(25, 5, 2);
/// How many records there can be: their numbers fit 31 bits.
const MOST: u32 = ((1 << BUCKETS as u32) - 1) * FIRST_BUCKET;

/// All block records of a pool.
#[derive(Debug)]
pub(crate) struct Table {
    buckets: [AtomicPtr<Block>; BUCKETS],
    /// Records in use or used before. What is beyond was never handed out.
    len: AtomicU32,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            len: AtomicU32::new(0),
        }
    }

    /// Bucket and place of the record at `index`.
    fn locate(index: u32) -> (usize, usize) {
        let from_first = index / FIRST_BUCKET + 1;
        let bucket = from_first.ilog2();
        let bucket_start = ((1 << bucket) - 1) * FIRST_BUCKET;
        (bucket as usize, (index - bucket_start) as usize)
    }

    fn bucket_layout(bucket: usize) -> Layout {
        Layout::array::<Block>((FIRST_BUCKET as usize) << bucket).expect("2^31 records fit")
    }

    /// The record with this number, which [`grow`](Self::grow) handed out before.
    pub(crate) fn get(&self, number: u32) -> &Block {
        let (bucket, place) = Self::locate(number - 1);
        // Relaxed: whoever has a number has acquired the bucket, by `bucket` itself, or with the number: from `len`, from a
        // stack, from the thread that had the block.
        let start = self.buckets[bucket].load(Ordering::Relaxed);
        debug_assert!(!start.is_null());
        // SAFETY: a number comes from a record that `grow` handed out, after the bucket was installed with all its
        // records initialised; buckets are freed only with the table.
        unsafe { &*start.add(place) }
    }

    /// A record that was never used before; `None` when there is no memory or no number left.
    pub(crate) fn grow(&self) -> Option<&Block> {
        // Relaxed: only the compare-exchange below decides.
        let mut index = self.len.load(Ordering::Relaxed);
        loop {
            if index >= MOST {
                return None;
            }
            self.bucket(Self::locate(index).0)?;
            // Release: pairs with the Acquire in `records`; the bucket of every record counted is installed.
            // Relaxed on failure: another thread took this one, look at the next.
            match self.len.compare_exchange_weak(
                index,
                index + 1,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(self.get(index + 1)),
                Err(seen) => index = seen,
            }
        }
    }

    /// The bucket, made if it is not there.
    fn bucket(&self, bucket: usize) -> Option<NonNull<Block>> {
        // Acquire: pairs with the Release below; the records in it are initialised.
        if let Some(start) = NonNull::new(self.buckets[bucket].load(Ordering::Acquire)) {
            return Some(start);
        }
        let layout = Self::bucket_layout(bucket);
        // SAFETY: no bucket is empty, so the layout is not zero.
        let start = NonNull::new(unsafe { alloc(layout) })?.cast::<Block>();
        let first = ((1 << bucket as u32) - 1) * FIRST_BUCKET + 1;
        let count = FIRST_BUCKET << bucket;
        for place in 0..count {
            // SAFETY: the allocation has room for `count` records, and nobody else knows it yet.
            unsafe {
                start.add(place as usize).write(Block::new(first + place));
            }
        }
        // Release: pairs with the Acquire above; publishes the records.
        // Acquire on failure: pairs with the Release of the thread that was first.
        match self.buckets[bucket].compare_exchange(
            ptr::null_mut(),
            start.as_ptr(),
            Ordering::Release,
            Ordering::Acquire,
        ) {
            Ok(_) => Some(start),
            Err(first) => {
                // SAFETY: the bucket was made above with this count and nobody else ever saw it.
                unsafe { free_bucket(start, bucket) };
                NonNull::new(first)
            }
        }
    }

    /// Every record that is or was in use.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Block> {
        (1..=self.len()).map(|number| self.get(number))
    }

    /// How many records are or were in use.
    pub(crate) fn len(&self) -> u32 {
        // Acquire: pairs with the Release in `grow`.
        self.len.load(Ordering::Acquire)
    }

    /// Bytes the records occupy.
    pub(crate) fn bytes(&self) -> u64 {
        let Some(last) = self.len().checked_sub(1) else {
            return 0;
        };
        // All buckets up to that of the last record.
        let (bucket, _) = Self::locate(last);
        let records = (2_u64 << bucket).wrapping_sub(1) * u64::from(FIRST_BUCKET);
        records * size_of::<Block>() as u64
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for bucket in 0..BUCKETS {
            // Relaxed: whoever drops the table is alone with it.
            if let Some(start) = NonNull::new(self.buckets[bucket].load(Ordering::Relaxed)) {
                // SAFETY: the bucket was installed by `bucket`, and the table is the only one that knows it.
                unsafe { free_bucket(start, bucket) };
            }
        }
    }
}

/// Drops the records of a bucket and frees it.
///
/// # Safety
///
/// `start` is a bucket made for this number with all its records initialised, and nobody uses it any more.
unsafe fn free_bucket(start: NonNull<Block>, bucket: usize) {
    for place in 0..(FIRST_BUCKET as usize) << bucket {
        // SAFETY: the caller gives up the bucket, whose records are initialised.
        unsafe { start.add(place).drop_in_place() };
    }
    // SAFETY: the bucket was allocated with this layout.
    unsafe { dealloc(start.cast().as_ptr(), Table::bucket_layout(bucket)) };
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_found_where_it_was_handed_out() {
        let table = Table::new();
        for expected in 1..=1000 {
            let block = table.grow().expect("memory");
            assert_eq!(block.number, expected);
            assert!(ptr::eq(block, table.get(expected)));
        }
        assert_eq!(table.records().count(), 1000);
        assert_eq!(table.bytes(), 64 * (64 + 128 + 256 + 512 + 1024));
    }
}

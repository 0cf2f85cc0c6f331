//! Size classes: 16 bytes apart up to 128, 64 bytes apart up to 256, and then four steps per doubling, so that
//! rounding up costs at most a quarter there.
//!
//! ```text
//!   class      0    1    2    3   …    8    9   10   11   12   13   14   15   16  …     58  │  60   …     99
//!   bytes      0   16   32   48   …  128  192  256  320  384  448  512  640  768  …  1 MiB  │   …       1 GiB
//! ```
//!
//! A block also has a multiple of the pool's alignment. So with 64 bytes or more several classes have equally large blocks.
//!
//! Class 0 is for zero-length buffers: its blocks have a record and no memory, so that these buffers are counted,
//! attributed and released like all others. Sizes beyond the largest class are [`OVERSIZE`]. No block is of [`NO_CLASS`]: threads have bins
//! for the classes before it, and an empty one for it.

use crate::codegen::cold_path;
use crate::memory::region::SMALL_BYTES;
use crate::sync::sized;

/// Bytes of a cache line, the unit of larger classes.
pub(crate) const LINE: usize = 64;

/// The number of size classes. A model needs only a few.
pub(crate) const CLASSES: usize = sized(100, 3, 3);

/// The class of blocks beyond the largest size class: taken from the system at their own size and not kept.
pub(crate) const OVERSIZE: usize = CLASSES;

/// The number that the fast paths get for zero bytes. Threads keep blocks of the classes below it, and none of larger ones.
pub(crate) const NO_CLASS: usize = sized(59, 3, 3);

/// The distance between small classes in bytes.
const SMALL_STEP: usize = 16;
/// The number of small classes. Models have none.
const SMALL: usize = sized(SMALL_BYTES / SMALL_STEP, 0, 0);

/// Beyond the small classes and up to here, classes are one cache line apart; from here on there are four steps per doubling.
const LINEAR_BYTES: usize = 256;
/// The class of that size.
const LAST_LINEAR: usize = SMALL + (LINEAR_BYTES - SMALL * SMALL_STEP) / LINE;

/// The most bytes a block of a size class can have.
pub(crate) const MAX_CLASS_BYTES: usize = class_bytes(CLASSES - 1);

/// Up to this size, the class is looked up in a table with one entry for 16 bytes.
///
/// One lookup is faster than arithmetic or a choice between two tables. The table has 64 KiB and covers the sizes that threads keep. A
/// program touches only the entries of its sizes.
const AT_HAND_BYTES: usize = if MAX_CLASS_BYTES < 1 << 20 {
    MAX_CLASS_BYTES
} else {
    1 << 20
};

static AT_HAND: [u8; AT_HAND_BYTES / SMALL_STEP + 1] = {
    let mut classes = [0; AT_HAND_BYTES / SMALL_STEP + 1];
    // Zero bytes: leave them to the slow path, see `class_at_hand`.
    classes[0] = NO_CLASS as u8;
    let mut steps = 1;
    while steps < classes.len() {
        classes[steps] = class_of(steps * SMALL_STEP) as u8;
        steps += 1;
    }
    classes
};

/// The class whose blocks hold `bytes`, looked up for the fast paths; `None` for bytes beyond the table.
///
/// Zero bytes give [`NO_CLASS`], whose bin is always empty. So the fast paths leave empty buffers to the slow paths, which mark the slot as
/// changed (`slot/changes.rs`).
#[inline(always)]
pub(crate) fn class_at_hand(bytes: usize) -> Option<usize> {
    if bytes > AT_HAND_BYTES {
        cold_path();
        return None;
    }
    // No `div_ceil`: with this form the compiler proves that the index stays in the table, so it adds no bounds check.
    Some(usize::from(
        AT_HAND[(bytes + (SMALL_STEP - 1)) >> SMALL_STEP.ilog2()],
    ))
}

const _: () = assert!(class_of(AT_HAND_BYTES) + 1 == NO_CLASS);

/// The class whose blocks hold `bytes`; `None` beyond the largest.
pub(crate) fn class_for(bytes: usize) -> Option<usize> {
    (bytes <= MAX_CLASS_BYTES).then(|| class_of(bytes))
}

/// The class whose blocks hold `bytes`, which are at most [`MAX_CLASS_BYTES`].
const fn class_of(bytes: usize) -> usize {
    if bytes > LINEAR_BYTES {
        // `last` lies in [2^power, 2^(power + 1)); its two bits below the top one are the step.
        let last = bytes - 1;
        let power = last.ilog2() as usize;
        let step = (last >> (power - 2)) - 4;
        let class = 4 * (power - LINEAR_BYTES.ilog2() as usize) + step + LAST_LINEAR + 1;
        class + (class >= NO_CLASS) as usize
    } else if bytes > SMALL * SMALL_STEP {
        SMALL + (bytes - SMALL * SMALL_STEP).div_ceil(LINE)
    } else {
        bytes.div_ceil(SMALL_STEP)
    }
}

/// The bytes of a block of `class`, before the pool's alignment is applied.
const fn class_bytes(class: usize) -> usize {
    if class > LAST_LINEAR {
        let above = class - LAST_LINEAR - 1 - (class > NO_CLASS) as usize;
        let power = above / 4 + LINEAR_BYTES.ilog2() as usize;
        ((above % 4) + 5) << (power - 2)
    } else if class > SMALL {
        SMALL * SMALL_STEP + (class - SMALL) * LINE
    } else {
        class * SMALL_STEP
    }
}

/// The most blocks in one batch.
pub(crate) const MAX_PER_BATCH: usize = sized(32, 2, 1);

/// The number of blocks in a batch, for threads that may keep `thread_cache_bytes`. 0 for blocks larger than half of
/// that: threads do not keep them, because one would evict all others.
fn batch_len(block_bytes: usize, thread_cache_bytes: usize) -> u32 {
    (thread_cache_bytes / 2)
        .checked_div(block_bytes)
        .unwrap_or(MAX_PER_BATCH)
        .min(MAX_PER_BATCH) as u32
}

/// The size classes of one pool, for its alignment and its thread cache.
#[derive(Debug)]
pub(crate) struct Classes([Shape; CLASSES + 1]);

/// A size class in a pool.
#[derive(Debug)]
struct Shape {
    /// Bytes of a block; 0 for class 0, and for blocks beyond the largest class, which have individual sizes.
    block_bytes: u32,
    /// Blocks in a batch; 0 if threads do not keep blocks of this class.
    batch_len: u32,
}

impl Classes {
    pub(crate) fn new(alignment: usize, thread_cache_bytes: usize) -> Self {
        Self(std::array::from_fn(|class| {
            let block_bytes = if class == NO_CLASS || class == OVERSIZE {
                0
            } else {
                class_bytes(class).next_multiple_of(alignment)
            };
            Shape {
                block_bytes: block_bytes as u32,
                batch_len: if class < NO_CLASS {
                    batch_len(block_bytes, thread_cache_bytes)
                } else {
                    0
                },
            }
        }))
    }

    /// Bytes of a block of `class`.
    #[inline(always)]
    pub(crate) fn block_bytes(&self, class: usize) -> usize {
        self.0[class].block_bytes as usize
    }

    /// The first class whose blocks have at least `bytes` bytes, or `OVERSIZE`.
    #[cfg(feature = "backtrace")]
    pub(crate) fn at_least(&self, bytes: u64) -> usize {
        let is_large = |class: &usize| self.block_bytes(*class) as u64 >= bytes;
        (0..CLASSES).find(is_large).unwrap_or(OVERSIZE)
    }

    /// The other classes with equally large blocks. They exist if the alignment exceeds the steps between classes.
    pub(crate) fn as_large_as(&self, class: usize) -> impl Iterator<Item = usize> {
        let bytes = self.block_bytes(class);
        let is_as_large = move |other: &usize| self.block_bytes(*other) == bytes;
        let above = (class + 1..CLASSES).take_while(is_as_large);
        (0..class).rev().take_while(is_as_large).chain(above)
    }

    /// The bytes of the largest blocks that several classes have; 0 if there are none.
    pub(crate) fn shared_bytes(&self) -> usize {
        let shares = |&class: &usize| self.as_large_as(class).next().is_some();
        let largest = (1..CLASSES).rev().find(shares);
        largest.map_or(0, |class| self.block_bytes(class))
    }

    /// Blocks in a batch; 0 if threads do not keep blocks of `class`.
    pub(crate) fn batch_len(&self, class: usize) -> u32 {
        self.0[class].batch_len
    }
}

/// The positions of the set bits.
pub(crate) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let place = word.trailing_zeros();
            word &= word - 1;
            place as usize
        })
    })
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_class_ends_where_the_next_begins() {
        let used: Vec<usize> = (0..CLASSES).filter(|&class| class != NO_CLASS).collect();
        for (at, &class) in used.iter().enumerate() {
            let bytes = class_bytes(class);
            assert_eq!(class_for(bytes), Some(class));
            let next = used.get(at + 1).copied();
            assert_eq!(class_for(bytes + 1), next, "one byte beyond {bytes}");
            if (1..=AT_HAND_BYTES).contains(&bytes) {
                assert_eq!(class_at_hand(bytes), Some(class));
            }
        }
        assert_eq!(class_at_hand(0), Some(NO_CLASS));
        assert_eq!(MAX_CLASS_BYTES, 1 << 30);
    }

    #[test]
    fn small_blocks_are_multiples_of_the_alignment() {
        for bytes in 1..=SMALL_BYTES {
            for alignment in [16, 64, 128] {
                let class = class_at_hand(bytes).expect("a class");
                assert_eq!(class_for(bytes), Some(class));
                let block_bytes = Classes::new(alignment, 0).block_bytes(class);
                assert_eq!(block_bytes, bytes.next_multiple_of(alignment));
            }
        }
    }

    #[test]
    fn classes_share_sizes_up_to_four_alignments() {
        for (alignment, shared) in [(16, 0), (64, 128), (128, 512), (256, 1024), (4096, 16384)] {
            assert_eq!(Classes::new(alignment, 0).shared_bytes(), shared);
        }
    }

    #[test]
    fn rounding_above_linear_classes_wastes_at_most_quarter() {
        let large = [
            AT_HAND_BYTES,
            AT_HAND_BYTES + 1,
            (1 << 29) + 1,
            (1 << 30) - 1,
        ];
        for bytes in (LINEAR_BYTES + 1..1 << 17).chain(large) {
            let class = class_of(bytes);
            assert!(bytes > AT_HAND_BYTES || class_at_hand(bytes) == Some(class));
            let block = class_bytes(class);
            assert!(block >= bytes);
            assert!(block - bytes <= bytes / 4, "{bytes} is rounded to {block}");
        }
    }
}

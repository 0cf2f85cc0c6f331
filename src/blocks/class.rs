//! Size classes: four steps per doubling, so that rounding up costs at most a quarter.
//!
//! ```text
//!   class      0    1    2    3   …    8  │  9   10   11   12   13   14   15   16   17   …     60  │  62   …    101
//!   bytes      0   16   32   48   …  128  │ 64  128  192  256  320  384  448  512  640   …  1 MiB  │  …        1 GiB
//! ```
//!
//! Class 0 is for zero-length buffers: its blocks have a record and no memory, so that these buffers are counted,
//! attributed and released like all others. Sizes beyond the largest class are [`OVERSIZE`]. No block is of [`NO_CLASS`]: threads have bins
//! for the classes before it, and an empty one for it.
//!
//! # Small classes
//!
//! Only pools with an alignment below a cache line use the classes 1 to 8, and only other pools use the classes 9 and 10. The fast
//! paths do not know which kind a pool is: an alloc of 1 to 128 bytes tries class 9 or 10, whose bins are always empty in a pool with
//! small classes, and then `alloc_small` tries the small class. A block of a small class has a bit in its pool's address, so that a
//! release leaves the fast path where it compares that address, and `release_small` follows. So small classes cost other pools no
//! instruction.

use crate::codegen::cold_path;

use crate::memory::region::SMALL_BYTES;
use crate::sync::sized;

/// Bytes of a cache line, the unit of block sizes from here on.
pub(crate) const LINE: usize = 64;

/// The number of size classes. A model needs only a few.
pub(crate) const CLASSES: usize = sized(102, 3, 3);

/// The class of blocks beyond the largest size class: taken from the system at their own size and not kept.
pub(crate) const OVERSIZE: usize = CLASSES;

/// The number that the fast paths get for zero bytes. Threads keep blocks of the classes below it, and none of larger ones.
pub(crate) const NO_CLASS: usize = sized(61, 3, 3);

/// The first class whose blocks are whole lines. Before it are the small classes, of which models have none.
const FIRST_OF_LINES: usize = sized(9, 1, 1);
/// The distance between small classes in bytes.
const SMALL_STEP: usize = 16;
const _: () = assert!(FIRST_OF_LINES == 1 || class_bytes(FIRST_OF_LINES - 1) == SMALL_BYTES);

/// From one line up to here the classes are one cache line apart; from here on there are four steps per doubling.
const LINEAR_BYTES: usize = 256;
/// The class of that size.
const LAST_LINEAR: usize = FIRST_OF_LINES - 1 + LINEAR_BYTES / LINE;

/// The most bytes a block of a size class can have.
pub(crate) const MAX_CLASS_BYTES: usize = class_bytes(CLASSES - 1);

/// Up to this size, the class is looked up in a table with one entry per cache line.
///
/// One lookup is faster than arithmetic or a choice between two tables. A program touches only the entries of its
/// sizes. The table covers the sizes that threads keep.
const AT_HAND_BYTES: usize = if MAX_CLASS_BYTES < 1 << 20 {
    MAX_CLASS_BYTES
} else {
    1 << 20
};

static AT_HAND: [u8; AT_HAND_BYTES / LINE + 1] = {
    let mut classes = [0; AT_HAND_BYTES / LINE + 1];
    // Zero bytes: leave them to the slow path, see `class_at_hand`.
    classes[0] = NO_CLASS as u8;
    let mut lines = 1;
    while lines < classes.len() {
        classes[lines] = class_of_lines(lines * LINE) as u8;
        lines += 1;
    }
    classes
};

/// The class whose blocks hold `bytes`, looked up for the fast paths; `None` for bytes beyond the table. Never a small class.
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
    Some(usize::from(AT_HAND[(bytes + (LINE - 1)) >> LINE.ilog2()]))
}

const _: () = assert!(class_of_lines(AT_HAND_BYTES) + 1 == NO_CLASS);

/// Whether a class is a small one.
#[inline(always)]
pub(crate) fn is_small(class: usize) -> bool {
    class != 0 && class < FIRST_OF_LINES
}

/// The class whose blocks are whole lines and hold `bytes`.
const fn class_of_lines(bytes: usize) -> usize {
    if bytes == 0 {
        0
    } else if bytes <= LINEAR_BYTES {
        FIRST_OF_LINES - 1 + bytes.div_ceil(LINE)
    } else {
        // `last` lies in [2^power, 2^(power + 1)); its two bits below the top one are the step.
        let last = bytes - 1;
        let power = last.ilog2() as usize;
        let step = (last >> (power - 2)) - 4;
        let class = 4 * (power - LINEAR_BYTES.ilog2() as usize) + step + LAST_LINEAR + 1;
        class + (class >= NO_CLASS) as usize
    }
}

/// The bytes of a block of `class`, before the pool's alignment is applied.
const fn class_bytes(class: usize) -> usize {
    if class < FIRST_OF_LINES {
        class * SMALL_STEP
    } else if class <= LAST_LINEAR {
        (class - FIRST_OF_LINES + 1) * LINE
    } else {
        let above = class - LAST_LINEAR - 1 - (class > NO_CLASS) as usize;
        let power = above / 4 + LINEAR_BYTES.ilog2() as usize;
        ((above % 4) + 5) << (power - 2)
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
pub(crate) struct Classes {
    shapes: [Shape; CLASSES + 1],
    has_small: bool,
}

/// A size class in a pool.
#[derive(Debug)]
struct Shape {
    /// Bytes of a block; 0 for class 0, for classes that the pool does not use, and for blocks beyond the largest class, which have
    /// individual sizes.
    block_bytes: u32,
    /// Blocks in a batch; 0 if threads do not keep blocks of this class.
    batch_len: u32,
}

impl Classes {
    pub(crate) fn new(alignment: usize, thread_cache_bytes: usize) -> Self {
        let has_small = FIRST_OF_LINES > 1 && alignment < LINE;
        let shapes = std::array::from_fn(|class| {
            let is_used = match class {
                0 | OVERSIZE => false,
                _ if class == NO_CLASS => false,
                _ if has_small => is_small(class) || class_bytes(class) > SMALL_BYTES,
                _ => !is_small(class),
            };
            let block_bytes = if is_used {
                class_bytes(class).next_multiple_of(alignment)
            } else {
                0
            };
            Shape {
                block_bytes: block_bytes as u32,
                batch_len: if class < NO_CLASS {
                    batch_len(block_bytes, thread_cache_bytes)
                } else {
                    0
                },
            }
        });
        Self { shapes, has_small }
    }

    /// The class whose blocks hold `bytes`; `None` beyond the largest.
    pub(crate) fn class_for(&self, bytes: usize) -> Option<usize> {
        let of_lines = || (bytes <= MAX_CLASS_BYTES).then(|| class_of_lines(bytes));
        self.small_class(bytes).or_else(of_lines)
    }

    /// The class whose blocks hold `bytes`, if it is a small one.
    #[inline(always)]
    pub(crate) fn small_class(&self, bytes: usize) -> Option<usize> {
        let is_small = self.has_small && (1..=SMALL_BYTES).contains(&bytes);
        is_small.then(|| bytes.div_ceil(SMALL_STEP))
    }

    /// Bytes of a block of `class`.
    #[inline(always)]
    pub(crate) fn block_bytes(&self, class: usize) -> usize {
        self.shapes[class].block_bytes as usize
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

    /// Blocks in a batch; 0 if threads do not keep blocks of `class`.
    pub(crate) fn batch_len(&self, class: usize) -> u32 {
        self.shapes[class].batch_len
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
        for alignment in [16, 64] {
            let classes = Classes::new(alignment, 0);
            let is_used = |class: &usize| match *class {
                1..=8 => alignment < LINE,
                9 | 10 => alignment >= LINE,
                class => class != NO_CLASS,
            };
            let used: Vec<usize> = (0..CLASSES).filter(is_used).collect();
            for (at, &class) in used.iter().enumerate() {
                let bytes = class_bytes(class);
                assert_eq!(classes.class_for(bytes), Some(class));
                let next = used.get(at + 1).copied();
                assert_eq!(
                    classes.class_for(bytes + 1),
                    next,
                    "one byte beyond {bytes}"
                );
                if (1..=AT_HAND_BYTES).contains(&bytes) && class >= FIRST_OF_LINES {
                    assert_eq!(class_at_hand(bytes), Some(class));
                }
            }
        }
        assert_eq!(class_at_hand(0), Some(NO_CLASS));
        assert_eq!(MAX_CLASS_BYTES, 1 << 30);
    }

    #[test]
    fn small_blocks_are_sixteen_bytes_apart() {
        for bytes in 1..=SMALL_BYTES {
            for (alignment, unit) in [(16, 16), (64, 64), (128, 128)] {
                let classes = Classes::new(alignment, 0);
                let class = classes.class_for(bytes).expect("a class");
                assert_eq!(classes.block_bytes(class), bytes.next_multiple_of(unit));
                assert_eq!(classes.small_class(bytes).is_some(), alignment < LINE);
            }
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
            let class = class_of_lines(bytes);
            assert!(bytes > AT_HAND_BYTES || class_at_hand(bytes) == Some(class));
            let block = class_bytes(class);
            assert!(block >= bytes);
            assert!(block - bytes <= bytes / 4, "{bytes} is rounded to {block}");
        }
    }
}

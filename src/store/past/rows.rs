//! A ring of rows of numbers, with one writer at a time and any number of readers. Nobody waits.
//!
//! # The parts
//!
//! Row number `n`, counted from 0, lies at place `n % capacity`. A place has the row's words, the row's number, and a
//! *version*: odd while the place is being written, and higher by two after each write. `count` is the number of rows
//! begun. Places are allocated in segments when they are first reached; a full ring takes no more memory.
//!
//! # The steps
//!
//! *Write*: make the version odd, store number and words, make the version even. The latest row may be rewritten.
//!
//! *Read row `n`*: load the version; if it is odd, begin again. Load number and words, then the version again: if it has
//! changed, begin again. If the number is not `n`, the row was overwritten. After a few attempts the row is skipped, so a
//! writer that is suspended in the middle of a row blocks no reader.
//!
//! # Why it is right
//!
//! - *No row is torn.* The stores of words are Release, and come after the odd version. So a reader that loads (Acquire)
//!   one word of a later write then finds at least that odd version, which differs from its first one. A reader that began
//!   with an even version (Acquire) finds all words of that write, or later ones.
//! - *The writer never waits.* It has no loop and takes no lock. Its callers take turns among themselves.
//! - *Rows are in order.* A reader asks for them by number.

use std::fmt;
use std::sync::OnceLock;

use crate::sync::{AtomicU64, Ordering, sized};

/// Places in a segment.
const SEGMENT: usize = sized(8, 2, 2);

/// Words of a row in a model: with all of them there are too many executions to explore.
const MODELLED: usize = sized(usize::MAX, usize::MAX, 2);

/// Attempts to read a row that is being written.
const ATTEMPTS: usize = sized(100, 3, 2);

/// The latest rows of `W` words each.
pub(crate) struct Rows<const W: usize> {
    segments: Box<[OnceLock<Box<[Place<W>]>>]>,
    /// Rows begun so far.
    count: AtomicU64,
}

struct Place<const W: usize> {
    version: AtomicU64,
    number: AtomicU64,
    words: [AtomicU64; W],
}

impl<const W: usize> Rows<W> {
    /// An empty ring with places for at least this many rows.
    pub(crate) fn new(rows: usize) -> Self {
        let segments = rows.div_ceil(SEGMENT).max(1);
        Self {
            segments: (0..segments).map(|_| OnceLock::new()).collect(),
            count: AtomicU64::new(0),
        }
    }

    fn capacity(&self) -> u64 {
        (self.segments.len() * SEGMENT) as u64
    }

    /// Bytes of the full ring.
    #[cfg(all(test, not(framepool_loom), not(framepool_shuttle)))]
    pub(crate) fn full_bytes(&self) -> usize {
        self.segments.len()
            * (size_of::<OnceLock<Box<[Place<W>]>>>() + SEGMENT * size_of::<Place<W>>())
    }

    /// Adds a row, over the oldest if the ring is full. Callers take turns.
    pub(crate) fn push(&self, words: &[u64; W]) {
        // Relaxed: written in the caller's turn only.
        let number = self.count.load(Ordering::Relaxed);
        self.write(number, words);
        // Release: pairs with the Acquire in `read_all`; publishes the row's segment and its first complete row.
        self.count.store(number + 1, Ordering::Release);
    }

    /// Rewrites the latest row; adds one if there is none. Callers take turns.
    pub(crate) fn replace_last(&self, words: &[u64; W]) {
        // Relaxed: written in the caller's turn only.
        match self.count.load(Ordering::Relaxed).checked_sub(1) {
            Some(last) => self.write(last, words),
            None => self.push(words),
        }
    }

    /// The latest row, for the caller whose turn it is.
    pub(crate) fn last(&self) -> Option<[u64; W]> {
        // Relaxed: written in the caller's turn only.
        let last = self.count.load(Ordering::Relaxed).checked_sub(1)?;
        self.read(last)
    }

    /// All rows, the oldest first. A row that is being written may be missing.
    pub(crate) fn read_all(&self) -> impl Iterator<Item = [u64; W]> {
        // Acquire: pairs with the Release in `push`.
        let count = self.count.load(Ordering::Acquire);
        (count.saturating_sub(self.capacity())..count).filter_map(|number| self.read(number))
    }

    fn place(&self, number: u64) -> Option<&Place<W>> {
        let at = (number % self.capacity()) as usize;
        let segment = self.segments[at / SEGMENT].get()?;
        segment.get(at % SEGMENT)
    }

    fn write(&self, number: u64, words: &[u64; W]) {
        let at = (number % self.capacity()) as usize;
        let segment = self.segments[at / SEGMENT].get_or_init(|| {
            let place = |_| Place {
                version: AtomicU64::new(0),
                number: AtomicU64::new(u64::MAX),
                words: std::array::from_fn(|_| AtomicU64::new(0)),
            };
            (0..SEGMENT).map(place).collect()
        });
        let place = &segment[at % SEGMENT];
        // Relaxed: written in the caller's turn only.
        let version = place.version.load(Ordering::Relaxed);
        // Relaxed: the Release stores of the words that follow publish it.
        place.version.store(version + 1, Ordering::Relaxed);
        // Release: pairs with the Acquires in `read`; a reader that sees one of these sees the odd version.
        place.number.store(number, Ordering::Release);
        for (at, &word) in place.words.iter().zip(words).take(MODELLED) {
            at.store(word, Ordering::Release);
        }
        // Release: pairs with the Acquire in `read`; a reader that sees it sees all the words.
        place.version.store(version + 2, Ordering::Release);
    }

    fn read(&self, number: u64) -> Option<[u64; W]> {
        let place = self.place(number)?;
        for _ in 0..ATTEMPTS {
            // Acquire: pairs with the Release at the end of `write`.
            let before = place.version.load(Ordering::Acquire);
            // Acquire: pairs with the Releases in `write`; the load of the version below comes after, and sees the odd one.
            let found = place.number.load(Ordering::Acquire);
            let words = std::array::from_fn(|at| match place.words.get(at) {
                Some(word) if at < MODELLED => word.load(Ordering::Acquire),
                _ => 0,
            });
            // Relaxed: ordered by the Acquires above.
            let is_whole = before % 2 == 0 && place.version.load(Ordering::Relaxed) == before;
            if is_whole {
                return (found == number).then_some(words);
            }
            std::hint::spin_loop();
        }
        None
    }
}

impl<const W: usize> fmt::Debug for Rows<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    fn firsts<const W: usize>(rows: &Rows<W>) -> Vec<u64> {
        rows.read_all().map(|row| row[0]).collect()
    }

    #[test]
    fn the_latest_rows_are_kept_in_order() {
        let rows = Rows::<2>::new(SEGMENT * 2);
        assert_eq!((firsts(&rows), rows.last()), (vec![], None));
        for number in 0..=SEGMENT as u64 * 5 {
            rows.push(&[number, !number]);
            let kept = (number + 1).min(SEGMENT as u64 * 2);
            let expected: Vec<u64> = (number + 1 - kept..=number).collect();
            assert_eq!(firsts(&rows), expected);
        }
        rows.replace_last(&[7, 7]);
        assert_eq!(rows.last(), Some([7, 7]));
        assert_eq!(firsts(&rows).len(), SEGMENT * 2);
    }

    #[test]
    fn rows_read_while_written_are_whole() {
        let rows = Rows::<8>::new(SEGMENT);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..200_000 {
                    rows.push(&[number; 8]);
                    rows.replace_last(&[number; 8]);
                }
                is_over.store(true, Relaxed);
            });
            while !is_over.load(Relaxed) {
                let mut before = 0;
                for row in rows.read_all() {
                    assert_eq!(row, [row[0]; 8]);
                    assert!(row[0] >= before, "rows are in order");
                    before = row[0];
                }
            }
        });
    }
}

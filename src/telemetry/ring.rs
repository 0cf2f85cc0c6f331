//! A bounded ring from one writer to one reader. Neither waits for the other; the writer overwrites the oldest entry.
//!
//! # The parts
//!
//! Entry number `n`, counted from 0, belongs to place `n % capacity`, in lap `n / capacity`. A place is one word: the
//! number of its cell, the lap of that cell's entry, and whether the entry is unread. There are two more cells than
//! places: one belongs to the writer and one to the reader.
//!
//! ```text
//!   writer's cell ⇄ │ place 0 │ place 1 │ … │ place capacity − 1 │ ⇄ reader's cell
//! ```
//!
//! # The steps
//!
//! *Write entry `n`*: fill the writer's cell, and exchange it for the cell at the place of `n`. This is one
//! unconditional exchange. If the cell that comes out is unread, its entry is lost and counted.
//!
//! *Read entry `r`*:
//! 1. Load the word at the place of `r`. An earlier lap means that `r` is not written yet: there is nothing to read.
//!    A later lap means that `r` is lost: the entry there is number `m > r`, so the entries up to `m − capacity` are
//!    lost too. Continue with the next one.
//! 2. Exchange the reader's cell for the one at the place, if the word is unchanged; else begin again. Copy the entry
//!    out of the cell, which now belongs to the reader.
//!
//! # Why it is right
//!
//! - *No entry is torn.* A cell is at one place, or belongs to the writer, or to the reader. Both get a cell only by
//!   an exchange of a place's word, which puts another cell there in the same step. So no cell is written while it is
//!   copied, and a reader that stops in the middle of a copy blocks nobody.
//! - *The writer never waits.* It has no loop. The reader begins again only when an entry was written meanwhile.
//! - *In order, and each entry once, or counted once.* The reader's number only rises. An unread entry leaves its place
//!   by the reader's exchange or by the writer's, which counts it. The reader skips only entries that are overwritten.
//! - *Laps wrap* after 2^42. A reader that stops between steps 1 and 2 for exactly a multiple of 2^42 laps reads a
//!   newer, complete entry instead of `r`. With one place and 10,000 entries a second this takes 13 years.
#![expect(unsafe_code, reason = "a cell is written and read by its owner")]

use std::fmt;

use crate::sync::{Arc, AtomicU64, Ordering, UnsafeCell, Weak, downgrade};

/// A place's word, from the low end: the cell's number, the mark of an unread entry, the lap.
const CELL_BITS: u32 = 21;
const UNREAD: u64 = 1 << CELL_BITS;
const LAP_SHIFT: u32 = CELL_BITS + 1;
const LAPS: u64 = 1 << (u64::BITS - LAP_SHIFT);
/// The distance to the previous lap, modulo the number of laps.
const EARLIER: u64 = LAPS - 1;

/// The most places a ring may have.
pub(crate) const MAX_PLACES: usize = 1 << 20;

const _: () = assert!(MAX_PLACES + 2 <= 1 << CELL_BITS);

/// The part that writer and reader share.
struct Shared<T> {
    cells: Box<[UnsafeCell<T>]>,
    places: Box<[AtomicU64]>,
    /// Entries that were overwritten before they were read. Only the writer changes it.
    lost: AtomicU64,
}

// SAFETY: a cell is accessed by its one owner only, the writer or the reader; they pass cells on by exchanges of a
// place's word, with Release and Acquire. `T` moves from one thread to the other, hence `Send`.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above. Nobody gets a `&T` to a cell that the other side may read, so `T: Sync` is not needed.
unsafe impl<T: Send> Sync for Shared<T> {}

/// The writing end. It does not keep the ring's memory alive; dropping the reader frees it.
pub(crate) struct Writer<T> {
    shared: Weak<Shared<T>>,
    bytes: u64,
    next: u64,
    cell: u64,
}

/// The reading end.
pub(crate) struct Reader<T> {
    shared: Arc<Shared<T>>,
    next: u64,
    cell: u64,
}

/// A ring with this many places.
pub(crate) fn ring<T: Copy + Default>(places: usize) -> (Writer<T>, Reader<T>) {
    assert!((1..=MAX_PLACES).contains(&places));
    let cells = places as u64 + 2;
    let shared = Arc::new(Shared {
        // Written now, so that no later write of an entry is the first to touch a page.
        cells: (0..cells).map(|_| UnsafeCell::new(T::default())).collect(),
        places: (0..places as u64)
            .map(|cell| AtomicU64::new(word(EARLIER, cell)))
            .collect(),
        lost: AtomicU64::new(0),
    });
    let writer = Writer {
        shared: downgrade(&shared),
        bytes: (size_of::<Shared<T>>() + size_of_val(&*shared.cells) + size_of_val(&*shared.places))
            as u64,
        next: 0,
        cell: cells - 2,
    };
    let reader = Reader {
        shared,
        next: 0,
        cell: cells - 1,
    };
    (writer, reader)
}

/// The word of a place with this cell, whose entry is read.
fn word(lap: u64, cell: u64) -> u64 {
    (lap % LAPS) << LAP_SHIFT | cell
}

fn cell_of(word: u64) -> u64 {
    word % UNREAD
}

impl<T> Shared<T> {
    /// The lap of an entry, and its place.
    fn place(&self, number: u64) -> (u64, &AtomicU64) {
        let places = self.places.len() as u64;
        (
            number / places % LAPS,
            &self.places[(number % places) as usize],
        )
    }
}

impl<T: Copy> Writer<T> {
    /// Writes an entry, over the oldest if the ring is full. `false` if the reader, and so the ring, is gone.
    pub(crate) fn write(&mut self, entry: &T) -> bool {
        let Some(shared) = self.shared.upgrade() else {
            return false;
        };
        let number = self.next;
        self.next += 1;
        // SAFETY: the cell is the writer's own.
        shared.cells[self.cell as usize].with_mut(|cell| unsafe { *cell = *entry });
        let (lap, place) = shared.place(number);
        // Release: pairs with the Acquires in `read`; publishes the entry, and the places of all entries before it.
        // Acquire: pairs with the Release of the exchange in `read`; the reader has finished with the cell.
        let before = place.swap(word(lap, self.cell) | UNREAD, Ordering::AcqRel);
        self.cell = cell_of(before);
        if before & UNREAD != 0 {
            // Relaxed: no other data depends on it.
            shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Bytes of the ring; 0 if the reader is gone.
    pub(crate) fn bytes(&self) -> u64 {
        if self.is_gone() { 0 } else { self.bytes }
    }

    /// Whether the reader is gone, and the ring's memory with it.
    pub(crate) fn is_gone(&self) -> bool {
        self.shared.upgrade().is_none()
    }
}

impl<T: Copy> Reader<T> {
    /// Reads the oldest entry that was not read yet.
    pub(crate) fn read(&mut self) -> Option<T> {
        let shared = &*self.shared;
        let places = shared.places.len() as u64;
        loop {
            let (lap, place) = shared.place(self.next);
            // Acquire: pairs with the Release in `write`; makes the entry visible, if it is taken below. A reader
            // that continues with an earlier entry finds its place written.
            let seen = place.load(Ordering::Acquire);
            match (seen >> LAP_SHIFT).wrapping_sub(lap) % LAPS {
                EARLIER => return None,
                0 => {}
                laps => {
                    self.next += (laps - 1) * places + 1;
                    continue;
                }
            }
            // Release: pairs with the Acquire in `write`; the reader has finished copying from its own cell, which
            // the writer may fill from now on. Relaxed on failure: the word is loaded again.
            let taken = place.compare_exchange(
                seen,
                word(lap, self.cell),
                Ordering::Release,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                self.next += 1;
                self.cell = cell_of(seen);
                // SAFETY: the cell is the reader's own from the exchange on.
                return Some(shared.cells[self.cell as usize].with(|cell| unsafe { *cell }));
            }
        }
    }

    /// Entries overwritten before they were read.
    pub(crate) fn lost(&self) -> u64 {
        // Relaxed: no other data depends on it.
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl<T> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

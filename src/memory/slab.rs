//! Cuts small regions from slabs.
//!
//! ```text
//!   run      one mapping of four slabs
//!   slab     256 KiB of a run: vacant, or cut into pieces of one stride
//!   part     64 KiB of a slab, whose pages go back to the system together
//!   piece    the memory of one small region; a bit of its slab says whether it is taken
//!   list     the slabs of one stride that have a free piece; one more list holds the vacant slabs
//! ```
//!
//! The global allocator is a bad source of small regions. It writes a header before each, and zeroes recycled memory, which touches its
//! pages. In all threads but the first, glibc also grows its heap by a system call for every few pages. A slab needs none of that: its
//! pages are zero when the system maps them, and no page is touched before its piece is used.
//!
//! # Steps
//!
//! All steps happen under one lock of the process. Only a step that takes new memory or returns memory to the system comes here: a cold
//! alloc, trimming, the compaction of an arena.
//!
//! - Take: the lowest free piece of the first slab in the stride's list. Without such a slab, cut a vacant one. Without a vacant slab,
//!   map a run.
//! - Give back: clear the piece's bit. If no taken piece reaches into the same part any more, return the part's pages to the system. If
//!   the slab has no taken piece left, it is vacant. If the whole run is vacant, unmap it. So nothing stays once every region was
//!   given back.
//!
//! The lists are linked through the slabs' entries, and a place for an entry is made before its run is mapped. So nothing here needs
//! memory that could be refused in the middle of a step.
//!
//! The parts of a slab that no piece covers are never touched, apart from the pages that they share with the first and the last piece. A
//! single live piece keeps up to 64 KiB in memory; no account has the free pieces around it.
//!
//! # Cache colouring
//!
//! Pieces at strides of a power of two would begin in the same few cache sets. So a stride of 1 KiB or more is an odd number of units of
//! the alignment, as in frame memory. Slabs all begin at a page boundary. So the first piece begins at an offset: the slab's number times
//! the pieces of a slab, modulo the offsets that fit.
#![expect(unsafe_code, reason = "addresses inside mappings that are made here")]

use std::ops::{Range, RangeInclusive};
use std::ptr::NonNull;

use crate::memory::mapping;
use crate::memory::region::{MAPPED_BYTES, PAGE, SMALL_BYTES};
use crate::sync::{Rank, StaticForkLock};

/// Bytes of a slab. With less, the rest behind the last piece would be a larger share of it.
const SLAB_BYTES: usize = 256 << 10;
/// Bytes of a part of a slab, at least the system's largest page. With less, a trimming frame end would make more system calls.
const PART_BYTES: usize = 64 << 10;
/// Slabs of a run.
const PER_RUN: usize = 4;
const RUN_BYTES: usize = SLAB_BYTES * PER_RUN;
/// How many slabs there can be: a terabyte. A block's note has 22 bits for their number.
pub(super) const MAX_SLABS: usize = 1 << 22;
/// The unit of strides.
const UNIT: usize = 64;
/// The unit of strides below [`SMALL_BYTES`].
const SMALL_UNIT: usize = 16;
/// The largest stride.
const MAX_STRIDE: usize = MAPPED_BYTES;
/// The most pieces of a slab. A slab of smaller pieces ends with the last of them; what follows is never touched.
const MAX_PIECES: usize = SLAB_BYTES / UNIT;
/// One list for each stride, and one for the vacant slabs.
const LISTS: usize = MAX_STRIDE / UNIT + SMALL_BYTES / SMALL_UNIT;
/// From this size on a stride is an odd number of units of the alignment.
const COLOURED_FROM: usize = 1024;

const _: () = assert!(SLAB_BYTES.is_multiple_of(PART_BYTES) && MAX_SLABS.is_multiple_of(PER_RUN));

/// All slabs of the process.
static SLABS: StaticForkLock<Slabs> = StaticForkLock::new(Rank::System, Slabs::NONE);

/// Makes the slabs usable in a forked child. Every pool calls it when it is made, while it has no lock.
pub(crate) fn keep_across_forks() {
    SLABS.keep_across_forks();
}

/// The distance between two regions of `bytes` bytes, aligned to `align`; `None` if slabs have no such pieces. From
/// [`SMALL_BYTES`] on, the alignment is a unit at least.
pub(super) fn stride(bytes: usize, align: usize) -> Option<usize> {
    if !mapping::KNOWN || align < SMALL_UNIT || bytes == 0 || bytes > MAX_STRIDE {
        return None;
    }
    debug_assert!(bytes < SMALL_BYTES || align >= UNIT);
    let stride = bytes.next_multiple_of(align);
    let make_odd = stride >= COLOURED_FROM && align < PAGE;
    let stride = if make_odd { stride | align } else { stride };
    (stride <= MAX_STRIDE).then_some(stride)
}

/// Takes pieces of this stride, with every alignment up to a page that divides the stride. Passes the start of each and the number of its
/// slab to the caller. Returns how many: fewer than `count` when the system refuses.
///
/// A piece is initialised: zeroed if it is new, otherwise it holds the last user's bytes.
pub(super) fn take(stride: usize, count: u32, mut each: impl FnMut(NonNull<u8>, u32)) -> u32 {
    let mut slabs = SLABS.lock();
    let mut taken = 0;
    while taken < count
        && let Some((start, slab)) = slabs.take(stride)
    {
        each(start, slab);
        taken += 1;
    }
    taken
}

/// Gives a piece back.
///
/// # Safety
///
/// [`take`] returned `start` and `slab` together. No thread uses the piece any more, and it is given back once.
pub(super) unsafe fn give_back(start: NonNull<u8>, slab: u32) {
    // SAFETY: as for the caller.
    unsafe { SLABS.lock().give_back(start, slab) };
}

/// All slabs. A slab's number is that of its run times [`PER_RUN`], plus its place in the run.
#[derive(Debug)]
struct Slabs {
    /// Where each run begins; none where a run was unmapped.
    runs: Vec<Option<NonNull<u8>>>,
    /// How many runs were unmapped and have a place in the list.
    holes: usize,
    /// An entry for each slab of each run.
    entries: Vec<Slab>,
    /// The first slab of the list of each stride: see [`list_of`].
    lists: Vec<Option<u32>>,
}

/// The entry of a slab.
#[derive(Clone, Copy, Debug)]
struct Slab {
    /// Where the slab begins. Valid only while the slab is cut.
    start: NonNull<u8>,
    /// Where in it the first piece begins.
    offset: u32,
    /// In bytes; 0 if the slab is vacant.
    stride: u32,
    pieces: u32,
    /// Pieces that are taken.
    used: u32,
    /// Taken pieces that reach into each part.
    used_in: [u32; SLAB_BYTES / PART_BYTES],
    /// The slabs before and behind it in its list.
    before: Option<u32>,
    behind: Option<u32>,
    /// The taken pieces, one bit each.
    taken: [u64; MAX_PIECES / 64],
}

// SAFETY: the mappings belong to the slabs, and any thread may use and unmap them.
unsafe impl Send for Slabs {}

impl Slabs {
    const NONE: Self = Self {
        runs: Vec::new(),
        holes: 0,
        entries: Vec::new(),
        lists: Vec::new(),
    };

    fn take(&mut self, stride: usize) -> Option<(NonNull<u8>, u32)> {
        let number = match self.lists.get(list_of(stride)) {
            Some(&Some(number)) => number,
            _ => self.cut(stride)?,
        };
        let slab = &mut self.entries[number as usize];
        let start = slab.take();
        if slab.is_full() {
            self.unlink(number);
        }
        Some((start, number))
    }

    /// Cuts a vacant slab into pieces, and puts it into the list of their stride.
    fn cut(&mut self, stride: usize) -> Option<u32> {
        if self.lists.first().is_none_or(Option::is_none) {
            self.map_run()?;
        }
        let number = self.lists[0]?;
        self.unlink(number);
        let pieces = (SLAB_BYTES / stride).min(MAX_PIECES);
        let uncovered = SLAB_BYTES % stride;
        // Pools of all alignments that divide the stride share the slab.
        let unit = (1 << stride.trailing_zeros()).min(PAGE);
        // Less than a page, so that the pieces touch at most one page more.
        let colours = uncovered.min(PAGE - unit) / unit + 1;
        let offset = number as usize * pieces % colours * unit;
        let (run, place) = locate(number);
        let start = self.runs[run].expect("a vacant slab has a run");
        self.entries[number as usize] = Slab {
            // SAFETY: the slab lies in the run's mapping.
            start: unsafe { start.add(place * SLAB_BYTES) },
            offset: offset as u32,
            stride: stride as u32,
            pieces: pieces as u32,
            ..Slab::VACANT
        };
        self.link(number);
        Some(number)
    }

    /// Maps a run of vacant slabs.
    fn map_run(&mut self) -> Option<()> {
        let hole = (self.holes > 0)
            .then(|| self.runs.iter().position(Option::is_none))
            .flatten();
        let run = hole.unwrap_or(self.runs.len());
        if run == MAX_SLABS / PER_RUN {
            return None;
        }
        if hole.is_none() {
            self.runs.try_reserve(1).ok()?;
            self.entries.try_reserve(PER_RUN).ok()?;
        }
        if self.lists.is_empty() {
            self.lists.try_reserve_exact(LISTS).ok()?;
            self.lists.resize(LISTS, None);
        }
        let start = mapping::map(RUN_BYTES)?;
        if hole.is_some() {
            self.holes -= 1;
        } else {
            self.runs.push(None);
            self.entries
                .resize(self.entries.len() + PER_RUN, Slab::VACANT);
        }
        self.runs[run] = Some(start);
        // The lowest comes first in the list.
        for number in slabs_of(run).rev() {
            self.link(number);
        }
        Some(())
    }

    /// # Safety
    ///
    /// As for [`give_back`].
    unsafe fn give_back(&mut self, start: NonNull<u8>, number: u32) {
        let slab = &mut self.entries[number as usize];
        let was_full = slab.is_full();
        // SAFETY: as for this function.
        unsafe { slab.give_back(start) };
        let is_vacant = slab.used == 0;
        if is_vacant && !was_full {
            self.unlink(number);
        }
        if is_vacant {
            self.entries[number as usize] = Slab::VACANT;
        }
        if is_vacant || was_full {
            self.link(number);
        }
        if is_vacant {
            self.unmap_if_vacant(locate(number).0);
        }
    }

    /// Unmaps a run if all its slabs are vacant.
    fn unmap_if_vacant(&mut self, run: usize) {
        if slabs_of(run).any(|number| self.entries[number as usize].used > 0) {
            return;
        }
        for number in slabs_of(run) {
            self.unlink(number);
        }
        let start = self.runs[run].take().expect("a vacant slab has a run");
        // SAFETY: `map_run` mapped it, nobody uses any part of it, and it has left the list.
        unsafe { mapping::unmap(start, RUN_BYTES) };
        self.holes += 1;
        while self.runs.last() == Some(&None) {
            self.runs.pop();
            self.holes -= 1;
        }
        self.entries.truncate(self.runs.len() * PER_RUN);
        if self.runs.is_empty() {
            *self = Self::NONE;
        }
    }

    /// Puts a slab in front of the list of its stride.
    fn link(&mut self, number: u32) {
        let list = list_of(self.entries[number as usize].stride as usize);
        let first = self.lists[list].replace(number);
        if let Some(first) = first {
            self.entries[first as usize].before = Some(number);
        }
        let slab = &mut self.entries[number as usize];
        (slab.before, slab.behind) = (None, first);
    }

    /// Takes a slab out of the list of its stride.
    fn unlink(&mut self, number: u32) {
        let Slab {
            stride,
            before,
            behind,
            ..
        } = self.entries[number as usize];
        match before {
            Some(before) => self.entries[before as usize].behind = behind,
            None => self.lists[list_of(stride as usize)] = behind,
        }
        if let Some(behind) = behind {
            self.entries[behind as usize].before = before;
        }
    }
}

/// The list of a stride; the first one, for 0, has the vacant slabs. Strides that are no whole units come last.
fn list_of(stride: usize) -> usize {
    if stride.is_multiple_of(UNIT) {
        stride / UNIT
    } else {
        MAX_STRIDE / UNIT + stride / SMALL_UNIT
    }
}

/// Run and place in it of a slab.
fn locate(number: u32) -> (usize, usize) {
    (number as usize / PER_RUN, number as usize % PER_RUN)
}

/// The numbers of a run's slabs.
fn slabs_of(run: usize) -> Range<u32> {
    (run * PER_RUN) as u32..((run + 1) * PER_RUN) as u32
}

impl Slab {
    const VACANT: Self = Self {
        start: NonNull::dangling(),
        offset: 0,
        stride: 0,
        pieces: 0,
        used: 0,
        used_in: [0; SLAB_BYTES / PART_BYTES],
        before: None,
        behind: None,
        taken: [0; MAX_PIECES / 64],
    };

    /// Whether no piece is free. Callers never ask about a vacant slab.
    fn is_full(&self) -> bool {
        self.used == self.pieces
    }

    fn bytes(&self) -> usize {
        self.stride as usize
    }

    /// The parts that a piece reaches into.
    fn parts_of(&self, piece: usize) -> RangeInclusive<usize> {
        let first = self.offset as usize + piece * self.bytes();
        first / PART_BYTES..=(first + self.bytes() - 1) / PART_BYTES
    }

    /// Takes the lowest free piece of a slab that has one.
    fn take(&mut self) -> NonNull<u8> {
        let word = self.taken.iter().position(|&word| word != u64::MAX);
        let word = word.expect("a slab in a stride's list has a free piece");
        let bit = self.taken[word].trailing_ones() as usize;
        let piece = word * 64 + bit;
        debug_assert!(piece < self.pieces as usize);
        self.taken[word] |= 1 << bit;
        self.used += 1;
        for part in self.parts_of(piece) {
            self.used_in[part] += 1;
        }
        // SAFETY: the pieces lie in the slab behind one another from `offset` on, and this is one of them.
        unsafe { self.start.add(self.offset as usize + piece * self.bytes()) }
    }

    /// Gives a piece back, and the pages of parts without a taken piece.
    ///
    /// # Safety
    ///
    /// [`take`](Self::take) returned `start`. No thread uses the piece any more, and it is given back once.
    unsafe fn give_back(&mut self, start: NonNull<u8>) {
        let first = self.start.addr().get() + self.offset as usize;
        let piece = (start.addr().get() - first) / self.bytes();
        let (word, bit) = (piece / 64, piece % 64);
        debug_assert!(self.taken[word] >> bit & 1 == 1, "given back once");
        self.taken[word] &= !(1 << bit);
        self.used -= 1;
        for part in self.parts_of(piece) {
            self.used_in[part] -= 1;
            if self.used_in[part] == 0 {
                // SAFETY: the part lies in the slab, and no taken piece reaches into it.
                unsafe { mapping::discard(self.start.add(part * PART_BYTES), PART_BYTES) };
            }
        }
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests;

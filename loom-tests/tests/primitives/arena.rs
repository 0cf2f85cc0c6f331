//! An arena, read by the aggregation while its owner allocates from it.
//!
//! Laws: L2 Never negative, L3 It adds up.
#![expect(
    unsafe_code,
    reason = "the model is the arena's owner and its aggregation"
)]

use std::alloc::Layout;

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::arena::bump::Arena;
use crate::blocks::class::LINE;
use crate::memory::region::Region;
use crate::telemetry::arena_reading::ArenaReading;

/// The requested bytes of every buffer; each occupies one line.
const ASKED: usize = 10;

/// An arena that gives its blocks back when dropped.
struct Filled(Arena);

impl Filled {
    /// An arena with a block of each of these lengths, in lines.
    fn new(lines: &[usize]) -> Arc<Self> {
        let arena = Arena::new();
        for lines in lines {
            assert!(arena.reserve_place());
            arena.add_block(region(*lines));
        }
        Arc::new(Self(arena))
    }

    fn read(&self) -> ArenaReading {
        // SAFETY: there is one reader in each model.
        unsafe { self.0.read() }
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        // SAFETY: nobody else has the arena, and the pieces were taken with this alignment.
        unsafe {
            while let Some(piece) = self.0.take_unneeded(0, true) {
                piece.give_back(LINE);
            }
        }
    }
}

fn region(lines: usize) -> Region {
    Region::take(lines * LINE, LINE).unwrap()
}

/// The number of buffers agrees with their bytes. The memory may be slightly ahead, because it is counted first.
fn assert_whole(reading: ArenaReading, lent: std::ops::RangeInclusive<u64>) {
    assert!(lent.contains(&reading.allocs), "{reading:?}");
    assert_eq!(
        reading.requested,
        reading.allocs * ASKED as u64,
        "{reading:?}"
    );
    let lines = reading.bytes / LINE as u64;
    assert!(
        lines >= reading.allocs && lines <= *lent.end(),
        "{reading:?}"
    );
    assert!(reading.misses <= reading.allocs, "{reading:?}");
}

/// Two preemptions at most: 12,753 executions; the search without a bound takes over a minute.
#[test]
fn reading_during_arena_advance_is_before_or_after() {
    explore(Some(2), || {
        let arena = Filled::new(&[2, 2]);
        arena.0.advance(LINE, ASKED, true).unwrap();
        arena.0.bump(LINE, ASKED).unwrap();
        assert_whole(arena.read(), 2..=2);
        let owner = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || {
                arena.0.advance(LINE, ASKED, true).unwrap();
                arena.0.bump(LINE, ASKED).unwrap();
            })
        };
        let reading = arena.read();
        assert_whole(reading, 2..=4);
        let moved = reading.allocs > 2;
        assert_eq!(reading.misses, 1 + u64::from(moved), "{reading:?}");
        assert!(moved || reading.bytes == 2 * LINE as u64, "{reading:?}");
        owner.join().unwrap();
        assert_whole(arena.read(), 4..=4);
    });
}

#[test]
fn readings_while_buffers_are_lent_never_go_back() {
    explore(None, || {
        let arena = Filled::new(&[3]);
        arena.0.advance(LINE, ASKED, true).unwrap();
        let owner = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || {
                arena.0.bump(LINE, ASKED).unwrap();
                arena.0.bump(LINE, ASKED).unwrap();
            })
        };
        let first = arena.read();
        let second = arena.read();
        assert_whole(first, 1..=3);
        assert_whole(second, 1..=3);
        assert!(first.allocs <= second.allocs && first.bytes <= second.bytes);
        owner.join().unwrap();
    });
}

/// Five preemptions at most: 4,595 executions; the search without a bound, of 34,397, found nothing either.
#[test]
fn empty_buffer_counted_during_reading_adds_no_bytes() {
    explore(Some(5), || {
        let arena = Filled::new(&[1]);
        arena.0.advance(LINE, ASKED, true).unwrap();
        assert_eq!(arena.read().allocs, 1);
        let owner = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || arena.0.count_empty())
        };
        let reading = arena.read();
        assert!(matches!(reading.allocs, 1 | 2), "{reading:?}");
        assert_eq!(
            (reading.bytes, reading.requested),
            (LINE as u64, ASKED as u64)
        );
        owner.join().unwrap();
        assert_eq!(arena.read().allocs, 2);
    });
}

/// A thread places values in a chunk, in a block, and in the next block, while the aggregation reads: each value is counted once, and
/// the end of the frame finds them all. Two preemptions at most.
#[test]
fn values_are_counted_like_buffers() {
    let value = Layout::from_size_align(ASKED, 1).unwrap();
    explore(Some(2), move || {
        let arena = Filled::new(&[1, 2]);
        let chunk = arena.0.advance(LINE, ASKED, true).unwrap();
        // SAFETY: a line has room for a header and three values, and the arena just allocated it.
        unsafe { arena.0.add_chunk(chunk, LINE, value) };
        assert_eq!(arena.read().allocs, 1);
        let owner = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || {
                arena.0.bump_value(value).unwrap();
                arena.0.advance(LINE, ASKED, true).unwrap();
                arena.0.bump_value(value).unwrap();
            })
        };
        let reading = arena.read();
        assert!((1..=4).contains(&reading.allocs), "{reading:?}");
        assert_eq!(reading.requested, reading.allocs * ASKED as u64);
        let lines = reading.bytes / LINE as u64;
        assert_eq!(reading.misses, lines, "{reading:?}");
        assert!(lines == 2 || reading.allocs <= 2, "{reading:?}");
        owner.join().unwrap();
        // SAFETY: the owner is done, and this thread plays the aggregation.
        let ended = unsafe { arena.0.reset() };
        assert_eq!(ended.reading.allocs, 4);
        assert_eq!(ended.reading.requested, 4 * ASKED as u64);
        assert!(arena.0.bump_value(value).is_none(), "its chunk is gone");
        assert_eq!(arena.read(), ArenaReading::default());
    });
}

/// A thread's first buffer of a frame, concurrent with a thread that needs memory: the block is used or reclaimed, never
/// both.
#[test]
fn parked_block_is_lent_or_reclaimed_never_both() {
    explore(None, || {
        let arena = Filled::new(&[1]);
        arena.0.park();
        let owner = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || {
                while !arena.0.unpark() {
                    thread::yield_now();
                }
                let lent = arena.0.bump(LINE, ASKED);
                lent.or_else(|| arena.0.advance(LINE, ASKED, false))
                    .is_some()
            })
        };
        let mut taken = None;
        if arena.0.seize() {
            // SAFETY: the arena is seized, and this thread plays the aggregation.
            taken = unsafe { arena.0.take_unneeded(0, true) };
            arena.0.release();
        }
        let is_lent = owner.join().unwrap();
        assert_ne!(is_lent, taken.is_some(), "one of them has the block");
        assert_eq!(arena.read().allocs, u64::from(is_lent));
        if let Some(piece) = taken {
            // SAFETY: taken with this alignment, and not used by any thread.
            unsafe { piece.give_back(LINE) };
        }
    });
}

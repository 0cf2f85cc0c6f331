//! The bits of open frames, and the data that passes with them from one frame to the next.
//!
//! Laws: L6 One owner.
#![expect(unsafe_code, reason = "the model ends the frames it begins")]

use std::panic::Location;

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::arena::bump::Arena;
use crate::arena::in_flight::InFlight;
use crate::blocks::class::LINE;
use crate::memory::region::Region;

/// An open frame, whose arena has allocated all of its one block.
fn open_frame() -> Arc<(InFlight, Arena)> {
    let shared = Arc::new((InFlight::new(1), Arena::new()));
    let (in_flight, arena) = &*shared;
    assert_eq!(in_flight.claim(), Some(0));
    assert!(arena.reserve_place());
    arena.add_block(Region::take(LINE, LINE).unwrap());
    arena.advance(LINE, 1, true).unwrap();
    shared
}

/// Ends the frame like the frame end, on a second thread.
fn end_frame(shared: &Arc<(InFlight, Arena)>) -> thread::JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let (in_flight, arena) = &*shared;
        // SAFETY: the frame is not used any more, and nobody else aggregates.
        assert_eq!(unsafe { arena.reset() }.reading.allocs, 1);
        in_flight.free(0);
    })
}

/// Gives the arena's block back, if it still has one.
fn clear(arena: &Arena) -> bool {
    // SAFETY: the caller has the frame's bit, or is the last that has the arena.
    let piece = unsafe { arena.take_unneeded(0, true) };
    // SAFETY: the piece was taken with this alignment.
    piece
        .map(|piece| unsafe { piece.give_back(LINE) })
        .is_some()
}

#[test]
fn frame_reusing_a_bit_finds_its_arenas_reset() {
    explore(None, || {
        let shared = open_frame();
        let ender = end_frame(&shared);
        let (in_flight, arena) = &*shared;
        if in_flight.claim().is_some() {
            assert!(
                arena.bump(LINE, 1).is_some(),
                "all of the block is free again"
            );
        }
        ender.join().unwrap();
        assert!(clear(arena));
    });
}

#[test]
fn trimming_takes_blocks_only_from_ended_frames() {
    explore(None, || {
        let shared = open_frame();
        let ender = end_frame(&shared);
        let (in_flight, arena) = &*shared;
        let trimmed = in_flight.claim_index(0) && clear(arena);
        ender.join().unwrap();
        assert_ne!(trimmed, clear(arena));
    });
}

/// Trimming claims the bit and frees it; a frame begun afterwards finds an arena without a block.
#[test]
fn frame_begun_after_trimming_sees_the_trimmed_arena() {
    explore(None, || {
        let shared = Arc::new((InFlight::new(1), Arena::new()));
        assert!(shared.1.reserve_place());
        shared.1.add_block(Region::take(LINE, LINE).unwrap());
        shared.1.advance(LINE, 1, true).unwrap();
        let trimmer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (in_flight, arena) = &*shared;
                if in_flight.claim_index(0) {
                    assert!(clear(arena));
                    in_flight.free(0);
                }
            })
        };
        let (in_flight, arena) = &*shared;
        if in_flight.claim().is_some() {
            assert!(arena.bump(LINE, 1).is_none(), "no block, or a full one");
        }
        trimmer.join().unwrap();
        clear(arena);
    });
}

#[test]
fn two_frames_begun_at_once_have_different_bits() {
    explore(None, || {
        let in_flight = Arc::new(InFlight::new(2));
        let other = {
            let in_flight = Arc::clone(&in_flight);
            thread::spawn(move || in_flight.claim())
        };
        let mine = in_flight.claim();
        let theirs = other.join().unwrap();
        assert!(mine.is_some() && theirs.is_some() && mine != theirs);
        assert_eq!(in_flight.claim(), None);
    });
}

/// Three preemptions at most: 8,689 executions; the search without a bound takes over ten minutes.
#[test]
fn open_frame_shows_its_own_line_and_age() {
    explore(Some(3), || {
        let in_flight = Arc::new(InFlight::new(1));
        assert_eq!(in_flight.claim(), Some(0));
        let (old, new) = (Location::caller(), Location::caller());
        let first = in_flight.begin(0, old, 3, 0);
        let other = {
            let in_flight = Arc::clone(&in_flight);
            thread::spawn(move || {
                in_flight.free(0);
                assert_eq!(in_flight.claim(), Some(0));
                in_flight.begin(0, new, 5, 0)
            })
        };
        let read = in_flight.open_frames(5).next();
        let second = other.join().unwrap();
        if let Some(frame) = read {
            let expected = if frame.id == first {
                (old, 2)
            } else {
                (new, 0)
            };
            assert!(frame.id == first || frame.id == second);
            assert_eq!((frame.location, frame.age_frames), expected);
        }
        let frame = in_flight.open_frames(5).next().unwrap();
        assert_eq!((frame.id, frame.location), (second, new));
    });
}

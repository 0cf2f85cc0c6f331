//! An arena's blocks.

use super::*;

#[test]
fn a_block_without_room_is_passed_over() {
    let region = |bytes| Region::take(bytes, 64).expect("memory");
    let (small, large) = (region(4096), region(16_384));
    let arena = Arena::new();
    assert!(arena.reserve_place());
    arena.add_block(small);
    assert_eq!(arena.advance(8192, 8000, false), None);
    assert!(arena.reserve_place());
    arena.add_block(large);
    assert_eq!(arena.advance(8192, 8000, false), Some(large.start));
    // SAFETY: nobody else has the arena, and nothing uses its memory.
    while let Some(block) = unsafe { arena.take_unneeded(0, true) } {
        // SAFETY: taken above, with this alignment.
        unsafe { block.give_back(64) };
    }
}

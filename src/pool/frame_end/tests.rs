//! A frame end's sums against a walk over every block.

use crate::BufferPool;

/// Bytes of all blocks and of all arenas. The pool is at rest.
fn walked(pool: &BufferPool) -> u64 {
    let inner = pool.inner();
    let blocks: u64 = inner
        .table
        .records()
        .map(|record| record.bytes(&inner.classes))
        .sum();
    let arenas: u64 = inner
        .slots
        .iter()
        .flat_map(|slot| slot.arenas_among(u32::MAX))
        .map(|(_, arena)| arena.held())
        .sum();
    blocks + arenas
}

#[test]
fn walk_at_rest_equals_the_counted_sums() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(2)
        .build()
        .unwrap();
    let mut kept = Vec::new();
    for round in 0..40_usize {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(round * 40_000);
        let other = pool.begin_frame();
        other.alloc::<u64>(round * 1_000);
        kept.extend((0..round).map(|n| pool.alloc::<u8>(n * 777)));
        if round % 3 == 0 {
            kept.clear();
        }
        drop(other);
        let snapshot = frame.release_all();
        assert_eq!(snapshot.pooled_bytes, walked(&pool), "round {round}");
        let lent: u64 = pool.outstanding().bytes;
        assert_eq!(snapshot.in_use_bytes, lent);
    }
    kept.clear();
    pool.trim();
    assert_eq!(pool.stats().pooled_bytes, walked(&pool));
    assert_eq!(walked(&pool), 0, "all of it was idle");
}

//! Many pools on one thread and few pools on many: each keeps its own counts.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

use std::thread;

use framepool::BufferPool;

use crate::common::{Seeded, TELEMETRY, assert_empty, assert_lawful, rounds};

#[test]
fn thread_alternating_between_pools_mixes_no_counts() {
    let pools: Vec<_> = (0..40)
        .map(|number| {
            BufferPool::builder()
                .name(format!("pool {number}"))
                .build()
                .unwrap()
        })
        .collect();
    let mut lent = vec![0_u64; pools.len()];
    let mut kept = Vec::new();
    let mut random = Seeded(3);
    for _ in 0..rounds(40_000) {
        let at = random.below(pools.len());
        match random.below(3) {
            0 => {
                kept.push((at, pools[at].alloc_copy(&[at as u8; 40])));
                lent[at] += 1;
            }
            1 => {
                let frame = pools[at].begin_frame();
                frame.alloc::<u8>(random.bytes());
                lent[at] += 1;
                assert_lawful(&frame.release_all());
            }
            _ if !kept.is_empty() => {
                let (owner, buffer) = kept.swap_remove(random.below(kept.len()));
                assert!(buffer.iter().all(|&byte| byte == owner as u8));
            }
            _ => {}
        }
    }
    for (at, pool) in pools.iter().enumerate() {
        if TELEMETRY {
            let stats = pool.stats();
            let out = kept.iter().filter(|(owner, _)| *owner == at).count();
            assert_eq!(
                (stats.totals.allocs, stats.in_use_buffers),
                (lent[at], out as u64)
            );
            assert_eq!(stats.slots, 1);
        }
    }
    drop(kept);
    pools.iter().for_each(assert_empty);
}

/// Laws: L1 Conservation, L6 One owner.
#[test]
fn dropping_pools_leaves_remaining_pools_intact() {
    let lasting = BufferPool::new();
    let kept = lasting.alloc_copy(&[9_u8; 1000]);
    let mut older = Vec::new();
    for number in 0..rounds(2_000) {
        let short_lived = BufferPool::new();
        let buffer = short_lived.alloc_copy(&[number as u8; 300]);
        drop(lasting.alloc::<u8>(300));
        if number % 2 == 0 {
            drop(short_lived);
            older.push((number, buffer));
        }
        if older.len() > 10 {
            let (number, buffer) = older.swap_remove(3);
            assert!(buffer.iter().all(|&byte| byte == number as u8));
        }
    }
    assert!(kept.iter().all(|&byte| byte == 9));
    if TELEMETRY {
        let stats = lasting.stats();
        assert_eq!(stats.totals.allocs, 1 + rounds(2_000) as u64);
        assert_eq!(stats.totals.releases, rounds(2_000) as u64);
        assert_eq!(stats.slots, 1);
    }
    drop(kept);
    assert_empty(&lasting);
}

#[test]
fn threads_with_several_pools_each_keep_all_books() {
    let pools: Vec<_> = (0..5).map(|_| BufferPool::new()).collect();
    let each = rounds(4_000);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|seed| {
                let pools = &pools;
                scope.spawn(move || {
                    let mut random = Seeded(seed);
                    let mut kept = Vec::new();
                    for step in 0..each {
                        kept.push(pools[step % pools.len()].alloc::<u8>(random.below(500)));
                        if kept.len() > 20 {
                            drop(kept.swap_remove(random.below(20)));
                        }
                        if step % 500 == 0 {
                            assert_lawful(&pools[random.below(pools.len())].end_frame());
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    for pool in &pools {
        if TELEMETRY {
            let stats = pool.stats();
            assert_eq!(stats.totals.allocs, (6 * each / pools.len()) as u64);
            assert!(stats.slots <= 6);
        }
        assert_empty(pool);
    }
}

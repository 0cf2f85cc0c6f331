//! Refusals by the system: an error, every law holds, and no memory is left at the end.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

use framepool::{AllocError, BufferPool};

use crate::alone::alone;
use crate::common::{TELEMETRY, assert_empty, assert_lawful};
use crate::counting::{live, refuse_after, refuse_large, refuse_nothing};

/// A program of requests of both kinds; returns the number of allocs and of refusals.
fn program(pool: &BufferPool) -> (u64, u64) {
    let (mut lent, mut refused) = (0, 0);
    let mut note = |outcome: Result<(), AllocError>| match outcome {
        Ok(()) => lent += 1,
        Err(AllocError::OutOfMemory { requested }) => {
            assert!(requested >= 64);
            refused += 1;
        }
        Err(other) => panic!("{other:?}"),
    };
    let mut kept = Vec::with_capacity(64);
    for round in 0..3 {
        let frame = pool.begin_frame();
        for size in 0..8 {
            note(pool.try_alloc::<u8>(size * 15_000).map(|mut buffer| {
                buffer.fill(1);
                kept.push(buffer);
            }));
            note(
                frame
                    .try_alloc::<u8>(size * 15_000)
                    .map(|buffer| buffer.fill(1)),
            );
        }
        kept.truncate(4 * round);
        assert_lawful(&frame.release_all());
    }
    (lent, refused)
}

/// Runs the program with the refusals that `arm` sets, and again without; returns whether one happened.
fn survives(arm: impl Fn()) -> bool {
    let pool = BufferPool::builder()
        .frame_block_bytes(8192)
        .build()
        .unwrap();
    drop(pool.alloc::<u8>(1));
    arm();
    let (lent, refused) = program(&pool);
    let met = refuse_nothing();
    let totals = pool.end_frame().totals;
    if TELEMETRY {
        assert_eq!(
            (totals.allocs, totals.counts.memory_refusals),
            (lent + 1, refused)
        );
    }
    assert_empty(&pool);
    let (_, refused) = program(&pool);
    assert_eq!(refused, 0, "the system gives again");
    assert_empty(&pool);
    met
}

alone! {
    #[test]
    fn any_system_request_may_fail_once_or_permanently() {
        for how_many in [Some(1), Some(2), None] {
            survives(|| ());
            survives(|| ());
            let before = live();
            let mut at = 0;
            while survives(|| refuse_after(at, how_many)) {
                assert_eq!(live(), before, "bytes left when request {at} failed");
                at += 1;
            }
            assert!(at > 5, "only {at} requests");
        }
    }

    #[test]
    fn one_failure_is_hidden_by_idle_memory() {
        let pool = BufferPool::new();
        drop((0..30).map(|_| pool.alloc::<u8>(10_000)).collect::<Vec<_>>());
        refuse_after(0, Some(1));
        assert!(pool.try_alloc::<u8>(50_000).is_ok(), "what was idle is given back, and it is tried again");
        assert!(refuse_nothing());
        let stats = pool.stats();
        assert_eq!(stats.totals.counts.memory_refusals, 0);
        assert_eq!(stats.idle_bytes, stats.pooled_bytes - stats.in_use_bytes);
        assert_empty(&pool);
    }

    // On systems with mappings.
    #[cfg(all(
        target_os = "linux",
        target_pointer_width = "64",
        any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"),
        not(framepool_sanitized)
    ))]
    #[test]
    fn refused_mapping_falls_back_and_double_refusal_errors() {
        let pool = BufferPool::new();
        // So that the pool has a free record.
        drop(pool.alloc::<u8>(1));
        let before = live();
        // A mapping; then the global allocator is asked.
        refuse_after(0, Some(1));
        let mut allocated = pool.try_alloc::<u8>(1 << 20).unwrap();
        assert!(refuse_nothing(), "requests were refused");
        allocated.fill(1);
        let mapped = pool.alloc::<u8>(1 << 20);
        assert!(live() - before >= 2 << 20);
        refuse_after(0, None);
        let outcome = pool.try_alloc::<u8>(2 << 20);
        assert!(refuse_nothing());
        assert_eq!(outcome.err(), Some(AllocError::OutOfMemory { requested: 2 << 20 }));
        assert_eq!((allocated[9], mapped[9]), (1, 0));
        drop((allocated, mapped));
        assert_empty(&pool);
        pool.trim();
        assert!(live() - before < 64 << 10, "each went back to where it came from");
    }

    #[test]
    fn frame_gets_smaller_block_when_system_refuses_whole() {
        let pool = BufferPool::builder().frame_block_bytes(64 << 10).build().unwrap();
        let frame = pool.begin_frame();
        for _ in 0..4 {
            frame.alloc::<u8>(1 << 20);
        }
        refuse_large(32 << 10);
        let mut lent = 0;
        for _ in 0..1000 {
            lent += usize::from(frame.try_alloc::<u8>(1000).is_ok());
        }
        refuse_large(usize::MAX);
        assert_eq!(lent, 1000, "the system gives 32 KiB at a time");
        let snapshot = frame.release_all();
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert!(snapshot.misses < 80, "{snapshot:?}");
        }
        assert_empty(&pool);
    }

    #[test]
    fn failed_prewarm_errors_and_keeps_allocated_blocks() {
        for cache in [0, 2 << 20] {
            let pool = BufferPool::builder().thread_cache_bytes(cache).build().unwrap();
            drop(pool.alloc::<u8>(1));
            refuse_after(5, None);
            let outcome = pool.try_prewarm::<u8>(100_000, 20);
            assert!(refuse_nothing());
            assert!(matches!(outcome, Err(AllocError::OutOfMemory { .. })), "{outcome:?}");
            pool.end_frame();
            let kept: Vec<_> = (0..5).map(|_| pool.alloc::<u8>(100_000)).collect();
            assert_eq!(pool.end_frame().misses, 0, "the five that were made are ready");
            drop(kept);
            assert_empty(&pool);
        }
    }
}

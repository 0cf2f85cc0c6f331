//! Every refusal: its fields, its text, and that the pool is unchanged after it.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

use std::panic::{AssertUnwindSafe, catch_unwind};

use framepool::{AllocError, BufferPool};

use crate::common::{TELEMETRY, assert_empty, assert_lawful, panic_text, pooled_bytes};

#[test]
fn size_overflow_is_an_error_counted_as_refused() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    for len in [
        usize::MAX,
        usize::MAX / 2,
        usize::MAX / 8 + 1,
        isize::MAX as usize / 4,
    ] {
        let error = pool.try_alloc::<u64>(len).unwrap_err();
        assert_eq!(
            error,
            AllocError::SizeOverflow {
                len,
                element_bytes: 8
            }
        );
        assert!(error.to_string().contains(&len.to_string()), "{error}");
        assert_eq!(frame.try_alloc::<u64>(len).unwrap_err(), error);
        assert_eq!(pool.try_prewarm::<u64>(len, 1).unwrap_err(), error);
    }
    let snapshot = frame.release_all();
    assert_lawful(&snapshot);
    assert_eq!(
        (snapshot.allocs, snapshot.releases, snapshot.in_use_bytes),
        (0, 0, 0)
    );
    assert_eq!((snapshot.pooled_bytes, snapshot.peak_bytes), (0, 0));
    if TELEMETRY {
        assert_eq!(snapshot.counts.overflow_refusals, 12);
        assert_eq!(snapshot.counts.refusals(), 12);
    }
    assert_empty(&pool);
}

#[test]
fn out_of_memory_error_leaves_levels_unchanged() {
    let pool = BufferPool::new();
    let kept = pool.alloc_copy(&[7_u8; 100]);
    let before = pool.stats();
    let len = 1 << 60;
    let error = pool.try_alloc::<u8>(len).unwrap_err();
    assert!(
        matches!(error, AllocError::OutOfMemory { requested } if requested >= len as u64),
        "{error:?}"
    );
    assert!(!error.to_string().is_empty());
    let frame = pool.begin_frame();
    assert!(matches!(
        frame.try_alloc::<u8>(len),
        Err(AllocError::OutOfMemory { .. })
    ));
    frame.alloc::<u8>(10);
    let snapshot = frame.release_all();
    assert_lawful(&snapshot);
    if TELEMETRY {
        assert_eq!(snapshot.counts.memory_refusals, 2);
        assert_eq!((snapshot.allocs, snapshot.releases), (2, 1));
        assert_eq!(snapshot.in_use_bytes, before.in_use_bytes);
        assert_eq!(
            snapshot.peak_bytes,
            before.pooled_bytes + (256 << 10),
            "the peak is what the pool held, not what it was refused"
        );
    }
    assert!(kept.iter().all(|&byte| byte == 7));
    drop(kept);
    assert_empty(&pool);
}

#[test]
fn panicking_twins_say_what_the_error_says() {
    let pool = BufferPool::builder().max_bytes(1 << 20).build().unwrap();
    let error = pool.try_alloc::<u8>(2 << 20).unwrap_err().to_string();
    let calls: [&dyn Fn(); 5] = [
        &|| drop(pool.alloc::<u8>(2 << 20)),
        &|| drop(pool.alloc_zeroed::<u8>(2 << 20)),
        &|| pool.prewarm::<u8>(2 << 20, 1),
        &|| {
            pool.begin_frame().alloc::<u16>(1 << 62);
        },
        &|| {
            pool.begin_frame().alloc_zeroed::<u16>(1 << 62);
        },
    ];
    for (at, call) in calls.into_iter().enumerate() {
        let panic = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        let text = panic_text(&*panic);
        assert!(text.starts_with("framepool: "), "{text}");
        assert!(at > 2 || text.contains(&error), "{text}");
    }
    assert_empty(&pool);
}

/// Twelve buffers from seven lines, the largest holdings last, until nothing more fits.
#[test]
fn budget_refusal_names_five_largest_holders_and_numbers() {
    let limit = 1 << 20;
    let pool = BufferPool::builder().max_bytes(limit).build().unwrap();
    let mut kept = vec![pool.alloc::<u8>(100)];
    kept.push(pool.alloc::<u8>(1_000));
    kept.push(pool.alloc::<u8>(10_000));
    kept.push(pool.alloc::<u8>(20_000));
    kept.push(pool.alloc::<u8>(30_000));
    kept.push(pool.alloc::<u8>(40_000));
    let first_line = line!() + 2;
    for _ in 0..6 {
        kept.push(pool.alloc::<u8>(50_000));
    }
    let error = pool.try_alloc::<u8>(900_000).unwrap_err();
    let AllocError::BudgetExceeded {
        requested,
        in_use,
        limit: said,
        holders,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((*requested, *said), (pooled_bytes(900_000, 64), limit));
    let text = error.to_string();
    assert!(
        text.contains("1.00 MiB") && text.contains("max_bytes"),
        "{text}"
    );
    if TELEMETRY {
        assert_eq!(*in_use, pool.stats().in_use_bytes);
        assert_eq!(holders.len(), 5);
        assert!(
            holders
                .windows(2)
                .all(|pair| pair[0].bytes >= pair[1].bytes),
            "largest first"
        );
        assert_eq!(holders[0].buffers, 6);
        assert_eq!(holders[0].bytes, 6 * pooled_bytes(50_000, 64));
        assert_eq!(holders[0].location.line(), first_line);
        assert!(holders[0].location.file().ends_with("errors.rs"));
        assert_eq!(
            holders[4].bytes,
            pooled_bytes(10_000, 64),
            "of six, the smallest is left out"
        );
        assert!(text.contains("errors.rs"), "{text}");
    }
    let frame = pool.begin_frame();
    assert!(matches!(
        frame.try_alloc::<u8>(900_000),
        Err(AllocError::BudgetExceeded { .. })
    ));
    let snapshot = frame.release_all();
    assert_lawful(&snapshot);
    if TELEMETRY {
        assert_eq!(snapshot.counts.budget_refusals, 2);
        assert_eq!(snapshot.allocs, 12);
        assert!(snapshot.peak_bytes <= limit);
    }

    // A release makes room, and everything works as before.
    kept.clear();
    let large = pool.alloc_zeroed::<u8>(900_000);
    assert_eq!(large.len(), 900_000);
    drop(large);
    assert_empty(&pool);
}

#[test]
fn any_number_of_refusals_needs_no_more_bookkeeping() {
    let pool = BufferPool::builder().max_bytes(1 << 16).build().unwrap();
    let kept = pool.alloc::<u8>(60_000);
    assert!(pool.try_alloc::<u8>(10_000).is_err());
    let before = pool.stats().telemetry_bytes;
    for _ in 0..500 {
        assert!(pool.try_alloc::<u8>(10_000).is_err());
    }
    assert_eq!(pool.stats().telemetry_bytes, before);
    drop(kept);
    assert_empty(&pool);
}

#[test]
fn pool_never_holds_more_than_its_budget() {
    for limit in [1, 64, 5_000, 300_000, 2 << 20] {
        let pool = BufferPool::builder()
            .max_bytes(limit)
            .frame_block_bytes(4096)
            .build()
            .unwrap();
        let mut random = crate::common::Seeded(limit);
        let mut kept = Vec::new();
        let (mut lent, mut refused) = (0_u64, 0_u64);
        for _ in 0..300 {
            let frame = pool.begin_frame();
            for _ in 0..8 {
                let framed = random.below(2) == 0;
                let bytes = random.bytes();
                let outcome = if framed {
                    frame.try_alloc::<u8>(bytes).map(|buffer| buffer.fill(1))
                } else {
                    pool.try_alloc::<u8>(bytes).map(|mut buffer| {
                        buffer.fill(1);
                        kept.push(buffer);
                    })
                };
                match outcome {
                    Ok(()) => lent += 1,
                    Err(AllocError::BudgetExceeded { limit: said, .. }) => {
                        assert_eq!(said, limit);
                        refused += 1;
                        kept.pop();
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            let snapshot = frame.release_all();
            assert_lawful(&snapshot);
            assert!(
                snapshot.pooled_bytes <= limit && snapshot.peak_bytes <= limit,
                "{snapshot:?}"
            );
            if TELEMETRY {
                assert_eq!(snapshot.totals.allocs, lent);
                assert_eq!(snapshot.totals.counts.budget_refusals, refused);
                assert_eq!(snapshot.in_use_buffers, kept.len() as u64);
            }
        }
        assert!(
            refused > 0 && lent > 0,
            "the budget {limit} was felt and did not stop everything"
        );
        drop(kept);
        assert_empty(&pool);
    }
}

#[test]
fn idle_memory_is_reclaimed_for_a_new_request() {
    let pool = BufferPool::builder()
        .max_bytes(1 << 20)
        .frame_block_bytes(1 << 18)
        .build()
        .unwrap();
    // Idle in the magazine, in the depot and in a frame that has ended.
    let many: Vec<_> = (0..100).map(|_| pool.alloc::<u8>(4096)).collect();
    drop(many);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(200_000);
    frame.release_all();
    let large = pool
        .try_alloc::<u8>(1 << 20)
        .expect("all that is idle can go");
    assert_eq!(large.len(), 1 << 20);
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!(snapshot.totals.counts.budget_misses, 1);
        assert_eq!(snapshot.totals.counts.budget_refusals, 0);
    }
    drop(large);
    assert_empty(&pool);
}

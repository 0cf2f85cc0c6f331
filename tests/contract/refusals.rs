//! The refusal by a budget: every part of the held bytes, and the next step.
//!
//! Laws: L10 A refusal tells the whole truth.

use framepool::AllocError;
use framepool::telemetry::{HeldBy, Holding};

use crate::budget::{beside_resting, limited};
use crate::common::assert_empty;

/// The parts of a refusal, which must add up to the held bytes, and its text.
#[track_caller]
fn parts_of(error: &AllocError) -> (Vec<Holding>, String) {
    let AllocError::BudgetExceeded {
        held, limit, parts, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        parts.iter().map(|part| part.bytes).sum::<u64>(),
        *held,
        "L10: {parts:?}"
    );
    assert!(held <= limit, "{error:?}");
    (parts.clone(), error.to_string())
}

/// Bytes of the parts selected by `is`.
fn bytes_by(parts: &[Holding], is: impl Fn(&HeldBy) -> bool) -> u64 {
    parts
        .iter()
        .filter(|part| is(&part.by))
        .map(|part| part.bytes)
        .sum()
}

#[test]
fn refusal_names_the_frame_holding_the_memory() {
    let pool = limited(64 << 20);
    let innocent = pool.alloc::<u8>(4 << 10);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(60 << 20);
    frame.alloc::<u8>(64);
    for error in [
        pool.try_alloc::<u8>(8 << 20).unwrap_err(),
        frame.try_alloc::<u8>(8 << 20).unwrap_err(),
        pool.try_prewarm::<u8>(1 << 20, 8).unwrap_err(),
    ] {
        let (parts, text) = parts_of(&error);
        let of_frame = bytes_by(
            &parts,
            |by| matches!(by, HeldBy::Frame { frame: id, thread } if *id == frame.id() && !thread.is_empty()),
        );
        assert!(of_frame > 60 << 20, "{error:?}");
        assert_eq!(
            bytes_by(&parts, |by| matches!(by, HeldBy::CallSite { .. })),
            4 << 10
        );
        assert_eq!(
            bytes_by(&parts, |by| *by == HeldBy::UnusedInFrames),
            (1 << 20) - 64
        );
        assert!(text.contains("end frame 1"), "{text}");
        assert!(text.contains("max_bytes"), "{text}");
    }
    drop((innocent, frame));
    assert_empty(&pool);
}

#[test]
fn next_step_of_a_refusal_is_enough() {
    let pool = limited(64 << 20);
    let kept = pool.alloc::<u8>(16 << 20);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(32 << 20);
    let step_for = |mebibytes: usize| {
        let refused = pool.try_alloc::<u8>(mebibytes << 20).unwrap_err();
        let text = refused.to_string();
        text.rsplit_once("; ").expect("a next step").1.to_owned()
    };
    assert_eq!(
        step_for(32),
        "end frame 1 (`release_all`), or raise `max_bytes`"
    );
    assert_eq!(
        step_for(56),
        "end frame 1 (`release_all`), and release buffers, or raise `max_bytes`"
    );
    frame.release_all();
    assert!(pool.try_alloc::<u8>(32 << 20).is_ok());
    assert!(pool.try_alloc::<u8>(56 << 20).is_err());
    drop(kept);
    assert!(pool.try_alloc::<u8>(56 << 20).is_ok());
    assert_empty(&pool);
}

#[test]
fn refusal_names_the_threads_holding_idle_memory() {
    let pool = limited(8 << 20);
    let fill = || {
        // So that the thread may keep them.
        pool.prewarm::<u8>(1 << 10, 60);
        drop(
            (0..60)
                .map(|_| pool.try_alloc::<u8>(1 << 10))
                .collect::<Vec<_>>(),
        );
    };
    beside_resting(3, fill, || {
        assert_eq!(pool.trim(), 0);
        let error = pool.try_alloc::<u8>(8 << 20).unwrap_err();
        let (parts, text) = parts_of(&error);
        let kept = bytes_by(
            &parts,
            |by| matches!(by, HeldBy::Thread(thread) if !thread.is_empty()),
        );
        assert_eq!(kept, pool.stats().idle_bytes, "{error:?}");
        assert!(kept > 0 && kept <= 512 << 10);
        assert!(
            text.contains("thread_cache_bytes") && text.contains("idle on thread"),
            "{text}"
        );
    });
    drop(pool.alloc::<u8>(8 << 20));
    assert_empty(&pool);
}

#[test]
fn a_refusal_advises_what_helps() {
    let pool = limited(1 << 20);
    let (_, text) = parts_of(&pool.try_alloc::<u8>(2 << 20).unwrap_err());
    assert!(text.contains("it never fits"), "{text}");
    let kept = pool.alloc::<u8>(600 << 10);
    let (_, text) = parts_of(&pool.try_alloc::<u8>(600 << 10).unwrap_err());
    assert!(
        text.contains("release buffers") && text.contains("refusals.rs"),
        "{text}"
    );
    drop(kept);
    pool.trim();
    pool.prewarm::<u8>(1 << 10, 512);
    let (parts, text) = parts_of(&pool.try_prewarm::<u8>(64 << 10, 14).unwrap_err());
    assert!(bytes_by(&parts, |by| *by == HeldBy::Depot) > 0);
    assert!(text.contains("`trim`"), "{text}");
    pool.trim();
    pool.prewarm::<u8>(64 << 10, 14);
}

#[test]
fn repeated_refusals_do_not_walk_every_buffer() {
    let pool = limited(8 << 20);
    let kept: Vec<_> = (0..20_000).map(|_| pool.alloc::<u8>(128)).collect();
    let line = line!() - 1;
    let (mut looked, mut total) = (0, 0);
    for _ in 0..100 {
        let error = pool.try_alloc::<u8>(7 << 20).unwrap_err();
        let (parts, _) = parts_of(&error);
        let AllocError::BudgetExceeded {
            holders,
            holders_age,
            ..
        } = error
        else {
            unreachable!();
        };
        assert_eq!(holders[0].location.line(), line);
        assert_eq!(parts[parts.len() - 1].bytes, 20_000 * 128);
        looked += usize::from(holders_age.is_zero());
        total += 1;
    }
    assert!(
        (1..total / 2).contains(&looked),
        "{looked} of {total} looked at all buffers"
    );
    drop(kept);
    assert_empty(&pool);
}

//! Leaks at lines that also allocate and release many buffers: in bursts, or a level at a time.

use std::collections::VecDeque;
use std::time::Duration;

use framepool::{Buffer, BufferPool};

use crate::bench::{Bench, Dice, TICK, leaks};

/// The frames until the only line that allocates is named; none within `most`.
fn named_after(most: u64, period: Duration, step: impl FnMut(&BufferPool, u64)) -> Option<u64> {
    Bench::new().run(most, period, step).0
}

#[test]
fn leak_among_bursts_is_named() {
    // Bursts of up to 300 buffers that live for up to two seconds. One in 600 frames is lost from frame 3,000 on.
    let run = |leaks: bool, most: u64| {
        let mut dice = Dice(5);
        let (mut lost, mut burst) = (Vec::new(), Vec::<(u64, Buffer<u8>)>::new());
        named_after(most, TICK, |pool, frame| {
            let take = || pool.alloc::<u8>(500);
            if dice.below(20) == 0 {
                let until = frame + dice.below(120);
                burst.extend((0..dice.below(300)).map(|_| (until, take())));
            }
            burst.retain(|(until, _)| *until > frame);
            if leaks && frame >= 3_000 && frame % 600 == 0 {
                lost.push(take());
            }
        })
    };
    let named = run(true, 3_000 + 9_000);
    assert!(named.is_some_and(|frame| frame > 3_000), "{named:?}");
    assert_eq!(run(false, 12_000), None);
}

#[test]
fn fast_leak_in_a_pipeline_is_named_soon() {
    // A pipeline of one to eight frames, whose depth changes. One in two frames is lost from frame 3,000 on.
    let mut dice = Dice(5);
    let (mut lost, mut pipeline, mut depth) = (Vec::new(), VecDeque::new(), 2);
    let named = named_after(6_000, TICK, |pool, frame| {
        let take = || pool.alloc::<u8>(900);
        if frame % 600 == 0 {
            depth = 1 + dice.below(8) as usize;
        }
        pipeline.push_back(take());
        while pipeline.len() > depth {
            pipeline.pop_front();
        }
        if frame >= 3_000 && frame % 2 == 0 {
            lost.push(take());
        }
    });
    assert!(
        named.is_some_and(|frame| (3_000..3_090).contains(&frame)),
        "{named:?}"
    );
}

#[test]
fn buffers_left_by_each_level_are_named() {
    // Levels of three minutes at 20 frames a second, replaced within one frame. Each leaves ten buffers of 200.
    let run = |left: usize, most: u64| {
        let (mut lost, mut level) = (Vec::new(), Vec::<Buffer<u8>>::new());
        named_after(most, Duration::from_millis(50), |pool, frame| {
            if frame % 3_600 == 0 {
                let kept = left.min(level.len());
                lost.extend(level.drain(..kept));
                level.clear();
                level.extend((0..200).map(|_| pool.alloc::<u8>(2_000)));
            }
        })
    };
    let named = run(10, 12 * 3_600);
    assert!(named.is_some_and(|frame| frame > 3_600), "{named:?}");
    assert_eq!(run(0, 12 * 3_600), None);
}

#[test]
fn connections_that_are_never_closed_are_named() {
    // One connection a second at 10 frames a second, open for a minute on average. One in a hundred is never closed.
    let run = |leaks: bool| {
        let mut dice = Dice(14);
        let (mut lost, mut open) = (Vec::new(), Vec::<(u64, Buffer<u8>)>::new());
        named_after(54_000, Duration::from_millis(100), |pool, frame| {
            if dice.below(10) == 0 {
                let life = -600.0 * ((dice.below(1_000_000) + 1) as f64 / 1e6).ln();
                let buffer = pool.alloc::<u8>(4_096);
                if leaks && frame > 6_000 && dice.below(100) == 0 {
                    lost.push(buffer);
                } else {
                    open.push((frame + life as u64, buffer));
                }
            }
            open.retain(|(until, _)| *until > frame);
        })
    };
    let named = run(true);
    assert!(named.is_some_and(|frame| frame > 6_000), "{named:?}");
    assert_eq!(run(false), None);
}

#[test]
fn leak_without_frames_among_bursts_is_named() {
    let mut bench = Bench::new();
    let mut dice = Dice(3);
    let (mut lost, mut burst) = (Vec::new(), Vec::new());
    let mut named = false;
    for second in 0..3_600 {
        burst.clear();
        let take = || bench.pool.alloc::<u8>(500);
        // Out at most moments, but not at all.
        if second % 10 != 0 {
            burst.extend((0..dice.below(300)).map(|_| take()));
        }
        if second % 30 == 0 {
            lost.push(take());
        }
        bench.now += Duration::from_secs(1);
        let health = bench.monitor.emit_at(&bench.pool, bench.now);
        named |= health.is_some_and(|health| !leaks(&health).is_empty());
    }
    assert!(named);
}

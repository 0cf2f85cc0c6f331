//! The report of outstanding buffers while their holders change: thread, line and age.
//!
//! Laws: L1 Conservation.

use std::collections::VecDeque;
use std::thread;

use framepool::{Buffer, BufferPool, Outstanding};

use crate::common::{TELEMETRY, assert_empty, rounds};
use crate::watched::watched;

#[test]
fn age_never_exceeds_the_ended_frames() {
    let pool = BufferPool::builder()
        .leak_after_frames(1 << 30)
        .build()
        .unwrap();
    let worker = || {
        let mut kept = VecDeque::new();
        for number in 0..rounds(80_000) {
            kept.push_back(pool.alloc::<u8>(number % 100));
            if number % 8 == 0 {
                pool.end_frame();
            }
            if kept.len() > 200 {
                kept.pop_front();
            }
        }
    };
    watched::<Outstanding>(
        &[&worker],
        &[&|out| {
            pool.outstanding_into(out);
            let ended = pool.snapshot().frame.get();
            for site in &out.sites {
                let age = site.oldest_age_frames;
                assert!(age <= ended, "a buffer of age {age} after {ended} frames");
            }
            assert_eq!(
                out.suspects, 0,
                "no buffer is as old as the leak age: {out}"
            );
        }],
    );
    assert_empty(&pool);
}

/// Allocates a buffer, always at this line.
fn taken_on_the_left(pool: &BufferPool) -> Buffer<u8> {
    pool.alloc(10)
}

/// Allocates a buffer, always at this other line.
fn taken_on_the_right(pool: &BufferPool) -> Buffer<u8> {
    pool.alloc(10)
}

#[test]
fn site_is_never_reported_with_another_sites_thread() {
    // No thread keeps anything, so the two use each other's blocks all the time.
    let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
    let lines: Vec<u32> = [taken_on_the_left, taken_on_the_right]
        .map(|take: fn(&BufferPool) -> Buffer<u8>| {
            let kept = take(&pool);
            let line = pool
                .outstanding()
                .sites
                .first()
                .map_or(0, |site| site.location.line());
            drop(kept);
            line
        })
        .to_vec();
    let worker = |name: &'static str, take: fn(&BufferPool) -> Buffer<u8>| {
        let pool = &pool;
        move || {
            let taking = || {
                for _ in 0..rounds(60_000) {
                    drop((take(pool), take(pool)));
                }
            };
            thread::scope(|scope| {
                let thread = thread::Builder::new().name(name.into());
                thread.spawn_scoped(scope, taking).unwrap().join().unwrap();
            });
        }
    };
    watched::<Outstanding>(
        &[
            &worker("left", taken_on_the_left),
            &worker("right", taken_on_the_right),
        ],
        &[&|out| {
            pool.outstanding_into(out);
            for site in &out.sites {
                let expected = if site.location.line() == lines[0] {
                    "left"
                } else {
                    "right"
                };
                assert_eq!(site.thread, expected, "of line {}", site.location.line());
            }
        }],
    );
    assert_empty(&pool);
}

#[test]
fn a_walk_misses_no_buffer_that_stays_out() {
    let pool = BufferPool::new();
    // Many pages of idle records.
    drop((0..5_000).map(|_| pool.alloc::<u8>(10)).collect::<Vec<_>>());
    let worker = || {
        for round in 0..rounds(4_000) {
            drop(
                (0..round % 90)
                    .map(|_| pool.alloc::<u8>(10))
                    .collect::<Vec<_>>(),
            );
        }
    };
    watched::<Outstanding>(
        &[&worker],
        &[&|out| {
            let kept = [(); 3].map(|()| pool.alloc::<u8>(100));
            pool.outstanding_into(out);
            let met: u64 = out
                .sites
                .iter()
                .filter(|site| site.bytes == 128 * site.buffers)
                .map(|site| site.buffers)
                .sum();
            assert_eq!(met, if TELEMETRY { 3 } else { 0 }, "{out}");
            drop(kept);
        }],
    );
    assert_empty(&pool);
}

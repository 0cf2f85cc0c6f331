//! After a peak, quiet frames reduce the held bytes to little more than the bytes in use.

use std::thread;

use framepool::BufferPool;

use crate::alone::alone;
use crate::common::{TELEMETRY, assert_lawful};
use crate::counting::live;

const QUIET: usize = 300;

/// Runs quiet frames after a peak, and compares the held bytes with the bytes of a quiet frame.
#[track_caller]
fn shrinks(before: i64, pool: &BufferPool, lent_bytes: u64, mut quiet: impl FnMut()) {
    let peak = live() - before;
    let allowed = lent_bytes * 3 / 2 + (4 << 20);
    assert!(peak as u64 > 2 * allowed, "there was no peak: {peak} bytes");
    for _ in 0..QUIET {
        quiet();
    }
    let held = (live() - before) as u64;
    let bookkeeping = (64 << 10)
        + if TELEMETRY {
            pool.stats().telemetry_bytes
        } else {
            1 << 20
        };
    assert!(
        held <= allowed + bookkeeping,
        "{held} bytes are held for {lent_bytes} in use, after {peak}"
    );
    let snapshot = pool.snapshot();
    assert_lawful(&snapshot);
    assert!(
        snapshot.pooled_bytes <= allowed,
        "{} bytes for {lent_bytes}",
        snapshot.pooled_bytes
    );
}

alone! {
    #[test]
    fn a_peak_of_pooled_buffers_goes() {
        let before = live();
        let pool = BufferPool::new();
        let kept: Vec<_> = (0..800).map(|_| pool.alloc::<u8>(10_000)).collect();
        drop((0..3000).map(|len| pool.alloc_zeroed::<u8>(len * 20)).collect::<Vec<_>>());
        shrinks(before, &pool, 800 * 10_240, || {
            drop(pool.alloc::<u8>(10_000));
            pool.end_frame();
        });
        drop(kept);
    }

    #[test]
    fn a_peak_of_frame_buffers_goes() {
        let before = live();
        let pool = BufferPool::new();
        let frame = pool.begin_frame();
        for _ in 0..500 {
            frame.alloc::<u8>(100_000);
        }
        frame.release_all();
        shrinks(before, &pool, 1 << 20, || {
            let frame = pool.begin_frame();
            for _ in 0..10 {
                frame.alloc::<u8>(100_000);
            }
            frame.release_all();
        });
    }

    #[test]
    fn one_huge_frame_buffer_goes() {
        let before = live();
        let pool = BufferPool::new();
        let frame = pool.begin_frame();
        frame.alloc::<u8>(64 << 20);
        frame.release_all();
        shrinks(before, &pool, 1024, || {
            pool.begin_frame().alloc::<u8>(1000);
        });
    }

    #[test]
    fn peak_of_frames_in_flight_is_trimmed_later() {
        let before = live();
        let pool = BufferPool::builder().max_frames_in_flight(16).build().unwrap();
        let open: Vec<_> = (0..16).map(|_| pool.begin_frame()).collect();
        for frame in &open {
            for _ in 0..40 {
                frame.alloc::<u8>(100_000);
            }
        }
        drop(open);
        shrinks(before, &pool, 1024, || {
            pool.begin_frame().alloc::<u8>(1000);
        });
    }

    #[test]
    fn peak_of_frame_buffers_is_trimmed_without_frames() {
        let before = live();
        let pool = BufferPool::new();
        for _ in 0..3 {
            let open: Vec<_> = (0..3).map(|_| pool.begin_frame()).collect();
            for frame in &open {
                frame.alloc::<u8>(20 << 20);
            }
        }
        shrinks(before, &pool, 0, || {
            pool.end_frame();
        });
    }

    #[test]
    fn peak_of_threads_is_trimmed_after_they_exit() {
        let before = live();
        let pool = BufferPool::new();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| {
                        let frame = pool.begin_frame_when_possible();
                        for _ in 0..20 {
                            frame.alloc::<u8>(200_000);
                        }
                        drop((0..300).map(|len| pool.alloc_zeroed::<u8>(len * 200)).collect::<Vec<_>>());
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
        });
        shrinks(before, &pool, 1024, || {
            pool.begin_frame().alloc::<u8>(1000);
        });
    }

    #[test]
    fn a_change_of_size_leaves_no_bloat() {
        let before = live();
        let pool = BufferPool::new();
        drop((0..300).map(|_| pool.alloc::<u8>(100_000)).collect::<Vec<_>>());
        let mut kept = Vec::with_capacity(200);
        shrinks(before, &pool, 40 * 114_688, || {
            kept.extend((0..40).map(|_| pool.alloc::<u8>(110_000)));
            kept.clear();
            pool.end_frame();
        });
    }

    #[test]
    fn a_peak_of_huge_buffers_goes() {
        let before = live();
        let pool = BufferPool::new();
        drop((0..4).map(|_| pool.alloc::<u8>((1 << 30) + 1)).collect::<Vec<_>>());
        shrinks(before, &pool, 0, || {
            pool.end_frame();
        });
    }
}

trait Patient {
    fn begin_frame_when_possible(&self) -> framepool::Frame;
}

impl Patient for BufferPool {
    fn begin_frame_when_possible(&self) -> framepool::Frame {
        loop {
            match self.try_begin_frame() {
                Ok(frame) => return frame,
                Err(_) => thread::yield_now(),
            }
        }
    }
}

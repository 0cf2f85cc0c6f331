//! Frames: their buffers, the limit of open frames, and frame ends.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use framepool::{Alignment, BufferPool, FrameError};

use super::buffers::assert_starts_at;
use crate::common::{TELEMETRY, assert_empty, assert_lawful, frame_bytes, panic_text};

#[test]
fn frame_buffers_have_requested_length_and_contents() {
    let pool = BufferPool::new();
    for _ in 0..3 {
        let frame = pool.begin_frame();
        let plain = frame.alloc::<u32>(100);
        plain.fill(u32::MAX);
        let zeroed = frame.alloc_zeroed::<u32>(1000);
        assert!(zeroed.iter().all(|&element| element == 0));
        zeroed.fill(u32::MAX);
        let source: Vec<u16> = (0..3000).collect();
        let copy = frame.alloc_copy(&source);
        assert_eq!(copy, &source[..]);
        assert_eq!(frame.try_alloc::<f64>(7).unwrap().len(), 7);
        assert!(
            plain.iter().all(|&element| element == u32::MAX),
            "the others did not touch it"
        );
        frame.release_all();
    }
    assert_empty(&pool);
}

#[test]
fn every_frame_buffer_has_the_requested_alignment() {
    for &boundary in Alignment::ALL {
        let alignment = boundary.bytes();
        let pool = BufferPool::builder()
            .alignment(boundary)
            .frame_block_bytes(5000)
            .build()
            .unwrap();
        for _ in 0..2 {
            let frame = pool.begin_frame();
            for len in (0..300).chain([1000, 2047, 2048, 2049, 5000, 9000, 100_000]) {
                let buffer = frame.alloc::<u8>(len);
                assert_eq!(buffer.len(), len);
                assert_starts_at(buffer, alignment);
            }
            frame.release_all();
        }
        assert_empty(&pool);
    }
}

/// Laws: L1 Conservation.
#[test]
fn thread_arena_buffers_outlive_the_arena_call() {
    let pool = BufferPool::builder()
        .frame_block_bytes(4096)
        .build()
        .unwrap();
    let other = BufferPool::new();
    for _ in 0..3 {
        let frame = pool.begin_frame();
        let source: Vec<u16> = (0..3000).collect();
        let (plain, zeroed, copy) = frame.with_arena(|arena| {
            assert_eq!(arena.frame().id(), frame.id());
            let plain = arena.alloc::<u32>(100);
            plain.fill(u32::MAX);
            // Meanwhile use of the frame itself, another pool or pooled buffers does not affect it.
            frame.alloc::<u8>(50).fill(1);
            other.alloc::<u8>(50).fill(2);
            other.begin_frame().alloc::<u8>(50).fill(3);
            pool.alloc::<u8>(50).fill(4);
            let inner = frame.with_arena(|arena| arena.alloc::<u8>(70));
            inner.fill(5);
            let zeroed = arena.alloc_zeroed::<u32>(1000);
            assert!(arena.try_alloc::<u64>(0).unwrap().is_empty());
            assert!(inner.iter().all(|&element| element == 5));
            (plain, zeroed, arena.alloc_copy(&source))
        });
        assert!(zeroed.iter().all(|&element| element == 0));
        zeroed.fill(7);
        assert_eq!(copy, &source[..]);
        assert!(plain.iter().all(|&element| element == u32::MAX));
        let snapshot = frame.release_all();
        if TELEMETRY {
            assert_eq!((snapshot.frame_allocs, snapshot.pooled_allocs), (6, 1));
            let sizes = [400, 50, 70, 4000, 0, 6000];
            let bytes: u64 = sizes.map(|bytes| frame_bytes(bytes, 64)).iter().sum();
            assert_eq!(snapshot.alloc_bytes, bytes + 64);
        }
    }
    assert_empty(&pool);
}

/// Laws: L6 One owner.
#[test]
fn panic_in_thread_arena_leaves_buffers_to_frame() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        frame.with_arena(|arena| {
            arena.alloc::<u8>(100);
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    frame.with_arena(|arena| arena.alloc::<u8>(100).fill(1));
    let snapshot = frame.release_all();
    if TELEMETRY {
        assert_eq!((snapshot.frame_allocs, snapshot.releases), (2, 2));
    }
    assert_empty(&pool);
}

/// A thread whose list was dropped uses a temporary slot while it has the arena.
#[test]
fn a_thread_that_ends_has_an_arena_too() {
    struct AtTheEnd(BufferPool);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            let frame = self.0.begin_frame();
            let (first, second) = frame.with_arena(|arena| {
                let first = arena.alloc::<u8>(100);
                first.fill(1);
                // A second slot, because the first is taken.
                frame.alloc::<u8>(100).fill(2);
                (first, arena.alloc::<u8>(100))
            });
            second.fill(3);
            assert!(first.iter().all(|&element| element == 1));
            let snapshot = frame.release_all();
            if TELEMETRY {
                assert_eq!(snapshot.frame_allocs, 3);
            }
        }
    }
    thread_local! {
        static LATE: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    let pool = BufferPool::new();
    let ended = {
        let pool = pool.clone();
        thread::spawn(move || {
            LATE.with_borrow_mut(|late| *late = Some(AtTheEnd(pool.clone())));
            // The pool's list is initialised after it, and dropped before it.
            drop(pool.alloc::<u8>(1));
        })
        .join()
    };
    assert!(ended.is_ok());
    assert_empty(&pool);
}

#[test]
fn frame_buffers_without_bytes_are_valid_and_count() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    assert!(frame.alloc::<u64>(0).is_empty());
    assert!(frame.alloc_copy::<u8>(&[]).is_empty());
    assert_eq!(frame.alloc::<()>(usize::MAX).len(), usize::MAX);
    assert_eq!(frame.alloc::<[u64; 0]>(12).len(), 12);
    let snapshot = frame.release_all();
    if TELEMETRY {
        assert_eq!((snapshot.frame_allocs, snapshot.releases), (4, 4));
    }
    assert_eq!(
        (snapshot.alloc_bytes, snapshot.pooled_bytes, snapshot.misses),
        (0, 0, 0)
    );
    assert_empty(&pool);
}

#[test]
fn frames_up_to_limit_end_in_any_order() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(3)
        .build()
        .unwrap();
    let mut ids = Vec::new();
    let mut open: Vec<_> = (0..3_u8)
        .map(|number| {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(100).fill(number);
            ids.push(frame.id().get());
            frame
        })
        .collect();
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    let error = pool.try_begin_frame().unwrap_err();
    let FrameError::TooManyInFlight {
        open: count,
        limit,
        oldest,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((count, limit, oldest.get()), (3, 3, ids[0]));
    let text = error.to_string();
    assert!(
        text.contains('3') && text.contains("release_all") && text.contains(&ids[0].to_string()),
        "{text}"
    );

    // The middle one ends first; the oldest is the same, then the next.
    let snapshot = open.remove(1).release_all();
    if TELEMETRY {
        assert_eq!(snapshot.open_frames, 2);
        assert_eq!(
            (snapshot.allocs, snapshot.releases, snapshot.in_use_buffers),
            (3, 1, 2)
        );
    }
    let another = pool.begin_frame();
    open.remove(0).release_all();
    let last = pool.begin_frame();
    let FrameError::TooManyInFlight { oldest, .. } = pool.try_begin_frame().unwrap_err() else {
        panic!("three are open");
    };
    assert_eq!(oldest.get(), ids[2]);
    drop((open, another, last));
    assert_empty(&pool);
}

#[test]
fn frame_beyond_limit_panics_with_advice_breaks_nothing() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(1)
        .build()
        .unwrap();
    let frame = pool.begin_frame();
    let panic = catch_unwind(AssertUnwindSafe(|| pool.begin_frame())).unwrap_err();
    let text = panic_text(&*panic);
    assert!(
        text.contains("1 of 1") && text.contains("max_frames_in_flight"),
        "{text}"
    );
    frame.alloc::<u8>(1)[0] = 1;
    frame.release_all();
    pool.begin_frame().release_all();
    assert_empty(&pool);
}

#[test]
fn dropping_a_frame_ends_it_like_release_all() {
    let (dropped, released) = (BufferPool::new(), BufferPool::new());
    for pool in [&dropped, &released] {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(100);
        frame.alloc::<u8>(5000);
        if std::ptr::eq(pool, &raw const dropped) {
            drop(frame);
        } else {
            frame.release_all();
        }
    }
    let (a, b) = (dropped.snapshot(), released.snapshot());
    assert_eq!(
        (a.frame, a.counts, a.totals.counts),
        (b.frame, b.counts, b.totals.counts)
    );
    assert_eq!((a.open_frames, a.in_use_buffers), (0, 0));
    assert_eq!(a.frame.get(), 1);
}

/// Laws: L4 Whole and ordered.
#[test]
fn release_all_returns_what_it_published() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    frame.alloc::<u8>(3);
    let returned = frame.release_all();
    assert!(Arc::ptr_eq(&returned, &pool.snapshot()));
    let returned = pool.end_frame();
    assert!(Arc::ptr_eq(&returned, &pool.snapshot()));
    assert_eq!(returned.frame.get(), 2);
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up.
#[test]
fn any_thread_may_end_a_shared_frame() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..4_u8)
            .map(|number| {
                let frame = &frame;
                scope.spawn(move || {
                    // Half of them look up the thread for each buffer.
                    let mine: Vec<&mut [u8]> = if number % 2 == 0 {
                        (0..50).map(|len| frame.alloc(len * 100)).collect()
                    } else {
                        frame
                            .with_arena(|arena| (0..50).map(|len| arena.alloc(len * 100)).collect())
                    };
                    for buffer in mine {
                        buffer.fill(number);
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    let snapshot = thread::spawn(move || frame.release_all()).join().unwrap();
    assert_lawful(&snapshot);
    if TELEMETRY {
        let bytes: u64 = (0..50).map(|len| frame_bytes(len * 100, 64)).sum();
        assert_eq!(
            (snapshot.frame_allocs, snapshot.alloc_bytes),
            (200, 4 * bytes)
        );
    }
    assert_empty(&pool);
}

/// Laws: L7 All of it comes back.
#[test]
fn frame_keeps_its_pool_and_is_static_send() {
    let kept: Box<dyn std::any::Any + Send> = {
        let pool = BufferPool::builder().name("kept").build().unwrap();
        Box::new(pool.begin_frame())
    };
    let frame = kept.downcast::<framepool::Frame>().unwrap();
    assert_eq!(frame.pool().name(), "kept");
    assert_eq!(frame.alloc_copy(&[1_u8, 2]), &[1, 2]);
    assert_eq!(frame.release_all().frame.get(), 1);
}

#[test]
fn frame_buffer_may_exceed_the_frame_block_size() {
    let pool = BufferPool::builder()
        .frame_block_bytes(4096)
        .build()
        .unwrap();
    for _ in 0..3 {
        let frame = pool.begin_frame();
        let small = frame.alloc_copy(&[1_u8; 10]);
        let large = frame.alloc::<u8>(1 << 20);
        large.fill(9);
        let after = frame.alloc_copy(&[2_u8; 10]);
        assert_eq!((small[9], large[0], after[9]), (1, 9, 2));
        let snapshot = frame.release_all();
        if TELEMETRY {
            assert_eq!(snapshot.alloc_bytes, 64 + frame_bytes(1 << 20, 64) + 64);
        }
    }
    assert_empty(&pool);
}

/// Laws: L1 Conservation.
#[test]
fn large_frame_block_counts_every_small_buffer() {
    let pool = BufferPool::new();
    // The second frame's many buffers come from the block of the first frame's one buffer.
    let frame = pool.begin_frame();
    frame.alloc::<u8>((1 << 30) + 4096);
    frame.release_all();
    let frame = pool.begin_frame();
    let many = (1_u64 << 24) + 10;
    for _ in 0..many {
        frame.alloc::<u8>(1);
    }
    let snapshot = frame.release_all();
    if TELEMETRY {
        assert_eq!(
            (snapshot.frame_allocs, snapshot.alloc_bytes),
            (many, 64 * many)
        );
    }
    assert_empty(&pool);
}

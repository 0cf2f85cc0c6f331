//! Pooled buffers as slices: length, contents, alignment, element types, and moves between threads.

use std::thread;

use bytemuck::{Pod, Zeroable};
use framepool::{Alignment, AllocError, Buffer, BufferPool};

use crate::common::{TELEMETRY, assert_empty, assert_lawful};

/// An element with an alignment of two cache lines.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(128))]
struct Wide([u8; 128]);

// SAFETY: an array of bytes, for which zero is valid.
unsafe impl Zeroable for Wide {}
// SAFETY: `repr(C)`, 128 bytes of data for an alignment of 128, so no padding; any bytes are valid.
unsafe impl Pod for Wide {}

/// The same with zero bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(256))]
struct WideNothing;

// SAFETY: there are no bytes.
unsafe impl Zeroable for WideNothing {}
// SAFETY: there are no bytes.
unsafe impl Pod for WideNothing {}

#[track_caller]
pub(super) fn assert_starts_at<T>(slice: &[T], alignment: usize) {
    assert_eq!(
        slice.as_ptr().addr() % alignment,
        0,
        "{:p} of {alignment}",
        slice.as_ptr()
    );
}

#[test]
fn buffer_is_a_slice_of_the_requested_length() {
    let pool = BufferPool::new();
    for len in [1, 2, 63, 64, 65, 1000, 1 << 20] {
        let mut buffer = pool.alloc::<u32>(len);
        assert_eq!(buffer.len(), len);
        for (at, element) in buffer.iter_mut().enumerate() {
            *element = at as u32;
        }
        assert!(
            buffer
                .iter()
                .enumerate()
                .all(|(at, &element)| element == at as u32)
        );
        assert_eq!(buffer.as_ref().len(), len);
        buffer.as_mut()[len - 1] = 7;
        assert_eq!(buffer[len - 1], 7);
        assert_eq!((&buffer).into_iter().count(), len);
        for element in &mut buffer {
            *element = 1;
        }
        assert_eq!(
            buffer
                .iter()
                .map(|&element| element as usize)
                .sum::<usize>(),
            len
        );
    }
    assert_empty(&pool);
}

#[test]
fn zeroed_and_copied_contents_are_exact_on_reuse() {
    let pool = BufferPool::new();
    for round in 0..3 {
        pool.alloc::<u64>(512).fill(u64::MAX);
        let zeroed = pool.alloc_zeroed::<u64>(512);
        assert!(zeroed.iter().all(|&element| element == 0), "round {round}");
        drop(zeroed);
        pool.alloc::<u64>(512).fill(u64::MAX);
        let source: Vec<u64> = (0..512).collect();
        assert_eq!(&*pool.alloc_copy(&source), &source[..]);
    }
    assert_eq!(format!("{:?}", pool.alloc_copy(&[1_u8, 2, 3])), "[1, 2, 3]");
}

#[test]
fn every_length_starts_on_the_boundary_asked_for() {
    for &boundary in Alignment::ALL {
        let alignment = boundary.bytes();
        let pool = BufferPool::builder().alignment(boundary).build().unwrap();
        let lens = (0..300)
            .chain((9..21).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1]));
        let mut kept = Vec::new();
        for len in lens {
            let buffer = pool.alloc::<u8>(len);
            assert_starts_at(&buffer, alignment);
            if len % 3 == 0 {
                kept.push(buffer);
            }
        }
        let huge = pool.alloc::<u8>((1 << 30) + 1);
        assert_starts_at(&huge, alignment);
        drop((kept, huge));
        assert_empty(&pool);
    }
}

#[test]
fn empty_buffer_is_valid_and_counted() {
    let pool = BufferPool::new();
    let mut empty = pool.alloc::<u64>(0);
    assert!(empty.is_empty());
    assert_starts_at(&empty, 64);
    empty.fill(1);
    let others = [
        pool.alloc_zeroed::<u64>(0),
        pool.alloc_copy::<u64>(&[]),
        pool.try_alloc::<u64>(0).unwrap(),
    ];
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!((snapshot.allocs, snapshot.releases), (4, 0));
        assert_eq!(
            (
                snapshot.alloc_bytes,
                snapshot.requested_bytes,
                snapshot.in_use_bytes
            ),
            (0, 0, 0)
        );
        assert_eq!(snapshot.in_use_buffers, 4);
        let out = pool.outstanding();
        assert_eq!((out.buffers, out.bytes), (4, 0));
    }
    assert_eq!(snapshot.pooled_bytes, 0, "no memory is touched for it");
    drop((empty, others));
    assert_empty(&pool);
}

#[test]
fn buffers_without_bytes_are_counted_in_every_frame() {
    let pool = BufferPool::new();
    let mut kept = Vec::new();
    for round in 1..=5 {
        drop(pool.alloc::<u8>(0));
        kept.push(pool.alloc::<u32>(0));
        let snapshot = pool.end_frame();
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert_eq!((snapshot.allocs, snapshot.releases), (2, 1));
            assert_eq!((snapshot.in_use_buffers, snapshot.in_use_bytes), (round, 0));
        }
    }
    drop(kept);
    if TELEMETRY {
        assert_eq!(pool.end_frame().releases, 5);
    }
    assert_empty(&pool);
}

#[test]
fn elements_without_bytes_may_be_any_number() {
    let pool = BufferPool::new();
    let nothing = pool.alloc::<()>(usize::MAX);
    assert_eq!(nothing.len(), usize::MAX);
    let mut arrays = pool.alloc::<[u32; 0]>(1_000);
    arrays[999] = [];
    assert_eq!(arrays.iter().count(), 1_000);
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!((snapshot.allocs, snapshot.alloc_bytes), (2, 0));
    }
    drop((nothing, arrays));
    assert_empty(&pool);
}

#[test]
fn coarser_alignment_is_refused_unless_the_pool_allows() {
    let pool = BufferPool::new();
    let error = pool.try_alloc::<Wide>(1).unwrap_err();
    assert_eq!(
        error,
        AllocError::Alignment {
            required: 128,
            provided: 64
        }
    );
    let said = error.to_string();
    assert!(
        said.ends_with("`.alignment(Alignment::Bytes128)`"),
        "{said}"
    );
    assert!(pool.try_alloc::<WideNothing>(1).is_err());
    let frame = pool.begin_frame();
    assert!(matches!(
        frame.try_alloc::<Wide>(1),
        Err(AllocError::Alignment { .. })
    ));
    frame.release_all();
    assert_empty(&pool);

    let pool = BufferPool::builder()
        .alignment(Alignment::Bytes128)
        .build()
        .unwrap();
    let wide = pool.alloc_copy(&[Wide([7; 128]); 3]);
    assert_starts_at(&wide, 128);
    assert_eq!(wide[2], Wide([7; 128]));
    assert!(pool.try_alloc::<WideNothing>(1).is_err());
    let pool = BufferPool::builder()
        .alignment(Alignment::Bytes4096)
        .build()
        .unwrap();
    assert_eq!(pool.alloc::<WideNothing>(9).len(), 9);
}

/// Laws: L6 One owner, L7 All of it comes back.
#[test]
fn buffer_crosses_threads_and_frames_and_outlives_handles() {
    let pool = BufferPool::new();
    let mut buffer = pool.alloc_copy(&[1_u8; 100]);
    pool.begin_frame().release_all();
    buffer = thread::spawn(move || {
        buffer[0] = 2;
        buffer
    })
    .join()
    .unwrap();
    drop(pool);
    assert_eq!((buffer[0], buffer[99]), (2, 1));
    thread::spawn(move || drop(buffer)).join().unwrap();
}

#[test]
fn released_memory_is_reused_by_the_same_thread() {
    let pool = BufferPool::new();
    let first = pool.alloc::<u8>(100);
    let start = first.as_ptr();
    drop(first);
    let second: Buffer<u8> = pool.alloc(98);
    assert_eq!(second.as_ptr(), start, "last in, first out");
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!((snapshot.misses, snapshot.hits_thread), (1, 1));
    }
}

#[test]
fn buffers_above_largest_class_are_exact_and_uncached() {
    let pool = BufferPool::new();
    let len = (1 << 30) + 1;
    let mut huge = pool.alloc::<u8>(len);
    (huge[0], huge[len - 1]) = (1, 2);
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!(snapshot.counts.oversize_misses, 1);
        assert_eq!(snapshot.requested_bytes, len as u64);
        assert!(
            snapshot.rounding_bytes() < 1 << 17,
            "{}",
            snapshot.rounding_bytes()
        );
    }
    assert_eq!((huge[0], huge[len - 1]), (1, 2));
    drop(huge);
    pool.end_frame();
    assert_eq!(
        pool.stats().pooled_bytes,
        0,
        "gone at the frame end after its release"
    );
    assert_empty(&pool);
}

/// Laws: L6 One owner.
#[test]
fn huge_alloc_never_reuses_a_smaller_buffer() {
    for cache in [0, 2 << 20, usize::MAX / 2, usize::MAX] {
        let pool = BufferPool::builder()
            .thread_cache_bytes(cache)
            .build()
            .unwrap();
        drop(pool.alloc::<u8>((1 << 30) + 1));
        let larger = pool.alloc::<u8>(2 << 30);
        if TELEMETRY {
            let stats = pool.stats();
            assert!(
                stats.in_use_bytes >= 2 << 30,
                "thread_cache_bytes({cache}): {} bytes lent for 2 GiB",
                stats.in_use_bytes
            );
        }
        drop(larger);
    }
}

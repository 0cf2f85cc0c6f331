//! Pools with an alignment of 16 bytes: blocks of up to 128 bytes are 16 bytes apart, and behave like all others.
//!
//! Laws: L1 Conservation, L3 It adds up, L6 One owner.

use std::thread;

use framepool::{Alignment, AllocError, Buffer, BufferPool, PoolBuilder, TagSettings};

use crate::common::{TELEMETRY, assert_empty};

fn builder() -> PoolBuilder {
    BufferPool::builder().alignment(Alignment::Bytes16)
}

fn pool() -> BufferPool {
    builder().build().unwrap()
}

/// Law: L6 One owner.
#[test]
fn small_buffers_do_not_overlap() {
    let pool = pool();
    let mut kept: Vec<Buffer<u8>> = (0..20_000).map(|at| pool.alloc(at % 129)).collect();
    // Every second one goes back, and its memory is used again.
    let mut at = 0;
    kept.retain(|_| {
        at += 1;
        at % 2 == 0
    });
    kept.extend((0..20_000).map(|at| pool.alloc::<u8>(at % 129)));
    for (at, buffer) in kept.iter_mut().enumerate() {
        buffer.fill(at as u8);
    }
    for (at, buffer) in kept.iter().enumerate() {
        assert!(buffer.iter().all(|&byte| byte == at as u8), "buffer {at}");
    }
    drop(kept);
    assert_empty(&pool);
}

#[test]
fn a_thread_reuses_its_small_blocks() {
    let pool = pool();
    for len in 1..=128 {
        let address = pool.alloc::<u8>(len).as_ptr();
        for _ in 0..100 {
            assert_eq!(pool.alloc::<u8>(len).as_ptr(), address);
        }
    }
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!((snapshot.misses, snapshot.hits_thread), (8, 128 * 101 - 8));
        assert_eq!(
            snapshot.pooled_bytes,
            (1..=8).map(|step| 16 * step).sum::<u64>()
        );
    }
    assert_empty(&pool);
}

#[test]
fn small_buffers_that_change_threads_come_back() {
    let pool = pool();
    for _ in 0..20 {
        let sent: Vec<Buffer<u8>> = (0..500).map(|at| pool.alloc_zeroed(1 + at % 128)).collect();
        let sender = pool.clone();
        let returned = thread::spawn(move || {
            drop(sent);
            (0..500)
                .map(|at| sender.alloc_zeroed::<u8>(1 + at % 128))
                .collect::<Vec<_>>()
        });
        drop(returned.join().unwrap());
        let snapshot = pool.end_frame();
        assert_eq!((snapshot.in_use_buffers, snapshot.in_use_bytes), (0, 0));
    }
    assert_empty(&pool);
}

/// A release that is counted for a tag twice, or not at all, shows in the tag's budget.
#[test]
fn small_buffers_count_for_their_tags() {
    let settings = TagSettings::new().max_bytes(64 << 10);
    let pool = builder().tag("limited", settings).build().unwrap();
    let (limited, free) = (pool.tag("limited"), pool.tag("free"));
    for round in 0..2_000 {
        let kept = [
            limited.alloc::<u8>(16),
            limited.alloc::<u8>(100),
            free.alloc::<u8>(30),
        ];
        drop(kept);
        drop(pool.alloc::<u8>(30 + round % 2));
    }
    if TELEMETRY {
        let tags = pool.tags();
        for (name, allocs, bytes) in [
            ("limited", 4_000, 2_000 * (16 + 112)),
            ("free", 2_000, 2_000 * 32),
        ] {
            let own = tags.get(name).unwrap().own;
            assert_eq!((own.allocs, own.alloc_bytes), (allocs, bytes), "{name}");
            assert_eq!((own.releases, own.release_bytes), (allocs, bytes), "{name}");
        }
        assert_eq!(tags.untagged.live_buffers(), 0);
    }
    let kept: Vec<_> = (0..64 << 6).map(|_| limited.alloc::<u8>(16)).collect();
    assert!(limited.try_alloc::<u8>(16).is_err());
    drop(kept);
    assert_empty(&pool);
}

#[cfg(feature = "telemetry")]
#[test]
fn a_small_buffer_names_its_line() {
    let pool = pool();
    let kept = [pool.alloc::<u8>(1), pool.alloc::<u8>(33)];
    let out = pool.outstanding();
    assert_eq!((out.buffers, out.bytes, out.sites.len()), (2, 16 + 48, 2));
    let sizes: Vec<_> = out.sizes.iter().filter(|size| size.buffers > 0).collect();
    let found: Vec<_> = sizes
        .iter()
        .map(|size| (size.block_bytes, size.bytes))
        .collect();
    assert_eq!(found, [(Some(16), 16), (Some(48), 48)]);
    drop(kept);
    assert_empty(&pool);
}

#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Wide([u8; 32]);

// SAFETY: bytes, and as many as the alignment.
unsafe impl bytemuck::Zeroable for Wide {}
// SAFETY: as above: no padding, and any bytes are valid.
unsafe impl bytemuck::Pod for Wide {}

#[test]
fn sixteen_byte_pools_refuse_coarser_types() {
    let pool = pool();
    assert!(matches!(
        pool.try_alloc::<Wide>(1),
        Err(AllocError::Alignment {
            required: 32,
            provided: 16
        })
    ));
    assert_eq!(pool.alloc::<u128>(3).len(), 3);
    assert_eq!(BufferPool::new().alloc_zeroed::<Wide>(1)[0].0, [0; 32]);
}

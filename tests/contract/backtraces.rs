//! Backtraces of sampled buffers.

use std::collections::HashSet;
use std::hint::black_box;
use std::thread;

use framepool::telemetry::StackHolding;
use framepool::{Attribution, Buffer, BufferPool};

/// A pool with backtraces of one buffer in `every`, and of each of 100 KB.
fn pool(every: u32) -> BufferPool {
    let builder = BufferPool::builder().attribution(Attribution::Backtraces);
    builder.backtraces(every, 100_000).build().unwrap()
}

#[inline(never)]
fn decode_texture(pool: &BufferPool, len: usize) -> Buffer<u8> {
    pool.alloc(len)
}

#[inline(never)]
fn load_level(pool: &BufferPool) -> Buffer<u8> {
    black_box(decode_texture(pool, 200_000))
}

fn functions(holding: &StackHolding) -> Vec<String> {
    let frames = holding.frames();
    frames.into_iter().map(|frame| frame.function).collect()
}

#[test]
fn large_buffer_has_its_callers() {
    let pool = pool(0);
    let (large, small) = (load_level(&pool), decode_texture(&pool, 100));
    let out = pool.outstanding();
    assert_eq!(out.stacks.len(), 1, "the small one is not sampled");
    let it = &out.stacks[0];
    assert_eq!((it.buffers, it.large_buffers), (1, 1));
    assert!(it.bytes >= 200_000 && it.large_bytes == it.bytes);
    assert_eq!(it.location.file(), file!());
    let functions = functions(it);
    assert!(functions[0].ends_with("decode_texture"), "{functions:?}");
    assert!(functions[1].ends_with("load_level"), "{functions:?}");
    let text = out.to_string();
    assert!(
        text.contains("1 sampled buffer") && text.contains("load_level"),
        "{text}"
    );
    drop((large, small));
    assert!(pool.outstanding().stacks.is_empty());
}

#[test]
fn every_buffer_is_sampled_from_the_first() {
    let pool = pool(1);
    let mut kept: Vec<_> = (0..10).map(|_| decode_texture(&pool, 100)).collect();
    thread::scope(|scope| {
        let other = scope.spawn(|| (0..10).map(|_| decode_texture(&pool, 100)).collect());
        kept.extend::<Vec<_>>(other.join().unwrap());
    });
    // Switching the mode starts a countdown again.
    pool.set_attribution(Attribution::CallSites);
    drop(decode_texture(&pool, 100));
    pool.set_attribution(Attribution::Backtraces);
    kept.push(decode_texture(&pool, 100));
    let sampled: u64 = pool.outstanding().stacks.iter().map(|it| it.buffers).sum();
    assert_eq!(sampled, 21);
}

#[test]
fn one_buffer_in_the_given_number_is_sampled() {
    let pool = pool(16);
    let kept: Vec<_> = (0..16_000).map(|_| decode_texture(&pool, 100)).collect();
    let out = pool.outstanding();
    let sampled: u64 = out.stacks.iter().map(|it| it.buffers).sum();
    assert!((800..=1200).contains(&sampled), "{sampled}");
    assert_eq!(out.sites[0].buffers, 16_000, "the call site is exact");
    drop(kept);
}

#[test]
fn buffers_from_the_magazine_are_sampled_as_often() {
    let pool = pool(16);
    let tag = pool.tag("tag");
    for _ in 0..8_000 {
        drop(decode_texture(&pool, 100));
        drop(tag.alloc::<u8>(100));
    }
    let sampled = pool.sampled_allocs();
    let buffers: u64 = sampled.stacks.iter().map(|it| it.buffers).sum();
    assert!((800..=1200).contains(&buffers), "{buffers}");
    assert_eq!(sampled.buffers, 16_000);
}

/// Laws: L1 Conservation.
#[test]
fn totals_with_backtraces_are_exact() {
    let pool = pool(3);
    let tag = pool.tag("level");
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for len in 0..2_000 {
                    drop((
                        pool.alloc::<u8>(len),
                        tag.alloc::<u8>(len),
                        tag.try_alloc::<u8>(0),
                    ));
                }
            });
        }
    });
    let totals = pool.stats().totals;
    assert_eq!((totals.allocs, totals.releases), (18_000, 18_000));
    assert_eq!(pool.tags().get("level").unwrap().total.allocs, 12_000);
    pool.assert_no_leaks();
}

#[test]
fn modes_are_switched_while_running() {
    let pool = BufferPool::builder()
        .backtraces(1, 100_000)
        .build()
        .unwrap();
    let sampled = || {
        let kept = decode_texture(&pool, 100);
        let out = pool.outstanding();
        drop(kept);
        (out.stacks.len(), out.sites.len())
    };
    for round in 0..3 {
        pool.set_attribution(Attribution::CallSites);
        sampled();
        assert_eq!(sampled(), (0, 1), "round {round}");
        pool.set_attribution(Attribution::Backtraces);
        sampled();
        assert_eq!(sampled(), (1, 1), "round {round}");
        pool.set_attribution(Attribution::Off);
        sampled();
        assert_eq!(sampled(), (0, 0), "round {round}");
    }
}

#[test]
fn sampled_buffer_keeps_tag_and_thread() {
    let pool = pool(1);
    let tag = pool.tag("level");
    drop(tag.alloc::<u8>(100));
    let kept = tag.alloc::<u8>(100);
    let out = pool.outstanding();
    assert_eq!(out.stacks[0].tag, "level");
    assert_eq!((&*out.sites[0].tag, out.sites[0].buffers), ("level", 1));
    drop(kept);
}

#[test]
fn pool_with_backtraces_ends_in_any_order() {
    let pool = pool(1);
    let kept = load_level(&pool);
    let other = thread::spawn({
        let pool = pool.clone();
        move || load_level(&pool)
    });
    drop(pool);
    drop(other.join().unwrap());
    drop(kept);
}

/// Allocates after `depth` calls that differ only in the addresses to which they return: each bit of the path chooses one of two calls.
/// `from` and what follows the calls keep the compiler from making one of both.
#[inline(never)]
fn descend(pool: &BufferPool, path: usize, depth: u32, from: u8, kept: &mut Vec<Buffer<u8>>) {
    let mut from = black_box(from);
    if depth == 0 {
        kept.push(decode_texture(pool, 100));
    } else if path & 1 == 0 {
        descend(pool, path >> 1, depth - 1, 0, kept);
    } else {
        descend(pool, path >> 1, depth - 1, 1, kept);
        black_box(&kept);
    }
    black_box(&mut from);
}

#[test]
fn callers_at_equal_depth_are_kept_apart() {
    let pool = pool(1);
    let mut kept = Vec::new();
    let mut expected = [0_u64; 64];
    let mut random = 1_u64;
    for _ in 0..2_000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let path = (random >> 58) as usize;
        // Half of the calls take one of two paths, so that stacks repeat.
        let path = if random >> 40 & 1 == 0 {
            path
        } else {
            path & 1
        };
        expected[path] += 1;
        descend(&pool, path, 6, 0, &mut kept);
    }
    let stacks = pool.outstanding().stacks;
    let mut counts: Vec<u64> = stacks.iter().map(|it| it.buffers).collect();
    let distinct: HashSet<_> = stacks.iter().map(|it| it.stack.addresses()).collect();
    counts.sort_unstable();
    expected.sort_unstable();
    assert_eq!(distinct.len(), 64, "the compiler made one call of two");
    assert_eq!(counts, expected);
}

#[test]
fn pools_on_one_thread_have_their_own_stacks() {
    for _ in 0..3 {
        let pools = [pool(1), pool(1)];
        let kept: Vec<_> = (0..10).map(|at| load_level(&pools[at % 2])).collect();
        for pool in &pools {
            let stacks = pool.outstanding().stacks;
            assert_eq!((stacks.len(), stacks[0].buffers), (1, 5));
        }
        drop(kept);
    }
}

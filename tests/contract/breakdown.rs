//! A pool's memory by size of block and by thread.

use std::thread;

use framepool::telemetry::{SizeHolding, ThreadHolding};
use framepool::{Alignment, Attribution, Buffer, BufferPool, Outstanding};

fn size(out: &Outstanding, block_bytes: u64) -> SizeHolding {
    let of_size = out
        .sizes
        .iter()
        .find(|it| it.block_bytes == Some(block_bytes));
    *of_size.unwrap_or_else(|| panic!("no blocks of {block_bytes} bytes: {out}"))
}

fn of_thread<'o>(out: &'o Outstanding, name: &str) -> &'o ThreadHolding {
    let of_thread = out.threads.iter().find(|it| it.thread == name);
    of_thread.unwrap_or_else(|| panic!("no thread `{name}`: {out}"))
}

/// Makes a thread of this name allocate `taken` buffers of 1,000 bytes and release all but `kept` of them; then it calls
/// `then`.
fn with_thread(
    pool: &BufferPool,
    name: &str,
    taken: usize,
    kept: usize,
    then: impl FnOnce() + Send,
) {
    thread::scope(|scope| {
        let work = move || {
            let mut buffers: Vec<_> = (0..taken).map(|_| pool.alloc::<u8>(1000)).collect();
            buffers.truncate(kept);
            then();
        };
        let named = thread::Builder::new().name(name.to_owned());
        named.spawn_scoped(scope, work).unwrap().join().unwrap();
    });
}

#[test]
fn each_block_is_out_in_depot_or_thread() {
    let pool = BufferPool::new();
    // These stay in the depot after the thread ends.
    with_thread(&pool, "before", 3, 0, || ());
    with_thread(&pool, "worker", 10, 4, || {
        let out = pool.outstanding();
        let size = size(&out, 1024);
        assert_eq!((size.buffers, size.bytes), (4, 4096));
        assert_eq!(size.blocks(), 10, "{out}");
        assert_eq!(size.total_bytes(), 10 * 1024);
        assert_eq!(size.thread_bytes, of_thread(&out, "worker").idle_bytes);
    });
    // The thread's four buffers are released, and all its blocks are in the depot.
    let size = size(&pool.outstanding(), 1024);
    assert_eq!(
        (size.buffers, size.depot_blocks, size.thread_blocks),
        (0, 10, 0)
    );
    assert_eq!(size.depot_bytes, 10 * 1024);
}

#[test]
fn sizes_and_threads_add_up_to_the_pool() {
    let pool = BufferPool::new();
    let kept: Vec<Buffer<u8>> = [0, 1, 1000, 70_000, 2 << 20, 5000]
        .map(|len| pool.alloc::<u8>(len))
        .into();
    with_thread(&pool, "worker", 40, 0, || {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(10_000).fill(1);
        let (out, stats) = (pool.outstanding(), pool.stats());
        let buffers: u64 = out.sizes.iter().map(|size| size.buffers).sum();
        let bytes: u64 = out.sizes.iter().map(|size| size.bytes).sum();
        assert_eq!((buffers, bytes), (out.buffers, out.bytes));
        let in_use = |it: &ThreadHolding| it.bytes + it.frame_bytes;
        let of_threads: u64 = out.threads.iter().map(in_use).sum();
        assert_eq!(of_threads, stats.in_use_bytes, "{out}");
        let in_depot: u64 = out.sizes.iter().map(|size| size.depot_bytes).sum();
        let idle = |it: &ThreadHolding| it.idle_bytes + it.frame_idle_bytes;
        let with_threads: u64 = out.threads.iter().map(idle).sum();
        assert_eq!(in_depot + with_threads, stats.idle_bytes, "{out}");
        let frames = |it: &ThreadHolding| it.frame_bytes + it.frame_idle_bytes;
        let of_frames: u64 = out.threads.iter().map(frames).sum();
        let of_sizes: u64 = out.sizes.iter().map(SizeHolding::total_bytes).sum();
        assert_eq!(of_sizes + of_frames, stats.pooled_bytes, "{out}");
    });
    drop(kept);
}

#[test]
fn sizes_count_buffers_taken_without_attribution() {
    let pool = BufferPool::new();
    pool.set_attribution(Attribution::Off);
    let hidden = pool.alloc::<u8>(1000);
    let out = pool.outstanding();
    assert_eq!(size(&out, 1024).buffers, 1);
    assert_eq!(out.buffers, 0);
    drop(hidden);
}

#[test]
fn classes_of_equally_large_blocks_are_one_size() {
    let pool = BufferPool::builder()
        .alignment(Alignment::Bytes4096)
        .build()
        .unwrap();
    let kept = [100, 1000, 3000, 5000].map(|len| pool.alloc::<u8>(len));
    let sizes = pool.outstanding().sizes;
    let found: Vec<_> = sizes
        .iter()
        .map(|size| (size.block_bytes, size.buffers))
        .collect();
    assert_eq!(found, [(Some(4096), 3), (Some(8192), 1)]);
    drop(kept);
}

#[test]
fn buffer_counts_for_the_thread_that_allocated_it() {
    let pool = BufferPool::new();
    let taken = thread::scope(|scope| {
        let taker = thread::Builder::new().name("taker".to_owned());
        let work = || pool.alloc::<u8>(1000);
        taker.spawn_scoped(scope, work).unwrap().join().unwrap()
    });
    let out = pool.outstanding();
    let thread = of_thread(&out, "taker");
    assert_eq!((thread.buffers, thread.bytes), (1, 1024));
    drop(taken);
}

#[test]
fn a_change_names_what_appeared_grew_and_went() {
    let pool = BufferPool::new();
    let tagged = pool.tag("level");
    let stays = pool.alloc::<u8>(1);
    let goes = pool.alloc::<u8>(2000);
    let take = |len| pool.alloc::<u8>(len);
    let mut grows = vec![take(100)];
    let before = pool.outstanding();
    assert!(before.since(&before).sites.is_empty());
    drop(goes);
    grows.push(take(100));
    let new = tagged.alloc::<u8>(1 << 20);
    let change = pool.outstanding().since(&before);
    assert_eq!(change.buffers, 1);
    assert_eq!(change.bytes, (1 << 20) + 128 - 2048);
    let [first, second, third] = &change.sites[..] else {
        panic!("three lines changed: {change}");
    };
    assert!(first.is_new() && first.tag == "level", "{change}");
    assert!(second.is_gone() && second.byte_change() == -2048);
    assert_eq!((third.buffers_before, third.buffers), (1, 2));
    let text = change.to_string();
    assert!(
        text.starts_with("+1 buffer, +1022 KiB, at 3 call sites"),
        "{text}"
    );
    drop((stays, new));
}

#[test]
fn a_change_counts_buffers_without_attribution() {
    let pool = BufferPool::new();
    let take = |len| pool.alloc::<u8>(len);
    pool.set_attribution(Attribution::Off);
    let (goes, stays) = (take(64), take(64));
    let before = pool.outstanding();
    drop(goes);
    let more = [take(1024), take(2048)];
    let change = pool.outstanding().since(&before);
    assert_eq!((change.buffers, change.bytes), (0, 0));
    assert_eq!(
        (change.unattributed, change.unattributed_bytes),
        (1, 1024 + 2048 - 64)
    );
    assert!(change.sites.is_empty());
    let text = change.to_string();
    assert!(text.starts_with("+1 buffer, +2.94 KiB, "), "{text}");
    drop((stays, more));
}

#[test]
fn rounding_by_size_adds_up_after_misses() {
    let pool = BufferPool::new();
    let kept: Vec<_> = [1030, 1200, 1280, 70, 0]
        .into_iter()
        .flat_map(|len| [pool.alloc::<u8>(len), pool.alloc::<u8>(len)])
        .collect();
    let out = pool.outstanding();
    let size = size(&out, 1280);
    assert_eq!((size.sampled_allocs, size.buffers), (6, 6));
    assert_eq!(size.sampled_requested_bytes, 2 * (1030 + 1200 + 1280));
    assert_eq!(size.rounding_bytes_estimate(), Some(2 * (250 + 80)));
    let estimates = out.sizes.iter();
    let estimates: Option<u64> = estimates.map(SizeHolding::rounding_bytes_estimate).sum();
    assert_eq!(estimates, Some(pool.stats().rounding_bytes()));
    assert!(out.to_string().contains("rounding, est."), "{out}");
    drop(kept);
}

/// Threads keep no block of this size, so the depot sees every alloc.
#[test]
fn every_alloc_of_large_block_is_sampled() {
    let pool = BufferPool::new();
    for len in [1_900_000, 2_000_000, 2_090_000] {
        drop(pool.alloc::<u8>(len));
    }
    let out = pool.outstanding();
    let size = size(&out, 2 << 20);
    assert_eq!((size.sampled_allocs, size.misses), (3, 1));
    assert_eq!(size.sampled_requested_bytes, 5_990_000);
    assert_eq!(size.rounding_bytes_estimate(), Some(0), "none is out");
}

//! What fills frame memory: sampled frames, by call site.

use std::sync::Barrier;
use std::thread;

use framepool::telemetry::{FrameMemory, FrameSite};
use framepool::{Attribution, BufferPool, FrameSnapshot, FrameVec};

/// A pool that samples one frame in `every`.
fn pool(every: u32) -> BufferPool {
    let builder = BufferPool::builder().sample_frames(every);
    builder.frame_block_bytes(16 << 10).build().unwrap()
}

/// The entry of a line of this file.
#[track_caller]
fn site(memory: &FrameMemory, line: u32) -> &FrameSite {
    let sites = memory.sites.iter();
    let mut found = sites.filter(|it| it.location.line() == line && it.location.file() == file!());
    let site = found.next().expect("an entry of the line");
    assert!(found.next().is_none(), "one entry a line");
    site
}

/// Asserts that the sites add up to the allocs of the only frame of this snapshot.
#[track_caller]
fn assert_sum_is_of(memory: &FrameMemory, snapshot: &FrameSnapshot) {
    let counts = &snapshot.counts;
    let total = memory.sampling.total;
    assert_eq!(total.allocs, counts.frame_allocs);
    assert_eq!(total.bytes, counts.frame_alloc_bytes);
    assert_eq!(total.requested_bytes, counts.frame_requested_bytes);
    let sum = |number: fn(&FrameSite) -> u64| memory.sites.iter().map(number).sum::<u64>();
    let other = memory.sampling.other;
    assert_eq!(sum(|it| it.counts.allocs) + other.allocs, total.allocs);
    assert_eq!(sum(|it| it.counts.bytes) + other.bytes, total.bytes);
    let requested = sum(|it| it.counts.requested_bytes) + other.requested_bytes;
    assert_eq!(requested, total.requested_bytes);
}

/// Laws: L1 Conservation.
#[test]
fn sites_of_sampled_frame_sum_to_its_counters() {
    let pool = pool(1);
    let frame = pool.begin_frame();
    let started = Barrier::new(3);
    thread::scope(|scope| {
        let workers = [0, 1, 2].map(|worker| {
            let (frame, started) = (&frame, &started);
            scope.spawn(move || {
                started.wait();
                for len in 0..300 {
                    frame.alloc::<u8>(len * worker);
                    frame.alloc::<u64>(len).fill(1);
                    frame.with_arena(|arena| arena.alloc_zeroed::<u16>(100).len());
                }
                frame.try_alloc::<u8>(1 << 20).unwrap();
            })
        });
        for worker in workers {
            worker.join().unwrap();
        }
    });
    let line = line!();
    let snapshot = frame.release_all();
    let memory = pool.frame_memory();
    assert_sum_is_of(&memory, &snapshot);
    assert_eq!(memory.sampling.other.allocs, 0);
    assert_eq!(memory.sites.len(), 4);
    let first = line - 11;
    let counts = site(&memory, first).counts;
    let requested = (0..300).map(|len| len * (1 + 2)).sum();
    assert_eq!((counts.allocs, counts.requested_bytes), (900, requested));
    let large = site(&memory, first + 4);
    assert_eq!(large.counts.requested_bytes, 3 << 20);
    assert_eq!(memory.sites[0], *large, "the largest first");
    assert_eq!(site(&memory, first + 2).counts.requested_bytes, 900 * 200);
}

#[test]
fn one_frame_in_the_given_number_is_sampled() {
    let pool = pool(8);
    for _ in 0..80 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(100);
        frame.release_all();
    }
    let memory = pool.frame_memory();
    assert_eq!((memory.sampling.every, memory.sampling.frames), (8, 10));
    assert_eq!(memory.sampling.total.allocs, 10);
    let site = &memory.sites[0];
    assert_eq!((site.counts.allocs, site.most_bytes), (10, 128));
    assert_eq!(memory.sampling.per_frame(site.counts.bytes), 128);
}

#[test]
fn one_frame_in_64_is_sampled_by_default() {
    let pool = BufferPool::new();
    assert_eq!(pool.frame_sampling(), 64);
    for _ in 0..640 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(100);
        frame.release_all();
    }
    assert_eq!(pool.frame_memory().sampling.frames, 10);
}

#[test]
fn frame_sampling_is_switched_while_running() {
    let pool = pool(0);
    let frame = |len| {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(len);
        frame.release_all();
        pool.frame_memory().sampling.total.requested_bytes
    };
    assert_eq!(frame(100), 0);
    pool.set_frame_sampling(1);
    assert_eq!(frame(20), 20);
    pool.set_attribution(Attribution::Off);
    assert_eq!(pool.frame_sampling(), 0);
    assert_eq!(frame(300), 20);
    pool.set_attribution(Attribution::CallSites);
    assert_eq!((pool.frame_sampling(), frame(4)), (1, 24));
    pool.set_frame_sampling(0);
    assert_eq!(frame(500), 24);
}

#[test]
fn frames_in_flight_are_counted_apart() {
    let pool = pool(1);
    let (one, two) = (pool.begin_frame(), pool.begin_frame());
    for _ in 0..10 {
        one.alloc::<u8>(100);
        two.alloc::<u8>(200);
    }
    two.release_all();
    let memory = pool.frame_memory();
    assert_eq!(memory.sites.len(), 1, "the other is open");
    assert_eq!(memory.sampling.total.requested_bytes, 2000);
    one.alloc::<u8>(100);
    one.release_all();
    let memory = pool.frame_memory();
    let requested = memory.sites.iter().map(|it| it.counts.requested_bytes);
    assert_eq!(requested.collect::<Vec<_>>(), [2000, 1000, 100]);
}

#[test]
fn frame_sites_have_the_tag_of_their_frame() {
    let pool = pool(1);
    let tag = pool.tag("render");
    for frame in [tag.begin_frame(), pool.begin_frame()] {
        frame.alloc::<u8>(if frame.id().get() == 1 { 500 } else { 100 });
        frame.release_all();
    }
    let memory = pool.frame_memory();
    let found = memory
        .sites
        .iter()
        .map(|it| (&*it.tag, it.counts.requested_bytes));
    assert_eq!(found.collect::<Vec<_>>(), [("render", 500), ("", 100)]);
}

#[test]
fn sampled_frames_of_limited_pool_add_up() {
    let builder = BufferPool::builder().sample_frames(2).max_bytes(1 << 20);
    let pool = builder.frame_block_bytes(16 << 10).build().unwrap();
    let mut sampled = 0;
    for round in 0..40 {
        let frame = pool.begin_frame();
        for len in 0..50 {
            frame.alloc::<u8>(len * 40);
        }
        // Refused requests are not counted.
        assert!(frame.try_alloc::<u8>(2 << 20).is_err());
        let before = pool.frame_memory().sampling;
        let snapshot = frame.release_all();
        let after = pool.frame_memory().sampling;
        if after.frames > before.frames {
            sampled += 1;
            let total = after.total.bytes - before.total.bytes;
            assert_eq!(total, snapshot.counts.frame_alloc_bytes, "frame {round}");
        }
        assert_eq!(after.other.allocs, 0);
    }
    assert_eq!(sampled, 20);
}

/// Laws: L1 Conservation.
#[test]
fn new_owner_of_slot_continues_a_sampled_frame() {
    let pool = pool(1);
    let frame = pool.begin_frame();
    for _ in 0..3 {
        thread::scope(|scope| {
            // Joined, because ThreadSanitizer does not see a scope's end.
            let worker = scope.spawn(|| frame.alloc::<u8>(1000).len());
            worker.join().unwrap();
        });
    }
    let snapshot = frame.release_all();
    let memory = pool.frame_memory();
    assert_sum_is_of(&memory, &snapshot);
    assert_eq!(memory.sites[0].counts.allocs, 3);
}

#[test]
fn more_call_sites_than_fit_count_as_other() {
    /// This many call sites.
    macro_rules! take {
        ($frame:ident $(,)?) => {};
        ($frame:ident, + $($more:tt)*) => { $frame.alloc::<u8>(64); take!($frame, $($more)*); };
    }
    let pool = pool(1);
    let frame = pool.begin_frame();
    take!(frame, + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + +);
    take!(frame, + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + +);
    take!(frame, + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + + +);
    let snapshot = frame.release_all();
    let memory = pool.frame_memory();
    assert_eq!(snapshot.frame_allocs, 96);
    assert_sum_is_of(&memory, &snapshot);
}

#[test]
fn table_says_how_frames_are_sampled() {
    let pool = pool(1);
    assert_eq!(pool.frame_memory().to_string(), "no frame was sampled");
    let frame = pool.begin_frame();
    frame.alloc::<u8>(3 << 10);
    frame.alloc::<u8>(1 << 10);
    frame.release_all();
    let text = pool.frame_memory().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "frame buffers of 1 sampled frame, 1 in 1: 2 buffers and 4.12 KiB a frame"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("frame_memory.rs") && line.contains("74.2 %"))
    );
}

/// Laws: L1 Conservation.
#[test]
fn list_grows_in_sampled_frame_as_in_others() {
    let [sampled, other] = [1, 0].map(|every| {
        let pool = pool(every);
        let frame = pool.begin_frame();
        let mut list = FrameVec::with_capacity_in(16, &frame);
        let start = list.as_ptr();
        for number in 0..33_u64 {
            list.push(number);
        }
        assert_eq!(list.as_ptr(), start);
        for number in 33..1_000 {
            list.push(number);
        }
        drop(list);
        let snapshot = frame.release_all();
        (pool.frame_memory(), snapshot)
    });
    let counts = |of: &FrameSnapshot| {
        let counts = of.counts;
        (
            counts.frame_allocs,
            counts.frame_alloc_bytes,
            counts.frame_requested_bytes,
        )
    };
    assert_eq!(counts(&sampled.1), counts(&other.1));
    assert_sum_is_of(&sampled.0, &sampled.1);
    // The line that makes the list, and those of its two loops, of which the first makes no alloc.
    assert_eq!(sampled.0.sites.len(), 3);
}

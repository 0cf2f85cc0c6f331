//! Values of any type in a frame.
//!
//! Laws: L1 Conservation, L6 One owner; and no plain data shows a byte that a value left.

use std::thread;

use framepool::{AllocError, BufferPool, FrameVec};
use proptest::prelude::*;

use crate::common::TELEMETRY;

/// A value with padding behind each field.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Padded {
    small: u8,
    large: u64,
    last: u16,
}

#[repr(align(512))]
#[derive(Clone, Copy)]
struct Coarse(u8);

fn padded(number: u64) -> Padded {
    Padded {
        small: !(number as u8),
        large: number ^ u64::MAX,
        last: 0xabcd,
    }
}

/// Allocates, in another frame of this thread, all memory that the frame before used, and returns its bytes.
fn bytes_of_next_frame(pool: &BufferPool) -> Vec<u8> {
    let frame = pool.begin_frame();
    frame.alloc::<u8>(32 << 10).to_vec()
}

#[test]
fn values_keep_what_was_put_into_them() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let mut kept = Vec::new();
    for number in 0..10_000 {
        kept.push((number, frame.alloc_value(padded(number))));
        if number % 10 == 0 {
            frame.alloc::<u8>(100).fill(0xff);
        }
    }
    for (number, value) in kept {
        assert_eq!(*value, padded(number));
    }
}

#[test]
fn each_value_counts_as_one_alloc() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    for number in 0..1000 {
        frame.alloc_value(padded(number));
    }
    frame.alloc_str("four");
    frame.alloc_value(());
    let counts = frame.release_all();
    if TELEMETRY {
        assert_eq!((counts.frame_allocs, counts.releases), (1002, 1002));
        let requested = 1000 * size_of::<Padded>() as u64 + 4;
        assert_eq!(counts.counts.frame_requested_bytes, requested);
        assert!(counts.alloc_bytes >= requested && counts.alloc_bytes < 2 * requested);
        assert_eq!(counts.alloc_bytes, counts.release_bytes);
        assert_eq!(counts.in_use_buffers, 0);
    }
}

#[test]
fn values_lie_at_their_own_alignment() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    for number in 0..100_u8 {
        let (a, b) = (frame.alloc_value(number), frame.alloc_value(Coarse(number)));
        let c = frame.alloc_value(u128::from(number));
        assert_eq!((&raw const *b).addr() % align_of::<Coarse>(), 0);
        assert_eq!((&raw const *c).addr() % align_of::<u128>(), 0);
        assert_eq!((*a, b.0, *c), (number, number, u128::from(number)));
    }
}

#[test]
fn neighbours_lie_side_by_side() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let places: Vec<usize> = (0..8_u32)
        .map(|number| (&raw const *frame.alloc_value(number)).addr())
        .collect();
    assert!(places.windows(2).all(|pair| pair[1] == pair[0] + 4));
}

#[test]
fn plain_data_never_shows_a_value() {
    let pool = BufferPool::new();
    // The first frame leaves zeroes; without a value in it, a later one shows what this one left.
    assert!(bytes_of_next_frame(&pool).iter().all(|&byte| byte == 0));
    for sampled in [false, true] {
        pool.set_frame_sampling(u32::from(sampled));
        let frame = pool.begin_frame();
        for number in 0..400 {
            frame.alloc_value(padded(number));
        }
        // A value with a chunk of its own, and one more in the chunk before it.
        frame.alloc_value([padded(7); 100]);
        frame.alloc_value(padded(1));
        frame.release_all();
        assert!(bytes_of_next_frame(&pool).iter().all(|&byte| byte == 0));
    }
}

#[test]
fn plain_data_shows_no_value_after_refills() {
    let pool = BufferPool::builder()
        .frame_block_bytes(16 << 10)
        .build()
        .unwrap();
    for _ in 0..3 {
        let frame = pool.begin_frame();
        for number in 0..2000 {
            frame.alloc_value(padded(number));
            frame.alloc_value(7_u8);
        }
        frame.release_all();
        let frame = pool.begin_frame();
        let bytes = frame.alloc::<u8>(256 << 10);
        assert!(bytes.iter().all(|&byte| byte == 0));
    }
    // A refill after the last value, whose chunk has room.
    let frame = pool.begin_frame();
    frame.alloc_value(7_u8);
    frame.alloc::<u8>(4 << 20);
    frame.release_all();
    let frame = pool.begin_frame();
    frame.alloc_value(8_u8);
    let ended = frame.release_all();
    assert!(!TELEMETRY || ended.alloc_bytes > 0, "it has a new chunk");
}

#[test]
fn threads_share_a_frame_of_values() {
    let pool = BufferPool::new();
    for _ in 0..20 {
        let frame = pool.begin_frame();
        let lists: Vec<&mut [Padded]> = thread::scope(|scope| {
            let workers: Vec<_> = (0..4_u64)
                .map(|worker| {
                    let frame = &frame;
                    scope.spawn(move || {
                        frame.alloc_iter((0..500).map(|number| padded(worker << 32 | number)))
                    })
                })
                .collect();
            let joined = workers.into_iter().map(|worker| worker.join().unwrap());
            joined.collect()
        });
        for (worker, list) in (0_u64..).zip(&lists) {
            for (number, value) in (0_u64..).zip(list.iter()) {
                assert_eq!(*value, padded(worker << 32 | number));
            }
        }
        drop(lists);
        let counts = frame.release_all();
        if TELEMETRY {
            assert_eq!(counts.frame_allocs, 4);
        }
    }
}

#[test]
fn refused_value_changes_nothing() {
    let pool = BufferPool::builder().max_bytes(64 << 10).build().unwrap();
    let frame = pool.begin_frame();
    frame.alloc_value(padded(1));
    while frame.try_alloc_value([0_u64; 1 << 10]).is_ok() {}
    let before = pool.stats();
    let refused = frame.try_alloc_value([0_u64; 1 << 10]);
    assert!(matches!(refused, Err(AllocError::BudgetExceeded { .. })));
    let mut list = FrameVec::<u64>::with_capacity_in(10, &frame);
    list.extend(0..10);
    assert!(list.try_reserve(usize::MAX).is_err());
    assert!(list.try_reserve(usize::MAX / 8).is_err());
    assert!(list.try_reserve(1 << 20).is_err());
    assert!(list.iter().copied().eq(0..10));
    if TELEMETRY {
        let after = pool.stats();
        assert_eq!(after.totals.allocs, before.totals.allocs + 1);
        assert_eq!(
            after.totals.counts.refusals(),
            before.totals.counts.refusals() + 4
        );
    }
}

#[test]
fn sampled_frames_name_the_lines_of_values() {
    let pool = BufferPool::builder().sample_frames(1).build().unwrap();
    for _ in 0..3 {
        let frame = pool.begin_frame();
        for number in 0..200 {
            frame.alloc_value(padded(number));
        }
        frame.alloc_iter(0..100_u16);
        frame.alloc_str("a name");
        frame.release_all();
    }
    let memory = pool.frame_memory();
    if !TELEMETRY {
        return;
    }
    let sum = |of: fn(&framepool::telemetry::FrameCounts) -> u64| -> u64 {
        memory.sites.iter().map(|site| of(&site.counts)).sum()
    };
    let total = memory.sampling.total;
    assert_eq!(memory.sites.len(), 3, "{memory}");
    assert_eq!(total.allocs, 3 * 202);
    assert_eq!(sum(|counts| counts.allocs), total.allocs);
    assert_eq!(sum(|counts| counts.bytes), total.bytes);
    assert_eq!(sum(|counts| counts.requested_bytes), total.requested_bytes);
    for site in &memory.sites {
        assert!(site.location.file().ends_with("values.rs"), "{memory}");
    }
}

#[cfg(feature = "allocator-api2")]
#[test]
fn collections_live_in_a_frame() {
    use allocator_api2::vec::Vec;
    use framepool::Frame;
    use hashbrown::{DefaultHashBuilder, HashMap};

    let pool = BufferPool::new();
    for _ in 0..3 {
        let frame = pool.begin_frame();
        let mut map: HashMap<u64, Padded, DefaultHashBuilder, &Frame> = HashMap::new_in(&frame);
        let mut list = Vec::new_in(&frame);
        let mut other = Vec::new_in(&frame);
        for number in 0..1000 {
            map.insert(number, padded(number));
            list.push(padded(number));
            other.push(number as u8);
        }
        map.retain(|number, _| number % 2 == 0);
        map.shrink_to_fit();
        other.shrink_to(10);
        assert!(map.len() == 500 && map.iter().all(|(&number, value)| *value == padded(number)));
        assert!(
            (0..)
                .zip(&list)
                .all(|(number, value)| *value == padded(number))
        );
        assert!(
            (0..)
                .zip(&other)
                .all(|(number, value)| *value == number as u8)
        );
        drop((map, list, other));
        frame.release_all();
        assert!(bytes_of_next_frame(&pool).iter().all(|&byte| byte == 0));
    }
}

/// A step of a frame: lengths in elements.
#[derive(Clone, Debug)]
enum Step {
    Bytes(usize),
    Value,
    Text(usize),
    List(usize),
    Push,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5000_usize).prop_map(Step::Bytes),
        Just(Step::Value),
        (0..100_usize).prop_map(Step::Text),
        (0..3000_usize).prop_map(Step::List),
        Just(Step::Push),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Buffers, values, texts and lists never overlap, and the next frame's buffers show none of the values.
    #[test]
    fn any_mixture_keeps_its_content(
        steps in prop::collection::vec(step(), 1..200),
        sampled in any::<bool>(),
    ) {
        // Blocks of this size come from the system, filled with zeroes; smaller ones may have the bytes of another pool.
        let pool = BufferPool::builder()
            .frame_block_bytes(64 << 10)
            .sample_frames(u32::from(sampled))
            .build()
            .unwrap();
        for _ in 0..2 {
            let frame = pool.begin_frame();
            let (mut buffers, mut values, mut texts, mut lists) = (vec![], vec![], vec![], vec![]);
            let mut list = FrameVec::new_in(&frame);
            for (number, step) in (0_u64..).zip(&steps) {
                match *step {
                    Step::Bytes(len) => {
                        let buffer = frame.alloc::<u8>(len);
                        prop_assert!(buffer.iter().all(|&byte| byte == 0));
                        buffers.push(buffer);
                    }
                    Step::Value => values.push((number, frame.alloc_value(padded(number)))),
                    Step::Text(len) => texts.push(frame.alloc_str(&"x".repeat(len))),
                    Step::List(len) => {
                        let items = (0..len as u64).map(|item| padded(number << 32 | item));
                        lists.push((number, frame.alloc_iter(items)));
                    }
                    Step::Push => list.push(padded(number)),
                }
            }
            prop_assert!(buffers.iter().all(|buffer| buffer.iter().all(|&byte| byte == 0)));
            for (number, value) in values {
                prop_assert_eq!(*value, padded(number));
            }
            for text in texts {
                prop_assert!(text.bytes().all(|byte| byte == b'x'));
            }
            for (number, list) in lists {
                for (item, value) in (0_u64..).zip(list.iter()) {
                    prop_assert_eq!(*value, padded(number << 32 | item));
                }
            }
            let pushed = (0_u64..).zip(&steps).filter(|(_, step)| matches!(step, Step::Push));
            prop_assert!(list.iter().copied().eq(pushed.map(|(number, _)| padded(number))));
        }
    }
}

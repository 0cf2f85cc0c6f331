//! A fixed number of buffers that become larger, and healthy programs whose sizes change.

use framepool::health::LeakVerdict;
use framepool::{Buffer, BufferPool, HealthSnapshot, Severity};

use crate::bench::{Bench, Dice, TICK, leak_alert, leaks};
use crate::healthy::FRAMES;

const KIB: u64 = 1 << 10;

/// Runs a program for this many frames; returns the frame of its first leak alert, and the latest health.
fn run(frames: u64, step: impl FnMut(&BufferPool, u64)) -> (Option<u64>, HealthSnapshot) {
    Bench::new().run(frames, TICK, step)
}

/// A list that is copied into a larger buffer every `frames` frames. The old buffer ends after the copy.
fn growing_list(frames: u64, bytes: impl Fn(u64) -> u64) -> impl FnMut(&BufferPool, u64) {
    let mut list: Vec<Buffer<u8>> = Vec::new();
    move |pool, frame| {
        if frame.is_multiple_of(frames) {
            list.push(pool.alloc::<u8>(bytes(frame / frames) as usize));
            list.drain(..list.len() - 1);
        }
    }
}

#[test]
fn a_list_that_grows_without_end_is_named() {
    // 16 KiB a second from 1 MiB. Its blocks become larger at most four times per doubling: the eighth time after 169 s.
    let (named, health) = run(15_000, growing_list(60, |copy| KIB * (1_024 + 16 * copy)));
    assert!(
        named.is_some_and(|frame| (10_000..11_000).contains(&frame)),
        "{named:?}"
    );
    let alert = leak_alert(&health).expect("a leak alert");
    assert_eq!(
        (alert.severity, alert.value),
        (Severity::Warning, 1.0),
        "{alert}"
    );
    for part in [
        "1 buffer taken at ",
        "became larger by 4.00 ",
        "MiB, growing since frame ",
        "bound their size",
    ] {
        assert!(alert.to_string().contains(part), "{alert}");
    }
    let site = &health.verdicts[0];
    let growth = site.growth.expect("growth");
    assert_eq!((site.verdict, growth.buffers), (LeakVerdict::Growing, 0));
    // The blocks of its size class are larger than the list.
    let rate = growth.bytes_per_minute / (60.0 * 16.0 * 1_024.0);
    assert!((0.7..1.4).contains(&rate), "{growth:?}");
}

#[test]
fn a_list_that_grows_from_small_is_named() {
    // Evenly, so its blocks become larger ever less often.
    for (first, a_second) in [(1_000, 300), (1_000, 100), (100_000, 10_000)] {
        let (named, _) = run(15_000, growing_list(60, |copy| first + a_second * copy));
        assert!(named.is_some_and(|frame| frame < 12_000), "{named:?}");
    }
}

#[test]
fn a_list_that_never_doubles_is_healthy() {
    let (named, _) = run(
        20_000,
        growing_list(60, |copy| KIB * (1_024 + 8 * copy.min(100))),
    );
    assert_eq!(named, None);
}

#[test]
fn buffers_of_random_sizes_are_healthy() {
    for (seed, count) in [(1, 1), (2, 8), (3, 64)] {
        let mut dice = Dice(seed);
        let mut ring: Vec<Buffer<u8>> = Vec::new();
        let (named, _) = run(FRAMES, |pool, frame| {
            if frame.is_multiple_of(10) {
                let buffer = pool.alloc::<u8>((KIB + dice.below(256 * KIB)) as usize);
                let place = dice.below(count) as usize;
                match ring.get_mut(place) {
                    Some(old) => *old = buffer,
                    None => ring.push(buffer),
                }
            }
        });
        assert_eq!(named, None, "{count} buffers");
    }
}

#[test]
fn levels_of_different_sizes_are_healthy() {
    // Twelve textures for each level of 30 s; some levels are four times as large as others.
    let mut textures: Vec<Buffer<u8>> = Vec::new();
    let mut dice = Dice(4);
    let (named, _) = run(FRAMES.max(20_000), |pool, frame| {
        if frame.is_multiple_of(1_800) {
            textures.clear();
            let bytes = KIB * (256 + dice.below(768));
            textures.extend((0..12).map(|_| pool.alloc::<u8>(bytes as usize)));
        }
    });
    assert_eq!(named, None);
}

/// 32 entries, of which one is replaced each second by a larger one, up to a limit.
fn cache_of_larger_entries(most_bytes: u64) -> (Option<u64>, HealthSnapshot) {
    let mut entries: Vec<Buffer<u8>> = Vec::new();
    run(15_000, |pool, frame| {
        if frame.is_multiple_of(60) {
            let step = frame / 60;
            let bytes = (64 * KIB + KIB / 2 * step).min(most_bytes);
            let buffer = pool.alloc::<u8>(bytes as usize);
            if entries.len() < 32 {
                entries.push(buffer);
            } else {
                entries[(step % 32) as usize] = buffer;
            }
        }
    })
}

#[test]
fn entries_that_become_larger_are_named_once_doubled() {
    let (named, health) = cache_of_larger_entries(u64::MAX);
    assert!(named.is_some_and(|frame| frame > 9_000), "{named:?}");
    assert_eq!(leaks(&health).len(), 1);
    assert_eq!(cache_of_larger_entries(112 * KIB).0, None);
}

#[test]
fn a_load_is_no_part_of_the_doubling() {
    // 32 entries of 4 KiB, then of 256 KiB; from then on one in 10 s becomes larger by a quarter.
    let mut entries: Vec<Buffer<u8>> = Vec::new();
    let (named, _) = run(20_000, |pool, frame| {
        let take = |bytes: u64| pool.alloc::<u8>(bytes as usize);
        match frame {
            0 => entries.extend((0..32).map(|_| take(4 * KIB))),
            600..632 => entries[frame as usize - 600] = take(256 * KIB),
            3_000.. if frame.is_multiple_of(600) && frame < 18_000 => {
                entries[(frame / 600) as usize - 5] = take(320 * KIB);
            }
            _ => {}
        }
    });
    assert_eq!(named, None);
}

/// Buffers that live for a while, as many as wanted at a time.
#[derive(Default)]
struct Sessions(Vec<(u64, Buffer<u8>)>);

impl Sessions {
    fn keep(&mut self, pool: &BufferPool, frame: u64, wanted: u64, bytes: usize) {
        self.0.retain(|(until, _)| *until > frame);
        while (self.0.len() as u64) < wanted {
            let until = frame + 60 + (self.0.len() as u64 * 7) % 60;
            self.0.push((until, pool.alloc::<u8>(bytes)));
        }
    }
}

#[test]
fn more_requests_at_once_are_healthy() {
    // From 20 to 200 requests at the same time, each up to two seconds long, after many small ones in the first second.
    for first in [0, 250] {
        let mut sessions = Sessions::default();
        let (named, _) = run(20_000, |pool, frame| match frame {
            0..120 => sessions.keep(pool, frame, first, 1_000),
            _ => sessions.keep(pool, frame, 20 + (frame / 100).min(180), 60_000),
        });
        assert_eq!(named, None, "{first} at first");
    }
}

#[test]
fn a_list_with_slow_copies_is_named() {
    // Each second the old buffer and the new one are in use for five frames.
    let mut list: Vec<Buffer<u8>> = Vec::new();
    let (named, _) = run(15_000, |pool, frame| match frame % 60 {
        0 => list.push(pool.alloc::<u8>((KIB * (1_024 + 16 * (frame / 60))) as usize)),
        5 => drop(list.drain(..list.len() - 1)),
        _ => {}
    });
    assert!(
        named.is_some_and(|frame| (10_000..11_000).contains(&frame)),
        "{named:?}"
    );
}

#[test]
fn a_leak_beside_larger_buffers_counts_alone() {
    // One line allocates with two tags: 20 entries that become larger, and one lost buffer in 10 s.
    let mut tags = None;
    let (mut entries, mut lost): (Vec<Buffer<u8>>, Vec<Buffer<u8>>) = (Vec::new(), Vec::new());
    let (named, health) = run(15_000, |pool, frame| {
        let (larger, leaking) = tags.get_or_insert_with(|| (pool.tag("larger"), pool.tag("lost")));
        let take = |tag: &framepool::Tag, bytes: u64| tag.alloc::<u8>(bytes as usize);
        if frame.is_multiple_of(60) {
            let is_lost = frame.is_multiple_of(600) && frame > 1_200;
            let (tag, bytes) = if is_lost {
                (&*leaking, KIB)
            } else {
                (&*larger, 64 * KIB + KIB * (frame / 60))
            };
            let buffer = take(tag, bytes);
            if is_lost {
                lost.push(buffer);
            } else if entries.len() < 20 {
                entries.push(buffer);
            } else {
                entries[(frame / 60 % 20) as usize] = buffer;
            }
        }
    });
    assert!(named.is_some());
    let growing = health.verdicts.iter().filter(|site| site.growth.is_some());
    assert_eq!(growing.count(), 2, "{health}");
    let alert = leak_alert(&health).expect("a leak alert");
    let growth = alert.verdict.as_ref().and_then(|site| site.growth);
    let growth = growth.expect("growth");
    assert!(
        !growth.larger && growth.buffers == alert.value.round() as u64,
        "{alert}"
    );
    assert!((alert.value - lost.len() as f64).abs() <= 1.0, "{alert}");
}

//! L6 (One owner): no two live buffers overlap, and frame memory is not allocated again before its frame ended.
//!
//! Laws: L6 One owner.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::channel;
use std::thread;

use framepool::{Buffer, BufferPool};

use crate::common::{Locked, Seeded, assert_empty, assert_lawful, rounds};

/// The address intervals of all live buffers of a test.
#[derive(Default)]
struct Claims(Locked<BTreeMap<usize, usize>>);

impl Claims {
    #[track_caller]
    fn enter(&self, slice: &[u64]) {
        let Range { start, end } = interval(slice);
        if start == end {
            return;
        }
        let below = self.0.with(|live| {
            let below = live.range(..end).next_back();
            let below = below.map(|(&start, &end)| start..end);
            live.insert(start, end);
            below
        });
        assert!(
            below.as_ref().is_none_or(|other| other.end <= start),
            "L6: {start:#x}..{end:#x} was allocated while {below:x?} is in use"
        );
    }

    #[track_caller]
    fn leave(&self, slice: &[u64]) {
        let Range { start, end } = interval(slice);
        if start < end {
            assert_eq!(self.0.with(|live| live.remove(&start)), Some(end));
        }
    }

    fn assert_none_left(&self) {
        assert!(self.0.with(|live| live.is_empty()));
    }
}

fn interval(slice: &[u64]) -> Range<usize> {
    let Range { start, end } = slice.as_ptr_range();
    start.addr()..end.addr()
}

/// A buffer with its own mark in every element.
struct Marked {
    buffer: Buffer<u64>,
    mark: u64,
}

impl Marked {
    fn take(pool: &BufferPool, claims: &Claims, len: usize, mark: u64) -> Self {
        let mut buffer = pool.alloc::<u64>(len);
        claims.enter(&buffer);
        buffer.fill(mark);
        Self { buffer, mark }
    }

    fn give(self, claims: &Claims) {
        assert!(
            self.buffer.iter().all(|&element| element == self.mark),
            "L6: another thread wrote here"
        );
        claims.leave(&self.buffer);
    }
}

#[test]
fn live_buffers_never_overlap_across_threads() {
    let pool = BufferPool::builder()
        .thread_cache_bytes(1 << 14)
        .build()
        .unwrap();
    let claims = Claims::default();
    let threads = 4;
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| channel::<Marked>()).unzip();
    thread::scope(|scope| {
        let workers: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(at, receiver)| {
                let (pool, claims, senders) = (&pool, &claims, senders.clone());
                scope.spawn(move || {
                    let mut random = Seeded(at as u64);
                    let mut kept: Vec<Marked> = Vec::new();
                    for step in 0..rounds(12_000) {
                        let mark = (at as u64) << 32 | step as u64;
                        kept.push(Marked::take(pool, claims, random.bytes() / 8, mark));
                        for other in receiver.try_iter() {
                            kept.push(other);
                        }
                        while kept.len() > 16 {
                            let marked = kept.swap_remove(random.below(kept.len()));
                            let to = &senders[random.below(threads)];
                            match random.below(3) {
                                // A finished thread allocates nothing.
                                0 => to.send(marked).unwrap_or_else(|back| back.0.give(claims)),
                                _ => marked.give(claims),
                            }
                        }
                        if random.below(512) == 0 {
                            assert_lawful(&pool.end_frame());
                        }
                        if random.below(1024) == 0 {
                            pool.trim();
                        }
                    }
                    for marked in kept {
                        marked.give(claims);
                    }
                    drop(senders);
                    receiver
                })
            })
            .collect();
        drop(senders);
        let left: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect();
        for marked in left.iter().flat_map(|receiver| receiver.try_iter()) {
            marked.give(&claims);
        }
    });
    claims.assert_none_left();
    assert_empty(&pool);
}

#[test]
fn blocks_passing_through_depot_have_one_owner() {
    // No thread keeps anything, so every alloc and every release is a contended exchange.
    let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..8_u64)
            .map(|at| {
                let pool = &pool;
                scope.spawn(move || {
                    let mut random = Seeded(at);
                    for step in 0..rounds(40_000) as u64 {
                        let mark = at << 32 | step;
                        let mut held: Vec<_> = (0..3).map(|_| pool.alloc_copy(&[mark])).collect();
                        if random.below(16) == 0 {
                            thread::yield_now();
                        }
                        while !held.is_empty() {
                            let buffer = held.swap_remove(random.below(held.len()));
                            assert_eq!(buffer[0], mark, "L6: another thread wrote here");
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    let snapshot = pool.end_frame();
    assert!(
        snapshot.pooled_bytes <= 8 * 3 * 64,
        "{} bytes",
        snapshot.pooled_bytes
    );
    assert_empty(&pool);
}

#[test]
fn frame_buffers_never_overlap_across_threads_and_frames() {
    let pool = BufferPool::builder()
        .frame_block_bytes(8192)
        .max_frames_in_flight(3)
        .build()
        .unwrap();
    let claims = Claims::default();
    let mut random = Seeded(11);
    for round in 0..rounds(120) {
        let open: Vec<_> = (0..3).map(|_| pool.begin_frame()).collect();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..4_u64)
                .map(|at| {
                    let (open, claims, pool) = (&open, &claims, &pool);
                    let mut random = Seeded(round as u64 * 4 + at);
                    scope.spawn(move || {
                        let mut mine: Vec<(&mut [u64], u64)> = Vec::new();
                        for step in 0..150 {
                            let frame = &open[random.below(3)];
                            let slice = frame.alloc::<u64>(random.bytes() / 8);
                            claims.enter(slice);
                            let mark = at << 32 | step;
                            slice.fill(mark);
                            mine.push((slice, mark));
                            if step % 40 == 0 {
                                // A frame end of the other kind, and trimming, release nothing of an open frame.
                                pool.end_frame();
                                pool.trim();
                            }
                        }
                        for (slice, mark) in &mine {
                            assert!(
                                slice.iter().all(|element| element == mark),
                                "L6: another thread wrote here"
                            );
                        }
                        for (slice, _) in mine {
                            claims.leave(slice);
                        }
                    })
                })
                .collect();
            for worker in workers {
                worker.join().unwrap();
            }
        });
        claims.assert_none_left();
        let mut open = open;
        while !open.is_empty() {
            assert_lawful(&open.swap_remove(random.below(open.len())).release_all());
        }
    }
    assert_empty(&pool);
}

#[test]
fn open_frame_memory_survives_another_frames_end() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(3)
        .build()
        .unwrap();
    for round in 0..rounds(400) as u64 {
        let long = pool.begin_frame();
        let slices: Vec<_> = (0..20)
            .map(|at| long.alloc_copy(&vec![round * 100 + at; 64]))
            .collect();
        for other in 0..6 {
            let short = pool.begin_frame();
            short.alloc::<u64>(3000).fill(u64::MAX - other);
            drop(short);
            // If that end had freed the long frame's memory, this alloc would get it.
            long.alloc::<u64>(64).fill(u64::MAX - other);
        }
        for (at, slice) in slices.iter().enumerate() {
            assert!(
                slice
                    .iter()
                    .all(|&element| element == round * 100 + at as u64),
                "L6"
            );
        }
        long.release_all();
    }
    assert_empty(&pool);
}

#[test]
fn buffers_around_class_boundaries_never_overlap() {
    let pool = BufferPool::new();
    let claims = Claims::default();
    let lens: Vec<usize> = (0..14_u32)
        .flat_map(|power| (4..8).map(move |step| (step << power) / 4))
        .flat_map(|len: usize| [len.saturating_sub(1), len, len + 1])
        .collect();
    for round in 0..3 {
        let marked: Vec<_> = (0..2)
            .flat_map(|_| lens.iter())
            .enumerate()
            .map(|(at, &len)| Marked::take(&pool, &claims, len, (at + round * 10_000) as u64))
            .collect();
        for marked in marked {
            marked.give(&claims);
        }
        claims.assert_none_left();
    }
    assert_empty(&pool);
}

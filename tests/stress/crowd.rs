//! A crowd of threads on one pool, on many, and in a ring.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use framepool::BufferPool;

use crate::alone::alone;
use crate::books::{Books, CROWD, Marked, crowd, mark, to_the_last_byte};
use crate::common::{Seeded, assert_lawful, assert_lawful_stats, rounds};

/// The two ends of every channel of a ring.
type Ends = (Vec<Sender<Marked>>, Vec<Receiver<Marked>>);

alone! {
    #[test]
    fn a_crowd_on_one_pool_keeps_the_books() {
        to_the_last_byte(rounds(400), |steps| {
            let pool = BufferPool::builder()
                .max_frames_in_flight(16)
                .thread_cache_bytes(1 << 14)
                .frame_block_bytes(8192)
                .build()
                .unwrap();
            let books = Books::default();
            let shared = pool.begin_frame();
            crowd(CROWD, |number| {
                let mut random = Seeded(number as u64);
                let mut kept = Vec::new();
                for step in 0..steps {
                    let (len, mark) = (random.below(2000), mark(number, step));
                    match random.below(16) {
                        0 => assert_lawful(&pool.end_frame()),
                        1 => if let Ok(frame) = pool.try_begin_frame() {
                            books.in_frame(&frame, len, mark, || drop(kept.pop()));
                            assert_lawful(&frame.release_all());
                        },
                        2 => books.in_frame(&shared, len % 256, mark, || kept.truncate(4)),
                        3 => assert_lawful_stats(&pool.stats()),
                        4 => assert_lawful(&pool.snapshot()),
                        5 if number % 16 == 0 => drop(pool.trim()),
                        6..12 => kept.push(books.buffer(&pool, len, mark)),
                        _ if !kept.is_empty() => drop(kept.swap_remove(random.below(kept.len()))),
                        _ => {}
                    }
                }
            });
            assert_lawful(&shared.release_all());
            books.compare(&pool);
        });
    }

    #[test]
    fn many_threads_on_many_pools_count_exactly() {
        to_the_last_byte(rounds(400), |steps| {
            let pools: Vec<_> = (0..8).map(|_| (BufferPool::new(), Books::default())).collect();
            crowd(CROWD, |number| {
                let mut random = Seeded(number as u64);
                let mut kept = Vec::new();
                for step in 0..steps {
                    let (pool, books) = &pools[random.below(pools.len())];
                    kept.push(books.buffer(pool, random.below(1000), mark(number, step)));
                    if kept.len() > 8 {
                        drop(kept.swap_remove(random.below(8)));
                    }
                    if step % 64 == number {
                        assert_lawful(&pool.end_frame());
                    }
                }
            });
            for (pool, books) in &pools {
                books.compare(pool);
            }
        });
    }

    #[test]
    fn buffers_passed_around_many_threads_are_released_once() {
        to_the_last_byte(rounds(300), |parcels| {
            let pool = BufferPool::builder().thread_cache_bytes(1 << 13).build().unwrap();
            let books = Books::default();
            let (mut senders, receivers): Ends = (0..CROWD).map(|_| channel()).unzip();
            senders.rotate_left(1);
            let ends: Vec<_> = senders
                .into_iter()
                .zip(receivers)
                .map(|ends| Mutex::new(Some(ends)))
                .collect();
            crowd(CROWD, |number| {
                let (sender, receiver) = ends[number].lock().unwrap().take().unwrap();
                let mut random = Seeded(number as u64);
                for step in 0..parcels {
                    let parcel = books.buffer(&pool, random.below(1500), mark(number, step));
                    sender.send(parcel).unwrap();
                    // Some are dropped at once, some together: by a thread that did not allocate them.
                    if random.below(4) == 0 {
                        receiver.try_iter().for_each(drop);
                    } else {
                        drop(receiver.try_recv());
                    }
                    if step % 32 == 0 && number % 8 == 0 {
                        assert_lawful(&pool.end_frame());
                    }
                }
                drop(sender);
                receiver.into_iter().for_each(drop);
            });
            drop(ends);
            books.compare(&pool);
        });
    }

    #[test]
    fn same_class_blocks_through_depot_have_one_owner() {
        to_the_last_byte(rounds(2_000), |steps| {
            // No thread keeps anything: every alloc and every release is an exchange with one stack of a few blocks.
            let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
            let books = Books::default();
            crowd(8, |number| {
                for step in 0..steps {
                    let mark = mark(number, step);
                    let first = books.buffer(&pool, 100, mark);
                    let second = books.buffer(&pool, 100, !mark);
                    drop(first);
                    drop(books.buffer(&pool, 100, mark));
                    drop(second);
                }
            });
            books.compare(&pool);
        });
    }
}

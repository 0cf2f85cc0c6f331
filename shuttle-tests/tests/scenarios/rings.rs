//! Buffers that move around a ring of threads and are dropped on another thread than their alloc.

use framepool::BufferPool;
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread::spawn;

use crate::common::assert_lawful;
use crate::support::{Marked, close, explore, join};

const THREADS: usize = 4;

/// Each of four threads allocates two buffers, sends them to one neighbour, and drops those from the other.
fn ring(pool: BufferPool, ends_frames: impl Fn(usize) -> bool) {
    type Ends = (Vec<Sender<Marked>>, Vec<Receiver<Marked>>);
    let (mut senders, receivers): Ends = (0..THREADS).map(|_| channel()).unzip();
    senders.rotate_left(1);
    let threads = receivers
        .into_iter()
        .zip(senders)
        .enumerate()
        .map(|(at, (receiver, sender))| {
            let pool = pool.clone();
            let ends = ends_frames(at);
            spawn(move || {
                let mut snapshots = Vec::new();
                for step in 0..2 {
                    let mark = (at * 2 + step) as u8 + 1;
                    sender
                        .send(Marked::take(&pool, 50 + 60 * step, mark))
                        .unwrap();
                    drop(receiver.recv().unwrap());
                    if ends {
                        let snapshot = pool.end_frame();
                        assert_lawful(&snapshot);
                        snapshots.push(*snapshot);
                    }
                }
                snapshots
            })
        })
        .collect();
    let snapshots = join(threads).concat();
    let bytes = THREADS as u64 * (64 + 128);
    close(pool, snapshots, [8, 8, bytes, bytes]);
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered, L6 One owner.
#[test]
fn buffers_passed_through_magazines_are_released_once() {
    explore(6_000, |_| {
        ring(BufferPool::new(), |at| at < 2);
    });
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered, L6 One owner.
#[test]
fn buffers_passed_through_depot_are_released_once() {
    explore(6_000, |_| {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        ring(pool, |at| at == 0);
    });
}

/// Laws: L1 Conservation, L6 One owner.
#[test]
fn blocks_popped_by_four_threads_have_one_owner() {
    explore(12_000, |_| {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        drop([0; 3].map(|_| pool.alloc::<u8>(1)));
        let threads = crate::support::crew(THREADS, {
            let pool = pool.clone();
            move |number| {
                let mark = number as u8 * 4 + 1;
                let (first, second) = (
                    Marked::take(&pool, 1, mark),
                    Marked::take(&pool, 1, mark + 1),
                );
                drop(first);
                let third = Marked::take(&pool, 1, mark + 2);
                drop((second, third));
            }
        });
        join(threads);
        close(pool, Vec::new(), [15, 15, 15 * 64, 15 * 64]);
    });
}

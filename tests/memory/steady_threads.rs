//! L8 (Steady state allocates nothing) with several threads: a warm producer and consumer, and warm workers of one frame,
//! make no allocator calls.
//!
//! Laws: L8 Steady state allocates nothing.

use std::sync::{Mutex, RwLock};
use std::thread;

use framepool::{Buffer, BufferPool, Frame};

use crate::alone::alone;
use crate::common::{Gate, assert_lawful};
use crate::counting::calls;

const WARM: usize = 600;
const WATCHED: usize = 600;

/// Runs `workers` threads in lockstep with a leader: in each frame `begin`, then all `work` at once, then `end`.
#[track_caller]
fn is_silent(workers: usize, begin: impl Fn(), work: impl Fn(usize) + Sync, end: impl Fn()) {
    let step = Gate::new(workers + 1);
    let made = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|at| {
                let (step, work) = (&step, &work);
                scope.spawn(move || {
                    for _ in 0..WARM + WATCHED {
                        step.wait();
                        work(at);
                        step.wait();
                    }
                    // A thread frees memory when it exits, so it must not exit before the calls are counted.
                    step.wait();
                })
            })
            .collect();
        let mut before = 0;
        for number in 0..WARM + WATCHED {
            if number == WARM {
                before = calls();
            }
            begin();
            step.wait();
            step.wait();
            end();
        }
        let made = calls() - before;
        step.wait();
        for thread in threads {
            thread.join().unwrap();
        }
        made
    });
    assert_eq!(
        made, 0,
        "calls to the allocator in {WATCHED} watched frames"
    );
}

alone! {
    #[test]
    fn one_thread_takes_and_another_releases_in_silence() {
        let pool = BufferPool::new();
        let belt: Vec<Mutex<Option<Buffer<u32>>>> = (0..64).map(|_| Mutex::new(None)).collect();
        is_silent(
            1,
            || {
                for (at, place) in belt.iter().enumerate() {
                    *place.lock().unwrap() = Some(pool.alloc_zeroed::<u32>(at * 40));
                }
            },
            |_| {
                for place in &belt {
                    drop(place.lock().unwrap().take());
                }
            },
            || assert_lawful(&pool.end_frame()),
        );
    }

    #[test]
    fn large_buffers_small_caches_make_no_allocator_calls() {
        let pool = BufferPool::builder().thread_cache_bytes(1 << 16).build().unwrap();
        let belt: Vec<Mutex<Option<Buffer<u8>>>> = (0..64).map(|_| Mutex::new(None)).collect();
        is_silent(
            1,
            || {
                for place in &belt {
                    *place.lock().unwrap() = Some(pool.alloc::<u8>(200_000));
                }
            },
            |_| {
                for place in &belt {
                    drop(place.lock().unwrap().take());
                }
            },
            || assert_lawful(&pool.end_frame()),
        );
    }

    #[test]
    fn the_workers_of_one_frame_are_silent() {
        let pool = BufferPool::new();
        let current: RwLock<Option<Frame>> = RwLock::new(None);
        is_silent(
            3,
            || *current.write().unwrap() = Some(pool.begin_frame()),
            |at| {
                let guard = current.read().unwrap();
                let frame = guard.as_ref().unwrap();
                for _ in 0..20 {
                    frame.alloc::<u8>(30_000 * (at + 1))[0] = 1;
                    drop(pool.alloc::<u8>(1000 * (at + 1)));
                }
            },
            || {
                let frame = current.write().unwrap().take().unwrap();
                assert_lawful(&frame.release_all());
            },
        );
    }
}

//! L7 (All of it comes back) for a thread that outlives a pool: what it may keep, and until when.
//!
//! Laws: L7 All of it comes back.

use std::cell::RefCell;
use std::thread;

use framepool::{Buffer, BufferPool, Frame};

use crate::alone::alone;
use crate::common::{Gate, rounds};
use crate::counting::live;

/// The bytes that a thread may keep of a dropped pool apart from its magazine: the pool's own bookkeeping.
const BOOKKEEPING: i64 = 256 << 10;

/// The values that a thread still has when it ends.
type Remains = (Vec<Buffer<u8>>, Option<Frame>, Option<BufferPool>);

thread_local! {
    static REMAINS: RefCell<Remains> = RefCell::default();
}

/// A second thread fills its magazine from a pool, the first drops the pool, and the second does `next`: once with this
/// pool as its last used one, and once with another.
#[track_caller]
fn goes_back_at(next: impl Fn(&BufferPool) + Sync) {
    for uses_other_last in [false, true] {
        goes_back_after(uses_other_last, &next);
    }
}

#[track_caller]
fn goes_back_after(uses_other_last: bool, next: &(impl Fn(&BufferPool) + Sync)) {
    let other = BufferPool::new();
    let step = Gate::new(2);
    let round = || {
        let pool = BufferPool::new();
        let handed = pool.clone();
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                drop(other.alloc::<u8>(1));
                step.wait();
                step.wait();
                let tag = handed.tag("a");
                let taken = (0..50).map(|len| [handed.alloc(len * 500), tag.alloc(len * 500)]);
                drop(taken.collect::<Vec<[Buffer<u8>; 2]>>());
                drop((tag, handed));
                if uses_other_last {
                    drop(other.alloc::<u8>(1));
                }
                step.wait();
                step.wait();
                next(&other);
                step.wait();
                step.wait();
            });
            step.wait();
            let before = live();
            step.wait();
            step.wait();
            drop(pool);
            let held = live() - before;
            step.wait();
            step.wait();
            let left = live() - before;
            step.wait();
            worker.join().unwrap();
            (held, left)
        })
    };
    round();
    round();
    let (held, left) = round();
    let allowed = BOOKKEEPING + (2 << 20);
    assert!(
        held <= allowed,
        "{held} bytes held by a thread that may keep 2 MiB"
    );
    // The pool was made before the first reading, so the difference is negative.
    assert!(left <= 0, "{left} bytes left after the next use");
}

alone! {
    #[test]
    fn closed_pools_magazine_is_freed_at_next_alloc() {
        goes_back_at(|other| drop(other.alloc::<u8>(1)));
    }

    #[test]
    fn closed_pools_magazine_is_freed_at_frame_alloc() {
        goes_back_at(|other| {
            let frame = other.begin_frame();
            frame.alloc::<u8>(1);
            frame.release_all();
            other.trim();
        });
    }

    #[test]
    fn closed_pools_magazine_is_freed_at_thread_exit() {
        let scenario = || {
            let pool = BufferPool::new();
            let step = Gate::new(2);
            thread::scope(|scope| {
                let handed = pool.clone();
                let worker = scope.spawn(|| {
                    drop((0..50).map(|len| handed.alloc::<u8>(len * 500)).collect::<Vec<_>>());
                    drop(handed);
                    step.wait();
                    step.wait();
                });
                step.wait();
                drop(pool);
                step.wait();
                worker.join().unwrap();
            });
        };
        scenario();
        scenario();
        let before = live();
        for _ in 0..5 {
            scenario();
            assert_eq!(live(), before);
        }
    }

    #[test]
    fn last_handle_frees_idle_memory_despite_live_buffer() {
        let before = live();
        let pool = BufferPool::new();
        let handed = pool.clone();
        // The thread that drops the last handle never allocated, and so has no magazine.
        let kept = thread::spawn(move || {
            drop((0..100).map(|_| handed.alloc::<u8>(100_000)).collect::<Vec<_>>());
            handed.alloc::<u8>(1000)
        })
        .join()
        .unwrap();
        assert!(live() - before > 100 * 100_000, "the thread's buffers lie idle");
        drop(pool);
        let held = live() - before;
        assert!(held <= BOOKKEEPING, "{held} bytes held for one small buffer");
        drop(kept);
    }

    #[test]
    fn idle_thread_keeps_only_magazine_of_dropped_pool() {
        let cache = 1 << 20;
        let step = Gate::new(2);
        thread::scope(|scope| {
            let before = live();
            let pool = BufferPool::builder().thread_cache_bytes(cache).build().unwrap();
            let handed = pool.clone();
            let worker = scope.spawn(|| {
                drop(handed.alloc::<u8>(100));
                drop(handed);
                step.wait();
                step.wait();
            });
            step.wait();
            // 32 MiB that end in the depot, 16 MiB of frame blocks, and the same again dropped after the pool.
            drop((0..512).map(|_| pool.alloc::<u8>(1 << 16)).collect::<Vec<_>>());
            let frame = pool.begin_frame();
            for _ in 0..64 {
                frame.alloc::<u8>(250_000);
            }
            frame.release_all();
            let late: Vec<_> = (0..128).map(|_| pool.alloc::<u8>(1 << 17)).collect();
            drop(pool);
            drop(late);
            let held = live() - before;
            step.wait();
            worker.join().unwrap();
            assert!(
                held <= cache as i64 + BOOKKEEPING,
                "{held} bytes of a dropped pool are held because of an idle thread that may keep {cache}"
            );
        });
    }

    #[test]
    fn contents_of_thread_locals_are_freed_at_exit() {
        let scenario = |ours_first: bool, keeps_handle: bool| {
            thread::spawn(move || {
                if ours_first {
                    REMAINS.with(|_| ());
                }
                let pool = BufferPool::new();
                let frame = pool.begin_frame();
                frame.alloc::<u8>(100_000).fill(1);
                let buffers = (0..50).map(|len| pool.alloc::<u8>(len * 500)).collect();
                drop((0..50).map(|len| pool.alloc::<u8>(len * 500)).collect::<Vec<_>>());
                let handle = keeps_handle.then(|| pool.clone());
                REMAINS.set((buffers, Some(frame), handle));
            })
            .join()
            .unwrap();
        };
        for (ours_first, keeps_handle) in [(false, false), (false, true), (true, false), (true, true)] {
            scenario(ours_first, keeps_handle);
            scenario(ours_first, keeps_handle);
            let before = live();
            for _ in 0..rounds(50) {
                scenario(ours_first, keeps_handle);
                assert_eq!(live() - before, 0, "ours first: {ours_first}, with a handle: {keeps_handle}");
            }
        }
    }

    #[test]
    fn dropped_pools_do_not_accumulate_beside_live_thread() {
        let step = Gate::new(2);
        let enough = std::sync::atomic::AtomicBool::new(false);
        let passed: std::sync::Mutex<Option<BufferPool>> = std::sync::Mutex::default();
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                loop {
                    step.wait();
                    if enough.load(std::sync::atomic::Ordering::SeqCst) {
                        return;
                    }
                    let pool = passed.lock().unwrap().take().unwrap();
                    drop((0..20).map(|len| pool.alloc::<u8>(len * 5000)).collect::<Vec<_>>());
                    // The main thread's handle is the last; it reads the level right after the drop.
                    drop(pool);
                    step.wait();
                }
            });
            let mut levels = Vec::with_capacity(200);
            for _ in 0..100 {
                let pool = BufferPool::new();
                *passed.lock().unwrap() = Some(pool.clone());
                step.wait();
                step.wait();
                drop(pool);
                levels.push(live());
            }
            enough.store(true, std::sync::atomic::Ordering::SeqCst);
            step.wait();
            worker.join().unwrap();
            let (early, late) = (levels[9], levels[99]);
            // The thread's list may have grown once. That allows at most ten bytes for each of ninety pools.
            assert!(late <= early + 900, "{early} bytes after ten pools, {late} after a hundred");
        });
    }
}

//! Counts the accesses of the hot paths at the library's seam, because a worker can wait only in an access.
//!
//! Hot paths take no lock, do no read-modify-write of a shared word, and need the same number of steps each time, with any
//! readers.
//!
//! Laws: L5 Workers never wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use framepool_under_noise::{Accesses, Buffer, BufferPool, Outstanding, accesses};

/// Operations at a time.
const TIMES: u64 = 1000;

/// Runs one test at a time, because closing a pool adds some steps to the next use of any pool.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The accesses of `work`, run `TIMES` times, at the seam.
fn counted(mut work: impl FnMut()) -> Accesses {
    let before = accesses();
    (0..TIMES).for_each(|_| work());
    let after = accesses();
    Accesses {
        all: after.all - before.all,
        changes: after.changes - before.changes,
        locks: after.locks - before.locks,
    }
}

/// The number of steps of work that always takes the same few steps, none of which can wait for another thread.
#[track_caller]
fn steps(mut work: impl FnMut()) -> u64 {
    let first = counted(&mut work);
    assert_eq!((first.changes, first.locks), (0, 0), "{first:?}");
    assert!(first.all > 0, "the seam counts");
    assert_eq!(first.all % TIMES, 0, "every time the same: {first:?}");
    assert_eq!(counted(work), first);
    first.all / TIMES
}

#[test]
fn hits_and_releases_lock_and_write_nothing_shared() {
    let _turn = one_at_a_time();
    let pool = BufferPool::new();
    for bytes in [1, 256, 4096, 65_536, 1 << 20] {
        // A thread earns the place of a large buffer by many uses.
        for _ in 0..20_000 {
            drop(pool.alloc::<u8>(bytes));
        }
        let taken = steps(|| drop(pool.alloc::<u8>(bytes)));
        assert!(taken < 40, "{taken} accesses for a pair of {bytes} bytes");
    }
}

#[test]
fn frame_allocs_lock_and_write_nothing_shared() {
    let _turn = one_at_a_time();
    let pool = BufferPool::builder()
        .frame_block_bytes(32 << 20)
        .build()
        .unwrap();
    let frame = pool.begin_frame();
    for bytes in [1, 256, 4096] {
        frame.alloc::<u8>(bytes);
        let taken = steps(|| frame.alloc::<u8>(bytes)[0] = 1);
        assert!(taken < 12, "{taken} accesses for {bytes} bytes");
    }
}

#[test]
fn a_snapshot_is_read_without_a_lock() {
    let _turn = one_at_a_time();
    let pool = BufferPool::new();
    let mut reader = pool.snapshot_reader();
    assert_eq!(counted(|| drop(pool.snapshot())).locks, 0);
    assert_eq!(
        counted(|| assert_eq!(reader.latest().frame.get(), 0)).locks,
        0
    );
}

#[test]
fn readers_add_no_step_to_a_worker() {
    let _turn = one_at_a_time();
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let mut work = || {
        drop(pool.alloc::<u8>(1000));
        drop(pool.alloc::<u8>(70_000));
    };
    (0..2_000).for_each(|_| work());
    let alone = steps(&mut work);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let looker = scope.spawn(|| {
            let mut out = Outstanding::default();
            let mut looks = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                pool.outstanding_into(&mut out);
                looks += u64::from(pool.stats().claimed_slots > 0);
                looks += u64::from(pool.snapshot().frame.get() == 0);
                pool.end_frame();
            }
            looks
        });
        for _ in 0..20 {
            assert_eq!(steps(&mut work), alone, "while somebody looks");
        }
        stop.store(true, Ordering::Relaxed);
        assert!(looker.join().unwrap() > 0);
    });
    drop(frame);
}

#[test]
fn held_then_dropped_buffers_rarely_reach_the_depot() {
    let _turn = one_at_a_time();
    let pool = BufferPool::new();
    let mut held: Vec<Buffer<u8>> = Vec::with_capacity(256);
    let mut work = || {
        held.extend((0..256).map(|_| pool.alloc::<u8>(1000)));
        held.clear();
    };
    for _ in 0..3 {
        work();
    }
    let before = pool.stats().totals.counts.depot_exchanges;
    let done = counted(&mut work);
    let exchanges = pool.stats().totals.counts.depot_exchanges - before;
    let operations = TIMES * 512;
    assert_eq!(done.locks, 0);
    assert!(exchanges > 0, "more than a magazine holds");
    assert!(exchanges <= operations / 16, "{exchanges} of {operations}");
    // Without contention, an exchange needs one read-modify-write of the list's head and two for the levels of the class. Half of
    // them are fetches, with two more for the sample of what was asked for.
    assert!(done.changes <= 5 * exchanges, "{done:?}, {exchanges}");
}

#[test]
fn producer_and_consumer_rarely_reach_the_depot() {
    let _turn = one_at_a_time();
    let pool = BufferPool::new();
    let count = 40_000;
    let (sender, receiver) = std::sync::mpsc::sync_channel::<Buffer<u8>>(256);
    let consumer = thread::spawn(move || {
        let mut buffers = receiver.into_iter();
        // At its first use of a pool, a thread is added to a list, under a lock.
        drop(buffers.next());
        let before = accesses();
        buffers.for_each(drop);
        accesses().locks - before.locks
    });
    let before = accesses();
    for _ in 0..count {
        sender.send(pool.alloc::<u8>(1000)).unwrap();
    }
    let cold = pool.stats().totals.counts.misses();
    drop(sender);
    assert_eq!(consumer.join().unwrap(), 0, "releases take no lock");
    let counts = pool.end_frame().totals.counts;
    let locks = accesses().locks - before.locks;
    assert!(
        locks <= 4 * cold + 8,
        "only new memory may need a lock: {locks}, {cold}"
    );
    let operations = 2 * count;
    assert!(counts.depot_exchanges <= operations / 16, "{counts:?}");
}

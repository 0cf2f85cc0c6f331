//! Programs that end in every order: threads that exit while frames are open, pools dropped before their buffers.
//!
//! Buffers are written and read until the very end, so that a sanitizer detects memory that was freed too early.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

use std::cell::RefCell;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use framepool::telemetry::FrameFeed;
use framepool::{
    Buffer, BufferPool, Frame, HealthConfig, HealthMonitor, SnapshotReader, Thresholds, Watch,
};

use crate::common::{Gate, TELEMETRY, assert_empty, assert_lawful, rounds};

thread_local! {
    static LEFT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) };
}

fn small() -> BufferPool {
    BufferPool::builder()
        .max_frames_in_flight(4)
        .frame_block_bytes(4096)
        .build()
        .unwrap()
}

#[test]
fn writes_of_exited_threads_stay_in_open_frame() {
    let pool = small();
    for round in 0..rounds(400) {
        let frame = pool.begin_frame();
        let slices: Vec<&mut [u32]> = thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|mark| {
                    let (frame, pool) = (&frame, &pool);
                    scope.spawn(move || {
                        drop(pool.alloc::<u8>(100 * mark));
                        // Several blocks, so that the current block of the ended thread is not its first.
                        let slices: Vec<_> = (0..6).map(|_| frame.alloc::<u32>(500)).collect();
                        for slice in slices {
                            slice.fill(mark as u32);
                        }
                        frame.alloc_copy(&[mark as u32; 9])
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .collect()
        });
        for (mark, slice) in slices.iter().enumerate() {
            assert!(slice.iter().all(|&element| element == mark as u32));
        }
        if round % 2 == 0 {
            pool.trim();
        }
        let snapshot = frame.release_all();
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert_eq!(snapshot.frame_allocs, 28);
            assert_eq!(snapshot.in_use_buffers, 0);
        }
    }
    assert_empty(&pool);
}

/// Like `Arc`, but the count itself orders the last owner after the others, because `ThreadSanitizer` does not support the
/// fence in `Arc`.
struct Counted(NonNull<(AtomicUsize, Frame)>);

impl Counted {
    fn new(frame: Frame) -> Self {
        Self(NonNull::from(Box::leak(Box::new((
            AtomicUsize::new(1),
            frame,
        )))))
    }
}

// SAFETY: a frame is `Send` and `Sync`, and the count is atomic.
unsafe impl Send for Counted {}

impl Clone for Counted {
    fn clone(&self) -> Self {
        // SAFETY: each reference keeps what it refers to.
        unsafe { self.0.as_ref() }.0.fetch_add(1, Relaxed);
        Self(self.0)
    }
}

impl Deref for Counted {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        // SAFETY: as in `clone`.
        &unsafe { self.0.as_ref() }.1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // SAFETY: as in `clone`; the last one frees what `new` made.
        unsafe {
            if self.0.as_ref().0.fetch_sub(1, AcqRel) == 1 {
                drop(Box::from_raw(self.0.as_ptr()));
            }
        }
    }
}

/// The last of several threads to finish ends the frame; which one is random.
#[test]
fn last_sharing_thread_ends_frame_after_handle_drop() {
    for _ in 0..rounds(800) {
        let pool = small();
        let mut feed = pool.subscribe();
        let frame = Counted::new(pool.begin_frame());
        let workers: Vec<_> = (0..4_u8)
            .map(|mark| {
                let frame = frame.clone();
                thread::spawn(move || {
                    let slice = frame.alloc::<u8>(1500);
                    slice.fill(mark);
                    let kept = frame.pool().alloc_copy(slice);
                    assert!(slice.iter().all(|&byte| byte == mark));
                    drop(frame);
                    kept
                })
            })
            .collect();
        drop((frame, pool));
        for (mark, worker) in workers.into_iter().enumerate() {
            let kept = worker.join().unwrap();
            assert!(kept.iter().all(|&byte| usize::from(byte) == mark));
        }
        let snapshot = feed.next().expect("the frame has ended");
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert_eq!((snapshot.frame_allocs, snapshot.open_frames), (4, 0));
        }
        assert!(feed.next().is_none());
    }
}

#[test]
fn exiting_thread_ends_its_own_open_frames() {
    let pool = small();
    let stay = pool.begin_frame();
    let slice = stay.alloc_copy(&[7_u64; 300]);
    for _ in 0..rounds(400) {
        let (shared, other) = (pool.clone(), pool.clone());
        let exiting = thread::spawn(move || {
            let frame = shared.begin_frame();
            frame.alloc::<u8>(5000).fill(1);
            // Dropped at thread exit, by the destructor of a thread-local that was initialised before or after the pool's
            // own.
            LEFT.with_borrow_mut(|left| {
                left.push(Box::new((shared.alloc::<u8>(700), frame, shared)));
            });
        });
        let working = thread::spawn(move || {
            let frame = other.begin_frame();
            for len in 0..40 {
                frame.alloc::<u8>(len * 60).fill(2);
            }
            assert_lawful(&frame.release_all());
        });
        exiting.join().unwrap();
        working.join().unwrap();
        assert!(slice.iter().all(|&element| element == 7));
        let snapshot = pool.end_frame();
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert_eq!((snapshot.open_frames, snapshot.in_use_buffers), (1, 1));
        }
    }
    stay.release_all();
    assert_empty(&pool);
}

/// Everything that a program may hold of a pool, apart from the pool.
struct Holdings {
    buffers: Vec<Buffer<u8>>,
    frame: Frame,
    reader: SnapshotReader,
    feed: FrameFeed,
    snapshot: Arc<framepool::FrameSnapshot>,
}

impl Holdings {
    fn of(pool: &BufferPool) -> Self {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(6000).fill(3);
        let holdings = Self {
            buffers: (0..12)
                .map(|len| pool.alloc_copy(&vec![4; len * 300]))
                .collect(),
            frame,
            reader: pool.snapshot_reader(),
            feed: pool.subscribe(),
            snapshot: pool.end_frame(),
        };
        assert_eq!(holdings.snapshot.frame.get(), 1);
        holdings
    }
}

/// Four threads each drop one part at the same moment, including the pool's last handle.
#[test]
fn pool_and_its_parts_may_drop_concurrently() {
    for round in 0..rounds(800) {
        let pool = BufferPool::new();
        let Holdings {
            mut buffers,
            frame,
            mut reader,
            mut feed,
            snapshot,
        } = Holdings::of(&pool);
        let half = buffers.split_off(6);
        let start = Gate::new(4);
        thread::scope(|scope| {
            let start = &start;
            let threads = [
                scope.spawn(move || {
                    start.wait();
                    drop(pool);
                    assert!(
                        half.iter()
                            .flat_map(|buffer| buffer.iter())
                            .all(|&byte| byte == 4)
                    );
                }),
                scope.spawn(move || {
                    start.wait();
                    assert!(
                        buffers
                            .iter()
                            .flat_map(|buffer| buffer.iter())
                            .all(|&byte| byte == 4)
                    );
                    buffers.truncate(round % 6);
                }),
                scope.spawn(move || {
                    start.wait();
                    frame.alloc::<u8>(100).fill(5);
                    let ended = frame.release_all();
                    assert_lawful(&ended);
                    assert_eq!(ended.frame.get(), 2);
                }),
                scope.spawn(move || {
                    start.wait();
                    assert!(reader.latest().frame.get() >= 1);
                    drop(reader);
                    while let Some(ended) = feed.next() {
                        assert!(ended.frame.get() <= 2);
                    }
                    assert_eq!(snapshot.frame.get(), 1);
                }),
            ];
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}

#[test]
fn new_threads_use_frame_buffers_after_pool_drop() {
    for _ in 0..rounds(400) {
        let pool = BufferPool::builder().leak_after_frames(0).build().unwrap();
        let Holdings { buffers, frame, .. } = Holdings::of(&pool);
        drop(pool);
        // The frame holds the pool, so a thread that never used the pool can allocate from it.
        let frame = thread::spawn(move || {
            frame.alloc::<u8>(9000).fill(6);
            let taken = frame.pool().alloc_zeroed::<u64>(64);
            assert!(taken.iter().all(|&element| element == 0));
            frame
        })
        .join()
        .unwrap();
        let out = frame.pool().outstanding();
        let ended = frame.release_all();
        assert_lawful(&ended);
        if TELEMETRY {
            assert_eq!((out.buffers, ended.in_use_buffers), (12, 12));
        }
        // Now only buffers are left of the pool.
        let mut buffers = buffers;
        let rest = buffers.split_off(5);
        let gone = thread::spawn(move || drop(buffers));
        assert!(
            rest.iter()
                .flat_map(|buffer| buffer.iter())
                .all(|&byte| byte == 4)
        );
        drop(rest);
        gone.join().unwrap();
    }
}

#[test]
fn snapshots_and_readers_may_outlive_pool_and_threads() {
    for _ in 0..rounds(200) {
        let pool = BufferPool::new();
        let (sender, receiver) = channel();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (pool, sender) = (pool.clone(), sender.clone());
                thread::spawn(move || {
                    let mut reader = pool.snapshot_reader();
                    for _ in 0..20 {
                        assert_lawful(reader.latest());
                        sender.send(pool.snapshot()).unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        for len in 0..30 {
            drop(pool.alloc::<u8>(len));
            pool.end_frame();
        }
        drop(pool);
        let kept: Vec<_> = receiver.iter().collect();
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(kept.len(), 60);
        for snapshot in &kept {
            assert_lawful(snapshot);
        }
    }
}

#[test]
fn last_holding_watch_may_stop_on_another_thread() {
    for round in 0..rounds(160) {
        let pool = BufferPool::new();
        let config = HealthConfig::default()
            .poll_interval(Duration::from_millis(1))
            .emit_interval(Duration::ZERO);
        let watch = Watch::start(&pool, config);
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || {
                for len in 0..50 {
                    let frame = pool.begin_frame();
                    frame.alloc::<u8>(len * 10).fill(1);
                    drop(pool.alloc::<u8>(len));
                }
                let mut monitor = HealthMonitor::new(Thresholds::default());
                assert!(monitor.emit(&pool).is_some());
                let frame = pool.begin_frame();
                frame.alloc::<u8>(10);
                frame
            })
        };
        drop(pool);
        let frame = worker.join().unwrap();
        if round % 2 == 0 {
            assert_eq!(frame.release_all().frame.get(), 51);
        }
        let store = watch.store().clone();
        thread::spawn(move || drop(watch)).join().unwrap();
        assert!(store.latest().is_some());
    }
}

/// The process ends while this thread waits, with an open frame and live buffers: neither a leak nor an error.
#[test]
fn process_may_end_while_thread_holds_everything() {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let pool = small();
        let holdings = Holdings::of(&pool);
        let slice = holdings.frame.alloc_copy(&[1_u8; 100]);
        sender.send(slice.len()).unwrap();
        loop {
            thread::park();
        }
    });
    assert_eq!(receiver.recv().unwrap(), 100);
}

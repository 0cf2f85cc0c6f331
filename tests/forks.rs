//! A forked child uses pools, stores and watches of its parent, at any state of the parent's other threads.
//!
//! Laws: L2 Never negative, L3 It adds up, L5 Workers never wait.
#![cfg(all(unix, not(miri)))]

#[path = "common/mod.rs"]
mod common;

use std::ffi::{c_int, c_uint};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::assert_lawful;
use framepool::{
    BufferPool, DiagnosticsStore, HealthConfig, HealthMonitor, Outstanding, Thresholds, Watch,
};

// SAFETY: these are the C library's.
unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn alarm(seconds: c_uint) -> c_uint;
    fn _exit(status: c_int) -> !;
}

/// A child that has not finished after this time hangs, and its alarm kills it.
const SECONDS: c_uint = 20;

/// Runs `work` in a forked child; returns its wait status, which is 0 if the work returned.
fn status_of_child(work: impl FnOnce()) -> c_int {
    // SAFETY: the child uses the library and the standard library, and leaves by `_exit`.
    let process = unsafe { fork() };
    assert!(process >= 0, "no fork");
    if process == 0 {
        // SAFETY: as above.
        unsafe {
            alarm(SECONDS);
            let done = catch_unwind(AssertUnwindSafe(work)).is_ok();
            _exit(c_int::from(!done));
        }
    }
    let mut status = -1;
    // SAFETY: the status is ours to write.
    let waited = unsafe { waitpid(process, &raw mut status, 0) };
    assert_eq!(waited, process);
    status
}

/// Everything that a child may do with its parent's pools.
fn use_everything(pool: &BufferPool, store: &DiagnosticsStore, watch: Option<Watch>) {
    for bytes in [0, 1, 1000, 100_000, 3 << 20] {
        let mut buffer = pool.alloc::<u8>(bytes);
        buffer.fill(1);
    }
    let kept = pool.alloc::<u32>(10);
    let frame = pool.begin_frame();
    frame.alloc::<u64>(1000).fill(1);
    assert_lawful(&frame.release_all());
    assert_lawful(&pool.end_frame());
    pool.trim();
    let mut feed = pool.subscribe();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    store.receive(monitor.emit_now(pool));
    let other = pool.clone();
    let worker = thread::spawn(move || other.alloc::<u8>(500));
    drop(worker.join().unwrap());
    pool.end_frame();
    assert!(feed.next().is_some());
    assert!(pool.outstanding().buffers > 0 || cfg!(not(feature = "telemetry")));
    if let Some(watch) = &watch {
        assert!(!watch.is_running());
        watch.stop();
        assert!(!watch.is_running());
    }
    drop(watch);
    let again = Watch::start(pool, HealthConfig::default());
    assert!(again.is_running());
    again.stop();
    let new = BufferPool::new();
    drop(new.alloc::<u8>(1));
    drop((new, kept));
}

#[test]
fn a_child_uses_what_busy_threads_used() {
    const CHILDREN: usize = 60;
    let pool = BufferPool::builder()
        .max_frames_in_flight(8)
        .thread_cache_bytes(64 << 10)
        .build()
        .unwrap();
    let config = HealthConfig::default()
        .emit_interval(Duration::from_millis(1))
        .poll_interval(Duration::from_millis(1));
    let mut watch = Some(Watch::start(&pool, config));
    let store = watch.as_ref().unwrap().store().clone();
    let stop = AtomicBool::new(false);
    let go_on = || !stop.load(Ordering::Relaxed);
    thread::scope(|scope| {
        // Allocates and releases.
        scope.spawn(|| {
            while go_on() {
                for bytes in [10, 5_000, 70_000] {
                    drop(pool.alloc::<u8>(bytes));
                }
            }
        });
        // Ends frames, and gives memory back.
        scope.spawn(|| {
            while go_on() {
                pool.begin_frame().alloc::<u8>(1000);
                pool.end_frame();
                drop(pool.alloc::<u8>(1 << 20));
                pool.trim();
            }
        });
        // Walks, and receives.
        scope.spawn(|| {
            let mut monitor = HealthMonitor::new(Thresholds::default());
            let mut out = Outstanding::default();
            while go_on() {
                pool.outstanding_into(&mut out);
                store.receive(monitor.emit_now(&pool));
            }
        });
        // Makes pools, and drops them. No threads: the standard library takes a lock of its own when one begins or ends.
        scope.spawn(|| {
            while go_on() {
                let short = BufferPool::new();
                drop((pool.alloc::<u8>(9), short.alloc::<u8>(9), short));
            }
        });
        for child in 0..CHILDREN {
            let status = status_of_child(|| use_everything(&pool, &store, watch.take()));
            if status != 0 {
                stop.store(true, Ordering::Relaxed);
            }
            assert_eq!(status, 0, "the wait status of child {child}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    // The parent is not affected.
    assert!(watch.as_ref().unwrap().is_running());
    assert_lawful(&pool.end_frame());
    drop(watch);
    assert_eq!(pool.stats().in_use_buffers, 0);
}

#[test]
fn a_child_of_a_child_works_too() {
    let pool = BufferPool::new();
    let watch = Watch::start(&pool, HealthConfig::default());
    let store = watch.store().clone();
    let status = status_of_child(|| {
        let own = Watch::start(&pool, HealthConfig::default());
        let status = status_of_child(|| {
            assert!(!own.is_running());
            use_everything(&pool, &store, Some(own));
        });
        assert_eq!(status, 0);
    });
    assert_eq!(status, 0);
    assert!(watch.is_running());
}

//! L8 (Steady state allocates nothing) for the monitor: once warm, recording a frame and judging a healthy pool make no
//! system calls for memory.
//!
//! Laws: L8 Steady state allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use framepool::{
    Buffer, BufferPool, DiagnosticsStore, FrameSnapshot, HealthMonitor, HealthStatus, Thresholds,
};

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    let _ = BYTES.try_with(|sum| sum.set(sum.get() + bytes as u64));
}

// SAFETY: every call goes to the system's allocator unchanged; the count touches a thread-local without destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn calls_of(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

#[test]
fn recording_a_frame_never_allocates() {
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let mut frame = FrameSnapshot::default();
    frame.allocs = 100;
    let calls = calls_of(|| {
        for _ in 0..2000 {
            monitor.record_frame(&frame, Duration::from_millis(16));
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn judging_a_healthy_pool_allocates_nothing_once_warm() {
    let pool = BufferPool::new();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let kept: Vec<_> = (0..32).map(|_| pool.alloc::<u8>(100)).collect();
    for buffer in &kept {
        Buffer::mark_long_lived(buffer);
    }
    let mut now = Instant::now();
    let mut judge = |emits: u32| {
        for _ in 0..emits {
            now += Duration::from_millis(200);
            monitor.record_frame(&pool.snapshot(), Duration::from_millis(16));
            let health = monitor.emit_at(&pool, now).unwrap();
            assert_eq!(health.status, HealthStatus::Healthy);
        }
    };
    for _ in 0..10 {
        pool.end_frame();
    }
    judge(3);
    assert_eq!(calls_of(|| judge(100)), 0);
}

#[test]
fn a_receipt_takes_little_memory() {
    let pool = BufferPool::new();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let store = DiagnosticsStore::new();
    let mut most = 0;
    for _ in 0..1_000 {
        let health = monitor.emit_now(&pool);
        let before = BYTES.get();
        store.receive(health);
        most = most.max(BYTES.get() - before);
    }
    assert_eq!(store.history().len(), 300);
    // A pointer for each health snapshot kept, and sometimes a segment of each ring.
    assert!(
        most < 64 << 10,
        "{most} bytes were allocated for one receipt"
    );
}

#[test]
fn recording_frames_into_full_ring_allocates_nothing() {
    let pool = BufferPool::new();
    pool.end_frame();
    let store = DiagnosticsStore::new();
    store.receive(HealthMonitor::new(Thresholds::default()).emit_now(&pool));
    let frame = *pool.snapshot();
    let record = || (0..2_000).for_each(|_| store.record_frame(&frame));
    record();
    assert_eq!(calls_of(record), 0);
    assert_eq!(store.frames_of(pool.id()).len(), 1_024);
}

#[test]
fn a_full_history_takes_no_more_memory() {
    let pool = BufferPool::new();
    let store = DiagnosticsStore::with_history(1);
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let mut now = Instant::now();
    let mut receive = |times: u32| {
        let mut bytes = 0;
        for _ in 0..times {
            now += Duration::from_mins(1);
            let health = monitor.emit_at(&pool, now).unwrap();
            let before = BYTES.get();
            store.receive(health);
            bytes += BYTES.get() - before;
        }
        bytes
    };
    // Later receipts free the memory that a receipt takes.
    receive(4_000);
    let per_receipt = receive(1_000) / 1_000;
    assert!(per_receipt < 8 << 10, "{per_receipt} bytes");
}

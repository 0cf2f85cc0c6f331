//! The diagnostics store while health is received and read.
//!
//! Laws: L4 Whole and ordered.

mod support;

use framepool_under_loom::{
    BufferPool, DiagnosticsStore, HealthMonitor, HealthSnapshot, HealthStatus, Thresholds,
};
use loom::thread;
use support::explore;

/// Judgements of a pool that exceeds its limit. Built on the heap, because loom's stacks are small.
fn critical(count: usize) -> Vec<HealthSnapshot> {
    let pool = BufferPool::new();
    let kept = pool.alloc::<u8>(1);
    pool.end_frame();
    let thresholds = Thresholds::default().pooled_bytes(1, 1);
    let mut monitor = Box::new(HealthMonitor::new(thresholds));
    let judged = (0..count).map(|_| monitor.emit_now(&pool)).collect();
    drop(kept);
    judged
}

#[test]
fn status_reader_sees_the_state_behind_the_status() {
    explore(Some(3), || {
        let health = critical(1).remove(0);
        let store = DiagnosticsStore::new();
        let receiver = {
            let store = store.clone();
            thread::spawn(move || store.receive(health))
        };
        if store.status() == HealthStatus::Critical {
            assert_eq!(store.active_alerts().len(), 1);
            assert!(store.latest().is_some());
        }
        receiver.join().unwrap();
        assert_eq!(store.status(), HealthStatus::Critical);
    });
}

#[test]
fn concurrently_received_snapshots_are_both_kept() {
    explore(Some(3), || {
        let mut judged = critical(2).into_iter();
        let store = DiagnosticsStore::new();
        let receiver = {
            let store = store.clone();
            let second = judged.next_back().unwrap();
            thread::spawn(move || store.receive(second))
        };
        store.receive(judged.next().unwrap());
        receiver.join().unwrap();
        assert_eq!(store.history().len(), 2);
        // Only the first of them was raised.
        assert_eq!(store.alert_log().len(), 1);
    });
}

#[test]
fn a_frame_read_while_recorded_is_whole() {
    explore(Some(2), || {
        let pool = BufferPool::new();
        pool.end_frame();
        let health = HealthMonitor::new(Thresholds::default()).emit_now(&pool);
        let store = DiagnosticsStore::new();
        store.receive(health);
        let mut frame = *pool.snapshot();
        let mut record = move |store: &DiagnosticsStore, number| {
            (frame.allocs, frame.releases) = (number, number);
            store.record_frame(&frame);
        };
        // Two places, both full.
        (1..=2).for_each(|number| record(&store, number));
        let writer = {
            let store = store.clone();
            thread::spawn(move || record(&store, 3))
        };
        let seen = store.frames_of(pool.id());
        assert!(
            seen.iter().map(|frame| frame.allocs).is_sorted(),
            "in order"
        );
        for frame in &seen {
            assert_eq!(frame.allocs, frame.releases, "torn");
        }
        writer.join().unwrap();
        assert_eq!(store.frames_of(pool.id()).len(), 2);
    });
}

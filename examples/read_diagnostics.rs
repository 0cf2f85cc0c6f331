//! Reads the diagnostics from another thread, without disturbing the work.
//!
//! One thread runs frames and, for a while, forgets to release buffers. Another reads the pool's immutable snapshots, and
//! the health that a background thread derives from them. No reader ever blocks the worker.
//!
//!     cargo run --release --example read_diagnostics

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use framepool::health::LeakVerdict;
use framepool::{Buffer, BufferPool, HealthConfig, Rule, Thresholds, Watch};

fn main() {
    let pool = BufferPool::builder()
        .name("worker")
        .leak_after_frames(4)
        .build()
        .expect("a pool with default settings");
    // This program keeps no buffers, so any growth is a leak and no warm-up is needed.
    let thresholds = Thresholds::default().leak_warm_up(0, Duration::ZERO);
    let watch = Watch::start(&pool, HealthConfig::default().thresholds(thresholds));
    let (found, done) = (AtomicBool::new(false), AtomicBool::new(false));

    thread::scope(|scope| {
        scope.spawn(|| work(&pool, &found, &done));

        // This thread only reads.
        let store = watch.store();
        let began = Instant::now();
        let mut last_frame = 0;
        while !found.load(Ordering::Relaxed) && began.elapsed() < Duration::from_millis(1_500) {
            let snapshot = pool.snapshot();
            assert!(
                snapshot.frame.get() >= last_frame,
                "frame numbers never go back"
            );
            assert_eq!(
                snapshot.pooled_bytes,
                snapshot.in_use_bytes + snapshot.idle_bytes,
                "a snapshot is whole: it adds up whenever it is read"
            );
            last_frame = snapshot.frame.get();

            if let Some(alert) = store
                .active_alerts()
                .iter()
                .find(|alert| alert.rule == Rule::Leak)
            {
                println!("frame {last_frame}: {alert}");
                found.store(true, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(5));
        }
        assert!(found.load(Ordering::Relaxed), "the leak was found");

        // Who holds what, by the line that allocated it: exact, and always on.
        let outstanding = pool.outstanding();
        println!("{outstanding}");
        // The verdict: since when and how fast the number of that line's buffers grows.
        let health = store.latest().expect("a health snapshot");
        let site = health
            .verdicts
            .with(LeakVerdict::Growing)
            .next()
            .expect("the leaking line");
        println!("{site}");
        assert!(site.location.file().ends_with("read_diagnostics.rs"));
        done.store(true, Ordering::Relaxed);
    });

    // The worker has dropped the forgotten buffers.
    assert_eq!(pool.outstanding().buffers, 0);
    println!("all {} buffers came back", pool.stats().totals.allocs);
}

/// Frames of five milliseconds. Every second one forgets a buffer, until the reader has found the leak.
fn work(pool: &BufferPool, found: &AtomicBool, done: &AtomicBool) {
    let mut forgotten: Vec<Buffer<u8>> = Vec::new();
    // Relaxed: these flags only stop loops; no other data depends on them.
    while !done.load(Ordering::Relaxed) {
        let frame = pool.begin_frame();
        let scratch = frame.alloc::<u32>(1_024);
        scratch.fill(1);
        let mut kept = pool.alloc::<u8>(10_000);
        kept[0] = scratch[0] as u8;
        let even = frame.id().get().is_multiple_of(2);
        if even && !found.load(Ordering::Relaxed) && forgotten.len() < 100 {
            forgotten.push(kept);
        }
        frame.release_all();
        thread::sleep(Duration::from_millis(5));
    }
}

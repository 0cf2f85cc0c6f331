//! How does the cost of a frame end grow with the number of slots, with none of them in use, and with two?

mod brief;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use framepool::BufferPool;
use rivals::slots::with_slots;

const SLOTS: [usize; 6] = [1, 2, 8, 32, 128, 512];

/// Runs `body` while another thread allocates a buffer about once per frame.
fn beside_an_active_thread(pool: &BufferPool, frames: &AtomicU64, body: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = 0;
            // Relaxed, both: no other data depends on them.
            while !stop.load(Ordering::Relaxed) {
                let now = frames.load(Ordering::Relaxed);
                if now != seen {
                    seen = now;
                    drop(pool.alloc::<u8>(256));
                }
                std::thread::yield_now();
            }
        });
        body();
        // Relaxed: no other data depends on it.
        stop.store(true, Ordering::Relaxed);
    });
}

fn idle(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_end_by_slots");
    for slots in SLOTS {
        let pool = BufferPool::new();
        with_slots(&pool, slots - 1, || {
            group.bench_function(BenchmarkId::new("idle", slots), |b| {
                b.iter(|| pool.begin_frame().release_all());
            });
        });
    }
    group.finish();
}

fn two_active(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_end_by_slots");
    for slots in SLOTS.into_iter().filter(|&slots| slots > 1) {
        let pool = BufferPool::new();
        with_slots(&pool, slots - 2, || {
            let frames = AtomicU64::new(0);
            beside_an_active_thread(&pool, &frames, || {
                group.bench_function(BenchmarkId::new("2 active", slots), |b| {
                    b.iter(|| {
                        // Relaxed: no other data depends on it.
                        frames.fetch_add(1, Ordering::Relaxed);
                        let frame = pool.begin_frame();
                        frame.alloc::<u8>(256);
                        frame.release_all()
                    });
                });
            });
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = idle, two_active);
criterion_main!(benches);

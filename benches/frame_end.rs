//! What does a frame end cost, by the number of slots, of which two are in use?

#[path = "rivals/brief.rs"]
mod brief;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use arc_swap::ArcSwap;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use framepool::{BufferPool, FrameSnapshot};

/// Runs `body` while `others` threads beside this one have a slot of the pool.
fn with_slots(pool: &BufferPool, others: usize, body: impl FnOnce()) {
    std::thread::scope(|scope| {
        let (ready, all_ready) = mpsc::channel();
        let ends: Vec<_> = (0..others)
            .map(|_| {
                let (end, wait) = mpsc::channel::<()>();
                let ready = ready.clone();
                std::thread::Builder::new()
                    .stack_size(64 << 10)
                    .spawn_scoped(scope, move || {
                        drop(pool.alloc::<u8>(256));
                        ready.send(()).expect("the measurement waits");
                        // Ends when the other side is dropped.
                        let _ = wait.recv();
                    })
                    .expect("a thread");
                end
            })
            .collect();
        for _ in 0..others {
            all_ready.recv().expect("every thread gets a slot");
        }
        drop(pool.alloc::<u8>(256));
        body();
        drop(ends);
    });
}

/// Runs `body` while another thread takes a buffer now and then: once per frame, about.
fn beside_an_active_thread(pool: &BufferPool, frames: &AtomicU64, body: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = 0;
            // Relaxed, both: signals of their own.
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
        stop.store(true, Ordering::Relaxed);
    });
}

fn frame_end(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_end");
    for slots in [1, 2, 8, 32, 128, 512] {
        let pool = BufferPool::new();
        with_slots(&pool, slots - 1, || {
            group.bench_function(BenchmarkId::new("idle slots", slots), |b| {
                b.iter(|| pool.begin_frame().release_all());
            });
        });
        if slots < 2 {
            continue;
        }
        with_slots(&pool, slots - 2, || {
            let frames = AtomicU64::new(0);
            beside_an_active_thread(&pool, &frames, || {
                group.bench_function(BenchmarkId::new("2 active slots", slots), |b| {
                    b.iter(|| {
                        // Relaxed: a signal of its own.
                        frames.fetch_add(1, Ordering::Relaxed);
                        let frame = pool.begin_frame();
                        frame.alloc::<u8>(256);
                        frame.release_all()
                    });
                });
            });
        });
    }
    let shared = ArcSwap::from_pointee(FrameSnapshot::default());
    group.bench_function("arc-swap, a new snapshot stored", |b| {
        b.iter(|| shared.store(Arc::new(FrameSnapshot::default())));
    });
    let mut next = Arc::new(FrameSnapshot::default());
    group.bench_function("arc-swap, an old snapshot swapped in", |b| {
        b.iter(|| next = shared.swap(Arc::clone(&next)));
    });
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = frame_end);
criterion_main!(benches);

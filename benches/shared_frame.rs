//! What does a frame buffer cost when two threads allocate from one frame at once? Only the allocs, up to 16 KiB.

mod brief;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framepool::BufferPool;
use rivals::shared_frame::{MOST, PER_FRAME, arenas, bumpalo, framepool};
use rivals::sizes;

/// The time of a thread's allocs in all frames together, as the mean over the threads.
fn of_one_thread(took: &[Vec<Duration>]) -> Duration {
    took.iter().flatten().sum::<Duration>() / took.len() as u32
}

fn shared_frame(c: &mut Criterion) {
    let sizes = sizes::mixed(PER_FRAME, MOST);
    let pool = BufferPool::new();
    let mut group = c.benchmark_group("shared_frame");
    group.throughput(Throughput::Elements(PER_FRAME as u64));
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new("framepool, one frame", threads), |b| {
            b.iter_custom(|frames| of_one_thread(&arenas(&pool, threads, frames as usize, &sizes)));
        });
        group.bench_function(
            BenchmarkId::new("framepool, one frame, looked up", threads),
            |b| {
                b.iter_custom(|frames| {
                    of_one_thread(&framepool(&pool, threads, frames as usize, &sizes))
                });
            },
        );
        group.bench_function(BenchmarkId::new("bumpalo, one per thread", threads), |b| {
            b.iter_custom(|frames| of_one_thread(&bumpalo(threads, frames as usize, &sizes)));
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = shared_frame);
criterion_main!(benches);

//! What does it cost to read the newest snapshot?

mod brief;

use std::sync::{Arc, RwLock};

use arc_swap::{ArcSwap, Cache};
use criterion::{Criterion, criterion_group, criterion_main};
use framepool::{BufferPool, FrameSnapshot};

fn snapshot_read(c: &mut Criterion) {
    let pool = BufferPool::new();
    let mut reader = pool.snapshot_reader();
    let shared = Arc::new(ArcSwap::from_pointee(FrameSnapshot::default()));
    let mut cache = Cache::new(Arc::clone(&shared));
    let locked = RwLock::new(Arc::new(FrameSnapshot::default()));

    let mut group = c.benchmark_group("snapshot_read");
    group.bench_function("framepool, snapshot()", |b| {
        b.iter(|| pool.snapshot().allocs);
    });
    group.bench_function("arc-swap, load_full", |b| {
        b.iter(|| shared.load_full().allocs);
    });
    group.bench_function("std RwLock<Arc>, read and clone", |b| {
        b.iter(|| Arc::clone(&locked.read().expect("no panic")).allocs);
    });
    group.bench_function("framepool, SnapshotReader", |b| {
        b.iter(|| reader.latest().allocs);
    });
    group.bench_function("arc-swap, Cache", |b| {
        b.iter(|| cache.load().allocs);
    });
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = snapshot_read);
criterion_main!(benches);

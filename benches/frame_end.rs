//! What does the end of an empty frame cost, with two slots?

mod brief;

use std::sync::Arc;

use arc_swap::ArcSwap;
use criterion::{Criterion, criterion_group, criterion_main};
use framepool::{BufferPool, FrameSnapshot};
use rivals::slots::with_slots;

fn frame_end(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_end");
    let pool = BufferPool::new();
    with_slots(&pool, 1, || {
        group.bench_function("framepool", |b| {
            b.iter(|| pool.begin_frame().release_all());
        });
    });
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

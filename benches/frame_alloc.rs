//! What does a frame buffer cost in a frame of 1,024 of one size, and a value in a frame of 1,024, including frame end and publishing?

mod brief;

use std::hint::black_box;

use bumpalo::Bump;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framepool::BufferPool;
use rivals::frames::{
    arena_frame, arena_values, bump_frame, bump_layout, bump_values, frame, values,
};

const PER_FRAME: usize = 1024;

fn frame_alloc(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_alloc");
    group.throughput(Throughput::Elements(PER_FRAME as u64));
    for bytes in [256, 1 << 10, 4 << 10] {
        group.bench_function(BenchmarkId::new("framepool", bytes), |b| {
            let pool = BufferPool::new();
            let bytes = black_box(bytes);
            b.iter(|| arena_frame(&pool, std::iter::repeat_n(bytes, PER_FRAME)));
        });
        group.bench_function(BenchmarkId::new("framepool, looked up", bytes), |b| {
            let pool = BufferPool::new();
            let bytes = black_box(bytes);
            b.iter(|| frame(&pool, std::iter::repeat_n(bytes, PER_FRAME)));
        });
        group.bench_function(BenchmarkId::new("bumpalo", bytes), |b| {
            let mut bump = Bump::new();
            let layout = bump_layout(black_box(bytes));
            b.iter(|| bump_frame(&mut bump, layout, PER_FRAME));
        });
    }
    group.finish();
}

fn frame_value(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_value");
    group.throughput(Throughput::Elements(PER_FRAME as u64));
    group.bench_function("framepool", |b| {
        let pool = BufferPool::new();
        b.iter(|| arena_values(&pool, PER_FRAME));
    });
    group.bench_function("framepool, looked up", |b| {
        let pool = BufferPool::new();
        b.iter(|| values(&pool, PER_FRAME));
    });
    group.bench_function("bumpalo", |b| {
        let mut bump = Bump::new();
        b.iter(|| bump_values(&mut bump, PER_FRAME));
    });
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = frame_alloc, frame_value);
criterion_main!(benches);

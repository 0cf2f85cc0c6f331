//! What does a buffer cost in a frame of 64 of mixed sizes, up to 256 KiB, all released at once?
//!
//! The state that other contestants leave in its heap makes glibc slower or faster; measure it alone with
//! `cargo bench --bench frame_mixed -- glibc`.

mod brief;

use std::alloc::System;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use framepool::BufferPool;
use mimalloc::MiMalloc;
use rivals::{Heap, Lender, frames, hold, sizes};

const MIXED: usize = 64;
const MOST: usize = 256 << 10;

fn bench(c: &mut Criterion, name: &str, mut frame: impl FnMut()) {
    let mut group = c.benchmark_group("frame_mixed");
    group.throughput(Throughput::Elements(MIXED as u64));
    group.bench_function(name, |b| b.iter(&mut frame));
}

fn heap(c: &mut Criterion, name: &str, lender: &impl Lender, sizes: &[usize]) {
    let mut kept = Vec::with_capacity(sizes.len());
    bench(c, name, || hold(lender, sizes.iter().copied(), &mut kept));
}

fn frame_mixed(c: &mut Criterion) {
    let sizes = sizes::mixed(MIXED, MOST);
    let pool = BufferPool::new();
    bench(c, "framepool", || {
        frames::arena_frame(&pool, sizes.iter().copied());
    });
    bench(c, "framepool, looked up", || {
        frames::frame(&pool, sizes.iter().copied());
    });
    heap(c, "mimalloc", &Heap(MiMalloc), &sizes);
    heap(c, "glibc", &Heap(System), &sizes);
}

criterion_group!(name = benches; config = brief::brief(); targets = frame_mixed);
criterion_main!(benches);

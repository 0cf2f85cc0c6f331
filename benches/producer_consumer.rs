//! What does a buffer cost in total if one thread allocates and another releases it?

mod brief;

use std::alloc::System;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framepool::BufferPool;
use mimalloc::MiMalloc;
use rivals::ring::{CAPACITY, pass};
use rivals::{Heap, Lender, Queue};

/// Buffers passed per iteration. Each iteration starts two threads.
const COUNT: usize = 20_000;

fn bench<L>(c: &mut Criterion, name: &str, bytes: usize, lender: &L)
where
    L: Lender + Sync,
    for<'l> L::Lent<'l>: Send,
{
    let mut group = c.benchmark_group("producer_consumer");
    group
        .sample_size(15)
        .throughput(Throughput::Elements(COUNT as u64));
    group.bench_function(BenchmarkId::new(name, bytes), |b| {
        b.iter_custom(|times| (0..times).map(|_| pass(lender, bytes, COUNT)).sum());
    });
}

fn producer_consumer(c: &mut Criterion) {
    for bytes in [256, 4 << 10, 64 << 10] {
        bench(c, "framepool", bytes, &BufferPool::new());
        bench(c, "mimalloc", bytes, &Heap(MiMalloc));
        bench(c, "glibc", bytes, &Heap(System));
        bench(c, "ArrayQueue as pool", bytes, &Queue::new(2 * CAPACITY));
    }
}

criterion_group!(name = benches; config = brief::brief(); targets = producer_consumer);
criterion_main!(benches);

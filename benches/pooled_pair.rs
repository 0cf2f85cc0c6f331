//! What does a pooled buffer cost if it is released at once, by size?

mod brief;

use std::alloc::System;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use framepool::BufferPool;
use mimalloc::MiMalloc;
use rivals::{FreeList, Heap, Lender, Queue, pair};
use snmalloc_rs::SnMalloc;
use tikv_jemallocator::Jemalloc;

const SIZES: [usize; 7] = [
    256,
    1 << 10,
    4 << 10,
    16 << 10,
    64 << 10,
    256 << 10,
    1 << 20,
];

fn bench(c: &mut Criterion, name: &str, bytes: usize, lender: &impl Lender) {
    c.benchmark_group("pooled_pair")
        .bench_function(BenchmarkId::new(name, bytes), |b| {
            let bytes = black_box(bytes);
            b.iter(|| pair(lender, bytes));
        });
}

fn pooled_pair(c: &mut Criterion) {
    for bytes in SIZES {
        bench(c, "framepool", bytes, &BufferPool::new());
        bench(c, "mimalloc", bytes, &Heap(MiMalloc));
        bench(c, "jemalloc", bytes, &Heap(Jemalloc));
        bench(c, "snmalloc", bytes, &Heap(SnMalloc));
        bench(c, "glibc", bytes, &Heap(System));
        bench(c, "hand-written list", bytes, &FreeList);
        bench(c, "ArrayQueue as pool", bytes, &Queue::new(64));
    }
}

criterion_group!(name = benches; config = brief::brief(); targets = pooled_pair);
criterion_main!(benches);

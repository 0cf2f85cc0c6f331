//! What do 64 pooled buffers of 1 KiB cost if all are held, then all dropped?

mod brief;

use std::alloc::System;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use framepool::BufferPool;
use mimalloc::MiMalloc;
use rivals::{FreeList, Heap, Lender, Queue, hold};
use snmalloc_rs::SnMalloc;
use tikv_jemallocator::Jemalloc;

const COUNT: usize = 64;
const BYTES: usize = 1024;

fn bench(c: &mut Criterion, name: &str, lender: &impl Lender) {
    let mut kept = Vec::with_capacity(COUNT);
    let mut group = c.benchmark_group("held");
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function(name, |b| {
        let bytes = black_box(BYTES);
        b.iter(|| hold(lender, std::iter::repeat_n(bytes, COUNT), &mut kept));
    });
}

fn held(c: &mut Criterion) {
    bench(c, "framepool", &BufferPool::new());
    bench(c, "mimalloc", &Heap(MiMalloc));
    bench(c, "jemalloc", &Heap(Jemalloc));
    bench(c, "snmalloc", &Heap(SnMalloc));
    bench(c, "glibc", &Heap(System));
    bench(c, "hand-written list", &FreeList);
    bench(c, "ArrayQueue as pool", &Queue::new(COUNT));
}

criterion_group!(name = benches; config = brief::brief(); targets = held);
criterion_main!(benches);

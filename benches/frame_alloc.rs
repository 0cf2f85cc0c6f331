//! What does a frame buffer cost, frame end and publishing included?

#[path = "rivals/brief.rs"]
mod brief;
mod rivals;

use std::alloc::{Layout, System};
use std::hint::black_box;

use bumpalo::Bump;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framepool::BufferPool;
use mimalloc::MiMalloc;
use rivals::{Heap, Lender, hold, sizes};

const PER_FRAME: usize = 1024;
const MIXED: usize = 64;
const ALIGNMENT: usize = 64;

#[inline(always)]
fn touch(start: *mut u8) {
    // SAFETY: the callers pass the start of a buffer they just got, which has at least one byte.
    unsafe { start.write_volatile(1) }
}

#[inline(always)]
fn frame(pool: &BufferPool, sizes: impl IntoIterator<Item = usize>) {
    let frame = pool.begin_frame();
    for bytes in sizes {
        touch(frame.alloc::<u8>(bytes).as_mut_ptr());
    }
    frame.release_all();
}

fn same_size(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_alloc");
    group.throughput(Throughput::Elements(PER_FRAME as u64));
    for bytes in [256, 1 << 10, 4 << 10] {
        group.bench_function(BenchmarkId::new("framepool", bytes), |b| {
            let pool = BufferPool::new();
            let bytes = black_box(bytes);
            b.iter(|| frame(&pool, std::iter::repeat_n(bytes, PER_FRAME)));
        });
        group.bench_function(BenchmarkId::new("bumpalo", bytes), |b| {
            let mut bump = Bump::new();
            let layout = Layout::from_size_align(black_box(bytes), ALIGNMENT).expect("small");
            b.iter(|| {
                for _ in 0..PER_FRAME {
                    touch(bump.alloc_layout(layout).as_ptr());
                }
                bump.reset();
            });
        });
    }
    group.finish();
}

fn heap<L: Lender>(c: &mut Criterion, name: &str, lender: &L, sizes: &[usize]) {
    let mut kept = Vec::with_capacity(sizes.len());
    let mut group = c.benchmark_group("frame_of_64_mixed");
    group.throughput(Throughput::Elements(MIXED as u64));
    group.bench_function(name, |b| {
        b.iter(|| hold(lender, sizes.iter().copied(), &mut kept));
    });
}

fn mixed(c: &mut Criterion) {
    let sizes = sizes::mixed(MIXED, 256 << 10);
    let mut group = c.benchmark_group("frame_of_64_mixed");
    group.throughput(Throughput::Elements(MIXED as u64));
    group.bench_function("framepool", |b| {
        let pool = BufferPool::new();
        b.iter(|| frame(&pool, sizes.iter().copied()));
    });
    group.finish();
    heap(c, "mimalloc", &Heap(MiMalloc), &sizes);
    heap(c, "system malloc", &Heap(System), &sizes);
}

criterion_group!(name = benches; config = brief::brief(); targets = same_size, mixed);
criterion_main!(benches);

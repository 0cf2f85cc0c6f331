//! Does a worker slow down while another thread reads snapshots without pause and walks all records 100 times a second?
//!
//! In the quiet case that thread spins instead, so that both cores are as busy.

mod brief;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use framepool::BufferPool;
use rivals::pair;
use rivals::readers::beside_a_reader;

fn beside_readers(c: &mut Criterion) {
    let mut group = c.benchmark_group("beside_readers");
    let pool = BufferPool::new();
    beside_a_reader(&pool, |disturb| {
        for (name, disturbed) in [("quiet", false), ("beside readers and walks", true)] {
            disturb(disturbed);
            group.bench_function(name, |b| {
                let bytes = black_box(256);
                b.iter(|| pair(&pool, bytes));
            });
        }
    });
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = beside_readers);
criterion_main!(benches);

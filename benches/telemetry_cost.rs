//! What do telemetry and attribution cost?
//!
//! Attribution is a setting of the pool, so both settings are measured here. The build without telemetry is another build:
//!
//! ```text
//! cargo bench --bench telemetry_cost
//! cargo bench --bench telemetry_cost --no-default-features
//! ```
//!
//! Criterion then shows the change from the first to the second. Without telemetry there is nothing to attribute, and the
//! two settings are the same.

mod brief;

use std::hint::black_box;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use framepool::{Attribution, BufferPool};
use framepool_cli::timed::{Name, TimedReplay};
use rivals::frames::frame;
use rivals::pair;

const PER_FRAME: usize = 1024;

/// A pool for each setting.
fn settings() -> [(&'static str, BufferPool); 2] {
    let off = BufferPool::new();
    off.set_attribution(Attribution::Off);
    [
        ("attribution on", BufferPool::new()),
        ("attribution off", off),
    ]
}

fn pooled_pair(c: &mut Criterion) {
    let mut group = c.benchmark_group("telemetry_cost, pooled pair");
    for (name, pool) in settings() {
        group.bench_function(name, |b| {
            let bytes = black_box(256);
            b.iter(|| pair(&pool, bytes));
        });
    }
    group.finish();
}

/// Frame buffers are never attributed.
fn frame_alloc(c: &mut Criterion) {
    let pool = BufferPool::new();
    let mut group = c.benchmark_group("telemetry_cost, frame alloc");
    group.throughput(Throughput::Elements(PER_FRAME as u64));
    group.bench_function("framepool", |b| {
        let bytes = black_box(256);
        b.iter(|| frame(&pool, std::iter::repeat_n(bytes, PER_FRAME)));
    });
    group.finish();
}

fn trace(c: &mut Criterion) {
    let mut group = c.benchmark_group("telemetry_cost, trace replay");
    group.sample_size(15).sampling_mode(SamplingMode::Flat);
    for (name, pool) in settings() {
        let replay = TimedReplay::of_bundled(pool).expect("threads");
        group.throughput(Throughput::Elements(replay.operations()));
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                (0..times)
                    .map(|_| replay.run(Name::Framepool).expect("a replay"))
                    .sum()
            });
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = pooled_pair, frame_alloc, trace);
criterion_main!(benches);

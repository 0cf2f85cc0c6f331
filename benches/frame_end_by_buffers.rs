//! Does a frame end take longer for more frame buffers? The ends alone.

mod brief;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rivals::frames::{ends_of_frames, roomy_pool};

fn frame_end_by_buffers(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_end_by_buffers");
    for buffers in [16, 512, 16_384] {
        let pool = roomy_pool();
        group.bench_function(BenchmarkId::new("framepool", buffers), |b| {
            b.iter_custom(|count| ends_of_frames(&pool, buffers, count));
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = frame_end_by_buffers);
criterion_main!(benches);

//! What does a recorded program's alloc or free cost, if every buffer is written and checked, including frame ends?
//!
//! "addresses given beforehand" is the replay without an allocator: the cost of the replay itself, to subtract from the
//! others.

mod brief;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use framepool::BufferPool;
use framepool_cli::timed::{Name, TimedReplay};

fn trace_replay(c: &mut Criterion) {
    let replay = TimedReplay::of_bundled(BufferPool::new()).expect("threads");
    let mut group = c.benchmark_group("trace_replay");
    group
        .sample_size(15)
        .sampling_mode(SamplingMode::Flat)
        .throughput(Throughput::Elements(replay.operations()));
    for (name, who) in [
        ("framepool", Name::Framepool),
        ("mimalloc", Name::MiMalloc),
        ("glibc", Name::System),
        ("addresses given beforehand", Name::Null),
    ] {
        group.bench_function(name, |b| {
            b.iter_custom(|times| (0..times).map(|_| replay.run(who).expect("a replay")).sum());
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = brief::brief(); targets = trace_replay);
criterion_main!(benches);

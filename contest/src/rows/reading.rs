//! The cost of reading the newest snapshot, and whether readers disturb a worker.

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use framepool::{BufferPool, FrameSnapshot};
use rivals::readers::beside_a_reader;

use super::pooled::pairs;
use super::{Question, against};
use crate::measure::{Contestant, Plan, interleave};
use crate::table::Row;

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new("newest snapshot, the plain way", plain),
        Question::new("newest snapshot, a cached handle", cached),
        Question::new("worker's pair beside readers and walks", disturbed),
    ]
}

fn plain(plan: &Plan) -> Vec<Row> {
    let pool = BufferPool::new();
    let shared = ArcSwap::from_pointee(FrameSnapshot::default());
    let times = interleave(
        plan,
        vec![
            Contestant::new("framepool", || {
                black_box(pool.snapshot().allocs);
            }),
            Contestant::new("arc_swap load_full", || {
                black_box(shared.load_full().allocs);
            }),
        ],
    );
    vec![against(&times, "arc_swap load_full", 1.1)]
}

fn cached(plan: &Plan) -> Vec<Row> {
    let pool = BufferPool::new();
    let mut reader = pool.snapshot_reader();
    let shared = Arc::new(ArcSwap::from_pointee(FrameSnapshot::default()));
    let mut cache = Cache::new(Arc::clone(&shared));
    let times = interleave(
        plan,
        vec![
            Contestant::new("framepool", || {
                black_box(reader.latest().allocs);
            }),
            Contestant::new("arc_swap::Cache", || {
                black_box(cache.load().allocs);
            }),
        ],
    );
    vec![against(&times, "arc_swap::Cache", 1.5)]
}

/// The worker, with and without a second thread that reads snapshots and walks the records.
fn disturbed(plan: &Plan) -> Vec<Row> {
    let pool = BufferPool::new();
    beside_a_reader(&pool, |disturb| {
        let worker = |name: &'static str, disturbed: bool| {
            let mut pairs = pairs(name, &pool, 256);
            Contestant::timed(name, move |count| {
                disturb(disturbed);
                pairs.run(count)
            })
        };
        let times = interleave(
            plan,
            vec![worker("disturbed", true), worker("itself", false)],
        );
        vec![against(&times, "itself", 1.05)]
    })
}

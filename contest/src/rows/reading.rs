//! Reading the newest snapshot, and whether readers disturb a worker.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use framepool::{BufferPool, FrameSnapshot, Outstanding};

use super::{Question, against};
use crate::measure::{Contestant, Plan, interleave};
use crate::rivals::pair;
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

/// The worker with and without a thread beside it that reads snapshots without pause and walks all records 100 times
/// a second. While it is not to disturb, that thread spins on a word of its own, so that both cores are as busy.
fn disturbed(plan: &Plan) -> Vec<Row> {
    let pool = BufferPool::new();
    let (disturb, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut out = Outstanding::default();
            let mut walked = Instant::now();
            // Relaxed, both: flags of their own.
            while !stop.load(Ordering::Relaxed) {
                if !disturb.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                    continue;
                }
                black_box(pool.snapshot().allocs);
                if walked.elapsed() >= Duration::from_millis(10) {
                    walked = Instant::now();
                    pool.outstanding_into(&mut out);
                }
            }
        });
        let worker = |name: &'static str, disturbed: bool| {
            let (pool, disturb) = (&pool, &disturb);
            Contestant::timed(name, move |count| {
                // Relaxed: a flag of its own.
                disturb.store(disturbed, Ordering::Relaxed);
                let bytes = black_box(256);
                let began = Instant::now();
                for _ in 0..count {
                    pair(pool, bytes);
                }
                began.elapsed()
            })
        };
        let times = interleave(
            plan,
            vec![worker("disturbed", true), worker("itself", false)],
        );
        // Relaxed: a flag of its own.
        stop.store(true, Ordering::Relaxed);
        vec![against(&times, "itself", 1.05)]
    })
}

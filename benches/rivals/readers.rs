//! Readers of a pool's telemetry beside its workers.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use framepool::{BufferPool, Outstanding};

/// How often all records are walked.
const WALK_EVERY: Duration = Duration::from_millis(10);

/// Runs `body` beside a thread that, when `body` tells it `true`, reads snapshots without pause and walks all records 100
/// times a second. While it is not to disturb, that thread spins on a word of its own, so that both cores are as busy.
pub fn beside_a_reader<R>(pool: &BufferPool, body: impl FnOnce(&dyn Fn(bool)) -> R) -> R {
    let (disturb, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut out = Outstanding::default();
            let mut walked = Instant::now();
            // Relaxed, both: flags of their own.
            while !stop.load(Ordering::Relaxed) {
                if !disturb.load(Ordering::Relaxed) {
                    spin_loop();
                    continue;
                }
                black_box(pool.snapshot().allocs);
                if walked.elapsed() >= WALK_EVERY {
                    walked = Instant::now();
                    pool.outstanding_into(&mut out);
                }
            }
        });
        // Relaxed: a flag of its own.
        let result = body(&|on| disturb.store(on, Ordering::Relaxed));
        // Relaxed: a flag of its own.
        stop.store(true, Ordering::Relaxed);
        result
    })
}

//! Readers of a pool's telemetry, concurrent with its workers.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use framepool::{BufferPool, Outstanding};

/// The interval of walks over all records.
const WALK_EVERY: Duration = Duration::from_millis(10);

/// Runs `body` next to a reader thread. After `body` passes it `true`, the reader reads snapshots continuously and walks
/// all records 100 times a second. Otherwise it spins on its own word, so that both cores are equally busy.
pub fn beside_a_reader<R>(pool: &BufferPool, body: impl FnOnce(&dyn Fn(bool)) -> R) -> R {
    let (disturb, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut out = Outstanding::default();
            let mut walked = Instant::now();
            // Relaxed, both: no other data depends on them.
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
        // Relaxed: no other data depends on it.
        let result = body(&|on| disturb.store(on, Ordering::Relaxed));
        // Relaxed: no other data depends on it.
        stop.store(true, Ordering::Relaxed);
        result
    })
}

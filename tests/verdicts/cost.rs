//! The cost of verdicts: 10,000 buffers in use at 500 call sites.

use std::panic::Location;
use std::time::{Duration, Instant};

use framepool::health::LeakVerdict;
use framepool::{BufferPool, HealthMonitor, Thresholds};

use crate::bench::TICK;

#[test]
fn ten_thousand_buffers_of_500_sites_are_judged() {
    let pool = BufferPool::new();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let sites = five_hundred();
    let held: Vec<_> = (0..10_000)
        .map(|at| pool.alloc_at::<u8>(64 + at / 500, sites[at % 500]))
        .collect();
    let mut now = Instant::now();
    let (mut quickest, mut walk) = (Duration::MAX, Duration::MAX);
    for _ in 0..100 {
        for _ in 0..12 {
            monitor.record_frame(&pool.end_frame(), TICK);
        }
        now += 12 * TICK + Duration::from_millis(1);
        let began = Instant::now();
        let health = monitor.emit_at(&pool, now).expect("200 ms have passed");
        quickest = quickest.min(began.elapsed());
        let began = Instant::now();
        drop(pool.outstanding());
        walk = walk.min(began.elapsed());
        assert!(health.leaks.is_empty());
        assert_eq!(health.metrics.outstanding_buffers, 10_000);
    }
    let health = monitor.emit_now(&pool);
    assert_eq!(health.verdicts.with(LeakVerdict::Held).count(), 64);
    drop(held);
    // A figure for docs/verdicts.md; five judgements a second.
    let share = quickest.as_secs_f64() * 5.0 * 100.0;
    println!("a judgement takes {quickest:?}, {share:.2} % of a core; of it the walk {walk:?}");
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

#[rustfmt::skip]
fn five_hundred() -> Vec<&'static Location<'static>> {
    vec![
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
    ]
}

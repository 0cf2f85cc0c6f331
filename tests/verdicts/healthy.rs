//! Healthy programs raise no leak alert.

use crate::bench::{Bench, leaks};
use crate::leak::{Leak, is_leak};
use crate::scenarios::all;

/// All 100,000 in an optimised build; fewer if they would take minutes.
pub(crate) const FRAMES: u64 = if cfg!(debug_assertions) {
    8_000
} else {
    100_000
};

#[test]
fn healthy_programs_raise_no_leak_alert() {
    for (name, mut step) in all(0) {
        let mut bench = Bench::new();
        for frame in 0..FRAMES {
            if let Some(health) = bench.frame(&mut *step) {
                let accused = leaks(&health);
                assert!(accused.is_empty(), "{name}, frame {frame}: {health}");
            }
        }
    }
}

#[test]
fn planted_leaks_accuse_no_healthy_line() {
    for (name, mut step) in all(1) {
        let mut bench = Bench::new();
        let mut leak = Leak::new(3_333, 600);
        for frame in 0..FRAMES.min(30_000) {
            let health = bench.frame(|pool, frame| {
                leak.step(pool, frame);
                step(pool, frame)
            });
            for site in health.iter().flat_map(leaks) {
                assert!(is_leak(site), "{name}, frame {frame}: {site}");
            }
        }
    }
}

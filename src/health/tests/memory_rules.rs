//! The rules about memory: bloat, and the bytes held from the system.

use std::time::Duration;

use super::*;
use crate::telemetry::breakdown::ThreadHolding;

/// A frame that ended with these MB idle and in use, and released these MB.
fn memory(idle: u64, in_use: u64, released: u64) -> FrameSnapshot {
    FrameSnapshot {
        idle_bytes: idle * MB,
        in_use_bytes: in_use * MB,
        pooled_bytes: (idle + in_use) * MB,
        release_bytes: released * MB,
        ..FrameSnapshot::default()
    }
}

#[test]
fn bloat_is_idle_memory_that_stays() {
    let mut bench = Bench::new(Thresholds::default());
    let none = Outstanding::default();
    for (ms, idle, in_use, raised) in [
        (0, 17, 18, 0),
        (6_000, 17, 18, 0),
        (7_000, 16, 1, 0),
        (23_000, 17, 16, 0),
        (27_900, 17, 16, 0),
        (28_000, 17, 16, 1),
        (29_000, 30, 16, 0),
    ] {
        let health = bench.judge(ms, &memory(idle, in_use, 0), &none);
        assert_eq!(health.raised.len(), raised, "at {ms} ms");
        assert!(health.raised.iter().all(|alert| alert.rule == Rule::Bloat));
    }
    let more = memory(17, 18, 0);
    assert!(bench.judge(30_000, &more, &none).resolved.is_empty());
    let eased = bench.judge(30_500, &more, &none).active[0].to_string();
    assert!(
        eased.contains("fell below the level, 28.6 MiB at worst"),
        "{eased}"
    );
    assert_eq!(bench.judge(31_000, &more, &none).resolved.len(), 1);
}

#[test]
fn a_declared_working_set_moves_the_memory_levels() {
    let none = Outstanding::default();
    let raised = |thresholds: Thresholds, in_use: u64| {
        let mut bench = Bench::new(thresholds);
        bench.judge(0, &memory(0, in_use, 0), &none).raised.len()
    };
    assert_eq!(raised(Thresholds::default(), 200), 1);
    let declared = || Thresholds::default().working_set(200 * MB);
    // The working set, and what rounding adds at most.
    assert_eq!(raised(declared(), 200), 0);
    assert_eq!(raised(declared(), 250), 0);
    assert_eq!(raised(declared(), 251), 1);
    let small = Thresholds::default().working_set(4 * MB);
    assert_eq!(raised(small, 6), 1, "also below the usual level");
}

#[test]
fn bloat_is_measured_against_what_frames_needed() {
    let mut bench = Bench::new(Thresholds::default());
    let none = Outstanding::default();
    // 20 MB used by every frame and given back at its end, for 40 s.
    for frame in 0..400 {
        let ended = memory(22, 0, 20);
        bench
            .monitor
            .record_frame(&ended, Duration::from_millis(16));
        let health = bench.judge(frame * 100, &ended, &none);
        assert_eq!(health.status, HealthStatus::Healthy, "{health}");
        assert_eq!(health.metrics.needed_bytes, 20 * MB);
    }
    // Then frames need 2 MB: the earlier need counts for 10 s, then it is bloat for 5 s.
    let mut raised = None;
    for frame in 400..800 {
        let ended = memory(22, 0, 2);
        bench
            .monitor
            .record_frame(&ended, Duration::from_millis(16));
        let health = bench.judge(frame * 100, &ended, &none);
        if let Some(alert) = health.raised.first() {
            assert_eq!((alert.rule, alert.value), (Rule::Bloat, 20e6));
            raised.get_or_insert(frame - 400);
        }
    }
    assert_eq!(raised, Some(150));
}

#[test]
fn bloat_in_threads_is_not_trimmed() {
    let step = |cached: [u64; 2]| {
        let mut bench = Bench::new(Thresholds::default());
        let mut out = Outstanding::default();
        for (bytes, name) in cached.into_iter().zip(["loader", "audio"]) {
            out.threads.push(ThreadHolding {
                thread: name.to_owned(),
                idle_bytes: bytes,
                ..ThreadHolding::default()
            });
        }
        bench.judge(0, &memory(30, 0, 0), &out);
        let health = bench.judge(5_000, &memory(30, 0, 0), &out);
        assert_eq!(health.raised[0].rule, Rule::Bloat);
        health.raised[0].next_step.clone()
    };
    assert_eq!(step([2 * MB, 3 * MB]), "call `BufferPool::trim`");
    let in_threads = step([4 * MB, 20 * MB]);
    assert!(
        in_threads.starts_with("22.9 MiB are in the caches of threads (`audio` keeps 19.1 MiB)"),
        "{in_threads}"
    );
    assert!(in_threads.contains("`thread_cache_bytes`"), "{in_threads}");
}

#[test]
fn prewarmed_memory_is_no_bloat() {
    let mut bench = Bench::new(Thresholds::default());
    let none = Outstanding::default();
    bench.monitor.reading.prewarmed_bytes = 40 * MB;
    for ms in [0, 6_000, 60_000] {
        assert!(bench.judge(ms, &memory(50, 0, 0), &none).raised.is_empty());
    }
    bench.monitor.reading.prewarmed_bytes = 30 * MB;
    bench.judge(61_000, &memory(50, 0, 0), &none);
    let health = bench.judge(66_000, &memory(50, 0, 0), &none);
    assert_eq!(
        severities(&health.raised),
        [(Rule::Bloat, Severity::Warning)]
    );
    assert_eq!(health.metrics.prewarmed_bytes, 30 * MB);
}

#[test]
fn pooled_bytes_name_what_holds_them() {
    let sites = [here(), here()];
    let step = |frame: &FrameSnapshot, out: &Outstanding, prewarmed: u64| {
        let mut bench = Bench::new(Thresholds::default());
        bench.monitor.reading.prewarmed_bytes = prewarmed;
        bench.monitor.record_frame(frame, Duration::from_millis(16));
        let health = bench.judge(0, frame, out);
        assert_eq!(health.raised[0].rule, Rule::PooledBytes);
        health.raised[0].next_step.clone()
    };
    let none = Outstanding::default();
    let idle = step(&memory(60, 0, 0), &none, 0);
    assert!(
        idle.contains("idle") && idle.contains("BufferPool::trim"),
        "{idle}"
    );
    // Trimming does not help if the next frame needs the memory again.
    let needed = step(&memory(60, 0, 50), &none, 0);
    assert!(
        needed.contains("recent frames needed 47.7 MiB of it at once") && !needed.contains("trim"),
        "{needed}"
    );
    let spare = step(&memory(60, 0, 40), &none, 0);
    assert!(
        spare.contains("19.1 MiB of it are idle, and no recent frame needed them"),
        "{spare}"
    );
    let prewarmed = step(&memory(60, 0, 0), &none, 40 * MB);
    assert!(
        prewarmed.contains("38.1 MiB of it were prewarmed"),
        "{prewarmed}"
    );
    let framed = step(&memory(0, 60, 0), &none, 0);
    assert!(framed.contains("open frames"), "{framed}");
    let mut out = outstanding(&[(sites[0], 0), (sites[1], 0)]);
    out.bytes = 60 * MB;
    out.sites[0].bytes = 10 * MB;
    out.sites[1].bytes = 50 * MB;
    let held = step(&memory(0, 60, 0), &out, 0);
    let places = [1, 0].map(|site: usize| held.find(&sites[site].to_string()).unwrap());
    assert!(held.contains("in use") && places[0] < places[1], "{held}");
    out.long_lived_bytes = 50 * MB;
    out.sites[1].long_lived = 1;
    out.sites[1].long_lived_bytes = 50 * MB;
    let long_lived = step(&memory(0, 60, 0), &out, 0);
    assert!(
        long_lived.contains("long-lived")
            && long_lived.contains(&sites[1].to_string())
            && !long_lived.contains(&sites[0].to_string()),
        "{long_lived}"
    );
}

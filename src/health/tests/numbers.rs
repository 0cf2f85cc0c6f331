//! Every number of a health snapshot and of its text, each with a distinct value.

use super::*;
use crate::clock::Timestamp;
use crate::telemetry::counters::Counts;
use crate::telemetry::id::FrameId;
use crate::telemetry::kept::{Amount, Kept};
use crate::telemetry::largest_miss::LargestMiss;
use crate::telemetry::snapshot::{PoolStats, Totals};
use crate::text::counted;

/// Yields each number once.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    fn small(&mut self) -> u32 {
        self.next() as u32
    }

    fn micros(&mut self) -> Duration {
        Duration::from_micros(self.next())
    }

    fn counts(&mut self) -> Counts {
        Counts {
            budget_refusals: self.next(),
            memory_refusals: self.next(),
            overflow_refusals: self.next(),
            cold_misses: self.next(),
            frame_alloc_bytes: self.next(),
            ..Counts::default()
        }
    }

    fn totals(&mut self) -> Totals {
        Totals {
            frames: self.next(),
            allocs: self.next(),
            releases: self.next(),
            alloc_bytes: self.next(),
            release_bytes: self.next(),
            system_bytes: self.next(),
            evicted_bytes: self.next(),
            counts: self.counts(),
        }
    }

    fn frame(&mut self) -> FrameSnapshot {
        FrameSnapshot {
            pool_id: PoolId(7),
            frame: FrameEnd(self.next()),
            ended: Some(FrameId(self.next())),
            time: Timestamp::now(),
            duration: self.micros(),
            work: Some(self.micros()),
            releases: self.next(),
            allocs: 1000 + self.next(),
            alloc_bytes: self.next(),
            release_bytes: self.next(),
            frame_allocs: self.next(),
            pooled_allocs: self.next(),
            hits_thread: self.next(),
            hits_depot: self.next(),
            misses: self.next(),
            system_bytes: self.next(),
            system_calls: self.next(),
            largest_miss: Some(LargestMiss {
                bytes: self.next(),
                site: Some(here()),
            }),
            in_use_buffers: self.next(),
            in_use_bytes: self.next(),
            idle_bytes: self.next(),
            pooled_bytes: self.next(),
            peak_bytes: self.next(),
            peak_at: Timestamp::now(),
            requested_bytes: 1,
            pool_keys: self.small(),
            open_frames: self.small(),
            threads: self.small(),
            telemetry_bytes: self.next(),
            fold_duration: self.micros(),
            counts: self.counts(),
            totals: self.totals(),
        }
    }

    fn stats(&mut self) -> PoolStats {
        PoolStats {
            time: Timestamp::now(),
            in_use_buffers: self.next(),
            in_use_bytes: 5000 + self.next(),
            idle_bytes: 6000 + self.next(),
            pooled_bytes: 7000 + self.next(),
            peak_bytes: 8000 + self.next(),
            peak_at: Timestamp::now(),
            requested_bytes: self.next(),
            limit_bytes: None,
            pool_keys: self.small(),
            open_frames: self.small(),
            slots: self.small(),
            claimed_slots: self.small(),
            telemetry_bytes: self.next(),
            totals: self.totals(),
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Numbers of a frame, current numbers, outstanding buffers, and a health snapshot of them.
fn judged() -> (FrameSnapshot, PoolStats, Outstanding, HealthSnapshot) {
    let mut numbers = Numbers(100);
    let (frame, now) = (numbers.frame(), numbers.stats());
    let out = Outstanding {
        buffers: numbers.next(),
        bytes: numbers.next(),
        long_lived: numbers.next(),
        kept: Kept {
            all: Amount {
                buffers: 3,
                bytes: 31,
            },
            ..Kept::default()
        },
        ..outstanding(&[(here(), 7)])
    };
    let mut monitor = HealthMonitor::new(Thresholds::default().warm_up(0, 0));
    for time in [40, 10, 20, 30] {
        monitor.record_frame(
            &FrameSnapshot {
                duration: Duration::from_millis(time),
                ..frame
            },
            Duration::from_millis(time / 2),
        );
    }
    monitor.record_lost(77);
    monitor.reading.prewarmed_bytes = 55;
    let health = monitor.judge(&PoolName::new(PoolId(7), "render"), &frame, &now, &out);
    (frame, now, out, health)
}

#[test]
fn every_metric_equals_the_number_it_names() {
    let (frame, now, out, health) = judged();
    let metrics = health.metrics;
    let expected = RuntimeHealthMetrics {
        frame: frame.frame,
        frame_ended_at: frame.time,
        frame_period_ms: ms(frame.duration),
        frame_work_ms: frame.work.map(ms),
        since_frame_end_ms: 0.0,
        pool_allocs: frame.allocs,
        pool_releases: frame.releases,
        imbalance: frame.allocs as i64 - frame.releases as i64,
        alloc_bytes: frame.alloc_bytes,
        release_bytes: frame.release_bytes,
        frame_allocs: frame.frame_allocs,
        pooled_allocs: frame.pooled_allocs,
        hits_thread: frame.hits_thread,
        hits_depot: frame.hits_depot,
        misses: frame.misses,
        system_bytes: frame.system_bytes,
        system_calls: frame.system_calls,
        refusals: frame.counts.refusals(),
        threads: frame.threads,
        frame_end_ms: ms(frame.fold_duration),
        read_at: now.time,
        pooled_bytes: now.pooled_bytes,
        in_use_bytes: now.in_use_bytes,
        idle_bytes: now.idle_bytes,
        needed_bytes: (frame.in_use_bytes + frame.release_bytes)
            .min(frame.pooled_bytes)
            .max(now.in_use_bytes),
        prewarmed_bytes: 55,
        peak_bytes: now.peak_bytes,
        peak_at: now.peak_at,
        resident_bytes: None,
        resident_at: Timestamp::default(),
        in_flight_bytes: now.in_use_bytes - 31,
        in_flight_buffers: now.in_use_buffers - 3,
        requested_bytes: now.requested_bytes,
        rounding_bytes: now.in_use_bytes - now.requested_bytes,
        in_use_buffers: now.in_use_buffers,
        pool_key_count: now.pool_keys,
        open_frames: now.open_frames,
        telemetry_bytes: now.telemetry_bytes,
        outstanding_buffers: out.buffers,
        outstanding_bytes: out.bytes,
        long_lived_buffers: out.long_lived,
        long_lived_bytes: out.long_lived_bytes,
        leak_suspects: 7,
        leak_suspect_bytes: 7 * 64,
        window_ms: 100.0,
        frames_measured: 4,
        frame_time_source: FrameTimeSource::Given,
        avg_frame_ms: 12.5,
        p50_frame_ms: 10.0,
        p99_frame_ms: 15.0,
        worst_frame_ms: 20.0,
        fps_estimate: 40.0,
        miss_ratio: frame.misses as f64 / frame.allocs as f64,
        system_bytes_per_frame: frame.system_bytes as f64,
        system_calls_per_frame: frame.system_calls as f64,
        total_frames: now.totals.frames,
        total_allocs: now.totals.allocs,
        total_releases: now.totals.releases,
        total_alloc_bytes: now.totals.alloc_bytes,
        total_release_bytes: now.totals.release_bytes,
        total_misses: now.totals.counts.misses(),
        total_refusals: now.totals.counts.refusals(),
        total_system_bytes: now.totals.system_bytes,
        total_evicted_bytes: now.totals.evicted_bytes,
        lost_records: 77,
    };
    assert_eq!(metrics, expected);
    let hits = 1.0 - frame.misses as f64 / frame.allocs as f64;
    assert!((metrics.hit_ratio() - hits).abs() < 1e-12);
    assert!((RuntimeHealthMetrics::default().hit_ratio() - 1.0).abs() < 1e-12);
}

#[test]
fn every_spread_covers_the_number_it_names() {
    let (frame, _, _, health) = judged();
    let same = |value: u64| [value; 4].into_iter().collect::<Spread>();
    let spread = |millis: [u64; 4]| millis.map(|time| time * 1_000_000).into_iter().collect();
    let (times, periods): (Spread, Spread) = (spread([20, 5, 10, 15]), spread([40, 10, 20, 30]));
    assert_eq!(
        (times.min, times.max, times.sum, times.count),
        (5_000_000, 20_000_000, 50_000_000, 4)
    );
    let expected = FrameSpreads {
        lost: 77,
        frame_time_ns: times,
        period_ns: periods,
        allocs: same(frame.allocs),
        releases: same(frame.releases),
        alloc_bytes: same(frame.alloc_bytes),
        frame_bytes: same(frame.counts.frame_alloc_bytes),
        release_bytes: same(frame.release_bytes),
        misses: same(frame.misses),
        system_bytes: same(frame.system_bytes),
        system_calls: same(frame.system_calls),
        in_use_bytes: same(frame.in_use_bytes),
        pooled_bytes: same(frame.pooled_bytes),
    };
    assert_eq!(health.interval, expected);
    assert_eq!(expected.frames(), 4);
    let worst = health.worst.by_time.map(|worst| worst.unwrap().value);
    assert_eq!(worst, [20_000_000, 15_000_000, 10_000_000]);
    let [by_bytes, ..] = health.worst.by_system_bytes.map(Option::unwrap);
    assert_eq!((by_bytes.frame, by_bytes.ended), (frame.frame, frame.ended));
    assert_eq!(
        (by_bytes.time, by_bytes.value),
        (frame.time, frame.system_bytes)
    );
    assert_eq!(by_bytes.site, frame.largest_miss.unwrap().site);
    assert_eq!(health.worst.by_misses[0].unwrap().value, frame.misses);
}

#[test]
fn short_report_shows_every_number_in_place() {
    let (frame, now, out, health) = judged();
    let text = format!("{health:200}");
    let lines: Vec<&str> = text.lines().collect();
    let bytes = |count| crate::text::bytes(count).to_string();
    assert!(
        lines[0].starts_with(&format!(
            "pool `render`: {}, frame {}, 40.0 frames/s",
            health.status, frame.frame
        )),
        "{text}"
    );
    assert_eq!(
        lines[1],
        format!(
            "  memory  {} in use by {} + {} idle = {} from the system, peak {}",
            bytes(now.in_use_bytes),
            counted(now.in_use_buffers, "buffer"),
            bytes(now.idle_bytes),
            bytes(now.pooled_bytes),
            bytes(now.peak_bytes)
        )
    );
    assert_eq!(
        lines[2],
        format!(
            "  sizes   {}, {} lost to rounding",
            counted(now.pool_keys, "size class"),
            bytes(now.rounding_bytes())
        )
    );
    assert_eq!(
        lines[3],
        format!(
            "  flow    {}, {} ({:+}) by {} in the latest frame, {:.1} % from the system; {} refused so far",
            counted(frame.allocs, "alloc"),
            counted(frame.releases, "release"),
            frame.imbalance(),
            counted(frame.threads, "thread"),
            frame.miss_ratio() * 100.0,
            counted(now.totals.counts.refusals(), "request")
        )
    );
    assert_eq!(
        lines[4],
        "  frames  4 in 0.1 s, as given: 12.50 ms on average, median 10.00, p99 15.00, worst 20.00"
    );
    let leak = lines.last().unwrap();
    let site = &out.sites[0];
    assert!(
        leak.contains(&format!(
            "overdue: {}: 7 buffers, 448 B, oldest 9 frames, thread `worker`, 7 overdue",
            site.location
        )),
        "{leak}"
    );
}

//! The table agrees with the table of counters and with itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Kind, METRICS, Metric, Reading, parts_of};
use crate::telemetry::counters::Counts;
use crate::{BufferPool, HealthMonitor, TagSettings, Thresholds};

type Number = (Vec<(&'static str, String)>, Option<f64>);

fn numbers(metric: &Metric, reading: &Reading) -> Vec<Number> {
    let mut numbers = Vec::new();
    metric.read(reading, &mut |labels, value| {
        let labels = labels.iter().map(|&(name, of)| (name, of.to_owned()));
        numbers.push((labels.collect(), value));
    });
    numbers
}

#[test]
fn every_counter_is_part_of_a_metric() {
    for counter in Counts::DEFINITIONS {
        assert!(!counter.parts.is_empty(), "{}", counter.name);
        for part in counter.parts {
            let metric = METRICS.iter().find(|metric| metric.name == part.metric);
            let metric = metric.unwrap_or_else(|| panic!("no metric {}", part.metric));
            assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
            let labels: Vec<_> = part.labels.iter().map(|&(label, _)| label).collect();
            assert_eq!(labels, metric.labels, "{}", metric.name);
            let (counted, exported) = (counter.unit == "By", metric.unit == "By");
            assert_eq!(counted, exported, "bytes are in metrics of bytes");
        }
    }
}

#[test]
fn names_differ_and_numbers_have_the_labels_described() {
    let pool = BufferPool::new();
    let reading = Reading::now(&pool, None);
    let mut names = BTreeSet::new();
    for metric in METRICS {
        assert!(names.insert(metric.name), "{} is there twice", metric.name);
        assert!(metric.help.ends_with('.') && metric.name.starts_with("framepool."));
        let numbers = numbers(metric, &reading);
        let is_histogram = metric.kind == Kind::Histogram;
        assert_eq!(metric.buckets().is_empty(), !is_histogram);
        // A fresh pool has no tags.
        assert!(numbers.is_empty() == is_histogram || metric.is_open_ended());
        assert!(metric.buckets().is_sorted());
        let mut seen = BTreeSet::new();
        for (labels, _) in numbers {
            let named: Vec<_> = labels.iter().map(|&(name, _)| name).collect();
            assert_eq!(named, metric.labels, "{}", metric.name);
            assert!(seen.insert(labels), "{} has a number twice", metric.name);
        }
    }
}

#[test]
fn acquisitions_add_up_to_the_allocs() {
    let pool = BufferPool::new();
    for _ in 0..10 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(1000);
        drop(pool.alloc::<u8>(100));
        frame.release_all();
    }
    let reading = Reading::now(&pool, None);
    let counts = &reading.stats.totals.counts;
    for (name, expected) in [
        ("framepool.buffer.acquisitions", counts.allocs()),
        ("framepool.buffer.misses", counts.misses()),
        ("framepool.buffer.releases", counts.releases()),
        ("framepool.memory.acquired", counts.alloc_bytes()),
        ("framepool.memory.released", counts.release_bytes()),
    ] {
        let metric = METRICS.iter().find(|metric| metric.name == name);
        let numbers = numbers(metric.expect(name), &reading);
        let sum: f64 = numbers.iter().filter_map(|(_, value)| *value).sum();
        assert!((sum - expected as f64).abs() < 0.5, "{name}: {numbers:?}");
    }
}

#[test]
fn health_snapshot_gives_same_numbers_as_pool() {
    let pool = BufferPool::builder()
        .max_bytes(1 << 30)
        .build()
        .expect("good settings");
    let kept = pool.alloc::<u8>(5000);
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let health = Arc::new(monitor.emit_now(&pool));
    let (judged, now) = (
        Reading::of(Arc::clone(&health)),
        Reading::now(&pool, Some(health)),
    );
    for metric in METRICS {
        if metric.name != "framepool.snapshot.age" && !metric.is_open_ended() {
            assert_eq!(
                numbers(metric, &judged),
                numbers(metric, &now),
                "{}",
                metric.name
            );
        }
    }
    drop(kept);
}

#[test]
fn a_part_that_is_subtracted_survives_a_wrap() {
    let counts = Counts {
        frame_allocs: 3,
        frame_misses: 1,
        ..Counts::default()
    };
    let hits = parts_of("framepool.buffer.acquisitions", &counts)
        .filter(|(part, _)| part.labels == [("kind", "frame"), ("source", "thread_cache")])
        .fold(u64::MAX, |sum, (part, value)| part.count(sum, value));
    assert_eq!(hits, 1, "2^64 − 1 + 3 − 1 is 1");
}

#[test]
fn tags_sum_to_the_bytes_in_use() {
    let pool = BufferPool::builder()
        .tag("render", TagSettings::default().max_bytes(1 << 20))
        .build()
        .expect("good settings");
    let render = pool.tag("render");
    let kept = [
        pool.alloc::<u8>(100),
        render.alloc::<u8>(2000),
        render.tag("shadows").alloc::<u8>(30_000),
    ];
    let reading = Reading::now(&pool, None);
    let of = |name: &str| {
        let metric = METRICS.iter().find(|metric| metric.name == name);
        numbers(metric.expect(name), &reading)
    };
    let sum: f64 = of("framepool.memory.tag.usage")
        .iter()
        .filter_map(|(_, bytes)| *bytes)
        .sum();
    assert!(
        (sum - reading.stats.in_use_bytes as f64).abs() < 0.5,
        "{sum}"
    );
    let [_, render, shadows] = &kept;
    let below = [render, shadows].map(|buffer| buffer.len() as f64);
    let tree = &of("framepool.memory.tag.tree.usage")[0];
    assert_eq!(tree.0, [("tag", "render".to_owned())]);
    assert!(tree.1 >= Some(below[0] + below[1]), "{tree:?}");
    let peak = &of("framepool.memory.tag.recent_peak")[0];
    assert_eq!((&peak.0, peak.1), (&tree.0, tree.1));
    let limits = of("framepool.memory.tag.limit");
    assert_eq!((limits[0].1, limits[1].1), (Some(1_048_576.0), None));
    drop(kept);
}

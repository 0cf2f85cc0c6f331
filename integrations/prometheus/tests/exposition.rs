//! The text that a scrape gets: exact numbers, zeros from the first scrape on, and one description per family.

use framepool::metrics::{Kind, METRICS};
use framepool::{BufferPool, HealthConfig, Rule, Watch};
use framepool_prometheus::{Exposition, Format, PoolCollector, prometheus_name};

fn watched(name: &str) -> (BufferPool, Watch) {
    let pool = BufferPool::builder()
        .name(name)
        .max_bytes(64 << 20)
        .build()
        .unwrap();
    let watch = Watch::start(&pool, HealthConfig::default());
    (pool, watch)
}

/// The value of the metric with this name and labels.
fn value(text: &str, metric: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("no `{metric}` in\n{text}"));
    line.parse().unwrap()
}

fn exposition(watch: &Watch) -> Exposition {
    Exposition::new(PoolCollector::new(watch).expect("a thread"))
}

#[test]
fn a_fresh_pool_exports_every_family() {
    let (_pool, watch) = watched("fresh");
    let text = exposition(&watch).text(Format::OpenMetrics);
    for metric in METRICS {
        let name = prometheus_name(metric);
        let of_pool = "{pool=\"fresh\"";
        if metric.is_open_ended() {
            assert!(text.contains(&format!("# HELP {name} ")), "{text}");
            continue;
        }
        let sample = match metric.kind {
            Kind::Histogram => format!("{name}_count{of_pool}"),
            _ => format!("{name}{of_pool}"),
        };
        assert!(text.contains(&sample), "no `{sample}` in\n{text}");
    }
    for &rule in Rule::ALL {
        for severity in ["warning", "critical"] {
            let labels = format!(
                "pool=\"fresh\",rule=\"{}\",severity=\"{severity}\"",
                rule.name()
            );
            let metric = format!("framepool_alert_active{{{labels}}}");
            assert!(value(&text, &metric).abs() < f64::EPSILON);
        }
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn numbers_are_those_of_the_pool() {
    let (pool, watch) = watched("render");
    let exposition = exposition(&watch);
    let kept = pool.alloc::<u8>(4096);
    for _ in 0..10 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(1000);
        drop(pool.alloc::<u8>(100));
        frame.release_all();
    }
    assert!(pool.try_alloc::<u8>(65 << 20).is_err());
    let text = exposition.text(Format::OpenMetrics);
    let number = |metric: &str| value(&text, metric);
    let stats = pool.stats();
    let expected = [
        (
            r#"framepool_memory_usage_bytes{pool="render",state="in_use"}"#,
            4096,
        ),
        (
            r#"framepool_memory_usage_bytes{pool="render",state="idle"}"#,
            stats.idle_bytes,
        ),
        (r#"framepool_memory_limit_bytes{pool="render"}"#, 64 << 20),
        (
            r#"framepool_memory_requested_bytes_total{pool="render"}"#,
            4096 + 10 * 1100,
        ),
        (
            r#"framepool_memory_allocated_bytes_total{pool="render"}"#,
            stats.totals.system_bytes,
        ),
        (r#"framepool_buffer_count{pool="render",state="in_use"}"#, 1),
        (
            r#"framepool_buffer_acquisitions_total{pool="render",kind="frame",source="thread_cache"}"#,
            9,
        ),
        (
            r#"framepool_buffer_acquisitions_total{pool="render",kind="frame",source="system"}"#,
            1,
        ),
        (
            r#"framepool_buffer_acquisitions_total{pool="render",kind="pooled",source="thread_cache"}"#,
            9,
        ),
        (
            r#"framepool_buffer_acquisitions_total{pool="render",kind="pooled",source="system"}"#,
            2,
        ),
        (
            r#"framepool_buffer_releases_total{pool="render",kind="pooled"}"#,
            10,
        ),
        (
            r#"framepool_buffer_releases_total{pool="render",kind="frame"}"#,
            10,
        ),
        (
            r#"framepool_buffer_refusals_total{pool="render",reason="budget"}"#,
            1,
        ),
        (r#"framepool_frames_total{pool="render"}"#, 10),
        (
            r#"framepool_frame_duration_seconds_count{pool="render"}"#,
            10,
        ),
        (r#"framepool_frame_memory_bytes_count{pool="render"}"#, 10),
        (
            r#"framepool_frame_memory_bytes_bucket{le="1024.0",pool="render"}"#,
            10,
        ),
        (
            r#"framepool_frame_publish_duration_seconds_count{pool="render"}"#,
            10,
        ),
        (r#"framepool_frame_open{pool="render"}"#, 0),
    ];
    for (metric, wanted) in expected {
        let found = number(metric);
        assert!(
            (found - wanted as f64).abs() < 0.5,
            "{metric}: {found}, not {wanted}\n{text}"
        );
    }
    drop(kept);
}

/// `histogram_quantile` and the rules of `OpenMetrics` need a last bucket without an upper end.
#[test]
fn every_histogram_ends_with_an_infinite_bucket() {
    let (pool, watch) = watched("bucketed");
    let exposition = exposition(&watch);
    for _ in 0..10 {
        pool.end_frame();
    }
    let text = exposition.text(Format::OpenMetrics);
    let histograms = METRICS
        .iter()
        .filter(|metric| metric.kind == Kind::Histogram);
    for metric in histograms {
        let name = prometheus_name(metric);
        let bucket = format!("{name}_bucket{{");
        let mut buckets = text.lines().filter(|line| line.starts_with(&bucket));
        let last = buckets
            .next_back()
            .unwrap_or_else(|| panic!("no `{bucket}`"));
        let count = value(&text, &format!("{name}_count{{pool=\"bucketed\"}}"));
        assert_eq!(
            last,
            format!("{bucket}le=\"+Inf\",pool=\"bucketed\"}} {count}")
        );
    }
}

/// The number of series in the README.
#[test]
fn a_pool_has_a_bounded_number_of_series() {
    let (_pool, watch) = watched("bounded");
    let text = exposition(&watch).text(Format::OpenMetrics);
    let samples = |part: &dyn Fn(&str) -> bool| {
        text.lines()
            .filter(|line| line.contains("pool=\"bounded\"") && part(line))
            .count()
    };
    let buckets = samples(&|line| line.contains("_bucket{"));
    let others = samples(&|line| !line.contains("_bucket{"));
    assert!(others <= 72 && buckets <= 64, "{others}, {buckets}");
}

#[test]
fn each_tag_has_its_bytes() {
    let (pool, watch) = watched("tagged");
    let kept = pool.tag("render").tag("shadows").alloc::<u8>(4096);
    let text = exposition(&watch).text(Format::OpenMetrics);
    for (metric, wanted) in [
        (r#"usage_bytes{pool="tagged",tag=""}"#, 0.0),
        (r#"usage_bytes{pool="tagged",tag="render"}"#, 0.0),
        (r#"usage_bytes{pool="tagged",tag="render/shadows"}"#, 4096.0),
        (r#"tree_usage_bytes{pool="tagged",tag="render"}"#, 4096.0),
    ] {
        let found = value(&text, &format!("framepool_memory_tag_{metric}"));
        assert!((found - wanted).abs() < 0.5, "{metric}: {found}\n{text}");
    }
    drop(kept);
}

#[test]
fn two_pools_share_each_description() {
    let ((_one, first), (_two, second)) = (watched("one"), watched("two"));
    let collector = PoolCollector::new(&first).unwrap().and(&second);
    let text = Exposition::new(collector).text(Format::OpenMetrics);
    for metric in METRICS {
        let name = prometheus_name(metric);
        let name = name.trim_end_matches("_total");
        assert_eq!(
            text.matches(&format!("# HELP {name} {}\n", metric.help))
                .count(),
            1,
            "{name}\n{text}"
        );
    }
    assert!(value(&text, r#"framepool_frames_total{pool="two"}"#).abs() < f64::EPSILON);
}

#[test]
fn pools_with_equal_names_have_distinct_labels() {
    let ((_one, first), (two, second)) = (watched("same"), watched("same"));
    let text = Exposition::new(PoolCollector::new(&first).unwrap().and(&second));
    let text = text.text(Format::OpenMetrics);
    let numbered = format!("framepool_frames_total{{pool=\"same#{}\"}}", two.id().get());
    for metric in [r#"framepool_frames_total{pool="same"}"#, &numbered] {
        assert!(value(&text, metric).abs() < f64::EPSILON);
    }
}

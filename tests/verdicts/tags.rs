//! A line that leaks with one tag, and with several.

use framepool::{Alert, Rule};

use crate::bench::{Bench, TICK};

/// The alert after 6,000 frames in which one line leaks one buffer of 4 KiB every 6 frames, with each tag in turn.
fn alert(tags: &[&str]) -> Alert {
    let mut bench = Bench::new();
    bench.quiet(2_000);
    let tags: Vec<_> = tags.iter().map(|tag| bench.pool.tag(tag)).collect();
    let mut leaked = Vec::new();
    let mut latest = None;
    for _ in 0..6_000 {
        let health = bench.frame(|_, frame| {
            if frame % 6 == 0 {
                let tag = &tags[(frame / 6) as usize % tags.len()];
                leaked.push(tag.alloc::<u8>(4096));
            }
            TICK
        });
        latest = health.or(latest);
    }
    let active = &latest.expect("a health snapshot").active;
    let mut alerts = active.iter().filter(|alert| alert.rule == Rule::Leak);
    let alert = alerts.next().expect("an alert").clone();
    assert!(alerts.next().is_none(), "one alert for one line");
    alert
}

#[test]
fn an_alert_adds_up_all_tags() {
    let names: Vec<_> = (0..10).map(|client| format!("client{client}")).collect();
    let tags: Vec<_> = names.iter().map(String::as_str).collect();
    let alert = alert(&tags);
    let verdict = alert.verdict.as_ref().unwrap();
    let growth = verdict.growth.unwrap();
    assert!((growth.buffers as f64 - alert.value).abs() < 0.5, "{alert}");
    assert!((900..=1_000).contains(&growth.buffers), "{alert}");
    assert_eq!(growth.bytes, growth.buffers * 4096);
    let near = |value: f64, truth: f64| (value / truth - 1.0).abs() < 0.03;
    assert!(near(growth.buffers_per_minute, 600.0), "{alert}");
    assert!(verdict.tag.is_empty() && !alert.to_string().contains("tag `"));
    assert!(!alert.next_step.contains("mark_long_lived"), "{alert}");
}

#[test]
fn a_leak_of_one_tag_names_it() {
    let alert = alert(&["render/shadows"]);
    assert!(
        alert.to_string().contains("with tag `render/shadows`"),
        "{alert}"
    );
    assert_eq!(alert.verdict.unwrap().tag, "render/shadows");
}

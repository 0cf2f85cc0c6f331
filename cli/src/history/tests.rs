//! Every reader of a saved history accepts any values: a file may have been changed, or written by another version.

use std::time::{Duration, Instant};

use framepool::health::{AlertState, LeakVerdict};
use framepool::store::{SavedGrowthLimits, SavedHistory, SavedPool};
use framepool::{
    Attribution, Buffer, BufferPool, DiagnosticsStore, HealthMonitor, Rule, Thresholds,
};
use serde_json::{Value, json};

use super::diff::Diff;
use super::{Before, earlier, gate};
use crate::args::history::Limits;

/// A history of a program with something in every list.
fn history() -> SavedHistory {
    let pool = BufferPool::builder()
        .name("render")
        .max_bytes(64 << 20)
        .expect_release_within(20)
        .attribution(Attribution::Backtraces)
        .backtraces(1, 1)
        .sample_frames(1)
        .build()
        .unwrap();
    let (tag, store) = (pool.tag("level/shadows"), DiagnosticsStore::new());
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let (start, mut kept) = (Instant::now(), Vec::new());
    let forgotten = pool.begin_frame();
    let stays = pool.alloc::<u8>(100_000);
    Buffer::mark_long_lived(&stays);
    for step in 0..400_u32 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(1_000);
        drop(pool.alloc::<u32>(step as usize));
        kept.push(tag.alloc::<u8>(64));
        let snapshot = frame.release_all();
        store.record_frame(&snapshot);
        monitor.record_frame(&snapshot, Duration::from_millis(16));
        if let Some(health) = monitor.emit_at(&pool, start + step * Duration::from_millis(100)) {
            store.receive(health);
        }
    }
    store.mark("level 3");
    drop(forgotten);
    store.saved()
}

/// The number of values, and of lists and objects, in a document.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum(),
        _ => 0,
    }
}

/// The value at a place, counted like [`places`].
fn at<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|it| at(it, left)),
        Value::Object(fields) => fields.values_mut().find_map(|it| at(it, left)),
        _ => None,
    }
}

/// Shortens lists to their first two items, so that each kind of value is met a few times. Short lists of plain values may have a
/// fixed length.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) => {
            if items.len() > 16 || items.first().is_some_and(Value::is_object) {
                items.truncate(2);
            }
            items.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// Makes everything that is made of a history.
fn show(history: &SavedHistory, other: &SavedHistory) {
    for columns in [20, 100] {
        let _ = format!("{history:columns$}");
    }
    let _ = format!(
        "{} {}",
        Diff::new(history, other),
        Diff::new(other, history)
    );
    let limits = Limits {
        max_growing: Some(0),
        max_peak: Some(1),
        max_peak_growth: Some(1.0),
        max_misses: Some(0.0),
        junit: None,
    };
    for (history, before) in [(history, other), (other, history)] {
        let gates = gate::gates(history, &limits, Some(Before::Baseline(before)));
        let _ = super::junit::document(&gates);
    }
    #[cfg(feature = "dashboard")]
    {
        for pool in &history.pools {
            // As in a page, without its text.
            let merged = pool.spans.iter().map(|it| it.merged(&pool.columns, 1));
            merged.for_each(drop);
        }
        let held: Vec<_> = history
            .pools
            .iter()
            .map(framepool_pprof::Held::saved)
            .collect();
        framepool_pprof::heap(&held);
        framepool_firefox::profile(history);
    }
}

#[test]
fn any_value_of_a_history_can_be_shown() {
    let whole = history();
    let mut document = serde_json::to_value(&whole).unwrap();
    shorten(&mut document);
    serde_json::from_value::<SavedHistory>(document.clone()).expect("a history still");
    let values = [
        json!(0),
        json!(u64::MAX),
        json!(-1.5e300),
        json!("\u{7}\u{202e}é"),
        json!([]),
        json!(vec![u64::MAX; 70]),
    ];
    let mut accepted = 0_u32;
    for place in 0..places(&document) {
        for value in &values {
            let mut changed = document.clone();
            let there = at(&mut changed, &mut place.clone()).expect("a place of the document");
            *there = value.clone();
            if let Ok(changed) = serde_json::from_value::<SavedHistory>(changed) {
                accepted += 1;
                show(&changed, &whole);
            }
        }
    }
    // Most places take values of one kind only.
    assert!(accepted > 500, "{accepted}");
}

/// A pool named `level`, whose watch ran for this time.
fn level(seconds: u64, peak: u64) -> SavedPool {
    let mut pool = SavedPool::default();
    pool.name = "level".to_owned();
    pool.at = Duration::from_secs(seconds);
    pool.metrics.peak_bytes = peak;
    let mut growth = SavedGrowthLimits::default();
    growth.warm_up = Duration::from_secs(20);
    growth.fill_time = Duration::from_secs(110);
    pool.growth = Some(growth);
    pool
}

fn of(pools: [SavedPool; 2]) -> SavedHistory {
    let mut history = SavedHistory::default();
    history.pools = pools.into();
    history
}

#[test]
fn pools_of_one_name_are_compared_in_order() {
    let before = of([level(3_600, 1), level(3_600, 2)]);
    let after = of([level(3_600, 3), level(3_600, 4)]);
    for at in 0..2 {
        let found = earlier(&before, &after, &after.pools[at]).unwrap();
        assert_eq!(found.metrics.peak_bytes, at as u64 + 1);
    }
    let mut one = after.clone();
    one.pools.truncate(1);
    let diff = Diff::new(&before, &one).to_string();
    assert!(diff.contains("pool `level` is gone"), "{diff}");
}

#[test]
fn gates_of_a_short_run_are_skipped() {
    let limits = Limits {
        max_growing: Some(0),
        max_peak: None,
        max_peak_growth: None,
        max_misses: None,
        junit: None,
    };
    for (seconds, skipped) in [([1, 3_600], [true, false]), ([3_600, 1], [false, true])] {
        let history = of(seconds.map(|seconds| level(seconds, 1)));
        let gates = gate::gates(&history, &limits, None);
        let found: Vec<_> = gates.iter().map(|it| it.skipped.is_some()).collect();
        assert_eq!(found, skipped);
    }
}

#[test]
fn runs_of_other_length_are_said_to_differ() {
    let mut runs = [3_600, 600].map(|seconds| level(seconds, 1));
    for (pool, frames) in runs.iter_mut().zip([216_000, 36_000]) {
        pool.metrics.total_frames = frames;
        pool.metrics.total_allocs = 10 * frames;
    }
    let [long, short] = runs.map(|pool| of([pool.clone(), pool]));
    let diff = Diff::new(&short, &long).to_string();
    let said = "the runs have different lengths: 36,000 frames in 600.0 s before, 216,000 frames in 3600.0 s after";
    assert!(diff.replace('\n', " ").contains(said), "{diff}");
    let per_frame = diff
        .lines()
        .find(|line| line.starts_with("allocs per frame"));
    assert!(
        per_frame.is_some_and(|line| line.trim_end().ends_with('=')),
        "{diff}"
    );
    assert!(
        !Diff::new(&long, &long)
            .to_string()
            .contains("different lengths")
    );
}

#[test]
fn gates_advise_what_the_alerts_advise() {
    let mut history = history();
    let limits = Limits {
        max_growing: Some(0),
        max_peak: None,
        max_peak_growth: None,
        max_misses: Some(0.0),
        junit: None,
    };
    let failures = |history: &SavedHistory| -> Vec<String> {
        let gates = gate::gates(history, &limits, None);
        gates.into_iter().filter_map(|it| it.failure).collect()
    };
    let overdue = history
        .alerts
        .iter_mut()
        .find(|it| it.rule == Rule::Overdue);
    let overdue = overdue.expect("an alert");
    overdue.state = AlertState::Raised;
    let (site, step) = (overdue.site.clone(), overdue.next_step.clone());
    for verdict in &mut history.pools[0].verdicts {
        if Some(&verdict.location) == site.as_ref() {
            verdict.verdict = LeakVerdict::Growing;
        }
    }
    let said = failures(&history);
    assert!(said[0].ends_with(&format!("; {step}")), "{said:?}");
    assert!(
        said[1].ends_with("`BufferPool::prewarm` would not help"),
        "{said:?}"
    );
    history.alerts.clear();
    history.pools[0].advice.clear();
    let said = failures(&history);
    assert!(
        said[0].contains("bound their number") && said[1].contains("`prewarm`"),
        "{said:?}"
    );
}

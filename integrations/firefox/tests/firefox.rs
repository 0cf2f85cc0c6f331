//! The profile, read back by our own strict reader and by the Firefox Profiler's code.
//!
//! Needs the npm package `@firefox-devtools/profiler-cli` in `target/npm`; `cargo xtask ci setup` installs it.

#[path = "../../../tests/common/callers.rs"]
mod callers;
mod common;

use std::thread;
use std::time::Duration;

use callers::{load_level, open_menu};
use common::{Profiler, held_by_stack};
use framepool::store::SavedHistory;
use framepool::{Attribution, BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
use serde_json::Value;

/// A history of these pools as they are now, judged at the end of several frames.
fn history(pools: &[&BufferPool], frames: usize) -> SavedHistory {
    let store = DiagnosticsStore::new();
    let thresholds = Thresholds::default()
        .pooled_bytes(1 << 20, 1 << 40)
        .hold(Duration::ZERO);
    for pool in pools {
        let mut monitor = HealthMonitor::new(thresholds.clone());
        for _ in 0..frames {
            let frame = pool.end_frame();
            monitor.record(&frame);
            store.record_frame(&frame);
        }
        store.receive(monitor.emit_now(pool));
    }
    store.saved()
}

fn named(name: &str) -> BufferPool {
    let builder = BufferPool::builder().name(name);
    builder.build().expect("good settings")
}

fn parsed(profile: &[u8]) -> Value {
    serde_json::from_slice(profile).expect("JSON")
}

#[test]
fn stacks_add_up_to_bytes_in_use() {
    let pool = named("game");
    let shadows = pool.tag("render").tag("shadows");
    let kept = (
        shadows.alloc::<u8>(1 << 20),
        pool.tag("sound").alloc::<u8>(4096),
        pool.alloc::<u8>(64),
    );
    let frame = pool.begin_frame();
    frame.alloc::<u8>(50_000);
    let framed = pool.stats().in_use_bytes - pool.outstanding().bytes;
    let profile = parsed(&framepool_firefox::profile(&history(&[&pool], 1)));
    let held = held_by_stack(&profile["threads"][0]);
    let sites: Vec<_> = held
        .iter()
        .filter(|(stack, _)| stack.contains("firefox.rs:"))
        .collect();
    let without_line = |stack: &str| stack.rsplit_once(" > ").expect("a site").0.to_owned();
    let sites: Vec<_> = sites
        .iter()
        .map(|(stack, bytes)| (without_line(stack), **bytes))
        .collect();
    let expected = [
        ("pool game", 64),
        ("pool game > tag render > tag render/shadows", 1 << 20),
        ("pool game > tag sound", 4096),
    ];
    assert_eq!(
        sites,
        expected.map(|(stack, bytes)| (stack.to_owned(), bytes))
    );
    assert_eq!(held["pool game > [frame buffers]"], framed);
    assert_eq!(held.values().sum::<u64>(), pool.stats().in_use_bytes);
    drop(kept);
    frame.release_all();
}

#[test]
fn callers_of_sampled_buffers_are_below_site() {
    let builder = BufferPool::builder().attribution(Attribution::Backtraces);
    let builder = builder.name("game").backtraces(10, 100_000);
    let pool = builder.build().expect("good settings");
    let kept = [load_level(&pool), open_menu(&pool)];
    let history = history(&[&pool], 1);
    let profile = parsed(&framepool_firefox::profile(&history));
    let thread = &profile["threads"][0];
    let categories = profile["meta"]["categories"].to_string();
    let sampled = "Caller of sampled buffers (1 in 10, and all from 97.7 KiB)";
    assert!(categories.contains(sampled), "{categories}");
    let held = held_by_stack(thread);
    let through = |caller: &str| -> u64 {
        let stacks = held.iter();
        let stacks = stacks.filter(|(stack, _)| stack.contains(&format!("{caller} > ")));
        stacks.map(|(_, bytes)| bytes).sum()
    };
    assert_eq!(through("load_level"), 3 << 20, "{held:?}");
    let menu = through("open_menu");
    assert!(
        (100 << 10) - menu < 20,
        "{menu}: only rounding is left: {held:?}"
    );
    assert_eq!(
        through("decode_texture"),
        through("load_level") + menu,
        "{held:?}"
    );
    assert!(
        held.keys().all(|stack| stack.contains("callers.rs:")),
        "{held:?}"
    );
    assert_eq!(held.values().sum::<u64>(), pool.stats().in_use_bytes);
    drop(kept);
}

#[test]
fn profiler_shows_exact_bytes_by_tag() {
    let (game, other) = (named("game"), named("other"));
    let kept = [
        game.tag("render"),
        game.tag("render/sky"),
        game.tag("sound"),
    ]
    .map(|tag| tag.alloc::<u8>(1 << 20));
    let small = other.alloc::<u8>(100);
    let profiler = Profiler::load(
        "tags",
        &framepool_firefox::profile(&history(&[&game, &other], 1)),
    );
    let retained = profiler.retained("t-0");
    assert_eq!(retained["pool game"], 3 << 20, "{retained:?}");
    assert_eq!(retained["tag render"], 2 << 20, "{retained:?}");
    assert_eq!(retained["tag render/sky"], 1 << 20, "{retained:?}");
    assert_eq!(retained["tag sound"], 1 << 20, "{retained:?}");
    assert_eq!(profiler.retained("t-1")["pool other"], 128);
    drop((kept, small));
}

#[test]
fn profiler_shows_memory_alerts_and_marks() {
    let pool = named("game");
    let kept = pool.alloc::<u8>(2 << 20);
    let mut history = history(&[&pool], 3);
    assert_eq!(history.alerts.len(), 1, "{history}");
    let store = DiagnosticsStore::new();
    store.mark("level 3");
    history.events.extend(store.saved().events);
    let profiler = Profiler::load("marks", &framepool_firefox::profile(&history));
    let answer = profiler
        .ask(&["thread", "markers", "--list", "--thread", "t-0"])
        .to_string();
    assert!(
        answer.contains("level 3") && answer.contains("alert: pooled_bytes"),
        "{answer}"
    );
    assert!(answer.contains("in pool `game`"), "{answer}");
    let counters = profiler.ask(&["counter", "info", "c-0"]).to_string();
    assert!(
        counters.contains("Bytes of the buffers in use"),
        "{counters}"
    );
    drop(kept);
}

#[test]
fn memory_track_sums_to_bytes_in_use() {
    let pool = named("game");
    let mut kept = Vec::new();
    let store = DiagnosticsStore::new();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    // The store knows a pool from its first judgement on.
    store.receive(monitor.emit_now(&pool));
    for _ in 0..5 {
        kept.push(pool.alloc::<u8>(1 << 16));
        let frame = pool.end_frame();
        monitor.record(&frame);
        store.record_frame(&frame);
    }
    kept.truncate(3);
    // Times of day are exact to some microseconds: two clocks are read one after the other.
    thread::sleep(Duration::from_millis(5));
    store.receive(monitor.emit_now(&pool));
    let profile = parsed(&framepool_firefox::profile(&store.saved()));
    let samples = &profile["counters"][0]["samples"];
    let numbers = |name: &str| -> Vec<f64> {
        let numbers = samples[name].as_array().expect("numbers");
        numbers
            .iter()
            .map(|number| number.as_f64().expect("a number"))
            .collect()
    };
    let block = f64::from(1 << 16);
    let steps = [block, block, block, block, block, -2.0 * block];
    let mut counted = numbers("count");
    // On a slow machine there is a sample before the first frame.
    counted.retain(|&step| step != 0.0);
    assert_eq!(counted, steps);
    assert!(numbers("timeDeltas").iter().all(|&delta| delta >= 0.0));
}

#[test]
fn history_without_pools_gives_empty_profile() {
    let profile = parsed(&framepool_firefox::profile(
        &DiagnosticsStore::new().saved(),
    ));
    assert_eq!(profile["threads"].as_array().map(Vec::len), Some(0));
}

#[test]
fn call_sites_beyond_list_are_one_entry() {
    let pool = named("game");
    let kept = [pool.alloc::<u8>(256), pool.alloc::<u8>(1024)];
    let mut history = history(&[&pool], 1);
    history.pools[0].holders.truncate(1);
    let held = |history: &SavedHistory| {
        held_by_stack(&parsed(&framepool_firefox::profile(history))["threads"][0])
    };
    let rest = "pool game > [pooled buffers of call sites that hold less]";
    assert_eq!(held(&history)[rest], 256);
    drop(kept);
}

//! Go's pprof opens the profiles, and finds the line that holds memory.
//!
//! Needs `go` (Debian: `apt-get install golang-go`); `cargo xtask ci setup` installs it.

#[path = "../../../tests/common/callers.rs"]
mod callers;

use std::fs;
use std::path::Path;
use std::process::Command;

use callers::{load_level, open_menu};
use framepool::store::SavedHistory;
use framepool::{Attribution, BufferPool, HealthConfig, Outstanding, Watch};
use framepool_pprof::{Held, allocs, heap};

/// The output of `go tool pprof` for a profile.
fn pprof(name: &str, profile: &[u8], arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, profile).expect("a file");
    let output = Command::new("go")
        .args(["tool", "pprof"])
        .args(arguments)
        .arg(&path)
        .output()
        .unwrap_or_else(|error| panic!("`go`: {error}; Debian: apt-get install golang-go"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{complaints}");
    text
}

/// The line of the text that contains this.
fn line<'t>(text: &'t str, part: &str) -> &'t str {
    let found = text.lines().find(|line| line.contains(part));
    found.unwrap_or_else(|| panic!("no `{part}` in\n{text}"))
}

#[test]
fn pprof_finds_the_line_that_leaks() {
    let pool = BufferPool::builder()
        .name("render")
        .build()
        .expect("good settings");
    let leaked: Vec<_> = (0..64).map(|_| pool.alloc::<u8>(16 << 10)).collect();
    let leak = format!("pprof.rs:{}", line!() - 1);
    let small = pool.alloc::<u8>(64);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(100_000);
    let (outstanding, stats) = (pool.outstanding(), pool.stats());
    let held = [Held::new("render", &outstanding, &stats)];

    let top = pprof("heap.pb.gz", &heap(&held), &["-top", "-unit=b"]);
    assert!(top.contains("Type: inuse_space"), "{top}");
    let first = top
        .lines()
        .skip_while(|line| !line.contains("flat%"))
        .nth(1);
    let first = first.expect("a row");
    assert!(first.contains(&leak) && first.contains("1048576B"), "{top}");
    assert!(line(&top, "pool render").contains(&format!("{}B", stats.in_use_bytes)));
    assert!(line(&top, "[frame buffers]").contains("100032B"), "{top}");
    let count = ["-top", "-sample_index=inuse_objects"];
    let top = pprof("heap.pb.gz", &heap(&held), &count);
    assert!(line(&top, &leak).trim_start().starts_with("64 "), "{top}");

    let top = pprof(
        "allocs.pb.gz",
        &allocs(&held),
        &["-top", "-sample_index=alloc_objects"],
    );
    assert!(
        line(&top, "[pooled buffers]")
            .trim_start()
            .starts_with("65 "),
        "{top}"
    );
    assert!(
        line(&top, "[frame buffers]").trim_start().starts_with("1 "),
        "{top}"
    );
    drop((leaked, small));
    frame.release_all();
}

#[test]
fn pprof_tells_tags_apart() {
    let pool = BufferPool::new();
    let (render, sound) = (pool.tag("render"), pool.tag("sound"));
    let kept = [&render, &sound, &sound].map(|tag| tag.alloc::<u8>(1 << 20));
    let (outstanding, stats) = (pool.outstanding(), pool.stats());
    let profile = heap(&[Held::new("tagged", &outstanding, &stats)]);
    let focused = ["-top", "-unit=b", "-tagfocus=sound"];
    let top = pprof("tagged.pb.gz", &profile, &focused);
    assert!(line(&top, "pprof.rs:").contains("2097152B"), "{top}");
    drop(kept);
}

#[test]
fn pprof_shows_callers_of_sampled_buffers() {
    let builder = BufferPool::builder().attribution(Attribution::Backtraces);
    let pool = builder.backtraces(10, 100_000).build().expect("settings");
    let kept = [load_level(&pool), open_menu(&pool)];
    let (outstanding, stats) = (pool.outstanding(), pool.stats());
    let profile = heap(&[Held::new("stacks", &outstanding, &stats)]);
    let arguments = ["-top", "-cum", "-unit=b", "-nodefraction=0"];
    let top = pprof("stacks.pb.gz", &profile, &arguments);
    let all: u64 = outstanding.bytes;
    assert_eq!(cumulated(&top, "pool stacks"), all, "{top}");
    assert_eq!(cumulated(&top, "::load_level"), 3 << 20, "{top}");
    // All small buffers have this caller, so their estimate is right but for rounding.
    assert_eq!(cumulated(&top, "::open_menu"), 100 << 10, "{top}");
    drop(kept);
}

/// The number in the column of `-top -cum` that counts callees too.
fn cumulated(top: &str, part: &str) -> u64 {
    let words: Vec<&str> = line(top, part).split_whitespace().collect();
    let number = words[3].trim_end_matches('B');
    number.parse().unwrap_or_else(|_| panic!("{number}"))
}

#[test]
fn allocs_of_frames_have_call_sites() {
    let builder = BufferPool::builder().name("frames").sample_frames(1);
    let pool = builder.build().expect("settings");
    for _ in 0..200 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(64);
        frame.alloc::<u8>(128);
        frame.release_all();
    }
    let lines = [line!() - 4, line!() - 3].map(|at| format!("pprof.rs:{at}"));
    let (sampled, stats, nothing) = (pool.sampled_allocs(), pool.stats(), Outstanding::default());
    let held = [Held::new("frames", &nothing, &stats).with_samples(&sampled)];
    let arguments = ["-top", "-cum", "-unit=b", "-nodefraction=0"];
    let top = pprof("frames.pb.gz", &allocs(&held), &arguments);
    assert_eq!(
        lines.map(|at| cumulated(&top, &at)),
        [200 * 64, 200 * 128],
        "{top}"
    );
    assert_eq!(cumulated(&top, "pool frames"), 200 * 192, "{top}");
    let comments = pprof("frames.pb.gz", &allocs(&held), &["-comments"]);
    assert!(
        comments.contains("200 sampled frames (1 in 1)"),
        "{comments}"
    );
}

#[test]
fn allocs_are_split_by_sampled_callers() {
    let builder = BufferPool::builder().attribution(Attribution::Backtraces);
    let pool = builder.backtraces(10, 100_000).build().expect("settings");
    drop(load_level(&pool));
    for _ in 0..200 {
        drop(open_menu(&pool));
    }
    let sampled = pool.sampled_allocs();
    assert_eq!(sampled.buffers, 20_003);
    // Buffers that are allocated later are of no sampled call site.
    pool.set_attribution(Attribution::Off);
    let late = [0; 77].map(|_| pool.alloc::<u8>(1 << 10));
    let sampled = pool.sampled_allocs();
    assert_eq!(sampled.buffers, 20_003);
    let (stats, nothing) = (pool.stats(), Outstanding::default());
    let held = [Held::new("stacks", &nothing, &stats).with_samples(&sampled)];
    let arguments = [
        "-top",
        "-cum",
        "-sample_index=alloc_objects",
        "-nodefraction=0",
    ];
    let top = pprof("allocs-stacks.pb.gz", &allocs(&held), &arguments);
    assert_eq!(cumulated(&top, "pool stacks"), 20_080, "{top}");
    assert_eq!(cumulated(&top, "::load_level"), 3, "{top}");
    // Several lines lead there, and each estimate is rounded down.
    let menu = cumulated(&top, "::open_menu");
    assert!((19_990..=20_000).contains(&menu), "{top}");
    assert_eq!(cumulated(&top, "[pooled buffers]"), 77, "{top}");
    let comments = pprof("allocs-stacks.pb.gz", &allocs(&held), &["-comments"]);
    assert!(comments.contains("1 sampled buffer in 10"), "{comments}");
    drop(late);
}

#[test]
fn saved_history_gives_profile_of_its_pool() {
    let pool = BufferPool::builder()
        .name("saved")
        .build()
        .expect("good settings");
    let watch = Watch::start(&pool, HealthConfig::default());
    let mut kept: Vec<_> = (0..32).map(|_| pool.alloc::<u8>(1 << 20)).collect();
    let largest = format!("pprof.rs:{}", line!() - 1);
    kept.extend([pool.tag("sound").alloc::<u8>(64), pool.alloc::<u8>(64)]);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(100_000);
    watch.stop();
    let (mut history, stats) = (watch.store().saved(), pool.stats());
    // A history lists a limited number of call sites.
    history.pools[0].holders.truncate(2);
    let profile = heap(&[Held::saved(&history.pools[0])]);
    let top = pprof(
        "saved.pb.gz",
        &profile,
        &["-top", "-unit=b", "-nodefraction=0"],
    );
    assert!(line(&top, &largest).contains("33554432B"), "{top}");
    assert!(line(&top, "[frame buffers]").contains("100032B"), "{top}");
    let all = format!("{}B", stats.in_use_bytes);
    assert!(line(&top, "pool saved").contains(&all), "{top}");
    assert!(
        line(&top, "call sites that hold less").contains("64B"),
        "{top}"
    );
    drop(kept);
    frame.release_all();
}

#[test]
fn profile_of_saved_history_has_callers() {
    let builder = BufferPool::builder().attribution(Attribution::Backtraces);
    let pool = builder.backtraces(10, 100_000).build().expect("settings");
    let watch = Watch::start(&pool, HealthConfig::default());
    let kept = [load_level(&pool), open_menu(&pool)];
    watch.stop();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("callers.json");
    watch.store().save(&path).expect("writable");
    let history = SavedHistory::load(&path).expect("a history");
    let report = history.to_string();
    assert!(
        report.contains("callers of sampled buffers (1 in 10, and all from 97.7 KiB)"),
        "{report}"
    );
    assert!(report.contains("::load_level"), "{report}");
    let profile = heap(&[Held::saved(&history.pools[0])]);
    let arguments = ["-top", "-cum", "-unit=b", "-nodefraction=0"];
    let top = pprof("callers.pb.gz", &profile, &arguments);
    assert_eq!(cumulated(&top, "::load_level"), 3 << 20, "{top}");
    let menu = cumulated(&top, "::open_menu");
    assert!((100 << 10) - menu < 20, "only rounding is left: {top}");
    drop(kept);
}

#[test]
fn an_empty_pool_gives_an_empty_profile() {
    let pool = BufferPool::new();
    let (outstanding, stats) = (pool.outstanding(), pool.stats());
    let held = [Held::new("empty", &outstanding, &stats)];
    let raw = pprof("empty.pb.gz", &heap(&held), &["-raw"]);
    assert!(raw.contains("inuse_space/bytes"), "{raw}");
}

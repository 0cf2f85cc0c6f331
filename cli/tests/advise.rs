//! `framepool advise`: the advice is true, and a program that follows it gets no more.

mod common;

use std::fmt::Write as _;

use common::{HEADER, Scratch, framepool, stderr, stdout};
use serde_json::Value;

fn advise(arguments: &[&str]) -> Value {
    let output = framepool(&[&["advise", "--json"], arguments].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    serde_json::from_str(stdout(&output)).expect("one JSON object")
}

/// The advice of a kind.
fn of_kind<'a>(study: &'a Value, kind: &str) -> Vec<&'a Value> {
    let advice = study["advice"].as_array().expect("a list");
    advice.iter().filter(|it| it["kind"] == kind).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// The options that follow a piece of advice.
fn prewarmed(advice: &Value) -> Vec<String> {
    let sizes = advice["sizes"].as_array().expect("a list").iter();
    sizes
        .map(|size| format!("--prewarm={}x{}", size["count"], size["block_bytes"]))
        .collect()
}

#[test]
fn advised_prewarming_removes_the_misses_it_promised() {
    let study = advise(&[]);
    let [advice] = of_kind(&study, "prewarm")[..] else {
        panic!("one piece of advice: {study}");
    };
    let (before, promised) = (number(&advice["before"]), number(&advice["after"]));
    assert!(promised < before / 2.0, "{advice}");
    let settings = prewarmed(advice);
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let followed = advise(&settings);
    let misses = number(&followed["replayed"]["misses"]);
    // Threads interleave differently; allow a hundredth of the original number.
    assert!(
        misses <= promised + before / 100.0,
        "{misses}, promised {promised}"
    );
    assert!(of_kind(&followed, "prewarm").is_empty(), "{followed}");
}

/// A thread that allocates and releases this many buffers of `bytes` in each frame.
fn steady(frames: u64, buffers: u64, bytes: u64) -> String {
    let mut text = format!("{HEADER}\n");
    for frame in 0..frames {
        for id in frame * buffers..(frame + 1) * buffers {
            let _ = writeln!(text, "{frame},1,alloc,{id},{bytes},job.rs:7");
        }
        for id in frame * buffers..(frame + 1) * buffers {
            let _ = writeln!(text, "{frame},1,free,{id},,");
        }
        let _ = writeln!(text, "{frame},1,frame,,,");
    }
    text
}

#[test]
fn advised_thread_cache_removes_the_exchanges_it_promised() {
    let file = Scratch::new("cache.csv", steady(200, 4, 10_000));
    let study = advise(&[file.path(), "--thread-cache-bytes", "16384"]);
    let [advice] = of_kind(&study, "thread_cache_bytes")[..] else {
        panic!("one piece of advice: {study}");
    };
    let code = advice["code"].as_str().expect("text");
    let bytes = code.trim_start_matches(".thread_cache_bytes(");
    let bytes = bytes.trim_end_matches(')').replace('_', "");
    let followed = advise(&[file.path(), "--thread-cache-bytes", &bytes]);
    let exchanges = number(&followed["replayed"]["exchanges"]);
    assert!(exchanges <= number(&advice["after"]), "{followed}");
    assert!(number(&advice["before"]) >= 2.0 * exchanges, "{advice}");
    assert!(
        of_kind(&followed, "thread_cache_bytes").is_empty(),
        "{followed}"
    );
}

#[test]
fn site_that_releases_within_frame_is_advised() {
    let mut text = steady(60, 20, 1_000);
    // Of another line each buffer lives for a frame and more.
    for id in 10_000..10_100 {
        let _ = write!(
            text,
            "{id},1,alloc,{id},100,cache.rs:9\n{id},1,frame,,,\n{id},1,free,{id},,\n"
        );
    }
    let file = Scratch::new("frames.csv", text);
    let study = advise(&[file.path()]);
    let [advice] = of_kind(&study, "frame_buffers")[..] else {
        panic!("one piece of advice: {study}");
    };
    assert_eq!(advice["site"], "job.rs:7");
    let sentence = advice["sentence"].as_str().expect("text");
    assert!(
        sentence.contains("all 1200 were released in their frame"),
        "{sentence}"
    );
    assert!(
        sentence.ends_with("holds 20.0 KiB for them at most"),
        "{sentence}"
    );
    assert!(number(&advice["after"]) < number(&advice["before"]));
}

#[test]
fn program_with_nothing_to_gain_gets_no_advice() {
    let mut text = format!("{HEADER}\n");
    for id in 0..500 {
        let _ = write!(
            text,
            "{id},1,alloc,{id},1000,a.rs:1\n{id},1,frame,,,\n{id},1,free,{id},,\n"
        );
    }
    let file = Scratch::new("nothing.csv", text);
    let study = advise(&[file.path()]);
    assert_eq!(study["advice"], Value::Array(Vec::new()));
    let output = framepool(&["advise", file.path()]);
    let text = stdout(&output);
    assert!(
        text.contains("No advice: 0.20 % of the allocs missed"),
        "{text}"
    );
}

#[test]
fn advice_is_in_the_replays_report() {
    let file = Scratch::new("report.csv", steady(60, 20, 1_000));
    let output = framepool(&["replay", file.path(), "--quiet", "--rounds", "1"]);
    let text = stdout(&output);
    assert!(
        text.contains("  1. take the buffers of job.rs:7 with `Frame::alloc`"),
        "{text}"
    );
    assert!(
        text.contains(&format!("`framepool advise {}` shows", file.path())),
        "{text}"
    );
}

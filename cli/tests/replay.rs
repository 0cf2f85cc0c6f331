//! The report of `framepool replay`, and its outputs.

mod common;

use std::fmt::Write as _;
use std::io::Read;
use std::process::{Command, Stdio};

use common::{HEADER, Scratch, framepool, stderr, stdout, trace_of};
use serde_json::Value;

/// Two threads, three buffers, one of them freed by the other thread and one never.
const SMALL: &str = "0,7,alloc,1,1000,main.rs:1\n\
    100,9,alloc,2,2000,main.rs:2\n\
    20000,9,free,1,,\n\
    40000,7,alloc,3,500,\"a, b\"\n\
    60000,9,free,2,,\n";

fn small(name: &str) -> Scratch {
    Scratch::new(name, format!("{HEADER}\n{SMALL}"))
}

fn report_of(arguments: &[&str]) -> Value {
    timed_report_of(arguments, "0")
}

fn timed_report_of(arguments: &[&str], rounds: &str) -> Value {
    let output = framepool(&[arguments, &["--json", "--quiet", "--rounds", rounds]].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    serde_json::from_str(stdout(&output)).expect("one JSON object")
}

#[test]
fn the_numbers_are_those_of_the_trace() {
    let file = small("numbers.csv");
    let report = report_of(&["replay", file.path()]);
    let trace = &report["trace"];
    assert_eq!((&trace["allocs"], &trace["frees"]), (&3.into(), &2.into()));
    assert_eq!(trace["freed_by_another_thread"], 1);
    assert_eq!(
        (&trace["recorded_threads"], &trace["frames"]),
        (&2.into(), &4.into())
    );
    assert_eq!(trace["peak_live_bytes"], 3000);
    let pool = &report["pool"];
    assert_eq!((&pool["allocs"], &pool["releases"]), (&3.into(), &2.into()));
    assert_eq!(
        (&pool["imbalance"], &pool["frames"]),
        (&1.into(), &4.into())
    );
    assert_eq!(report["faults"], Value::Array(Vec::new()));
}

#[test]
fn buffer_never_freed_is_reported_by_recorded_site() {
    let file = small("leak.csv");
    let report = report_of(&["replay", file.path(), "--leak-after", "2"]);
    let leaks = &report["leaks"];
    assert_eq!(
        (&leaks["suspects"], &leaks["suspect_bytes"]),
        (&1.into(), &500.into())
    );
    assert_eq!(
        (&leaks["quiet_frames"], &leaks["pool_agrees"]),
        (&3.into(), &true.into())
    );
    let site = &leaks["sites"][0];
    assert_eq!(site["site"], "\"a, b\"");
    // Allocated in the third frame, after two ended; four frames of the trace and three quiet ones have ended since the
    // start.
    assert_eq!(
        (&site["oldest_age_frames"], &site["oldest_line"]),
        (&5.into(), &5.into())
    );
    assert_eq!(site["oldest_thread"], 7);
}

#[test]
fn marked_frames_are_kept() {
    let file = Scratch::new(
        "marks.csv",
        format!("{HEADER}\n0,0,alloc,1,8,s\n5,0,frame\n6,,frame,,,\n7,0,free,1\n"),
    );
    let report = report_of(&["replay", file.path()]);
    assert_eq!(report["trace"]["frames"], 3);
    assert_eq!(report["trace"]["frame_ms"], Value::Null);
}

#[test]
fn threads_can_be_fewer_or_more() {
    let file = small("threads.csv");
    for threads in ["1", "2", "5"] {
        let report = report_of(&["replay", file.path(), "--threads", threads]);
        assert_eq!(report["trace"]["replay_threads"].to_string(), threads);
        assert_eq!(report["pool"]["allocs"], 3);
    }
}

#[test]
fn extreme_numbers_replay() {
    let most = u64::MAX;
    let file = Scratch::new(
        "extreme.csv",
        format!(
            "{HEADER}\r\n0,{most},alloc,{most},0,\r\n{most},3,free,{most},,\r\n{most},3,alloc,0,1,s"
        ),
    );
    let report = timed_report_of(&["replay", file.path()], "1");
    assert!(report["trace"]["idle_frames_left_out"].as_u64() > Some(1_000_000));
    assert_eq!(report["leaks"]["sites"][0]["site"], "s");
}

#[test]
fn many_recorded_threads_share_those_of_the_replay() {
    let text = trace_of(3_000, |i| format!("{i},{},alloc,{i},64,s", i * 1_000_003));
    let file = Scratch::new("crowd.csv", text);
    let report = timed_report_of(&["replay", file.path()], "1");
    assert_eq!(report["trace"]["recorded_threads"], 3_000);
    assert_eq!(report["trace"]["replay_threads"], 1_024);
    assert_eq!(report["leaks"]["suspects"], 3_000);
}

#[test]
fn every_contestant_is_timed_and_weighed() {
    let file = small("costs.csv");
    let report = timed_report_of(&["replay", file.path()], "2");
    let contestants = report["timing"]["contestants"].as_array().expect("a list");
    let names: Vec<_> = contestants
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert_eq!(names, ["framepool", "system", "mimalloc", "null"]);
    for it in contestants {
        let cost = &it["ns_per_operation"];
        let number = |key: &str| cost[key].as_f64().expect("a number");
        assert!(number("min") <= number("median") && number("median") <= number("max"));
        let rival = ["system", "mimalloc"].contains(&it["name"].as_str().unwrap_or_default());
        assert_eq!(it["framepool_to_this"].is_object(), rival);
        let weighed = cfg!(target_os = "linux") && it["name"] != "null";
        assert_eq!(it["peak_memory_bytes"].is_u64(), weighed, "{it}");
    }
}

#[test]
fn impossibly_large_buffer_is_refused_in_one_line() {
    let file = Scratch::new(
        "large.csv",
        format!("{HEADER}\n0,0,alloc,0,4611686018427387904,s\n"),
    );
    let output = framepool(&["replay", file.path()]);
    let said = stderr(&output);
    assert!(
        said.starts_with(&format!(
            "framepool: {}:2: framepool could not lend ",
            file.path()
        )),
        "{said}"
    );
    assert_eq!(
        (output.status.code(), stdout(&output), said.lines().count()),
        (Some(1), "", 1)
    );
}

#[test]
fn every_key_of_the_data_is_documented() {
    fn collect(value: &Value, keys: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    keys.push(key.clone());
                    collect(value, keys);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, keys)),
            _ => {}
        }
    }
    let documented = include_str!("../../docs/replay-report.md");
    let file = small("keys.csv");
    let mut keys = Vec::new();
    collect(&timed_report_of(&["replay", file.path()], "2"), &mut keys);
    keys.extend(["raised", "resolved", "frame", "severity", "threshold"].map(str::to_owned));
    for key in keys {
        assert!(
            documented.contains(&format!("`{key}`")),
            "`{key}` is not explained"
        );
    }
}

#[test]
fn the_report_is_text_for_people() {
    let file = small("text.csv");
    let output = framepool(&["replay", file.path(), "--rounds", "1"]);
    let text = stdout(&output);
    for part in [
        "imbalance",
        "hits, shared depot",
        "pool keys",
        "\"a, b\"",
        "mimalloc",
        "net ratio",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert_eq!(output.status.code(), Some(0));
    // No terminal: no bar, no colour.
    assert!(!stderr(&output).contains('\u{1b}') && !text.contains('\u{1b}'));
}

#[test]
fn live_only_is_only_the_live_view() {
    let file = small("live.csv");
    let output = framepool(&["replay", file.path(), "--live-only"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), ""));
    assert!(stderr(&output).contains("in use"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_leaves_early_is_no_fault() {
    let file = small("pipe.csv");
    let mut child = Command::new(env!("CARGO_BIN_EXE_framepool"))
        .args(["replay", file.path(), "--rounds", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("running framepool");
    drop(child.stdout.take());
    let mut said = String::new();
    let mut errors = child.stderr.take().expect("a pipe");
    errors.read_to_string(&mut said).expect("reading");
    assert_eq!(
        (child.wait().expect("waiting").code(), said.as_str()),
        (Some(0), "")
    );
}

/// Frames of 20 ms for a minute. One call site takes its buffers at the start and keeps them, one keeps a buffer every half
/// second from second 30 on, and one releases its buffers.
fn leaking() -> String {
    let mut events = Vec::new();
    let mut taken = 0;
    let mut alloc = |us: u64, site: &str| {
        taken += 1;
        events.push(format!("{us},1,alloc,{taken},1000,{site}"));
        taken
    };
    for start in 0..70 {
        alloc(start, "start-up");
    }
    let mut lines = Vec::new();
    for frame in 1..=3_000_u64 {
        let us = 20_000 * frame;
        let scratch = alloc(us, "scratch");
        if frame >= 1_500 && frame % 25 == 0 {
            alloc(us, "leak.c:7");
        }
        lines.push((us, scratch));
    }
    let mut frees = lines.into_iter().peekable();
    let mut text = format!("{HEADER}\n");
    for event in events {
        let at: u64 = event.split(',').next().unwrap().parse().unwrap();
        while let Some((us, id)) = frees.next_if(|&(us, _)| us < at) {
            writeln!(text, "{us},1,free,{id},,").unwrap();
        }
        text += &event;
        text.push('\n');
    }
    text
}

fn leak_alerts(report: &Value) -> Vec<&str> {
    let alerts = report["alerts"].as_array().expect("a list");
    let leaks = alerts.iter().filter(|alert| alert["rule"] == "Leak");
    leaks.filter_map(|alert| alert["text"].as_str()).collect()
}

#[test]
fn recorded_leak_is_named_by_its_recorded_site() {
    let file = Scratch::new("leaking.csv", leaking());
    let report = report_of(&["replay", file.path()]);
    let alerts = leak_alerts(&report);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(
        alerts[0].contains("taken at leak.c:7 were not given back"),
        "{alerts:?}"
    );
}

#[test]
fn a_replay_without_rounds_times_nothing() {
    let file = small("untimed.csv");
    let report = report_of(&["replay", file.path()]);
    assert_eq!(report["timing"], Value::Null);
    let output = framepool(&["replay", file.path(), "--quiet", "--rounds", "0"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!stdout(&output).contains("mimalloc"));
}

#[test]
fn buffers_kept_since_recording_start_are_no_leak() {
    let report = report_of(&["replay", "--frame-ms", "50"]);
    assert_eq!(leak_alerts(&report), [""; 0]);
    assert!(report["leaks"]["suspects"].as_u64() > Some(0));
    assert!(!report["alerts"].to_string().contains("recorded_sites.rs"));
}

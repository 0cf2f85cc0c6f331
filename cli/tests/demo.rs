//! `framepool demo`: an alert rises and clears.

mod common;

use common::{Scratch, framepool, stderr, stdout};
use serde_json::Value;

#[test]
fn leak_alert_clears_when_leak_is_fixed() {
    let output = framepool(&[
        "demo",
        "--seconds",
        "3",
        "--leak",
        "20",
        "--fix",
        "--threads",
        "2",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    let alerts = report["alerts"].as_array().expect("a list");
    let leak = alerts
        .iter()
        .find(|alert| alert["rule"] == "Leak")
        .expect("a leak alert");
    assert!(leak["resolved"].is_object(), "it cleared: {leak}");
    let site = &report["leaks_found"]["sites"][0];
    assert!(
        site["location"]
            .as_str()
            .is_some_and(|site| site.contains("demo/leak.rs:")),
        "{site}"
    );
    assert_eq!(report["releases"], report["allocs"]);
    assert!(stderr(&output).contains("raised"), "{}", stderr(&output));
}

#[test]
fn peak_in_use_is_at_least_history_maximum() {
    let file = Scratch::new("most.json", "");
    let output = framepool(&[
        "demo",
        "--seconds",
        "1",
        "--bloat",
        "--json",
        "--save",
        file.path(),
    ]);
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    let most = report["peak_in_use_bytes"].as_u64().expect("bytes");
    let text = std::fs::read_to_string(file.path()).expect("a history");
    let saved: Value = serde_json::from_str(&text).expect("JSON");
    let courses = saved["history"]["pools"][0]["courses"].as_array();
    let in_use = courses
        .expect("courses")
        .iter()
        .find(|course| {
            course["name"]
                .as_str()
                .is_some_and(|name| name.contains("in use"))
        })
        .expect("a course of bytes in use");
    let values = in_use["values"].as_array().expect("values");
    let shown = values.iter().filter_map(Value::as_f64).fold(0.0, f64::max);
    assert!(
        most > 0 && most as f64 >= shown,
        "{most} bytes, {shown} shown"
    );
}

#[test]
fn worst_frame_is_that_of_the_whole_run() {
    // Longer than the monitor's window of 5 s.
    let file = Scratch::new("worst.json", "");
    let usual = ["demo", "--seconds", "6", "--bloat", "--quiet", "--json"];
    let output = framepool(&[&usual[..], &["--save", file.path()]].concat());
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    let text = std::fs::read_to_string(file.path()).expect("a history");
    let saved: Value = serde_json::from_str(&text).expect("JSON");
    let frames = saved["history"]["pools"][0]["frames"]
        .as_array()
        .expect("frames");
    // The first period dates from the creation of the pool; the last frame end only closes the run.
    let frames = frames[..frames.len() - 1]
        .iter()
        .filter(|frame| frame["frame"] != 1);
    let times = frames.map(|frame| frame["period_ns"].as_f64().expect("nanoseconds") / 1e6);
    let worst = times.fold(0.0, f64::max);
    let shown = report["worst_frame_ms"].as_f64().expect("milliseconds");
    assert!(
        (shown - worst).abs() < 0.001,
        "{shown} ms shown, {worst} ms in the history"
    );
}

#[test]
fn a_run_with_an_end_counts_its_seconds() {
    let output = framepool(&["demo", "--seconds", "3", "--threads", "1"]);
    let lines = stderr(&output)
        .lines()
        .filter(|line| line.contains("in use"));
    let second = |line: &str| {
        line.strip_prefix("second ")?
            .split_once("/3  ")?
            .0
            .parse()
            .ok()
    };
    let seconds: Option<Vec<u32>> = lines.map(second).collect();
    let seconds = seconds.expect("seconds of 3");
    assert!(seconds.is_sorted_by(|a, b| a < b), "{seconds:?}");
    assert!(
        seconds.first() > Some(&0) && seconds.last() == Some(&3),
        "{seconds:?}"
    );
}

#[test]
fn lines_of_an_alert_fit_100_columns() {
    let output = framepool(&["demo", "--seconds", "3", "--leak", "20", "--threads", "2"]);
    assert!(
        stdout(&output).contains("were not given back"),
        "{}",
        stdout(&output)
    );
    // The tables before are as wide as what they list.
    let alerts = stdout(&output)
        .lines()
        .skip_while(|line| !line.starts_with("alert "));
    for line in alerts.chain(stderr(&output).lines()) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn quiet_is_only_the_summary() {
    let output = framepool(&["demo", "--seconds", "0.5", "--quiet"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    assert!(stdout(&output).contains("particles stepped"));
}

#[test]
fn table_and_sentence_of_alert_name_one_frame() {
    let output = framepool(&[
        "demo",
        "--seconds",
        "3",
        "--leak",
        "30",
        "--json",
        "--quiet",
    ]);
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    let alerts = report["alerts"].as_array().expect("alerts");
    assert!(!alerts.is_empty());
    for alert in alerts {
        let since = format!(", since frame {};", alert["raised"]["frame"]);
        assert!(
            alert["text"].as_str().unwrap().contains(&since),
            "{since} {alert}"
        );
    }
}

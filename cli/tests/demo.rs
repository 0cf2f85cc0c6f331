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

#[test]
fn further_pools_are_in_every_output() {
    let file = Scratch::new("pools.json", "");
    let demo = [
        "demo",
        "--seconds",
        "3",
        "--pools",
        "4",
        "--leak",
        "20",
        "--threads",
        "1",
    ];
    let output = framepool(&[&demo[..], &["--save", file.path()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = framepool(&["report", file.path()]);
    for name in ["audio", "assets", "network"] {
        let row = stdout(&output).lines().find(|line| line.starts_with(name));
        assert!(row.is_some(), "no {name} in:\n{}", stdout(&output));
        let head = format!("pool `{name}`: healthy");
        assert!(
            stdout(&report).contains(&head),
            "no {head} in:\n{}",
            stdout(&report)
        );
    }
    // Only the demo's own pool leaks.
    let gates = framepool(&["report", file.path(), "--max-growing", "0"]);
    let failed = stderr(&gates)
        .lines()
        .filter(|line| line.contains("gate failed"));
    assert_eq!(failed.count(), 1, "{}", stderr(&gates));
    assert!(stderr(&gates).contains("pool `demo`"), "{}", stderr(&gates));
    assert_eq!(framepool(&["demo", "--pools", "0"]).status.code(), Some(2));
}

#[cfg(feature = "dashboard")]
#[test]
fn metrics_of_several_pools_are_served() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};

    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_framepool"))
        .args([
            "demo",
            "--pools",
            "3",
            "--seconds",
            "60",
            "--quiet",
            "--serve",
            "127.0.0.1:0",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("running framepool");
    let mut line = String::new();
    let mut said = BufReader::new(demo.stderr.take().expect("standard error"));
    said.read_line(&mut line).expect("a line");
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|it| it.split('/').next());
    let address = address.unwrap_or_else(|| panic!("no address in {line}"));
    let mut page = std::net::TcpStream::connect(address).expect("the page");
    write!(
        page,
        "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .expect("asking");
    let mut metrics = String::new();
    page.read_to_string(&mut metrics).expect("an answer");
    demo.kill()
        .and_then(|()| demo.wait().map(drop))
        .expect("ending it");
    for name in ["demo", "audio", "assets"] {
        assert!(
            metrics.contains(&format!("pool=\"{name}\"")),
            "no {name} in:\n{metrics}"
        );
    }
}

//! Ctrl-C: a run writes the requested files, and ends.
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use common::{HEADER, Scratch, framepool, stderr, stdout};
use serde_json::Value;

const SIGINT: i32 = 2;
const PATIENCE: Duration = Duration::from_mins(1);

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_framepool"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("running framepool")
}

fn interrupt(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("running kill").success());
}

/// Interrupts a run when it first prints this, and returns its output.
fn interrupted_at(mut child: Child, said: &str, signal: &str) -> Output {
    let mut heard = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains(said) {
        line.clear();
        let read = heard.read_line(&mut line).expect("text");
        assert!(read > 0, "ended before it said {said}");
        // An endless run counts its frames and has no last one.
        assert!(!line.starts_with("frame ") || !line.contains('/'), "{line}");
    }
    interrupt(&child, signal);
    // Continues to read, so that the run never waits for a reader.
    let rest = std::thread::spawn(move || heard.lines().map_while(Result::ok).count());
    let output = child.wait_with_output().expect("the run's end");
    let _ = rest.join();
    output
}

#[test]
fn interrupted_demo_writes_its_files_and_summary() {
    let saved = Scratch::new("interrupted-demo.json", "");
    let page = Scratch::new("interrupted-demo.html", "");
    let child = start(&[
        "demo",
        "--threads",
        "2",
        "--leak",
        "5",
        "--json",
        "--serve",
        "0",
        "--save",
        saved.path(),
        "--html",
        page.path(),
    ]);
    let output = interrupted_at(child, "raised, warning: ", "-INT");
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    assert!(report["leaks_found"]["sites"][0].is_object(), "{report}");
    assert!(
        fs::read_to_string(page.path())
            .expect("a page")
            .contains("<html")
    );
    let shown = framepool(&["report", saved.path()]);
    assert!(
        stdout(&shown).contains("growing: leaks by call site"),
        "{}",
        stderr(&shown)
    );
}

#[test]
fn an_interrupted_replay_reports_what_it_saw() {
    // Two seconds of recorded time at a hundredth of its speed.
    let mut trace = format!("{HEADER}\n");
    for tick in 0..120u64 {
        let at = tick * 16_667;
        let lines = format!("{at},1,alloc,{tick},4096,a.c:1\n{at},1,free,{tick},,\n");
        trace.push_str(&lines);
    }
    let recording = Scratch::new("slow.csv", trace);
    let saved = Scratch::new("slow.json", "");
    let child = start(&[
        "replay",
        recording.path(),
        "--json",
        "--speed",
        "0.01",
        "--serve",
        "0",
        "--save",
        saved.path(),
    ]);
    let output = interrupted_at(child, "open http", "-TERM");
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    assert!(report["pool"]["frames"].as_u64() < report["trace"]["frames"].as_u64());
    assert!(report["timing"].is_null() && report["leaks"].is_null());
    assert_eq!(report["faults"], serde_json::json!([]));
    assert!(
        fs::read_to_string(saved.path())
            .expect("a history")
            .contains("framepool history")
    );
}

#[test]
fn a_served_replay_reports_when_it_is_interrupted() {
    let recording = Scratch::new(
        "short.csv",
        format!("{HEADER}\n0,1,alloc,1,64,a.c:7\n50000,1,free,1,,\n"),
    );
    let saved = Scratch::new("short.json", "");
    let mut child = start(&[
        "replay",
        recording.path(),
        "--json",
        "--serve",
        "0",
        "--save",
        saved.path(),
    ]);
    // The file exists once the recording has been replayed.
    let began = Instant::now();
    while fs::metadata(saved.path()).is_ok_and(|file| file.len() == 0) {
        assert!(began.elapsed() < PATIENCE, "not replayed");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        child.try_wait().expect("a state").is_none(),
        "it goes on serving"
    );
    interrupt(&child, "-INT");
    let output = child.wait_with_output().expect("the run's end");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    assert_eq!(report["leaks"]["suspects"], 0);
}

#[test]
fn run_without_orderly_end_stops_at_once() {
    let saved = Scratch::new("timed.json", "");
    let mut child = start(&[
        "replay",
        "--quiet",
        "--rounds",
        "1000",
        "--save",
        saved.path(),
    ]);
    let began = Instant::now();
    while fs::metadata(saved.path()).is_ok_and(|file| file.len() == 0) {
        assert!(began.elapsed() < PATIENCE, "not replayed");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The first may come just before the timing begins.
    let ended: ExitStatus = loop {
        if let Some(status) = child.try_wait().expect("a state") {
            break status;
        }
        interrupt(&child, "-INT");
        assert!(began.elapsed() < PATIENCE, "still timing");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(ended.signal(), Some(SIGINT));
}

//! Ctrl-C: a run writes the requested files, and ends.
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{HEADER, Scratch, framepool, stderr, stdout};
use serde_json::Value;

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
    assert_eq!(output.status.code(), Some(143));
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    let interrupted = report["interrupted"].as_str().expect("a text");
    assert!(interrupted.starts_with("SIGTERM after "), "{interrupted}");
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

/// Starts a replay that times many rounds, and waits until it has saved its history and times.
fn timing(saved: &Scratch, more: &[&str]) -> Child {
    let replay = [
        "replay",
        "--quiet",
        "--rounds",
        "1000",
        "--save",
        saved.path(),
    ];
    let child = start(&[&replay[..], more].concat());
    let began = Instant::now();
    while fs::metadata(saved.path()).is_ok_and(|file| file.len() == 0) {
        assert!(began.elapsed() < PATIENCE, "not replayed");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn interrupted_timing_reports_what_was_measured() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let saved = Scratch::new("timed.json", "");
        let child = timing(&saved, &["--max-growing", "100", "--warm-up", "2s"]);
        interrupt(&child, signal);
        let output = child.wait_with_output().expect("the run's end");
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let text = stdout(&output);
        assert!(text.contains("Interrupted by SIG"), "{text}");
        assert!(text.contains("what the pool counted"), "{text}");
        let said = stderr(&output);
        assert!(
            said.contains("interrupted by SIG") && said.lines().count() == 1,
            "{said}"
        );
    }
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    // A minute between two frames.
    let trace = format!("{HEADER}\n0,1,alloc,1,64,a.c:7\n60000000,1,free,1,,\n");
    let recording = Scratch::new("two.csv", trace);
    let mut child = start(&[
        "replay",
        recording.path(),
        "--speed",
        "1",
        "--frame-ms",
        "60000",
        "--serve",
        "0",
    ]);
    let mut heard = BufReader::new(child.stderr.take().expect("a pipe"));
    heard.read_line(&mut String::new()).expect("its address");
    // Two different signals, because two of one kind can become one.
    let both = format!("kill -INT {0}; kill -TERM {0}", child.id());
    let sent = Command::new("sh").args(["-c", &both]).status();
    assert!(sent.expect("running sh").success());
    let ended = child.wait().expect("the run's end");
    assert!(matches!(ended.signal(), Some(2 | 15)), "{ended}");
}

#[test]
fn interrupted_timed_demo_has_shell_exit_code() {
    let saved = Scratch::new("short-demo.json", "");
    let child = start(&[
        "demo",
        "--seconds",
        "60",
        "--threads",
        "1",
        "--save",
        saved.path(),
    ]);
    let output = interrupted_at(child, " %", "-TERM");
    assert_eq!(output.status.code(), Some(143));
    assert!(stdout(&output).contains("particles stepped"));
    let shown = framepool(&["report", saved.path()]);
    assert!(
        stdout(&shown).starts_with("pool `demo`"),
        "{}",
        stderr(&shown)
    );
}

#[test]
fn gates_of_an_interrupted_replay_are_skipped() {
    let trace = common::trace_of(200, |i| format!("{},1,alloc,{i},4096,a.c:1", i * 16_667));
    let recording = Scratch::new("skipped.csv", trace);
    let junit = Scratch::new("skipped.xml", "");
    let child = start(&[
        "replay",
        recording.path(),
        "--speed",
        "0.01",
        "--serve",
        "0",
        "--max-peak",
        "1B",
        "--junit",
        junit.path(),
    ]);
    let mut child = child;
    let mut heard = BufReader::new(child.stderr.take().expect("a pipe"));
    heard.read_line(&mut String::new()).expect("its address");
    interrupt(&child, "-INT");
    let rest: Vec<String> = heard.lines().map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    // The sentence is wrapped.
    let words: Vec<&str> = rest
        .iter()
        .flat_map(|line| line.split_whitespace())
        .collect();
    let rest = words.join(" ");
    assert!(rest.contains("the gates were not judged"), "{rest}");
    let xml = fs::read_to_string(junit.path()).expect("gates");
    assert!(xml.contains("failures=\"0\" skipped=\"1\""), "{xml}");
}

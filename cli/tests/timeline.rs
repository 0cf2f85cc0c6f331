//! `--timeline`: a run as a trace.
#![cfg(feature = "dashboard")]

mod common;
#[path = "../../integrations/timeline/tests/common/mod.rs"]
mod reading;

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{HEADER, Scratch, framepool, stderr};
use reading::Trace;

#[test]
fn a_replay_is_written_in_recorded_time() {
    // A minute. In its second half a line allocates two buffers a second and never frees them.
    let mut lines = format!("{HEADER}\n");
    for frame in 1..=3_000_u64 {
        let us = 20_000 * frame;
        writeln!(lines, "{us},1,alloc,{frame},1000,scratch").expect("text");
        writeln!(lines, "{},1,free,{frame},,", us + 1).expect("text");
        if frame >= 1_500 && frame % 25 == 0 {
            writeln!(lines, "{},1,alloc,{},4096,leak.c:7", us + 2, 10_000 + frame).expect("text");
        }
    }
    let recording = Scratch::new("minute.csv", lines);
    let file = Scratch::new("minute.pftrace", "");
    let began = Instant::now();
    let output = framepool(&[
        "replay",
        recording.path(),
        "--frame-ms",
        "20",
        "--live-only",
        "--speed",
        "0",
        "--timeline",
        file.path(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let took = began.elapsed();
    let trace = Trace::read(&fs::read(file.path()).expect("a trace"));
    let frames = trace.slices_of("frames");
    let (first, last) = (frames[0], frames[frames.len() - 1]);
    let nanos = last.end.expect("an end") - first.begin;
    // Quiet frames follow the recording's end.
    assert!(
        (3_000..3_010).contains(&frames.len()) && nanos >= 60_000_000_000,
        "{nanos} in {took:?}"
    );
    assert!(nanos < 61_000_000_000, "{nanos}");
    let alerts = trace.slices_of("leak at leak.c:7");
    assert!(alerts[0].texts["says"].contains("leak.c:7"), "{alerts:?}");
    assert!(
        (first.begin..last.end.expect("an end")).contains(&alerts[0].begin),
        "{alerts:?}"
    );
    let in_use = trace.counter("in use");
    assert!(in_use[2_999] >= 60 * 4_096, "{}", in_use[2_999]);
}

#[test]
fn a_killed_demo_leaves_a_whole_trace() {
    let file = Scratch::new("killed.pftrace", "");
    let mut child = Command::new(env!("CARGO_BIN_EXE_framepool"))
        .args([
            "demo",
            "--threads",
            "1",
            "--leak",
            "50",
            "--timeline",
            file.path(),
        ])
        .stderr(Stdio::null())
        .spawn()
        .expect("running framepool");
    let began = Instant::now();
    while fs::metadata(file.path()).is_ok_and(|file| file.len() < 60_000) {
        assert!(
            began.elapsed() < Duration::from_secs(40),
            "nothing is written"
        );
        thread::sleep(Duration::from_millis(20));
    }
    // SIGKILL.
    child.kill().expect("the demo");
    child.wait().expect("the demo");
    let trace = Trace::read(&fs::read(file.path()).expect("a trace"));
    let frames = trace.slices_of("frames").len();
    assert!(
        frames > 20 && trace.counter("pooled").len() == frames,
        "{frames} frames"
    );
}

#[test]
fn unwritable_timeline_is_reported_in_one_line() {
    let output = framepool(&["demo", "--quiet", "--timeline", "no/such/folder/a.pftrace"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("cannot be written"),
        "{}",
        stderr(&output)
    );
}

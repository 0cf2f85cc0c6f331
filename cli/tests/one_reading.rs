//! A run is read once at its end: its files, its report and its gates show the same moment.
#![cfg(feature = "dashboard")]

mod common;

use std::fmt::Write as _;
use std::fs;

use common::{HEADER, Scratch, framepool, judged_replay, stderr, stdout};
use serde_json::Value;

/// Thirty frames of 20 ms; every other one keeps a buffer.
fn recording(name: &str) -> Scratch {
    let mut text = format!("{HEADER}\n");
    for frame in 0..30_u64 {
        let us = 20_000 * frame;
        writeln!(text, "{us},1,alloc,{frame},5000,a.c:7").unwrap();
        if frame % 2 == 0 {
            writeln!(text, "{us},1,free,{frame},,").unwrap();
        }
    }
    Scratch::new(name, text)
}

fn shown(file: &Scratch) -> String {
    let output = framepool(&["report", file.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output).to_owned()
}

fn report_of(arguments: &[&str]) -> Value {
    let output = framepool(&[arguments, &["--json", "--quiet"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_str(stdout(&output)).expect("one JSON object")
}

fn saved_metrics(file: &Scratch) -> Value {
    let output = framepool(&["report", file.path(), "--json"]);
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    report["pools"][0]["metrics"].clone()
}

#[test]
fn page_and_history_of_replay_agree() {
    let trace = recording("agree.csv");
    let (page, history) = (
        Scratch::new("agree.html", ""),
        Scratch::new("agree.json", ""),
    );
    let files = ["--html", page.path(), "--save", history.path()];
    let replay = ["replay", trace.path(), "--rounds", "0"];
    let report = report_of(&[&replay[..], &files].concat());
    assert_eq!(shown(&page), shown(&history));
    assert!(
        shown(&history).contains("by 15 buffers + "),
        "{}",
        shown(&history)
    );
    let metrics = saved_metrics(&history);
    assert_eq!(report["leaks"]["suspects"], metrics["in_use_buffers"]);
    assert_eq!(
        report["leaks"]["suspect_in_use_bytes"],
        metrics["in_use_bytes"]
    );
    assert_eq!(report["leaks"]["suspect_bytes"], metrics["requested_bytes"]);
    assert_eq!(report["pool"]["allocs"], metrics["total_allocs"]);
    assert_eq!(report["pool"]["peak_pooled_bytes"], metrics["peak_bytes"]);
    let (traced, quiet) = (&report["pool"]["frames"], &report["leaks"]["quiet_frames"]);
    let frames = traced.as_u64().unwrap() + quiet.as_u64().unwrap();
    assert_eq!(metrics["total_frames"], frames);
}

#[test]
fn replay_and_report_print_the_same_numbers() {
    // One buffer is held from the first frame on, and another one is released in the last frame.
    let mut text = format!("{HEADER}\n0,0,alloc,1,1000,held\n1,0,alloc,2,1000000,late\n");
    for frame in 1..400_u64 {
        writeln!(text, "{},0,frame", 16_000 * frame).unwrap();
    }
    text += "6400000,0,free,2\n6400001,0,frame\n";
    let trace = Scratch::new("numbers.csv", text);
    let history = Scratch::new("numbers.json", "");
    let replay = [
        "replay",
        trace.path(),
        "--rounds",
        "0",
        "--save",
        history.path(),
    ];
    let output = framepool(&[&replay[..], &["--quiet"]].concat());
    let printed = (stdout(&output).to_owned(), shown(&history));
    let row = |text: &str, site: &str| {
        let row = text.lines().find(|line| line.starts_with(site));
        let row = row.unwrap_or_else(|| panic!("no {site} in {text}"));
        row.split("  ")
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // Call site, buffers, asked for, in use, age; and the same without what was asked for.
    let (of_replay, of_report) = (row(&printed.0, "held"), row(&printed.1, "held  "));
    assert_eq!(of_replay[..5], ["held", "1", "1000 B", "1.00 KiB", "405"]);
    assert_eq!(of_report[..4], ["held", "1", "1.00 KiB", "405"]);
    assert_eq!(row(&printed.0, "frames in all")[1], "405");
    assert!(printed.1.contains("healthy, frame 405"), "{}", printed.1);
    let most = row(&printed.0, "in use, at a frame end")[1].clone();
    let said = format!("most    {most} in use at the end of frame 1, of the latest 405 frames");
    assert!(printed.1.contains(&said), "{said}\n{}", printed.1);
}

#[test]
fn leak_of_demo_is_in_every_output() {
    let (page, history) = (
        Scratch::new("leaky.html", ""),
        Scratch::new("leaky.json", ""),
    );
    let files = ["--html", page.path(), "--save", history.path()];
    let demo = ["demo", "--leak", "20", "--seconds", "4", "--threads", "2"];
    let report = report_of(&[&demo[..], &files].concat());
    assert_eq!(shown(&page), shown(&history));
    let metrics = saved_metrics(&history);
    for (reported, saved) in [
        ("frames", "total_frames"),
        ("allocs", "total_allocs"),
        ("releases", "total_releases"),
        ("pooled_bytes", "pooled_bytes"),
        ("peak_pooled_bytes", "peak_bytes"),
        ("leaked", "in_use_buffers"),
    ] {
        assert_eq!(report[reported], metrics[saved], "{reported}");
    }
    assert_eq!(report["leaks_found"]["buffers"], report["leaked"]);
    for file in [&history, &page] {
        let output = framepool(&["report", file.path(), "--max-growing", "0"]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("demo/leak.rs:"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn diff_names_the_line_of_an_alert() {
    let (before, after) = (
        Scratch::new("calm.json", ""),
        Scratch::new("worse.json", ""),
    );
    let demo = ["demo", "--seconds", "3", "--threads", "1", "--save"];
    report_of(&[&demo[..], &[before.path()]].concat());
    report_of(&[&demo[..], &[after.path(), "--leak", "40"]].concat());
    let output = framepool(&["diff", before.path(), after.path()]);
    let text = stdout(&output);
    let alerts = text
        .lines()
        .find(|line| line.starts_with("alerts that did not rise before"));
    assert!(
        alerts.is_some_and(|line| line.contains("demo/leak.rs:")),
        "{text}"
    );
}

#[test]
fn peak_gate_names_parts_that_add_up() {
    // Most of the peak is released at once; one small buffer stays.
    let trace = format!(
        "{HEADER}\n0,1,alloc,1,4000000,big.c:1\n1,1,alloc,2,60000,kept.c:2\n2,1,free,1,,\n20000,1,alloc,3,100,c:3\n"
    );
    let trace = Scratch::new("peak.csv", trace);
    let output = judged_replay(&trace, &["--max-peak", "1MB"]);
    assert_eq!(output.status.code(), Some(3));
    let said = stderr(&output);
    assert!(
        said.contains(" in use + ") && said.contains(" idle at the end of frame 1"),
        "{said}"
    );
    // The frame had both in use at once.
    assert!(
        !said.contains("trim") && said.contains("hold fewer buffers at once"),
        "{said}"
    );
    assert!(
        said.contains("KiB by kept.c:2") && !said.contains("big.c"),
        "{said}"
    );
}

#[test]
fn recorded_call_stacks_reach_report_and_profiles() {
    let history = Scratch::new("stacks.json", "");
    let profile = Scratch::new("stacks.firefox.json", "");
    let demo = [
        "demo",
        "--seconds",
        "2",
        "--leak",
        "20",
        "--backtraces",
        "--save",
    ];
    report_of(&[&demo[..], &[history.path()]].concat());
    let firefox = |history: &Scratch| {
        let output = framepool(&["report", history.path(), "--firefox", profile.path()]);
        let profile = fs::read_to_string(profile.path()).expect("a profile");
        let profile: Value = serde_json::from_str(&profile).expect("JSON");
        let texts = profile["threads"][0]["stringArray"].as_array().cloned();
        let has_caller = texts.expect("texts").iter().any(|text| text == "go_on");
        (stdout(&output).to_owned(), has_caller)
    };
    let (report, has_caller) = firefox(&history);
    assert!(
        report.contains("callers of sampled buffers (1 in 1, ") && report.contains("demo/mod.rs:"),
        "{report}"
    );
    assert!(has_caller, "no caller in the profile");
    let without = Scratch::new("no-stacks.json", "");
    let demo = ["demo", "--seconds", "1", "--leak", "20", "--save"];
    report_of(&[&demo[..], &[without.path()]].concat());
    let (report, has_caller) = firefox(&without);
    assert!(!report.contains("callers of") && !has_caller, "{report}");
}

//! Gates on histories: exit codes, messages, and the files of their results.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use common::{HEADER, Scratch, framepool, judged_replay, minute, saved, stderr, stdout};
use serde_json::Value;

#[test]
fn failed_gate_has_its_exit_code_and_line() {
    let (before, after) = (saved("gate-before", false), saved("gate-after", true));
    let all = [
        "--max-growing",
        "0",
        "--max-peak",
        "1MiB",
        "--max-misses",
        "1%",
        "--baseline",
        before.path(),
    ];
    let output = framepool(&[&["report", after.path()], &all[..]].concat());
    assert_eq!(output.status.code(), Some(3));
    let said: Vec<_> = stderr(&output).lines().collect();
    assert_eq!(said.len(), 5, "{said:?}");
    for line in &said {
        assert!(
            line.starts_with("framepool: gate failed: --") && line.contains("limit"),
            "{line}"
        );
    }
    let passed = framepool(&[
        "report",
        before.path(),
        "--max-growing",
        "0",
        "--max-peak",
        "1MiB",
    ]);
    assert_eq!((passed.status.code(), stderr(&passed)), (Some(0), ""));
}

#[test]
fn growth_gate_without_comparison_history_is_refused() {
    let after = saved("alone", false);
    let output = framepool(&["report", after.path(), "--max-peak-growth", "10%"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--baseline FILE"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_diff_judges_only_what_is_asked_for() {
    let (before, after) = (saved("asked-before", false), saved("asked-after", true));
    let output = framepool(&["diff", before.path(), after.path(), "--max-misses", "100%"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_replay_is_judged_by_the_same_gates() {
    let recording = Scratch::new("judged.csv", minute(true));
    let junit = Scratch::new("judged.xml", "");
    let gates = ["--max-growing", "0", "--junit", junit.path()];
    let output = judged_replay(&recording, &gates);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stdout(&output).contains("what the pool counted"),
        "the report is there all the same"
    );
    let xml = fs::read_to_string(junit.path()).unwrap();
    assert!(
        xml.contains("failures=\"1\"") && xml.contains("leak.c:7"),
        "{xml}"
    );
}

#[test]
fn a_failed_gate_is_an_annotation_on_github() {
    let history = saved("annotated", true);
    let output = Command::new(env!("CARGO_BIN_EXE_framepool"))
        .args(["report", history.path(), "--max-growing", "0"])
        .env("GITHUB_ACTIONS", "true")
        .output()
        .expect("running framepool");
    let said = stderr(&output);
    assert!(
        said.contains("::error title=framepool::--max-growing"),
        "{said}"
    );
}

#[test]
fn history_without_pools_passes_no_gate() {
    let empty = br#"{"format":"framepool history","version":1,"library":"0.1.0","history":{}}"#;
    let history = Scratch::new("no-pools.json", empty);
    let junit = Scratch::new("no-pools.xml", "");
    let output = framepool(&[
        "report",
        history.path(),
        "--max-growing",
        "0",
        "--max-peak",
        "1B",
        "--junit",
        junit.path(),
    ]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.matches("no pool to judge").count(), 2, "{said}");
    let xml = fs::read_to_string(junit.path()).unwrap();
    assert!(xml.contains("tests=\"2\" failures=\"2\""), "{xml}");
}

/// A replay of 15 s: from the tenth second on, one call site keeps a buffer at every `every`th frame.
fn short_replay(name: &str, every: u64, more: &[&str]) -> (Option<i32>, String, String) {
    let mut text = format!("{HEADER}\n");
    for frame in 1..=750_u64 {
        let us = 20_000 * frame;
        writeln!(text, "{us},1,alloc,{},1000,scratch", 2 * frame).unwrap();
        writeln!(text, "{us},1,free,{},,", 2 * frame).unwrap();
        if frame > 500 && frame % every == 0 {
            writeln!(text, "{us},1,alloc,{},1000,leak.c:7", 2 * frame + 1).unwrap();
        }
    }
    let recording = Scratch::new(&format!("{name}.csv"), text);
    let junit = Scratch::new(&format!("{name}.xml"), "");
    let gates = ["--max-growing", "0", "--junit", junit.path()];
    let output = judged_replay(&recording, &[&gates[..], more].concat());
    let xml = fs::read_to_string(junit.path()).unwrap();
    (output.status.code(), stderr(&output).to_owned(), xml)
}

#[test]
fn run_too_short_for_growth_says_so() {
    let (code, said, xml) = short_replay("short", 5, &[]);
    assert!(
        said.contains("too short to judge growth: 15.1 s of 110 s"),
        "{said}"
    );
    assert_eq!((code, said.lines().count()), (Some(0), 1), "{said}");
    assert!(
        xml.contains("skipped=\"1\"") && xml.contains("<skipped message=\"too short"),
        "{xml}"
    );
}

#[test]
fn leak_after_warm_up_fails_short_run() {
    for warm_up in ["2s", "100"] {
        let (code, said, xml) =
            short_replay(&format!("warm-{warm_up}"), 3, &["--warm-up", warm_up]);
        assert!(
            said.contains("leak.c:7") && said.contains("gate failed"),
            "{said}"
        );
        assert_eq!(code, Some(3), "{said}");
        assert!(xml.contains("failures=\"1\" skipped=\"0\""), "{xml}");
    }
}

#[test]
fn slow_growth_at_the_end_is_said() {
    let (code, said, xml) = short_replay("rising", 25, &["--warm-up", "2s"]);
    let expected = "too short to judge the growth at leak.c:7: 15.";
    assert!(said.contains(expected), "{said}");
    assert_eq!((code, said.lines().count()), (Some(0), 1), "{said}");
    assert!(xml.contains("skipped=\"1\""), "{xml}");
}

#[test]
fn saved_run_too_short_for_growth_says_so() {
    let history = Scratch::new("short-run.json", "");
    short_replay("short-run", 5, &["--save", history.path()]);
    let junit = Scratch::new("short-run-report.xml", "");
    let gates = ["--max-growing", "0", "--junit", junit.path()];
    let output = framepool(&[&["report", history.path()], &gates[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let reason = "too short to judge growth: 15.1 s of 110 s";
    assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    assert!(stdout(&output).contains(reason), "{}", stdout(&output));
    let xml = fs::read_to_string(junit.path()).unwrap();
    assert!(xml.contains("<skipped message=\"too short"), "{xml}");
    let output = framepool(&["diff", history.path(), history.path()]);
    for which in ["before", "after"] {
        let part = format!("{which}: {reason}");
        assert!(stdout(&output).contains(&part), "{}", stdout(&output));
    }
    // A file of an earlier version has no settings.
    let mut file: Value =
        serde_json::from_str(&fs::read_to_string(history.path()).unwrap()).unwrap();
    let pool = file["history"]["pools"][0].as_object_mut().unwrap();
    assert!(pool.remove("growth").is_some());
    let earlier = Scratch::new("earlier.json", file.to_string());
    let output = framepool(&["report", earlier.path(), "--max-growing", "0"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
}

//! Saved histories: saving, showing, comparing and judging, and the exit codes.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use common::{HEADER, Scratch, framepool, stderr, stdout};
use serde_json::Value;

/// A minute of frames of 20 ms. One call site keeps its buffers from the start; another keeps one every half second of the
/// second half, if it leaks.
fn trace(leaks: bool) -> String {
    let mut text = format!("{HEADER}\n");
    let mut taken = 0;
    for us in 0..70 {
        taken += 1;
        writeln!(text, "{us},1,alloc,{taken},1000,start-up").unwrap();
    }
    for frame in 1..=3_000_u64 {
        let us = 20_000 * frame;
        taken += 1;
        writeln!(text, "{us},1,alloc,{taken},1000,scratch").unwrap();
        writeln!(text, "{},1,free,{taken},,", us + 1).unwrap();
        if leaks && frame >= 1_500 && frame % 25 == 0 {
            taken += 1;
            writeln!(text, "{},1,alloc,{taken},100000,leak.c:7", us + 2).unwrap();
        }
    }
    text
}

/// The history of a replay.
fn saved(name: &str, leaks: bool) -> Scratch {
    let recording = Scratch::new(&format!("{name}.csv"), trace(leaks));
    let history = Scratch::new(&format!("{name}.json"), "");
    let output = framepool(&[
        "replay",
        recording.path(),
        "--quiet",
        "--rounds",
        "0",
        "--save",
        history.path(),
    ]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    history
}

#[test]
fn saved_replay_is_shown_with_recorded_sites() {
    let history = saved("shown", true);
    let output = framepool(&["report", history.path()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let text = stdout(&output);
    for part in [
        "pool `watched`",
        "growing: leaks by call site",
        "leak.c:7",
        "start-up",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let file = fs::read_to_string(history.path()).unwrap();
    assert!(!file.contains("recorded_sites.rs"), "lines of this program");
    let output = framepool(&["report", history.path(), "--json"]);
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    assert_eq!(report["pools"][0]["verdicts"][0]["location"], "leak.c:7");
    assert_eq!(report["alerts"][0]["rule"], "leak");
}

#[cfg(feature = "dashboard")]
#[test]
fn a_page_is_made_of_a_saved_history() {
    let history = saved("paged", true);
    let page = Scratch::new("paged.html", "");
    let output = framepool(&["report", history.path(), "--html", page.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let html = fs::read_to_string(page.path()).unwrap();
    assert!(html.contains("id=\"saved\"") && html.contains("leak.c:7"));
    assert!(!html.contains("/assets/") && html.len() < 3_000_000);
    assert!(
        html.contains(r#""pooled_bytes":{"unit":"By","warning":5"#),
        "the levels"
    );
    // The page is a saved history as well.
    let again = framepool(&["report", page.path()]);
    let before = framepool(&["report", history.path()]);
    assert_eq!(stdout(&again), stdout(&before), "{}", stderr(&again));
}

/// Needs `go` (Debian: `apt-get install golang-go`); `cargo xtask ci setup` installs it.
#[cfg(feature = "dashboard")]
#[test]
fn profile_of_saved_history_lists_leak_first() {
    let history = saved("profiled", true);
    let profile = Scratch::new("profiled.pb.gz", "");
    let output = framepool(&["report", history.path(), "--pprof", profile.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = Command::new("go")
        .args(["tool", "pprof", "-top", profile.path()])
        .output()
        .unwrap_or_else(|error| panic!("`go`: {error}; Debian: apt-get install golang-go"));
    let top = stdout(&output);
    let mut rows = top.lines().skip_while(|line| !line.contains("flat%"));
    let first = rows.nth(1).unwrap_or_else(|| panic!("no row in {top}"));
    assert!(first.ends_with("leak.c:7"), "{top}");
    assert!(top.contains("start-up") && top.contains("pool watched"));
    let nowhere = framepool(&["report", history.path(), "--pprof", "no/such/folder/a"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("no/such/folder/a: cannot be written"));
}

#[cfg(feature = "dashboard")]
#[test]
fn firefox_profile_has_recorded_sites() {
    let history = saved("burning", true);
    let profile = Scratch::new("flame.json", "");
    let output = framepool(&["report", history.path(), "--firefox", profile.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = fs::read_to_string(profile.path()).unwrap();
    let written: Value = serde_json::from_str(&text).expect("JSON");
    let thread = &written["threads"][0];
    assert_eq!(thread["processName"], "pool watched");
    let texts = thread["stringArray"].as_array().expect("texts");
    assert!(texts.iter().any(|text| text == "leak.c:7"), "{texts:?}");
    assert!(!text.contains("recorded_sites.rs"), "lines of this program");
    let largest = thread["nativeAllocations"]["weight"][0].as_u64();
    assert!(largest > Some(100_000 * 50), "{largest:?}");
}

#[test]
fn a_diff_names_what_is_new() {
    let (before, after) = (saved("before", false), saved("after", true));
    let output = framepool(&["diff", before.path(), after.path()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let text = stdout(&output);
    for part in [
        "peak from the system",
        "leaks that were none before: leak.c:7",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let output = framepool(&["diff", before.path(), after.path(), "--json"]);
    let diff: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    let pool = &diff["pools"][0];
    assert_eq!(pool["growing_new"], Value::from(vec!["leak.c:7"]));
    assert_eq!(pool["sites"][0]["buffers_before"], 0);
    // A history does not differ from itself.
    let output = framepool(&[
        "diff",
        after.path(),
        after.path(),
        "--max-peak-growth",
        "0%",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

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
fn a_pool_of_another_name_is_compared() {
    let (before, after) = (saved("named-before", false), saved("named-after", true));
    let text = std::fs::read_to_string(before.path()).unwrap();
    let name = text
        .split("\"name\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let renamed = Scratch::new(
        "renamed.json",
        text.replace(&format!("\"name\":\"{name}\""), "\"name\":\"another\""),
    );
    let output = framepool(&["report", after.path(), "--baseline", renamed.path()]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let diff = framepool(&["diff", renamed.path(), after.path()]);
    let said = String::from_utf8_lossy(&diff.stdout);
    assert!(
        said.contains("before: `another`") && !said.contains("is gone"),
        "{said}"
    );
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
    let recording = Scratch::new("judged.csv", trace(true));
    let junit = Scratch::new("judged.xml", "");
    let output = framepool(&[
        "replay",
        recording.path(),
        "--quiet",
        "--rounds",
        "0",
        "--max-growing",
        "0",
        "--junit",
        junit.path(),
    ]);
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
fn file_without_history_is_refused_in_one_line() {
    let whole = fs::read(saved("whole", false).path()).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2..][..20].fill(b'~');
    let later = br#"{"format":"framepool history","version":99,"library":"9.0.0","history":{}}"#;
    for (name, bytes, said) in [
        ("cut.json", &whole[..whole.len() / 2], "cut short"),
        ("empty.json", b"", "the file is empty"),
        ("blank.json", b" \n", "the file is empty"),
        ("later.json", later, "use framepool 9.0.0"),
        (
            "trace.csv",
            HEADER.as_bytes(),
            "is a trace, not a saved history; `framepool replay FILE`",
        ),
        (
            "damaged.json",
            &damaged,
            "the saved history is damaged here",
        ),
    ] {
        let file = Scratch::new(name, bytes);
        for arguments in [
            &["report", file.path()][..],
            &["diff", file.path(), file.path()],
        ] {
            let output = framepool(arguments);
            let line = stderr(&output);
            assert!(line.contains(said) && line.lines().count() == 1, "{line}");
            assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
        }
    }
    let missing = framepool(&["replay", "--baseline", "no/such.json", "--quiet"]);
    assert_eq!((missing.status.code(), stdout(&missing)), (Some(2), ""));
    assert!(
        stderr(&missing).contains("check the path"),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn a_demo_is_saved_too() {
    let file = Scratch::new("demo.json", "");
    let output = framepool(&["demo", "--seconds", "0.5", "--quiet", "--save", file.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = framepool(&["report", file.path()]);
    assert!(
        stdout(&output).starts_with("pool `demo`"),
        "{}",
        stdout(&output)
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

/// A replay of 15 s: from the tenth second on, one call site keeps a buffer at every fifth frame.
fn short_replay(name: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let mut text = format!("{HEADER}\n");
    for frame in 1..=750_u64 {
        let us = 20_000 * frame;
        writeln!(text, "{us},1,alloc,{},1000,scratch", 2 * frame).unwrap();
        writeln!(text, "{us},1,free,{},,", 2 * frame).unwrap();
        if frame > 500 && frame % 5 == 0 {
            writeln!(text, "{us},1,alloc,{},1000,leak.c:7", 2 * frame + 1).unwrap();
        }
    }
    let recording = Scratch::new(&format!("{name}.csv"), text);
    let junit = Scratch::new(&format!("{name}.xml"), "");
    let usual = [
        "replay",
        recording.path(),
        "--quiet",
        "--rounds",
        "0",
        "--max-growing",
        "0",
    ];
    let output = framepool(&[&usual[..], &["--junit", junit.path()], more].concat());
    let xml = fs::read_to_string(junit.path()).unwrap();
    (output.status.code(), stderr(&output).to_owned(), xml)
}

#[test]
fn run_too_short_for_growth_says_so() {
    let (code, said, xml) = short_replay("short", &[]);
    assert!(
        said.contains("too short to judge growth: 15 s of 110 s"),
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
        let (code, said, xml) = short_replay(&format!("warm-{warm_up}"), &["--warm-up", warm_up]);
        assert!(
            said.contains("leak.c:7") && said.contains("gate failed"),
            "{said}"
        );
        assert_eq!(code, Some(3), "{said}");
        assert!(xml.contains("failures=\"1\" skipped=\"0\""), "{xml}");
    }
}

#[test]
fn control_characters_of_files_stay_text() {
    let site = "leak\u{1b}[31m\u{9b}.c:7";
    let recording = Scratch::new(
        "control.csv",
        format!("{HEADER}\n0,1,alloc,1,1000,{site}\n20000,1,alloc,2,1000,{site}\n"),
    );
    let saved = Scratch::new("control.json", "");
    let usual = [
        "replay",
        recording.path(),
        "--rounds",
        "0",
        "--save",
        saved.path(),
    ];
    let output = framepool(&usual);
    let of_text = stdout(&output).to_owned() + stderr(&output);
    let data = framepool(&[&usual[..], &["--json", "--quiet"]].concat());
    let report: Value = serde_json::from_str(stdout(&data)).expect("one JSON object");
    assert_eq!(report["leaks"]["sites"][0]["site"], site);
    let history = fs::read_to_string(saved.path()).unwrap();
    let named = Scratch::new(
        "named.json",
        history.replace("\"watched\"", "\"a\\u001b]0;b\\u0007\""),
    );
    let output = framepool(&["report", named.path(), "--max-peak", "1B"]);
    let of_history = stdout(&output).to_owned() + stderr(&output);
    assert!(
        of_history.contains("pool `a\\u001b]0;b\\u0007`"),
        "{of_history}"
    );
    assert!(of_text.contains("leak\\u001b[31m\\u009b.c:7"), "{of_text}");
    for text in [of_text, stdout(&data).to_owned(), of_history] {
        assert!(
            !text.contains(|it: char| it.is_control() && it != '\n'),
            "{text:?}"
        );
    }
}

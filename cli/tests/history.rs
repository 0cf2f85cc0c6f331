//! Saved histories: saving, showing, and comparing them.

mod common;

use std::fs;
use std::process::Command;

use common::{HEADER, Scratch, framepool, saved, stderr, stdout};
use serde_json::Value;

#[test]
fn saved_replay_is_shown_with_recorded_sites() {
    let history = saved("shown", true);
    let output = framepool(&["report", history.path()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let text = stdout(&output);
    for part in [
        "pool `replay`",
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
    assert!(top.contains("start-up") && top.contains("pool replay"));
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
    assert_eq!(thread["processName"], "pool replay");
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
fn file_without_history_is_refused_in_one_line() {
    let whole = fs::read(saved("whole", false).path()).unwrap();
    let mut damaged = whole.clone();
    // Between two values: in the middle of a text it would be a text still.
    let mut values = whole.windows(2).skip(whole.len() / 2);
    let between = values.position(|it| it == b",\"").expect("values");
    damaged[whole.len() / 2 + between] = b'~';
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
        history.replace("\"replay\"", "\"a\\u001b]0;b\\u0007\""),
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

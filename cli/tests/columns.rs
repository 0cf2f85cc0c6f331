//! The lines that a user sees fit into the terminal: 100 columns where there is none. Names break no line.

mod common;

use std::fmt::Write as _;
use std::fs;

use common::{HEADER, Scratch, framepool, framepool_as_printed, stderr, stdout};

/// A recorded call site that is longer than a line.
const SITE: &str = "/projects/somebody/engine/source/renderer/passes/shadows/cascaded/very_long_file_name_of_a_pass.cpp:1234:56";

/// Half a minute of frames of 20 ms. From 6 s on, a long call site keeps a large buffer every half second.
fn trace() -> String {
    let mut text = format!("{HEADER}\n");
    for frame in 1..=1_500_u64 {
        let us = 20_000 * frame;
        writeln!(text, "{us},1,alloc,{frame},1000,scratch.c:1").unwrap();
        writeln!(text, "{},1,free,{frame},,", us + 1).unwrap();
        if frame >= 300 && frame % 25 == 0 {
            writeln!(text, "{},1,alloc,{},600000,{SITE}", us + 2, 10_000 + frame).unwrap();
        }
    }
    text
}

/// The lines that are too long, but for those of one word.
fn too_long(text: &str) -> Vec<&str> {
    let is_long = |line: &&str| line.chars().count() > 100 && line.trim().contains(' ');
    text.lines().filter(is_long).collect()
}

#[test]
fn no_printed_line_is_longer_than_100_columns() {
    let recording = Scratch::new("long.csv", trace());
    let saved = Scratch::new("long.json", "");
    let demo = Scratch::new("short-demo.json", "");
    let replay = [
        "replay",
        recording.path(),
        "--rounds",
        "1",
        "--warm-up",
        "1s",
    ];
    let gates = [
        "--max-growing",
        "0",
        "--max-peak",
        "1MiB",
        "--max-misses",
        "0%",
    ];
    let runs = [
        [&replay[..], &["--save", saved.path()], &gates[..]].concat(),
        [&["report", saved.path()], &gates[..]].concat(),
        vec![
            "demo",
            "--seconds",
            "3",
            "--leak",
            "20",
            "--save",
            demo.path(),
        ],
        vec!["report", demo.path()],
        vec!["diff", demo.path(), saved.path(), "--max-peak-growth", "1%"],
        vec!["advise", recording.path()],
    ];
    for arguments in runs {
        let output = framepool_as_printed(&arguments);
        for text in [stdout(&output), stderr(&output)] {
            assert_eq!(too_long(text), [""; 0], "{arguments:?}");
        }
    }
    // Formats for programs keep one line.
    let report = [
        &["report", saved.path()][..],
        &gates,
        &["--junit", demo.path()],
    ]
    .concat();
    framepool(&report);
    let xml = fs::read_to_string(demo.path()).expect("the file");
    assert_eq!(
        xml.lines().filter(|line| line.contains("<failure")).count(),
        3,
        "{xml}"
    );
}

#[test]
fn line_feed_in_a_name_breaks_no_line() {
    let recording = Scratch::new("named.csv", trace());
    let plain = Scratch::new("plain.json", "");
    let replay = [
        "replay",
        recording.path(),
        "--rounds",
        "0",
        "--warm-up",
        "1s",
    ];
    framepool(&[&replay[..], &["--save", plain.path()]].concat());
    let text = fs::read_to_string(plain.path()).expect("the history");
    let broken = text
        .replace("\"replay\"", "\"re\\nplay\"")
        .replace(SITE, "a\\nb.c:7");
    let named = Scratch::new("broken.json", broken);
    let gates = ["--max-growing", "0", "--max-peak", "1B"];
    for arguments in [
        [&["report", named.path()], &gates[..]].concat(),
        vec![
            "diff",
            plain.path(),
            named.path(),
            "--max-peak-growth",
            "0%",
            "--max-growing",
            "0",
        ],
    ] {
        let output = framepool(&arguments);
        let all = stdout(&output).to_owned() + stderr(&output);
        assert!(
            all.contains("pool `re\\nplay`") && all.contains("a\\nb.c:7"),
            "{all}"
        );
        let broken = |line: &&str| line.starts_with("play`") || line.starts_with("b.c:7");
        assert_eq!(all.lines().find(broken), None, "{all}");
        let mut messages = stderr(&output).lines();
        assert!(messages.all(|it| it.starts_with("framepool: ")), "{all}");
    }
}

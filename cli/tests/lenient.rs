//! `--lenient`: faults of a recording that began late or was cut off are skipped and reported.

mod common;

use std::fmt::Write as _;

use common::{HEADER, Scratch, framepool, judged_replay, stderr, stdout};

/// Replays these bytes leniently; returns the reported skipped lines.
fn left_out(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let file = Scratch::new(name, bytes);
    let strict = judged_replay(&file, &[]);
    assert_eq!(strict.status.code(), Some(2), "{name} is refused");
    let said = stderr(&strict);
    assert!(
        said.contains("--lenient") || said.contains("header"),
        "{said}"
    );
    let output = judged_replay(&file, &["--lenient"]);
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(0), ""),
        "{name}"
    );
    let report = stdout(&output);
    let is_other = |line: &&str| !line.starts_with("left out: ");
    let mut lines = report.lines().skip_while(is_other);
    let first = lines.next().unwrap_or_default().to_owned();
    // A long line continues below, indented.
    let rest = lines.take_while(|line| line.starts_with("  "));
    rest.fold(first, |text, line| text + " " + line.trim())
}

fn after(lines: &str) -> String {
    format!("{HEADER}\n10,0,alloc,1,256,site\n{lines}")
}

#[test]
fn orphans_and_repeats_are_left_out_and_counted() {
    assert_eq!(
        left_out(
            "orphans.csv",
            after("11,0,free,7\n12,0,free,1\n13,0,free,1\n14,0,alloc,1,8,s\n15,0,free,8\n")
        ),
        "left out: 2 × free without an alloc (first on line 3), 1 × repeated free (first on line 5), \
         1 × alloc of a used id (first on line 6)"
    );
}

#[test]
fn torn_lines_at_both_ends_are_left_out() {
    assert_eq!(
        left_out("torn-end.csv", after("11,0,alloc,2,8,s\n12,0,al")),
        "left out: 1 × torn last line (first on line 4)"
    );
    assert_eq!(
        left_out(
            "torn-start.csv",
            "oc,1,8,s\n10,0,alloc,2,8,s\n11,0,free,2\n"
        ),
        "left out: 1 × torn first line (first on line 1)"
    );
}

#[test]
fn truncated_zstd_gives_what_is_whole() {
    let mut text = format!("{HEADER}\n");
    for i in 0..50_000 {
        let _ = writeln!(text, "{i},0,alloc,{i},{},site{}", i * 37 % 4099, i % 7);
    }
    let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    let said = left_out("cut.csv.zst", &packed[..packed.len() * 2 / 3]);
    assert!(
        said.starts_with("left out: 1 × end of the data (first on line "),
        "{said}"
    );
}

#[test]
fn unsorted_times_are_refused_all_the_same() {
    let file = Scratch::new("unsorted-lenient.csv", after("9,0,free,1\n"));
    let output = framepool(&["replay", file.path(), "--lenient"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("sort the lines"));
}

#[test]
fn option_that_was_given_is_not_advised() {
    let broken = Scratch::new("broken.csv.zst", "no zstd");
    let advised = |more: &[&str]| {
        let output = framepool(&[&["replay", broken.path()], more].concat());
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains("copy or record the file again"), "{said}");
        said.contains("--lenient")
    };
    assert!(advised(&[]) && !advised(&["--lenient"]));
}

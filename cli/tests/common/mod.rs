//! Running the binary, shared by the integration tests.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

pub(crate) const HEADER: &str = "time_us,thread,op,id,size,site";

/// A file of these bytes, deleted at the end of the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for scratch files");
        let path = folder.join(name);
        fs::write(&path, bytes).expect("writing a scratch file");
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A trace of `count` lines, each made from its number.
pub(crate) fn trace_of(count: u64, line: impl Fn(u64) -> String) -> String {
    let mut text = format!("{HEADER}\n");
    for number in 0..count {
        text.push_str(&line(number));
        text.push('\n');
    }
    text
}

/// Runs the binary. Each message on standard error is in one line again.
pub(crate) fn framepool(arguments: &[&str]) -> Output {
    let mut output = framepool_as_printed(arguments);
    output.stderr = unwrapped(stderr(&output)).into_bytes();
    output
}

/// Runs the binary.
pub(crate) fn framepool_as_printed(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_framepool"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("running framepool")
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8 on standard output")
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8 on standard error")
}

/// Text with each message in one line.
fn unwrapped(text: &str) -> String {
    let mut joined = String::new();
    let mut is_message = false;
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("  ").filter(|_| is_message);
        if let Some(rest) = rest {
            joined.truncate(joined.trim_end().len());
            joined.push(' ');
            joined += rest;
        } else {
            is_message = line.starts_with("framepool: ");
            joined += line;
        }
    }
    joined
}

/// A minute of frames of 20 ms. One call site keeps its buffers from the start; another keeps one every half second of the
/// second half, if it leaks.
pub(crate) fn minute(leaks: bool) -> String {
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

/// A replay that only judges the pool: it times nothing, and shows no progress.
pub(crate) fn judged_replay(recording: &Scratch, more: &[&str]) -> Output {
    framepool(
        &[
            &["replay", recording.path(), "--quiet", "--rounds", "0"],
            more,
        ]
        .concat(),
    )
}

/// The history of a replay.
pub(crate) fn saved(name: &str, leaks: bool) -> Scratch {
    let recording = Scratch::new(&format!("{name}.csv"), minute(leaks));
    let history = Scratch::new(&format!("{name}.json"), "");
    let output = judged_replay(&recording, &["--save", history.path()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    history
}

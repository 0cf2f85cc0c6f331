//! Files that a run writes, and its standard output: what is kept, what is refused, and which errors are reported.
#![cfg(unix)]

mod common;

use std::fs::{self, OpenOptions, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{HEADER, Scratch, framepool, judged_replay, stderr, stdout};

fn recording(name: &str) -> Scratch {
    Scratch::new(
        name,
        format!("{HEADER}\n0,1,alloc,1,1000,a.c:1\n1,1,free,1,,\n20000,1,alloc,2,1000,a.c:2\n"),
    )
}

fn history(name: &str) -> Scratch {
    let history = Scratch::new(name, "");
    let output = judged_replay(
        &recording(&format!("{name}.csv")),
        &["--save", history.path()],
    );
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    history
}

#[test]
fn save_follows_link_and_keeps_mode() {
    let file = Scratch::new("linked-to.json", "");
    fs::set_permissions(file.path(), Permissions::from_mode(0o600)).unwrap();
    let link = Scratch::new("link.json", "");
    fs::remove_file(link.path()).unwrap();
    symlink(file.path(), link.path()).unwrap();
    let output = judged_replay(&recording("linked.csv"), &["--save", link.path()]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    assert!(fs::symlink_metadata(link.path()).unwrap().is_symlink());
    let mode = fs::metadata(file.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        fs::read_to_string(file.path())
            .unwrap()
            .contains("framepool history")
    );
}

#[test]
fn save_writes_into_fifo() {
    let fifo = Scratch::new("fifo", "");
    fs::remove_file(fifo.path()).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(fifo.path())
            .status()
            .unwrap()
            .success()
    );
    // Both ends stay open, so that no side waits for ever.
    let mut both = OpenOptions::new()
        .read(true)
        .write(true)
        .open(fifo.path())
        .unwrap();
    let path = fifo.path().to_owned();
    let reader = std::thread::spawn(move || {
        let mut first = [0; 29];
        both.read_exact(&mut first).map(|()| first)
    });
    let output = judged_replay(&recording("piped.csv"), &["--save", &path]);
    let kind = fs::symlink_metadata(fifo.path()).unwrap().file_type();
    assert!(kind.is_fifo(), "the FIFO was replaced");
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let first = reader.join().unwrap().expect("bytes");
    assert_eq!(&first, b"{\"format\":\"framepool history\"");
}

#[test]
fn read_only_file_is_refused_before_the_run() {
    let file = Scratch::new("read-only.json", "old");
    fs::set_permissions(file.path(), Permissions::from_mode(0o444)).unwrap();
    let output = judged_replay(&recording("refused.csv"), &["--save", file.path()]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    assert!(
        stderr(&output).contains("cannot be written"),
        "{}",
        stderr(&output)
    );
    assert_eq!(fs::read(file.path()).unwrap(), b"old");
}

/// Runs a command that must refuse to write its files, in one sentence.
fn refused(arguments: &[&str], sentence: &str, kept: &Path) {
    let before = fs::read(kept).ok();
    let output = framepool(arguments);
    let said = stderr(&output);
    assert!(
        said.contains(sentence) && said.lines().count() == 1,
        "{arguments:?}: {said}"
    );
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    assert_eq!(
        fs::read(kept).ok(),
        before,
        "{arguments:?} changed the file"
    );
}

#[test]
fn output_that_is_an_input_is_refused() {
    let trace = recording("own.csv");
    let history = history("own.json");
    let link = Scratch::new("own-link.json", "");
    fs::remove_file(link.path()).unwrap();
    fs::hard_link(history.path(), link.path()).unwrap();
    let (trace, history, link) = (trace.path(), history.path(), link.path());
    let kept = Path::new(trace);
    refused(
        &["replay", trace, "--rounds", "0", "--save", trace],
        "--save would overwrite this input",
        kept,
    );
    let kept = Path::new(history);
    for other in [history, link] {
        refused(
            &["report", history, "--junit", other],
            "--junit would overwrite this input",
            kept,
        );
        refused(
            &["diff", history, history, "--junit", other],
            "--junit would overwrite",
            kept,
        );
        #[cfg(feature = "dashboard")]
        for option in ["--html", "--pprof", "--firefox"] {
            refused(
                &["report", history, option, other],
                "would overwrite this input",
                kept,
            );
        }
    }
    let arguments = ["replay", trace, "--baseline", history, "--save", history];
    refused(&arguments, "--save would overwrite this input", kept);
}

#[test]
fn two_outputs_of_one_path_are_refused() {
    let trace = recording("twice.csv");
    let out = Scratch::new("twice.out", "");
    fs::remove_file(out.path()).unwrap();
    let dotted = out.path().replace("/twice.out", "/./twice.out");
    for other in [out.path(), &dotted] {
        let arguments = [
            "replay",
            trace.path(),
            "--save",
            out.path(),
            "--junit",
            other,
        ];
        let sentence = "--save and --junit would write the same file";
        refused(&arguments, sentence, Path::new(out.path()));
    }
}

#[test]
fn full_standard_output_is_reported() {
    let history = history("full.json");
    let trace = recording("full.csv");
    let (history, trace) = (history.path(), trace.path());
    for arguments in [
        &["report", history][..],
        &["report", history, "--json"],
        &["diff", history, history],
        &["replay", trace, "--quiet", "--rounds", "0"],
        &["replay", trace, "--quiet", "--rounds", "0", "--json"],
        &["demo", "--seconds", "0.5", "--quiet"],
        &["advise", trace],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_framepool"))
            .args(arguments)
            .stdout(full)
            .output()
            .expect("running framepool");
        let said = stderr(&output);
        assert!(
            said.contains("standard output: cannot be written"),
            "{arguments:?}: {said}"
        );
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let history = history("piped.json");
    let mut run = Command::new(env!("CARGO_BIN_EXE_framepool"))
        .args(["report", history.path()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("running framepool");
    drop(run.stdout.take());
    let output = run.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
}

/// Rust opens `/dev/null` in place of a closed stream.
#[cfg(target_os = "linux")]
#[test]
fn closed_standard_output_is_an_error() {
    let run = |arguments: &str, redirected: &str| {
        let command = format!(
            "{} {arguments} {redirected}",
            env!("CARGO_BIN_EXE_framepool")
        );
        let output = Command::new("sh").args(["-c", &command]).output();
        let output = output.expect("running a shell");
        (output.status.code(), stderr(&output).to_owned())
    };
    for arguments in ["demo --seconds 20", "replay", "report no.json", "--help"] {
        let (code, said) = run(arguments, ">&-");
        assert_eq!(code, Some(2), "{arguments}: {said}");
        assert!(
            said.starts_with("framepool: standard output: is closed"),
            "{said}"
        );
    }
    for (arguments, redirected) in [
        ("replay --live-only --speed 0 2>/dev/null", ">&-"),
        ("demo --seconds 0.5 --quiet", ">/dev/null"),
        ("demo --seconds 0.5 --quiet", "1<>/dev/null"),
    ] {
        assert_eq!(
            run(arguments, redirected),
            (Some(0), String::new()),
            "{arguments}"
        );
    }
}

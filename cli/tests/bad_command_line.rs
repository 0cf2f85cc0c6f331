//! Every kind of bad option: a message with an example, exit code 2, nothing on standard output.

mod common;

use common::{Scratch, framepool, stderr, stdout};

#[test]
fn a_wrong_command_line() {
    for arguments in [
        &["replay", "--frame-ms", "0"][..],
        &["replay", "--frame-ms", "nan"],
        &["replay", "--threads", "0"],
        &["replay", "--rounds", "1001"],
        &["replay", "--json", "--live-only"],
        &["replay", "--quiet", "--live-only"],
        &["demo", "--seconds", "-1"],
        &["nonsense"],
    ] {
        let output = framepool(arguments);
        assert_eq!(
            (output.status.code(), stdout(&output)),
            (Some(2), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn unwritable_file_is_refused_before_the_run() {
    let nowhere = "/no/such/folder/file";
    let folder = env!("CARGO_TARGET_TMPDIR");
    let mut runs = vec![
        ("demo", "--save"),
        ("replay", "--save"),
        ("replay", "--junit"),
    ];
    if cfg!(feature = "dashboard") {
        let pages = ["--html", "--timeline"];
        runs.extend(
            pages
                .iter()
                .flat_map(|&file| [("demo", file), ("replay", file)]),
        );
    }
    for (command, option) in runs {
        for path in [nowhere, folder] {
            let output = framepool(&[command, option, path]);
            let said = stderr(&output);
            let expected = format!("framepool: {path}: cannot be written (");
            assert!(said.starts_with(&expected), "{command} {option}: {said}");
            assert_eq!(said.lines().count(), 1, "nothing ran: {said}");
            assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
        }
    }
}

#[test]
fn output_file_is_unchanged_if_the_run_fails() {
    let kept = Scratch::new("kept.json", "earlier");
    let output = framepool(&["replay", "no/such/trace.csv", "--save", kept.path()]);
    assert_eq!(output.status.code(), Some(2));
    let text = std::fs::read_to_string(kept.path()).expect("the file");
    assert_eq!(text, "earlier");
    let new = format!("{}.new", kept.path());
    framepool(&["replay", "no/such/trace.csv", "--save", &new]);
    assert!(!std::path::Path::new(&new).exists());
}

#[test]
fn a_wrong_value_gets_an_example() {
    for (arguments, part) in [
        (&["demo", "--seconds", "-1"][..], "such as `--seconds 20`"),
        (&["demo", "--seconds", "soon"], "such as `--seconds 20`"),
        (&["demo", "--leak", "abc"], "such as `--leak 20`"),
        (&["demo", "--leak", "-1"], "such as `--leak 20`"),
        (&["demo", "--threads", "0"], "such as `--threads 4`"),
        (&["replay", "--speed", "-1"], "such as `--speed 2`"),
        (&["replay", "--frame-ms", "x"], "such as `--frame-ms 8`"),
        (&["demo", "--fix"], "--leak <N>"),
    ] {
        let output = framepool(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains(part),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
}

#[cfg(feature = "dashboard")]
#[test]
fn used_port_is_named_with_the_next_step() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = other.local_addr().expect("an address").port();
    for command in ["demo", "replay"] {
        let output = framepool(&[command, "--serve", &format!("127.0.0.1:{port}")]);
        let said = stderr(&output);
        let expected =
            format!("framepool: --serve 127.0.0.1:{port}: another program uses port {port}; ");
        assert!(
            said.starts_with(&expected) && said.contains("give another port"),
            "{said}"
        );
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    }
}

#[test]
fn refused_values_name_what_is_expected() {
    for (arguments, sentence) in [
        (
            &["replay", "--rounds", "x"][..],
            "a whole number from 0 to 1000",
        ),
        (&["replay", "--leak-after", "0"], "a whole number of frames"),
        (
            &["report", "a.json", "--max-growing", "-1"],
            "a whole number of call sites",
        ),
        (
            &["report", "a.json", "--max-misses", "200%"],
            "a percentage from 0% to 100%",
        ),
        (&["report", "."], "is a directory"),
        (&["replay", "--warm-up", "2m"], "a time such as"),
        #[cfg(feature = "dashboard")]
        (&["top", "notaurl:xx"], "not the address of a page"),
    ] {
        let output = framepool(arguments);
        let said = stderr(&output);
        assert!(
            said.contains(sentence) && !said.contains("-- -1"),
            "{arguments:?}: {said}"
        );
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

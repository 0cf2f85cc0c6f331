//! Programs that misuse the library do not compile, each with the expected error, and each has a twin that compiles.
//!
//! A file in `cases/` is both: with the feature `misuse` it must be refused with exactly the error code in the table;
//! without it, it must compile and run. So the misuse itself is refused, and not some typo. Codes are compared, not texts,
//! because texts change between compiler versions. All programs are binaries of one package that is written below the build
//! folder. Cargo builds it twice, offline, with the versions that are locked here.
//!
//! Laws: L6 One owner.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const NAME: &str = "compile-fail";

/// The results of one build, by program.
type Outcomes = BTreeMap<String, Outcome>;

#[derive(Debug, Default)]
struct Outcome {
    /// The codes of the compiler's errors, and the text of one that has none.
    errors: BTreeSet<String>,
    /// The compiler's output, for messages.
    said: String,
    executable: Option<PathBuf>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases() -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(root().join("tests/compile_fail/cases")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect()
}

/// Writes a file only if it differs, so that cargo rebuilds only changed files.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The package, with the versions of its dependencies that are locked here.
fn package() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(NAME);
    let mut manifest = format!(
        "[package]\nname = \"{NAME}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [workspace]\n\n[features]\nmisuse = []\n\n\
         [dependencies]\nframepool = {{ path = '{}' }}\nbytemuck = \"1\"\n",
        root().display()
    );
    for (name, path) in cases() {
        write!(
            manifest,
            "\n[[bin]]\nname = \"{name}\"\npath = '{}'\n",
            path.display()
        )
        .unwrap();
    }
    write(&dir.join("Cargo.toml"), &manifest);
    if !dir.join("Cargo.lock").exists() {
        let locked = fs::read_to_string(root().join("Cargo.lock"));
        write(&dir.join("Cargo.lock"), &locked.unwrap_or_default());
    }
    dir
}

/// Builds all programs, as far as they can be built.
fn build(features: &[&str]) -> Outcomes {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let dir = package();
    let output = Command::new(cargo)
        .args(["build", "--offline", "--bins", "--keep-going"])
        .args(["--message-format", "json"])
        .args(features)
        .current_dir(&dir)
        .env("CARGO_TARGET_DIR", dir.join("target"))
        .output()
        .unwrap();
    let mut outcomes = Outcomes::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if message["target"]["kind"][0] != "bin" {
            continue;
        }
        let outcome = outcomes
            .entry(text(&message["target"]["name"]))
            .or_default();
        if let Some(executable) = message["executable"].as_str() {
            outcome.executable = Some(executable.into());
        }
        let said = &message["message"];
        if said["level"] == "error" {
            let code = text(&said["code"]["code"]);
            let words = text(&said["message"]);
            outcome.said += &text(&said["rendered"]);
            if !code.is_empty() {
                outcome.errors.insert(code);
            } else if !words.starts_with("aborting due to") {
                outcome.errors.insert(words);
            }
        }
    }
    assert_eq!(
        outcomes.len(),
        cases().len(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    outcomes
}

/// The expected refusals: the file with the misuse, and its error codes.
const REFUSED: [(&str, &str); 17] = [
    ("frame_buffer_after_release_all", "E0505"),
    ("frame_buffer_after_drop", "E0597"),
    ("frame_buffer_returned", "E0515"),
    ("frame_buffer_in_a_thread", "E0505 E0597"),
    ("frame_arena_in_a_thread", "E0277"),
    ("frame_arena_kept", "E0521"),
    ("frame_buffer_through_a_channel", "E0505"),
    ("frame_buffer_stored", "E0505"),
    ("frame_ended_twice", "E0382"),
    ("two_writers_of_a_frame_buffer", "E0499"),
    ("two_writers_of_a_pooled_buffer", "E0499"),
    ("two_threads_write_one_buffer", "E0499"),
    ("pooled_buffer_after_drop", "E0505"),
    ("elements_that_own_memory", "E0277"),
    ("elements_that_borrow", "E0277"),
    ("elements_with_invalid_values", "E0277"),
    ("elements_with_padding", "E0277"),
];

#[test]
fn misuse_is_refused_and_its_twin_runs() {
    let (misuses, twins) = (build(&["--features", "misuse"]), build(&[]));
    let files: BTreeSet<String> = cases().into_iter().map(|(case, _)| case).collect();
    let listed: BTreeSet<String> = REFUSED.iter().map(|(case, _)| (*case).to_owned()).collect();
    assert_eq!(listed, files);
    for (case, codes) in REFUSED {
        let misuse = &misuses[case];
        assert!(misuse.executable.is_none(), "{case}: the misuse compiles");
        let errors = misuse.errors.iter().map(String::as_str);
        assert!(
            errors.eq(codes.split(' ')),
            "{case}: {:?}:\n{}",
            misuse.errors,
            misuse.said
        );
        let twin = &twins[case];
        let Some(executable) = &twin.executable else {
            panic!("{case}: the twin does not compile:\n{}", twin.said);
        };
        let ended = Command::new(executable).output().unwrap();
        assert!(ended.status.success(), "{case}: the twin: {ended:?}");
    }
}

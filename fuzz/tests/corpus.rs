//! Runs the corpus through the functions of the fuzz targets, so that inputs that once found a fault stay checked.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use framepool_fuzz::TARGETS;

/// The most bytes of one target's corpus: it is for replay. Inputs that a fuzzer finds go to `target/fuzz/found`.
const MAX_BYTES: u64 = 16 << 10;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = folder(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no inputs", folder.display());
    files
}

fn replay(name: &str) {
    let (_, target) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a target");
    for file in inputs(name) {
        let bytes = fs::read(&file).expect("a readable file");
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&bytes)));
        // The panic alone does not name the input.
        assert!(outcome.is_ok(), "{}", file.display());
    }
}

#[test]
fn trace_reader_names_faulty_line_and_reads_exactly() {
    replay("trace");
}

#[test]
fn command_line_accepts_only_numbers_in_range() {
    replay("arguments");
}

/// Laws: L1, L2, L3, L6.
#[test]
fn builder_names_wrong_setting_or_builds_lawful_pool() {
    replay("config");
}

#[test]
fn no_thresholds_panic_a_monitor() {
    replay("health");
}

/// Laws: L1, L2, L3.
#[test]
fn every_program_agrees_with_the_account() {
    replay("program");
}

#[test]
fn targets_and_small_corpora_match_one_to_one() {
    let corpus = folder("");
    for entry in fs::read_dir(&corpus).expect("the corpus") {
        let name = entry.expect("an entry").file_name();
        assert!(
            TARGETS.iter().any(|(known, _)| name == *known),
            "{}",
            name.display()
        );
    }
    for (name, _) in TARGETS {
        let sizes = inputs(name)
            .into_iter()
            .map(|file| file.metadata().expect("a file").len());
        let bytes: u64 = sizes.sum();
        assert!(bytes <= MAX_BYTES, "corpus/{name}: {bytes} bytes");
    }
}

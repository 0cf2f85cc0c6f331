//! Finds in the repository's files: machine paths, forgotten notes, other registries, unexplained memory orderings, long names of
//! tests, cycles of imports.

use std::fs;
use std::path::Path;

use super::command::in_ci;
use super::imports;
use crate::workspace::Workspace;

/// Texts that no file may contain. Each is joined from two parts, so that this file does not contain it.
const UNWANTED: &[(&str, &str)] = &[
    (concat!("/ho", "me/"), "a path of some machine"),
    (concat!("/ro", "ot/"), "a path of some machine"),
    (concat!("/tm", "p/"), "a path of some machine"),
    (concat!("TO", "DO"), "a note of something not done"),
    (concat!("FIX", "ME"), "a note of something not done"),
];

/// The source of every package in the lock file that is not ours.
const REGISTRY: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// The number of lines above which a source file is mentioned.
const LONG: usize = 400;

/// The memory orderings.
const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// How many lines above an ordering its reason may end.
const ORDERING_REACH: usize = 8;

/// How many words the name of a test may have.
const TEST_NAME_WORDS: usize = 8;

pub(crate) fn run(workspace: &Workspace) -> Result<(), String> {
    let mut errors = Vec::new();
    let mut sources = Vec::new();
    let files = workspace.files()?;
    for file in &files {
        let Ok(bytes) = fs::read(workspace.root.join(file)) else {
            continue;
        };
        // Files that are not text are skipped.
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        errors.extend(unwanted(file, &text));
        if file == "Cargo.lock" {
            errors.extend(foreign_sources(&text));
        }
        if Path::new(file).extension().is_some_and(|end| end == "rs") {
            if file.starts_with("src/") {
                errors.extend(unexplained_orderings(file, &text));
            }
            errors.extend(long_test_names(file, &text));
            let length = text.lines().count();
            if length > LONG {
                println!("note: {file} has {length} lines");
            }
            if file.starts_with("src/") {
                sources.push((file.clone(), text));
            }
        }
    }
    errors.extend(imports::cycles(&sources)?);
    if in_ci() {
        errors.extend(changed_lock(workspace));
    }
    if errors.is_empty() {
        println!("{} files", files.len());
        return Ok(());
    }
    Err(format!("{} findings:\n{}", errors.len(), errors.join("\n")))
}

fn unwanted(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for (what, meaning) in UNWANTED {
            if line.contains(what) {
                found.push(format!("{file}:{}: `{what}`: {meaning}", at + 1));
            }
        }
    }
    found
}

fn foreign_sources(lock: &str) -> Vec<String> {
    lock.lines()
        .filter(|line| line.starts_with("source = ") && *line != REGISTRY)
        .map(|line| format!("Cargo.lock: {line}"))
        .collect()
}

/// Memory orderings without a comment on the line or just above the statement. Clippy checks unsafe code in the same way.
fn unexplained_orderings(file: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| !line.starts_with("mod tests"))
        .collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let names_one = ORDERINGS
            .iter()
            .any(|name| code.contains(&format!("Ordering::{name}")));
        let nearby = &lines[at.saturating_sub(ORDERING_REACH)..=at];
        if names_one && !nearby.iter().any(|line| line.contains("//")) {
            found.push(format!("{file}:{}: an ordering without a comment", at + 1));
        }
    }
    found
}

/// Tests whose names have too many words. A name states one property; a longer explanation is a comment.
fn long_test_names(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        }
        if !is_test || line.starts_with("#[") || line.starts_with("//") {
            continue;
        }
        // Other attributes may follow, over several lines.
        let Some((_, rest)) = line.split_once("fn ") else {
            continue;
        };
        is_test = false;
        let name = rest.split('(').next().unwrap_or_default();
        let words = name.split('_').filter(|word| !word.is_empty()).count();
        if words > TEST_NAME_WORDS {
            found.push(format!(
                "{file}:{}: `{name}`: the name of a test has {words} words; at most {TEST_NAME_WORDS}",
                at + 1
            ));
        }
    }
    found
}

/// An error if the lock file differs from the committed one. Building this task may have completed it silently.
fn changed_lock(workspace: &Workspace) -> Option<String> {
    let status = std::process::Command::new("git")
        .args(["diff", "--quiet", "HEAD", "--", "Cargo.lock"])
        .current_dir(&workspace.root)
        .status();
    match status {
        Ok(status) if status.code() == Some(1) => Some(
            "Cargo.lock differs from the committed one: commit it together with the manifests"
                .to_owned(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_paths_and_forgotten_notes_are_found() {
        let text = format!(
            "a\nin {}somebody/x\n// {}: later\n",
            UNWANTED[0].0, UNWANTED[3].0
        );
        let found = unwanted("a.rs", &text);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("a.rs:2:"), "{found:?}");
    }

    #[test]
    fn an_ordering_needs_its_reason() {
        let bare = "fn f() {\n    x.load(Ordering::Acquire);\n}\n";
        assert_eq!(unexplained_orderings("a.rs", bare).len(), 1);
        let said = "fn f() {\n    // Acquire: why.\n    x.load(Ordering::Acquire);\n}\n";
        assert!(unexplained_orderings("a.rs", said).is_empty());
        let tested = format!("mod tests {{\n{bare}}}\n");
        assert!(unexplained_orderings("a.rs", &tested).is_empty());
    }

    #[test]
    fn test_names_beyond_eight_words_are_found() {
        let named = |name: &str| format!("#[test]\n#[cfg(unix)]\nfn {name}() {{}}\n");
        let eight = "one_two_three_four_five_six_seven_eight";
        assert!(long_test_names("a.rs", &named(eight)).is_empty());
        let nine = format!("{eight}_nine");
        let found = long_test_names("a.rs", &named(&nine));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("a.rs:3:"), "{found:?}");
        let waits = format!("#[tokio::test(start_paused = true)]\nasync fn {nine}() {{}}\n");
        assert_eq!(long_test_names("a.rs", &waits).len(), 1);
        // Only the names of tests count.
        let after = format!("{}fn {nine}() {{}}\n", named(eight));
        assert!(long_test_names("a.rs", &after).is_empty());
    }

    #[test]
    fn other_registries_are_found() {
        let lock = format!("{REGISTRY}\nsource = \"registry+http://elsewhere\"\n");
        assert_eq!(foreign_sources(&lock).len(), 1);
    }
}

//! The repository's own cleanliness: machine paths, forgotten notes, other registries, unexplained unsafe code.

use std::fs;
use std::path::Path;

use super::command::in_ci;
use crate::docs::orderings;
use crate::source::{Line, lines};
use crate::workspace::Workspace;

/// What no file may contain. Put together here, so that this file does not contain it.
const UNWANTED: &[(&str, &str)] = &[
    (concat!("/ho", "me/"), "a path of some machine"),
    (concat!("/ro", "ot/"), "a path of some machine"),
    (concat!("/tm", "p/"), "a path of some machine"),
    (concat!("TO", "DO"), "a note of something not done"),
    (concat!("FIX", "ME"), "a note of something not done"),
];

/// Where every package of the lock file that is not ours comes from.
const REGISTRY: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// A longer source is mentioned.
const LONG: usize = 400;

/// How many lines above unsafe code its reason may begin.
const REACH: usize = 15;

pub(crate) fn run(workspace: &Workspace) -> Result<(), String> {
    let mut errors = Vec::new();
    let files = workspace.files()?;
    for file in &files {
        let Ok(bytes) = fs::read(workspace.root.join(file)) else {
            continue;
        };
        // What is not text is not looked at.
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        errors.extend(unwanted(file, &text));
        if file == "Cargo.lock" {
            errors.extend(foreign_sources(&text));
        }
        if Path::new(file).extension().is_some_and(|end| end == "rs") {
            errors.extend(unexplained_unsafe(file, &text));
            let length = text.lines().count();
            if length > LONG {
                println!("note: {file} has {length} lines");
            }
        }
    }
    errors.extend(orderings::unexplained(workspace)?);
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

/// `unsafe` without `SAFETY:` above it, or `# Safety` for a function. Clippy judges more exactly; this also looks at
/// what clippy does not expand.
fn unexplained_unsafe(file: &str, text: &str) -> Vec<String> {
    let lines = lines(text);
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(what) = unsafe_code(&line.code) else {
            continue;
        };
        let wanted = if what == "fn" { "# Safety" } else { "SAFETY:" };
        let explained = |line: &Line| {
            let comment = line.comment.as_deref();
            comment.is_some_and(|comment| comment.contains(wanted))
        };
        let first = at.saturating_sub(REACH);
        // A function of an unsafe trait has the trait's words, and the `impl` its reason.
        let of_trait = what == "fn"
            && lines[..at]
                .iter()
                .rev()
                .find(|line| line.code.starts_with(|c: char| !c.is_whitespace()))
                .is_some_and(|line| line.code.starts_with("unsafe impl"));
        if !of_trait && !lines[first..=at].iter().any(explained) {
            found.push(format!(
                "{file}:{}: unsafe {what} without `{wanted}`",
                at + 1
            ));
        }
    }
    found
}

/// What is unsafe in a line of code, if anything is.
fn unsafe_code(code: &str) -> Option<&'static str> {
    let (_, rest) = code.split_once("unsafe ")?;
    let rest = rest.trim_start();
    if rest.starts_with('{') {
        Some("block")
    } else if rest.starts_with("impl") {
        Some("impl")
    } else if rest.starts_with("fn ") && !rest.starts_with("fn(") {
        Some("fn")
    } else {
        None
    }
}

/// The lock file must be the committed one: building this task would have completed it silently.
fn changed_lock(workspace: &Workspace) -> Option<String> {
    let status = std::process::Command::new("git")
        .args(["diff", "--quiet", "HEAD", "--", "Cargo.lock"])
        .current_dir(&workspace.root)
        .status();
    match status {
        Ok(status) if status.code() == Some(1) => {
            Some("Cargo.lock: not as committed; the manifests changed without it".to_owned())
        }
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
    fn unsafe_code_needs_its_reason() {
        let bare = "fn f() {\n    unsafe { g() }\n}\n";
        assert_eq!(unexplained_unsafe("a.rs", bare).len(), 1);
        let said =
            "fn f() {\n    // SAFETY: so.\n    let a = b\n        .map(|c| unsafe { g(c) });\n}\n";
        assert!(unexplained_unsafe("a.rs", said).is_empty());
        let function = "/// F.\nunsafe fn f() {}\n";
        assert_eq!(unexplained_unsafe("a.rs", function).len(), 1);
        let said = "/// F.\n///\n/// # Safety\n///\n/// So.\nunsafe fn f() {}\n";
        assert!(unexplained_unsafe("a.rs", said).is_empty());
        let of_trait = "// SAFETY: so.\nunsafe impl T for S {\n    unsafe fn f(&self) {}\n}\n";
        assert!(unexplained_unsafe("a.rs", of_trait).is_empty());
        let word = "// unsafe { is a word }\n#![deny(unsafe_code)]\n";
        assert!(unexplained_unsafe("a.rs", word).is_empty());
    }

    #[test]
    fn other_registries_are_found() {
        let lock = format!("{REGISTRY}\nsource = \"registry+http://elsewhere\"\n");
        assert_eq!(foreign_sources(&lock).len(), 1);
    }
}

//! `cargo xtask mutants --generated [FILES]`: the changes that `cargo-mutants` makes up, an operator or a result at a time.
//!
//! It knows nothing of laws, orderings or models, and most of what survives it is of no consequence (a limit one off, a time
//! in words), so it is no part of CI: it is for the plain logic, to find what no test looks at. `.cargo/mutants.toml` says
//! which tests it runs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::workspace::Workspace;

/// What it changes unless files are named: where plain logic is.
const FILES: &[&str] = &["src/health/**"];

const INSTALL: &str = "cargo install cargo-mutants --locked --root target/tools";

/// Runs the tool; whether every change was noticed.
pub(crate) fn run(workspace: &Workspace, files: &[&str]) -> Result<bool, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let base = workspace.target().join("mutants");
    let mut command = Command::new(cargo);
    command
        .arg("mutants")
        .args(["--colors", "never", "--output"])
        .arg(base.join("generated"))
        .current_dir(&workspace.root)
        .env("PATH", search_path(workspace)?)
        .env("CARGO_TARGET_DIR", base.join("generated-build"))
        .env_remove("CARGO_MANIFEST_DIR");
    for file in if files.is_empty() { FILES } else { files } {
        command.args(["--file", file]);
    }
    let version = Command::new(command.get_program())
        .args(["mutants", "--version"])
        .env("PATH", search_path(workspace)?)
        .output();
    if !version.is_ok_and(|output| output.status.success()) {
        return Err(format!("cargo-mutants is not installed; `{INSTALL}`"));
    }
    let status = command
        .status()
        .map_err(|error| format!("`cargo mutants`: {error}"))?;
    Ok(status.success())
}

/// Where commands are found, the repository's own tools first.
fn search_path(workspace: &Workspace) -> Result<OsString, String> {
    let before = std::env::var_os("PATH").unwrap_or_default();
    let tools: PathBuf = workspace.target().join("tools").join("bin");
    std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&before)))
        .map_err(|error| format!("PATH: {error}"))
}

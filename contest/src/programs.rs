//! Builds the programs that are measured with and without telemetry: framepool's hot paths as separate functions (`probe/`), and the
//! replay of the bundled trace (`replay/`).
//!
//! The contest measures their times. `cargo xtask` counts and disassembles the hot paths, and includes this file.

use std::path::PathBuf;
use std::process::Command;

/// The profile of everything that is measured.
const PROFILE: &str = "measured";

/// A program.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "xtask includes this file and needs only one")]
pub(crate) enum Program {
    HotPaths,
    Replay,
}

/// A build of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Build {
    WithTelemetry,
    WithoutTelemetry,
    /// With telemetry, and able to record call stacks.
    #[allow(dead_code, reason = "as above")]
    WithBacktraces,
}

/// Builds a program, and returns the path of its executable. All builds have the same name, so each is copied to its own folder.
pub(crate) fn build(program: Program, build: Build) -> Result<PathBuf, String> {
    let package = match program {
        Program::HotPaths => "contest-probe",
        Program::Replay => "contest-replay",
    };
    let (name, arguments): (_, &[&str]) = match build {
        Build::WithTelemetry => ("on", &[]),
        Build::WithoutTelemetry => ("off", &["--no-default-features"]),
        Build::WithBacktraces => ("backtraces", &["--features", "backtrace"]),
    };
    let target = target_directory();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--locked", "--profile", PROFILE])
        .args(["--package", package])
        .args(arguments)
        .arg("--target-dir")
        .arg(&target)
        // Flags of the environment, such as a target processor, would change the machine code.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("cargo could not build {package} ({status})"));
    }
    let built = target.join(PROFILE).join(package);
    let place = target.join("contest").join(package);
    let copy = place.join(name);
    std::fs::create_dir_all(&place)
        .and_then(|()| std::fs::copy(&built, &copy))
        .map_err(|error| format!("{}: {error}", copy.display()))?;
    Ok(copy)
}

/// The folder in which this program was built: two levels above the program.
fn target_directory() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.parent()?.to_owned()))
        .unwrap_or_else(|| PathBuf::from("target"))
}

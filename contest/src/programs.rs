//! Building the programs that are needed in several builds, with and without telemetry: framepool's hot paths as functions of their own
//! (`probe/`), and the trace replayed (`replay/`).
//!
//! The contest times them, and `cargo xtask` counts and disassembles the hot paths: both have this file.

use std::path::PathBuf;
use std::process::Command;

/// The profile of all that is measured.
const PROFILE: &str = "measured";

/// Which of the programs.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "not all who have this file need all of them")]
pub(crate) enum Program {
    HotPaths,
    Replay,
}

/// Which build of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Build {
    WithTelemetry,
    WithoutTelemetry,
    /// With telemetry, and able to record call stacks.
    #[allow(dead_code, reason = "as above")]
    WithBacktraces,
}

/// Builds the program as it is measured and says where it is. All builds have one name, so each is copied to a place of its own.
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
        // Flags from without, such as a processor to build for, would make other machine code.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("{package} could not be built ({status})"));
    }
    let built = target.join(PROFILE).join(package);
    let place = target.join("contest").join(package);
    let copy = place.join(name);
    std::fs::create_dir_all(&place)
        .and_then(|()| std::fs::copy(&built, &copy))
        .map_err(|error| format!("{}: {error}", copy.display()))?;
    Ok(copy)
}

/// Where this program was built: two levels above it.
fn target_directory() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.parent()?.to_owned()))
        .unwrap_or_else(|| PathBuf::from("target"))
}

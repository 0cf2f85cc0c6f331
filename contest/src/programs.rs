//! Building the probe: framepool's hot paths as functions of their own (`probe/`), with and without telemetry.
//!
//! The contest times them, and `cargo xtask` counts and disassembles them: both have this file.

use std::path::PathBuf;
use std::process::Command;

/// Which probe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Build {
    WithTelemetry,
    WithoutTelemetry,
}

/// Builds the probe in release and says where it is. Both builds have one name, so each is copied to a place of its own.
pub(crate) fn build(build: Build) -> Result<PathBuf, String> {
    let (name, arguments): (_, &[&str]) = match build {
        Build::WithTelemetry => ("on", &[]),
        Build::WithoutTelemetry => ("off", &["--no-default-features"]),
    };
    let target = target_directory();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--locked", "--release"])
        .args(["--package", "contest-probe"])
        .args(arguments)
        .arg("--target-dir")
        .arg(&target)
        // Flags from without, such as a processor to build for, would make other machine code.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("the probe could not be built ({status})"));
    }
    let built = target.join("release").join("contest-probe");
    let place = target.join("probe");
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

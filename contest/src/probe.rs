//! Building the probe: framepool's hot paths as functions of their own (`probe/`), with and without telemetry.

use std::path::PathBuf;
use std::process::Command;

/// Which probe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Build {
    WithTelemetry,
    WithoutTelemetry,
}

/// Builds the probe in release and says where it is. Each build has a target directory of its own, so that neither
/// makes the other stale.
pub(crate) fn build(build: Build) -> Result<PathBuf, String> {
    let (name, arguments): (_, &[&str]) = match build {
        Build::WithTelemetry => ("on", &[]),
        Build::WithoutTelemetry => ("off", &["--no-default-features"]),
    };
    let target = target_directory().join("probe").join(name);
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "contest-probe",
        ])
        .args(arguments)
        .arg("--target-dir")
        .arg(&target)
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() {
        Ok(target.join("release").join("contest-probe"))
    } else {
        Err(format!("the probe could not be built ({status})"))
    }
}

/// Where this program was built: two levels above it.
fn target_directory() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.parent()?.to_owned()))
        .unwrap_or_else(|| PathBuf::from("target"))
}

//! The fuzzers' build: instrumented for libFuzzer, under `AddressSanitizer`, in a build folder of its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// What libFuzzer steers by, and `AddressSanitizer`. The flags are the compiler's own but not stable ones.
const FLAGS: &[&str] = &[
    "-Zsanitizer=address",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cforce-frame-pointers=yes",
];

/// The built fuzzers.
#[derive(Debug)]
pub(super) struct Fuzzers {
    /// The build folder.
    dir: PathBuf,
    /// Where the executables are.
    executables: PathBuf,
}

impl Fuzzers {
    /// Builds the fuzzers of these targets.
    pub(super) fn build(workspace: &Workspace, names: &[&str]) -> Result<Self, String> {
        let dir = workspace.target().join("fuzz");
        // Named as a target, so that the flags do not reach build scripts.
        let host = Toolchain::find()?.host;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command
            .current_dir(&workspace.root)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
            .args(["build", "--locked", "--profile", "fuzz", "--target", &host])
            .args(["-p", "framepool-fuzz", "--features", "libfuzzer"])
            .arg("--target-dir")
            .arg(&dir);
        for name in names {
            command.args(["--bin", &format!("fuzz_{name}")]);
        }
        println!("building the fuzzers of {}", names.join(", "));
        let status = command.status();
        if !status.is_ok_and(|status| status.success()) {
            return Err("the fuzzers do not build".to_owned());
        }
        let executables = dir.join(host).join("fuzz");
        Ok(Self { dir, executables })
    }

    /// The fuzzer of a target, to be run at the root of the repository.
    pub(super) fn command(&self, workspace: &Workspace, name: &str) -> Command {
        let mut command = Command::new(self.executables.join(format!("fuzz_{name}")));
        command
            .current_dir(&workspace.root)
            // A system that gives no memory is an error by contract, not a crash.
            .env(
                "ASAN_OPTIONS",
                "allocator_may_return_null=1:detect_odr_violation=0",
            )
            .env("RUST_BACKTRACE", "0");
        command
    }

    /// A folder of the build folder, made if it is not there.
    pub(super) fn folder(&self, parts: &[&str]) -> Result<PathBuf, String> {
        let folder = parts
            .iter()
            .fold(self.dir.clone(), |dir, part| dir.join(part));
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }
}

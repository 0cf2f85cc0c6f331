//! The baseline: the committed numbers of instructions, and the compiler with which they were counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::workspace::Workspace;

const PATH: &str = "contest/instructions.toml";

const HEAD: &str = "\
# Instructions per operation, counted by callgrind on x86-64: `cargo xtask instructions`.
# Each includes the probe function's own call frame, the write of the buffer's first byte, and telemetry if it is on.
# `--bless` writes this file. The numbers count only for this compiler. A commit that raises one says why.

";

/// The numbers.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    /// The output of `rustc -V`.
    pub(super) rustc: String,
    /// The number of instructions, by build of the probe and by path.
    #[serde(flatten)]
    builds: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Baseline {
    /// A baseline without numbers.
    pub(super) fn of(rustc: String) -> Self {
        Self {
            rustc,
            builds: BTreeMap::new(),
        }
    }

    pub(super) fn read(workspace: &Workspace) -> Result<Self, String> {
        toml::from_str(&workspace.read(PATH)?).map_err(|error| format!("{PATH}: {error}"))
    }

    pub(super) fn write(&self, workspace: &Workspace) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        workspace.write(PATH, &(HEAD.to_owned() + &text))
    }

    pub(super) fn get(&self, build: &str, path: &str) -> Option<f64> {
        self.builds.get(build)?.get(path).copied()
    }

    pub(super) fn add(&mut self, build: &str, path: &str, number: f64) {
        let build = self.builds.entry(build.to_owned()).or_default();
        // One digit after the point: the counts are no more exact.
        build.insert(path.to_owned(), (number * 10.0).round() / 10.0);
    }
}

//! The checked-in numbers of instructions, and the compiler whose they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::workspace::Workspace;

const PATH: &str = "contest/instructions.toml";

const HEAD: &str = "\
# Instructions per operation, counted by callgrind on x86-64: `cargo xtask instructions`.
# Each includes the probe function's own call frame, the write of the buffer's first byte, and telemetry where it is on.
# Written by `--bless`, and compared with the same compiler only. A change of ours that raises one has to say why.

";

/// The numbers.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    /// As `rustc -V` says it.
    pub(super) rustc: String,
    /// By the build of the probe and the path.
    #[serde(flatten)]
    builds: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Baseline {
    /// Without numbers yet.
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
        // As exact as the counts of whole runs are.
        build.insert(path.to_owned(), (number * 10.0).round() / 10.0);
    }
}

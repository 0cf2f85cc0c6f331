//! The checked-in numbers of instructions, and the compiler whose they are.

use std::fmt::Write as _;

use crate::workspace::Workspace;

const PATH: &str = "contest/instructions.toml";

const HEAD: &str = "\
# Instructions per operation, counted by callgrind on x86-64: `cargo xtask instructions`.
# Each includes the probe function's own call frame, the write of the buffer's first byte, and telemetry where it is on.
# Written by `--bless`, and compared with the same compiler only. A change of ours that raises one has to say why.
";

/// The numbers, by section and path.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Baseline {
    /// As `rustc -V` says it.
    pub(super) rustc: String,
    entries: Vec<(String, String, f64)>,
}

impl Baseline {
    /// Without numbers yet.
    pub(super) fn of(rustc: String) -> Self {
        Self {
            rustc,
            entries: Vec::new(),
        }
    }

    pub(super) fn read(workspace: &Workspace) -> Result<Self, String> {
        Self::from_text(&workspace.read(PATH)?).map_err(|error| format!("{PATH}: {error}"))
    }

    pub(super) fn write(&self, workspace: &Workspace) -> Result<(), String> {
        workspace.write(PATH, &self.to_text())
    }

    pub(super) fn get(&self, section: &str, path: &str) -> Option<f64> {
        self.entries
            .iter()
            .find(|(of, key, _)| of == section && key == path)
            .map(|entry| entry.2)
    }

    /// Adds a number; those of one section one after another.
    pub(super) fn add(&mut self, section: &str, path: &str, number: f64) {
        self.entries
            .push((section.to_owned(), path.to_owned(), number));
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let mut baseline = Self::default();
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                section = name;
                continue;
            }
            let (key, value) = line
                .split_once(" = ")
                .ok_or_else(|| format!("`{line}` is not understood"))?;
            if key == "rustc" {
                value.trim_matches('"').clone_into(&mut baseline.rustc);
            } else {
                let number = value
                    .parse()
                    .map_err(|_| format!("`{line}` is no number"))?;
                baseline.add(section, key, number);
            }
        }
        Ok(baseline)
    }

    fn to_text(&self) -> String {
        let mut text = format!("{HEAD}\nrustc = \"{}\"\n", self.rustc);
        let mut last = "";
        for (section, path, number) in &self.entries {
            if section != last {
                let _ = writeln!(text, "\n[{section}]");
                last = section;
            }
            let _ = writeln!(text, "{path} = {number:.1}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut baseline = Baseline::of("rustc 1.95.0 (0a1b)".to_owned());
        baseline.add("telemetry", "pooled-pair", 61.0);
        baseline.add("telemetry", "pooled-drop", 23.5);
        baseline.add("no-telemetry", "pooled-pair", 48.0);
        let read = Baseline::from_text(&baseline.to_text());
        assert_eq!(read.as_ref(), Ok(&baseline));
        assert_eq!(baseline.get("no-telemetry", "pooled-pair"), Some(48.0));
        assert_eq!(baseline.get("no-telemetry", "pooled-drop"), None);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(Baseline::from_text("pooled-pair\n").is_err());
        assert!(Baseline::from_text("pooled-pair = many\n").is_err());
    }
}

//! What the checks need to know of the workspace: where it is, its members, its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace this task belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

/// A package of the workspace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) dir: PathBuf,
    /// The names its manifest gives to the package and its targets, as crate names.
    pub(crate) names: Vec<String>,
}

impl Workspace {
    /// The workspace: the parent of this package's folder.
    pub(crate) fn find() -> Self {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().unwrap_or(&package).to_path_buf();
        Self { root }
    }

    /// The text of a file of the workspace.
    pub(crate) fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(path)).map_err(|error| format!("{path}: {error}"))
    }

    /// Writes a file of the workspace.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<(), String> {
        fs::write(self.root.join(path), text).map_err(|error| format!("{path}: {error}"))?;
        println!("wrote {path}");
        Ok(())
    }

    /// The build folder.
    pub(crate) fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }

    /// The packages that the root manifest names.
    pub(crate) fn members(&self) -> Result<Vec<Member>, String> {
        let manifest = self.read("Cargo.toml")?;
        let mut members = Vec::new();
        for pattern in member_patterns(&manifest) {
            if let Some(parent) = pattern.strip_suffix("/*") {
                for dir in folders(&self.root.join(parent)) {
                    members.push(member(dir)?);
                }
            } else {
                members.push(member(self.root.join(pattern))?);
            }
        }
        Ok(members)
    }

    /// Every file that is tracked, or new and not ignored, relative to the root.
    pub(crate) fn files(&self) -> Result<Vec<String>, String> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .map_err(|error| format!("`git ls-files`: {error}; git is needed to tell which files belong to the repository"))?;
        if !output.status.success() {
            return Err(format!(
                "`git ls-files`: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ));
        }
        let mut files: Vec<String> = String::from_utf8_lossy(&output.stdout)
            .split_terminator('\0')
            .map(str::to_owned)
            // A file that was deleted and not committed yet is still listed.
            .filter(|file| self.root.join(file).is_file())
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// All Rust sources below `dir`, in the order of their paths.
pub(crate) fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_path_buf()];
    while let Some(dir) = pending.pop() {
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The entries of `members = [...]`.
fn member_patterns(manifest: &str) -> Vec<&str> {
    let Some((_, rest)) = manifest.split_once("members = [") else {
        return Vec::new();
    };
    let list = rest.split(']').next().unwrap_or_default();
    list.split('"').skip(1).step_by(2).collect()
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .collect();
    dirs.sort();
    dirs
}

fn member(dir: PathBuf) -> Result<Member, String> {
    let path = dir.join("Cargo.toml");
    let manifest =
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Member {
        dir,
        names: target_names(&manifest),
    })
}

/// The `name`s in a manifest, dashes as underscores.
fn target_names(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("name"))
        .filter_map(|rest| rest.trim_start().strip_prefix('='))
        .map(|value| value.trim().trim_matches('"').replace('-', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_over_several_lines() {
        let manifest =
            "[workspace]\nmembers = [\n    \".\",\n    \"cli\",\n]\ndefault-members = [\".\"]\n";
        assert_eq!(member_patterns(manifest), [".", "cli"]);
        assert!(member_patterns("[package]\n").is_empty());
    }

    #[test]
    fn the_names_of_package_and_targets_are_found() {
        let manifest =
            "[package]\nname = \"some-cli\"\n[[bin]]\nname = \"some\"\nversion = \"1\"\n";
        assert_eq!(target_names(manifest), ["some_cli", "some"]);
    }

    #[test]
    fn this_workspace_has_this_member() {
        let members = Workspace::find().members().expect("readable manifests");
        assert!(members.iter().any(|member| member.names == ["xtask"]));
    }
}

//! The copy of the repository into which bugs are planted.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::Workspace;

/// The copy, and the folder of its logs.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    /// The folder for the output of the test runs.
    pub(crate) output: PathBuf,
}

impl Tree {
    /// Makes the copy equal to the workspace. A file that is equal already keeps its time, so cargo does not rebuild what
    /// depends on it.
    pub(crate) fn copy(workspace: &Workspace) -> Result<Self, String> {
        let base = workspace.target().join("mutants");
        let tree = Self {
            root: base.join("tree"),
            output: base.join("output"),
        };
        let _ = fs::remove_dir_all(&tree.output);
        for dir in [&tree.root, &tree.output] {
            fs::create_dir_all(dir).map_err(|error| told(dir, &error))?;
        }
        let wanted = workspace.files()?;
        for file in &wanted {
            let from = workspace.root.join(file);
            let bytes = fs::read(&from).map_err(|error| told(&from, &error))?;
            tree.put(file, &bytes)?;
        }
        tree.remove_others(&wanted)?;
        Ok(tree)
    }

    /// Writes a file of the copy if its content differs.
    pub(crate) fn put(&self, file: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.root.join(file);
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(|error| told(&path, &error))
    }

    /// Removes files that are no longer in the workspace.
    fn remove_others(&self, wanted: &[String]) -> Result<(), String> {
        let mut pending = vec![self.root.clone()];
        while let Some(dir) = pending.pop() {
            let entries = fs::read_dir(&dir).map_err(|error| told(&dir, &error))?;
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    pending.push(path);
                    continue;
                }
                let file = path.strip_prefix(&self.root).unwrap_or(&path);
                let file = file.to_string_lossy().replace('\\', "/");
                if wanted.binary_search(&file).is_err() {
                    fs::remove_file(&path).map_err(|error| told(&path, &error))?;
                }
            }
        }
        Ok(())
    }
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_file_keeps_time_and_unwanted_is_deleted() {
        let base = std::env::temp_dir().join(format!("xtask-tree-{}", std::process::id()));
        let tree = Tree {
            root: base.join("tree"),
            output: base.join("output"),
        };
        let time = |file: &str| {
            let path = tree.root.join(file);
            fs::metadata(path)
                .and_then(|meta| meta.modified())
                .expect("a file")
        };
        tree.put("src/a.rs", b"one").expect("writable");
        tree.put("src/old/b.rs", b"two").expect("writable");
        let before = time("src/a.rs");
        std::thread::sleep(std::time::Duration::from_millis(20));
        tree.put("src/a.rs", b"one").expect("writable");
        assert_eq!(time("src/a.rs"), before);
        tree.put("src/a.rs", b"other").expect("writable");
        assert_ne!(time("src/a.rs"), before);
        tree.remove_others(&["src/a.rs".to_owned()])
            .expect("removable");
        assert!(tree.root.join("src/a.rs").is_file());
        assert!(!tree.root.join("src/old/b.rs").exists());
        fs::remove_dir_all(&base).expect("removable");
    }
}

//! Makes a project that depends on the library by path: it must build and run, and its lock file must have no unexpected package.

use std::collections::BTreeSet;

use super::command::{Runner, announce};

/// The packages in the lock file of a project with the library and its default features, including the project.
const ALLOWED: &[&str] = &[
    "arc-swap",
    "atomic",
    "bytemuck",
    "crossbeam-utils",
    "downstream",
    "framepool",
    // A dependency of arc-swap.
    "rustversion",
];

const PROGRAM: &str = "\
fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    frame.alloc::<f32>(1024).fill(1.0);
    let snapshot = frame.release_all();
    assert_eq!((snapshot.allocs, snapshot.releases), (1, 1));
}
";

pub(crate) fn run(runner: &mut Runner<'_>) -> Result<(), String> {
    let dir = runner.workspace.target().join("downstream");
    let manifest = format!(
        "[package]\nname = \"downstream\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\nframepool = {{ path = '{}' }}\n",
        runner.workspace.root.display()
    );
    std::fs::create_dir_all(dir.join("src"))
        .and_then(|()| std::fs::write(dir.join("Cargo.toml"), manifest))
        .and_then(|()| std::fs::write(dir.join("src/main.rs"), PROGRAM))
        .map_err(|error| format!("{}: {error}", dir.display()))?;
    let cargo = |arguments: &[&str]| -> bool {
        announce("cargo", arguments);
        let mut command = runner.cargo_command(arguments);
        command
            .current_dir(&dir)
            .env("CARGO_TARGET_DIR", dir.join("target"));
        command.status().is_ok_and(|status| status.success())
    };
    // The packages of the workspace are already downloaded. The registry is asked only if they do not suffice.
    if !cargo(&["generate-lockfile", "--quiet", "--offline"]) && !cargo(&["generate-lockfile"]) {
        return Err("cargo could not make a lock file".to_owned());
    }
    let path = dir.join("Cargo.lock");
    let lock =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let packages = packages(&lock);
    println!(
        "a project that depends on framepool gets: {}",
        packages.iter().copied().collect::<Vec<_>>().join(", ")
    );
    let unasked: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !ALLOWED.contains(package))
        .collect();
    if !unasked.is_empty() {
        return Err(format!(
            "a project that depends on framepool also gets: {}",
            unasked.join(", ")
        ));
    }
    if !packages.contains("framepool") {
        return Err("framepool is not in the lock file".to_owned());
    }
    if cargo(&["run", "--locked"]) {
        Ok(())
    } else {
        Err("a project outside of the workspace does not build or run with the library".to_owned())
    }
}

/// The names of a lock file's packages.
fn packages(lock: &str) -> BTreeSet<&str> {
    lock.lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_names_its_packages() {
        let lock = "version = 4\n\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\ndependencies = [\n \"b\",\n]\n";
        assert_eq!(packages(lock).into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn the_allowed_packages_are_in_order() {
        assert!(ALLOWED.is_sorted());
    }
}

//! Chooses the planted bugs to run: all of them, those that are named, or a sample that depends on a seed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

use super::planted::Planted;
use crate::workspace::Workspace;

/// The choice of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    names: Vec<String>,
    sample: Option<usize>,
    seed: String,
}

impl Choice {
    pub(crate) fn read(arguments: &[&str], workspace: &Workspace) -> Result<Self, String> {
        let mut choice = Self::default();
        let mut rest = arguments.iter();
        while let Some(&argument) = rest.next() {
            match argument {
                "--sample" => {
                    let size = rest.next().and_then(|text| text.parse().ok());
                    choice.sample = Some(size.ok_or("`--sample` needs a number")?);
                }
                "--seed" => {
                    choice.seed = match rest.next() {
                        Some(&"commit") => commit(workspace)?,
                        Some(&text) => text.to_owned(),
                        None => return Err("`--seed` needs a text, or `commit`".to_owned()),
                    }
                }
                flag if flag.starts_with('-') => return Err(format!("unknown option `{flag}`")),
                name => choice.names.push(name.to_owned()),
            }
        }
        Ok(choice)
    }

    /// The chosen bugs. A name selects every bug whose name or file contains it.
    pub(crate) fn among(&self, mut all: Vec<Planted>) -> Result<Vec<Planted>, String> {
        let is_meant = |planted: &Planted, name: &String| {
            planted.name.contains(name.as_str()) || planted.file == *name
        };
        for name in &self.names {
            if !all.iter().any(|planted| is_meant(planted, name)) {
                return Err(format!(
                    "no planted bug is called `{name}`; `cargo xtask mutants --list` lists them"
                ));
            }
        }
        if !self.names.is_empty() {
            all.retain(|planted| self.names.iter().any(|name| is_meant(planted, name)));
        }
        if let Some(size) = self.sample {
            all.sort_by_cached_key(|planted| rank(&self.seed, &planted.name));
            all.truncate(size);
        }
        Ok(all)
    }
}

/// The sort key of a bug: each seed gives another order.
fn rank(seed: &str, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, name).hash(&mut hasher);
    hasher.finish()
}

/// The commit that is checked out.
fn commit(workspace: &Workspace) -> Result<String, String> {
    let output = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(&workspace.root)
        .output()
        .map_err(|error| format!("`git rev-parse`: {error}"))?;
    if !output.status.success() {
        return Err("`git rev-parse HEAD` gave no commit".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::planted;

    fn chosen(arguments: &[&str]) -> Result<Vec<String>, String> {
        let workspace = Workspace::find();
        let choice = Choice::read(arguments, &workspace)?;
        let chosen = choice.among(planted::all(&workspace)?)?;
        Ok(chosen.into_iter().map(|planted| planted.name).collect())
    }

    #[test]
    fn sample_repeats_with_its_seed_and_changes_otherwise() {
        let sample = |seed| chosen(&["--sample", "12", "--seed", seed]).expect("a sample");
        assert_eq!(sample("3").len(), 12);
        assert_eq!(sample("3"), sample("3"));
        assert_ne!(sample("3"), sample("4"));
        assert_eq!(sample("commit").len(), 12);
    }

    #[test]
    fn a_name_chooses_bugs_by_name_or_file() {
        let named = chosen(&["a_dropped_feed"]).expect("a name");
        assert!(!named.is_empty() && named.iter().all(|name| name.contains("a_dropped_feed")));
        assert!(chosen(&["src/memory/region.rs"]).is_ok_and(|names| !names.is_empty()));
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for words in [
            &["no_such_bug"][..],
            &["--sample"],
            &["--sample", "few"],
            &["--seed"],
            &["--unknown"],
        ] {
            assert!(chosen(words).is_err(), "{words:?}");
        }
    }
}

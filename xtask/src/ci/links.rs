//! Checks that links in the repository's documents lead to files that exist.

use std::path::Path;

use crate::workspace::Workspace;

/// Fails on a link to a file that does not exist.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let documents: Vec<String> = workspace
        .files()?
        .into_iter()
        .filter(|file| {
            Path::new(file)
                .extension()
                .is_some_and(|extension| extension == "md")
        })
        .collect();
    let mut dead = Vec::new();
    let mut links = 0;
    for document in &documents {
        let folder = Path::new(document).parent().unwrap_or(Path::new(""));
        for target in targets(&workspace.read(document)?) {
            links += 1;
            if !workspace.root.join(folder).join(&target).exists() {
                dead.push(format!("{document}: no file `{target}`"));
            }
        }
    }
    if dead.is_empty() {
        println!("{links} links in {} documents", documents.len());
        return Ok(());
    }
    Err(format!("dead links:\n{}", dead.join("\n")))
}

/// The files to which a document links, without the fragments.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (at, mark) in line.match_indices("](") {
            let rest = &line[at + mark.len()..];
            let target = rest.split([')', ' ', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                found.push(target.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_files_are_looked_at() {
        let text = "[a](b.md) [c](d/e.md#f) [g](#h) [i](https://j/k)\n```\n[l](m)\n```\n[n](o.svg \"p\")\n";
        assert_eq!(targets(text), ["b.md", "d/e.md", "o.svg"]);
    }
}

//! Finds cycles of imports between the folders of `src/`, and between the files of a folder.
//!
//! Two files of one folder may import each other. A longer cycle is an error, and so is any cycle between folders. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, UseTree};

/// How many files of one folder may form a cycle.
const MAX_KNOT: usize = 2;

/// What each file or folder imports.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The cycles among these sources, which are pairs of a path that begins with `src/` and a text.
pub(super) fn cycles(sources: &[(String, String)]) -> Result<Vec<String>, String> {
    let mut modules = BTreeMap::new();
    for (path, text) in sources {
        if !path.contains("/tests") {
            let file = syn::parse_file(text).map_err(|error| format!("{path}: {error}"))?;
            let mut paths = Paths::default();
            paths.visit_file(&file);
            modules.insert(module_of(path), paths);
        }
    }
    // What the root or a folder exports from its files: `folder::Name`, or at the root `Name`.
    let mut exports = BTreeMap::new();
    for (module, paths) in &modules {
        for path in &paths.imports {
            let path = joined(module, path.strip_prefix("self::").unwrap_or(path));
            if let Some((file, name)) = path.rsplit_once("::")
                && modules.contains_key(file)
            {
                exports.insert(joined(module, name), file.to_owned());
            }
        }
    }
    let (mut folders, mut files) = (Graph::new(), Graph::new());
    for (module, paths) in &modules {
        let folder = folder_of(module);
        for path in paths.imports.iter().chain(&paths.others) {
            let full = match path.split_once("::") {
                Some(("crate", rest)) => rest.to_owned(),
                Some(("super", rest)) => joined(folder, rest),
                _ => continue,
            };
            let Some(target) = leads_to(&full, &modules, &exports) else {
                continue;
            };
            let other = folder_of(&target);
            if other != folder {
                folders
                    .entry(folder.to_owned())
                    .or_default()
                    .insert(other.to_owned());
            } else if target != *module {
                files.entry(module.clone()).or_default().insert(target);
            }
        }
    }
    let between = knots(&folders, 1)
        .into_iter()
        .map(|knot| format!("folders of src import each other: {}", knot.join(", ")));
    let within = knots(&files, MAX_KNOT).into_iter().map(|knot| {
        format!(
            "more than {MAX_KNOT} files import each other: {}",
            knot.join(", ")
        )
    });
    Ok(between.chain(within).collect())
}

/// The paths that a file names, without those of its tests.
#[derive(Default)]
struct Paths {
    imports: Vec<String>,
    others: Vec<String>,
}

impl Visit<'_> for Paths {
    fn visit_item_mod(&mut self, item: &ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        leaves(&item.tree, String::new(), &mut self.imports);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let names: Vec<String> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        self.others.push(names.join("::"));
        visit::visit_path(self, path);
    }
}

/// All paths of an import.
fn leaves(tree: &UseTree, before: String, found: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, joined(&before, &path.ident.to_string()), found),
        UseTree::Name(name) => found.push(joined(&before, &name.ident.to_string())),
        UseTree::Rename(name) => found.push(joined(&before, &name.ident.to_string())),
        UseTree::Glob(_) => found.push(before),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, before.clone(), found);
            }
        }
    }
}

fn joined(before: &str, name: &str) -> String {
    if before.is_empty() {
        return name.to_owned();
    }
    format!("{before}::{name}")
}

/// `src/pool/frame.rs` is `pool::frame`, `src/pool/mod.rs` is `pool`, `src/lib.rs` is empty.
fn module_of(path: &str) -> String {
    let module = path.trim_start_matches("src/").trim_end_matches(".rs");
    let module = module.trim_end_matches("/mod");
    if module == "lib" {
        return String::new();
    }
    module.replace('/', "::")
}

fn folder_of(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

/// The file that a path from the root leads to, or else its folder.
fn leads_to(
    path: &str,
    modules: &BTreeMap<String, Paths>,
    exports: &BTreeMap<String, String>,
) -> Option<String> {
    let mut parts = path.split("::");
    let first = parts.next()?;
    if let Some(file) = exports.get(first) {
        return Some(file.clone());
    }
    if !modules.keys().any(|module| folder_of(module) == first) {
        return None;
    }
    let both = joined(first, parts.next().unwrap_or_default());
    if modules.contains_key(&both) {
        return Some(both);
    }
    Some(
        exports
            .get(&both)
            .cloned()
            .unwrap_or_else(|| first.to_owned()),
    )
}

/// The sets of more than `allowed` nodes that all reach each other.
fn knots(graph: &Graph, allowed: usize) -> BTreeSet<Vec<String>> {
    let reach: Graph = graph
        .keys()
        .map(|node| (node.clone(), reachable(graph, node)))
        .collect();
    let knot = |node: &String| -> Vec<String> {
        let back = |other: &&String| reach.get(*other).is_some_and(|of| of.contains(node));
        reach[node].iter().filter(back).cloned().collect()
    };
    reach
        .keys()
        .map(knot)
        .filter(|knot| knot.len() > allowed)
        .collect()
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for next in graph.get(node).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles_of(sources: &[(&str, &str)]) -> Vec<String> {
        let owned: Vec<_> = sources
            .iter()
            .map(|&(path, text)| (path.to_owned(), text.to_owned()))
            .collect();
        cycles(&owned).expect("Rust")
    }

    #[test]
    fn folders_that_import_each_other_are_found() {
        let mut sources = vec![
            ("src/lib.rs", "pub use upper::handle::Handle;\n"),
            ("src/upper/mod.rs", "pub(crate) mod handle;\n"),
            (
                "src/upper/handle.rs",
                "use crate::lower::{part, other::{A, B}};\n",
            ),
            ("src/lower/part.rs", "// crate::upper::handle\n"),
            (
                "src/lower/other.rs",
                "fn f() {}\nmod tests {\n    use crate::Handle;\n}\n",
            ),
        ];
        assert_eq!(cycles_of(&sources), Vec::<String>::new());
        sources.push(("src/lower/third.rs", "fn f(handle: &crate::Handle) {}\n"));
        let found = cycles_of(&sources);
        assert_eq!(found, ["folders of src import each other: lower, upper"]);
    }

    #[test]
    fn three_files_in_a_circle_are_found() {
        let mut sources = vec![
            (
                "src/room/mod.rs",
                "pub(crate) use a::{\n    First,\n    Second,\n};\n",
            ),
            ("src/room/a.rs", "use super::b::X;\n"),
            ("src/room/b.rs", "use super::Second;\n"),
        ];
        assert_eq!(cycles_of(&sources), Vec::<String>::new(), "two may");
        sources[2].1 = "use crate::room::c::Y;\n";
        sources.push(("src/room/c.rs", "use crate::room::First;\n"));
        let found = cycles_of(&sources);
        assert_eq!(
            found,
            ["more than 2 files import each other: room::a, room::b, room::c"]
        );
    }
}

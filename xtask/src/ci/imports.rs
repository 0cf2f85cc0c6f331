//! Imports between the source's folders, and between the files of a folder: which of them form a cycle.
//!
//! Two files of one folder may import each other. A longer cycle, or any cycle between folders, is an error. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};

/// The most files of one folder that may import each other.
const MAX_KNOT: usize = 2;

/// A name that a folder exports from one of its files, as `folder::Name` or, at the root, as `Name`.
type Exports = BTreeMap<String, String>;

/// What each file or folder imports.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The cycles among these sources: paths from `src/` on, with their texts.
pub(super) fn cycles(sources: &[(String, String)]) -> Vec<String> {
    let sources: Vec<(String, String)> = sources
        .iter()
        .filter(|(path, _)| !path.contains("/tests"))
        .map(|(path, text)| (module_of(path), code_of(text)))
        .collect();
    let modules: BTreeSet<&str> = sources.iter().map(|(module, _)| module.as_str()).collect();
    let mut exports = Exports::new();
    for (module, text) in &sources {
        exports.extend(exports_of(module, text, &modules));
    }
    let (mut folders, mut files) = (Graph::new(), Graph::new());
    for (module, text) in &sources {
        let folder = folder_of(module);
        for path in paths(text, folder) {
            let Some(target) = resolve(&path, &modules, &exports) else {
                continue;
            };
            let other = folder_of(&target);
            if other != folder {
                insert(&mut folders, folder, other);
            } else if target != *module {
                insert(&mut files, module, &target);
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
    between.chain(within).collect()
}

fn insert(graph: &mut Graph, from: &str, to: &str) {
    graph
        .entry(from.to_owned())
        .or_default()
        .insert(to.to_owned());
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

/// The text up to its tests, without comments.
fn code_of(text: &str) -> String {
    text.lines()
        .take_while(|line| !line.starts_with("mod tests"))
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What the root or a folder exports from its files.
fn exports_of(module: &str, text: &str, modules: &BTreeSet<&str>) -> Exports {
    let mut exports = Exports::new();
    for statement in text.split("use ").skip(1) {
        let tree = statement.split(';').next().unwrap_or_default();
        for path in expand(tree) {
            let Some((file, name)) = path.rsplit_once("::") else {
                continue;
            };
            let prefix = if module.is_empty() { "" } else { "::" };
            let file = format!("{module}{prefix}{file}");
            if modules.contains(file.as_str()) {
                exports.insert(format!("{module}{prefix}{name}"), file);
            }
        }
    }
    exports
}

/// All paths of a text that begin at the root or at the folder, without `crate::` and with the folder instead of `super::`.
fn paths(text: &str, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (root, prefix) in [
        ("crate::", String::new()),
        ("super::", format!("{folder}::")),
    ] {
        for (at, _) in text.match_indices(root) {
            let begins =
                !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if begins {
                let rest = expand(&text[at + root.len()..]);
                found.extend(rest.into_iter().map(|path| format!("{prefix}{path}")));
            }
        }
    }
    found
}

/// The paths of an import tree at the beginning of a text.
fn expand(text: &str) -> Vec<String> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if !rest.starts_with('{') || !(head.is_empty() || head.ends_with("::")) {
        return vec![head.trim_end_matches("::").to_owned()];
    }
    let (mut found, mut depth, mut begin) = (Vec::new(), 0, 1);
    for (at, c) in rest.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 || depth == 1 && c == ',' {
            let branches = expand(&rest[begin..at]);
            found.extend(branches.into_iter().map(|branch| format!("{head}{branch}")));
            begin = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// The file that a path leads to, or else its folder.
fn resolve(path: &str, modules: &BTreeSet<&str>, exports: &Exports) -> Option<String> {
    let mut parts = path.split("::");
    let first = parts.next()?;
    if let Some(file) = exports.get(first) {
        return Some(file.clone());
    }
    if !modules.iter().any(|module| folder_of(module) == first) {
        return None;
    }
    let Some(second) = parts.next() else {
        return Some(first.to_owned());
    };
    let both = format!("{first}::{second}");
    if modules.contains(both.as_str()) {
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
        cycles(&owned)
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
                "fn f() {}\nmod tests {\n    use crate::Handle;\n",
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

//! Documents made from the sources, and whether they are up to date.

pub(crate) mod counters;
pub(crate) mod links;

use crate::workspace::Workspace;

/// Fails unless `path` has this text; `task` is what writes it.
pub(crate) fn compare(
    workspace: &Workspace,
    path: &str,
    text: &str,
    task: &str,
) -> Result<(), String> {
    let found = workspace.read(path).unwrap_or_default();
    if found == text {
        println!("{path} is up to date");
        return Ok(());
    }
    let line = found
        .lines()
        .zip(text.lines())
        .take_while(|(found, wanted)| found == wanted)
        .count();
    Err(format!(
        "{path} is out of date from line {}; run `cargo xtask {task}`",
        line + 1
    ))
}

/// A document with this table between the two markers of that name; `task` is what writes it.
pub(crate) fn between(
    path: &str,
    document: &str,
    name: &str,
    task: &str,
    table: &str,
) -> Result<String, String> {
    let begin = format!("<!-- {name}: begin; written by `cargo xtask {task}` -->\n");
    let end = format!("<!-- {name}: end -->\n");
    let parts = document
        .split_once(&begin)
        .and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
    let Some((head, tail)) = parts else {
        return Err(format!(
            "{path} lacks the lines between which the table goes:\n{begin}{end}"
        ));
    };
    Ok(format!("{head}{begin}\n{table}\n{end}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn the_table_replaces_what_is_between_the_markers() {
        let (begin, end) = (
            "<!-- a: begin; written by `cargo xtask t` -->\n",
            "<!-- a: end -->\n",
        );
        let document = format!("before\n{begin}old\n{end}after\n");
        let new = between("x.md", &document, "a", "t", "new\n").expect("markers");
        assert_eq!(new, format!("before\n{begin}\nnew\n\n{end}after\n"));
        assert_eq!(
            between("x.md", &new, "a", "t", "new\n").expect("markers"),
            new
        );
        assert!(between("x.md", "no markers", "a", "t", "new\n").is_err());
        assert!(between("x.md", &document, "b", "t", "new\n").is_err());
    }
}

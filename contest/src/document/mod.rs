//! Writes the results into docs/benchmarks.md, as tables and charts.
//!
//! The results are kept in docs/benchmarks/data.jsonl. The tables between the markers of the document, and the charts beside the
//! data, are made from them. All other words are written by hand. A test compares the document with the data.

mod chart;
pub(crate) mod charts;
pub(crate) mod data;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use charts::CHARTS;
use data::Data;

const PATH: &str = "docs/benchmarks.md";
const FOLDER: &str = "docs/benchmarks";
const DATA: &str = "docs/benchmarks/data.jsonl";

/// Writes the charts, and the tables into the document.
pub(crate) fn write() -> Result<(), String> {
    for (path, text) in made(&kept()?)? {
        save(&path, &text)?;
    }
    Ok(())
}

/// Keeps the results of all questions, or of some, and writes the document.
pub(crate) fn keep(measured: Data, all: bool) -> Result<(), String> {
    let data = if all {
        measured
    } else {
        let mut data = kept()?;
        data.replace(measured)?;
        data
    };
    // The document is made first: data that give no document are not kept.
    made(&data)?;
    save(DATA, &data.lines())?;
    write()
}

/// The results that were kept before.
fn kept() -> Result<Data, String> {
    Data::read(&read(DATA)?).map_err(|error| format!("{DATA}: {error}"))
}

/// Every file that is made from the data, with its text.
fn made(data: &Data) -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    let mut text = read(PATH)?;
    text = between(&text, "machine", &tables::machine(data))?;
    text = between(&text, "claims", &tables::claims(data))?;
    for chart in CHARTS {
        if chart.axis.is_some() {
            let svg = chart::draw(chart, data);
            let svg = svg.map_err(|error| format!("the chart {}: {error}", chart.name))?;
            files.push((format!("{FOLDER}/{}.svg", chart.name), svg));
        }
        text = between(&text, chart.name, &tables::figures(chart, data)?)?;
    }
    files.push((PATH.to_owned(), text));
    Ok(files)
}

/// The document with this table between the two markers of this name.
fn between(document: &str, name: &str, table: &str) -> Result<String, String> {
    let begin = format!("<!-- {name}: begin; written by `contest --write` -->\n");
    let end = format!("<!-- {name}: end -->\n");
    let parts = document
        .split_once(&begin)
        .and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
    let Some((head, tail)) = parts else {
        return Err(format!(
            "{PATH} lacks the lines between which the table goes:\n{begin}{end}"
        ));
    };
    Ok(format!("{head}{begin}\n{table}\n{end}{tail}"))
}

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(file(path)).map_err(|error| format!("{path}: {error}"))
}

fn save(path: &str, text: &str) -> Result<(), String> {
    fs::write(file(path), text).map_err(|error| format!("{path}: {error}"))?;
    println!("wrote {path}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_and_charts_agree_with_the_data() {
        for (path, text) in made(&kept().expect("data")).expect("a document") {
            let is_same = read(&path).is_ok_and(|found| found == text);
            assert!(
                is_same,
                "{path} is out of date: run `cargo run -p contest -- --write`"
            );
        }
    }

    #[test]
    fn the_table_replaces_what_is_between_the_markers() {
        let begin = "<!-- a: begin; written by `contest --write` -->\n";
        let end = "<!-- a: end -->\n";
        let document = format!("before\n{begin}old\n{end}after\n");
        let new = between(&document, "a", "new\n").expect("markers");
        assert_eq!(new, format!("before\n{begin}\nnew\n\n{end}after\n"));
        assert_eq!(between(&new, "a", "new\n").expect("markers"), new);
        assert!(between(&document, "b", "new\n").is_err());
    }
}

//! Writes the results into docs/benchmarks.md, as tables and charts.
//!
//! The results are kept in docs/benchmarks/data.jsonl, those of other processors in docs/benchmarks/elsewhere. The tables between the
//! markers of the document, and the charts beside the data, are made from them. The claims have a column for each processor, the
//! charts are of one. All other words are written by hand. A test compares the document with the data.

mod chart;
pub(crate) mod charts;
pub(crate) mod data;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use charts::CHARTS;
use data::Data;

use crate::machine::generation;

const PATH: &str = "docs/benchmarks.md";
const FOLDER: &str = "docs/benchmarks";
const DATA: &str = "docs/benchmarks/data.jsonl";
const ELSEWHERE: &str = "docs/benchmarks/elsewhere";

/// Results with the path of their file.
type Kept = (String, Data);

/// Writes the charts, and the tables into the document.
pub(crate) fn write() -> Result<(), String> {
    for (path, text) in made(&kept()?)? {
        save(&path, &text)?;
    }
    Ok(())
}

/// Keeps the results of all questions, or of some, and writes the document. Results of another generation of processors than those in
/// [`DATA`] have a file of their own.
pub(crate) fn keep(measured: Data, all: bool) -> Result<(), String> {
    let mut kept = kept()?;
    let at = place(&mut kept, generation(measured.machine("processor")));
    let (path, data) = &mut kept[at];
    if all || data.machine.is_empty() {
        *data = measured;
    } else {
        data.replace(measured)?;
    }
    let (path, lines) = (path.clone(), data.lines());
    // The document is made first: data that give no document are not kept.
    made(&kept)?;
    save(&path, &lines)?;
    write()
}

/// The place of the results of this generation, which is added if it is new.
fn place(kept: &mut Vec<Kept>, name: &str) -> usize {
    let known = kept
        .iter()
        .position(|(_, data)| generation(data.machine("processor")) == name);
    known.unwrap_or_else(|| {
        let file = name.to_lowercase().replace(' ', "-");
        kept.push((format!("{ELSEWHERE}/{file}.jsonl"), Data::default()));
        kept.len() - 1
    })
}

/// The results that were kept before: those with charts first.
fn kept() -> Result<Vec<Kept>, String> {
    let mut paths = vec![DATA.to_owned()];
    if let Ok(folder) = fs::read_dir(file(ELSEWHERE)) {
        let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        paths.extend(names.map(|name| format!("{ELSEWHERE}/{name}")));
        paths[1..].sort();
    }
    let one = |path: String| {
        let data = Data::read(&read(&path)?).map_err(|error| format!("{path}: {error}"))?;
        Ok((path, data))
    };
    paths.into_iter().map(one).collect()
}

/// Every file that is made from the data, with its text.
fn made(kept: &[Kept]) -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    let mut text = read(PATH)?;
    let all: Vec<&Data> = kept.iter().map(|(_, data)| data).collect();
    let data = all[0];
    text = between(&text, "machine", &tables::machine(&all))?;
    text = between(&text, "claims", &tables::claims(&all))?;
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
    let path_of_file = file(path);
    let folder = path_of_file.parent().map_or(Ok(()), fs::create_dir_all);
    let saved = folder.and_then(|()| fs::write(&path_of_file, text));
    saved.map_err(|error| format!("{path}: {error}"))?;
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
    fn each_generation_has_its_place() {
        let of = |processor: &str| Data {
            machine: vec![("processor".to_owned(), processor.to_owned())],
            ..Data::default()
        };
        let mut kept = vec![
            (DATA.to_owned(), of("a, family 6, model 207")),
            (String::from("b"), of("b, family 25, model 17")),
        ];
        // Another name of the same generation.
        assert_eq!(place(&mut kept, generation("c, family 25, model 17")), 1);
        assert_eq!(place(&mut kept, generation("d, family 26, model 2")), 2);
        assert_eq!(kept[2].0, "docs/benchmarks/elsewhere/zen-5.jsonl");
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

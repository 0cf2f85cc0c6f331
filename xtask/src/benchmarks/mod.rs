//! docs/benchmarks.md: what was measured, as tables and charts.
//!
//! `contest` measures and says so in lines of fields; they are kept in docs/benchmarks/*.tsv, and from them come the tables
//! between the markers and the charts beside the data. The words are written by hand. The check measures nothing: it
//! fails on a table or a chart that is not what the data give.

mod bars;
mod chart;
mod charts;
mod data;
mod fields;
mod lines;
mod reading;
mod scale;
mod style;
mod tables;

use std::process::{Command, Stdio};
use std::time::Instant;

use charts::{CHARTS, Chart};
use data::Data;

use crate::docs::{between, compare};
use crate::workspace::Workspace;

const PATH: &str = "docs/benchmarks.md";
const FOLDER: &str = "docs/benchmarks";
const TASK: &str = "benchmarks";

/// Writes the charts, and the tables into the document.
pub(crate) fn write(workspace: &Workspace) -> Result<(), String> {
    for (path, text) in made(workspace)? {
        workspace.write(&path, &text)?;
    }
    Ok(())
}

/// Fails if a table or a chart is not what the data give.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    for (path, text) in made(workspace)? {
        compare(workspace, &path, &text, TASK)?;
    }
    Ok(())
}

/// Measures all questions, or those with one of these words in their names, and keeps what came out; then writes.
pub(crate) fn measure(workspace: &Workspace, wanted: &[&str]) -> Result<(), String> {
    let began = Instant::now();
    let mut data = if wanted.is_empty() {
        reading::read(&contest(workspace, "")?)?
    } else {
        Data::load(workspace)?
    };
    for only in wanted {
        data.replace(reading::read(&contest(workspace, only)?)?)?;
    }
    // Nothing is kept of data that no document can be made from.
    for chart in CHARTS {
        chart.svg(&data)?;
    }
    data.save(workspace)?;
    write(workspace)?;
    println!("measured in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// What `contest` measures, its progress shown.
fn contest(workspace: &Workspace, only: &str) -> Result<String, String> {
    let arguments = [
        "run",
        "--profile",
        "measured",
        "--package",
        "contest",
        "--",
        "--data",
    ];
    println!("$ cargo {} --only {only:?}", arguments.join(" "));
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .args(["--only", only])
        .current_dir(&workspace.root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`cargo`: {error}"))?;
    if !output.status.success() {
        return Err(format!("contest failed ({}): nothing kept", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("contest: {error}"))
}

/// Every file that is made from the data, with its text.
fn made(workspace: &Workspace) -> Result<Vec<(String, String)>, String> {
    let data = Data::load(workspace)?;
    let mut files = Vec::new();
    let mut text = workspace.read(PATH)?;
    text = between(PATH, &text, "machine", TASK, &tables::machine(&data))?;
    text = between(PATH, &text, "claims", TASK, &tables::claims(&data))?;
    for chart in CHARTS {
        files.push((format!("{FOLDER}/{}.svg", chart.name), chart.svg(&data)?));
        let figures = tables::figures(chart, &data)?;
        text = between(PATH, &text, chart.name, TASK, &figures)?;
    }
    files.push((PATH.to_owned(), text));
    Ok(files)
}

/// The file with a chart's points.
fn points_path(chart: &Chart) -> String {
    format!("{FOLDER}/{}.tsv", chart.name)
}

//! docs/benchmarks.md: what was measured, as tables and charts.
//!
//! `contest` measures and prints JSON, which is kept in docs/benchmarks/data.jsonl, and from that come the tables between the markers
//! and the charts beside the data. The words are written by hand. The check measures nothing: it
//! fails on a table or a chart that is not what the data give.

mod chart;
mod charts;
mod data;
mod tables;

use std::process::{Command, Stdio};
use std::time::Instant;

use charts::CHARTS;
use data::Data;

use crate::docs::{between, compare};
use crate::workspace::Workspace;

const PATH: &str = "docs/benchmarks.md";
const FOLDER: &str = "docs/benchmarks";
const DATA: &str = "docs/benchmarks/data.jsonl";
const TASK: &str = "benchmarks";

/// Writes the charts, and the tables into the document.
pub(crate) fn write(workspace: &Workspace) -> Result<(), String> {
    for (path, text) in made(workspace, &Data::load(workspace)?)? {
        workspace.write(&path, &text)?;
    }
    Ok(())
}

/// Fails if a table or a chart is not what the data give.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    for (path, text) in made(workspace, &Data::load(workspace)?)? {
        compare(workspace, &path, &text, TASK)?;
    }
    Ok(())
}

/// Measures all questions, or those with one of these words in their names, and keeps what came out; then writes.
pub(crate) fn measure(workspace: &Workspace, wanted: &[&str]) -> Result<(), String> {
    let began = Instant::now();
    let mut data = if wanted.is_empty() {
        Data::read(&contest(workspace, "")?)?
    } else {
        Data::load(workspace)?
    };
    for only in wanted {
        data.replace(Data::read(&contest(workspace, only)?)?)?;
    }
    // Nothing is kept of data that no document can be made from.
    made(workspace, &data)?;
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
fn made(workspace: &Workspace, data: &Data) -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    let mut text = workspace.read(PATH)?;
    text = between(PATH, &text, "machine", TASK, &tables::machine(data))?;
    text = between(PATH, &text, "claims", TASK, &tables::claims(data))?;
    for chart in CHARTS {
        if chart.axis.is_some() {
            let svg = chart::draw(chart, data);
            let svg = svg.map_err(|error| format!("the chart {}: {error}", chart.name))?;
            files.push((format!("{FOLDER}/{}.svg", chart.name), svg));
        }
        let figures = tables::figures(chart, data)?;
        text = between(PATH, &text, chart.name, TASK, &figures)?;
    }
    files.push((PATH.to_owned(), text));
    Ok(files)
}

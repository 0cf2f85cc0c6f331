//! docs/verification.md: for each law, what checks it, how much that explored, and what it cannot see.
//!
//! The words are written by hand. The tables between the markers are made from the tests' own marks (`claims`) and from
//! what their last measured run printed (`docs/verification.tsv`), so that they cannot drift from the tests: the check
//! fails on a table that is out of date, on a test that explores and has no figure, on a figure whose test is gone, and
//! on a law that too few methods check.

mod claims;
mod figures;
mod methods;
mod tables;

use std::collections::BTreeMap;

pub(crate) use figures::Reader;

use claims::{LAWS, Law, Test};
use figures::{Figure, Figures, WHOLE};
use methods::{METHODS, Method};

use crate::docs::{between, compare};
use crate::mutants;
use crate::workspace::Workspace;

const PATH: &str = "docs/verification.md";
const FIGURES: &str = "docs/verification.tsv";
const TASK: &str = "verification";

/// A law that fewer methods check is a hole.
const LEAST_METHODS: usize = 2;

/// What one method has to show.
#[derive(Debug)]
struct Evidence {
    name: &'static str,
    command: String,
    blind: &'static str,
    tests: Vec<Test>,
    figures: BTreeMap<String, Figure>,
    /// What the whole run came to.
    whole: Option<Figure>,
    /// Whether its tests are those of other methods.
    again: bool,
}

impl Evidence {
    fn gather(workspace: &Workspace, method: &Method, figures: &Figures) -> Result<Self, String> {
        let tests = method.tests(workspace)?;
        let of_tests = tests.iter().filter_map(|test| {
            let figure = figures.get(method.name, &test.name)?;
            Some((test.name.clone(), figure.clone()))
        });
        Ok(Self {
            name: method.name,
            command: method.command(),
            blind: method.blind,
            figures: of_tests.collect(),
            whole: figures.get(method.name, WHOLE).cloned(),
            again: method.is_another_build(),
            tests,
        })
    }

    /// The tests that check this law.
    fn of(&self, law: Law) -> impl Iterator<Item = &Test> {
        self.tests
            .iter()
            .filter(move |test| test.laws.contains(&law))
    }

    /// How much all its tests explored together.
    fn explored(&self) -> String {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        let whole = self.whole.iter().filter(|whole| whole.unit != "tests");
        for figure in self.figures.values().chain(whole) {
            *sums.entry(&figure.unit).or_default() += figure.number;
        }
        let words: Vec<String> = sums
            .into_iter()
            .map(|(unit, sum)| format!("{} {unit}", claims::thousands(sum)))
            .collect();
        words.join(", ")
    }
}

/// Writes the tables into the document.
pub(crate) fn write(workspace: &Workspace) -> Result<(), String> {
    let text = filled(workspace)?;
    workspace.write(PATH, &text)
}

/// Fails if a table is out of date, or a law lacks what must check it.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    compare(workspace, PATH, &filled(workspace)?, TASK)
}

/// Runs the checks of these methods, or of all, and keeps what they print; then writes the tables.
pub(crate) fn measure(workspace: &Workspace, wanted: &[&str]) -> Result<(), String> {
    if let Some(unknown) = wanted
        .iter()
        .find(|name| METHODS.iter().all(|method| method.name != **name))
    {
        let known: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
        return Err(format!(
            "no method `{unknown}`; there are {}",
            known.join(", ")
        ));
    }
    let mut figures = recorded(workspace)?;
    for method in METHODS {
        if !wanted.is_empty() && !wanted.contains(&method.name) {
            continue;
        }
        let measured = method.measure(workspace)?;
        figures.forget(method.name);
        for (test, figure) in measured {
            figures.insert(method.name, &test, figure);
        }
    }
    workspace.write(FIGURES, &figures.to_text())?;
    write(workspace)
}

/// Fails if a check that just ran explored clearly less than the document says.
pub(crate) fn hold(workspace: &Workspace, method: &str, found: &Reader) -> Result<(), String> {
    let recorded = recorded(workspace)?;
    let mut short = Vec::new();
    for test in recorded.tests_of(method).filter(|test| *test != WHOLE) {
        let wanted = recorded.get(method, test).map_or(0, |figure| figure.number);
        let explored = found.found.iter().find(|(name, _)| name == test);
        let explored = explored.map_or(0, |(_, figure)| figure.number);
        if explored < wanted - wanted / 10 {
            short.push(format!("{test}: {explored}, and {PATH} says {wanted}"));
        }
    }
    if short.is_empty() {
        return Ok(());
    }
    Err(format!(
        "explored less than is written (`cargo xtask {TASK} --measure {method}` measures anew):\n{}",
        short.join("\n")
    ))
}

fn recorded(workspace: &Workspace) -> Result<Figures, String> {
    let path = workspace.root.join(FIGURES);
    if !path.is_file() {
        return Ok(Figures::default());
    }
    Figures::from_text(&workspace.read(FIGURES)?).map_err(|error| format!("{FIGURES}: {error}"))
}

/// The document with its tables as they are now.
fn filled(workspace: &Workspace) -> Result<String, String> {
    let figures = recorded(workspace)?;
    let mut evidence = Vec::new();
    for method in METHODS {
        evidence.push(Evidence::gather(workspace, method, &figures)?);
    }
    let holes = holes(&evidence, &figures);
    if !holes.is_empty() {
        return Err(format!("the proof has holes:\n{}", holes.join("\n")));
    }
    let mut text = workspace.read(PATH)?;
    let planted = mutants::planted();
    let matrix = tables::matrix(&evidence, &planted);
    text = between(PATH, &text, "matrix", TASK, &matrix)?;
    text = between(PATH, &text, "methods", TASK, &tables::methods(&evidence))?;
    text = between(PATH, &text, "planted", TASK, &tables::planted(&planted))?;
    for (law, _) in LAWS {
        text = between(
            PATH,
            &text,
            &format!("L{law}"),
            TASK,
            &tables::of_law(law, &evidence),
        )?;
    }
    Ok(text)
}

/// What is missing.
fn holes(evidence: &[Evidence], figures: &Figures) -> Vec<String> {
    let mut holes = Vec::new();
    for (law, title) in LAWS {
        let methods = evidence
            .iter()
            .filter(|method| method.of(law).next().is_some());
        let methods = methods.count();
        if methods < LEAST_METHODS {
            holes.push(format!("L{law} {title}: {methods} methods check it"));
        }
    }
    for (method, of) in METHODS.iter().zip(evidence) {
        if method.explores {
            for test in of
                .tests
                .iter()
                .filter(|test| test.explores && !of.figures.contains_key(&test.name))
            {
                holes.push(format!(
                    "{}: `{}` has no figure; `cargo xtask {TASK} --measure {}` takes it",
                    test.file, test.name, method.name
                ));
            }
        }
        for test in figures.tests_of(method.name).filter(|test| *test != WHOLE) {
            if of.tests.iter().all(|known| known.name != test) {
                holes.push(format!(
                    "{FIGURES}: there is no test `{test}` ({}) any more",
                    method.name
                ));
            }
        }
    }
    holes
}

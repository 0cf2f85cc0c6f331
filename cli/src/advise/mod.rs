//! `framepool advise`: tested advice on the setup of a recorded program.

mod lifetimes;
mod pairs;
mod settings;
mod study;
mod text;
mod trial;

use std::sync::Arc;

use crate::args::advise::AdviseArgs;
use crate::contestant::Name;
use crate::ending::Ending;
use crate::outcome::{Problem, print};
use crate::replay::{Crew, Failure, Plan};
use crate::report::columns_of_output;
use crate::session::{explain, hire, lay_out};
use crate::trace::{Tolerance, Trace, TraceSource, open};

use settings::Settings;
use study::Study;
pub(crate) use text::AdviceSection;
use trial::Trials;

/// Reads a recording, tries changes of the setup, and prints those that help.
pub(crate) fn advise(args: &AdviseArgs) -> Result<(), Problem> {
    let source = TraceSource::from_argument(args.trace.clone());
    let trace = open(&source, Tolerance::of(args.lenient))?;
    let threads = args.threads.map(Into::into);
    let plan = Arc::new(lay_out(&trace, threads, args.frame_ms, &source)?);
    let crew = hire(&plan)?;
    let settings = Settings {
        thread_cache_bytes: args.thread_cache_bytes,
        prewarm: args.prewarm.clone(),
    };
    let study = study(&trace, &plan, &crew, &settings, &source, &Ending::unheard())?;
    let section = AdviceSection::of(&study, &trace, &settings);
    if args.json {
        print(&(serde_json::to_string_pretty(&section).map_err(Problem::bug)? + "\n"))
    } else {
        let columns = columns_of_output();
        print(&section.whole(&source.name(), args.frame_ms, &plan, columns))
    }
}

/// The advice for the report of a replay: for a program whose pool has the usual settings. `None` if the run is asked to
/// end meanwhile.
pub(crate) fn section(
    trace: &Trace,
    plan: &Arc<Plan>,
    crew: &Crew,
    source: &TraceSource,
    ending: &Ending,
) -> Result<Option<AdviceSection>, Problem> {
    let settings = Settings::default();
    match study(trace, plan, crew, &settings, source, ending) {
        Ok(study) => Ok(Some(AdviceSection::of(&study, trace, &settings))),
        Err(Problem::EndedEarly { .. }) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The facts of a recording, and the advice.
fn study(
    trace: &Trace,
    plan: &Arc<Plan>,
    crew: &Crew,
    settings: &Settings,
    source: &TraceSource,
    ending: &Ending,
) -> Result<Study, Problem> {
    let explain = |failure: &Failure, who: Name| explain(failure, who, trace, source);
    let trials = Trials {
        crew,
        plan,
        ending,
        explain: &explain,
    };
    Study::of(trace, &trials, settings)
}

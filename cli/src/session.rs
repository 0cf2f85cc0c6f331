//! `framepool replay`, from the command line to the report: read, watch, time, verify, measure, report.

use std::sync::Arc;
use std::time::Duration;

use framepool::store::SavedPool;
use framepool::{Alignment, BufferPool, PoolBuilder};
#[cfg(feature = "dashboard")]
use framepool::{HealthConfig, Watch};

use crate::args::{MemoryArgs, ReplayOptions};
#[cfg(feature = "dashboard")]
use crate::contestant::SiteNames;
use crate::contestant::{Name, Pool, RecordedSites};
use crate::costs;
use crate::ending::Ending;
use crate::growth::GrowthSettings;
use crate::history;
use crate::inspect::Watcher;
use crate::measure::measure_here;
use crate::outcome::{Problem, print};
use crate::outputs;
#[cfg(feature = "dashboard")]
use crate::page::{Dashboard, Page};
use crate::replay::{Crew, Failure, FrameCut, Plan, Written, run};
use crate::report::{LeftOut, Report, TraceSection, columns_of_output, counted, render};
use crate::screen::{Screen, Show};
#[cfg(feature = "dashboard")]
use crate::timeline::RecordedTimeline;
use crate::trace::{Event, Tolerance, Trace, TraceSource, open};

/// With more recorded threads than this, they share replay threads, unless `--threads` is given.
const MAX_THREADS: usize = 1_024;

/// Replays a trace and prints the report.
pub(crate) fn replay(source: &TraceSource, options: &ReplayOptions) -> Result<(), Problem> {
    let baseline = history::baseline(&options.gates)?;
    outputs::check(
        source.path().into_iter().chain(options.inputs()),
        &options.outputs(),
    )?;
    let screen = Screen::new(
        match (options.quiet || has_top(options), options.live_only) {
            (true, _) => Show::Nothing,
            (_, true) => Show::Live,
            _ => Show::Progress,
        },
    );
    screen.stage("reading", 0, "", None);
    let trace = open(source, Tolerance::of(options.lenient))?;
    let plan = Arc::new(lay_out(
        &trace,
        options.threads.map(Into::into),
        options.frame_ms,
        source,
    )?);
    let crew = hire(&plan)?;

    let watched = new_pool("replay", options.leak_after);
    let speed = speed_of(options, &plan, &screen);
    let ending = Ending::listen()?;
    #[cfg(feature = "dashboard")]
    let page = PageOfReplay::open(options, &watched, &ending, SiteNames::new(&trace))?;
    let growth = GrowthSettings::of(options.warm_up);
    let mut observer = Watcher::new(&watched, &trace, &plan, &screen, &ending, speed, growth);
    #[cfg(feature = "dashboard")]
    {
        let path = options.page.timeline.as_ref();
        observer.write_to(RecordedTimeline::create(path, SiteNames::new(&trace))?);
    }
    let pool = Arc::new(Pool(watched.clone(), RecordedSites::new(&trace)));
    run(&crew, &plan, &pool, Written::Ends, &mut observer)
        .map_err(|failure| explain(&failure, Name::Framepool, &trace, source))?;
    let findings = observer.finish();
    drop((pool, watched));
    // The one reading of the run: the files, the report and the gates show it.
    let history = findings.history;
    #[cfg(feature = "dashboard")]
    findings.timeline.map_or(Ok(()), RecordedTimeline::finish)?;
    outputs::save(&history, options.save.as_deref())?;
    #[cfg(feature = "dashboard")]
    outputs::save_page(&history, options.page.html.as_deref())?;
    #[cfg(feature = "dashboard")]
    let has_served = page.is_some_and(|page| page.finish(&ending));
    #[cfg(not(feature = "dashboard"))]
    let has_served = false;
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        trace: describe(&trace, &plan, source, options),
        pool: findings.pool,
        interrupted: None,
        leaks: findings.leaks,
        growth_not_judged: history.pools.first().and_then(SavedPool::growth_not_judged),
        alerts: findings.alerts,
        timing: None,
        advice: None,
        faults: findings.faults,
    };
    if report.leaks.is_none() {
        let (done, all) = (
            report.pool.frames,
            counted(plan.frames.len() as u64, "frame"),
        );
        report.interrupted = Some(format!("{} after {done} of {all}", ending.name()));
    } else if !(has_served || options.live_only || options.rounds == 0) {
        let costs = costs::measure(&trace, &plan, &crew, source, options, &screen, &ending)?;
        report.timing = costs.timing;
        report.advice = costs.advice;
        let at = costs.interrupted_in;
        report.interrupted = at.map(|at| format!("{} {at}", ending.name()));
    }
    ending.over();
    drop(screen);
    let shown = if options.live_only {
        Ok(())
    } else {
        show(&report, options)
    };
    let baseline = baseline.as_ref();
    let judged = if report.leaks.is_some() {
        history::judge(&history, &options.gates, baseline)
    } else {
        history::skip(&history, &options.gates, baseline)
    };
    conclude(&report, &source.name(), options, &ending, judged).and(shown)
}

/// Prints the report.
fn show(report: &Report, options: &ReplayOptions) -> Result<(), Problem> {
    if options.json {
        print(&(serde_json::to_string_pretty(report).map_err(Problem::bug)? + "\n"))
    } else {
        print(&render(report, columns_of_output()))
    }
}

/// The outcome: a fault comes first, then the signal that ended the run, then the gates.
fn conclude(
    report: &Report,
    name: &str,
    options: &ReplayOptions,
    ending: &Ending,
    judged: Result<(), Problem>,
) -> Result<(), Problem> {
    if !report.faults.is_empty() {
        let (number, pronoun) = match report.faults.len() {
            1 => ("a fault", "it"),
            _ => ("faults", "them"),
        };
        return Err(Problem::Fault(format!(
            "{name}: the replay found {number} in the pool's telemetry; the report has {pronoun}"
        )));
    }
    let Some(interrupted) = &report.interrupted else {
        return judged;
    };
    let mut said = format!("{name}: interrupted by {interrupted}");
    if report.leaks.is_none() && options.gates.is_any() {
        said += "; the gates were not judged";
    }
    let mut all = judged.map_or_else(|problem| problem.messages(), |()| Vec::new());
    all.push(said);
    Err(ending.early(all))
}

/// Whether the replay is shown while it runs.
fn is_shown(options: &ReplayOptions) -> bool {
    #[cfg(feature = "dashboard")]
    return options.page.is_shown();
    #[cfg(not(feature = "dashboard"))]
    {
        let _ = options;
        false
    }
}

/// Whether a view uses the whole terminal.
fn has_top(options: &ReplayOptions) -> bool {
    #[cfg(feature = "dashboard")]
    return options.page.has_top();
    #[cfg(not(feature = "dashboard"))]
    {
        let _ = options;
        false
    }
}

/// The page of the watched replay, with the watch that feeds it.
#[cfg(feature = "dashboard")]
struct PageOfReplay {
    page: Page,
    watch: Watch,
}

#[cfg(feature = "dashboard")]
impl PageOfReplay {
    fn open(
        options: &ReplayOptions,
        pool: &BufferPool,
        ending: &Ending,
        sites: SiteNames,
    ) -> Result<Option<Self>, Problem> {
        if !options.page.is_shown() {
            return Ok(None);
        }
        let watch = Watch::start(
            pool,
            HealthConfig::default().thresholds(GrowthSettings::of(options.warm_up).thresholds()),
        );
        let names = move |text: &str| sites.renamed(text);
        let page = Page::open(&options.page, ending, || {
            Dashboard::new(&watch).rename(names.clone())
        })?;
        Ok(Some(Self { page, watch }))
    }

    /// Continues to show the recording until it is asked to end. Returns whether it was shown.
    fn finish(self, ending: &Ending) -> bool {
        self.watch.stop();
        self.page.stay(ending)
    }
}

/// The hidden command: runs one replay, and prints the rise of resident memory.
pub(crate) fn measure_memory(args: &MemoryArgs) -> Result<(), Problem> {
    let source = TraceSource::from_argument(args.trace.clone());
    let plan = {
        let trace = open(&source, Tolerance::of(args.lenient))?;
        lay_out(&trace, args.threads.map(Into::into), args.frame_ms, &source)?
    };
    let pool = new_pool("measured", args.leak_after);
    let bytes = measure_here(args.contestant, plan, pool).map_err(Problem::Fault)?;
    print(&format!("{bytes}\n"))
}

pub(crate) fn new_pool(name: &str, leak_after: u64) -> BufferPool {
    like_malloc()
        .name(name)
        .leak_after_frames(leak_after)
        .build()
        .unwrap_or_else(|_| BufferPool::new())
}

/// The settings of every pool that replays: the alignment that `malloc` promised the recorded program, and that the rivals are
/// asked for.
pub(crate) fn like_malloc() -> PoolBuilder {
    BufferPool::builder().alignment(Alignment::Bytes16)
}

pub(crate) fn lay_out(
    trace: &Trace,
    threads: Option<usize>,
    frame_ms: f64,
    source: &TraceSource,
) -> Result<Plan, Problem> {
    let threads = threads.unwrap_or(trace.threads.len().min(MAX_THREADS));
    Plan::new(trace, threads, FrameCut::of(trace, frame_ms))
        .map_err(|error| Problem::Input(format!("{}: {error}", source.name())))
}

pub(crate) fn hire(plan: &Plan) -> Result<Crew, Problem> {
    Crew::new(plan.work.iter().map(|work| work.name.as_str())).map_err(|error| {
        Problem::Fault(format!(
            "{} could not be started ({error}); use fewer with --threads",
            counted(plan.work.len() as u64, "thread")
        ))
    })
}

/// The watched replay's speed as a multiple of the recorded one.
fn speed_of(options: &ReplayOptions, plan: &Plan, screen: &Screen) -> Option<f64> {
    let at_most = |limit: Duration| plan.recorded_seconds() / limit.as_secs_f64();
    let speed = match options.speed {
        Some(speed) => speed,
        None if options.live_only || is_shown(options) => at_most(Duration::from_secs(15)).max(1.0),
        None if screen.is_watched() => at_most(Duration::from_secs(3)).max(1.0),
        None => 0.0,
    };
    (speed > 0.0).then_some(speed)
}

/// The message for a failed replay, with the line of the trace.
pub(crate) fn explain(
    failure: &Failure,
    who: Name,
    trace: &Trace,
    source: &TraceSource,
) -> Problem {
    let (path, who) = (source.name(), who.as_str());
    Problem::Fault(match failure {
        Failure::Refused {
            operation,
            bytes,
            why,
        } => format!(
            "{path}:{}: {who} could not lend {bytes} bytes: {why}",
            trace.line_of(*operation)
        ),
        Failure::Overwritten {
            freed_by,
            buffer,
            bytes,
            offset,
        } => {
            let recorded = trace.buffers[*buffer as usize];
            let taken = trace.line_of(recorded.taken_by as usize);
            let (line, end) = match freed_by {
                Some(operation) => (trace.line_of(*operation), "freed here"),
                None => (taken, "never freed"),
            };
            format!(
                "{path}:{line}: buffer {} of {who} ({bytes} bytes, taken on line {taken}, {end}) did not hold what was \
                 written into it: byte {offset} changed while the buffer was out; report this, with the trace, as a \
                 bug of {}",
                recorded.id,
                match who {
                    "null" => "this program",
                    allocator => allocator,
                }
            )
        }
        Failure::Panicked(said) => {
            format!("{path}: a thread replaying through {who} panicked: {said}")
        }
    })
}

fn describe(
    trace: &Trace,
    plan: &Plan,
    source: &TraceSource,
    options: &ReplayOptions,
) -> TraceSection {
    let foreign = trace
        .operations
        .iter()
        .filter(|operation| match operation.event {
            Event::Free(buffer) => {
                let taken_by = trace.buffers[buffer as usize].taken_by;
                trace.operations[taken_by as usize].thread != operation.thread
            }
            _ => false,
        });
    TraceSection {
        name: source.name(),
        bundled: matches!(source, TraceSource::Bundled),
        operations: plan.operations,
        allocs: trace.buffers.len() as u64,
        frees: trace.frees,
        freed_by_another_thread: foreign.count() as u64,
        recorded_threads: trace.threads.len() as u64,
        replay_threads: plan.work.len() as u64,
        call_sites: trace.sites.len() as u64,
        seconds: trace.end_us() as f64 / 1e6,
        peak_live_bytes: u64::try_from(trace.peak_live_bytes).unwrap_or(u64::MAX),
        peak_live_buffers: trace.peak_live_buffers,
        frames: plan.frames.len() as u64,
        frame_ms: match plan.cut {
            FrameCut::Marked => None,
            FrameCut::EveryUs(_) => Some(options.frame_ms),
        },
        idle_frames_left_out: plan.frames_left_out,
        lines_left_out: trace
            .skipped
            .reasons()
            .map(|(reason, count, first_line)| LeftOut {
                what: reason.words(),
                count,
                first_line,
            })
            .collect(),
    }
}

//! `framepool demo`: a synthetic job system, so that a newcomer sees alerts rise and clear.

mod frame_times;
mod jobs;
mod leak;
mod others;
mod schedule;
mod summary;

use std::time::{Duration, Instant};

#[cfg(feature = "dashboard")]
use framepool::Attribution;
use framepool::BufferPool;
use framepool::text::line;

use crate::args::DemoArgs;
use crate::ending::Ending;
use crate::outcome::{Problem, print};
use crate::outputs;
#[cfg(feature = "dashboard")]
use crate::page::{Dashboard, Page};
use crate::report::{columns_of_error, columns_of_output, counted};
use crate::screen::{SECONDS, Screen, Show};
use crate::watch::{AlertEntry, LiveWatch, Moment};
use frame_times::FrameTimes;
use jobs::JobSystem;
use leak::Leak;
pub(crate) use others::MOST_POOLS;
use others::Others;
use schedule::Schedule;
use summary::Summary;

/// Of larger buffers, `--backtraces` records each.
#[cfg(feature = "dashboard")]
const ALL_FROM_BYTES: u64 = 100_000;

const FRAMES_A_SECOND: f64 = 60.0;

/// Runs the demo and prints its summary.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Problem> {
    outputs::check([], &args.outputs())?;
    let pool = new_pool(args)?;
    let (mut jobs, threads) = start_jobs(&pool, args)?;
    let ending = Ending::listen()?;
    let others = start_others(args)?;
    let mut watch = LiveWatch::new(&pool, others.pools());
    #[cfg(feature = "dashboard")]
    let page = open_page(args, &ending, &watch)?;
    #[cfg(feature = "dashboard")]
    let timeline =
        crate::timeline::LiveTimeline::start(watch.watches(), args.page.timeline.as_ref())?;
    let screen = Screen::new(if args.quiet || has_top(args) {
        Show::Nothing
    } else {
        Show::Live
    });
    let schedule = Schedule::new(args, is_served(args));
    begin_stage(&screen, &schedule, &pool);
    let mut leak = Leak::new(&pool, args.leak);
    let mut accused = None;
    let mut peak_in_use_bytes = 0;
    let mut times = FrameTimes::new();
    let began = Instant::now();
    while !ending.is_asked() {
        let elapsed = began.elapsed();
        if schedule.is_over(elapsed, watch.log().is_calm()) {
            break;
        }
        let load = schedule.load(elapsed);
        let in_use_bytes = jobs.frame(load).map_err(Problem::Fault)?;
        leak.go_on(schedule.leaking(elapsed));
        if schedule.is_fixed(elapsed) && leak.held() > 0 {
            accused = Some(pool.outstanding());
            screen.say(&format!(
                "{:6.2} s  the leak is fixed: {} released",
                elapsed.as_secs_f64(),
                counted(leak.held() as u64, "leaked buffer")
            ));
            leak.release();
        }
        let snapshot = pool.snapshot();
        // The first period dates from the creation of the pool. The frame end that closes the run is not of a frame.
        if snapshot.totals.frames > 1 {
            times.add(snapshot.duration);
        }
        peak_in_use_bytes = in_use_bytes.max(peak_in_use_bytes);
        let now = Moment {
            frame: snapshot.frame.get(),
            seconds: elapsed.as_secs_f64(),
        };
        watch.look(now, |alert| screen.say(&shown(alert)));
        screen.standing(watch.log().standing());
        screen.done(if schedule.is_endless {
            now.frame
        } else {
            schedule.passed(elapsed)
        });
        // The next frame begins on the next tick; a late frame is not made up for.
        let tick = Duration::from_secs_f64(1.0 / FRAMES_A_SECOND).as_nanos() as u64;
        let into = began.elapsed().as_nanos() as u64 % tick;
        std::thread::sleep(Duration::from_nanos(tick - into));
    }
    if !schedule.is_endless {
        screen.done(schedule.passed(began.elapsed()));
    }
    let seconds = began.elapsed().as_secs_f64();
    let was_interrupted = ending.is_asked() && !schedule.is_endless;
    // Nothing is allocated or released from here on until all is read. So the files and the summary agree.
    let work = jobs.stop();
    let pools: Vec<_> = others.pools().to_vec();
    let kept = others.stop();
    let frame = pool.end_frame().frame.get();
    let history = watch.end(Moment { frame, seconds }, |alert| screen.say(&shown(alert)));
    let leaks_found = accused.unwrap_or_else(|| pool.outstanding());
    outputs::save(&history, args.save.as_deref())?;
    #[cfg(feature = "dashboard")]
    outputs::save_page(&history, args.page.html.as_deref())?;
    #[cfg(feature = "dashboard")]
    timeline.map_or(Ok(()), crate::timeline::LiveTimeline::finish)?;
    drop(screen);
    #[cfg(feature = "dashboard")]
    drop(page);
    let summary = Summary::new(
        seconds,
        threads,
        &pool,
        &watch,
        &times,
        work,
        &leak,
        leaks_found,
        peak_in_use_bytes.max(watch.peak_in_use_bytes()),
        &pools,
    );
    drop(kept);
    let shown = show(&summary, args.json);
    if was_interrupted {
        let signal = ending.name();
        let whole = schedule.whole_seconds();
        let said = format!("demo: interrupted by {signal} after {seconds:.1} of {whole} s");
        return Err(ending.early(vec![said]));
    }
    shown
}

fn start_others(args: &DemoArgs) -> Result<Others, Problem> {
    Others::start(args.pools - 1).map_err(|error| {
        Problem::Fault(format!("the further pools could not be started ({error})"))
    })
}

/// The page of all pools, if it is shown.
#[cfg(feature = "dashboard")]
fn open_page(args: &DemoArgs, ending: &Ending, watch: &LiveWatch) -> Result<Option<Page>, Problem> {
    if !args.page.is_shown() {
        return Ok(None);
    }
    let dashboard = || {
        let (first, others) = (&watch.watches()[0], &watch.watches()[1..]);
        let first = Dashboard::new(first);
        others.iter().fold(first, Dashboard::and)
    };
    Page::open(&args.page, ending, dashboard).map(Some)
}

/// An endless run counts its frames; other runs count seconds, because late frames are not made up for.
fn begin_stage(screen: &Screen, schedule: &Schedule, pool: &BufferPool) {
    if schedule.is_endless {
        screen.stage("demo", 0, "frames", Some(pool));
    } else {
        screen.stage("demo", schedule.whole_seconds(), SECONDS, Some(pool));
    }
}

fn new_pool(args: &DemoArgs) -> Result<BufferPool, Problem> {
    let builder = BufferPool::builder().name("demo");
    #[cfg(feature = "dashboard")]
    let builder = match args.backtraces {
        Some(every) => builder
            .attribution(Attribution::Backtraces)
            .backtraces(every.get(), ALL_FROM_BYTES),
        None => builder,
    };
    #[cfg(not(feature = "dashboard"))]
    let _ = args;
    builder.build().map_err(Problem::bug)
}

fn show(summary: &Summary, as_json: bool) -> Result<(), Problem> {
    if as_json {
        print(&(serde_json::to_string_pretty(summary).map_err(Problem::bug)? + "\n"))
    } else {
        let columns = columns_of_output();
        print(&format!("{summary:columns$}"))
    }
}

/// Whether there is a page.
fn is_served(args: &DemoArgs) -> bool {
    #[cfg(feature = "dashboard")]
    return args.page.is_shown();
    #[cfg(not(feature = "dashboard"))]
    {
        let _ = args;
        false
    }
}

/// Whether a view uses the whole terminal.
fn has_top(args: &DemoArgs) -> bool {
    #[cfg(feature = "dashboard")]
    return args.page.has_top();
    #[cfg(not(feature = "dashboard"))]
    {
        let _ = args;
        false
    }
}

fn start_jobs(pool: &BufferPool, args: &DemoArgs) -> Result<(JobSystem, usize), Problem> {
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let threads = args.threads.map_or(cores, Into::into);
    let jobs = JobSystem::start(pool, threads).map_err(|error| {
        Problem::Fault(format!(
            "{} could not be started ({error}); use fewer with --threads",
            counted(threads as u64, "thread")
        ))
    })?;
    Ok((jobs, threads))
}

/// An alert as lines of the live view, below its time.
fn shown(alert: &AlertEntry) -> String {
    line(&told(alert), columns_of_error())
}

/// An alert raised, escalated or resolved, in one line.
fn told(alert: &AlertEntry) -> String {
    let raised = alert.raised.seconds;
    match (alert.resolved, alert.escalated) {
        (None, None) => format!("{raised:6.2} s  raised, {}: {}", alert.severity, alert.text),
        (None, Some(moment)) => format!(
            "{:6.2} s  now {}, raised at {raised:.2} s: {}",
            moment.seconds, alert.severity, alert.text
        ),
        (Some(moment), _) => format!(
            "{:6.2} s  resolved after {:.2} s: {}",
            moment.seconds,
            moment.seconds - raised,
            alert.name
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Moment {
        Moment { frame: 0, seconds }
    }

    #[test]
    fn line_shows_severity_once_with_time() {
        let raised = AlertEntry {
            rule: "Leak".to_owned(),
            name: "leak",
            severity: "warning",
            text: "it leaks".to_owned(),
            value: 1.0,
            threshold: 1.0,
            raised: at(2.0),
            escalated: None,
            resolved: None,
        };
        assert_eq!(told(&raised), "  2.00 s  raised, warning: it leaks");
        let escalated = AlertEntry {
            severity: "critical",
            escalated: Some(at(5.5)),
            ..raised
        };
        assert_eq!(
            told(&escalated),
            "  5.50 s  now critical, raised at 2.00 s: it leaks"
        );
        let resolved = AlertEntry {
            resolved: Some(at(9.0)),
            ..escalated
        };
        assert_eq!(told(&resolved), "  9.00 s  resolved after 7.00 s: leak");
    }
}

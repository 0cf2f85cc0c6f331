//! `framepool demo`: a synthetic job system, so that a newcomer sees alerts rise and clear.

mod jobs;
mod leak;
mod summary;

use std::time::{Duration, Instant};

use framepool::{BufferPool, Outstanding};

use crate::args::DemoArgs;
use crate::outcome::{Problem, print};
use crate::screen::{Screen, Show};
use crate::watch::{AlertEntry, LiveWatch, Moment};
use jobs::{JobSystem, Load};
use leak::Leak;
use summary::Summary;

const FRAMES_A_SECOND: f64 = 60.0;

/// The parts of the run, as shares of its length: when it leaks, and when its buffers are large.
const LEAKING: std::ops::Range<f64> = 0.1..0.65;
const BLOATED: std::ops::Range<f64> = 0.25..0.5;

/// The length of a run that is not said: in the terminal, and on a page, where it is repeated.
const LENGTH: f64 = 12.0;
const LENGTH_ON_PAGE: f64 = 40.0;

/// How much longer than asked the demo may run, to let the last alert clear.
const PATIENCE: Duration = Duration::from_secs(4);

/// Runs the demo and prints its summary.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Problem> {
    let pool = BufferPool::builder()
        .name("demo")
        .build()
        .map_err(Problem::bug)?;
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let threads = args.threads.map_or(cores, Into::into);
    let mut jobs = JobSystem::start(&pool, threads).map_err(|error| {
        Problem::Fault(format!(
            "{threads} threads could not be started ({error}); use fewer with --threads"
        ))
    })?;
    let screen = Screen::new(if args.quiet {
        Show::Nothing
    } else {
        Show::Live
    });
    let is_served = is_served(args);
    let is_endless = is_served && args.seconds.is_none();
    let seconds = args
        .seconds
        .unwrap_or(if is_served { LENGTH_ON_PAGE } else { LENGTH });
    let length = Duration::from_secs_f64(seconds);
    let frames = (seconds * FRAMES_A_SECOND) as u64;
    screen.stage("demo", frames, "frames", Some(&pool));
    let mut watch = LiveWatch::new(&pool);
    #[cfg(feature = "dashboard")]
    let page = crate::page::Page::open(&args.page, || crate::page::Dashboard::new(watch.watch()))?;
    let mut leak = Leak::new(&pool, args.leak);
    let mut accused = Outstanding::default();
    let mut peak_in_use_bytes = 0;
    let began = Instant::now();
    loop {
        let elapsed = began.elapsed();
        let over = elapsed.saturating_sub(length);
        let is_calm = watch.log().standing().active == 0;
        if !is_endless && (over >= PATIENCE || (!over.is_zero() && is_calm)) {
            break;
        }
        let into = if is_endless {
            elapsed.as_secs_f64() % seconds
        } else {
            elapsed.as_secs_f64()
        };
        let part = into / seconds;
        let load = if args.bloat && BLOATED.contains(&part) {
            Load::Large
        } else {
            Load::Usual
        };
        jobs.frame(load).map_err(Problem::Fault)?;
        let leaking = elapsed.as_secs_f64() - LEAKING.start * seconds;
        // A line that comes back to what it held before does not leak: so a run without an end releases nothing.
        let is_leaking = if is_endless {
            leaking > 0.0
        } else {
            LEAKING.contains(&part)
        };
        if is_leaking {
            leak.go_on(leaking);
        } else if leak.held() > 0 {
            accused = pool.outstanding();
            screen.say(&format!(
                "{:6.2} s  the {} leaked buffers are released",
                elapsed.as_secs_f64(),
                leak.held()
            ));
            leak.release();
        }
        let snapshot = pool.snapshot();
        peak_in_use_bytes = snapshot.in_use_bytes.max(peak_in_use_bytes);
        let now = Moment {
            frame: snapshot.frame.get(),
            seconds: elapsed.as_secs_f64(),
        };
        watch.look(now, |alert| screen.say(&told(alert)));
        screen.standing(watch.log().standing());
        screen.done((into * FRAMES_A_SECOND) as u64);
        // The next frame begins on the next tick; a frame that was late is not made up for.
        let tick = Duration::from_secs_f64(1.0 / FRAMES_A_SECOND).as_nanos() as u64;
        let into = began.elapsed().as_nanos() as u64 % tick;
        std::thread::sleep(Duration::from_nanos(tick - into));
    }
    #[cfg(feature = "dashboard")]
    page.save(&args.page)?;
    if let Some(path) = &args.save {
        watch.save(path)?;
    }
    let work = jobs.stop();
    drop(screen);
    let summary = Summary::new(
        seconds,
        threads,
        &pool,
        &watch,
        work,
        leak.total(),
        accused,
        peak_in_use_bytes,
    );
    show(&summary, args.json)
}

fn show(summary: &Summary, as_json: bool) -> Result<(), Problem> {
    if as_json {
        print(&(serde_json::to_string_pretty(summary).map_err(Problem::bug)? + "\n"));
    } else {
        print(&summary.to_string());
    }
    Ok(())
}

/// Whether there is a page.
fn is_served(args: &DemoArgs) -> bool {
    #[cfg(feature = "dashboard")]
    return args.page.serve.is_some();
    #[cfg(not(feature = "dashboard"))]
    {
        let _ = args;
        false
    }
}

/// An alert raised or resolved, as one line of the live view.
fn told(alert: &AlertEntry) -> String {
    match alert.resolved {
        None => format!(
            "{:6.2} s  raised, {}: {}",
            alert.raised.seconds, alert.severity, alert.text
        ),
        Some(moment) => format!(
            "{:6.2} s  resolved after {:.2} s: {}",
            moment.seconds,
            moment.seconds - alert.raised.seconds,
            alert.rule
        ),
    }
}

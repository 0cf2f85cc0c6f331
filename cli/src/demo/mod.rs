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
    let length = Duration::from_secs_f64(args.seconds);
    let frames = (args.seconds * FRAMES_A_SECOND) as u64;
    screen.stage("demo", frames, "frames", Some(&pool));
    let mut watch = LiveWatch::new(&pool);
    let mut leak = Leak::new(&pool, args.leak);
    let mut accused = Outstanding::default();
    let mut peak_in_use_bytes = 0;
    let began = Instant::now();
    loop {
        let elapsed = began.elapsed();
        let over = elapsed.saturating_sub(length);
        if over >= PATIENCE || (!over.is_zero() && watch.log().standing().active == 0) {
            break;
        }
        let part = elapsed.as_secs_f64() / args.seconds;
        let load = if args.bloat && BLOATED.contains(&part) {
            Load::Large
        } else {
            Load::Usual
        };
        jobs.frame(load).map_err(Problem::Fault)?;
        if LEAKING.contains(&part) {
            leak.go_on(elapsed.as_secs_f64() - LEAKING.start * args.seconds);
        } else if part >= LEAKING.end && leak.held() > 0 {
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
        screen.done((elapsed.as_secs_f64() * FRAMES_A_SECOND) as u64);
        // The next frame begins on the next tick; a frame that was late is not made up for.
        let tick = Duration::from_secs_f64(1.0 / FRAMES_A_SECOND).as_nanos() as u64;
        let into = began.elapsed().as_nanos() as u64 % tick;
        std::thread::sleep(Duration::from_nanos(tick - into));
    }
    let work = jobs.stop();
    drop(screen);
    let summary = Summary::new(
        args,
        threads,
        &pool,
        &watch,
        work,
        leak.total(),
        accused,
        peak_in_use_bytes,
    );
    if args.json {
        print(&(serde_json::to_string_pretty(&summary).map_err(Problem::bug)? + "\n"));
    } else {
        print(&summary.to_string());
    }
    Ok(())
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

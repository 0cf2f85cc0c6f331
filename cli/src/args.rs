//! The command line: every option and its help text.

pub(crate) mod advise;
pub(crate) mod history;
#[cfg(feature = "dashboard")]
pub(crate) mod page;
mod values;

#[cfg(feature = "dashboard")]
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::contestant::Name;
use crate::outputs::Output;
use advise::AdviseArgs;
use history::{DiffArgs, GateOptions, ReportArgs};
#[cfg(feature = "dashboard")]
pub use page::{PageOptions, TopArgs};
#[cfg(feature = "dashboard")]
use values::one_in;
use values::{
    contestant, leak_after, leaks, milliseconds, pools, rounds, seconds, speed, threads, warm_up,
};

const ABOUT: &str =
    "Replays allocation traces through framepool and shows what its telemetry sees.";

const LONG_ABOUT: &str = "\
Replays allocation traces through framepool and shows what its telemetry sees.

framepool is a frame-scoped buffer pool for multi-threaded programs. This program replays what a real one asked of its \
allocator through the pool, on as many threads, in frames; watches the pool's health; and times the same replay \
with the system's allocator and with mimalloc.

Without a command it replays the bundled recording: a game server generating its world, 15 seconds.";

const EXAMPLES: &str = "\
Examples:
  framepool                                 replay the bundled recording
  framepool replay game.csv.zst             replay a recording of your own
  framepool replay game.csv --frame-ms 8    with frames of 8 ms of recorded time
  framepool --json | jq .timing             the report as data
  framepool advise game.csv.zst             what to set up in another way, as code to paste
  framepool demo --leak 20 --serve          watch a leak on a page in the browser
  framepool top                             watch the same in the terminal, from another one
  framepool demo --leak 20 --fix --bloat    watch alerts rise and clear line by line
  framepool demo --pools 3 --serve          watch a program with several pools
  framepool demo --timeline a.pftrace       write a trace for ui.perfetto.dev
  framepool replay game.csv --save a.json   keep what was seen
  framepool report a.json --html a.html     look at it again, in the terminal and in the browser
  framepool diff a.json b.json              what grew between two runs
  framepool report b.json --baseline a.json --max-growing 0 --max-peak 180MiB

Exit code: 0 when all went well, 1 when the replay found a fault, 2 when the input or the command line is wrong, \
3 when a gate such as --max-peak failed, 130 or 143 when Ctrl-C or SIGTERM ended a replay or a demo before its end.

Ctrl-C ends a run in order: it writes the files and the report of what was measured until then. A second Ctrl-C ends it at \
once.";

const REPLAY_ABOUT: &str = "Replay a trace, judge the pool's health, time it against its rivals";

const REPLAY_LONG: &str = "\
Replay a trace, judge the pool's health, time it against its rivals.

A trace is text, plain or compressed with zstd. Its first line is

  time_us,thread,op,id,size,site

and each further line one operation, in one total order: `alloc` with the buffer's id, its size in bytes and the call \
site; `free` with the id; or `frame`, a frame end. Times are microseconds from the start. A buffer may be freed by another \
thread than the one that took it, or never.

First the trace is read and checked as a whole. Then it is replayed once under the eyes of the health monitor, then \
several times on the clock, the contestants taking turns, and at last once for each contestant in a process of its own to \
measure its peak memory. Each buffer is written to at both ends when it is taken and checked when it is freed. Buffers are \
aligned to 16 bytes, as `malloc` promises, in the pool and with its rivals.

The report goes to standard output, progress and live view to standard error.";

const DEMO_ABOUT: &str = "Run a synthetic job system and watch the pool's health live";

const DEMO_LONG: &str = "\
Run a synthetic job system and watch the pool's health live.

Worker threads on all cores run 60 frames a second. In each frame every worker steps a batch of particles in frame \
buffers, writes the result to a pooled buffer, and hands that to its neighbour, which sums it up and drops it. With --leak \
some further buffers are kept, all from one line of code; with --bloat all buffers are much larger in the middle of the \
run, so that alerts are seen to rise and to clear.

What is leaked stays leaked: the report, --save and --html show it as it is at the end of the run, and \
`framepool report FILE --max-growing 0` fails and names the line. With --fix it is released after two thirds of the run, as \
if the line had been mended: its alert clears, and no file has a leak.";

/// The program's command line.
#[derive(Debug, Parser)]
#[command(name = "framepool", version, about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// The command; without one the bundled recording is replayed.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to replay.
    #[command(flatten)]
    pub options: ReplayOptions,
}

impl CommandLine {
    /// Whether it prints to standard output.
    pub(crate) fn prints(&self) -> bool {
        match &self.command {
            None => !self.options.live_only,
            Some(Command::Replay(args)) => !args.options.live_only,
            #[cfg(feature = "dashboard")]
            Some(Command::Top(_)) => false,
            Some(_) => true,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// `framepool replay`.
    #[command(about = REPLAY_ABOUT, long_about = REPLAY_LONG)]
    Replay(ReplayArgs),
    /// `framepool demo`.
    #[command(about = DEMO_ABOUT, long_about = DEMO_LONG)]
    Demo(DemoArgs),
    /// `framepool top`.
    #[cfg(feature = "dashboard")]
    #[command(about = page::TOP_ABOUT, long_about = page::TOP_LONG)]
    Top(TopArgs),
    /// `framepool report`.
    #[command(about = history::REPORT_ABOUT, long_about = history::REPORT_LONG)]
    Report(ReportArgs),
    /// `framepool diff`.
    #[command(about = history::DIFF_ABOUT, long_about = history::DIFF_LONG)]
    Diff(DiffArgs),
    /// `framepool advise`.
    #[command(about = advise::ADVISE_ABOUT, long_about = advise::ADVISE_LONG)]
    Advise(AdviseArgs),
    /// The hidden command.
    #[command(name = MemoryArgs::COMMAND, hide = true)]
    Memory(MemoryArgs),
}

/// `framepool replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The trace, plain or zstd-compressed; the bundled recording if left out
    #[arg(value_name = "TRACE")]
    pub trace: Option<PathBuf>,
    /// How to replay.
    #[command(flatten)]
    pub options: ReplayOptions,
}

/// How to replay.
#[derive(Clone, Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub struct ReplayOptions {
    /// End a frame every MS milliseconds of recorded time, unless the trace marks frame ends
    #[arg(long, value_name = "MS", default_value = "16.667", value_parser = milliseconds, allow_negative_numbers = true)]
    pub frame_ms: f64,
    /// Number of replay threads; by default as many as were recorded
    ///
    /// With fewer, recorded threads share one and keep their recorded order. With more, several threads take turns for each
    /// recorded one.
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,
    /// Skip and count faulty lines: for recordings that began late or were cut off
    ///
    /// Skipped are frees without an alloc, repeated frees, allocs of a used id, an incomplete first or last line, and the
    /// missing end of truncated zstd data.
    #[arg(long)]
    pub lenient: bool,
    /// Timed rounds after the first, cold one; with 0 nothing is timed, and the report has no costs and no advice
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = rounds, allow_negative_numbers = true)]
    pub rounds: u32,
    /// Frames after which an unreleased buffer becomes a leak suspect
    #[arg(long, value_name = "FRAMES", default_value_t = 4, value_parser = leak_after, allow_negative_numbers = true)]
    pub leak_after: u64,
    /// The program's start-up, as recorded time such as 2s, or as a number of frames; by default 20 s and 1,200 frames
    ///
    /// Growth that begins in it may be a cache that fills, so it is a leak only after 110 s. Later growth can be a leak within a
    /// second.
    #[arg(long, value_name = "TIME|FRAMES", value_parser = warm_up, allow_negative_numbers = true)]
    pub warm_up: Option<WarmUp>,
    /// Speed of the watched replay as a multiple of the recorded one, 0 for as fast as possible
    ///
    /// By default it takes about three seconds on a terminal, so that there is something to see, and is as fast as possible
    /// elsewhere. With --live-only, --serve and --top it has the recorded speed, but takes fifteen seconds at most.
    #[arg(long, value_name = "X", value_parser = speed, allow_negative_numbers = true)]
    pub speed: Option<f64>,
    /// Print the report as one JSON object; docs/replay-report.md explains its keys
    #[arg(long, conflicts_with = "live_only")]
    pub json: bool,
    /// Print only the report: no progress bar, no live line
    #[arg(long, short)]
    pub quiet: bool,
    /// Show only the live view of one watched replay: no timing, no report
    #[arg(long, conflicts_with = "quiet")]
    pub live_only: bool,
    /// At the end save the history of the pool, in recorded time, for `framepool report` and `framepool diff`
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// The gates.
    #[command(flatten)]
    pub gates: GateOptions,
    /// Where the page goes.
    #[cfg(feature = "dashboard")]
    #[command(flatten)]
    pub page: PageOptions,
}

impl ReplayOptions {
    /// The files to read besides the trace.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.gates.baseline.as_deref().into_iter()
    }

    /// The files to write, with their options.
    pub(crate) fn outputs(&self) -> Vec<Output<'_>> {
        named([
            ("--save", &self.save),
            ("--junit", &self.gates.limits.junit),
            #[cfg(feature = "dashboard")]
            ("--html", &self.page.html),
            #[cfg(feature = "dashboard")]
            ("--timeline", &self.page.timeline),
        ])
    }
}

/// The length of a program's start-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// In recorded time.
    Time(Duration),
    /// In frames.
    Frames(u64),
}

/// `framepool demo`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub struct DemoArgs {
    /// How long to run: 12 seconds by default; with --serve until you press Ctrl-C
    ///
    /// Until then the leak grows, to 256 MiB at most, and --bloat returns every 40 seconds.
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<f64>,
    /// Leak N buffers a second, all from one line of code, from a tenth of the run until its end; with 20 to 40 the alert comes within a
    /// second of that, else after a minute
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = leaks, allow_negative_numbers = true)]
    pub leak: u32,
    /// Release what was leaked after two thirds of the run, as if the line had been mended: its alert clears
    #[arg(long, requires = "leak")]
    pub fix: bool,
    /// Make all buffers much larger in the middle of the run
    #[arg(long)]
    pub bloat: bool,
    /// Record the call stack of one pooled buffer in N, of each if N is left out, and of each from 100 kB on: the callers of lines in the report, on the
    /// page, and in the profiles of `framepool report FILE --pprof` and `--firefox`
    #[cfg(feature = "dashboard")]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", value_parser = one_in)]
    pub backtraces: Option<NonZeroU32>,
    /// Worker threads; by default one for each core
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,
    /// Run N pools, from 1 to 4: audio, assets and network beside the demo's own, each with a thread and a frame rate of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = pools, allow_negative_numbers = true)]
    pub pools: usize,
    /// Print the final report as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Print only the final report: no live line
    #[arg(long, short)]
    pub quiet: bool,
    /// At the end save the history of the pool, for `framepool report` and `framepool diff`
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Where the page goes.
    #[cfg(feature = "dashboard")]
    #[command(flatten)]
    pub page: PageOptions,
}

impl DemoArgs {
    /// The files to write, with their options.
    pub(crate) fn outputs(&self) -> Vec<Output<'_>> {
        named([
            ("--save", &self.save),
            #[cfg(feature = "dashboard")]
            ("--html", &self.page.html),
            #[cfg(feature = "dashboard")]
            ("--timeline", &self.page.timeline),
        ])
    }
}

/// The options with which the program starts itself to measure one contestant's memory.
#[derive(Debug, Args)]
pub struct MemoryArgs {
    /// The contestant.
    #[arg(value_parser = contestant)]
    pub contestant: Name,
    /// Length of a frame.
    #[arg(long, default_value = "16.667", value_parser = milliseconds)]
    pub frame_ms: f64,
    /// Threads to replay on.
    #[arg(long, value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// Age of a leak suspect.
    #[arg(long, default_value_t = 4)]
    pub leak_after: u64,
    /// Skip faulty lines.
    #[arg(long)]
    pub lenient: bool,
    /// The trace; the bundled recording if left out.
    pub trace: Option<PathBuf>,
}

impl MemoryArgs {
    /// The hidden command's name.
    pub(crate) const COMMAND: &str = "measure-memory";
}

/// The requested ones of these files.
pub(crate) fn named<'a>(
    all: impl IntoIterator<Item = (&'static str, &'a Option<PathBuf>)>,
) -> Vec<Output<'a>> {
    let requested = |(option, path): (_, &'a Option<PathBuf>)| {
        path.as_deref().map(|path| Output { option, path })
    };
    all.into_iter().filter_map(requested).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn options_stand_without_a_command_too() {
        let line =
            CommandLine::try_parse_from(["framepool", "--json", "--rounds", "2"]).expect("options");
        assert!(line.command.is_none() && line.options.json);
        assert!(CommandLine::try_parse_from(["framepool", "--json", "demo"]).is_err());
        assert!(CommandLine::try_parse_from(["framepool", "repaly"]).is_err());
    }
}

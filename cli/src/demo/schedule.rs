//! The schedule of the demo.

use std::time::Duration;

use super::jobs::Load;
use crate::args::DemoArgs;

/// The parts of the run, as shares of its length: when the leak begins, when it is mended, and when buffers are large.
const LEAK_BEGINS: f64 = 0.1;
const LEAK_IS_FIXED: f64 = 0.65;
const BLOATED: std::ops::Range<f64> = 0.25..0.5;

/// The default length of a run: in the terminal, and on a page, where it is repeated.
const LENGTH: f64 = 12.0;
const LENGTH_ON_PAGE: f64 = 40.0;

/// How much longer than asked the demo may run, to let the last alert clear.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the demo does when.
#[derive(Debug)]
pub(crate) struct Schedule {
    seconds: f64,
    /// Whether it runs until it is asked to end.
    pub(crate) is_endless: bool,
    has_bloat: bool,
    /// Whether the leak is mended and released.
    has_fix: bool,
}

impl Schedule {
    /// `is_shown` is true if a page shows it.
    pub(crate) fn new(args: &DemoArgs, is_shown: bool) -> Self {
        let usual = if is_shown { LENGTH_ON_PAGE } else { LENGTH };
        Self {
            seconds: args.seconds.unwrap_or(usual),
            is_endless: is_shown && args.seconds.is_none(),
            has_bloat: args.bloat,
            has_fix: args.fix,
        }
    }

    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Whole seconds of the run.
    pub(crate) fn whole_seconds(&self) -> u64 {
        self.seconds.ceil() as u64
    }

    /// Whole seconds of the run that have passed.
    pub(crate) fn passed(&self, elapsed: Duration) -> u64 {
        elapsed.min(self.length()).as_secs()
    }

    /// Whether the run is over. It waits a while for alerts to clear.
    pub(crate) fn is_over(&self, elapsed: Duration, is_calm: bool) -> bool {
        let over = elapsed.saturating_sub(self.length());
        !self.is_endless && (over >= PATIENCE || (!over.is_zero() && is_calm))
    }

    /// The share of the run that has passed; an endless run repeats.
    fn part(&self, elapsed: Duration) -> f64 {
        let elapsed = elapsed.as_secs_f64();
        let into = if self.is_endless {
            elapsed % self.seconds
        } else {
            elapsed
        };
        into / self.seconds
    }

    pub(crate) fn load(&self, elapsed: Duration) -> Load {
        if self.has_bloat && BLOATED.contains(&self.part(elapsed)) {
            Load::Large
        } else {
            Load::Usual
        }
    }

    /// How many seconds it has leaked; 0 before and after.
    pub(crate) fn leaking(&self, elapsed: Duration) -> f64 {
        if self.is_fixed(elapsed) {
            return 0.0;
        }
        (elapsed.as_secs_f64() - LEAK_BEGINS * self.seconds).max(0.0)
    }

    /// Whether the leak has been mended.
    pub(crate) fn is_fixed(&self, elapsed: Duration) -> bool {
        self.has_fix && elapsed.as_secs_f64() >= LEAK_IS_FIXED * self.seconds
    }
}

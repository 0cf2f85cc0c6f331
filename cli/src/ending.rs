//! Ctrl-C: the first one asks a run to end in order, a second one ends the process at once.
//!
//! A run listens while it runs. After the first signal, and after the run is [over](Ending::over), a signal has its default
//! effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::outcome::Problem;

/// The longest delay before a waiting run notices the request to end.
const NOTICE: Duration = Duration::from_millis(50);

/// Whether a run was asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// The number of the signal that asked; 0 if none did.
    asked: Arc<AtomicUsize>,
    /// Whether a signal ends the process.
    is_deadly: Arc<AtomicBool>,
}

impl Ending {
    /// Listens to SIGINT and SIGTERM.
    pub(crate) fn listen() -> Result<Self, Problem> {
        let ending = Self::unheard();
        for signal in [SIGINT, SIGTERM] {
            // A signal runs these in order, so the first signal passes the first of them.
            flag::register_conditional_default(signal, Arc::clone(&ending.is_deadly))
                .and_then(|_| {
                    flag::register_usize(signal, Arc::clone(&ending.asked), signal as usize)
                })
                .and_then(|_| flag::register(signal, Arc::clone(&ending.is_deadly)))
                .map_err(|error| Problem::Fault(format!("signals cannot be handled: {error}")))?;
        }
        Ok(ending)
    }

    /// Listens to no signal; only [`ask`](Self::ask) ends the run.
    pub(crate) fn unheard() -> Self {
        Self {
            asked: Arc::default(),
            is_deadly: Arc::default(),
        }
    }

    /// Asks the run to end, as Ctrl-C does.
    #[cfg(feature = "dashboard")]
    pub(crate) fn ask(&self) {
        // Relaxed: see `signal`.
        self.asked.store(SIGINT as usize, Ordering::Relaxed);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.signal() != 0
    }

    fn signal(&self) -> usize {
        // Relaxed: no other data depends on it.
        self.asked.load(Ordering::Relaxed)
    }

    /// The name of the signal that asked.
    pub(crate) fn name(&self) -> &'static str {
        if self.signal() == SIGTERM as usize {
            "SIGTERM"
        } else {
            "SIGINT"
        }
    }

    /// The outcome of a run that was asked to end early. Its exit code is that of a program that the signal ended, by the
    /// convention of shells.
    pub(crate) fn early(&self, said: Vec<String>) -> Problem {
        Problem::EndedEarly {
            said,
            code: 128 + self.signal() as u8,
        }
    }

    /// Sleeps until then, or until the run is asked to end.
    pub(crate) fn sleep_until(&self, then: Instant) {
        while !self.is_asked() {
            let left = then.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(NOTICE));
        }
    }

    /// Waits until the run is asked to end.
    #[cfg(feature = "dashboard")]
    pub(crate) fn wait(&self) {
        while !self.is_asked() {
            std::thread::sleep(NOTICE);
        }
    }

    /// The run has ended in order.
    pub(crate) fn over(&self) {
        // Relaxed: see `signal`.
        self.is_deadly.store(true, Ordering::Relaxed);
    }
}

//! The barrier of all threads at each frame end.
//!
//! The coordinator counts the threads with steps in a frame, gives each a turn, and sleeps until the last of them is done.
//! A thread without work in a frame is not woken. Waiting spins for a moment and then parks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::Thread;

/// Spins before parking. A thread that waits for its next frame must not take the processor from one that works.
const SPINS: u32 = 64;

/// The turns of one run.
#[derive(Debug)]
pub(crate) struct Turns {
    coordinator: Thread,
    /// Threads that have a turn and are not done.
    running: AtomicU32,
    /// Set after a failure, or if the run should end: no thread begins another step.
    stopped: AtomicBool,
    seats: Vec<Seat>,
}

/// One thread's seat, on separate cache lines, so that waking one does not disturb the others.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Seat {
    turns_given: AtomicU64,
    thread: OnceLock<Thread>,
}

impl Turns {
    /// The calling thread coordinates; each of `threads` threads has its first turn at once, for its setup.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            coordinator: std::thread::current(),
            running: AtomicU32::new(threads as u32),
            stopped: AtomicBool::new(false),
            seats: (0..threads).map(|_| Seat::default()).collect(),
        }
    }

    /// A worker takes its seat, before its first `done`.
    pub(crate) fn sit_down(&self, worker: usize) {
        let _ = self.seats[worker].thread.set(std::thread::current());
    }

    /// The coordinator gives each of these threads a turn. All earlier turns are done.
    pub(crate) fn give(&self, wanted: &[u32]) {
        // Relaxed: published by the Release below; no worker runs now.
        self.running.store(wanted.len() as u32, Ordering::Relaxed);
        for &worker in wanted {
            let seat = &self.seats[worker as usize];
            // Release: pairs with the Acquire in `wait_for_turn`; the work of earlier frames is visible.
            seat.turns_given.fetch_add(1, Ordering::Release);
            if let Some(thread) = seat.thread.get() {
                thread.unpark();
            }
        }
    }

    /// The coordinator waits until every thread is done.
    pub(crate) fn wait_until_done(&self) {
        let mut spins = 0;
        // Acquire: pairs with the Release in `done`; the work of the threads is visible.
        while self.running.load(Ordering::Acquire) != 0 {
            wait(&mut spins);
        }
    }

    /// A worker waits for its turn number `turn`, counted from 1.
    pub(crate) fn wait_for_turn(&self, worker: usize, turn: u64) {
        let mut spins = 0;
        // Acquire: pairs with the Release in `give`.
        while self.seats[worker].turns_given.load(Ordering::Acquire) < turn {
            wait(&mut spins);
        }
    }

    /// A worker is done with its turn.
    pub(crate) fn done(&self) {
        // AcqRel: Release pairs with the Acquire in `wait_until_done`, and Acquire lets the last one pass on what the
        // others released.
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.coordinator.unpark();
        }
    }

    /// No thread begins another step.
    pub(crate) fn stop(&self) {
        // Relaxed: a thread that sees it late does one more step; the failure itself is behind a lock.
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stopped(&self) -> &AtomicBool {
        &self.stopped
    }

    pub(crate) fn is_stopped(&self) -> bool {
        // Relaxed: see `stop`.
        self.stopped.load(Ordering::Relaxed)
    }
}

fn wait(spins: &mut u32) {
    if *spins < SPINS {
        *spins += 1;
        std::hint::spin_loop();
    } else {
        std::thread::park();
    }
}

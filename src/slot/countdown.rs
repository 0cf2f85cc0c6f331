//! The countdown of a lane's owner to the next call stack that it records.

use std::ptr;

use crate::sync::{AtomicU64, Ordering, Owned};

/// An owner's countdown to its next sample. Only for the owner.
#[derive(Debug)]
pub(crate) struct Countdown {
    /// Allocs until the next sample.
    left: AtomicU64,
    /// The state of the random numbers; zero before the first.
    seed: AtomicU64,
}

impl Countdown {
    pub(crate) fn new() -> Self {
        Self {
            left: AtomicU64::new(1),
            seed: AtomicU64::new(0),
        }
    }

    /// Counts one alloc; returns whether it ends the countdown. Then the owner must restart it.
    #[inline(always)]
    pub(crate) fn is_over(&self) -> bool {
        let left = self.left.load_own().wrapping_sub(1);
        // Relaxed: only the owner reads and writes it.
        self.left.store(left, Ordering::Relaxed);
        left == 0
    }

    /// Counts one alloc on the fast path, unless it ends the countdown: that step is the slow path's, in
    /// [`is_over`](Self::is_over).
    #[inline(always)]
    pub(crate) fn count(&self) -> bool {
        let left = self.left.load_own();
        if left <= 1 {
            return false;
        }
        // Relaxed: only the owner reads and writes it.
        self.left.store(left - 1, Ordering::Relaxed);
        true
    }

    /// Forgets a counted alloc that did not happen.
    pub(crate) fn take_back(&self) {
        // Relaxed: only the owner reads and writes it.
        self.left.store(self.left.load_own() + 1, Ordering::Relaxed);
    }

    /// Restarts the countdown, for one alloc in `every`; returns whether the alloc that ended it is a sample. No countdown led to the first
    /// alloc, so it is a sample by the same chance.
    pub(crate) fn start(&self, every: u32) -> bool {
        let before = self.seed.load_own();
        // A different seed for each lane.
        let mut seed = match before {
            0 => ptr::from_ref(self).addr() as u64 | 1,
            seed => seed,
        };
        // Xorshift.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let every = u64::from(every);
        let left = match every {
            // Check again later whether backtraces are on.
            0 => 4096,
            // Uniform from 1 to 2 * every - 1.
            _ => 1 + (seed >> 11) % (2 * every - 1),
        };
        // Relaxed, both: only the owner reads and writes them.
        self.seed.store(seed, Ordering::Relaxed);
        self.left.store(left, Ordering::Relaxed);
        every > 0 && (before != 0 || (seed >> 11) % every == 0)
    }

    /// Makes the next alloc end the countdown. For switching backtraces off.
    pub(crate) fn stop(&self) {
        // Relaxed, both: only the owner reads and writes them.
        self.left.store(1, Ordering::Relaxed);
        self.seed.store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn samples_are_one_in_so_many_on_average() {
        for every in [1, 10, 1000] {
            let countdown = Countdown::new();
            let allocs = 2000 * every;
            let is_due = |_: &u32| countdown.is_over() && countdown.start(every);
            let due = (0..allocs).filter(is_due).count();
            assert!((1850..=2150).contains(&due), "{due} for 1 in {every}");
        }
    }

    #[test]
    fn countdown_of_zero_samples_nothing() {
        let countdown = Countdown::new();
        assert!(!(0..1000).any(|_| countdown.is_over() && countdown.start(0)));
    }
}

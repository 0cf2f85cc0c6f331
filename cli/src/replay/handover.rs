//! Transfers a buffer from one thread to the thread that frees it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::desks::Desk;

/// Looks for the buffer before the thread leaves its desk: the other thread may be about to give it.
const SPINS: u32 = 64;
/// How soon a waiting thread notices that the run was stopped.
const STOPPED_WITHIN: Duration = Duration::from_millis(5);

/// The transfer of one buffer from its allocating thread to its freeing thread. Used once in a run, empty between runs.
#[derive(Debug)]
pub(crate) struct Handover<B> {
    there: AtomicBool,
    place: Mutex<Place<B>>,
    given: Condvar,
}

#[derive(Debug)]
struct Place<B> {
    buffer: Option<B>,
    /// The freeing thread sleeps until the buffer is given.
    is_awaited: bool,
}

impl<B> Handover<B> {
    pub(crate) fn new() -> Self {
        Self {
            there: AtomicBool::new(false),
            place: Mutex::new(Place {
                buffer: None,
                is_awaited: false,
            }),
            given: Condvar::new(),
        }
    }

    /// Passes the buffer on.
    ///
    /// The time to wake the other thread is added to `waited`, because it is not the contestant's.
    pub(crate) fn give(&self, buffer: B, waited: &mut Duration) {
        let is_awaited = {
            let mut place = lock(&self.place);
            place.buffer = Some(buffer);
            place.is_awaited
        };
        // Release: pairs with the Acquire in `take`; the buffer and what was written to it are visible to the taker.
        self.there.store(true, Ordering::Release);
        if is_awaited {
            self.wake(waited);
        }
    }

    #[cold]
    #[inline(never)]
    fn wake(&self, waited: &mut Duration) {
        let began = Instant::now();
        self.given.notify_one();
        *waited += began.elapsed();
    }

    /// Waits for the buffer and takes it; `None` if the run was stopped meanwhile.
    ///
    /// The waiting time is added to `waited`, because it is not the contestant's.
    pub(crate) fn take(
        &self,
        stopped: &AtomicBool,
        desk: &mut Desk<'_>,
        waited: &mut Duration,
    ) -> Option<B> {
        // Acquire: pairs with the Release in `give`.
        if !self.there.load(Ordering::Acquire) {
            self.wait(stopped, desk, waited);
        }
        // Relaxed: the next reader is in a later run, which begins after all threads have met.
        self.there.store(false, Ordering::Relaxed);
        lock(&self.place).buffer.take()
    }

    #[cold]
    #[inline(never)]
    fn wait(&self, stopped: &AtomicBool, desk: &mut Desk<'_>, waited: &mut Duration) {
        let began = Instant::now();
        let mut tries = 0;
        // Acquire: pairs with the Release in `give`.
        while tries < SPINS && !self.there.load(Ordering::Acquire) {
            tries += 1;
            std::hint::spin_loop();
        }
        if tries == SPINS {
            desk.leave_during(|| self.sleep(stopped));
        }
        *waited += began.elapsed();
    }

    /// Sleeps until the buffer is given or the run is stopped.
    fn sleep(&self, stopped: &AtomicBool) {
        let mut place = lock(&self.place);
        place.is_awaited = true;
        // Relaxed: no other data depends on it.
        while place.buffer.is_none() && !stopped.load(Ordering::Relaxed) {
            (place, _) = self
                .given
                .wait_timeout(place, STOPPED_WITHIN)
                .unwrap_or_else(PoisonError::into_inner);
        }
        place.is_awaited = false;
    }
}

/// The lock's content, ignoring poisoning: it is a plain value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Transfers a buffer from one thread to the thread that frees it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The transfer of one buffer from its allocating thread to its freeing thread. Used once in a run, empty between runs.
#[derive(Debug)]
pub(crate) struct Handover<B> {
    there: AtomicBool,
    buffer: Mutex<Option<B>>,
}

impl<B> Handover<B> {
    pub(crate) fn new() -> Self {
        Self {
            there: AtomicBool::new(false),
            buffer: Mutex::new(None),
        }
    }

    /// Passes the buffer on.
    pub(crate) fn give(&self, buffer: B) {
        *lock(&self.buffer) = Some(buffer);
        // Release: pairs with the Acquire in `take`; the buffer and what was written to it are visible to the taker.
        self.there.store(true, Ordering::Release);
    }

    /// Waits for the buffer and takes it; `None` if the run was stopped meanwhile.
    ///
    /// The waiting time is added to `waited`, because it is not the contestant's.
    pub(crate) fn take(&self, stopped: &AtomicBool, waited: &mut Duration) -> Option<B> {
        // Acquire: pairs with the Release in `give`.
        if !self.there.load(Ordering::Acquire) {
            self.wait(stopped, waited);
        }
        // Relaxed: the next reader is in a later run, which begins after all threads have met.
        self.there.store(false, Ordering::Relaxed);
        lock(&self.buffer).take()
    }

    #[cold]
    #[inline(never)]
    fn wait(&self, stopped: &AtomicBool, waited: &mut Duration) {
        let began = Instant::now();
        let mut tries = 0_u32;
        // Acquire: pairs with the Release in `give`. Relaxed for `stopped`: no other data depends on it.
        while !self.there.load(Ordering::Acquire) && !stopped.load(Ordering::Relaxed) {
            tries += 1;
            match tries {
                0..64 => std::hint::spin_loop(),
                64..1_024 => std::thread::yield_now(),
                _ => std::thread::sleep(Duration::from_micros(50)),
            }
        }
        *waited += began.elapsed();
    }
}

/// The lock's content, ignoring poisoning: it is a plain value.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

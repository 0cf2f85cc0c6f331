//! The number of threads that work at the same time: at most as many as the machine has processors.
//!
//! A recording may have hundreds of threads, of which few worked at any moment. In a replay all that have steps in a frame
//! are ready at once. Without a limit the system would interrupt one in the middle of an operation to let another one go on, and
//! that time would be the contestant's. So a thread takes a desk before its steps, and leaves it while it waits for a
//! buffer.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::available_parallelism;

/// The desks of one run.
#[derive(Debug)]
pub(crate) struct Desks {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Desks {
    /// A desk for each processor that this process may use.
    pub(crate) fn for_this_machine() -> Self {
        Self {
            free: Mutex::new(available_parallelism().map_or(1, usize::from)),
            freed: Condvar::new(),
        }
    }

    /// Waits for a free desk and takes it.
    pub(crate) fn take(&self) -> Desk<'_> {
        self.sit_down();
        Desk(self)
    }

    fn sit_down(&self) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .freed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
    }

    fn stand_up(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.freed.notify_one();
    }
}

/// A desk that a thread has, until this is dropped.
#[derive(Debug)]
pub(crate) struct Desk<'a>(&'a Desks);

impl Desk<'_> {
    /// Leaves the desk to another thread while `wait` waits.
    pub(crate) fn leave_during(&mut self, wait: impl FnOnce()) {
        self.0.stand_up();
        wait();
        self.0.sit_down();
    }
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        self.0.stand_up();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_more_threads_work_than_desks() {
        let desks = Desks {
            free: Mutex::new(2),
            freed: Condvar::new(),
        };
        let (working, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        // SeqCst, all: a test need not be fast.
        let work = || {
            let now = working.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            thread::yield_now();
            working.fetch_sub(1, Ordering::SeqCst);
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mut desk = desks.take();
                        work();
                        desk.leave_during(thread::yield_now);
                        work();
                    }
                });
            }
        });
        assert!((1..=2).contains(&most.into_inner()));
        assert_eq!(desks.free.into_inner().unwrap(), 2);
    }
}

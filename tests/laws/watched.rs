//! Readers that read continuously while workers run.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

/// Sets the flag when its scope ends, even by a panic, so that readers stop.
struct Finished<'f>(&'f AtomicBool);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Runs the workers to their end while the readers read continuously, each with its previous reading.
pub(crate) fn watched<S: Default>(
    workers: &[&(dyn Fn() + Sync)],
    readers: &[&(dyn Fn(&mut S) + Sync)],
) {
    let finished = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking: Vec<_> = readers
            .iter()
            .map(|look| {
                let finished = &finished;
                scope.spawn(move || {
                    let mut seen = S::default();
                    while !finished.load(Relaxed) {
                        look(&mut seen);
                    }
                    look(&mut seen);
                })
            })
            .collect();
        let _finished = Finished(&finished);
        let working: Vec<_> = workers.iter().map(|work| scope.spawn(work)).collect();
        for worker in working {
            worker.join().unwrap();
        }
        finished.store(true, Relaxed);
        for reader in looking {
            reader.join().unwrap();
        }
    });
}

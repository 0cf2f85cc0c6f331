//! Several threads that allocate from one frame at once: only the allocs are timed.
//!
//! One thread begins each frame, then all allocate their buffers, then it ends; the threads wait for each other in between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bumpalo::Bump;
use framepool::{BufferPool, Frame};

use super::frames::{bump_layout, touch};

/// Buffers that each thread allocates from a frame.
pub const PER_FRAME: usize = 512;
/// The largest of them, in bytes.
pub const MOST: usize = 16 << 10;

/// Whether more threads than cores would run.
pub fn crowded(threads: usize) -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| threads > cores.get())
}

/// A barrier at which threads spin before they sleep.
#[derive(Debug)]
pub struct Gate {
    threads: usize,
    /// How often a thread checks before it yields.
    spins: u32,
    arrived: AtomicUsize,
}

impl Gate {
    /// A gate that opens when `threads` threads wait.
    pub fn new(threads: usize) -> Self {
        Self {
            threads,
            spins: if crowded(threads) { 0 } else { 10_000 },
            arrived: AtomicUsize::new(0),
        }
    }

    /// Waits until all threads wait.
    pub fn wait(&self) {
        // AcqRel: everything that a thread did before the gate is visible to all threads after it.
        let place = self.arrived.fetch_add(1, Ordering::AcqRel);
        let full = (place / self.threads + 1) * self.threads;
        let mut spins = 0;
        // Acquire: pairs with the AcqRel of the others.
        while self.arrived.load(Ordering::Acquire) < full {
            spins += 1;
            if spins > self.spins {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// The time of each thread for its buffers in each frame; `work` allocates one thread's buffers of one frame.
fn on_threads(
    threads: usize,
    frames: usize,
    begin: &(dyn Fn() + Sync),
    work: &(dyn Fn(usize) -> Duration + Sync),
    end: &(dyn Fn() + Sync),
) -> Vec<Vec<Duration>> {
    let gate = Gate::new(threads);
    let run = |thread: usize| {
        let mut took = Vec::with_capacity(frames);
        for _ in 0..frames {
            if thread == 0 {
                begin();
            }
            gate.wait();
            took.push(work(thread));
            gate.wait();
            if thread == 0 {
                end();
            }
        }
        took
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map(|thread| scope.spawn(move || run(thread)))
            .collect();
        let mut all = vec![run(0)];
        all.extend(
            others
                .into_iter()
                .map(|other| other.join().expect("no panic")),
        );
        all
    })
}

/// The time of one thread's allocs.
#[inline(always)]
fn time_allocs(sizes: &[usize], mut alloc: impl FnMut(usize) -> *mut u8) -> Duration {
    let began = Instant::now();
    for &bytes in sizes {
        touch(alloc(bytes));
    }
    began.elapsed()
}

/// framepool: all threads share one frame, and each allocates from its arena there. Returns the time of the allocs, by
/// thread and frame.
///
/// # Panics
///
/// If a thread cannot be started.
pub fn arenas(
    pool: &BufferPool,
    threads: usize,
    frames: usize,
    sizes: &[usize],
) -> Vec<Vec<Duration>> {
    in_one_frame(pool, threads, frames, &|frame| {
        frame.with_arena(|arena| time_allocs(sizes, |bytes| arena.alloc::<u8>(bytes).as_mut_ptr()))
    })
}

/// The same with a lookup of the thread for each buffer.
///
/// # Panics
///
/// If a thread cannot be started.
pub fn framepool(
    pool: &BufferPool,
    threads: usize,
    frames: usize,
    sizes: &[usize],
) -> Vec<Vec<Duration>> {
    in_one_frame(pool, threads, frames, &|frame| {
        time_allocs(sizes, |bytes| frame.alloc::<u8>(bytes).as_mut_ptr())
    })
}

/// The time of each thread for its buffers of each shared frame.
fn in_one_frame(
    pool: &BufferPool,
    threads: usize,
    frames: usize,
    allocs: &(dyn Fn(&Frame) -> Duration + Sync),
) -> Vec<Vec<Duration>> {
    let open: Mutex<Option<Arc<Frame>>> = Mutex::new(None);
    let lock = || open.lock().expect("no panic");
    on_threads(
        threads,
        frames,
        &|| *lock() = Some(Arc::new(pool.begin_frame())),
        &|_| {
            let frame = lock().clone().expect("the frame is open");
            allocs(&frame)
        },
        &|| {
            lock().take();
        },
    )
}

/// bumpalo: each thread has its own allocator, which is emptied before the timing.
///
/// # Panics
///
/// If a thread cannot be started.
pub fn bumpalo(threads: usize, frames: usize, sizes: &[usize]) -> Vec<Vec<Duration>> {
    let bumps: Vec<Mutex<Bump>> = (0..threads).map(|_| Mutex::new(Bump::new())).collect();
    on_threads(
        threads,
        frames,
        &|| {},
        &|thread| {
            let mut bump = bumps[thread].lock().expect("no panic");
            bump.reset();
            time_allocs(sizes, |bytes| {
                bump.alloc_layout(bump_layout(bytes)).as_ptr()
            })
        },
        &|| {},
    )
}

//! Contention and the time of a frame end by the number of threads: the figures of `docs/scaling.md`.
//!
//! Every line is one pool with a number of threads. It shows their buffers per microsecond, the cores that they had (Linux
//! only), how often they exchanged a batch with the depot, and the share of buffers from there. Of all slices of 5 ms, the
//! one with the most processor time is shown. The last lines time frame ends, after one thread or all threads allocated
//! buffers.
//!
//!     cargo run --release --example many_threads [milliseconds per line, 10 if left out]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Barrier, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use framepool::{Buffer, BufferPool, Frame};

const THREADS: [usize; 5] = [2, 4, 8, 16, 64];
/// Buffers that a thread holds at once.
const HELD: usize = 32;
/// The length of a measured slice.
const SLICE: Duration = Duration::from_millis(5);

/// The totals of all threads.
#[derive(Default)]
struct Done {
    buffers: AtomicU64,
    cpu_nanos: AtomicU64,
}

impl Done {
    /// Adds the calling thread's counts, at its end.
    fn add(&self, buffers: u64) {
        // The system updates a thread's processor time when it yields.
        thread::yield_now();
        let account = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let nanos = account.split(' ').next().and_then(|text| text.parse().ok());
        // Relaxed, both: no other data depends on them.
        self.cpu_nanos
            .fetch_add(nanos.unwrap_or(0), Ordering::Relaxed);
        self.buffers.fetch_add(buffers, Ordering::Relaxed);
    }
}

/// Allocates a buffer of `bytes` and touches its memory.
fn take(pool: &BufferPool, bytes: usize) -> Buffer<u8> {
    let mut buffer = pool.alloc::<u8>(bytes);
    buffer[0] = black_box(1);
    buffer
}

/// Allocates `held` buffers and releases them.
fn round(pool: &BufferPool, bytes: usize, held: usize) -> u64 {
    let buffers: [_; HELD] = std::array::from_fn(|at| (at < held).then(|| take(pool, bytes)));
    drop(buffers);
    held as u64
}

/// Each thread releases its own buffers. `bytes` is by thread.
fn each_its_own(
    pool: &BufferPool,
    threads: usize,
    stop: &AtomicBool,
    bytes: impl Fn(usize) -> usize,
    held: usize,
) -> Done {
    let done = Done::default();
    thread::scope(|scope| {
        for bytes in (0..threads).map(bytes) {
            let done = &done;
            scope.spawn(move || {
                let mut count = 0;
                // Relaxed: no other data depends on it.
                while !stop.load(Ordering::Relaxed) {
                    count += round(pool, bytes, held);
                }
                done.add(count);
            });
        }
    });
    done
}

/// Half of the threads allocate and send, each to one of the other half, which releases.
fn half_for_half(pool: &BufferPool, threads: usize, stop: &AtomicBool) -> Done {
    let done = Done::default();
    thread::scope(|scope| {
        for _ in 0..threads / 2 {
            let (sender, receiver) = sync_channel::<Vec<Buffer<u8>>>(4);
            let done = &done;
            scope.spawn(|| {
                receiver.into_iter().for_each(drop);
                done.add(0);
            });
            scope.spawn(move || {
                let mut count = 0;
                // Relaxed: no other data depends on it.
                while !stop.load(Ordering::Relaxed) {
                    let lot = (0..HELD).map(|_| take(pool, 1024)).collect();
                    sender.send(lot).expect("the other half is there");
                    count += HELD as u64;
                }
                done.add(count);
            });
        }
    });
    done
}

/// Runs `work` for this time, and prints its totals.
fn line(
    name: &str,
    threads: usize,
    time: Duration,
    pool: &BufferPool,
    work: impl Fn(&AtomicBool) -> Done,
) {
    let stop = AtomicBool::new(false);
    // Cores, and buffers per microsecond.
    let run = || {
        stop.store(false, Ordering::Relaxed);
        let began = Instant::now();
        let done = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(SLICE);
                stop.store(true, Ordering::Relaxed);
            });
            work(&stop)
        });
        let nanos = began.elapsed().as_nanos() as f64;
        let cores = done.cpu_nanos.into_inner() as f64 / nanos;
        (cores, done.buffers.into_inner() as f64 * 1e3 / nanos)
    };
    run();
    let before = pool.stats().totals.counts;
    let slices = (0..time.div_duration_f64(SLICE).ceil() as u32).map(|_| run());
    let (cores, rate) = slices.max_by(|a, b| a.0.total_cmp(&b.0)).expect("slices");
    let after = pool.stats().totals.counts;
    let allocs = (after.pooled_allocs() - before.pooled_allocs()) as f64;
    // A buffer is two operations.
    let exchanges = (after.depot_exchanges - before.depot_exchanges) as f64 / (2.0 * allocs);
    let from_depot = (after.depot_hits - before.depot_hits) as f64 / allocs;
    println!(
        "{name:<32} {threads:>7} {rate:>11.2} {cores:>6.2} {exchanges:>13.5} {from_depot:>11.5}"
    );
}

/// Times frame ends, each after all threads, or only the first, allocated a pooled buffer and a frame buffer.
fn frame_ends(threads: usize, active: usize, time: Duration) {
    let pool = BufferPool::new();
    let open: RwLock<Option<Frame>> = RwLock::new(None);
    let (step, stop) = (Barrier::new(active + 1), AtomicBool::new(false));
    let (come, go) = (
        Barrier::new(threads - active + 1),
        Barrier::new(threads - active + 1),
    );
    let mut nanos = Vec::new();
    thread::scope(|scope| {
        for _ in active..threads {
            scope.spawn(|| {
                drop(take(&pool, 1024));
                come.wait();
                go.wait();
            });
        }
        come.wait();
        for _ in 0..active {
            scope.spawn(|| {
                loop {
                    step.wait();
                    // Relaxed: stored before the barrier.
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    drop(take(&pool, 1024));
                    let frame = open.read().expect("no panic");
                    frame.as_ref().expect("open").alloc::<u8>(256)[0] = 1;
                    drop(frame);
                    step.wait();
                }
            });
        }
        let began = Instant::now();
        while began.elapsed() < time || nanos.len() < 20 {
            *open.write().expect("no panic") = Some(pool.begin_frame());
            step.wait();
            step.wait();
            let frame = open.write().expect("no panic").take().expect("open");
            let end = Instant::now();
            frame.release_all();
            nanos.push(end.elapsed().as_nanos());
        }
        stop.store(true, Ordering::Relaxed);
        step.wait();
        go.wait();
    });
    nanos.sort_unstable();
    let of = |part: usize| nanos[nanos.len() * part / 100];
    println!(
        "{active:>7} of {threads:>3} {:>9} {:>9} {:>9}",
        nanos[0],
        of(10),
        of(50)
    );
}

fn main() {
    let time = std::env::args()
        .nth(1)
        .map_or(10, |text| text.parse().expect("milliseconds"));
    let time = Duration::from_millis(time);
    println!(
        "                                 threads  buffers/µs  cores  exchanges/op  from depot"
    );
    for threads in [1].into_iter().chain(THREADS) {
        let pool = BufferPool::new();
        line("each its own, 32 held", threads, time, &pool, |stop| {
            each_its_own(&pool, threads, stop, |_| 1024, HELD)
        });
    }
    for threads in THREADS {
        let pool = BufferPool::new();
        line("half take, half give back", threads, time, &pool, |stop| {
            half_for_half(&pool, threads, stop)
        });
    }
    let shared = |_: usize| 1024;
    // A separate size class for each thread.
    let apart = |thread: usize| 256 << (thread % 16);
    for threads in [1].into_iter().chain(THREADS) {
        let pool = BufferPool::builder()
            .thread_cache_bytes(0)
            .build()
            .expect("valid settings");
        line("no magazine, one class", threads, time, &pool, |stop| {
            each_its_own(&pool, threads, stop, shared, 1)
        });
    }
    for threads in [1, 2, 4, 8, 16] {
        let pool = BufferPool::builder()
            .thread_cache_bytes(0)
            .build()
            .expect("valid settings");
        line(
            "no magazine, a class for each",
            threads,
            time,
            &pool,
            |stop| each_its_own(&pool, threads, stop, apart, 1),
        );
    }
    println!("\nframe end, active slots   least     tenth    median, ns");
    for threads in [2, 8, 64, 256] {
        frame_ends(threads, 1, time);
        frame_ends(threads, threads, time);
    }
}

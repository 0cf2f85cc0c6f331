//! Frame buffers taken by several threads from one frame at once: the allocs alone, and how they grow with threads.

use std::alloc::Layout;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bumpalo::Bump;
use framepool::{BufferPool, Frame};

use super::framed::touch;
use super::{Answer, Question, against};
use crate::chart::{FRAME_ALLOC, points};
use crate::measure::{Measured, Plan, Times, median};
use crate::rivals::sizes;
use crate::table::{Limit, Row};

const PER_FRAME: usize = 512;
const MOST: usize = 16 << 10;

pub(super) fn questions() -> Vec<Question> {
    let only_charted = |threads: usize| {
        let name = match threads {
            1 => "frame alloc, 1 thread, up to 16 KiB".to_owned(),
            _ => format!("frame alloc, {threads} threads, up to 16 KiB"),
        };
        Question::only_charted(name, move |plan| {
            Ok(points(FRAME_ALLOC, threads, &both(plan, threads)))
        })
    };
    vec![
        only_charted(1),
        Question::charted("frame alloc, 2 threads, up to 16 KiB", against_bumpalo),
        only_charted(4),
        only_charted(8),
        Question::new("frame alloc, 2 threads against 1", scaling),
    ]
}

fn frames(plan: &Plan, threads: usize) -> usize {
    // A frame's allocs take a few microseconds; where threads outnumber cores, waiting for them takes far longer.
    let each = if crowded(threads) { 100 } else { 8 };
    (plan.slice.as_micros() as usize / each).max(16)
}

/// Whether so many threads cannot run at once.
fn crowded(threads: usize) -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| threads > cores.get())
}

/// Where threads wait for each other, without going to sleep at once.
pub(super) struct Gate {
    threads: usize,
    /// How often a thread looks before it lets others run.
    spins: u32,
    arrived: AtomicUsize,
}

impl Gate {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads,
            spins: if crowded(threads) { 0 } else { 10_000 },
            arrived: AtomicUsize::new(0),
        }
    }

    pub(super) fn wait(&self) {
        // AcqRel: what each thread did before is visible to all behind the gate.
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

/// Nanoseconds per alloc on each thread in each frame; `work` takes one thread's buffers of one frame.
fn on_threads(
    threads: usize,
    frames: usize,
    begin: &(dyn Fn() + Sync),
    work: &(dyn Fn(usize) -> f64 + Sync),
    end: &(dyn Fn() + Sync),
) -> Vec<Vec<f64>> {
    let gate = Gate::new(threads);
    let run = |thread: usize| {
        let mut nanos = Vec::with_capacity(frames);
        for _ in 0..frames {
            if thread == 0 {
                begin();
            }
            gate.wait();
            nanos.push(work(thread));
            gate.wait();
            if thread == 0 {
                end();
            }
        }
        nanos
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

/// The time of one thread's allocs, per alloc.
#[inline(always)]
fn time_allocs(sizes: &[usize], mut alloc: impl FnMut(usize) -> *mut u8) -> f64 {
    let began = Instant::now();
    for &bytes in sizes {
        touch(alloc(bytes));
    }
    began.elapsed().as_secs_f64() * 1e9 / sizes.len() as f64
}

fn ours(pool: &BufferPool, threads: usize, frames: usize, sizes: &[usize]) -> Vec<Vec<f64>> {
    let open: Mutex<Option<std::sync::Arc<Frame>>> = Mutex::new(None);
    let lock = || open.lock().expect("no panic");
    on_threads(
        threads,
        frames,
        &|| *lock() = Some(std::sync::Arc::new(pool.begin_frame())),
        &|_| {
            let frame = lock().clone().expect("the frame is open");
            time_allocs(sizes, |bytes| frame.alloc::<u8>(bytes).as_mut_ptr())
        },
        &|| {
            lock().take();
        },
    )
}

fn theirs(threads: usize, frames: usize, sizes: &[usize]) -> Vec<Vec<f64>> {
    let bumps: Vec<Mutex<Bump>> = (0..threads).map(|_| Mutex::new(Bump::new())).collect();
    on_threads(
        threads,
        frames,
        &|| {},
        &|thread| {
            let mut bump = bumps[thread].lock().expect("no panic");
            bump.reset();
            time_allocs(sizes, |bytes| {
                let layout = Layout::from_size_align(bytes, 64).expect("a small layout");
                bump.alloc_layout(layout).as_ptr()
            })
        },
        &|| {},
    )
}

/// What both sides take with so many threads, in turns.
fn both(plan: &Plan, threads: usize) -> [Times; 2] {
    let sizes = sizes::mixed(PER_FRAME, MOST);
    let pool = BufferPool::new();
    let frames = frames(plan, threads);
    let mut both = [
        ("framepool", Vec::new()),
        ("bumpalo, one per thread", Vec::new()),
    ];
    for repetition in 0..=plan.repetitions {
        for turn in 0..2 {
            let side = (repetition + turn) % 2;
            let nanos = if side == 0 {
                ours(&pool, threads, frames, &sizes)
            } else {
                theirs(threads, frames, &sizes)
            };
            // The first repetition is the warm-up.
            if repetition > 0 {
                both[side].1.push(median(nanos.into_iter().flatten()));
            }
        }
    }
    both.map(|(name, nanos)| Times { name, nanos })
}

fn against_bumpalo(plan: &Plan) -> Result<Answer, String> {
    let times = both(plan, 2);
    Ok(Answer {
        rows: vec![against(&times, "bumpalo, one per thread", 1.05)],
        points: points(FRAME_ALLOC, 2, &times),
    })
}

/// How much more two threads do than one, by the fastest frame of each.
fn scaling(plan: &Plan) -> Vec<Row> {
    let sizes = sizes::mixed(PER_FRAME, MOST);
    let pool = BufferPool::new();
    let frames = frames(plan, 2);
    let fastest = |threads| {
        let nanos = ours(&pool, threads, frames, &sizes);
        (0..frames)
            .map(|frame| nanos.iter().map(|thread| thread[frame]).fold(0.0, f64::max))
            .fold(f64::INFINITY, f64::min)
    };
    let mut scales = Vec::new();
    let (mut least_one, mut least_two) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..plan.repetitions {
        let (one, two) = (fastest(1), fastest(2));
        scales.push(2.0 * one / two);
        least_one = least_one.min(one);
        least_two = least_two.min(two);
    }
    let best = 2.0 * least_one / least_two;
    let mut measured = Measured::of(&scales, best);
    // The claim is about minima.
    measured.value = best;
    vec![Row::new("itself", Limit::AtLeast(1.8), measured)]
}

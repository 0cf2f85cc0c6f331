//! The cost of a frame end, by number of slots and of buffers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use framepool::{BufferPool, FrameSnapshot};
use rivals::frames::{ends_of_frames, roomy_pool};
use rivals::shared_frame::Gate;
use rivals::slots::with_slots;

use super::{Question, against};
use crate::document::charts::{FRAME_END, points};
use crate::document::data::Point;
use crate::measure::{Contestant, Measured, Plan, Times, interleave};
use crate::table::{Limit, Row};

pub(super) fn questions() -> Vec<Question> {
    let active = [1_usize, 2, 8, 32, 128, 512].map(|slots| {
        let name = format!("frame end, {} active of {slots} slots", slots.min(2));
        Question::only_charted(name, move |plan| Ok(active(plan, slots)))
    });
    let mut questions = vec![
        Question::new("frame end, nothing allocated, 2 slots", empty),
        Question::new("frame end, per slot, 2 to 512 slots", per_slot),
        Question::new("frame end, 16,384 frame buffers against 16", by_buffers),
    ];
    questions.extend(active);
    questions
}

fn frame_end(pool: &BufferPool) -> Contestant<'_> {
    Contestant::new("framepool", || {
        pool.begin_frame().release_all();
    })
}

fn empty(plan: &Plan) -> Vec<Row> {
    let pool = BufferPool::new();
    with_slots(&pool, 1, || {
        let shared = ArcSwap::from_pointee(FrameSnapshot::default());
        let times = interleave(
            plan,
            vec![
                frame_end(&pool),
                Contestant::new("arc-swap alone", || {
                    shared.store(Arc::new(FrameSnapshot::default()));
                }),
            ],
        );
        vec![against(&times, "arc-swap alone", 6.0)]
    })
}

/// The slope of the frame end's time over the number of slots.
fn per_slot(plan: &Plan) -> Vec<Row> {
    let time = |slots: usize| -> Times {
        let pool = BufferPool::new();
        with_slots(&pool, slots - 1, || {
            interleave(plan, vec![frame_end(&pool)]).remove(0)
        })
    };
    let (few, some, many) = (time(2), time(64), time(512));
    let slope = |from: f64, to: f64, slots: usize| (to - from) / slots as f64;
    let each: Vec<f64> = few
        .nanos
        .iter()
        .zip(&many.nanos)
        .map(|(few, many)| slope(*few, *many, 510))
        .collect();
    let measured = Measured::of(&each, slope(few.least(), many.least(), 510));
    let note = format!(
        "2, 64, 512 slots: {:.0}, {:.0}, {:.0} ns",
        few.median(),
        some.median(),
        many.median()
    );
    vec![Row::new("itself", Limit::Nanos(30.0), measured).with_note(note)]
}

/// A frame end after this thread, and the other thread if there is one, allocated and released a buffer. Only the end is timed.
fn active(plan: &Plan, slots: usize) -> Vec<Point> {
    // Waiting for the other thread takes longer than the frame end, and far longer on a busy machine.
    let plan = &Plan {
        slice: plan.slice / 20,
        ..*plan
    };
    let pool = BufferPool::new();
    let stop = AtomicBool::new(false);
    let others = usize::from(slots > 1);
    let gate = Gate::new(1 + others);
    let pair = || drop(pool.alloc::<u8>(256));
    let times = with_slots(&pool, slots - 1 - others, || {
        std::thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(|| {
                    loop {
                        gate.wait();
                        // Relaxed: the gate orders it after the write.
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        pair();
                        gate.wait();
                    }
                });
            }
            let contestant = Contestant::timed("framepool", |count| {
                let mut took = Duration::ZERO;
                for _ in 0..count {
                    gate.wait();
                    pair();
                    gate.wait();
                    let began = Instant::now();
                    pool.begin_frame().release_all();
                    took += began.elapsed();
                }
                took
            });
            let times = interleave(plan, vec![contestant]);
            // Relaxed: the gate orders it before the read.
            stop.store(true, Ordering::Relaxed);
            gate.wait();
            times
        })
    });
    points(FRAME_END, slots, &times)
}

/// Whether the end takes longer for more frame buffers. Only the end is timed.
fn by_buffers(plan: &Plan) -> Vec<Row> {
    fn contestant<'p>(name: &'static str, pool: &'p BufferPool, buffers: usize) -> Contestant<'p> {
        Contestant::timed(name, move |count| ends_of_frames(pool, buffers, count))
    }
    let (few, many) = (roomy_pool(), roomy_pool());
    // Each timed frame end needs all these buffers.
    let plan = Plan {
        slice: plan.slice / 50,
        ..*plan
    };
    let times = interleave(
        &plan,
        vec![
            contestant("framepool", &many, 16_384),
            contestant("itself", &few, 16),
        ],
    );
    vec![against(&times, "itself", 1.5)]
}

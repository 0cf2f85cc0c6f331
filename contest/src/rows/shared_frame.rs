//! Frame buffers that several threads allocate from one frame at once: only the allocs, and how their rate grows with threads.

use std::time::Duration;

use framepool::BufferPool;
use rivals::shared_frame::{MOST, PER_FRAME, arenas, bumpalo, crowded, framepool};
use rivals::sizes;

use super::{Answer, LOOKED_UP, Question, beside_looked_up};
use crate::document::charts::{FRAME_ALLOC, points};
use crate::measure::{Measured, Plan, Times, median};
use crate::table::{Limit, Row};

pub(super) fn questions() -> Vec<Question> {
    let only_charted = |threads: usize| {
        let name = match threads {
            1 => "frame alloc, 1 thread, up to 16 KiB".to_owned(),
            _ => format!("frame alloc, {threads} threads, up to 16 KiB"),
        };
        Question::only_charted(name, move |plan| {
            Ok(points(FRAME_ALLOC, threads, &all(plan, threads)))
        })
    };
    vec![
        only_charted(1),
        Question::charted("frame alloc, 2 threads, up to 16 KiB", |plan| {
            Ok(against_bumpalo(plan))
        }),
        only_charted(4),
        only_charted(8),
        Question::new("frame alloc, 2 threads against 1", scaling),
    ]
}

fn frames(plan: &Plan, threads: usize) -> usize {
    // A frame's allocs take a few microseconds. If there are more threads than cores, waiting for the threads takes far longer.
    let each = if crowded(threads) { 100 } else { 8 };
    (plan.slice.as_micros() as usize / each).max(16)
}

fn per_alloc(took: Duration) -> f64 {
    took.as_secs_f64() * 1e9 / PER_FRAME as f64
}

/// The times of all contestants with this many threads, in turns.
fn all(plan: &Plan, threads: usize) -> [Times; 3] {
    let sizes = sizes::mixed(PER_FRAME, MOST);
    let pool = BufferPool::new();
    let frames = frames(plan, threads);
    let mut all = ["framepool", LOOKED_UP, "bumpalo, one per thread"].map(|name| Times {
        name,
        nanos: Vec::new(),
    });
    for repetition in 0..=plan.repetitions {
        for turn in 0..all.len() {
            let side = (repetition + turn) % all.len();
            let took = match side {
                0 => arenas(&pool, threads, frames, &sizes),
                1 => framepool(&pool, threads, frames, &sizes),
                _ => bumpalo(threads, frames, &sizes),
            };
            // The first repetition is the warm-up.
            if repetition > 0 {
                let allocs = took.into_iter().flatten().map(per_alloc);
                all[side].nanos.push(median(allocs));
            }
        }
    }
    all
}

fn against_bumpalo(plan: &Plan) -> Answer {
    let times = all(plan, 2);
    Answer {
        rows: vec![beside_looked_up(&times, "bumpalo, one per thread", 1.05)],
        points: points(FRAME_ALLOC, 2, &times),
    }
}

/// How many times as much two threads do as one, by the fastest frame of each.
fn scaling(plan: &Plan) -> Vec<Row> {
    let sizes = sizes::mixed(PER_FRAME, MOST);
    let pool = BufferPool::new();
    let frames = frames(plan, 2);
    let fastest = |threads| {
        let took = arenas(&pool, threads, frames, &sizes);
        (0..frames)
            .filter_map(|frame| took.iter().map(|thread| thread[frame]).max())
            .min()
            .map_or(f64::INFINITY, per_alloc)
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
    // The claim is about the shortest times.
    measured.value = best;
    vec![Row::new("itself", Limit::AtLeast(1.8), measured)]
}

//! Frame buffers on one thread, including the frame end and the publishing.

use std::alloc::System;
use std::hint::black_box;
use std::time::Duration;

use bumpalo::Bump;
use framepool::BufferPool;
use mimalloc::MiMalloc;
use rivals::frames::{arena_frame, bump_frame, bump_layout, frame};
use rivals::{Heap, Lender, hold, sizes};

use super::{LOOKED_UP, Question, beside_looked_up, size};
use crate::child;
use crate::measure::{Contestant, Measured, Plan, Times, interleave};
use crate::table::{Limit, Row};

const PER_FRAME: usize = 1024;
const MIXED: usize = 64;
const MAX_MIXED: usize = 256 << 10;

pub(super) fn questions() -> Vec<Question> {
    let mut questions: Vec<Question> = [(256, 1.0), (1 << 10, 1.0), (4 << 10, 0.5)]
        .into_iter()
        .map(|(bytes, limit)| {
            let name = format!("frame of {PER_FRAME} buffers, {}", size(bytes));
            Question::new(name, move |plan| same_size(plan, bytes, limit))
        })
        .collect();
    questions.push(Question::new("frame of 64 mixed buffers", mixed));
    questions.push(Question::new("frame of 64 mixed, glibc alone", glibc_alone));
    questions
}

fn same_size(plan: &Plan, bytes: usize, limit: f64) -> Vec<Row> {
    let bytes = black_box(bytes);
    let pool = BufferPool::new();
    let mut bump = Bump::new();
    let layout = bump_layout(bytes);
    let times = interleave(
        plan,
        vec![
            Contestant::new("framepool", || {
                arena_frame(&pool, std::iter::repeat_n(bytes, PER_FRAME));
            }),
            Contestant::new(LOOKED_UP, || {
                frame(&pool, std::iter::repeat_n(bytes, PER_FRAME));
            }),
            Contestant::new("bumpalo", || bump_frame(&mut bump, layout, PER_FRAME)),
        ],
    );
    vec![beside_looked_up(
        &per_buffer(times, PER_FRAME),
        "bumpalo",
        limit,
    )]
}

/// Divides the times of frames, or of batches, by the number of their buffers.
pub(super) fn per_buffer(mut times: Vec<Times>, buffers: usize) -> Vec<Times> {
    for nanos in times.iter_mut().flat_map(|times| &mut times.nanos) {
        *nanos /= buffers as f64;
    }
    times
}

fn mixed(plan: &Plan) -> Vec<Row> {
    let sizes = sizes::mixed(MIXED, MAX_MIXED);
    let pool = BufferPool::new();
    let times = interleave(
        plan,
        vec![
            Contestant::new("framepool", || {
                arena_frame(&pool, sizes.iter().copied());
            }),
            Contestant::new(LOOKED_UP, || frame(&pool, sizes.iter().copied())),
            held_frames("mimalloc", &Heap(MiMalloc), &sizes),
            held_frames("glibc", &Heap(System), &sizes),
        ],
    );
    let times = per_buffer(times, MIXED);
    vec![beside_looked_up(&times, "mimalloc", 0.25)]
}

fn held_frames<'l>(
    name: &'static str,
    lender: &'l impl Lender,
    sizes: &'l [usize],
) -> Contestant<'l> {
    let mut kept = Vec::with_capacity(sizes.len());
    Contestant::new(name, move || {
        hold(lender, sizes.iter().copied(), &mut kept);
    })
}

fn glibc_alone(plan: &Plan) -> Vec<Row> {
    let sizes = sizes::mixed(MIXED, MAX_MIXED);
    let pool = BufferPool::new();
    let limit = Limit::AtMost(0.01);
    let rival = "glibc, a process of its own";
    let mut ours = Times {
        name: "framepool",
        nanos: Vec::new(),
    };
    let mut theirs = Times {
        name: "glibc",
        nanos: Vec::new(),
    };
    for _ in 0..plan.repetitions {
        let alone = match child::measure_in_child(&["glibc-mixed"]) {
            Ok(nanos) => nanos,
            Err(why) => return vec![Row::unmeasured(rival, limit, why)],
        };
        theirs.nanos.push(alone);
        let once = interleave(
            &Plan {
                repetitions: 1,
                slice: plan.slice,
            },
            vec![Contestant::new("framepool", || {
                arena_frame(&pool, sizes.iter().copied());
            })],
        );
        ours.nanos.push(once[0].nanos[0] / MIXED as f64);
    }
    let note = format!("{:.2} against {:.0} ns", ours.median(), theirs.median());
    vec![Row::new(rival, limit, Measured::ratio(&ours, &theirs)).with_note(note)]
}

/// Nanoseconds per buffer that glibc takes for such frames. Runs in its own process.
pub(crate) fn glibc_mixed() -> f64 {
    const FRAMES: usize = 200;
    let sizes = sizes::mixed(MIXED, MAX_MIXED);
    let heap = Heap(System);
    let mut kept = Vec::with_capacity(MIXED);
    let mut took = Duration::ZERO;
    for round in 0..FRAMES {
        let began = std::time::Instant::now();
        hold(&heap, sizes.iter().copied(), &mut kept);
        // The first frames are the warm-up.
        if round >= FRAMES / 10 {
            took += began.elapsed();
        }
    }
    took.as_secs_f64() * 1e9 / ((FRAMES - FRAMES / 10) * MIXED) as f64
}

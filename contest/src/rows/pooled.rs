//! Pooled buffers on one thread: alloc and release by size, and 64 buffers held at once.

use std::alloc::System;
use std::hint::black_box;

use framepool::BufferPool;
use mimalloc::MiMalloc;
use rivals::{FreeList, Heap, Lender, hold, pair};
use snmalloc_rs::SnMalloc;
use tikv_jemallocator::Jemalloc;

use super::{Answer, Question, against, against_best, size};
use crate::document::charts::{POOLED_PAIR, points};
use crate::measure::{Contestant, Plan, Times, interleave};
use crate::table::Row;

const HEAPS: [&str; 3] = ["mimalloc", "jemalloc", "snmalloc"];
const ALL_HEAPS: [&str; 4] = ["mimalloc", "jemalloc", "snmalloc", "glibc"];

/// The rivals of a row, and the limit.
type Asked = (&'static [&'static str], f64);

pub(super) fn questions() -> Vec<Question> {
    // The size; for a row of the table also the rivals and the limit.
    let pairs: [(usize, Option<Asked>); 9] = [
        (64, None),
        (256, Some((&HEAPS, 0.65))),
        (1 << 10, None),
        (4 << 10, Some((&HEAPS, 0.55))),
        (16 << 10, None),
        (64 << 10, Some((&HEAPS, 0.55))),
        (256 << 10, None),
        (1 << 20, Some((&ALL_HEAPS, 0.20))),
        (4 << 20, None),
    ];
    let mut questions: Vec<Question> = pairs
        .into_iter()
        .map(|(bytes, asked)| {
            let name = format!("pooled pair, {}", size(bytes));
            match asked {
                Some((rivals, limit)) => Question::charted(name, move |plan| {
                    let times = pair_times(plan, bytes);
                    Ok(Answer {
                        rows: vec![
                            against_best(&times, rivals, limit),
                            against(&times, "hand-written list", 2.2),
                        ],
                        points: points(POOLED_PAIR, bytes, &times),
                    })
                }),
                None => Question::only_charted(name, move |plan| {
                    Ok(points(POOLED_PAIR, bytes, &pair_times(plan, bytes)))
                }),
            }
        })
        .collect();
    questions.push(Question::new("64 pooled buffers held, 1 KiB", held));
    questions
}

fn pair_times(plan: &Plan, bytes: usize) -> Vec<Times> {
    let pool = BufferPool::new();
    interleave(
        plan,
        vec![
            pairs("framepool", &pool, bytes),
            pairs("mimalloc", &Heap(MiMalloc), bytes),
            pairs("jemalloc", &Heap(Jemalloc), bytes),
            pairs("snmalloc", &Heap(SnMalloc), bytes),
            pairs("glibc", &Heap(System), bytes),
            pairs("hand-written list", &FreeList, bytes),
        ],
    )
}

/// Allocs and releases of a size that the compiler does not know.
pub(super) fn pairs<'l>(
    name: &'static str,
    lender: &'l impl Lender,
    bytes: usize,
) -> Contestant<'l> {
    let bytes = black_box(bytes);
    Contestant::new(name, move || pair(lender, bytes))
}

fn held(plan: &Plan) -> Vec<Row> {
    const COUNT: usize = 64;
    fn contestant<'l>(name: &'static str, lender: &'l impl Lender) -> Contestant<'l> {
        let mut kept = Vec::with_capacity(COUNT);
        let bytes = black_box(1024);
        Contestant::new(name, move || {
            hold(lender, std::iter::repeat_n(bytes, COUNT), &mut kept);
        })
    }
    let pool = BufferPool::new();
    let times = interleave(
        plan,
        vec![
            contestant("framepool", &pool),
            contestant("mimalloc", &Heap(MiMalloc)),
            contestant("hand-written list", &FreeList),
        ],
    );
    vec![
        against(&times, "mimalloc", 0.90),
        against(&times, "hand-written list", 2.2),
    ]
}

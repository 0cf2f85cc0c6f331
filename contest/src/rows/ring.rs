//! A producer and a consumer thread. The times include their start and the ring between them.

use std::alloc::System;

use framepool::BufferPool;
use mimalloc::MiMalloc;
use rivals::ring::{CAPACITY, pass};
use rivals::{Heap, Lender, Queue};
use snmalloc_rs::SnMalloc;
use tikv_jemallocator::Jemalloc;

use super::framed::per_buffer;
use super::{Answer, Question, against, size};
use crate::document::charts::{PRODUCER_CONSUMER, points};
use crate::measure::{Contestant, Plan, Times, interleave};

/// The fewest buffers of a turn. A turn begins with the start of a thread, which a busy machine delays.
const BATCH: usize = 4096;

pub(super) fn questions() -> Vec<Question> {
    // The size; for a row of the table also the limit.
    [
        (256, Some(0.95)),
        (1 << 10, None),
        (4 << 10, Some(0.60)),
        (16 << 10, None),
        (64 << 10, Some(0.40)),
    ]
    .into_iter()
    .map(|(bytes, asked)| {
        let name = format!("producer/consumer, {}", size(bytes));
        match asked {
            Some(limit) => Question::charted(name, move |plan| {
                let times = times(plan, bytes);
                Ok(Answer {
                    rows: vec![
                        against(&times, "mimalloc", limit),
                        against(&times, "ArrayQueue as pool", 0.85),
                    ],
                    points: points(PRODUCER_CONSUMER, bytes, &times),
                })
            }),
            None => Question::only_charted(name, move |plan| {
                Ok(points(PRODUCER_CONSUMER, bytes, &times(plan, bytes)))
            }),
        }
    })
    .collect()
}

fn times(plan: &Plan, bytes: usize) -> Vec<Times> {
    fn contestant<'l, L>(name: &'static str, lender: &'l L, bytes: usize) -> Contestant<'l>
    where
        L: Lender + Sync,
        for<'b> L::Lent<'b>: Send,
    {
        Contestant::timed(name, move |count| {
            pass(lender, bytes, BATCH * count as usize)
        })
    }
    let pool = BufferPool::new();
    let queue = Queue::new(2 * CAPACITY);
    let times = interleave(
        plan,
        vec![
            contestant("framepool", &pool, bytes),
            contestant("mimalloc", &Heap(MiMalloc), bytes),
            contestant("jemalloc", &Heap(Jemalloc), bytes),
            contestant("snmalloc", &Heap(SnMalloc), bytes),
            contestant("glibc", &Heap(System), bytes),
            contestant("ArrayQueue as pool", &queue, bytes),
        ],
    );
    per_buffer(times, BATCH)
}

//! A producer and a consumer, everything included.

use std::time::Duration;

use framepool::BufferPool;
use mimalloc::MiMalloc;

use super::{Question, against, size};
use crate::measure::{Contestant, Plan, interleave};
use crate::rivals::ring::{CAPACITY, pass};
use crate::rivals::{Heap, Lender, Queue};
use crate::table::Row;

pub(super) fn questions() -> Vec<Question> {
    [(256, 0.95), (4 << 10, 0.60), (64 << 10, 0.40)]
        .into_iter()
        .map(|(bytes, limit)| {
            let name = format!("producer/consumer, {}", size(bytes));
            Question::new(name, move |plan| rows(plan, bytes, limit))
        })
        .collect()
}

fn rows(plan: &Plan, bytes: usize, limit: f64) -> Vec<Row> {
    fn contestant<'l, L>(name: &'static str, lender: &'l L, bytes: usize) -> Contestant<'l>
    where
        L: Lender + Sync,
        for<'b> L::Lent<'b>: Send,
    {
        Contestant::timed(name, move |count| pass(lender, bytes, count as usize))
    }
    let pool = BufferPool::new();
    let queue = Queue::new(2 * CAPACITY);
    // Two threads are started for each turn: turns are long, so that this does not count.
    let plan = Plan {
        slice: plan.slice.max(Duration::from_millis(10)),
        ..*plan
    };
    let times = interleave(
        &plan,
        vec![
            contestant("framepool", &pool, bytes),
            contestant("mimalloc", &Heap(MiMalloc), bytes),
            contestant("ArrayQueue as pool", &queue, bytes),
        ],
    );
    vec![
        against(&times, "mimalloc", limit),
        against(&times, "ArrayQueue as pool", 0.85),
    ]
}

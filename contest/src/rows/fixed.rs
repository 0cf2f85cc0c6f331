//! The fixed costs: making a pool, a thread's first use of it, and its resident memory.

use std::time::{Duration, Instant};

use framepool::BufferPool;

use super::{Question, memory};
use crate::child;
use crate::measure::{Contestant, Measured, Plan, Times, interleave};
use crate::table::{Limit, Row};

const POOLS: usize = 10_000;
const ALLOWED_BYTES: f64 = 16.0 * 1024.0;

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new("a pool made", |plan| vec![row(plan, 10_000.0, made)]),
        Question::new("a thread's first use of a pool", |plan| {
            vec![row(plan, 5_000.0, first_use)]
        }),
        Question::new("resident memory of a pool", |plan| vec![resident(plan)]),
    ]
}

fn row(plan: &Plan, limit: f64, timed: fn(u64) -> Duration) -> Row {
    let times: Times = interleave(plan, vec![Contestant::timed("framepool", timed)]).remove(0);
    let measured = Measured::of(&times.nanos, times.least());
    Row::new("itself", Limit::Nanos(limit), measured)
}

/// Only the making of a pool is timed, not its end.
fn made(count: u64) -> Duration {
    let began = Instant::now();
    let pools: Vec<BufferPool> = (0..count).map(|_| BufferPool::new()).collect();
    let took = began.elapsed();
    drop(pools);
    took
}

/// The first pooled buffer of a thread in a pool: its slot, a record, and the memory.
fn first_use(count: u64) -> Duration {
    let pools: Vec<BufferPool> = (0..count).map(|_| BufferPool::new()).collect();
    let began = Instant::now();
    for pool in &pools {
        pool.alloc::<u8>(256)[0] = 1;
    }
    began.elapsed()
}

fn resident(plan: &Plan) -> Row {
    let limit = Limit::AtMost(1.0);
    let mut values = Vec::new();
    for _ in 0..plan.repetitions.min(9) {
        match child::measure_in_child(&["pool-bytes"]) {
            Ok(bytes) => values.push(bytes / ALLOWED_BYTES),
            Err(why) => return Row::unmeasured("16 KiB", limit, why),
        }
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let note = format!("{:.1} KiB", least * ALLOWED_BYTES / 1024.0);
    Row::new("16 KiB", limit, Measured::of(&values, least)).with_note(note)
}

/// The growth of resident memory for each of ten thousand pools. Runs in its own process.
pub(crate) fn pool_bytes() -> Result<f64, String> {
    let before = memory::resident_bytes()?;
    let pools: Vec<BufferPool> = (0..POOLS).map(|_| BufferPool::new()).collect();
    let after = memory::resident_bytes()?;
    drop(pools);
    Ok(after.saturating_sub(before) as f64 / POOLS as f64)
}

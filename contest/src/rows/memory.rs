//! Memory after a peak.

use std::hint::black_box;

use framepool::BufferPool;

use super::Question;
use crate::child;
use crate::measure::{Measured, Plan};
use crate::table::{Limit, Row};

const MIB: usize = 1 << 20;
const ALLOWANCE: f64 = 4.0 * MIB as f64;

pub(super) fn questions() -> Vec<Question> {
    vec![Question::new("resident after a peak, less 4 MiB", rows)]
}

fn rows(plan: &Plan) -> Vec<Row> {
    let limit = Limit::AtMost(1.5);
    let mut values = Vec::new();
    // The number hardly varies, so fewer processes suffice than for times.
    for _ in 0..plan.repetitions.min(9) {
        match child::measure_in_child(&["resident"]) {
            Ok(value) => values.push(value),
            Err(why) => return vec![Row::unmeasured("live bytes", limit, why)],
        }
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    vec![Row::new("live bytes", limit, Measured::of(&values, least))]
}

/// The ratio of resident bytes, less the allowance, to live bytes: after a peak of 192 MiB and 300 quiet frames with 16 MiB
/// live. Runs in its own process.
pub(crate) fn resident() -> Result<f64, String> {
    const LIVE: usize = 16 * MIB;
    let before = resident_bytes()?;
    let pool = BufferPool::new();
    let live: Vec<_> = (0..LIVE / 4096)
        .map(|_| {
            let mut buffer = pool.alloc::<u8>(4096);
            buffer.fill(1);
            buffer
        })
        .collect();
    for _ in 0..20 {
        let frame = pool.begin_frame();
        let pooled: Vec<_> = (0..96 * MIB / 65_536)
            .map(|_| {
                let mut buffer = pool.alloc::<u8>(65_536);
                buffer.fill(1);
                frame.alloc::<u8>(65_536).fill(1);
                buffer
            })
            .collect();
        drop(black_box(pooled));
        frame.release_all();
    }
    for _ in 0..300 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(1024).fill(1);
        drop(pool.alloc::<u8>(1024));
        frame.release_all();
    }
    let after = resident_bytes()?;
    drop(black_box(live));
    Ok((after.saturating_sub(before) as f64 - ALLOWANCE) / LIVE as f64)
}

/// The process's resident memory.
pub(super) fn resident_bytes() -> Result<usize, String> {
    let status = std::fs::read_to_string("/proc/self/status")
        .map_err(|error| format!("resident memory cannot be read here: {error}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<usize>().ok())
        .map(|kib| kib << 10)
        .ok_or_else(|| "no VmRSS in /proc/self/status".to_owned())
}

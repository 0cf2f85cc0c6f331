//! The demo's results, as a table and an alert log, or as data.

use std::fmt;

use framepool::text::{Align, Table, bytes, columns, line};
use framepool::{BufferPool, Outstanding};
use serde::Serialize;

use super::frame_times::FrameTimes;
use super::jobs::Work;
use super::leak::Leak;
use crate::report::{alert_table, count, counted, share};
use crate::watch::{AlertEntry, LiveWatch};

/// The demo's report. The field names are the keys of `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    seconds: f64,
    threads: usize,
    frames: u64,
    average_frame_ms: f64,
    p99_frame_ms: f64,
    worst_frame_ms: f64,
    particles_stepped: u64,
    mean_height: f64,
    allocs: u64,
    frame_allocs: u64,
    pooled_allocs: u64,
    releases: u64,
    hits_thread: u64,
    hits_depot: u64,
    misses: u64,
    peak_in_use_bytes: u64,
    peak_pooled_bytes: u64,
    pooled_bytes: u64,
    leaked: u64,
    leak_is_fixed: bool,
    leaks_found: Outstanding,
    alerts: Vec<AlertEntry>,
    other_pools: Vec<OtherPool>,
}

/// A further pool of `--pools`.
#[derive(Debug, Serialize)]
struct OtherPool {
    name: String,
    frames: u64,
    allocs: u64,
    misses: u64,
    in_use_bytes: u64,
    peak_pooled_bytes: u64,
}

impl OtherPool {
    fn of(pool: &BufferPool) -> Self {
        let snapshot = pool.snapshot();
        Self {
            name: pool.name().to_owned(),
            frames: snapshot.totals.frames,
            allocs: snapshot.totals.allocs,
            misses: snapshot.totals.counts.misses(),
            in_use_bytes: snapshot.in_use_bytes,
            peak_pooled_bytes: snapshot.peak_bytes,
        }
    }
}

impl Summary {
    #[expect(
        clippy::too_many_arguments,
        reason = "each comes from another part of the run"
    )]
    pub(crate) fn new(
        seconds: f64,
        threads: usize,
        pool: &BufferPool,
        watch: &LiveWatch,
        times: &FrameTimes,
        work: Work,
        leak: &Leak,
        leaks_found: Outstanding,
        peak_in_use_bytes: u64,
        others: &[BufferPool],
    ) -> Self {
        let snapshot = pool.snapshot();
        let (totals, counts) = (&snapshot.totals, &snapshot.totals.counts);
        Self {
            seconds,
            threads,
            frames: totals.frames,
            average_frame_ms: times.average_ms(),
            p99_frame_ms: times.p99_ms(),
            worst_frame_ms: times.worst_ms(),
            particles_stepped: work.particles_stepped,
            mean_height: work.mean_height,
            allocs: totals.allocs,
            frame_allocs: counts.frame_allocs,
            pooled_allocs: counts.pooled_allocs(),
            releases: totals.releases,
            hits_thread: counts.hits_thread(),
            hits_depot: counts.depot_hits,
            misses: counts.misses(),
            peak_in_use_bytes,
            peak_pooled_bytes: snapshot.peak_bytes,
            pooled_bytes: snapshot.pooled_bytes,
            leaked: leak.total(),
            leak_is_fixed: leak.is_fixed(),
            leaks_found,
            alerts: watch.log().entries().to_vec(),
            other_pools: others.iter().map(OtherPool::of).collect(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            ("the demo's pool", Align::Left),
            ("", Align::Right),
            ("of allocs", Align::Right),
        ]);
        let mut row = |name: &str, value: String, note: String| {
            table.row([name.to_owned(), value, note]);
        };
        row("worker threads", self.threads.to_string(), String::new());
        row("frames", count(self.frames), String::new());
        row(
            "frame time, average",
            format!("{:.2} ms", self.average_frame_ms),
            String::new(),
        );
        row(
            "frame time, 99 % below",
            format!("{:.2} ms", self.p99_frame_ms),
            String::new(),
        );
        row(
            "frame time, worst of the run",
            format!("{:.2} ms", self.worst_frame_ms),
            String::new(),
        );
        row(
            "particles stepped",
            count(self.particles_stepped),
            String::new(),
        );
        for (name, number) in [
            ("allocs", self.allocs),
            ("  frame buffers", self.frame_allocs),
            ("  pooled buffers", self.pooled_allocs),
            ("releases", self.releases),
            ("hits, thread's own memory", self.hits_thread),
            ("hits, shared depot", self.hits_depot),
            ("misses", self.misses),
        ] {
            row(name, count(number), share(number, self.allocs));
        }
        row(
            "most in use, within a frame",
            bytes(self.peak_in_use_bytes).to_string(),
            String::new(),
        );
        row(
            "most held from the system",
            bytes(self.peak_pooled_bytes).to_string(),
            String::new(),
        );
        row(
            "held from the system at the end",
            bytes(self.pooled_bytes).to_string(),
            String::new(),
        );
        let columns = columns(f);
        writeln!(f, "{table:columns$}\n")?;
        if !self.other_pools.is_empty() {
            let mut table = Table::new(&[
                ("further pools", Align::Site),
                ("frames", Align::Right),
                ("allocs", Align::Right),
                ("misses", Align::Right),
                ("in use at the end", Align::Right),
                ("held at most", Align::Right),
            ]);
            for pool in &self.other_pools {
                table.row([
                    pool.name.clone(),
                    count(pool.frames),
                    count(pool.allocs),
                    count(pool.misses),
                    bytes(pool.in_use_bytes).to_string(),
                    bytes(pool.peak_pooled_bytes).to_string(),
                ]);
            }
            writeln!(f, "{table:columns$}\n")?;
        }
        if self.leaked > 0 {
            let leaked = counted(self.leaked, "leaked buffer");
            let when = if self.leak_is_fixed {
                "before the fix released"
            } else {
                "at the end, with"
            };
            let said = format!("The leak, as the pool shows it {when} {leaked}:");
            writeln!(f, "{}", line(&said, columns))?;
            writeln!(f, "{:columns$}\n", self.leaks_found)?;
        }
        writeln!(f, "{}", alert_table(&self.alerts, columns))
    }
}

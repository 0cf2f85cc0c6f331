//! The numbers of a sample: one table that says how each is read, and how two samples become one.

use framepool::{Counts, HealthSnapshot, HealthStatus};

/// How the values of two samples become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// That of the sample in which the pool held the most memory, so that the levels drawn at one point belong together.
    AtMostHeld,
    /// The later one: it counts since the pool was made.
    Later,
    /// The larger one.
    Largest,
    /// The sum.
    Sum,
}

/// One number of a sample.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name in the history's `columns`.
    pub(crate) name: &'static str,
    pub(crate) merge: Merge,
    read: fn(&HealthSnapshot, &Counts) -> f64,
}

macro_rules! columns {
    ($($name:ident: $merge:ident = |$health:pat_param, $counts:pat_param| $read:expr;)*) => {
        /// Every number of a sample.
        pub(crate) const COLUMNS: &[Column] = &[
            $(Column { name: stringify!($name), merge: Merge::$merge, read: |$health, $counts| $read as f64 },)*
        ];
    };
}

columns! {
    pooled_bytes: AtMostHeld = |health, _| health.metrics.pooled_bytes;
    in_use_bytes: AtMostHeld = |health, _| health.metrics.in_use_bytes;
    idle_bytes: AtMostHeld = |health, _| health.metrics.idle_bytes;
    outstanding_bytes: AtMostHeld = |health, _| health.metrics.outstanding_bytes;
    outstanding_buffers: AtMostHeld = |health, _| health.metrics.outstanding_buffers;
    leak_suspects: Largest = |health, _| health.metrics.leak_suspects;
    status: Largest = |health, _| level(health.status);
    frame: Later = |health, _| health.metrics.frame.get();
    frames: Sum = |health, _| health.interval.frames();
    frame_ms_sum: Sum = |health, _| health.interval.frame_time_ns.sum as f64 / 1e6;
    frame_ms_worst: Largest = |health, _| health.interval.frame_time_ns.max as f64 / 1e6;
    total_allocs: Later = |health, _| health.metrics.total_allocs;
    total_releases: Later = |health, _| health.metrics.total_releases;
    total_alloc_bytes: Later = |health, _| health.metrics.total_alloc_bytes;
    total_misses: Later = |health, _| health.metrics.total_misses;
    total_refusals: Later = |health, _| health.metrics.total_refusals;
    total_cold_misses: Later = |_, counts| counts.cold_misses;
    total_oversize_misses: Later = |_, counts| counts.oversize_misses;
    total_budget_misses: Later = |_, counts| counts.budget_misses;
    total_frame_misses: Later = |_, counts| counts.frame_misses;
}

/// A status as a number: 0 healthy, 1 warning, 2 critical.
fn level(status: HealthStatus) -> u8 {
    match status {
        HealthStatus::Healthy => 0,
        HealthStatus::Warning => 1,
        HealthStatus::Critical => 2,
    }
}

/// The values of one sample, in the order of [`COLUMNS`].
pub(crate) type Values = [f64; COLUMNS.len()];

/// Reads every column.
pub(crate) fn read(health: &HealthSnapshot, counts: &Counts) -> Values {
    std::array::from_fn(|at| (COLUMNS[at].read)(health, counts))
}

/// The values of two samples as one.
pub(crate) fn merge(before: &Values, after: &Values) -> Values {
    let after_held_more = after[0] >= before[0];
    std::array::from_fn(|at| {
        let (before, after) = (before[at], after[at]);
        match COLUMNS[at].merge {
            Merge::AtMostHeld if after_held_more => after,
            Merge::AtMostHeld => before,
            Merge::Later => after,
            Merge::Largest => before.max(after),
            Merge::Sum => before + after,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str) -> usize {
        let found = COLUMNS.iter().position(|column| column.name == name);
        found.unwrap_or_else(|| panic!("no column {name}"))
    }

    #[test]
    fn merged_levels_belong_to_one_sample() {
        let sample = |held, in_use, frames, worst, allocs| {
            let mut values = [0.0; COLUMNS.len()];
            let named = [
                ("pooled_bytes", held),
                ("in_use_bytes", in_use),
                ("idle_bytes", held - in_use),
                ("frames", frames),
                ("frame_ms_worst", worst),
                ("total_allocs", allocs),
            ];
            for (name, value) in named {
                values[at(name)] = value;
            }
            values
        };
        let merged = merge(
            &sample(10.0, 2.0, 3.0, 9.0, 100.0),
            &sample(7.0, 6.0, 4.0, 1.0, 150.0),
        );
        let expected = sample(10.0, 2.0, 7.0, 9.0, 150.0);
        let differences = merged.iter().zip(expected).map(|(a, b)| (a - b).abs());
        assert!(differences.sum::<f64>() < f64::EPSILON, "{merged:?}");
    }

    #[test]
    fn the_first_column_decides_which_sample_held_most() {
        assert_eq!(COLUMNS[0].name, "pooled_bytes");
    }
}

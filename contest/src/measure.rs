//! Interleaved measurement: the contestants run in turns, many times, and their times give ratios.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) repetitions: usize,
    /// The approximate time of one contestant's turn.
    pub(crate) slice: Duration,
}

impl Plan {
    pub(crate) const FULL: Self = Self {
        repetitions: 25,
        slice: Duration::from_millis(12),
    };
    pub(crate) const QUICK: Self = Self {
        repetitions: 9,
        slice: Duration::from_millis(3),
    };
}

/// One side of a comparison: runs a number of operations and returns how long they took.
pub(crate) struct Contestant<'c> {
    pub(crate) name: &'static str,
    run: Box<dyn FnMut(u64) -> Duration + 'c>,
}

impl<'c> Contestant<'c> {
    /// A contestant that measures its own time, so that it can leave preparations out.
    pub(crate) fn timed(name: &'static str, run: impl FnMut(u64) -> Duration + 'c) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }

    /// A contestant that does one operation in each call.
    pub(crate) fn new(name: &'static str, mut operation: impl FnMut() + 'c) -> Self {
        Self::timed(name, move |count| {
            let began = Instant::now();
            for _ in 0..count {
                operation();
            }
            began.elapsed()
        })
    }

    /// Runs this many operations and returns how long they took.
    pub(crate) fn run(&mut self, count: u64) -> Duration {
        (self.run)(count)
    }

    /// How many operations take about a slice. This is also the warm-up.
    fn calibrate(&mut self, slice: Duration) -> u64 {
        let mut count = 1;
        loop {
            // The shorter of two runs, because an interruption would look like a slow operation.
            let took = self.run(count).min(self.run(count));
            if took >= slice / 4 || count >= 1 << 32 {
                let fitting = count as f64 * slice.as_secs_f64() / took.as_secs_f64().max(1e-9);
                return (fitting as u64).max(1);
            }
            count *= 2;
        }
    }
}

/// The times of a contestant's turns, in nanoseconds per operation, in the order of the repetitions.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    pub(crate) name: &'static str,
    pub(crate) nanos: Vec<f64>,
}

impl Times {
    pub(crate) fn median(&self) -> f64 {
        median(self.nanos.iter().copied())
    }

    /// The 75th percentile.
    pub(crate) fn upper(&self) -> f64 {
        let mut nanos = self.nanos.clone();
        nanos.sort_by(f64::total_cmp);
        nanos.get(nanos.len() * 3 / 4).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn least(&self) -> f64 {
        self.nanos.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Runs all contestants in turns. Each repetition begins with another contestant.
pub(crate) fn interleave(plan: &Plan, contestants: Vec<Contestant<'_>>) -> Vec<Times> {
    let mut contestants = contestants;
    let counts: Vec<u64> = contestants
        .iter_mut()
        .map(|contestant| contestant.calibrate(plan.slice))
        .collect();
    let mut times: Vec<Times> = contestants
        .iter()
        .map(|contestant| Times {
            name: contestant.name,
            nanos: Vec::with_capacity(plan.repetitions),
        })
        .collect();
    for repetition in 0..plan.repetitions {
        for turn in 0..contestants.len() {
            let at = (repetition + turn) % contestants.len();
            let took = contestants[at].run(counts[at]);
            times[at]
                .nanos
                .push(took.as_secs_f64() * 1e9 / counts[at] as f64);
        }
    }
    times
}

/// A measured number: a ratio of two contestants, or nanoseconds of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// From the medians.
    pub(crate) value: f64,
    /// From the shortest turns, which other load on the machine disturbs least.
    pub(crate) by_minima: f64,
    /// The least and the greatest of single repetitions.
    pub(crate) spread: (f64, f64),
}

impl Measured {
    /// The time of `ours` divided by that of `rival`.
    pub(crate) fn ratio(ours: &Times, rival: &Times) -> Self {
        let each = || ours.nanos.iter().zip(&rival.nanos).map(|(a, b)| a / b);
        Self {
            value: ours.median() / rival.median(),
            by_minima: ours.least() / rival.least(),
            spread: bounds(each()),
        }
    }

    /// Rounded to four digits after the point; more digits have no meaning.
    pub(crate) fn rounded(self) -> Self {
        Self {
            value: rounded(self.value),
            by_minima: rounded(self.by_minima),
            spread: (rounded(self.spread.0), rounded(self.spread.1)),
        }
    }

    /// Single values instead of ratios, and the best of them.
    pub(crate) fn of(values: &[f64], best: f64) -> Self {
        Self {
            value: median(values.iter().copied()),
            by_minima: best,
            spread: bounds(values.iter().copied()),
        }
    }
}

pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(least, most), value| {
        (value.min(least), value.max(most))
    })
}

/// The middle value, or the mean of the middle two.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

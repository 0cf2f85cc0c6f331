//! History at several spans, each bounded: recent samples as they are, older ones merged.
//!
//! A tier divides time into buckets of one width and keeps one sample per bucket. Samples of one bucket are merged as
//! `columns.rs` says. So a tier costs the same however often samples come, and however long the program runs.

use std::collections::VecDeque;

use crate::columns::{Values, merge};

/// What one call site held in a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The place of the call site's name in the recorder's list.
    pub(crate) site: u32,
    pub(crate) bytes: u64,
    pub(crate) buffers: u64,
}

/// The pool at one moment, or at several that were merged.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// When the levels were read, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    pub(crate) values: Values,
    /// The call sites that held the most then, and what all others held.
    pub(crate) held: Box<[Held]>,
}

/// The spans that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Recent,
    Hour,
    Day,
}

impl Span {
    pub(crate) const ALL: [Self; 3] = [Self::Recent, Self::Hour, Self::Day];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Recent => "recent",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The width of a bucket.
    pub(crate) fn bucket_ms(self) -> u64 {
        match self {
            Self::Recent => 100,
            Self::Hour => 5_000,
            Self::Day => 120_000,
        }
    }

    /// How far back it goes.
    pub(crate) fn length_ms(self) -> u64 {
        match self {
            Self::Recent => 120_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

/// The samples of all spans.
#[derive(Debug, Default)]
pub(crate) struct Tiers([VecDeque<Sample>; Span::ALL.len()]);

impl Tiers {
    /// Adds a sample to every span, and forgets what is too old.
    pub(crate) fn add(&mut self, sample: &Sample) {
        for (span, tier) in Span::ALL.into_iter().zip(&mut self.0) {
            let bucket = |sample: &Sample| sample.time_ms / span.bucket_ms();
            match tier.back_mut() {
                // The wall clock may go back: such a sample counts as of the latest bucket.
                Some(last) if bucket(sample) <= bucket(last) => {
                    let values = merge(&last.values, &sample.values);
                    if sample.values[0] >= last.values[0] && sample.time_ms >= last.time_ms {
                        last.time_ms = sample.time_ms;
                        last.held.clone_from(&sample.held);
                    }
                    last.values = values;
                }
                _ => tier.push_back(sample.clone()),
            }
            let most = (span.length_ms() / span.bucket_ms()) as usize;
            let oldest = sample.time_ms.saturating_sub(span.length_ms());
            while tier.len() > most || tier.front().is_some_and(|first| first.time_ms < oldest) {
                tier.pop_front();
            }
        }
    }

    pub(crate) fn of(&self, span: Span) -> &VecDeque<Sample> {
        &self.0[span as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::COLUMNS;

    fn sample(time_ms: u64, held: f64) -> Sample {
        let mut values = vec![0.0; COLUMNS.len()];
        values[0] = held;
        Sample {
            time_ms,
            values: values.into(),
            held: Box::new([Held {
                site: 1,
                bytes: held as u64,
                buffers: 1,
            }]),
        }
    }

    #[test]
    fn every_span_is_bounded() {
        let mut tiers = Tiers::default();
        for at in 0..200_000_u64 {
            tiers.add(&sample(1_000_000_000 + at * 1_000, at as f64));
        }
        let kept: Vec<usize> = Span::ALL.map(|span| tiers.of(span).len()).into();
        assert!(
            kept[0] <= 121 && kept[1] <= 721 && kept[2] <= 721,
            "{kept:?}"
        );
        assert!(kept.iter().all(|&kept| kept > 100), "{kept:?}");
    }

    #[test]
    fn a_bucket_keeps_its_spike_and_who_held_it() {
        let mut tiers = Tiers::default();
        for (time, held) in [(10_000, 1.0), (11_000, 900.0), (12_000, 2.0)] {
            tiers.add(&sample(time, held));
        }
        let hour = tiers.of(Span::Hour);
        assert_eq!(hour.len(), 1);
        assert_eq!((hour[0].time_ms, hour[0].held[0].bytes), (11_000, 900));
        assert_eq!(tiers.of(Span::Recent).len(), 3);
    }

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let mut tiers = Tiers::default();
        tiers.add(&sample(50_000, 1.0));
        tiers.add(&sample(20_000, 5.0));
        let recent = tiers.of(Span::Recent);
        assert_eq!((recent.len(), recent[0].values[0] as u64), (1, 5));
    }
}

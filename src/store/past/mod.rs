//! A store's record of a pool's past: single frames, and samples rolled up over three spans.
//!
//! Each is a ring (`rows.rs`): readers and the store's receiver do not wait for each other, and a full ring takes no more
//! memory. A pool's past takes at most 8.3 MB, once a day has passed.

pub(crate) mod columns;
pub(crate) mod event;
pub(crate) mod frame;
pub(crate) mod holders;
mod rows;
pub(crate) mod sample;

use std::panic::Location;

use crate::health::HealthSnapshot;
use crate::sync::{Arc, sized};
use crate::telemetry::snapshot::FrameSnapshot;

use frame::FrameRecord;
use holders::{HolderNames, Holders};
use rows::Rows;
use sample::{Sample, is_same_bucket, merged};

/// The most frames kept one by one.
const FRAMES: usize = sized(1_024, 4, 2);

/// A span of time over which a store keeps samples.
///
/// ```
/// use framepool::store::Span;
///
/// for span in Span::ALL {
///     let samples = span.length_ms() / span.bucket_ms();
///     println!("{}: at most {samples} samples", span.name());
/// }
/// assert_eq!(Span::Day.length_ms() / Span::Day.bucket_ms(), 24 * 60);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Span {
    /// Two minutes, every health snapshot (ten a second at most).
    Recent,
    /// An hour, second by second.
    Hour,
    /// A day, minute by minute.
    Day,
}

impl Span {
    /// Every span.
    pub const ALL: &'static [Self] = &[Self::Recent, Self::Hour, Self::Day];

    /// The span in labels: lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recent => "recent",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Samples within this time are merged, in milliseconds.
    pub fn bucket_ms(self) -> u64 {
        match self {
            Self::Recent => 100,
            Self::Hour => 1_000,
            Self::Day => 60_000,
        }
    }

    /// The length of the span, in milliseconds.
    pub fn length_ms(self) -> u64 {
        match self {
            Self::Recent => 120_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

/// The samples of a pool over one span, at one moment.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool::store::Span;
///
/// # let pool = BufferPool::new();
/// let watch = Watch::start(&pool, HealthConfig::default());
/// watch.stop();
/// // A day in quarters of an hour.
/// let day = watch.store().rollup_of(pool.id(), Span::Day, 15 * 60_000).unwrap();
/// assert_eq!(day.bucket_ms, 900_000);
/// assert!(!day.samples.is_empty());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rollup {
    /// The span.
    pub span: Span,
    /// Samples within this time are merged, in milliseconds.
    pub bucket_ms: u64,
    /// The oldest first.
    pub samples: Vec<Sample>,
    /// The call sites that [`HeldShare::site`](crate::store::HeldShare::site) numbers. The first two places have none.
    pub sites: Arc<Vec<Option<&'static Location<'static>>>>,
    /// The names of all holders by place.
    pub names: HolderNames,
}

/// The past of one pool. The writer holds the receivers' lock.
#[derive(Debug)]
pub(crate) struct Past {
    frames: Rows<{ frame::WORDS }>,
    spans: [Rows<{ sample::WORDS }>; Span::ALL.len()],
    holders: Holders,
}

impl Past {
    pub(crate) fn new() -> Self {
        let rows = |span: Span| sized((span.length_ms() / span.bucket_ms()) as usize, 4, 2);
        Self {
            frames: Rows::new(FRAMES),
            spans: std::array::from_fn(|at| Rows::new(rows(Span::ALL[at]))),
            holders: Holders::new(),
        }
    }

    /// Adds a frame.
    pub(crate) fn add_frame(&self, frame: &FrameSnapshot) {
        self.frames.push(&FrameRecord::new(frame).words());
    }

    /// Adds a health snapshot.
    pub(crate) fn add(&self, health: &Arc<HealthSnapshot>) {
        let time_ms = health.time.unix_nanos() / 1_000_000;
        let held = self.holders.held(health);
        self.add_sample(&Sample::new(time_ms, &columns::read(health), &held));
    }

    fn add_sample(&self, sample: &Sample) {
        for (span, rows) in Span::ALL.iter().copied().zip(&self.spans) {
            let last = rows.last().map(|words| Sample::from_words(&words));
            match last {
                Some(mut last) if is_same_bucket(&last, sample, span.bucket_ms()) => {
                    last.merge(sample);
                    rows.replace_last(&last.words());
                }
                _ => rows.push(&sample.words()),
            }
        }
    }

    pub(crate) fn frames(&self) -> Vec<FrameRecord> {
        let rows = self.frames.read_all();
        rows.map(|words| FrameRecord::from_words(&words)).collect()
    }

    /// The samples of a span, merged into buckets of this width.
    pub(crate) fn rollup(&self, span: Span, bucket_ms: u64) -> Rollup {
        let rows = &self.spans[span as usize];
        let all: Vec<Sample> = rows
            .read_all()
            .map(|words| Sample::from_words(&words))
            .collect();
        let latest = all.last().map_or(0, |sample| sample.time_ms);
        let oldest = latest.saturating_sub(span.length_ms());
        let in_span = all.into_iter().filter(|sample| sample.time_ms >= oldest);
        let bucket_ms = bucket_ms.max(span.bucket_ms());
        Rollup {
            span,
            bucket_ms,
            samples: merged(in_span, bucket_ms),
            // Loaded after the rows, so that every place in them is in the lists.
            sites: self.holders.sites(),
            names: self.holders.names(),
        }
    }
}

#[cfg(all(test, not(framepool_loom), not(framepool_shuttle)))]
mod tests {
    use super::columns::PLACES;
    use super::holders::{HELD, HolderKind};
    use super::sample::HeldShare;
    use super::*;

    fn sample(time_ms: u64, held: f64) -> Sample {
        let mut values = [0.0; PLACES];
        values[0] = held;
        let mut shares = [HeldShare::default(); HELD];
        shares[0] = HeldShare {
            site: 2,
            bytes: held as u64,
            buffers: 1,
        };
        Sample::new(time_ms, &values, &shares)
    }

    fn kept(past: &Past, span: Span) -> Vec<Sample> {
        past.rollup(span, 0).samples
    }

    #[test]
    fn every_span_is_bounded() {
        let past = Past::new();
        for at in 0..10_000_u64 {
            past.add_sample(&sample(1_000_000_000 + at * 10_000, at as f64));
        }
        let kept: Vec<_> = Span::ALL
            .iter()
            .map(|&span| kept(&past, span).len())
            .collect();
        assert_eq!(kept, [13, 361, 1_440]);
        let bytes: usize = past.spans.iter().map(Rows::full_bytes).sum();
        let all = bytes + past.frames.full_bytes();
        assert!(all < 8_300_000, "{all} bytes");
    }

    #[test]
    fn bucket_keeps_its_spike_and_its_holder() {
        let past = Past::new();
        for (time, held) in [(60_000, 1.0), (71_000, 900.0), (112_000, 2.0)] {
            past.add_sample(&sample(time, held));
        }
        let minute = kept(&past, Span::Day);
        assert_eq!(minute.len(), 1);
        let held = minute[0].held(HolderKind::Site).next().expect("a holder");
        assert_eq!((minute[0].time_ms, held.bytes), (71_000, 900));
        assert_eq!(kept(&past, Span::Hour).len(), 3);
        assert_eq!(past.rollup(Span::Hour, 60_000).samples, minute);
    }

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let past = Past::new();
        past.add_sample(&sample(50_000, 1.0));
        past.add_sample(&sample(20_000, 5.0));
        let recent = kept(&past, Span::Recent);
        assert_eq!((recent.len(), recent[0].values()[0] as u64), (1, 5));
        // Levels and holders are of the sample with more memory, at whatever time.
        let held = recent[0].held(HolderKind::Site).next().expect("a holder");
        assert_eq!((held.bytes, recent[0].time_ms), (5, 50_000));
    }

    #[test]
    fn a_frame_is_kept_whole() {
        let past = Past::new();
        let mut frame = FrameSnapshot::default();
        for number in 0..FRAMES as u64 * 2 {
            frame.allocs = number;
            past.add_frame(&frame);
        }
        let frames = past.frames();
        assert_eq!(frames.len(), FRAMES);
        assert_eq!(frames[FRAMES - 1].allocs, FRAMES as u64 * 2 - 1);
        assert_eq!((frames[0].work_ns, frames[0].period_ns), (None, 0));
    }
}

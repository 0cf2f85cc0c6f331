//! Times of a history: its beginning, and the bytes in use over time.

use framepool::store::{SavedColumn, SavedHistory, SavedPool, SavedSpan, Span};
use fxprof_processed_profile::Timestamp;

/// The times of a profile, which count from the first moment of the history. Our times are nanoseconds since 1970.
#[derive(Debug)]
pub(crate) struct Moments {
    first: u64,
}

impl Moments {
    pub(crate) fn of(history: &SavedHistory) -> Self {
        let pools = history.pools.iter().flat_map(|pool| {
            let memory = in_use_over_time(pool).first().map(|&(time, _)| time);
            [Some(pool.time.unix_nanos()), memory]
        });
        let alerts = history.alerts.iter().map(|alert| alert.raised_time);
        let events = history.events.iter().map(|event| event.time);
        let others = alerts.chain(events).map(|time| Some(time.unix_nanos()));
        let known = pools.chain(others).flatten();
        Self {
            // Zero means no moment.
            first: known.filter(|&time| time > 0).min().unwrap_or(0),
        }
    }

    /// The first moment, in milliseconds since 1970.
    pub(crate) fn first_ms(&self) -> f64 {
        self.first as f64 / 1e6
    }

    /// The first moment.
    pub(crate) fn first(&self) -> Timestamp {
        self.at(self.first)
    }

    /// A moment of the profile.
    pub(crate) fn at(&self, unix_nanos: u64) -> Timestamp {
        Timestamp::from_nanos_since_reference(unix_nanos.saturating_sub(self.first))
    }
}

/// The bytes in use, with their times in rising order: by frame as far back as frames are kept, and before that by the
/// finest samples.
pub(crate) fn in_use_over_time(pool: &SavedPool) -> Vec<(u64, f64)> {
    let frames = pool.frames.iter();
    let mut course: Vec<_> = frames
        .map(|it| (it.time_unix_ns, it.in_use_bytes as f64))
        .collect();
    course.sort_by_key(|&(time, _)| time);
    for span in [Span::Recent, Span::Hour, Span::Day] {
        let Some(span) = pool.span(span) else {
            continue;
        };
        let begin = course.first().map_or(u64::MAX, |&(time, _)| time);
        let mut earlier = samples(pool, span);
        // A sample may be from any moment of its bucket.
        let bucket = span.bucket_ms.saturating_mul(1_000_000);
        earlier.retain(|&(time, _)| time.saturating_add(bucket) <= begin);
        earlier.append(&mut course);
        course = earlier;
    }
    course.push((pool.time.unix_nanos(), pool.metrics.in_use_bytes as f64));
    course.sort_by_key(|&(time, _)| time);
    course
}

/// The bytes in use over a span, with their times.
fn samples(pool: &SavedPool, span: &SavedSpan) -> Vec<(u64, f64)> {
    let is_in_use = |column: &SavedColumn| {
        let state = column.labels.get("state");
        column.metric == "framepool.memory.usage" && state.is_some_and(|state| state == "in_use")
    };
    let Some(at) = pool.columns.iter().position(is_in_use) else {
        return Vec::new();
    };
    let known = span.samples.iter().filter_map(|sample| {
        let bytes = sample.1.get(at).copied().flatten()?;
        Some((sample.0.saturating_mul(1_000_000), bytes))
    });
    known.collect()
}

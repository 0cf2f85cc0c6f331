//! The table of metrics.
//!
//! A new metric is one entry here; a new counter is a line in `telemetry/counters.rs` that names its metrics.

use super::{Each, Kind, Metric, Reading, Source, TAG};
use crate::health::{LeakVerdict, Rule, Severity};
use crate::telemetry::part;
use crate::telemetry::tags::TagStats;

/// Upper ends of the buckets of times, in seconds: a ladder of 1, 2 and 5 from 10 µs to 10 s.
const SECONDS: [f64; 19] = [
    1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0,
    2.0, 5.0, 10.0,
];

/// Upper ends of the buckets of bytes: powers of two from 1 KiB to 4 GiB.
const BYTES: [f64; 23] = {
    let mut ends = [0.0; 23];
    let mut at = 0;
    while at < ends.len() {
        ends[at] = (1_u64 << (10 + at)) as f64;
        at += 1;
    }
    ends
};

macro_rules! metrics {
    ($($name:expr, $kind:ident, $unit:literal, [$($label:literal),*], $help:literal, $source:expr;)*) => {
        /// Every metric, in the order in which outlets show them.
        ///
        /// ```
        /// use framepool::metrics::METRICS;
        ///
        /// let bytes = METRICS.iter().filter(|metric| metric.unit == "By");
        /// for metric in bytes {
        ///     println!("{}: {}", metric.name, metric.help);
        /// }
        /// assert_eq!(METRICS[0].name, "framepool.memory.usage");
        /// ```
        pub const METRICS: &[Metric] = &[
            $(Metric { name: $name, unit: $unit, kind: Kind::$kind, help: $help, labels: &[$($label),*], source: $source },)*
        ];
    };
}

metrics! {
    "framepool.memory.usage", UpDownCounter, "By", ["state"],
        "Bytes the pool holds from the system: in use and idle.",
        Source::Levels(|reading, each| {
            each(&[("state", "in_use")], Some(reading.stats.in_use_bytes as f64));
            each(&[("state", "idle")], Some(reading.stats.idle_bytes as f64));
        });
    "framepool.memory.limit", UpDownCounter, "By", [],
        "The most bytes the pool may hold; absent without a limit.",
        Source::Levels(|reading, each| each(&[], reading.stats.limit_bytes.map(|limit| limit as f64)));
    "framepool.memory.resident", UpDownCounter, "By", [],
        "Bytes of the pool in physical memory, read about once a second; absent if the system does not report them.",
        Source::Levels(|reading, each| {
            let health = reading.health.as_deref();
            let measured = health.and_then(|health| health.metrics.resident_bytes);
            // If the pool holds nothing, nothing is resident, even before the first query to the system.
            let resident = measured.or((reading.stats.pooled_bytes == 0).then_some(0));
            each(&[], resident.map(|bytes| bytes as f64));
        });
    "framepool.memory.peak", Gauge, "By", [],
        "The most bytes the pool ever held from the system, observed at every growth.",
        Source::Levels(|reading, each| one(reading.stats.peak_bytes as f64, each));
    part::REQUESTED, Counter, "By", [],
        "Requested bytes of the buffers allocated.",
        Source::Counters;
    part::REQUESTED_RELEASED, Counter, "By", [],
        "Requested bytes of the buffers released.",
        Source::Counters;
    part::ACQUIRED, Counter, "By", ["kind"],
        "Block bytes of the buffers allocated, by kind.",
        Source::Counters;
    part::RELEASED, Counter, "By", ["kind"],
        "Block bytes of the buffers released, by kind.",
        Source::Counters;
    "framepool.memory.allocated", Counter, "By", [],
        "Bytes taken from the system.",
        Source::Levels(|reading, each| one(reading.stats.totals.system_bytes as f64, each));
    "framepool.memory.evicted", Counter, "By", [],
        "Bytes returned to the system.",
        Source::Levels(|reading, each| one(reading.stats.totals.evicted_bytes as f64, each));
    "framepool.memory.leaked", UpDownCounter, "By", [],
        "Bytes held by leak suspects: pooled buffers past the leak age that are not marked as long-lived.",
        Source::Levels(|reading, each| one(reading.judged(|health| health.metrics.leak_suspect_bytes as f64), each));
    "framepool.memory.tag.usage", UpDownCounter, "By", ["tag"],
        "Bytes of the buffers out that were taken with this very tag; an empty tag is for those without one.",
        Source::Levels(tag_usage);
    "framepool.memory.tag.tree.usage", UpDownCounter, "By", ["tag"],
        "Bytes of the buffers out that were taken with the tag or a tag below it.",
        Source::Levels(|reading, each| each_tag(reading, each, |tag| Some(tag.total.live_bytes())));
    "framepool.memory.tag.recent_peak", Gauge, "By", ["tag"],
        "The most of these bytes in the last one to two seconds, with what frames took and released.",
        Source::Levels(|reading, each| each_tag(reading, each, |tag| Some(tag.recent_peak_bytes)));
    "framepool.memory.tag.limit", UpDownCounter, "By", ["tag"],
        "The most bytes of pooled buffers that may be out of the tag and the tags below it; absent without a limit.",
        Source::Levels(|reading, each| each_tag(reading, each, |tag| tag.max_bytes));
    "framepool.buffer.count", UpDownCounter, "{buffer}", ["state"],
        "Buffers in use, of both kinds.",
        Source::Levels(|reading, each| each(&[("state", "in_use")], Some(reading.stats.in_use_buffers as f64)));
    part::ACQUISITIONS, Counter, "{acquisition}", ["kind", "source"],
        "Buffers allocated, by kind and by where their memory came from.",
        Source::Counters;
    part::MISSES, Counter, "{miss}", ["reason"],
        "Allocations for which memory was taken from the system, by reason.",
        Source::Counters;
    part::RELEASES, Counter, "{release}", ["kind"],
        "Buffers released, by kind.",
        Source::Counters;
    part::REFUSALS, Counter, "{refusal}", ["reason"],
        "Requests refused, by reason.",
        Source::Counters;
    part::EXCHANGES, Counter, "{exchange}", [],
        "Batches of blocks moved between a thread and the depot.",
        Source::Counters;
    "framepool.buffer.leaks", UpDownCounter, "{buffer}", [],
        "Buffers that are leak suspects now: pooled, past the leak age, not marked as long-lived.",
        Source::Levels(|reading, each| one(reading.judged(|health| health.metrics.leak_suspects as f64), each));
    "framepool.buffer.growing", UpDownCounter, "{site}", [],
        "Call sites judged growing now.",
        Source::Levels(|reading, each| {
            one(reading.judged(|health| health.verdicts.with(LeakVerdict::Growing).count() as f64), each);
        });
    "framepool.frames", Counter, "{frame}", [],
        "Frame ends.",
        Source::Levels(|reading, each| one(reading.stats.totals.frames as f64, each));
    "framepool.frame.duration", Histogram, "s", [],
        "Time of each frame: of its work where it is known, else of its period.",
        Source::Frames(|frame| frame.work.unwrap_or(frame.duration).as_secs_f64(), &SECONDS);
    "framepool.frame.memory", Histogram, "By", [],
        "Bytes of frame buffers allocated in each frame.",
        Source::Frames(|frame| frame.counts.frame_alloc_bytes as f64, &BYTES);
    "framepool.frame.publish.duration", Histogram, "s", [],
        "Time that each frame end took.",
        Source::Frames(|frame| frame.fold_duration.as_secs_f64(), &SECONDS);
    "framepool.frame.open", UpDownCounter, "{frame}", [],
        "Frames begun and not ended.",
        Source::Levels(|reading, each| one(f64::from(reading.stats.open_frames), each));
    "framepool.frame.idle", Gauge, "s", [],
        "Time since frames stopped ending, as of the latest judgement.",
        Source::Levels(|reading, each| one(reading.judged(|health| health.metrics.since_frame_end_ms / 1e3), each));
    "framepool.snapshot.age", Gauge, "s", [],
        "Time since the latest judgement of the pool.",
        Source::Levels(|reading, each| {
            one(reading.judged(|health| reading.time.since(health.time).as_secs_f64()), each);
        });
    "framepool.alert.active", UpDownCounter, "{alert}", ["rule", "severity"],
        "Alerts active now, by rule and severity.",
        Source::Levels(alerts);
    "framepool.telemetry.memory.usage", UpDownCounter, "By", [],
        "Bytes that the pool's bookkeeping occupies; they are not in the memory usage.",
        Source::Levels(|reading, each| one(reading.stats.telemetry_bytes as f64, each));
}

/// One number without labels.
fn one(value: f64, each: &mut Each<'_>) {
    each(&[], Some(value));
}

/// The bytes of each tag alone, and of buffers without a tag: they add up to the bytes in use.
fn tag_usage(reading: &Reading, each: &mut Each<'_>) {
    if let Some(tags) = &reading.tags {
        each(&[(TAG, "")], Some(tags.untagged.live_bytes() as f64));
    }
    each_tag(reading, each, |tag| Some(tag.own.live_bytes()));
}

fn each_tag(reading: &Reading, each: &mut Each<'_>, read: fn(&TagStats) -> Option<u64>) {
    for tag in reading.tags.iter().flat_map(|tags| &tags.tags) {
        each(&[(TAG, &tag.name)], read(tag).map(|bytes| bytes as f64));
    }
}

/// Every rule and severity, zeros included.
fn alerts(reading: &Reading, each: &mut Each<'_>) {
    let active = reading.health.as_deref();
    let active = active.map_or(&[][..], |health| &health.active);
    let severities = [
        (Severity::Warning, "warning"),
        (Severity::Critical, "critical"),
    ];
    for &rule in Rule::ALL {
        for (severity, name) in severities {
            let count = active
                .iter()
                .filter(|alert| alert.rule == rule && alert.severity == severity)
                .count();
            each(
                &[("rule", rule.name()), ("severity", name)],
                Some(count as f64),
            );
        }
    }
}

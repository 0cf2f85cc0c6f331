//! Frames and samples as compact rows of numbers, because each update has many of them.

use framepool::store::{FrameRecord, HolderKind, Sample};
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

/// The columns of a frame's row.
pub(crate) const FRAME_COLUMNS: [&str; 11] = [
    "frame",
    "time_ms",
    "period_ms",
    "work_ms",
    "allocs",
    "releases",
    "misses",
    "pooled_bytes",
    "in_use_bytes",
    "idle_bytes",
    "alloc_bytes",
];

/// Each frame as the row that [`frame_row`] makes.
pub(crate) fn frame_rows<S: Serializer>(
    frames: &[FrameRecord],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut rows = serializer.serialize_seq(Some(frames.len()))?;
    for frame in frames {
        rows.serialize_element(&frame_row(frame))?;
    }
    rows.end()
}

/// A frame as a row, in the order of [`FRAME_COLUMNS`].
pub(crate) fn frame_row(frame: &FrameRecord) -> impl Serialize + use<> {
    (
        frame.frame.get(),
        frame.time_unix_ns as f64 / 1e6,
        frame.period_ns as f64 / 1e6,
        frame.work_ns.map(|work| work as f64 / 1e6),
        frame.allocs,
        frame.releases,
        frame.misses,
        frame.pooled_bytes,
        frame.in_use_bytes,
        frame.idle_bytes,
        frame.alloc_bytes,
    )
}

/// Each sample as `[time_ms, [values], [[site, bytes, buffers], …]]`, followed by the same lists for tags, threads and
/// block sizes.
pub(crate) fn sample_rows<S: Serializer>(
    samples: &[Sample],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut rows = serializer.serialize_seq(Some(samples.len()))?;
    for sample in samples {
        let values: Vec<_> = sample.values().iter().map(|&value| Number(value)).collect();
        let held = |by| -> Vec<_> {
            let held = sample.held(by);
            held.map(|held| (held.site, held.bytes, held.buffers))
                .collect()
        };
        let sites = held(HolderKind::Site);
        let tags = held(HolderKind::Tag);
        let threads = held(HolderKind::Thread);
        let sizes = held(HolderKind::Size);
        rows.serialize_element(&(sample.time_ms, values, sites, tags, threads, sizes))?;
    }
    rows.end()
}

/// A number, without a fraction if it is whole; null for NaN.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < 9e15 {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

//! Cuts a trace into frames: at its marks, or at a fixed interval of recorded time.

use crate::trace::{Event, Operation, Trace};

/// The most empty frames in a row that are replayed; a longer idle stretch of the recording is shortened to this.
///
/// A recorder that slept for a day would otherwise cost five million frame ends in which nothing happens.
const MAX_EMPTY: u64 = 1_000;

/// How a trace is cut into frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FrameCut {
    /// At the trace's marks.
    Marked,
    /// Every given number of microseconds of recorded time.
    EveryUs(f64),
}

impl FrameCut {
    /// The trace's marks if it has any, else `milliseconds`.
    pub(crate) fn of(trace: &Trace, milliseconds: f64) -> Self {
        if trace.frame_marks > 0 {
            Self::Marked
        } else {
            Self::EveryUs(milliseconds * 1_000.0)
        }
    }
}

/// One frame: a range of operations, and its end time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FrameSpan {
    /// The first operation after it; it begins where the previous one ends.
    pub(crate) end: usize,
    /// Recorded time of its end, in microseconds.
    pub(crate) end_us: f64,
}

/// The frames of a trace in order, and the number of empty ones left out of idle stretches.
pub(crate) fn cut(operations: &[Operation], how: FrameCut) -> (Vec<FrameSpan>, u64) {
    match how {
        FrameCut::Marked => (cut_at_marks(operations), 0),
        FrameCut::EveryUs(length) => cut_by_time(operations, length),
    }
}

fn cut_at_marks(operations: &[Operation]) -> Vec<FrameSpan> {
    let mut frames: Vec<FrameSpan> = operations
        .iter()
        .enumerate()
        .filter(|(_, operation)| operation.event == Event::Frame)
        .map(|(index, operation)| FrameSpan {
            end: index + 1,
            end_us: operation.time_us as f64,
        })
        .collect();
    // Operations after the last mark are an unfinished frame.
    if frames
        .last()
        .is_none_or(|frame| frame.end < operations.len())
    {
        frames.push(FrameSpan {
            end: operations.len(),
            end_us: operations.last().map_or(0.0, |last| last.time_us as f64),
        });
    }
    frames
}

fn cut_by_time(operations: &[Operation], length: f64) -> (Vec<FrameSpan>, u64) {
    let frame_of = |operation: &Operation| (operation.time_us as f64 / length) as u64;
    let mut frames = Vec::new();
    let mut left_out = 0;
    // The number of the current frame, counted from the start of the recording.
    let mut filling = 0;
    for (index, operation) in operations.iter().enumerate() {
        let frame = frame_of(operation);
        if frame == filling {
            continue;
        }
        // The current frame ends here; the empty ones of an idle stretch follow.
        let shown = (frame - filling).min(MAX_EMPTY + 1);
        left_out += frame - filling - shown;
        frames.extend((1..=shown).map(|ended| FrameSpan {
            end: index,
            end_us: (filling + ended) as f64 * length,
        }));
        filling = frame;
    }
    frames.push(FrameSpan {
        end: operations.len(),
        end_us: (filling + 1) as f64 * length,
    });
    (frames, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(times: &[u64]) -> Vec<Operation> {
        let operation = |&time_us| Operation {
            time_us,
            thread: 0,
            event: Event::Alloc(0),
        };
        times.iter().map(operation).collect()
    }

    fn ends(frames: &[FrameSpan]) -> Vec<usize> {
        frames.iter().map(|frame| frame.end).collect()
    }

    #[test]
    fn frame_contains_operations_recorded_within_its_length() {
        let (frames, left_out) = cut(&at(&[0, 9, 10, 10, 35]), FrameCut::EveryUs(10.0));
        assert_eq!((ends(&frames), left_out), (vec![2, 4, 4, 5], 0));
        assert!((frames[3].end_us - 40.0).abs() < 1e-9);
    }

    #[test]
    fn an_idle_stretch_is_shortened_and_counted() {
        let (frames, left_out) = cut(&at(&[0, u64::MAX]), FrameCut::EveryUs(16_667.0));
        assert_eq!(frames.len() as u64, MAX_EMPTY + 2);
        assert!(left_out > 1_000_000_000);
    }

    #[test]
    fn marks_end_frames_and_remainder_is_one_frame() {
        let mut operations = at(&[0, 1, 2, 3]);
        operations[1].event = Event::Frame;
        assert_eq!(ends(&cut(&operations, FrameCut::Marked).0), [2, 4]);
        operations[3].event = Event::Frame;
        assert_eq!(ends(&cut(&operations, FrameCut::Marked).0), [2, 4]);
    }
}

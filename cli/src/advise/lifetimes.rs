//! Exact facts of a recording: how many frames buffers live, by call site; requested bytes per frame; buffers in use at the
//! peak.

use std::collections::BTreeMap;

use framepool::BufferPool;
use framepool::telemetry::Log2Histogram;
use serde::Serialize;

use crate::replay::Plan;
use crate::trace::{Event, NEVER, Trace};

/// The lifetimes of a recording's buffers.
#[derive(Debug, Default)]
pub(crate) struct Lifetimes {
    /// The lifetime in frames of every released buffer: zero if it was released in the frame of its alloc.
    pub(crate) frames: Log2Histogram,
    /// Buffers that were never released.
    pub(crate) never: u64,
    /// Requested bytes in each frame.
    pub(crate) frame_bytes: Log2Histogram,
    /// The buffers in use at the peak of bytes, by block size.
    pub(crate) at_peak: Vec<AtPeak>,
    /// Every call site, the one with the most buffers first.
    pub(crate) sites: Vec<SiteUse>,
}

/// The buffers of one block size that were in use at the peak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AtPeak {
    pub(crate) block_bytes: u64,
    pub(crate) buffers: u64,
    /// Bytes of their blocks.
    pub(crate) bytes: u64,
    /// Requested bytes.
    pub(crate) requested: u64,
}

/// How a call site uses its buffers.
#[derive(Clone, Debug, Default)]
pub(crate) struct SiteUse {
    /// Its number in the trace.
    pub(crate) site: u32,
    pub(crate) buffers: u64,
    pub(crate) bytes: u64,
    /// Buffers released in the frame of their alloc, by the same thread.
    pub(crate) within_frame: u64,
    pub(crate) never: u64,
    /// As in [`Lifetimes::frames`].
    pub(crate) frames: Log2Histogram,
    /// The most bytes of its buffers in one frame, each rounded up to a cache line.
    pub(crate) most_frame_bytes: u64,
    /// Bytes of its buffers in the current frame.
    in_frame: (usize, u64),
}

impl SiteUse {
    /// Buffers that cannot be frame buffers.
    pub(crate) fn others(&self) -> u64 {
        self.buffers - self.within_frame
    }
}

impl Lifetimes {
    pub(crate) fn of(trace: &Trace, plan: &Plan) -> Self {
        let mut found = Self::default();
        let mut sites: Vec<SiteUse> = (0..trace.sites.len() as u32)
            .map(|site| SiteUse {
                site,
                ..SiteUse::default()
            })
            .collect();
        let frame_of = frames_of(trace, plan);
        let mut asked_for = vec![0_u64; plan.frames.len()];
        for buffer in &trace.buffers {
            let taken = &trace.operations[buffer.taken_by as usize];
            let frame = frame_of[buffer.taken_by as usize] as usize;
            let bytes = buffer.bytes as u64;
            asked_for[frame] = asked_for[frame].saturating_add(bytes);
            let site = &mut sites[buffer.site as usize];
            site.buffers += 1;
            site.bytes = site.bytes.saturating_add(bytes);
            if site.in_frame.0 != frame {
                site.in_frame = (frame, 0);
            }
            site.in_frame.1 = site.in_frame.1.saturating_add(bytes.next_multiple_of(64));
            site.most_frame_bytes = site.most_frame_bytes.max(site.in_frame.1);
            if buffer.freed_by == NEVER {
                site.never += 1;
                found.never += 1;
                continue;
            }
            let lived = u64::from(frame_of[buffer.freed_by as usize]) - frame as u64;
            found.frames.add(lived);
            site.frames.add(lived);
            let freed = &trace.operations[buffer.freed_by as usize];
            site.within_frame += u64::from(lived == 0 && freed.thread == taken.thread);
        }
        found.frame_bytes = asked_for.into_iter().collect();
        found.at_peak = at_peak(trace);
        sites.retain(|site| site.buffers > 0);
        sites.sort_by_key(|site| std::cmp::Reverse(site.buffers));
        found.sites = sites;
        found
    }
}

/// The frame of every operation.
pub(crate) fn frames_of(trace: &Trace, plan: &Plan) -> Vec<u32> {
    let mut frame = 0;
    let frame_of = |operation: usize| {
        while plan.frames[frame].operations_end <= operation {
            frame += 1;
        }
        frame as u32
    };
    (0..trace.operations.len()).map(frame_of).collect()
}

/// The buffers in use at the first peak of bytes.
fn at_peak(trace: &Trace) -> Vec<AtPeak> {
    let bytes = |buffer: u32| trace.buffers[buffer as usize].bytes as u128;
    let (mut live, mut most, mut peak) = (0, 0, 0);
    for (at, operation) in trace.operations.iter().enumerate() {
        match operation.event {
            Event::Alloc(buffer) => live += bytes(buffer),
            Event::Free(buffer) => live -= bytes(buffer),
            Event::Frame => {}
        }
        if live > most {
            (most, peak) = (live, at);
        }
    }
    let pool = BufferPool::new();
    let mut sizes: BTreeMap<u64, AtPeak> = BTreeMap::new();
    let is_out = |buffer: &&crate::trace::RecordedBuffer| {
        buffer.taken_by as usize <= peak
            && (buffer.freed_by == NEVER || buffer.freed_by as usize > peak)
    };
    for buffer in trace.buffers.iter().filter(is_out) {
        let Some(block_bytes) = pool.rounded_bytes(buffer.bytes) else {
            continue;
        };
        let size = sizes.entry(block_bytes).or_default();
        size.block_bytes = block_bytes;
        size.buffers += 1;
        size.bytes += block_bytes;
        size.requested += buffer.bytes as u64;
    }
    sizes.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::FrameCut;
    use crate::trace::read_text;

    fn lifetimes(text: &str) -> Lifetimes {
        let trace = read_text(&format!("time_us,thread,op,id,size,site\n{text}"));
        let plan = Plan::new(&trace, trace.threads.len(), FrameCut::of(&trace, 1.0)).unwrap();
        Lifetimes::of(&trace, &plan)
    }

    #[test]
    fn a_lifetime_is_the_frame_ends_between() {
        let found = lifetimes(
            "0,1,alloc,0,100,a\n1,1,free,0,,\n2,1,alloc,1,50,b\n3,1,frame,,,\n4,1,alloc,2,700,a\n5,2,free,2,,\n\
             6,1,frame,,,\n7,1,frame,,,\n8,1,free,1,,\n9,1,alloc,3,9,b\n10,1,frame,,,\n",
        );
        let buckets: Vec<_> = found.frames.buckets().collect();
        assert_eq!(buckets, [(0..=0, 2), (2..=3, 1)]);
        assert_eq!(found.never, 1);
        let frames: Vec<_> = found.frame_bytes.buckets().collect();
        assert_eq!(
            frames,
            [(0..=0, 1), (8..=15, 1), (128..=255, 1), (512..=1023, 1)]
        );
        let (a, b) = (&found.sites[0], &found.sites[1]);
        // The second buffer of `a` was released by another thread.
        assert_eq!((a.buffers, a.within_frame, a.never), (2, 1, 0));
        assert_eq!((b.buffers, b.within_frame, b.never), (2, 0, 1));
        assert_eq!(a.most_frame_bytes, 704);
    }

    #[test]
    fn rounding_at_the_peak_is_by_block_size() {
        let found =
            lifetimes("0,1,alloc,0,100,a\n1,1,alloc,1,1000,a\n2,1,alloc,2,900,a\n3,1,free,2,,\n");
        let peak: Vec<_> = found
            .at_peak
            .iter()
            .map(|it| (it.block_bytes, it.buffers, it.bytes, it.requested))
            .collect();
        assert_eq!(peak, [(128, 1, 128, 100), (1024, 2, 2048, 1900)]);
    }
}

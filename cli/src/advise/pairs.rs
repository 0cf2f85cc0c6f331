//! The cost of one call site's buffers as pooled buffers and as frame buffers, measured on this machine.
//!
//! The call site's own allocs and releases, frame by frame as recorded, are repeated on one thread: with pooled buffers,
//! and with frame buffers, in turn. Both begin and end every frame, keep live buffers in a table, and write every byte of a
//! buffer once. So the difference comes only from the kind of buffer, including cache misses. Buffers that outlive their
//! frame are left out.

use std::hint::black_box;
use std::time::{Duration, Instant};

use framepool::{AllocError, BufferPool};

use crate::trace::{Event, NEVER, Trace};

/// Measurements of each kind.
const ROUNDS: usize = 28;
/// A measurement takes at least this long. It is shorter than the time for which a busy system lets another thread run, so that some
/// measurements are undisturbed.
const LEAST: Duration = Duration::from_millis(1);

/// The steps of one call site.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    steps: Vec<Step>,
    /// The end in `steps` of each frame in which it has steps.
    frames: Vec<usize>,
    /// The most of its buffers in one frame.
    places: usize,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Allocates a buffer of this many bytes into a place of the table.
    Take(usize, usize),
    Give(usize),
}

/// Nanoseconds for all frames of a call site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Costs {
    pub(crate) pooled: f64,
    pub(crate) framed: f64,
}

impl Pairs {
    /// The steps of a call site with the buffers that are released in the frame in which they were allocated.
    pub(crate) fn of(trace: &Trace, frame_of: &[u32], site: u32) -> Self {
        let mut pairs = Self::default();
        let mut place_of = std::collections::HashMap::new();
        let mut frame = None;
        for (operation, &now) in trace.operations.iter().zip(frame_of) {
            let (Event::Alloc(buffer) | Event::Free(buffer)) = operation.event else {
                continue;
            };
            let recorded = &trace.buffers[buffer as usize];
            let lives_on = recorded.freed_by == NEVER
                || frame_of[recorded.freed_by as usize] != frame_of[recorded.taken_by as usize];
            if recorded.site != site || lives_on {
                continue;
            }
            if frame.is_some_and(|frame| frame != now) {
                pairs.frames.push(pairs.steps.len());
                place_of.clear();
            }
            frame = Some(now);
            match operation.event {
                Event::Alloc(_) => {
                    let place = place_of.len();
                    place_of.insert(buffer, place);
                    pairs.steps.push(Step::Take(recorded.bytes, place));
                    pairs.places = pairs.places.max(place + 1);
                }
                _ => pairs
                    .steps
                    .extend(place_of.get(&buffer).map(|&place| Step::Give(place))),
            }
        }
        pairs.frames.push(pairs.steps.len());
        pairs
    }

    /// The costs, each the least of several rounds, because other load only adds to it; `None` if a pool refused.
    pub(crate) fn measure(&self) -> Option<Costs> {
        let pool = BufferPool::new();
        let repeats = self.repeats(&pool).ok()?;
        let mut least = Costs {
            pooled: f64::INFINITY,
            framed: f64::INFINITY,
        };
        for _ in 0..ROUNDS {
            let pooled = time(repeats, || self.with_pooled(&pool)).ok()?;
            let framed = time(repeats, || self.with_framed(&pool)).ok()?;
            least.pooled = least.pooled.min(pooled);
            least.framed = least.framed.min(framed);
        }
        Some(least)
    }

    /// The number of repeats for one measurement.
    fn repeats(&self, pool: &BufferPool) -> Result<u32, AllocError> {
        // Warm up both kinds.
        self.with_framed(pool)?;
        let mut repeats = 1;
        loop {
            let took = time(repeats, || self.with_pooled(pool))? * f64::from(repeats);
            if took >= LEAST.as_nanos() as f64 || repeats >= 1 << 20 {
                return Ok(repeats);
            }
            repeats *= 2;
        }
    }

    fn with_pooled(&self, pool: &BufferPool) -> Result<(), AllocError> {
        let mut begin = 0;
        for &end in &self.frames {
            let frame = pool.begin_frame();
            let mut out = Vec::with_capacity(self.places);
            out.resize_with(self.places, || None);
            for step in &self.steps[begin..end] {
                match *step {
                    Step::Take(bytes, place) => {
                        let mut buffer = pool.try_alloc::<u8>(bytes)?;
                        write(&mut buffer);
                        out[place] = Some(buffer);
                    }
                    Step::Give(place) => drop(out[place].take()),
                }
            }
            drop(out);
            drop(frame.release_all());
            begin = end;
        }
        Ok(())
    }

    fn with_framed(&self, pool: &BufferPool) -> Result<(), AllocError> {
        let mut begin = 0;
        for &end in &self.frames {
            let frame = pool.begin_frame();
            let mut out = Vec::with_capacity(self.places);
            out.resize_with(self.places, || None);
            for step in &self.steps[begin..end] {
                match *step {
                    Step::Take(bytes, place) => {
                        let buffer = frame.try_alloc::<u8>(bytes)?;
                        write(buffer);
                        out[place] = Some(buffer);
                    }
                    Step::Give(place) => drop(black_box(out[place].take())),
                }
            }
            drop(out);
            drop(frame.release_all());
            begin = end;
        }
        Ok(())
    }
}

fn write(buffer: &mut [u8]) {
    buffer.fill(1);
    black_box(buffer);
}

/// Nanoseconds of one repeat.
fn time(repeats: u32, mut once: impl FnMut() -> Result<(), AllocError>) -> Result<f64, AllocError> {
    let began = Instant::now();
    for _ in 0..repeats {
        once()?;
    }
    Ok(began.elapsed().as_nanos() as f64 / f64::from(repeats))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::lifetimes::frames_of;
    use crate::replay::{FrameCut, Plan};
    use crate::trace::read_text;

    #[test]
    fn both_kinds_do_the_steps_of_one_site() {
        let trace = read_text(
            "time_us,thread,op,id,size,site\n0,1,alloc,0,100,a\n0,1,alloc,1,0,b\n1,1,alloc,2,9,a\n2,1,free,0,,\n3,1,free,2,,\n\
             4,1,frame,,,\n5,1,alloc,3,300,a\n6,1,free,3,,\n6,1,alloc,4,7,a\n7,1,free,1,,\n8,1,frame,,,\n9,1,free,4,,\n",
        );
        let plan = Plan::new(&trace, 1, FrameCut::of(&trace, 1.0)).unwrap();
        let pairs = Pairs::of(&trace, &frames_of(&trace, &plan), 0);
        assert_eq!(
            (pairs.steps.len(), &pairs.frames, pairs.places),
            (6, &vec![4, 6], 2)
        );
        let pool = BufferPool::new();
        let counted = || {
            let counts = pool.stats().totals.counts;
            (
                counts.pooled_allocs(),
                counts.frame_allocs,
                counts.releases(),
            )
        };
        pairs.with_pooled(&pool).unwrap();
        assert_eq!(counted(), (3, 0, 3));
        pairs.with_framed(&pool).unwrap();
        assert_eq!(counted(), (3, 3, 6));
    }
}

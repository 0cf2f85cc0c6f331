//! Addresses planned beforehand: where each buffer of a replay could lie in one region, without any allocator at work.
//!
//! A thread uses again at once what it freed itself; what other threads freed it uses from the next frame on. These are
//! the orders that every replay keeps, so no two buffers that are out at once ever overlap, however threads run.

use std::collections::BTreeMap;

/// Every planned buffer starts on such a boundary.
const LINE: usize = 64;

/// The region as far as it is planned.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Per thread, by size: what it freed in this frame.
    own: Vec<BTreeMap<usize, Vec<usize>>>,
    /// The threads that freed something in this frame.
    freeing: Vec<usize>,
    /// By size: what was freed before this frame.
    common: BTreeMap<usize, Vec<usize>>,
    end: usize,
}

impl Layout {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            own: vec![BTreeMap::new(); threads],
            freeing: Vec::new(),
            common: BTreeMap::new(),
            end: 0,
        }
    }

    /// An offset for a buffer that `worker` takes; none when no more can be addressed.
    pub(crate) fn take(&mut self, worker: usize, bytes: usize) -> Option<usize> {
        let class = class_of(bytes)?;
        let again = self.own[worker]
            .get_mut(&class)
            .and_then(Vec::pop)
            .or_else(|| self.common.get_mut(&class).and_then(Vec::pop));
        if let Some(offset) = again {
            return Some(offset);
        }
        // One line more than the class: buffers of one power of two do not all start in the same cache sets.
        let offset = self.end;
        self.end = offset
            .checked_add(class + LINE)
            .filter(|&end| isize::try_from(end).is_ok())?;
        Some(offset)
    }

    /// A buffer that `worker` frees.
    pub(crate) fn give(&mut self, worker: usize, offset: usize, bytes: usize) {
        if let Some(class) = class_of(bytes) {
            if self.own[worker].is_empty() {
                self.freeing.push(worker);
            }
            self.own[worker].entry(class).or_default().push(offset);
        }
    }

    /// All threads meet: what was freed is everybody's.
    pub(crate) fn end_frame(&mut self) {
        for worker in self.freeing.drain(..) {
            for (class, mut offsets) in std::mem::take(&mut self.own[worker]) {
                self.common.entry(class).or_default().append(&mut offsets);
            }
        }
    }

    pub(crate) fn region_bytes(&self) -> usize {
        self.end
    }
}

/// The size rounded up to one of eight steps in each doubling.
fn class_of(bytes: usize) -> Option<usize> {
    let step = (bytes.max(1).checked_next_power_of_two()? / 16).max(LINE);
    bytes.max(1).checked_next_multiple_of(step)
}

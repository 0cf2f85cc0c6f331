//! Plans an address in one region for each buffer of a replay, so that no allocator is needed.
//!
//! A thread reuses its own freed memory at once, and that of other threads from the next frame on. Every replay keeps these
//! orders, so no two live buffers ever overlap, in any interleaving.

use std::collections::BTreeMap;

/// The boundary on which every planned buffer starts.
const LINE: usize = 64;

/// The planned part of the region.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Per thread, by size: offsets freed in this frame.
    own: Vec<BTreeMap<usize, Vec<usize>>>,
    /// The threads that freed something in this frame.
    freeing: Vec<usize>,
    /// By size: offsets freed before this frame.
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

    /// An offset for a buffer that `worker` allocates; `None` if no more can be addressed.
    pub(crate) fn take(&mut self, worker: usize, bytes: usize) -> Option<usize> {
        let class = class_of(bytes)?;
        let again = self.own[worker]
            .get_mut(&class)
            .and_then(Vec::pop)
            .or_else(|| self.common.get_mut(&class).and_then(Vec::pop));
        if let Some(offset) = again {
            return Some(offset);
        }
        // One line more than the class, so that buffers of one power of two do not all start in the same cache sets.
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

    /// All threads meet: freed memory is available to all.
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

/// The size rounded up to one of eight steps per doubling.
fn class_of(bytes: usize) -> Option<usize> {
    let step = (bytes.max(1).checked_next_power_of_two()? / 16).max(LINE);
    bytes.max(1).checked_next_multiple_of(step)
}

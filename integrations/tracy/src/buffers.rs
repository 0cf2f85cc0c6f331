//! The buffers that were reported to the profiler, and the changes since.

use std::collections::HashMap;

/// The buffers of the last two readings, by address.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Bytes, and whether the current reading found it.
    known: HashMap<usize, (u64, bool)>,
    /// New ones, and those with a new size at their address.
    new: Vec<(usize, u64)>,
}

impl Buffers {
    /// Adds a buffer that the reading found.
    pub(crate) fn enter(&mut self, address: usize, bytes: u64) {
        match self.known.get_mut(&address) {
            Some((known, found)) if *known == bytes => *found = true,
            _ => self.new.push((address, bytes)),
        }
    }

    /// Ends a reading: passes every buffer that is gone, then every new one.
    pub(crate) fn settle(
        &mut self,
        mut freed: impl FnMut(usize),
        mut allocated: impl FnMut(usize, u64),
    ) {
        self.known.retain(|&address, (_, found)| {
            if !*found {
                freed(address);
            }
            std::mem::take(found)
        });
        for (address, bytes) in self.new.drain(..) {
            // A buffer that was released and allocated again during the reading was found twice.
            if self.known.insert(address, (bytes, false)).is_none() {
                allocated(address, bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_given_once() {
        let mut buffers = Buffers::default();
        let mut look = |found: &[(usize, u64)]| {
            let (mut freed, mut allocated) = (Vec::new(), Vec::new());
            for &(address, bytes) in found {
                buffers.enter(address, bytes);
            }
            buffers.settle(
                |address| freed.push(address),
                |address, bytes| allocated.push((address, bytes)),
            );
            freed.sort_unstable();
            (freed, allocated)
        };
        assert_eq!(look(&[(1, 10), (2, 20)]), (vec![], vec![(1, 10), (2, 20)]));
        assert_eq!(look(&[(1, 10), (2, 20)]), (vec![], vec![]));
        assert_eq!(
            look(&[(1, 10), (2, 40)]),
            (vec![2], vec![(2, 40)]),
            "another size"
        );
        assert_eq!(
            look(&[(3, 5), (3, 5)]),
            (vec![1, 2], vec![(3, 5)]),
            "met twice"
        );
        assert_eq!(look(&[]), (vec![3], vec![]));
    }
}

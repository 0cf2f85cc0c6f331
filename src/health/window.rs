//! The last `n` values of something, in memory taken once.

/// A ring of the latest values; the oldest makes room for the newest.
#[derive(Debug)]
pub(crate) struct Window<T> {
    /// In arrival order while filling; a ring starting at `next` once full.
    values: Vec<T>,
    length: usize,
    next: usize,
}

impl<T: Copy> Window<T> {
    /// An empty window of at most `length` values, at least one. Takes all its memory now.
    pub(crate) fn new(length: usize) -> Self {
        let length = length.max(1);
        Self {
            values: Vec::with_capacity(length),
            length,
            next: 0,
        }
    }

    /// Adds a value and gives back the one that had to leave.
    pub(crate) fn push(&mut self, value: T) -> Option<T> {
        if self.values.len() < self.length {
            self.values.push(value);
            return None;
        }
        let left = std::mem::replace(&mut self.values[self.next], value);
        self.next = (self.next + 1) % self.length;
        Some(left)
    }

    /// The values, in no particular order.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// How many values there can be.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

//! Inserting, removing and taking the elements of a list.

use std::fmt;
use std::slice;

use super::FrameVec;

impl<T> FrameVec<'_, T> {
    /// Inserts an element at `index`, and moves those from there on back by one place.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let mut list = framepool::FrameVec::new_in(&frame);
    /// list.extend([1, 3]);
    /// list.insert(1, 2);
    /// assert_eq!(*list, [1, 2, 3]);
    /// ```
    ///
    /// # Panics
    ///
    /// If `index` is greater than the length, and where [`try_reserve`](Self::try_reserve) returns an error.
    #[track_caller]
    pub fn insert(&mut self, index: usize, element: T) {
        let len = self.len();
        assert!(
            index <= len,
            "element {index} of a list of {len}: insert at {len} at most"
        );
        self.push(element);
        self[index..].rotate_right(1);
    }

    /// Removes the element at `index`, and moves those behind it forward by one place.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let mut list = framepool::FrameVec::new_in(&frame);
    /// list.extend([1, 2, 3]);
    /// assert_eq!((list.remove(0), &*list), (1, &[2, 3][..]));
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such element.
    #[track_caller]
    pub fn remove(&mut self, index: usize) -> T {
        let len = self.len();
        assert!(index < len, "element {index} of a list of {len}");
        self[index..].rotate_left(1);
        self.pop().expect("the list has the element")
    }

    /// Removes the element at `index`, and moves the last one there.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let mut list = framepool::FrameVec::new_in(&frame);
    /// list.extend([1, 2, 3]);
    /// assert_eq!((list.swap_remove(0), &*list), (1, &[3, 2][..]));
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such element.
    #[track_caller]
    pub fn swap_remove(&mut self, index: usize) -> T {
        let last = self.len.wrapping_sub(1);
        self.swap(index, last);
        self.pop().expect("the list has the element")
    }

    /// Drops the elements for which `keep` returns false. The others stay in their order.
    ///
    /// If `keep` panics, the list has all elements, in another order.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let mut list = framepool::FrameVec::new_in(&frame);
    /// list.extend(1..10);
    /// list.retain(|n| n % 3 == 0);
    /// assert_eq!(*list, [3, 6, 9]);
    /// ```
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut kept = 0;
        for index in 0..self.len() {
            if keep(&self[index]) {
                self.swap(kept, index);
                kept += 1;
            }
        }
        self.truncate(kept);
    }
}

impl<'l, T> IntoIterator for &'l FrameVec<'_, T> {
    type Item = &'l T;
    type IntoIter = slice::Iter<'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'l, T> IntoIterator for &'l mut FrameVec<'_, T> {
    type Item = &'l mut T;
    type IntoIter = slice::IterMut<'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// Takes the elements out, the first one first.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let frame = pool.begin_frame();
/// let mut names = framepool::FrameVec::new_in(&frame);
/// names.extend(["sky", "sea"].map(String::from));
/// let owned: Vec<String> = names.into_iter().collect();
/// assert_eq!(owned, ["sky", "sea"]);
/// ```
impl<'f, T> IntoIterator for FrameVec<'f, T> {
    type Item = T;
    type IntoIter = IntoIter<'f, T>;

    fn into_iter(mut self) -> Self::IntoIter {
        // Then the next one is always the last.
        self.reverse();
        IntoIter { reversed: self }
    }
}

/// The elements of a [`FrameVec`]: see its [`into_iter`](FrameVec::into_iter). Dropping it drops the rest, the last one first.
pub struct IntoIter<'f, T> {
    reversed: FrameVec<'f, T>,
}

impl<T> Iterator for IntoIter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.reversed.pop()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.reversed.len(), Some(self.reversed.len()))
    }
}

impl<T> ExactSizeIterator for IntoIter<'_, T> {}
impl<T> std::iter::FusedIterator for IntoIter<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for IntoIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.reversed.iter().rev()).finish()
    }
}

//! Arithmetic with counts that wrap at 2^64.

/// Raises a count to its previous value, if it is less. Counts wrap.
pub(crate) fn raise(count: &mut u64, before: u64) {
    if (before.wrapping_sub(*count) as i64) > 0 {
        *count = before;
    }
}

/// Raises `released` until at most `max` of `lent` is in use.
pub(crate) fn raise_releases(lent: u64, released: &mut u64, max: u64) {
    if lent.wrapping_sub(*released) > max {
        *released = lent.wrapping_sub(max);
    }
}

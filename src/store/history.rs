//! A bounded, immutable history: adding an entry makes a new history.
//!
//! The copy is one pointer for each entry kept, five times a second on the monitor's thread. A reader may keep an old
//! history as long as it likes; no thread waits for it.

use crate::sync::Arc;

/// The latest entries at one moment, the oldest first.
#[derive(Debug)]
pub(crate) struct History<T>(Vec<Arc<T>>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> History<T> {
    /// This history with one more entry, which is always kept, and without the oldest ones beyond `most`.
    pub(crate) fn with(&self, entry: Arc<T>, most: usize) -> Self {
        let kept_before = self.0.len().min(most.max(1) - 1);
        let mut entries = Vec::with_capacity(kept_before + 1);
        entries.extend_from_slice(&self.0[self.0.len() - kept_before..]);
        entries.push(entry);
        Self(entries)
    }

    /// The latest entry.
    pub(crate) fn latest(&self) -> Option<&Arc<T>> {
        self.0.last()
    }

    /// All entries, the oldest first.
    pub(crate) fn to_vec(&self) -> Vec<Arc<T>> {
        self.0.clone()
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_history_keeps_the_last_entries() {
        for most in [0, 1, 2, 15, 300] {
            let mut history = History::default();
            assert!(history.latest().is_none() && history.to_vec().is_empty());
            for number in 0..700_u64 {
                history = history.with(Arc::new(number), most);
                assert_eq!(history.latest().map(|entry| **entry), Some(number));
                let first = (number + 1).saturating_sub(most.max(1) as u64);
                let kept = history.to_vec().into_iter().map(|entry| *entry);
                assert!(kept.eq(first..=number), "{most} at most");
            }
        }
    }
}

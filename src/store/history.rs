//! A bounded, immutable history: adding an entry makes a new history, which shares nearly all nodes with the old one.
//!
//! Entries have numbers, counted from the first one ever added. They are the leaves of a tree with 16 children per node.
//! The digits of an entry's number, base 16, are the path from the root to it:
//!
//! ```text
//!   number 0x123:  root ─1─▶ node ─2─▶ leaf ─3─▶ entry
//! ```
//!
//! Adding an entry copies the nodes on its path; forgetting the oldest one copies those on its path. A node holds 16
//! pointers, so the cost grows with the digits of the number of entries ever added, not with the number kept. A node whose
//! entries are all forgotten is dropped. A reader may keep an old history as long as it likes; no thread waits for it.

use crate::sync::Arc;

/// Bits of an entry's number per level of the tree.
const DIGIT: u32 = 4;
const CHILDREN: usize = 1 << DIGIT;

/// The latest entries, at one moment.
#[derive(Debug)]
pub(crate) struct History<T> {
    root: Option<Arc<Node<T>>>,
    /// Levels above the leaves' parents: the root selects by digit number `height` of an entry's number.
    height: u32,
    /// The number of the oldest entry kept.
    oldest: u64,
    /// The number that the next entry gets.
    next: u64,
}

#[derive(Debug)]
enum Node<T> {
    Branch([Option<Arc<Self>>; CHILDREN]),
    Leaf([Option<Arc<T>>; CHILDREN]),
}

impl<T> History<T> {
    /// An empty history.
    pub(crate) fn new() -> Self {
        Self {
            root: None,
            height: 0,
            oldest: 0,
            next: 0,
        }
    }

    /// This history with one more entry, and without the oldest ones beyond `most`.
    ///
    /// The new entry is always kept.
    pub(crate) fn with(&self, entry: Arc<T>, most: usize) -> Self {
        let number = self.next;
        let mut root = self.root.clone();
        let mut height = self.height;
        while digit(number, height + 1) > 0 {
            // One more digit: the old root becomes the new root's first child.
            height += 1;
            let mut children = [const { None }; CHILDREN];
            children[0] = root.take();
            root = Some(Arc::new(Node::Branch(children)));
        }
        let mut oldest = self.oldest;
        root = changed(root.as_deref(), height, number, Some(entry));
        let next = number + 1;
        while next - oldest > most.max(1) as u64 {
            root = changed(root.as_deref(), height, oldest, None);
            oldest += 1;
        }
        Self {
            root,
            height,
            oldest,
            next,
        }
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        (self.next - self.oldest) as usize
    }

    /// The latest entry.
    pub(crate) fn latest(&self) -> Option<&Arc<T>> {
        let number = self.next.checked_sub(1)?;
        let mut at = self.root.as_deref()?;
        let mut height = self.height;
        loop {
            match at {
                Node::Leaf(entries) => return entries[digit(number, 0)].as_ref(),
                Node::Branch(children) => {
                    at = children[digit(number, height)].as_deref()?;
                    height -= 1;
                }
            }
        }
    }

    /// All entries, the oldest first.
    pub(crate) fn to_vec(&self) -> Vec<Arc<T>> {
        let mut entries = Vec::with_capacity(self.len());
        if let Some(root) = &self.root {
            root.collect(&mut entries);
        }
        entries
    }
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Node<T> {
    fn collect(&self, entries: &mut Vec<Arc<T>>) {
        match self {
            Self::Leaf(own) => entries.extend(own.iter().flatten().cloned()),
            Self::Branch(children) => {
                children
                    .iter()
                    .flatten()
                    .for_each(|child| child.collect(entries));
            }
        }
    }
}

/// Digit number `level` of an entry's number; 0 beyond the last.
fn digit(number: u64, level: u32) -> usize {
    number.checked_shr(level * DIGIT).unwrap_or(0) as usize % CHILDREN
}

/// A copy of the node with `entry` at `number`; `None` if it would be empty.
fn changed<T>(
    node: Option<&Node<T>>,
    height: u32,
    number: u64,
    entry: Option<Arc<T>>,
) -> Option<Arc<Node<T>>> {
    let place = digit(number, height);
    if height == 0 {
        let mut entries = match node {
            Some(Node::Leaf(entries)) => entries.clone(),
            _ => [const { None }; CHILDREN],
        };
        entries[place] = entry;
        let is_empty = entries.iter().all(Option::is_none);
        return (!is_empty).then(|| Arc::new(Node::Leaf(entries)));
    }
    let mut children = match node {
        Some(Node::Branch(children)) => children.clone(),
        _ => [const { None }; CHILDREN],
    };
    children[place] = changed(children[place].as_deref(), height - 1, number, entry);
    let is_empty = children.iter().all(Option::is_none);
    (!is_empty).then(|| Arc::new(Node::Branch(children)))
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    fn numbers(history: &History<u64>) -> Vec<u64> {
        history.to_vec().iter().map(|entry| **entry).collect()
    }

    fn nodes<T>(node: &Node<T>) -> usize {
        match node {
            Node::Leaf(_) => 1,
            Node::Branch(children) => {
                1 + children
                    .iter()
                    .flatten()
                    .map(|child| nodes(child))
                    .sum::<usize>()
            }
        }
    }

    #[test]
    fn a_history_keeps_the_last_entries() {
        for most in [0, 1, 2, 15, 16, 17, 300, 5_000] {
            let mut history = History::new();
            assert!(history.latest().is_none() && history.to_vec().is_empty());
            for number in 0..4_200 {
                history = history.with(Arc::new(number), most);
                assert_eq!(history.latest().map(|entry| **entry), Some(number));
                let kept = (number + 1).min(most.max(1) as u64);
                assert_eq!(history.len() as u64, kept);
                if number % 97 == 0 {
                    let expected: Vec<u64> = (number + 1 - kept..=number).collect();
                    assert_eq!(numbers(&history), expected, "{most} at most");
                }
            }
        }
    }

    #[test]
    fn an_older_history_stays_as_it_was() {
        let mut history = History::new();
        let mut earlier = Vec::new();
        for number in 0..600_u64 {
            history = history.with(Arc::new(number), 40);
            earlier.push(History {
                root: history.root.clone(),
                ..history
            });
        }
        for (number, history) in (0_u64..).zip(&earlier) {
            let expected: Vec<u64> = ((number + 1).saturating_sub(40)..=number).collect();
            assert_eq!(numbers(history), expected);
        }
    }

    #[test]
    fn forgotten_entries_and_their_nodes_are_freed() {
        let mut history = History::new();
        let mut entries = Vec::new();
        for number in 0..70_000_u64 {
            let entry = Arc::new(number);
            entries.push(Arc::downgrade(&entry));
            history = history.with(entry, 20);
        }
        let alive = entries.iter().filter(|entry| entry.strong_count() > 0);
        assert_eq!(alive.count(), 20);
        // Three leaves at most, and on each of the four levels above them two nodes.
        assert!(nodes(history.root.as_deref().unwrap()) <= 3 + 4 * 2);
    }

    /// Nodes of `after` that are not nodes of `before`.
    fn fresh<T>(before: Option<&Arc<Node<T>>>, after: &Arc<Node<T>>) -> usize {
        if before.is_some_and(|before| Arc::ptr_eq(before, after)) {
            return 0;
        }
        let Node::Branch(children) = &**after else {
            return 1;
        };
        let place_before = |place: usize| match before.map(|node| &**node) {
            Some(Node::Branch(children)) => children[place].as_ref(),
            _ => None,
        };
        let own = children.iter().enumerate();
        1 + own
            .filter_map(|(place, child)| Some(fresh(place_before(place), child.as_ref()?)))
            .sum::<usize>()
    }

    #[test]
    fn an_added_entry_copies_few_nodes_however_long() {
        let mut history = History::new();
        let entry = Arc::new(());
        for number in 0..200_000_u64 {
            let next = history.with(Arc::clone(&entry), 100_000);
            if number > 70_000 && number % 1_000 == 1 {
                // On the paths of the added entry and of the forgotten one: five levels each.
                let root = next.root.as_ref().unwrap();
                assert!(fresh(history.root.as_ref(), root) < 10);
            }
            history = next;
        }
        assert_eq!(history.len(), 100_000);
    }
}

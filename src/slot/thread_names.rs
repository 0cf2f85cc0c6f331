//! The names of the threads that have slots or buffers in use. A block names its thread in 18 bits.
//!
//! A name keeps its number while it is needed. A slot stores the number of its owner's name, and the state of an allocated block
//! repeats it. Blocks do not count their references, because that would cost every alloc. So a name that no slot refers to stays
//! until a sweep finds no allocated block with its number.
//!
//! # The sweep
//!
//! 1. Begin: count the sweep, under the lock.
//! 2. Walk over the allocated blocks, and collect their numbers. Only one walker reads blocks at a time (`pool/inner.rs`, `walks`).
//! 3. End, under the lock: free every name that no slot refers to, that no slot acquired or released since step 1, and whose number was
//!    not collected in step 2.
//!
//! A number in an allocated block is never freed. The slot's owner allocated the block between acquiring and releasing the number.
//! If the release came before step 1, the lock orders the block's state before the walk, which finds it unless the block
//! was released. Otherwise step 3 sees the slot's reference, or its release since step 1.
//!
//! The thread that adds a name starts a sweep when there are twice as many names as the last sweep left. So there are
//! at most about twice as many names as threads with a slot or with buffers in use.

use crate::blocks::state::THREAD_BITS;
use crate::sync::{AtomicBool, AtomicU64, ForkLock, Ordering, Rank};

const UNNAMED: u32 = 0;
const OTHERS: u32 = 1;
const FIRST: u32 = 2;
/// The most names: the numbers that fit in a block's state, without the one for no name.
const MAX: usize = (1 << THREAD_BITS) - 1 - FIRST as usize;
/// Up to this many names need no sweep.
const FEW: usize = 64;

/// The names in use.
#[derive(Debug)]
pub(crate) struct ThreadNames {
    kept: ForkLock<Kept>,
    /// Bytes of the names. Written under the lock, read without it.
    bytes: AtomicU64,
    /// Whether it is time for a sweep. Written under the lock, read without it.
    crowded: AtomicBool,
}

#[derive(Debug)]
struct Kept {
    /// By number minus [`FIRST`].
    entries: Vec<Option<Entry>>,
    /// The places in `entries`, in the order of the names.
    by_name: Vec<u32>,
    /// Free places in `entries`. Has room for all places.
    free: Vec<u32>,
    /// The number of sweeps begun.
    sweeps: u64,
    /// The number of names that the last sweep left.
    left: usize,
    /// Bytes of all names.
    text: usize,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    /// Slots whose owners have this name.
    slots: u32,
    /// The value of `sweeps` when a slot last acquired or released it.
    touched: u64,
}

impl ThreadNames {
    pub(crate) fn new() -> Self {
        Self {
            kept: ForkLock::new(
                Rank::Notes,
                Kept {
                    entries: Vec::new(),
                    by_name: Vec::new(),
                    free: Vec::new(),
                    sweeps: 0,
                    left: 0,
                    text: 0,
                },
            ),
            bytes: AtomicU64::new(0),
            crowded: AtomicBool::new(false),
        }
    }

    /// Acquires the number of the calling thread's name, until it is released.
    pub(crate) fn acquire_own(&self) -> u32 {
        if cfg!(any(framepool_loom, framepool_shuttle)) {
            // All threads of a model are coroutines of one thread, so they have no names. The lock would also order
            // the owners of a slot, which the slot itself must do.
            return UNNAMED;
        }
        match std::thread::current().name() {
            None => UNNAMED,
            Some(name) => self.acquire(name),
        }
    }

    /// Acquires the number of this name, until it is released; without memory, the number for all other threads.
    pub(crate) fn acquire(&self, name: &str) -> u32 {
        let mut kept = self.kept.lock();
        let number = kept.acquire(name).unwrap_or(OTHERS);
        self.note(&kept);
        number
    }

    /// Gives up a slot's hold on a number.
    pub(crate) fn release(&self, number: u32) {
        if number < FIRST {
            return;
        }
        let mut kept = self.kept.lock();
        let sweeps = kept.sweeps;
        if let Some(entry) = kept.entry(number) {
            entry.slots -= 1;
            entry.touched = sweeps;
        }
    }

    /// Whether it is time for a sweep.
    pub(crate) fn is_crowded(&self) -> bool {
        // Relaxed: as in `note`.
        self.crowded.load(Ordering::Relaxed)
    }

    /// Frees the names that no slot holds and that are not in `lent`, the numbers in the states of all allocated
    /// blocks. Only for the one walker.
    pub(crate) fn sweep(&self, lent: impl Iterator<Item = u32>) {
        let mut found = Vec::new();
        let sweep = {
            let mut kept = self.kept.lock();
            if found.try_reserve_exact(kept.entries.len()).is_err() {
                return;
            }
            found.resize(kept.entries.len(), false);
            kept.sweeps += 1;
            kept.sweeps
        };
        for number in lent {
            let place = number.wrapping_sub(FIRST) as usize;
            if let Some(found) = found.get_mut(place) {
                *found = true;
            }
        }
        let mut kept = self.kept.lock();
        kept.free_unless(|place, entry| {
            entry.slots > 0 || entry.touched >= sweep || found.get(place).is_none_or(|found| *found)
        });
        self.note(&kept);
    }

    /// Passes the name with this number to `read`.
    pub(crate) fn read<R>(&self, number: u32, read: impl FnOnce(&str) -> R) -> R {
        match number {
            UNNAMED => read("unnamed"),
            _ => match self.kept.lock().entry(number) {
                Some(entry) => read(&entry.name),
                None => read("(other threads)"),
            },
        }
    }

    /// Bytes the names occupy.
    pub(crate) fn bytes(&self) -> u64 {
        // Relaxed: for statistics.
        self.bytes.load(Ordering::Relaxed) + ForkLock::<Kept>::BYTES
    }

    fn note(&self, kept: &Kept) {
        let lists = kept.entries.capacity() * size_of::<Option<Entry>>()
            + (kept.by_name.capacity() + kept.free.capacity()) * size_of::<u32>();
        // Relaxed: for statistics.
        self.bytes
            .store((lists + kept.text) as u64, Ordering::Relaxed);
        let is_crowded = kept.by_name.len() > 2 * kept.left.max(FEW);
        // Relaxed: a late sweep does no harm.
        self.crowded.store(is_crowded, Ordering::Relaxed);
    }
}

impl Kept {
    fn entry(&mut self, number: u32) -> Option<&mut Entry> {
        let place = number.checked_sub(FIRST)?;
        self.entries.get_mut(place as usize)?.as_mut()
    }

    /// The number of this name, with one more slot that holds it; `None` without memory or a free number.
    fn acquire(&mut self, name: &str) -> Option<u32> {
        let entries = &self.entries;
        let text_at = |place: u32| entries[place as usize].as_ref().map(|entry| &*entry.name);
        let found = self
            .by_name
            .binary_search_by(|place| text_at(*place).cmp(&Some(name)));
        let place = match found {
            Ok(at) => self.by_name[at],
            Err(at) => self.add(name, at)?,
        };
        let sweeps = self.sweeps;
        let number = FIRST + place;
        let entry = self.entry(number)?;
        entry.slots += 1;
        entry.touched = sweeps;
        Some(number)
    }

    /// Adds a new name at position `at` in the order of the names.
    fn add(&mut self, name: &str, at: usize) -> Option<u32> {
        if self.free.is_empty() {
            let count = self.entries.len();
            if count == MAX {
                return None;
            }
            self.entries.try_reserve(1).ok()?;
            // So that a sweep needs no memory.
            self.free.try_reserve(count + 1).ok()?;
            self.entries.push(None);
            self.free.push(count as u32);
        }
        self.by_name.try_reserve(1).ok()?;
        let mut text = String::new();
        text.try_reserve_exact(name.len()).ok()?;
        text.push_str(name);
        let place = self.free.pop()?;
        self.by_name.insert(at, place);
        self.text += name.len();
        self.entries[place as usize] = Some(Entry {
            name: text.into_boxed_str(),
            slots: 0,
            touched: 0,
        });
        Some(place)
    }

    /// Frees the names that are not kept.
    fn free_unless(&mut self, keep: impl Fn(usize, &Entry) -> bool) {
        let entries = &mut self.entries;
        let (free, text) = (&mut self.free, &mut self.text);
        self.by_name.retain(|&place| {
            let entry = &mut entries[place as usize];
            let is_kept = entry
                .as_ref()
                .is_some_and(|entry| keep(place as usize, entry));
            if !is_kept && let Some(entry) = entry.take() {
                *text -= entry.name.len();
                free.push(place);
            }
            is_kept
        });
        self.left = self.by_name.len();
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    fn name(names: &ThreadNames, number: u32) -> String {
        names.read(number, ToOwned::to_owned)
    }

    #[test]
    fn threads_of_one_name_share_a_number() {
        let names = ThreadNames::new();
        let [a, b] = ["render", "audio"].map(|name| names.acquire(name));
        assert_ne!(a, b);
        assert_eq!(names.acquire("render"), a);
        assert_eq!(name(&names, a), "render");
        assert_eq!(name(&names, b), "audio");
        assert_eq!(name(&names, UNNAMED), "unnamed");
    }

    #[test]
    fn a_sweep_frees_exactly_what_nobody_needs() {
        let names = ThreadNames::new();
        let numbers: Vec<u32> = (0..10).map(|i| names.acquire(&i.to_string())).collect();
        let bytes = names.bytes();
        // 0 to 3 have a slot, 3 to 6 a buffer; 9 is acquired again, and released, during the sweep.
        for &number in &numbers[4..] {
            names.release(number);
        }
        let mut lent = numbers[3..7].iter().copied();
        names.sweep(std::iter::from_fn(|| {
            assert_eq!(names.acquire("9"), numbers[9]);
            names.release(numbers[9]);
            lent.next()
        }));
        for (at, &number) in numbers.iter().enumerate() {
            let is_kept = at < 7 || at == 9;
            let expected = if is_kept {
                at.to_string()
            } else {
                "(other threads)".to_owned()
            };
            assert_eq!(name(&names, number), expected);
        }
        assert_eq!(names.bytes(), bytes - 2);
        // Free places are reused.
        let again = [names.acquire("x"), names.acquire("y")];
        assert!(again.iter().all(|number| numbers[7..9].contains(number)));
        assert_eq!(names.bytes(), bytes);
    }

    #[test]
    fn a_name_held_twice_is_released_twice() {
        let names = ThreadNames::new();
        let number = names.acquire("worker");
        names.acquire("worker");
        names.release(number);
        names.sweep(std::iter::empty());
        assert_eq!(name(&names, number), "worker");
        names.release(number);
        names.sweep(std::iter::empty());
        assert_eq!(name(&names, number), "(other threads)");
    }
}

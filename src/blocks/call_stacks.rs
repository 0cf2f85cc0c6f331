//! The distinct call stacks of sampled buffers, as addresses, in a table of fixed size.
//!
//! A place of the table goes through three states, each once:
//!
//! ```text
//!   VACANT ── compare-exchange, by the thread that has a new stack ──▶ WRITING ── Release ──▶ the stack's hash
//! ```
//!
//! A stack never changes after that, and is freed with the pool. So a block's record can point to it, and a walker can read it at
//! any time while the pool lives. No thread waits: one that finds `WRITING` tries the next place. So two threads with the same
//! new stack may store it twice, and reports then have two equal entries.
//!
//! Each stack has counts of the buffers ever sampled with it. Several threads add to them, two atomic additions a sample.
//!
//! Capturing writes to an array on the thread's stack, and storing copies it. Neither allocates memory or takes a
//! lock of ours. The system's unwinder may take its own lock; that of glibc 2.35 and later takes none. A thread's first sample
//! asks the C library for the bounds of its stack, which may allocate (`own_stack.rs`).

#![expect(
    unsafe_code,
    reason = "a stack is written once, by the thread that claimed its place"
)]

use std::panic::Location;
use std::ptr::{self, NonNull};

#[cfg(feature = "backtrace")]
use crate::blocks::return_words::ReturnWords;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, UnsafeCell, sized};
use crate::telemetry::call_stack::Stack;

/// Distinct stacks of a pool.
const PLACES: usize = sized(1024, 8, 2);
/// The most places that are tried for a stack.
const PROBES: usize = sized(16, 4, 2);

const VACANT: u64 = 0;
const WRITING: u64 = 1;

/// The line of code that allocated a buffer, and its call stack.
#[derive(Debug)]
pub(crate) struct CallStack {
    pub(crate) site: &'static Location<'static>,
    pub(crate) stack: Stack,
    /// Where the first thread that found it had its return addresses.
    #[cfg(feature = "backtrace")]
    pub(crate) words: ReturnWords,
    /// The buffers that were sampled with it.
    #[cfg(feature = "backtrace")]
    pub(crate) taken: Taken,
}

/// Sampled buffers since the pool was made: numbers that only grow.
#[cfg(feature = "backtrace")]
#[derive(Debug)]
pub(crate) struct Taken {
    small: [AtomicU64; 2],
    large: [AtomicU64; 2],
}

#[cfg(feature = "backtrace")]
impl Taken {
    fn new() -> Self {
        Self {
            small: [AtomicU64::new(0), AtomicU64::new(0)],
            large: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Counts a buffer.
    pub(crate) fn add(&self, bytes: u64, is_large: bool) {
        let [buffers, sum] = if is_large { &self.large } else { &self.small };
        // Relaxed, both: numbers of their own.
        buffers.fetch_add(1, Ordering::Relaxed);
        sum.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The small and the large buffers: how many, and their bytes.
    pub(crate) fn read(&self) -> [[u64; 2]; 2] {
        // Relaxed: as in `add`.
        [&self.small, &self.large]
            .map(|of| [&of[0], &of[1]].map(|number| number.load(Ordering::Relaxed)))
    }
}

#[derive(Debug)]
struct Place {
    /// `VACANT`, `WRITING`, or the hash.
    state: AtomicU64,
    /// Written while the state is `WRITING`, and read only after the hash was seen.
    stack: UnsafeCell<Option<CallStack>>,
}

/// The stacks of a pool.
#[derive(Debug)]
pub(crate) struct CallStacks {
    /// The places; null until `prepare`.
    places: AtomicPtr<Place>,
    /// Stacks that found no place.
    lost: AtomicU64,
    /// The buffers sampled with them.
    #[cfg(feature = "backtrace")]
    pub(crate) unlisted: Taken,
}

// SAFETY: the state of a place decides which thread may access its cell; addresses may be used from any thread.
unsafe impl Send for CallStacks {}
// SAFETY: as above.
unsafe impl Sync for CallStacks {}

impl CallStacks {
    pub(crate) fn new() -> Self {
        Self {
            places: AtomicPtr::new(ptr::null_mut()),
            lost: AtomicU64::new(0),
            #[cfg(feature = "backtrace")]
            unlisted: Taken::new(),
        }
    }

    /// Allocates the places, if there are none and if there is memory for them. Only under a lock that no worker
    /// takes.
    pub(crate) fn prepare(&self) {
        // Relaxed: only changed under the caller's lock.
        if !self.places.load(Ordering::Relaxed).is_null() {
            return;
        }
        let mut places = Vec::new();
        if places.try_reserve_exact(PLACES).is_err() {
            return;
        }
        places.extend((0..PLACES).map(|_| Place {
            state: AtomicU64::new(VACANT),
            stack: UnsafeCell::new(None),
        }));
        let places = Box::into_raw(places.into_boxed_slice());
        // Release: pairs with the Acquire in `places`.
        self.places.store(places.cast(), Ordering::Release);
    }

    fn places(&self) -> &[Place] {
        // Acquire: pairs with the Release in `prepare`.
        let places = self.places.load(Ordering::Acquire);
        if places.is_null() {
            return &[];
        }
        // SAFETY: `prepare` made this number of them, and they are freed with `self`.
        unsafe { std::slice::from_raw_parts(places, PLACES) }
    }

    /// The entry of this stack, added if it is new; `None` if there is no place for it.
    pub(crate) fn intern(
        &self,
        site: &'static Location<'static>,
        stack: &Stack,
        #[cfg(feature = "backtrace")] words: &ReturnWords,
    ) -> Option<NonNull<CallStack>> {
        let key = hash(site, stack);
        for place in self
            .places()
            .iter()
            .cycle()
            .skip(key as usize % PLACES)
            .take(PROBES)
        {
            // Acquire: pairs with the Release below; the stack is complete.
            let mut state = place.state.load(Ordering::Acquire);
            if state == VACANT {
                // Relaxed: the Release below publishes the stack. Acquire on failure: as above.
                match place.state.compare_exchange(
                    VACANT,
                    WRITING,
                    Ordering::Relaxed,
                    Ordering::Acquire,
                ) {
                    Ok(_) => {
                        // SAFETY: the exchange claimed the place for this thread.
                        place.stack.with_mut(|it| unsafe {
                            *it = Some(CallStack {
                                site,
                                stack: *stack,
                                #[cfg(feature = "backtrace")]
                                words: *words,
                                #[cfg(feature = "backtrace")]
                                taken: Taken::new(),
                            });
                        });
                        // Release: pairs with the Acquires above.
                        place.state.store(key, Ordering::Release);
                        return place.entry();
                    }
                    Err(seen) => state = seen,
                }
            }
            if state == key {
                let entry = place.entry();
                // SAFETY: the hash was seen, so the stack is complete and does not change.
                let known = entry.map(|it| unsafe { it.as_ref() });
                let is_same = known.is_some_and(|it| ptr::eq(it.site, site) && it.stack == *stack);
                if is_same {
                    return entry;
                }
            }
        }
        // Relaxed: no other data depends on it.
        self.lost.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Sampled buffers whose stack found no place.
    pub(crate) fn lost(&self) -> u64 {
        // Relaxed: no other data depends on it.
        self.lost.load(Ordering::Relaxed)
    }

    /// The stacks stored so far.
    #[cfg(feature = "backtrace")]
    pub(crate) fn entries(&self) -> impl Iterator<Item = NonNull<CallStack>> {
        let places = self.places().iter();
        // Acquire: pairs with the Release in `intern`; the stack is whole.
        let stored = places.filter(|place| place.state.load(Ordering::Acquire) > WRITING);
        stored.filter_map(Place::entry)
    }

    /// Bytes of the places.
    #[cfg(feature = "backtrace")]
    pub(crate) fn bytes(&self) -> u64 {
        size_of_val(self.places()) as u64
    }
}

impl Place {
    /// The stack of a place whose hash was seen.
    fn entry(&self) -> Option<NonNull<CallStack>> {
        // SAFETY: the hash was seen, or this thread stored it, so the stack is not written any more.
        self.stack
            .with(|it| unsafe { (*it).as_ref() }.map(NonNull::from))
    }
}

impl Drop for CallStacks {
    fn drop(&mut self) {
        // Relaxed: the thread that frees the pool has exclusive access.
        let places = self.places.load(Ordering::Relaxed);
        if !places.is_null() {
            // SAFETY: made by `prepare` from a box of this length, and freed once.
            drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(places, PLACES)) });
        }
    }
}

/// A hash that differs from the other two states.
fn hash(site: &'static Location<'static>, stack: &Stack) -> u64 {
    let words =
        std::iter::once(ptr::from_ref(site).addr()).chain(stack.addresses().iter().copied());
    let hash = words.fold(0_u64, |hash, word| {
        (hash.rotate_left(23) ^ word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    (hash ^ (hash >> 32)) | 2
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    /// Some line.
    const SITE: &Location<'_> = Location::caller();

    fn stack(addresses: &[usize]) -> Stack {
        let mut stack = Stack::default();
        for &address in addresses {
            stack.push(address);
        }
        stack
    }

    /// The entry of the stack with these addresses.
    fn intern(stacks: &CallStacks, addresses: &[usize]) -> Option<NonNull<CallStack>> {
        stacks.intern(SITE, &stack(addresses), &ReturnWords::default())
    }

    #[test]
    fn equal_stacks_share_an_entry() {
        let stacks = CallStacks::new();
        assert_eq!(intern(&stacks, &[1]), None, "nothing is prepared");
        stacks.prepare();
        let first = intern(&stacks, &[1, 2]);
        assert!(first.is_some());
        assert_eq!(intern(&stacks, &[1, 2]), first);
        assert_ne!(intern(&stacks, &[2, 1]), first);
        let elsewhere = stacks.intern(Location::caller(), &stack(&[1, 2]), &ReturnWords::default());
        assert_ne!(elsewhere, first);
    }

    #[test]
    fn full_table_counts_lost_stacks() {
        let stacks = CallStacks::new();
        stacks.prepare();
        let stored = (0..4 * PLACES).filter(|&at| intern(&stacks, &[at]).is_some());
        let stored = stored.count();
        assert!(stored <= PLACES && stored > PLACES / 2);
        assert_eq!(stacks.lost(), (4 * PLACES - stored) as u64);
    }
}

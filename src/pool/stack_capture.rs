//! Capturing the calling thread's stack: by the unwinder, or by recognising one that it found before.
//!
//! The unwinder interprets tables for each function, so a stack takes it microseconds. But programs allocate at the same lines with the same
//! callers again and again, and then the thread's stack looks the same.
//!
//! # Protocol
//!
//! ```text
//!   addresses           …                │ frame of the caller's caller
//!      ▲      word 2 ─▶ return address   │
//!      │                …                │ frame of the caller
//!      │      word 1 ─▶ return address   │
//!      │      anchor ─▶ …                │ frame of `capture`
//! ```
//!
//! 1. The unwinder gives each return address, and where the frame ends whose last word holds it. The distances of these words from
//!    the *anchor*, a word in `capture`'s own frame, are stored with the stack in the pool's table.
//! 2. The thread remembers that it found this stack at this anchor ([`FOUND`]).
//! 3. At its next sample of the same line and anchor, it compares the words at these distances with the return addresses, from the
//!    innermost outwards. If all are equal, the stack is the same. Else it unwinds.
//!
//! # Why this is right
//!
//! *The same words are the same stack.* A call takes a fixed number of bytes of the stack. So the anchor gives the place of the word by which
//! `capture` returns. If it is equal, the caller is the same call of the same function. That gives the place of the next word, and so on, out
//! to the beginning of the thread. Only a function whose frame varies in size (`alloca`, or locals that need more than the stack's alignment)
//! can move the words beyond it. A comparison then reads some other word. If an earlier call left the same return address there, and so for
//! all words further out, the sample is counted for the callers of that call.
//!
//! *Each word can be read.* The same thread found return addresses in all of them, at the same anchor, and what lies between the anchor
//! and the beginning of a thread's stack stays there. A program that runs several stacks on one thread may free one and use its
//! addresses for another. There the first argument applies: each word lies in a frame whose call was just found equal.
//!
//! On processors other than x86-64 a return address has no fixed place in its frame, and every stack is unwound.
#![expect(
    unsafe_code,
    reason = "words of the thread's stack are read at their addresses"
)]

use std::cell::Cell;
use std::panic::Location;
use std::ptr::{self, NonNull};

use crate::blocks::call_stacks::CallStack;
use crate::blocks::return_words::ReturnWords;
use crate::pool::inner::PoolInner;
use crate::telemetry::call_stack::Stack;
use crate::telemetry::id::PoolId;

/// Stacks that a thread remembers.
const REMEMBERED: usize = 64;

/// A stack that the calling thread found by unwinding.
#[derive(Clone, Copy)]
struct Found {
    anchor: usize,
    pool: PoolId,
    entry: NonNull<CallStack>,
}

thread_local! {
    static FOUND: [Cell<Option<Found>>; REMEMBERED] = const { [const { Cell::new(None) }; REMEMBERED] };
}

impl PoolInner {
    /// The entry of the caller's stack in the pool's table; `None` if the table is full.
    ///
    /// Not inlined, so that the distance from the anchor to the caller's frame is the same in all calls.
    #[inline(never)]
    pub(super) fn capture(&self, site: &'static Location<'static>) -> Option<NonNull<CallStack>> {
        let mut stack = Stack::default();
        let anchor = ptr::from_ref(&stack).addr();
        if let Some(entry) = self.recognise(site, anchor) {
            return Some(entry);
        }
        let mut words = ReturnWords::default();
        let mut push = |frame: &backtrace::Frame| {
            let address = frame.ip().addr();
            // SAFETY: the unwinder walks the calling thread's frames.
            unsafe { words.note(stack.addresses().len(), anchor, address, frame.sp().addr()) };
            stack.push(address)
        };
        // SAFETY: the unwinder of Unix systems may run in several threads at once.
        #[cfg(unix)]
        unsafe {
            backtrace::trace_unsynchronized(&mut push);
        }
        #[cfg(not(unix))]
        backtrace::trace(&mut push);
        let entry = self.call_stacks.intern(site, &stack, &words)?;
        // SAFETY: an entry does not change, and lives as long as the pool.
        if words.suffice() && words == unsafe { entry.as_ref() }.words {
            let pool = self.id;
            let found = Some(Found {
                anchor,
                pool,
                entry,
            });
            FOUND.with(|places| places[place(site, anchor)].set(found));
        }
        Some(entry)
    }

    /// The stack that the calling thread found for this line at this anchor, if it is the thread's stack now.
    #[inline(always)]
    fn recognise(
        &self,
        site: &'static Location<'static>,
        anchor: usize,
    ) -> Option<NonNull<CallStack>> {
        let found = FOUND.with(|places| places[place(site, anchor)].get())?;
        if found.anchor != anchor || found.pool != self.id {
            return None;
        }
        // SAFETY: each pool has its own number, so the entry is one of this pool's, and lives as long.
        let entry = unsafe { found.entry.as_ref() };
        // SAFETY: the head of this file says why each word can be read.
        let is_same =
            ptr::eq(entry.site, site) && unsafe { entry.words.hold(&entry.stack, anchor) };
        is_same.then_some(found.entry)
    }
}

/// Where a thread remembers a stack of this line at this anchor.
fn place(site: &'static Location<'static>, anchor: usize) -> usize {
    let key = (ptr::from_ref(site).addr() as u64).rotate_left(32) ^ anchor as u64;
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % REMEMBERED
}

#[cfg(all(test, target_arch = "x86_64", not(framepool_loom)))]
mod tests {
    use std::hint::black_box;

    use super::*;
    use crate::blocks::call_stacks::CallStacks;
    use crate::{Attribution, BufferPool};

    /// Whether a stack is recognised after this change to what the thread remembers of it. Then its entry is not the one in the pool's
    /// table, but a copy, whose outermost return address is larger by `last`.
    fn is_recognised(last: usize, change: impl Fn(&mut Found)) -> bool {
        let builder = BufferPool::builder().attribution(Attribution::Backtraces);
        let (pool, site) = (builder.build().unwrap(), Location::caller());
        let mut entries = Vec::new();
        // The same call each time.
        for round in 0..black_box(2) {
            FOUND.with(|places| {
                let is_ours =
                    |it: &&Cell<Option<Found>>| it.get().is_some_and(|it| it.pool == pool.id());
                let mut ours = places.iter().filter(is_ours);
                assert_eq!(ours.clone().count(), round);
                if let Some(place) = ours.next() {
                    let mut found = place.get().unwrap();
                    found.entry = copy(found.entry, last);
                    entries.push(found.entry);
                    change(&mut found);
                    place.set(Some(found));
                }
            });
            entries.push(pool.inner().capture(site).unwrap());
        }
        let [unwound, copy, second] = entries[..] else {
            panic!("{entries:?}");
        };
        assert!(second == copy || second == unwound, "the same stack");
        second == copy
    }

    /// An equal stack with the last return address increased by this number, in a table of its own.
    fn copy(of: NonNull<CallStack>, last: usize) -> NonNull<CallStack> {
        let stacks = Box::leak(Box::new(CallStacks::new()));
        stacks.prepare();
        // SAFETY: the pool of this entry is alive.
        let of = unsafe { of.as_ref() };
        let mut stack = Stack::default();
        let (&outermost, others) = of.stack.addresses().split_last().unwrap();
        for &address in others.iter().chain([&(outermost + last)]) {
            stack.push(address);
        }
        stacks.intern(of.site, &stack, &of.words).unwrap()
    }

    #[test]
    fn known_stack_is_not_unwound() {
        assert!(is_recognised(0, |_| ()));
    }

    #[test]
    fn outermost_caller_is_compared_too() {
        assert!(!is_recognised(1, |_| ()));
    }

    #[test]
    fn stack_of_another_pool_or_anchor_is_unknown() {
        assert!(!is_recognised(0, |found| found.pool = PoolId(0)));
        assert!(!is_recognised(0, |found| found.anchor += size_of::<usize>()));
    }
}

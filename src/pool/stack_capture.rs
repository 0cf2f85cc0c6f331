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
//!    the *anchor*, the stack pointer of `capture`, are stored with the stack in the pool's table.
//! 2. The thread remembers that it found this stack at this anchor ([`FOUND`]).
//! 3. At its next sample of the same line and anchor, it compares the words at these distances with the return addresses, from the
//!    innermost outwards. If all are equal, the stack is the same. Else it unwinds.
//!
//! # Why this is right
//!
//! *Each word can be read.* A thread compares only words of its own stack, between the stack pointer and the beginning, of which the system
//! says where it is (`blocks/own_stack.rs`). A stack with callers elsewhere, as in a coroutine, is always unwound.
//!
//! *The same words are the same stack.* A call takes a fixed number of bytes of the stack. So the anchor gives the place of the word by which
//! `capture` returns. If it is equal, the caller is the same call of the same function. That gives the place of the next word, and so on, out
//! to the beginning of the thread. This fails for a function whose frame varies in size: a C function with `alloca`, or one that aligns
//! its frame for locals of 32 bytes and more. Then the words farther out have no fixed place, so an old return address that was left in its
//! frame can stand for the present one. If two functions with such frames are called at the same place in turns, all their samples may be
//! counted for one of them. It also fails if other code was loaded at the same address.
//!
//! On other systems and processors than Linux and x86-64, every stack is unwound.
#![expect(unsafe_code, reason = "an entry is read through a pointer to it")]

use std::cell::Cell;
use std::panic::Location;
use std::ptr::{self, NonNull};

use crate::blocks::call_stacks::CallStack;
use crate::blocks::own_stack::OwnStack;
use crate::blocks::return_words::ReturnWords;
use crate::pool::inner::PoolInner;
use crate::sync::plain_thread_local;
use crate::telemetry::call_stack::Stack;
use crate::telemetry::id::PoolId;

/// Stacks that a thread remembers, in sets. A line has one set for each anchor.
const SETS: usize = 16;
const IN_A_SET: usize = 4;

/// A stack that the calling thread found by unwinding.
#[derive(Clone, Copy, Debug)]
struct Found {
    anchor: usize,
    pool: PoolId,
    entry: NonNull<CallStack>,
}

/// The stacks of a set, the one that was found last first.
type Set = Cell<[Option<Found>; IN_A_SET]>;

plain_thread_local! {
    static FOUND: [Set; SETS] = [const { Cell::new([None; IN_A_SET]) }; SETS];
}

impl PoolInner {
    /// The entry of the caller's stack in the pool's table; `None` if the table is full.
    ///
    /// Not inlined, so that the anchor is the stack pointer of this function in all calls.
    #[inline(never)]
    pub(super) fn capture(&self, site: &'static Location<'static>) -> Option<NonNull<CallStack>> {
        // SAFETY: used in this call.
        let own = unsafe { OwnStack::from_here() };
        let known = own.as_ref().and_then(|own| self.recognise(site, own));
        known.or_else(|| self.unwind(site, own.as_ref()))
    }

    /// The stack that the calling thread found for this line at this anchor, if it is the thread's stack now.
    #[inline(always)]
    fn recognise(
        &self,
        site: &'static Location<'static>,
        own: &OwnStack,
    ) -> Option<NonNull<CallStack>> {
        let set = FOUND.try_with(|sets| sets[self.set_of(site, own)].get());
        let is_here = |found: &Found| found.anchor == own.anchor && found.pool == self.id;
        let mut here = set.ok()?.into_iter().flatten().filter(is_here);
        let known = here.find(|found| {
            // SAFETY: each pool has its own number, so the entry is one of this pool's, and lives as long.
            let entry = unsafe { found.entry.as_ref() };
            ptr::eq(entry.site, site) && entry.words.hold(&entry.stack, own)
        });
        known.map(|found| found.entry)
    }

    /// Finds the stack by the unwinder, and remembers it if it can be recognised.
    #[cold]
    #[inline(never)]
    fn unwind(
        &self,
        site: &'static Location<'static>,
        own: Option<&OwnStack>,
    ) -> Option<NonNull<CallStack>> {
        let (mut stack, mut words) = (Stack::default(), ReturnWords::default());
        let mut push = |frame: &backtrace::Frame| {
            let address = frame.ip().addr();
            if let Some(own) = own {
                words.note(stack.addresses().len(), own, address, frame.sp().addr());
            }
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
        let has_its_words = words.suffice() && words == unsafe { entry.as_ref() }.words;
        if let Some(own) = own.filter(|_| has_its_words) {
            let (anchor, pool) = (own.anchor, self.id);
            let found = Found {
                anchor,
                pool,
                entry,
            };
            // The thread is ending if there is no set.
            let _ = FOUND.try_with(|sets| {
                let set = &sets[self.set_of(site, own)];
                let [first, second, third, _] = set.get();
                set.set([Some(found), first, second, third]);
            });
        }
        Some(entry)
    }

    /// The set in which a thread remembers stacks of this line at this anchor.
    #[inline(always)]
    fn set_of(&self, site: &'static Location<'static>, own: &OwnStack) -> usize {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let words = [
            ptr::from_ref(site).addr(),
            own.anchor,
            self.id.get() as usize,
        ];
        let mixed = words.into_iter().fold(0_u64, |mixed, word| {
            (mixed.rotate_left(29) ^ word as u64).wrapping_mul(MIX)
        });
        (mixed >> 58) as usize % SETS
    }
}

#[cfg(all(
    test,
    target_os = "linux",
    target_arch = "x86_64",
    not(any(framepool_loom, miri))
))]
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
            FOUND.with(|sets| {
                let is_ours = |set: &&Set| set.get()[0].is_some_and(|it| it.pool == pool.id());
                let mut ours = sets.iter().filter(is_ours);
                assert_eq!(ours.clone().count(), round);
                if let Some(set) = ours.next() {
                    let mut found = set.get()[0].unwrap();
                    found.entry = copy(found.entry, last);
                    entries.push(found.entry);
                    change(&mut found);
                    set.set([Some(found), None, None, None]);
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

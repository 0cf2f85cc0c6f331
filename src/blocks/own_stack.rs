//! Words of the calling thread's own stack.
//!
//! The memory from the stack pointer to the beginning of a thread's stack is mapped as long as the thread lives, so any word of it can be read.
//! That needs the bounds of the stack. The C library is asked for them once a thread; it may allocate, and lock a mutex of its own. A thread that runs on another stack, such as a
//! coroutine's or a signal handler's, is outside the bounds, and none of its words is read.
//!
//! Only on Linux and x86-64: elsewhere a return address has no fixed place in its frame, or the bounds come from another interface.
#![expect(unsafe_code, reason = "words of a stack are read at their addresses")]

use std::cell::Cell;
use std::marker::PhantomData;

use crate::sync::plain_thread_local;

pub(crate) const WORD: usize = size_of::<usize>();

/// The calling thread's own stack, from the *anchor*, the stack pointer of one function, to its beginning.
#[derive(Debug)]
pub(crate) struct OwnStack {
    pub(crate) anchor: usize,
    begins: usize,
    /// Of this thread, and no longer than the function's call.
    here: PhantomData<*const ()>,
}

/// Where the stack of a thread lies, from its lowest address to its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds(usize, usize);

plain_thread_local! {
    static BOUNDS: Cell<Option<Bounds>> = Cell::new(None);
}

impl OwnStack {
    /// The stack from the caller's stack pointer on; `None` if the thread runs on another stack, or its bounds are unknown.
    ///
    /// # Safety
    ///
    /// The value is used only during the call of the function that makes it.
    #[inline(always)]
    pub(crate) unsafe fn from_here() -> Option<Self> {
        let bounds = BOUNDS.try_with(|known| match known.get() {
            Some(bounds) => bounds,
            None => find_bounds(known),
        });
        let Bounds(lowest, begins) = bounds.ok()?;
        let anchor = stack_pointer();
        (lowest <= anchor && anchor < begins).then_some(Self {
            anchor,
            begins,
            here: PhantomData,
        })
    }

    /// The word at this distance from the anchor, in words; `None` beyond the beginning.
    #[inline(always)]
    pub(crate) fn word(&self, distance: u16) -> Option<usize> {
        let address = self.anchor + WORD * usize::from(distance);
        // SAFETY: the word lies between the stack pointer and the beginning of the thread's stack.
        (address <= self.begins - WORD).then(|| unsafe { word_at(address) })
    }
}

#[cold]
#[inline(never)]
fn find_bounds(known: &Cell<Option<Bounds>>) -> Bounds {
    let bounds = system::bounds().unwrap_or(Bounds(0, 0));
    known.set(Some(bounds));
    bounds
}

#[cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_pointer_width = "64",
    not(miri)
))]
mod system {
    use std::mem::MaybeUninit;
    use std::ptr;

    use super::Bounds;

    /// The bounds of the calling thread's stack, as the system tells them.
    pub(super) fn bounds() -> Option<Bounds> {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        let (mut lowest, mut bytes) = (ptr::null_mut(), 0);
        // SAFETY: the first call initialises the attributes if it returns zero, the second reads them, and the third frees them.
        let told = unsafe {
            if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
                return None;
            }
            let told =
                libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut bytes);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            told
        };
        let lowest = lowest.addr();
        (told == 0).then_some(Bounds(lowest, lowest.checked_add(bytes)?))
    }

    #[inline(always)]
    pub(super) fn stack_pointer() -> usize {
        let pointer: usize;
        // SAFETY: it only reads a register.
        unsafe {
            std::arch::asm!("mov {}, rsp", out(reg) pointer, options(nomem, nostack, preserves_flags));
        }
        pointer
    }

    /// # Safety
    ///
    /// The word can be read.
    #[inline(always)]
    pub(super) unsafe fn word_at(address: usize) -> usize {
        let word: usize;
        // SAFETY: the caller vouches for the address. No Rust pointer may read another function's frame, so this is an instruction.
        unsafe {
            std::arch::asm!(
                "mov {word}, [{address}]",
                word = lateout(reg) word,
                address = in(reg) address,
                options(readonly, nostack, preserves_flags)
            );
        }
        word
    }
}

#[cfg(not(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_pointer_width = "64",
    not(miri)
)))]
mod system {
    pub(super) fn bounds() -> Option<super::Bounds> {
        None
    }

    pub(super) fn stack_pointer() -> usize {
        0
    }

    pub(super) unsafe fn word_at(_address: usize) -> usize {
        0
    }
}

use system::{stack_pointer, word_at};

#[cfg(all(
    test,
    target_os = "linux",
    target_arch = "x86_64",
    not(any(framepool_loom, miri))
))]
mod tests {
    use super::*;
    use crate::blocks::return_words::ReturnWords;
    use crate::telemetry::call_stack::Stack;

    /// A stack of these words in place of the thread's, the anchor first.
    fn stack_of(words: &[usize]) -> OwnStack {
        let range = words.as_ptr_range();
        OwnStack {
            anchor: range.start.addr(),
            begins: range.end.addr(),
            here: PhantomData,
        }
    }

    /// What is noted of return addresses that lie in these words.
    fn noted(stack: &OwnStack, addresses: &[(usize, usize)]) -> (ReturnWords, Stack) {
        let (mut noted, mut calls) = (ReturnWords::default(), Stack::default());
        for (index, &(word, address)) in addresses.iter().enumerate() {
            let end = word.wrapping_add(1).wrapping_mul(WORD);
            noted.note(index, stack, address, stack.anchor.wrapping_add(end));
            calls.push(address);
        }
        (noted, calls)
    }

    #[test]
    fn stack_holds_until_a_word_changes() {
        let words: [Cell<usize>; 4] = [1, 20, 30, 40].map(Cell::new);
        // SAFETY: a cell has the layout of its contents, which are read by an instruction.
        let stack = stack_of(unsafe { &*(&raw const words).cast::<[usize; 4]>() });
        let (noted, calls) = noted(&stack, &[(0, 1), (1, 20), (2, 30)]);
        assert!(noted.suffice());
        for (at, holds) in [(0, true), (1, false), (2, false), (3, true)] {
            let word = words[at].replace(5);
            assert_eq!(noted.hold(&calls, &stack), holds, "{at}");
            words[at].set(word);
        }
    }

    #[test]
    fn address_without_its_word_is_a_gap() {
        let words = [1, 20, 30];
        let stack = stack_of(&words);
        let suffice = |addresses: &[(usize, usize)]| noted(&stack, addresses).0.suffice();
        assert!(suffice(&[(0, 1), (1, 20), (2, 30)]));
        assert!(!suffice(&[(0, 1), (1, 20), (2, 31)]));
        assert!(!suffice(&[(0, 1)]), "nothing to compare");
        assert!(!suffice(&[(1, 20), (3, 40)]), "beyond the beginning");
        // The outermost frame of a program's first thread returns to no address.
        assert!(suffice(&[(0, 1), (1, 20), (2, 0)]));
        // A caller on another stack.
        assert!(!suffice(&[(2, 30), (1, 20)]));
        assert!(!suffice(&[(1, 20), (usize::MAX - 1, 7)]));
    }

    #[test]
    fn thread_knows_its_own_stack_only() {
        fn is_inside(variable: &usize) -> bool {
            // SAFETY: used in this call.
            let stack = unsafe { OwnStack::from_here() }.unwrap();
            (stack.anchor..stack.begins).contains(&std::ptr::from_ref(variable).addr())
        }
        let (mine, boxed) = (7, Box::new(7));
        let theirs = std::thread::spawn(move || is_inside(&boxed)).join();
        assert!(is_inside(&mine) && !theirs.unwrap());
    }
}

//! Where a call stack has its return addresses: the words by which it is recognised (`pool/stack_capture.rs`).
#![expect(unsafe_code, reason = "words of a stack are read at their addresses")]

use crate::telemetry::call_stack::{DEPTH, Stack};

const WORD: usize = size_of::<usize>();

/// The distance of each word that holds a return address from a word in the innermost frame, the anchor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReturnWords {
    /// In words, away from the innermost frame; zero on the other side of the anchor.
    distances: [u16; DEPTH],
    /// Whether a return address has no word that was found.
    has_gaps: bool,
}

impl ReturnWords {
    /// Notes the word of the return address with this index. `end` is the address at which the frame of the call ends, and the caller's begins.
    ///
    /// # Safety
    ///
    /// The frame is one of the calling thread's.
    pub(crate) unsafe fn note(&mut self, index: usize, anchor: usize, address: usize, end: usize) {
        let word = end.wrapping_sub(WORD);
        // A zero ends the stack.
        if word <= anchor || address == 0 {
            return;
        }
        let above = word - anchor;
        let distance = u16::try_from(above / WORD).unwrap_or(0);
        // SAFETY: the last word of a frame that the caller vouches for.
        let is_there = unsafe { word_at(word) } == address;
        match self.distances.get_mut(index) {
            Some(place) if is_there && distance > 0 && above.is_multiple_of(WORD) => {
                *place = distance;
            }
            _ => self.has_gaps = true,
        }
    }

    /// Whether the stack can be recognised by these words.
    pub(crate) fn suffice(&self) -> bool {
        !self.has_gaps && self.distances.iter().any(|&distance| distance > 0)
    }

    /// Whether each of these words has the stack's return address now, from the innermost outwards. No word is read after one that differs.
    ///
    /// # Safety
    ///
    /// Each word can be read if those before it are equal.
    pub(crate) unsafe fn hold(&self, stack: &Stack, anchor: usize) -> bool {
        let words = stack.addresses().iter().zip(&self.distances);
        let mut outer = words.filter(|&(_, &distance)| distance > 0);
        outer.all(|(&address, &distance)| {
            // SAFETY: as for the caller.
            unsafe { word_at(anchor + WORD * usize::from(distance)) == address }
        })
    }
}

/// The word at this address of the calling thread's stack. Zero, which is no return address, where those have no fixed place, and where the
/// compiler's model of memory is checked: there, no pointer may read another function's frame.
///
/// # Safety
///
/// The address is that of a whole word in use of the thread's stack.
#[inline(always)]
unsafe fn word_at(address: usize) -> usize {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let word: usize;
        // SAFETY: the caller vouches for the address. The compiler knows nothing of the word, because no Rust value lies there.
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
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        let _ = address;
        0
    }
}

#[cfg(all(test, target_arch = "x86_64", not(framepool_loom)))]
mod tests {
    use super::*;

    /// Words in place of a thread's stack, with the anchor first, after each of these addresses was noted at its word.
    fn noted(words: &[usize], addresses: &[usize]) -> (ReturnWords, Stack, usize) {
        let (mut noted, mut stack) = (ReturnWords::default(), Stack::default());
        let places = words.as_ptr_range();
        let anchor = places.start.addr();
        for (at, &address) in addresses.iter().enumerate() {
            // SAFETY: the words are there.
            unsafe { noted.note(at, anchor, address, anchor + (at + 1) * WORD) };
            stack.push(address);
        }
        (noted, stack, anchor)
    }

    #[test]
    fn stack_holds_until_a_word_changes() {
        let mut words = [1, 20, 30, 40];
        let (noted, stack, anchor) = noted(&words, &[1, 20, 30]);
        assert!(noted.suffice());
        for (at, holds) in [(0, true), (1, false), (2, false), (3, true)] {
            let word = std::mem::replace(&mut words[at], 5);
            // SAFETY: the words are there.
            let found = unsafe { noted.hold(&stack, std::hint::black_box(&words).as_ptr().addr()) };
            assert_eq!((found, anchor), (holds, words.as_ptr().addr()), "{at}");
            words[at] = word;
        }
    }

    #[test]
    fn address_without_its_word_is_a_gap() {
        let words = [1, 20, 30];
        assert!(!noted(&words, &[1, 20, 31]).0.suffice());
        assert!(!noted(&words, &[1]).0.suffice(), "nothing to compare");
        // The outermost frame of a program's first thread returns to no address.
        assert!(noted(&words, &[1, 20, 0]).0.suffice());
    }
}

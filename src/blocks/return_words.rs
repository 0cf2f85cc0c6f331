//! The words of a thread's stack that hold the return addresses of a call stack. `pool/stack_capture.rs` recognises the call stack by them.

use crate::blocks::own_stack::{OwnStack, WORD};
use crate::telemetry::call_stack::{DEPTH, Stack};

/// The distance from the anchor, in words, of each word that holds a return address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReturnWords {
    /// Zero: not compared, because the call is one inside of `capture`.
    distances: [u16; DEPTH],
    /// The largest distance so far.
    last: u16,
    /// Whether a return address has no such word.
    has_gaps: bool,
}

impl ReturnWords {
    /// Notes the word of the return address with this index. `end` is the address at which the frame of the call ends, and the caller's begins.
    pub(crate) fn note(&mut self, index: usize, stack: &OwnStack, address: usize, end: usize) {
        let word = end.wrapping_sub(WORD);
        // A zero ends the stack.
        if address == 0 || self.last == 0 && word <= stack.anchor {
            return;
        }
        let place = self.distances.get_mut(index);
        let distance = word.wrapping_sub(stack.anchor) / WORD;
        match (place, u16::try_from(distance)) {
            // A caller on another stack of the same thread may lie on either side.
            (Some(place), Ok(distance))
                if distance > self.last && stack.word(distance) == Some(address) =>
            {
                *place = distance;
                self.last = distance;
            }
            _ => self.has_gaps = true,
        }
    }

    /// Whether the stack can be recognised by these words.
    pub(crate) fn suffice(&self) -> bool {
        !self.has_gaps && self.last > 0
    }

    /// Whether each of these words has the call stack's return address now.
    pub(crate) fn hold(&self, calls: &Stack, stack: &OwnStack) -> bool {
        let words = calls.addresses().iter().zip(&self.distances);
        let mut outer = words.filter(|&(_, &distance)| distance > 0);
        outer.all(|(&address, &distance)| stack.word(distance) == Some(address))
    }
}

//! An allocator that changes a byte of a live buffer is detected.

use std::sync::{Arc, Mutex};

use super::{Crew, Failure, FrameCut, Plan, Work, Written, run};
use crate::contestant::Contestant;
use crate::trace::read_text;

type Memory = Arc<Mutex<Vec<u8>>>;

/// At each alloc it changes one byte of the first buffer.
struct Corrupting {
    offset: usize,
    first: Mutex<Option<Memory>>,
}

/// Writes `count` bytes from `offset` on.
fn set(buffer: &Memory, offset: usize, count: usize, pattern: u64) {
    let mut bytes = buffer.lock().expect("no panic");
    bytes[offset..offset + count].fill(pattern as u8);
}

fn changed(buffer: &Memory, offset: usize, count: usize, pattern: u64) -> Option<usize> {
    let bytes = buffer.lock().expect("no panic");
    let changed = |&byte: &u8| byte != pattern as u8;
    let found = bytes[offset..offset + count].iter().position(changed)?;
    Some(offset + found)
}

fn length(buffer: &Memory) -> usize {
    buffer.lock().expect("no panic").len()
}

impl Contestant for Corrupting {
    type Buffer = Memory;
    type Seat = ();
    type Refusal = &'static str;

    fn seat(&self, _work: &Work) {}

    fn alloc(&self, _seat: &mut (), bytes: usize, _buffer: u32) -> Result<Memory, &'static str> {
        let buffer = Memory::new(Mutex::new(vec![0; bytes]));
        let mut first = self.first.lock().expect("no panic");
        match &*first {
            Some(first) => first.lock().expect("no panic")[self.offset] ^= 0x40,
            None => *first = Some(Arc::clone(&buffer)),
        }
        Ok(buffer)
    }

    fn free(&self, _buffer: Memory) {}

    fn write(buffer: &mut Memory, pattern: u64) {
        set(buffer, 0, 8, pattern);
        set(buffer, length(buffer) - 8, 8, pattern);
    }

    fn holds(buffer: &Memory, pattern: u64) -> bool {
        Self::changed_end(buffer, pattern).is_none()
    }

    fn changed_end(buffer: &Memory, pattern: u64) -> Option<usize> {
        changed(buffer, 0, 8, pattern).or_else(|| changed(buffer, length(buffer) - 8, 8, pattern))
    }

    fn fill(buffer: &mut Memory, pattern: u64) {
        set(buffer, 0, length(buffer), pattern);
    }

    fn changed_byte(buffer: &Memory, pattern: u64) -> Option<usize> {
        changed(buffer, 0, length(buffer), pattern)
    }

    fn touch_pages(_buffer: &mut Memory) {}
}

const FREED: &str = "time_us,thread,op,id,size,site\n\
    0,0,alloc,0,100,s\n0,0,alloc,1,40,s\n1,0,free,1\n2,0,free,0\n";

const NEVER_FREED: &str = "time_us,thread,op,id,size,site\n\
    0,0,alloc,0,100,s\n0,0,alloc,1,40,s\n1,0,free,1\n";

/// Replays a trace whose first buffer has its byte at `offset` changed; returns the detected failure.
fn noticed(
    text: &str,
    offset: usize,
    written: Written,
) -> Option<(Option<usize>, u32, usize, usize)> {
    let plan = Plan::new(&read_text(text), 1, FrameCut::EveryUs(500.0)).expect("a plan");
    let crew = Crew::new(["one"]).expect("a thread");
    let contestant = Arc::new(Corrupting {
        offset,
        first: Mutex::new(None),
    });
    match run(&crew, &Arc::new(plan), &contestant, written, &mut |_| {}) {
        Ok(_) => None,
        Err(Failure::Overwritten {
            freed_by,
            buffer,
            bytes,
            offset,
        }) => Some((freed_by, buffer, bytes, offset)),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_changed_byte_in_the_middle_is_noticed() {
    let found = noticed(FREED, 50, Written::All);
    assert_eq!(found, Some((Some(3), 0, 100, 50)));
}

#[test]
fn a_changed_buffer_never_freed_is_noticed() {
    let found = noticed(NEVER_FREED, 50, Written::All);
    assert_eq!(found, Some((None, 0, 100, 50)));
    let found = noticed(NEVER_FREED, 99, Written::Ends);
    assert_eq!(
        found,
        Some((None, 0, 100, 99)),
        "timed runs compare the ends"
    );
}

#[test]
fn a_timed_run_compares_both_ends() {
    for offset in [0, 7, 92, 99] {
        let found = noticed(FREED, offset, Written::Ends);
        assert_eq!(found, Some((Some(3), 0, 100, offset)));
    }
}

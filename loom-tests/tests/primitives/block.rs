//! A block's record, read by a walker while holders write it.
#![expect(unsafe_code, reason = "the model holds the block it writes to")]

use std::panic::Location;
use std::ptr::NonNull;

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::block::Block;
use crate::blocks::class::LINE;
use crate::blocks::stack::Stack;
use crate::blocks::state::{Holder, frame_stamp, thread_stamp};
use crate::blocks::table::Table;
use crate::memory::region::Region;

/// A table with one block, allocated at `first` in frame 1.
fn one_lent(first: &'static Location<'static>) -> Arc<(Table, Stack)> {
    let shared = Arc::new((Table::new(), Stack::new()));
    shared.0.claim().unwrap().mark_lent(stamp(1), first);
    shared
}

fn stamp(frame: u64) -> u64 {
    frame_stamp(frame) | thread_stamp(frame as u32)
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

/// Who has the first block.
fn lent(table: &Table) -> Holder {
    table.get(1).read().lent().expect("a holder has it")
}

/// A walker sees the first holder with its line, the second with its own, or no holder.
fn assert_whole(block: &Block, lines: [&'static Location<'static>; 2]) {
    if let Some(lent) = block.read().lent() {
        assert_eq!(lent.site, lines[lent.frame as usize - 1]);
        assert_eq!(u64::from(lent.thread), lent.frame);
    }
}

#[test]
fn walker_never_joins_line_and_frame_across_holders() {
    explore(None, || {
        let lines = [here(), Location::caller()];
        let shared = one_lent(lines[0]);
        let holder = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(1);
                block.mark_idle();
                block.mark_lent(stamp(2), lines[1]);
            })
        };
        assert_whole(shared.0.get(1), lines);
        holder.join().unwrap();
    });
}

/// Four preemptions at most: 27,547 executions; the search without a bound takes over a minute.
#[test]
fn walker_never_mixes_holders_across_another_thread() {
    explore(Some(4), || {
        let lines = [here(), Location::caller()];
        let shared = one_lent(lines[0]);
        let first = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(1);
                block.mark_idle();
                shared.1.push(block);
            })
        };
        let second = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if let Some(block) = shared.1.pop(&shared.0) {
                    block.mark_lent(stamp(2), lines[1]);
                }
            })
        };
        assert_whole(shared.0.get(1), lines);
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// If the first holder's thread allocates the block again in the same frame, the state is equal. A holder in between must
/// not be mixed with it. One thread plays all three holders; each sees the writes of the previous one.
///
/// Four preemptions at most; the search without a bound takes a minute: 537,907 executions.
#[test]
fn walker_never_mixes_holders_when_first_thread_returns() {
    explore(Some(4), || {
        let lines = [here(), Location::caller()];
        let shared = one_lent(lines[0]);
        let holders = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(1);
                for frame in [2, 1] {
                    block.mark_idle();
                    block.mark_lent(stamp(frame), lines[frame as usize - 1]);
                }
            })
        };
        assert_whole(shared.0.get(1), lines);
        holders.join().unwrap();
    });
}

#[test]
fn a_long_lived_buffer_is_seen_as_out() {
    explore(None, || {
        let line = here();
        let shared = one_lent(line);
        let holder = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.0.get(1).mark_long_lived())
        };
        let lent = lent(&shared.0);
        assert_eq!((lent.site, lent.frame), (line, 1));
        holder.join().unwrap();
        assert!(self::lent(&shared.0).long_lived);
    });
}

/// Four preemptions at most; the search without a bound takes over a minute: 496,910 executions.
#[test]
fn block_with_new_memory_never_shows_old_size() {
    explore(Some(4), || {
        let lines = [here(), Location::caller()];
        let shared = Arc::new((Table::new(), Stack::new()));
        // SAFETY: a record just claimed has no memory and belongs to who claimed it.
        unsafe { bind(shared.0.claim().unwrap(), 64) };
        shared.0.get(1).mark_lent(stamp(1), lines[0]);
        let holder = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(1);
                block.mark_idle();
                // SAFETY: the holder of an idle block may give its memory back and bind it again.
                unsafe {
                    block.unbind().give_back(LINE);
                    bind(block, 128);
                }
                block.mark_lent(stamp(2), lines[1]);
            })
        };
        if let Some(lent) = shared.0.get(1).read().lent() {
            assert_eq!(lent.bytes, 64 * lent.frame);
            assert_eq!(lent.site, lines[lent.frame as usize - 1]);
        }
        holder.join().unwrap();
        // SAFETY: the model is the last that has the block.
        unsafe { shared.0.get(1).unbind().give_back(LINE) };
    });
}

/// Gives a block memory, with an arbitrary class.
///
/// # Safety
///
/// The caller holds the block, which has no memory.
unsafe fn bind(block: &Block, bytes: usize) {
    // SAFETY: as for the caller; nobody looks for the block's pool.
    unsafe { block.bind(Region::take(bytes, LINE).unwrap(), NonNull::dangling(), 1) };
}

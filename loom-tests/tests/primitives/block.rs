//! A block's record, read by a walker while holders write it.
#![expect(unsafe_code, reason = "the model holds the block it writes to")]

use std::panic::Location;
use std::ptr::NonNull;

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::class::{Classes, LINE};
use crate::blocks::note::Record;
use crate::blocks::stack::Stack;
use crate::blocks::state::{Holder, frame_stamp, thread_stamp};
use crate::blocks::table::Table;
use crate::memory::region::Region;

/// A table with one block, allocated at `first` in frame 1.
fn one_lent(first: &'static Location<'static>) -> Arc<(Table, Stack)> {
    let shared = Arc::new((Table::new(false), Stack::new()));
    shared.0.claim().unwrap().block.mark_lent(stamp(1), first);
    shared
}

fn stamp(frame: u64) -> u64 {
    frame_stamp(frame) | thread_stamp(frame as u32)
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

/// The first block.
fn the_first(table: &Table) -> Record<'_> {
    table.record(table.get(1))
}

/// Who has the first block.
fn lent(table: &Table) -> Holder {
    the_first(table)
        .read(&classes())
        .lent()
        .expect("a holder has it")
}

fn classes() -> Classes {
    Classes::new(LINE, 0)
}

/// A walker sees the first holder with its line, the second with its own, or no holder.
fn assert_whole(record: Record<'_>, lines: [&'static Location<'static>; 2]) {
    if let Some(lent) = record.read(&classes()).lent() {
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
        assert_whole(the_first(&shared.0), lines);
        holder.join().unwrap();
    });
}

/// The link of an idle block takes the place of the line.
#[test]
fn walker_never_takes_a_link_for_a_line() {
    explore(None, || {
        let lines = [here(), Location::caller()];
        let shared = one_lent(lines[0]);
        let holder = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(1);
                block.mark_idle();
                // Not a block: the walker could read it without a fault.
                block.set_next(std::ptr::from_ref(lines[1]).cast_mut().cast());
            })
        };
        if let Some(lent) = the_first(&shared.0).read(&classes()).lent() {
            assert_eq!(lent.site, lines[0]);
        }
        holder.join().unwrap();
        assert!(the_first(&shared.0).read(&classes()).lent().is_none());
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
                shared.1.push(block, &shared.0);
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
        assert_whole(the_first(&shared.0), lines);
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
        assert_whole(the_first(&shared.0), lines);
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
        let shared = Arc::new((Table::new(false), Stack::new()));
        // SAFETY: a record just claimed has no memory and belongs to who claimed it.
        unsafe { bind(shared.0.claim().unwrap(), 1) };
        shared.0.get(1).mark_lent(stamp(1), lines[0]);
        let holder = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let record = the_first(&shared.0);
                record.block.mark_idle();
                // SAFETY: the holder of an idle block may give its memory back and bind it again.
                unsafe {
                    record.unbind(&classes()).give_back(LINE);
                    bind(record, 2);
                }
                record.block.mark_lent(stamp(2), lines[1]);
            })
        };
        if let Some(lent) = the_first(&shared.0).read(&classes()).lent() {
            assert_eq!(lent.bytes, 64 * lent.frame);
            assert_eq!(lent.site, lines[lent.frame as usize - 1]);
        }
        holder.join().unwrap();
        // SAFETY: the model is the last that has the block.
        unsafe { the_first(&shared.0).unbind(&classes()).give_back(LINE) };
    });
}

/// Gives a block the memory of its class.
///
/// # Safety
///
/// The caller holds the block, which has no memory.
unsafe fn bind(record: Record<'_>, class: usize) {
    let region = Region::take(class * LINE, LINE).unwrap();
    // SAFETY: as for the caller; nobody looks for the block's pool.
    unsafe { record.bind(region, NonNull::dangling(), class) };
}

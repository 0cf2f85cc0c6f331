//! The table of block records: claims, releases, and pages that go back to the system.
//!
//! Laws: L6 One owner.
#![expect(unsafe_code, reason = "a model gives up the records that it claimed")]

use std::panic::Location;

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::class::{Classes, LINE};
use crate::blocks::stack::Stack;
use crate::blocks::state::{Seen, frame_stamp};
use crate::blocks::table::Table;

fn classes() -> Classes {
    Classes::new(LINE, 0)
}

#[test]
fn two_claims_at_once_get_different_records() {
    explore(None, || {
        let table = Arc::new(Table::new(false));
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.number(table.claim().unwrap().block))
        };
        let mine = table.claim().unwrap();
        // The record is complete, even if the other thread made its bucket.
        assert_eq!(mine.read(&classes()), Seen::Idle);
        assert_eq!(table.number(mine.block) + other.join().unwrap(), 1 + 2);
        assert_eq!((table.len(), table.pages()), (2, 1));
    });
}

/// Laws: L3 It adds up.
#[test]
fn walk_during_table_growth_sees_only_whole_records() {
    explore(None, || {
        let table = Arc::new(Table::new(false));
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.claim_some(3, |_| ()))
        };
        assert!(
            table
                .records()
                .all(|record| record.read(&classes()) == Seen::Idle)
        );
        assert_eq!(other.join().unwrap(), 3);
        assert_eq!(table.records().count(), 3);
    });
}

/// Laws: L6 One owner. The record that stays was written before its claim; the release of the other stores its bit again.
#[test]
fn walk_during_a_release_sees_only_whole_records() {
    explore(None, || {
        let table = Arc::new(Table::new(false));
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                let first = table.claim().unwrap();
                table.claim().unwrap();
                // SAFETY: claimed above, and used no more.
                unsafe { table.release(first.block) };
            })
        };
        assert!(
            table
                .records()
                .all(|record| record.read(&classes()) == Seen::Idle)
        );
        other.join().unwrap();
        assert_eq!(table.records().count(), 1);
    });
}

/// Laws: L6 One owner. The claimed record must not lie in a page that is about to go back.
#[test]
fn claim_during_page_return_gets_a_vacant_record() {
    explore(None, || {
        let table = Arc::new(Table::new(false));
        let first = table.number(table.claim().unwrap().block);
        let other = {
            let table = Arc::clone(&table);
            // SAFETY: claimed above, and used no more.
            thread::spawn(move || unsafe { table.release(table.get(first)) })
        };
        let mine = table.claim().unwrap().block;
        mine.set_batch_len(3);
        // SAFETY: claimed just now.
        unsafe { mine.touch() };
        other.join().unwrap();
        assert_eq!(mine.batch_len(), 3);
        assert!((1..=2).contains(&table.number(mine)));
        assert_eq!(table.len(), 1);
        assert!(
            table
                .records()
                .any(|record| std::ptr::eq(record.block, mine))
        );
    });
}

/// Laws: L6 One owner. The pop holds the number of a record whose page goes back.
///
/// Four preemptions at most; the search without a bound takes over a minute.
#[test]
fn pops_during_page_return_get_each_block_once() {
    explore(Some(4), || {
        let shared = Arc::new((Table::new(false), Stack::new()));
        let (table, stack) = &*shared;
        for _ in 0..2 {
            stack.push(table.claim().unwrap().block, table);
        }
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || Some(shared.0.number(shared.1.pop(&shared.0)?)))
        };
        let mut mine = Vec::new();
        while let Some(block) = stack.pop(table) {
            mine.push(table.number(block));
            // SAFETY: popped just now, bound to nothing.
            unsafe { table.release(block) };
        }
        mine.extend(other.join().unwrap());
        mine.sort_unstable();
        assert_eq!(mine, [1, 2], "each was popped by one");
    });
}

/// Laws: L9 Numbers have an age. The page goes back and comes back while the walker reads a record in it.
#[test]
fn walk_during_page_return_names_only_holders() {
    explore(Some(3), || {
        let lines = [Location::caller(), here()];
        let table = Arc::new(Table::new(false));
        table
            .claim()
            .unwrap()
            .block
            .mark_lent(frame_stamp(1), lines[0]);
        let holder = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                table.get(1).mark_idle();
                // SAFETY: this thread holds the record, which is bound to nothing.
                unsafe { table.release(table.get(1)) };
                table
                    .claim()
                    .unwrap()
                    .block
                    .mark_lent(frame_stamp(2), lines[1]);
            })
        };
        let record = table.record(table.get(1));
        for _ in 0..2 {
            if let Seen::Lent(lent) = record.read(&classes()) {
                assert_eq!(lent.site, lines[lent.frame as usize - 1]);
            }
        }
        holder.join().unwrap();
        let Seen::Lent(lent) = record.read(&classes()) else {
            panic!("the second holder has it");
        };
        assert_eq!((lent.frame, lent.site), (2, lines[1]));
    });
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

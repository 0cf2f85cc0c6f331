//! The table of block records while it grows.
//!
//! Laws: L6.

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::cache::table::Table;

#[test]
fn two_threads_that_grow_the_table_at_once_get_different_records() {
    explore(None, || {
        let table = Arc::new(Table::new());
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.grow().unwrap().number)
        };
        let mine = table.grow().unwrap();
        // The record is whole, whoever made its bucket.
        assert!(mine.read().is_none());
        assert_eq!(mine.number + other.join().unwrap(), 1 + 2);
        assert_eq!(table.len(), 2);
    });
}

/// Laws: L3.
#[test]
fn a_walk_while_the_table_grows_meets_whole_records_only() {
    explore(None, || {
        let table = Arc::new(Table::new());
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                table.grow().unwrap();
                table.grow().unwrap();
            })
        };
        for (at, block) in table.records().enumerate() {
            assert_eq!(block.number as usize, at + 1);
            assert!(block.read().is_none());
        }
        other.join().unwrap();
        assert_eq!(table.records().count(), 2);
    });
}

//! The stack through which blocks change threads.
//!
//! Laws: L6 One owner.
#![expect(unsafe_code, reason = "what is pushed is a block that the model holds")]

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::stack::Stack;
use crate::blocks::table::Table;

/// Pops a block; its number.
fn popped((table, stack): &(Table, Stack)) -> Option<u32> {
    stack.pop(table).map(|block| table.number(block))
}

/// A table and a stack with both of its first blocks, number 2 on top.
fn two_on_a_stack() -> Arc<(Table, Stack)> {
    let shared = Arc::new((Table::new(false), Stack::new()));
    for _ in 0..2 {
        shared.1.push(shared.0.claim().unwrap().block, &shared.0);
    }
    shared
}

/// Four preemptions at most: 6,755 executions; the search without a bound takes over a minute.
#[test]
fn repushed_block_never_corrupts_concurrent_pop() {
    explore(Some(4), || {
        let shared = two_on_a_stack();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || popped(&shared))
        };
        let (table, stack) = &*shared;
        let top = stack.pop(table).unwrap();
        let below = popped(&shared);
        stack.push(top, table);
        let theirs = other.join().unwrap();
        let left = popped(&shared);
        let mut all = [below, theirs, left]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        all.sort_unstable();
        assert_eq!(
            all,
            [1, 2],
            "each block was popped by one, and none was lost"
        );
        assert!(stack.pop(table).is_none());
    });
}

#[test]
fn two_pops_at_once_take_different_blocks() {
    explore(None, || {
        let shared = two_on_a_stack();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || popped(&shared).unwrap())
        };
        let mine = popped(&shared).unwrap();
        assert_eq!(mine + other.join().unwrap(), 1 + 2);
        assert!(shared.1.pop(&shared.0).is_none());
    });
}

#[test]
fn two_pushes_at_once_lose_no_block() {
    explore(None, || {
        let shared = Arc::new((Table::new(false), Stack::new()));
        let (first, _) = (shared.0.claim().unwrap(), shared.0.claim().unwrap());
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.1.push(shared.0.get(2), &shared.0))
        };
        shared.1.push(first.block, &shared.0);
        other.join().unwrap();
        let sum = popped(&shared).unwrap() + popped(&shared).unwrap();
        assert_eq!(sum, 1 + 2);
        assert!(popped(&shared).is_none());
    });
}

#[test]
fn pop_acquires_all_writes_before_the_push() {
    explore(None, || {
        let shared = Arc::new((Table::new(false), Stack::new()));
        shared.0.claim().unwrap();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(1);
                block.set_batch_len(7);
                // SAFETY: nobody else has the block before it is pushed.
                unsafe { block.touch() };
                shared.1.push(block, &shared.0);
            })
        };
        if let Some(block) = shared.1.pop(&shared.0) {
            assert_eq!(block.batch_len(), 7);
            // SAFETY: the thread that pops a block holds it.
            unsafe { block.touch() };
        }
        other.join().unwrap();
    });
}

/// The pop first loads a different block than the one it gets.
#[test]
fn pop_after_retry_acquires_all_writes_before_push() {
    explore(None, || {
        let shared = Arc::new((Table::new(false), Stack::new()));
        let (first, _) = (shared.0.claim().unwrap(), shared.0.claim().unwrap());
        shared.1.push(first.block, &shared.0);
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(2);
                block.set_batch_len(7);
                // SAFETY: nobody else has the block before it is pushed.
                unsafe { block.touch() };
                shared.1.push(block, &shared.0);
            })
        };
        let block = shared.1.pop(&shared.0).unwrap();
        if shared.0.number(block) == 2 {
            assert_eq!(block.batch_len(), 7);
            // SAFETY: the thread that pops a block holds it.
            unsafe { block.touch() };
        }
        other.join().unwrap();
    });
}

/// The other thread's exchange may continue the release sequence of the first block's push.
///
/// Five preemptions at most; the search without a bound takes over a minute.
#[test]
fn push_on_top_publishes_the_block_below() {
    explore(Some(5), || {
        let shared = Arc::new((Table::new(false), Stack::new()));
        shared.0.claim().unwrap();
        shared.0.claim().unwrap();
        let push = |number| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(number);
                block.set_batch_len(number);
                // SAFETY: nobody else has the block before it is pushed.
                unsafe { block.touch() };
                shared.1.push(block, &shared.0);
            })
        };
        let (first, second) = (push(1), push(2));
        let (table, stack) = &*shared;
        if let Some(block) = stack.pop(table) {
            assert_eq!(block.batch_len(), table.number(block));
            // SAFETY: the thread that pops a block holds it.
            unsafe { block.touch() };
        }
        first.join().unwrap();
        second.join().unwrap();
    });
}

//! The stack through which blocks change threads.
//!
//! Laws: L6 One owner.
#![expect(unsafe_code, reason = "what is pushed is a block that the model holds")]

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::block::Block;
use crate::blocks::stack::Stack;
use crate::blocks::table::Table;

/// A table and a stack with both of its first blocks, number 2 on top.
fn two_on_a_stack() -> Arc<(Table, Stack)> {
    let shared = Arc::new((Table::new(), Stack::new()));
    for _ in 0..2 {
        shared.1.push(shared.0.claim().unwrap());
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
            thread::spawn(move || shared.1.pop(&shared.0).map(Block::number))
        };
        let (table, stack) = &*shared;
        let top = stack.pop(table).unwrap();
        let below = stack.pop(table).map(Block::number);
        stack.push(top);
        let theirs = other.join().unwrap();
        let left = stack.pop(table).map(Block::number);
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
            thread::spawn(move || shared.1.pop(&shared.0).unwrap().number())
        };
        let mine = shared.1.pop(&shared.0).unwrap().number();
        assert_eq!(mine + other.join().unwrap(), 1 + 2);
        assert!(shared.1.pop(&shared.0).is_none());
    });
}

#[test]
fn two_pushes_at_once_lose_no_block() {
    explore(None, || {
        let shared = Arc::new((Table::new(), Stack::new()));
        let (first, _) = (shared.0.claim().unwrap(), shared.0.claim().unwrap());
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.1.push(shared.0.get(2)))
        };
        shared.1.push(first);
        other.join().unwrap();
        let (table, stack) = &*shared;
        let sum = stack.pop(table).unwrap().number() + stack.pop(table).unwrap().number();
        assert_eq!(sum, 1 + 2);
        assert!(stack.pop(table).is_none());
    });
}

#[test]
fn pop_acquires_all_writes_before_the_push() {
    explore(None, || {
        let shared = Arc::new((Table::new(), Stack::new()));
        shared.0.claim().unwrap();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(1);
                // SAFETY: nobody else has the block before it is pushed.
                unsafe { block.set_batch_len(7) };
                shared.1.push(block);
            })
        };
        if let Some(block) = shared.1.pop(&shared.0) {
            // SAFETY: the thread that pops a block holds it.
            assert_eq!(unsafe { block.batch_len() }, 7);
            // SAFETY: as above.
            unsafe { block.set_batch_len(8) };
        }
        other.join().unwrap();
    });
}

/// The pop first loads a different block than the one it gets.
#[test]
fn pop_after_retry_acquires_all_writes_before_push() {
    explore(None, || {
        let shared = Arc::new((Table::new(), Stack::new()));
        let (first, _) = (shared.0.claim().unwrap(), shared.0.claim().unwrap());
        shared.1.push(first);
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(2);
                // SAFETY: nobody else has the block before it is pushed.
                unsafe { block.set_batch_len(7) };
                shared.1.push(block);
            })
        };
        let block = shared.1.pop(&shared.0).unwrap();
        if block.number() == 2 {
            // SAFETY: the thread that pops a block holds it.
            assert_eq!(unsafe { block.batch_len() }, 7);
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
        let shared = Arc::new((Table::new(), Stack::new()));
        shared.0.claim().unwrap();
        shared.0.claim().unwrap();
        let push = |number| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let block = shared.0.get(number);
                // SAFETY: nobody else has the block before it is pushed.
                unsafe { block.set_batch_len(number) };
                shared.1.push(block);
            })
        };
        let (first, second) = (push(1), push(2));
        let (table, stack) = &*shared;
        if let Some(block) = stack.pop(table) {
            // SAFETY: the thread that pops a block holds it.
            assert_eq!(unsafe { block.batch_len() }, block.number());
        }
        first.join().unwrap();
        second.join().unwrap();
    });
}

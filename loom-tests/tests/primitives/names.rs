//! The names of threads during a sweep.

use std::panic::Location;

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::block::Block;
use crate::blocks::state::{frame_stamp, thread_stamp};
use crate::slot::thread_names::ThreadNames;

fn name(names: &ThreadNames, number: u32) -> String {
    names.read(number, ToOwned::to_owned)
}

#[test]
fn two_threads_that_enter_one_name_share_it() {
    explore(None, || {
        let names = Arc::new(ThreadNames::new());
        let other = {
            let names = Arc::clone(&names);
            thread::spawn(move || names.acquire("worker"))
        };
        let mine = names.acquire("worker");
        assert_eq!(name(&names, mine), "worker");
        assert_eq!(mine, other.join().unwrap());
    });
}

#[test]
fn thread_name_of_lent_block_is_never_freed() {
    explore(None, || {
        let shared = Arc::new((ThreadNames::new(), Block::vacant()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (names, block) = &*shared;
                let number = names.acquire("worker");
                let stamp = frame_stamp(1) | thread_stamp(number);
                block.mark_lent(stamp, Location::caller());
                names.release(number);
            })
        };
        let (names, block) = &*shared;
        names.sweep(
            std::iter::once(block).filter_map(|block| Some(block.read(|| 64).lent()?.thread)),
        );
        other.join().unwrap();
        let lent = block.read(|| 64).lent().unwrap();
        assert_eq!(name(names, lent.thread), "worker");
        names.sweep(std::iter::empty());
        assert_eq!(name(names, lent.thread), "(other threads)");
    });
}

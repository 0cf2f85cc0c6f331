//! The table of call stacks: exclusive writes, and reads of complete places.
//!
//! Laws: L5 Workers never wait.
#![expect(unsafe_code, reason = "an entry is read through a pointer to it")]

use std::panic::Location;

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::call_stacks::CallStacks;
use crate::telemetry::call_stack::Stack;

fn stack(address: usize) -> Stack {
    let mut stack = Stack::default();
    stack.push(address);
    stack
}

/// Stores a stack, if there is room, and reads it like a walk.
fn store(stacks: &CallStacks, site: &'static Location<'static>, address: usize) -> bool {
    let Some(entry) = stacks.intern(site, &stack(address)) else {
        return false;
    };
    // SAFETY: the table is there, and an entry does not change.
    let entry = unsafe { entry.as_ref() };
    assert_eq!((entry.site, entry.stack), (site, stack(address)));
    true
}

/// Two preemptions at most: 324 executions; the search without a bound takes over a minute.
#[test]
fn entry_of_concurrent_stacks_is_whole() {
    explore(Some(2), || {
        let stacks = Arc::new(CallStacks::new());
        stacks.prepare();
        let site = Location::caller();
        let other = {
            let stacks = Arc::clone(&stacks);
            thread::spawn(move || store(&stacks, site, 1))
        };
        let mine = store(&stacks, site, 1) && store(&stacks, site, 2);
        let theirs = other.join().unwrap();
        assert!(
            mine && theirs || stacks.lost() > 0,
            "all have room, or it is said"
        );
    });
}

//! Counters with one writer each, read in two passes.
//!
//! Laws: L2 Never negative.

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::stack::Stack;
use crate::blocks::table::Table;
use crate::telemetry::counters::SlotCounters;

/// One thread allocates a buffer, and another releases it, in a different slot.
///
/// Three preemptions at most: 6,151 executions; the search without a bound takes over a minute.
#[test]
fn release_is_never_read_before_other_slots_alloc() {
    explore(Some(3), || {
        let shared = Arc::new((
            [SlotCounters::new(), SlotCounters::new()],
            Table::new(false),
            Stack::new(),
        ));
        shared.1.claim().unwrap();
        let lender = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (slots, table, moved) = &*shared;
                slots[0].cold_misses.add(1);
                slots[0].lent_bytes.add(64);
                moved.push(table.get(1), table);
            })
        };
        let releaser = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (slots, table, moved) = &*shared;
                if moved.pop(table).is_some() {
                    slots[1].released.add(1);
                    slots[1].released_bytes.add(64);
                }
            })
        };
        let (mut releases, mut release_bytes) = (0, 0);
        for slot in &shared.0 {
            releases += slot.released.get();
            release_bytes += slot.released_bytes.get();
        }
        let (mut allocs, mut alloc_bytes) = (0, 0);
        for slot in &shared.0 {
            let lent = slot.read_allocated();
            allocs += lent.allocs();
            alloc_bytes += lent.pooled_alloc_bytes;
        }
        assert!(releases <= allocs);
        assert!(release_bytes <= alloc_bytes);
        lender.join().unwrap();
        releaser.join().unwrap();
    });
}

//! A bin whose owner empties it while the aggregator reads it.
//!
//! Laws: L1 Conservation.
#![expect(unsafe_code, reason = "the model uses a bin by itself")]

use std::ptr;

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::blocks::bin::Bin;
use crate::blocks::table::Table;

/// A bin and the record of its block.
struct Shared(Bin, Table);

// SAFETY: one thread of the model owns the bin. The other reads its atomics, as the aggregator does.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// The block leaves the hot place in two steps. At each of them its release counts.
/// Three preemptions at most.
#[test]
fn a_flush_never_hides_a_release() {
    explore(Some(3), || {
        let shared = Shared(Bin::new(), Table::new(false));
        shared.0.set_hot(ptr::null());
        assert!(shared.0.try_push(shared.1.claim().unwrap().block));
        assert_eq!(shared.0.released(), 1);
        let shared = Arc::new(shared);
        let owner = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: the record's table is alive.
                assert!(unsafe { shared.0.close() }.is_some());
            })
        };
        assert_eq!(shared.0.released(), 1, "L1");
        owner.join().unwrap();
        assert_eq!(shared.0.released(), 1, "L1");
    });
}

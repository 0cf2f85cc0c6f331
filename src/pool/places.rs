//! Lists the addresses of memory in use: the blocks of pooled buffers, and those of open frames.
//!
//! The records are read as a walk reads them (`walk.rs`), and under the same lock. An address is only a number here
//! and is never dereferenced, because the block may have a new owner by the time it is shown.

use crate::blocks::state::Seen;
use crate::pool::inner::PoolInner;
use crate::telemetry::place::{Place, PlaceKind};

impl PoolInner {
    /// Lists the memory in use, and reuses the memory of an earlier result.
    pub(crate) fn places_into(&self, places: &mut Vec<Place>) {
        places.clear();
        if !cfg!(feature = "telemetry") {
            return;
        }
        let walks = self.walks.lock();
        for record in self.table.records() {
            let location = match record.read(&self.classes) {
                Seen::Idle => continue,
                Seen::Anonymous(_) => None,
                Seen::Lent(lent) => Some(lent.site),
            };
            let (address, bytes) = record.place(&self.classes);
            if bytes > 0 {
                places.push(Place {
                    address,
                    bytes,
                    kind: PlaceKind::Buffer { location },
                });
            }
        }
        drop(walks);
        // No frame ends while we read its arenas.
        let aggregator = self.aggregator.lock();
        let open = self.in_flight.open();
        for slot in self.slots.iter() {
            for (_, arena) in slot.arenas_among(open) {
                let (address, bytes) = arena.place();
                if !arena.is_parked() && bytes > 0 {
                    places.push(Place {
                        address,
                        bytes,
                        kind: PlaceKind::FrameBlock,
                    });
                }
            }
        }
        drop(aggregator);
    }
}

//! Where the memory in use lies: the blocks of pooled buffers, and those of open frames.
//!
//! The records are read as a walk reads them (`walk.rs`), and under the same lock. An address is a number here, and never followed: by the
//! time that somebody sees it, the block may be another's.

use crate::blocks::state::Seen;
use crate::pool::inner::PoolInner;
use crate::telemetry::place::{Place, PlaceKind};

impl PoolInner {
    /// Lists what is in use, into an earlier result whose memory is used again.
    pub(crate) fn places_into(&self, places: &mut Vec<Place>) {
        places.clear();
        if !cfg!(feature = "telemetry") {
            return;
        }
        let walks = self.walks.lock();
        for record in self.table.records() {
            let location = match record.read() {
                Seen::Idle => continue,
                Seen::Anonymous(_) => None,
                Seen::Lent(lent) => Some(lent.site),
            };
            let (address, bytes) = record.place();
            if bytes > 0 {
                places.push(Place {
                    address,
                    bytes,
                    kind: PlaceKind::Buffer { location },
                });
            }
        }
        drop(walks);
        // No end of a frame while its arenas are looked at.
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

//! How much of the pool's memory is resident.
//!
//! The system is asked about every pooled block, by the address in its record, and about one block of each arena: the one that it lends
//! from. A steady frame has no other (`arena/bump.rs`). So the answer is of these very blocks,
//! whether they are mappings or come from the global allocator, and of no other memory of the process. No lock is taken, and no worker
//! is disturbed: the system's own list of mappings is locked for the time of one question, about 16 MiB at most.

use crate::clock::{self, Timestamp};
use crate::memory::residency::Residency;
use crate::pool::inner::PoolInner;
use crate::telemetry::resident::Resident;

impl PoolInner {
    /// Asks the system; `None` where it is not known how, and without telemetry.
    pub(crate) fn resident(&self) -> Option<Resident> {
        if !cfg!(feature = "telemetry") {
            return None;
        }
        let began = clock::now();
        let mut residency = Residency::new()?;
        let mut bytes = 0;
        for block in self.table.records() {
            let (start, length) = block.place();
            bytes += residency.of(start, length as usize);
        }
        for slot in self.slots.iter() {
            for (_, arena) in slot.arenas_among(u32::MAX) {
                let (start, length) = arena.place();
                bytes += residency.of(start, length as usize);
            }
        }
        Some(Resident {
            // What came and went meanwhile may have been met twice.
            bytes: bytes.min(self.budget.held()),
            time: Timestamp::at(began),
            took: clock::now().saturating_duration_since(began),
        })
    }
}

//! How much of the pool's memory is resident.
//!
//! The system is asked about every pooled block, by the address in its record, and about the current block of each
//! arena. A steady frame has no other (`arena/bump/reset.rs`). So the answer covers exactly these blocks, whether they are
//! mappings or come from the global allocator, and no other memory of the process. No lock of ours is taken. The
//! system locks its own list of mappings for one question at a time, about at most 16 MiB.

use crate::clock::{self, Timestamp};
use crate::memory::residency::Residency;
use crate::pool::inner::PoolInner;
use crate::telemetry::resident::Resident;

impl PoolInner {
    /// Asks the system; `None` on unsupported systems, and without telemetry.
    pub(crate) fn resident(&self) -> Option<Resident> {
        if !cfg!(feature = "telemetry") {
            return None;
        }
        let began = clock::now();
        let mut residency = Residency::new()?;
        let mut bytes = 0;
        for record in self.table.records() {
            let (start, length) = record.place(&self.classes);
            bytes += residency.of(start, length as usize);
        }
        for slot in self.slots.iter() {
            for (_, arena) in slot.arenas_among(u32::MAX) {
                let (start, length) = arena.place();
                bytes += residency.of(start, length as usize);
            }
        }
        Some(Resident {
            // Memory that moved during the reading may have been counted twice.
            bytes: bytes.min(self.budget.held()),
            time: Timestamp::at(began),
            took: clock::since(began),
        })
    }
}

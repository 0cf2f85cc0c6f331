//! Growth of a call site's bytes while its number of buffers stays: buffers that are replaced by larger ones.
//!
//! The envelopes of `site_history.rs` count buffers. A list that is copied into a larger buffer again and again is one buffer, however
//! large. So each site has one more envelope, of its bytes:
//!
//! - Buffers of any age count, since a new one takes the place of an old one. A window has the fewest bytes, and the fewest buffers, of
//!   any sample in it. So neither a buffer of a single frame counts, nor the old buffer beside the new one during a copy.
//! - A window with more buffers than any before begins a new record, because then the number explains the bytes.
//! - The envelope counts in units, a 64th of the bytes at the record's beginning, so that it sees no smaller changes.
//! - A climb is proven as a long one, in eight rises at least, if its bytes have doubled, with two fifths of the gain in the later half of
//!   the time.

use super::envelope::{Climb, Envelope, Mark, Past};
use super::growth::Growth;
use super::scales::{GrowthLimits, OF_BYTES};
use crate::telemetry::kept::Amount;

/// Units of the bytes at the beginning of a record.
const UNITS: u64 = 64;
/// The least unit: smaller sites must grow by more than their size.
const LEAST_UNIT: u64 = 1 << 10;

/// The bytes of one call site.
#[derive(Debug)]
pub(super) struct ByteGrowth {
    /// Of the fewest bytes of each window, in units.
    envelope: Envelope,
    /// Bytes of a unit.
    unit: u64,
    /// The fewest buffers, and the fewest bytes, in the current window.
    lowest: Option<Amount>,
    /// The most buffers that a window had throughout.
    most_buffers: u64,
}

impl ByteGrowth {
    pub(super) fn new() -> Self {
        Self {
            envelope: Envelope::default(),
            unit: LEAST_UNIT,
            lowest: None,
            most_buffers: 0,
        }
    }

    /// Takes a sample of all buffers that are not marked as long-lived.
    pub(super) fn sample(&mut self, held: Amount) {
        let lowest = self.lowest.get_or_insert(held);
        lowest.buffers = lowest.buffers.min(held.buffers);
        lowest.bytes = lowest.bytes.min(held.bytes);
    }

    /// Ends the current window.
    pub(super) fn close_window(&mut self, now: &Mark, limits: &GrowthLimits) {
        let Some(lowest) = self.lowest.take() else {
            return;
        };
        if lowest.buffers > self.most_buffers {
            self.most_buffers = lowest.buffers;
            if self.proven().is_none() {
                self.unit = (lowest.bytes / UNITS).max(LEAST_UNIT);
                self.envelope = Envelope::at(self.in_units(lowest.bytes));
                return;
            }
        }
        let minimum = self.in_units(lowest.bytes);
        self.envelope
            .push(&OF_BYTES, minimum, None, Past::HABITS, now, limits);
    }

    /// The proven climb.
    pub(super) fn proven(&self) -> Option<&Climb> {
        self.envelope.proven()
    }

    /// The growth in bytes of this climb, which counts units.
    pub(super) fn of_bytes(&self, growth: Growth) -> Growth {
        Growth {
            larger: true,
            buffers: 0,
            bytes: growth.buffers * self.unit,
            buffers_per_minute: 0.0,
            buffers_per_1000_frames: 0.0,
            ..growth
        }
    }

    fn in_units(&self, bytes: u64) -> Amount {
        Amount {
            buffers: bytes / self.unit,
            bytes,
        }
    }
}

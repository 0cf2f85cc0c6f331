//! The tracks of one pool: their numbers, the free lanes for its frames, and the track of each alert.
//!
//! Frames may overlap, but slices of a track must not. So a frame takes the first free one of several tracks, the lanes.
//! All are named "frames", and Perfetto draws them as one. For the same reason each alert has its own track.

use framepool::AlertId;

/// The tracks of a pool, by their numbers within it.
pub(crate) const GROUP: u64 = 0;
pub(crate) const ALERT_GROUP: u64 = 1;
pub(crate) const MARKS: u64 = 2;
pub(crate) const FRAME_ENDS: u64 = 3;
pub(crate) const FIRST_COUNTER: u64 = 16;
const FIRST_LANE: u64 = 64;
const FIRST_ALERT: u64 = 1_024;

/// The most lanes of a pool. For further overlapping frames only the ends are written.
const LANES: usize = 16;
/// The most alerts whose tracks are remembered. Others get a new track when they are raised again.
const ALERTS: usize = 1_024;

/// The lanes and the tracks of alerts that a pool has so far.
#[derive(Default)]
pub(crate) struct Tracks {
    /// When the last frame of each lane ended.
    lanes: Vec<u64>,
    /// The oldest first.
    alerts: Vec<AlertTrack>,
    /// Alerts that got a track.
    made: u64,
}

/// The track of an alert.
pub(crate) struct AlertTrack {
    id: AlertId,
    pub(crate) track: u64,
    pub(crate) is_raised: bool,
}

impl Tracks {
    /// The first lane that is free when a frame begins, taken until it ends, and whether the lane is new. `None` if all are
    /// taken.
    pub(crate) fn lane(&mut self, begin: u64, end: u64) -> Option<(u64, bool)> {
        let free = self.lanes.iter().position(|&ended| ended <= begin);
        let place = match free {
            Some(place) => place,
            None if self.lanes.len() < LANES => {
                self.lanes.push(0);
                self.lanes.len() - 1
            }
            None => return None,
        };
        self.lanes[place] = end;
        Some((FIRST_LANE + place as u64, free.is_none()))
    }

    /// The track of an alert that has one.
    pub(crate) fn alert(&mut self, id: AlertId) -> Option<&mut AlertTrack> {
        self.alerts.iter_mut().find(|known| known.id == id)
    }

    /// The number of a new track for an alert that is raised.
    pub(crate) fn add_alert(&mut self, id: AlertId) -> u64 {
        if self.alerts.len() == ALERTS {
            // The oldest resolved one. All are active only if a thousand lines of code leak at once.
            let over = self.alerts.iter().position(|known| !known.is_raised);
            self.alerts.remove(over.unwrap_or(0));
        }
        let track = FIRST_ALERT + self.made;
        self.made += 1;
        self.alerts.push(AlertTrack {
            id,
            track,
            is_raised: true,
        });
        track
    }
}

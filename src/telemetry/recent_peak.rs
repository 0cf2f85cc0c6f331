//! The most of a number in the last one to two seconds, for a judgement that comes a few times a second.
//!
//! Time is divided into periods of a second, of which two are kept. A period begins with the first number noted after the one before.

use std::time::Duration;

use crate::clock::Time;

const PERIOD: Duration = Duration::from_secs(1);

/// The largest number noted in the current period and in the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RecentPeak {
    began: Option<Time>,
    current: u64,
    before: u64,
}

impl RecentPeak {
    /// Takes a number found at this time.
    pub(crate) fn note(&mut self, value: u64, now: Time) {
        let began = *self.began.get_or_insert(now);
        let age = now.since(began);
        if age >= PERIOD {
            self.before = if age < 2 * PERIOD { self.current } else { 0 };
            self.current = 0;
            self.began = Some(now);
        }
        self.current = self.current.max(value);
    }

    /// The largest number of both periods.
    pub(crate) fn most(&self) -> u64 {
        self.current.max(self.before)
    }
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use std::time::Duration;

    use super::RecentPeak;
    use crate::clock;

    #[test]
    fn a_peak_lasts_one_to_two_seconds() {
        let begin = clock::now();
        let mut recent = RecentPeak::default();
        let mut most_after = |millis, value| {
            recent.note(value, begin + Duration::from_millis(millis));
            recent.most()
        };
        assert_eq!(most_after(0, 5), 5);
        assert_eq!(most_after(900, 1), 5);
        assert_eq!(most_after(1_100, 2), 5, "the period before counts");
        assert_eq!(most_after(2_000, 3), 5, "it still is the one before");
        assert_eq!(most_after(2_200, 1), 3);
        assert_eq!(most_after(9_000, 0), 0, "nothing was noted for seconds");
    }
}

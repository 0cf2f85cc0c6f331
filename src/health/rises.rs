//! The rises of a climb: a list of fixed size, and what it says about the shape of the climb.

use std::ops::Add;
use std::time::Duration;

use super::loop_time::LoopTime;
use crate::sync::sized;

/// A gain is as fast as another one if it differs from the expected one by this part and a buffer at most. A window may end just before or
/// just after a gain, so one buffer more or less is no difference.
const NEAR: f64 = 0.1;

/// When a climb rose, and to which number of buffers. With many rises, only every second, fourth and so on is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rises {
    kept: [Rise; Self::MAX],
    len: u8,
    /// One rise in 2 to this power is kept.
    thinned: u8,
    left_out: u32,
    last: Rise,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rise {
    nanos: u64,
    frames: u64,
    buffers: u64,
}

impl Rises {
    /// Fewer in models, whose threads have small stacks.
    const MAX: usize = sized(16, 16, 4);

    pub(super) fn push(&mut self, now: LoopTime, buffers: u64) {
        self.last = Rise {
            nanos: now.nanos,
            frames: now.frames,
            buffers,
        };
        if self.left_out > 0 {
            self.left_out -= 1;
            return;
        }
        if usize::from(self.len) == Self::MAX {
            for place in 0..Self::MAX / 2 {
                self.kept[place] = self.kept[2 * place];
            }
            self.len /= 2;
            self.thinned += 1;
        }
        self.kept[usize::from(self.len)] = self.last;
        self.len += 1;
        self.left_out = (1 << self.thinned.min(31)) - 1;
    }

    fn kept(&self) -> &[Rise] {
        &self.kept[..usize::from(self.len)]
    }

    /// At a rise: whether the later half of the time has a third of the rises.
    pub(super) fn are_late(&self) -> bool {
        let (first, span) = self.time();
        let kept = self.kept();
        let late = kept.iter().filter(|rise| 2 * (rise.nanos - first) > span);
        3 * late.count() >= kept.len()
    }

    /// At a rise: whether no gap is longer than 60 % of the time.
    pub(super) fn have_no_long_gap(&self) -> bool {
        let (_, span) = self.time();
        let times = self.kept().iter().map(|rise| rise.nanos);
        let ends = times.clone().skip(1).chain([self.last.nanos]);
        let mut gaps = times.zip(ends).map(|(from, to)| to - from);
        gaps.all(|gap| 5 * u128::from(gap) <= 3 * u128::from(span))
    }

    /// The first rise, and the time from there to the last.
    fn time(&self) -> (u64, u64) {
        let first = self.kept[0].nanos;
        (first, self.last.nanos - first)
    }

    /// At a rise: whether the climb levels off, by time and by frames. A leak a frame slows down in time when frames
    /// take longer.
    pub(super) fn slow_down(&self) -> bool {
        self.slow_down_by(|rise| rise.nanos) && self.slow_down_by(|rise| rise.frames)
    }

    /// Whether it gained clearly less in the later half than in the first, or in the last quarter than in the third.
    /// A loss that goes on at a lower rate than it began does not level off: its last quarter has clearly more than if
    /// the rate went on falling.
    fn slow_down_by(&self, clock: fn(&Rise) -> u64) -> bool {
        let first = clock(&self.kept[0]);
        let at = |quarters: u64| first + (clock(&self.last) - first) / 4 * quarters;
        let marks = [0, 2, 3].map(|quarters| self.buffers_at(clock, at(quarters)));
        let [half, third] = [0, 1].map(|at| (marks[at + 1] - marks[at]) as f64);
        let last = (self.last.buffers - marks[2]) as f64;
        let later = third + last;
        let if_falling = third * (later / half.max(1.0)).sqrt();
        let late = self.kept().iter().filter(|rise| clock(rise) > at(2));
        let goes_on = late.count() >= Self::MAX / 4 && is_less(if_falling, last, 3.0);
        !goes_on && (is_less(later, half, 2.0) || is_less(last, third, 2.0))
    }

    /// The number of buffers at a time, interpolated between the rises that were kept.
    fn buffers_at(&self, clock: fn(&Rise) -> u64, time: u64) -> u64 {
        let kept = self.kept();
        let after = kept.partition_point(|rise| clock(rise) <= time);
        let from = &kept[after.saturating_sub(1)];
        let to = kept.get(after).unwrap_or(&self.last);
        let span = u128::from(clock(to).saturating_sub(clock(from))).max(1);
        let part = u128::from(time.saturating_sub(clock(from))).min(span);
        from.buffers + (part * u128::from(to.buffers - from.buffers) / span) as u64
    }

    /// The gain from the second to the last but one of the rises kept; `None` if it is less than three buffers, of which one more or less
    /// says nothing. The first rise may be much older than the others, and the latest window may have ended after the gain.
    pub(super) fn middle(&self) -> Option<Pace> {
        let mut inner = self.kept().iter().skip(1);
        let from = inner.next()?;
        let to = inner.rfind(|rise| rise.nanos < self.last.nanos)?;
        let buffers = to.buffers - from.buffers;
        (buffers >= 3).then_some(Pace {
            buffers,
            nanos: to.nanos - from.nanos,
            frames: to.frames - from.frames,
        })
    }

    /// The buffers gained in the later half of the time, and the loop time of it: the present rate.
    pub(super) fn later_half(&self) -> (u64, Duration) {
        let first = self.kept[0].nanos;
        let middle = first + (self.last.nanos - first) / 2;
        let from = self.kept().iter().rev().find(|rise| rise.nanos <= middle);
        let from = from.copied().unwrap_or(self.kept[0]);
        (
            self.last.buffers - from.buffers,
            Duration::from_nanos(self.last.nanos - from.nanos),
        )
    }
}

/// Buffers gained, and the loop time and the frames that it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    buffers: u64,
    nanos: u64,
    frames: u64,
}

impl Pace {
    /// Whether it is as fast as another one, by time or by frames.
    pub(super) fn is_like(self, other: Self) -> bool {
        let is_near = |of: fn(&Self) -> u64| {
            let expected = other.buffers as f64 * of(&self) as f64 / of(&other).max(1) as f64;
            (self.buffers as f64 - expected).abs() <= 1.0 + NEAR * expected
        };
        is_near(|pace| pace.nanos) || is_near(|pace| pace.frames)
    }

    pub(super) fn time(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }
}

impl Add for Pace {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            buffers: self.buffers + other.buffers,
            nanos: self.nanos + other.nanos,
            frames: self.frames + other.frames,
        }
    }
}

/// Whether a count is smaller than another by more than this many standard deviations of their difference, if they are
/// counts of independent events (Poisson: the variance of a count is its mean).
fn is_less(count: f64, other: f64, deviations: f64) -> bool {
    other - count > deviations * (other + count).sqrt()
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    /// Rises to these numbers at these times, with a frame every `frame` nanoseconds.
    fn rises(frame: u64, of: impl IntoIterator<Item = (u64, u64)>) -> Rises {
        let mut rises = Rises::default();
        for (nanos, buffers) in of {
            let mut now = LoopTime::default();
            (now.nanos, now.frames) = (nanos, nanos / frame);
            rises.push(now, buffers);
        }
        rises
    }

    #[test]
    fn even_climb_does_not_slow_down() {
        for step in [1, 7, 100] {
            let even = rises(1, (0..1_000).map(|at| (step * at, 50 + at)));
            assert!(
                !even.slow_down() && even.are_late() && even.have_no_long_gap(),
                "{step}"
            );
        }
    }

    #[test]
    fn filling_cache_slows_down() {
        // Keys at random: the number approaches 500.
        let fill = |time: u64| (500.0 * (1.0 - (-(time as f64) / 80.0).exp())) as u64;
        for end in [110, 160, 320] {
            assert!(rises(1, (1..=end).map(|time| (time, fill(time)))).slow_down());
        }
        let dialogs = [(0, 200), (50, 300), (100, 350), (150, 375)];
        assert!(rises(1, dialogs).slow_down());
    }

    #[test]
    fn slower_loss_after_a_load_goes_on() {
        let load = (0..60).map(|time| (time, 10 * time));
        let loss = (60..1_200).map(|time| (time, 600 + time / 10));
        assert!(!rises(1, load.chain(loss)).slow_down());
    }

    #[test]
    fn leak_a_frame_does_not_slow_down() {
        // Each frame takes longer than the one before.
        let time = |frame: u64| frame * frame;
        let mut slower = Rises::default();
        for frames in 0..200 {
            let mut now = LoopTime::default();
            (now.nanos, now.frames) = (time(frames), frames);
            slower.push(now, frames);
        }
        assert!(!slower.slow_down());
        assert!(slower.slow_down_by(|rise| rise.nanos));
    }

    #[test]
    fn present_rate_is_of_the_later_half() {
        let faster = |time: u64| if time < 50 { time } else { 5 * time - 200 };
        let (buffers, time) = rises(1, (0..100).map(|time| (time, faster(time)))).later_half();
        let rate = u128::from(buffers) / time.as_nanos();
        assert!((4..=5).contains(&rate), "{buffers} in {time:?}");
    }

    #[test]
    fn pace_is_that_of_the_middle() {
        // One old rise, then one each time, and a late end.
        let climb = |of: u64| {
            [(0, 1)]
                .into_iter()
                .chain((0..of).map(|at| (1_000 + at, 2 + at)))
        };
        for len in [4, 15, 40, 500] {
            let slow = rises(1, climb(len).chain([(1_000 + 2 * len, 2 + len)]));
            let pace = slow.middle().expect("a pace");
            assert_eq!(pace.buffers, pace.nanos, "{len}");
            assert!(4 * pace.nanos >= 3 * (len - 2), "{len}: {pace:?}");
        }
        for short in 1..=5 {
            assert!(rises(1, (0..short).map(|at| (at, at))).middle().is_none());
        }
    }

    #[test]
    fn pace_is_like_another_by_either_clock() {
        let pace = |buffers, nanos, frames| Pace {
            buffers,
            nanos,
            frames,
        };
        let usual = pace(40, 40_000, 2_400);
        for like in [
            pace(20, 20_000, 1_200),
            pace(22, 20_000, 5_000),
            pace(18, 50_000, 1_200),
            pace(3, 2_000, 120),
        ] {
            assert!(like.is_like(usual), "{like:?}");
        }
        for other in [pace(25, 20_000, 1_200), pace(16, 20_000, 1_200)] {
            assert!(!other.is_like(usual), "{other:?}");
        }
    }
}

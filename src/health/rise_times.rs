//! When a climb rose: a list of fixed size, and whether the rises are spread over the whole climb.

/// The times of a climb's rises, in nanoseconds of loop time. With many rises, only every second, fourth and so on is
/// kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RiseTimes {
    times: [u64; Self::MAX],
    len: u8,
    /// One rise in 2 to this power is kept.
    thinned: u8,
    left_out: u32,
}

impl RiseTimes {
    const MAX: usize = 16;

    pub(super) fn push(&mut self, nanos: u64) {
        if self.left_out > 0 {
            self.left_out -= 1;
            return;
        }
        if usize::from(self.len) == Self::MAX {
            for place in 0..Self::MAX / 2 {
                self.times[place] = self.times[2 * place];
            }
            self.len /= 2;
            self.thinned += 1;
        }
        self.times[usize::from(self.len)] = nanos;
        self.len += 1;
        self.left_out = (1 << self.thinned.min(31)) - 1;
    }

    fn kept(&self) -> &[u64] {
        &self.times[..usize::from(self.len)]
    }

    /// Whether each quarter of the time has between an eighth and a half of the rises.
    pub(super) fn are_even(&self, now: u64) -> bool {
        let kept = self.kept();
        let first = kept[0];
        let span = (now - first).max(1);
        let mut quarters = [0; 4];
        for &time in kept {
            let quarter = 4 * u128::from(time - first) / u128::from(span);
            quarters[(quarter as usize).min(3)] += 1;
        }
        let is_fair = |&count: &usize| 8 * count >= kept.len() && 2 * count <= kept.len();
        quarters.iter().all(is_fair)
    }

    /// Whether the later half has a third of the rises, and no gap is longer than 60 % of the time.
    pub(super) fn are_steady(&self, now: u64) -> bool {
        let kept = self.kept();
        let first = kept[0];
        let span = now - first;
        let late = kept.iter().filter(|&&time| 2 * (time - first) > span);
        let ends = kept[1..].iter().chain([&now]);
        let longest = kept.iter().zip(ends).map(|(from, to)| to - from).max();
        3 * late.count() >= kept.len()
            && longest.is_some_and(|gap| 5 * u128::from(gap) <= 3 * u128::from(span))
    }
}

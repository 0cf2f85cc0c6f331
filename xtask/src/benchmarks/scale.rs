//! Where a value stands on an axis, which values have a mark there, and how labels keep apart.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::tables::time;

/// How values become places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    /// Each power of ten as long as the next.
    Log,
}

/// An axis: from where to where, and its marks with what is written beside them.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    marks: Vec<(f64, String)>,
}

/// Beyond so many powers of ten, only these have marks.
const DECADES: f64 = 2.7;
/// About so many marks on a linear axis.
const MARKS: f64 = 6.0;

impl Axis {
    /// An axis on which all times have room, marked with round ones.
    pub(crate) fn of_times(scale: Scale, times: impl IntoIterator<Item = f64>) -> Self {
        let (least, most) = times
            .into_iter()
            .fold((f64::INFINITY, 0.0_f64), |(least, most), time| {
                (least.min(time), most.max(time))
            });
        let (from, to) = match scale {
            Scale::Linear => (0.0, most * 1.12),
            Scale::Log => (least / 1.3, most * 1.3),
        };
        let marks = match scale {
            Scale::Linear => linear_marks(to),
            Scale::Log => logarithmic_marks(from, to),
        };
        Self {
            scale,
            from,
            to,
            marks: marks.into_iter().map(|mark| (mark, time(mark))).collect(),
        }
    }

    /// An axis along which there are these places, in their order.
    pub(crate) fn of_places(scale: Scale, places: Vec<(f64, String)>) -> Self {
        let first = places.first().map_or(1.0, |place| place.0);
        let last = places.last().map_or(first, |place| place.0);
        let (from, to) = match scale {
            Scale::Linear => (first - 0.5, last + 0.5),
            Scale::Log => {
                let room = (last / first).powf(0.06).max(1.2);
                (first / room, last * room)
            }
        };
        Self {
            scale,
            from,
            to,
            marks: places,
        }
    }

    /// Where a value is between the ends, these being 0 and 1.
    fn part(&self, value: f64) -> f64 {
        let place = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.log10(),
        };
        (place(value) - place(self.from)) / (place(self.to) - place(self.from))
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        first + (self.part(*value) * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.marks.iter().map(|mark| mark.0).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let found = self
            .marks
            .iter()
            .find(|mark| mark.0.total_cmp(value).is_eq());
        found.map_or(String::new(), |mark| mark.1.clone())
    }
}

fn linear_marks(to: f64) -> Vec<f64> {
    let step = step(to / MARKS);
    let count = (to / step).floor() as u32;
    (0..=count).map(|at| f64::from(at) * step).collect()
}

fn logarithmic_marks(from: f64, to: f64) -> Vec<f64> {
    let factors: &[f64] = if (to / from).log10() > DECADES {
        &[1.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    let powers = from.log10().floor() as i32..=to.log10().ceil() as i32;
    powers
        .flat_map(|power| factors.iter().map(move |by| by * 10_f64.powi(power)))
        .filter(|mark| (from..=to).contains(mark))
        .collect()
}

/// The next of 1, 2, 5, 10, 20, …
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let mut fitting = [1.0, 2.0, 5.0].into_iter().map(|by| by * power);
    fitting.find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// Places as near to the wanted ones as `gap` between them lets, none beyond `last`, in the order of the wanted ones.
pub(crate) fn apart(wanted: &[i32], gap: i32, last: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&at| wanted[at]);
    let mut places = wanted.to_vec();
    let mut free = i32::MIN;
    for &at in &order {
        places[at] = places[at].max(free);
        free = places[at] + gap;
    }
    let mut most = last;
    for &at in order.iter().rev() {
        places[at] = places[at].min(most);
        most = places[at] - gap;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|mark| mark.1.as_str()).collect()
    }

    #[test]
    fn a_logarithmic_axis_marks_ones_twos_and_fives() {
        let axis = Axis::of_times(Scale::Log, [3.0, 60.0]);
        assert_eq!(marks(&axis), ["5 ns", "10 ns", "20 ns", "50 ns"]);
        let long = |from, to| axis.map(&to, (1000, 0)) - axis.map(&from, (1000, 0));
        assert!((long(5.0, 10.0) - long(20.0, 40.0)).abs() <= 1);
        assert!(axis.map(&3.0, (1000, 0)) < 1000 && axis.map(&60.0, (1000, 0)) > 0);
    }

    #[test]
    fn a_long_logarithmic_axis_marks_powers_of_ten() {
        let axis = Axis::of_times(Scale::Log, [1.5, 4000.0]);
        assert_eq!(marks(&axis), ["10 ns", "100 ns", "1 µs"]);
    }

    #[test]
    fn a_linear_axis_begins_at_zero() {
        let axis = Axis::of_times(Scale::Linear, [4.0, 9.0]);
        assert_eq!(
            marks(&axis),
            ["0 ns", "2 ns", "4 ns", "6 ns", "8 ns", "10 ns"]
        );
        assert_eq!(axis.map(&0.0, (700, 100)), 700);
        assert!(axis.map(&9.0, (700, 100)) > 100);
    }

    #[test]
    fn places_have_room_at_both_ends() {
        let places = vec![(1.0, "one".to_owned()), (8.0, "eight".to_owned())];
        let axis = Axis::of_places(Scale::Log, places);
        assert!(axis.map(&1.0, (0, 1000)) > 0 && axis.map(&8.0, (0, 1000)) < 1000);
        assert_eq!(axis.format_ext(&8.0), "eight");
        assert_eq!(axis.format_ext(&2.0), "");
    }

    #[test]
    fn steps_are_round() {
        for (least, wanted) in [
            (0.11, 0.2),
            (1.0, 1.0),
            (3.0, 5.0),
            (6.0, 10.0),
            (70.0, 100.0),
        ] {
            assert!((step(least) - wanted).abs() < 1e-9, "{least}");
        }
    }

    #[test]
    fn labels_keep_apart_and_within() {
        assert_eq!(apart(&[100, 10, 200], 20, 500), [100, 10, 200]);
        assert_eq!(apart(&[105, 100, 101], 20, 500), [140, 100, 120]);
        assert_eq!(apart(&[495, 490], 20, 500), [500, 480]);
    }
}

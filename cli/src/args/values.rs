//! Reads the values of options. Each error names what is expected, with an example.

#[cfg(feature = "dashboard")]
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::WarmUp;
use crate::contestant::Name;
use crate::demo::MOST_POOLS;

pub(super) fn contestant(text: &str) -> Result<Name, String> {
    Name::ALL
        .into_iter()
        .find(|name| name.as_str() == text)
        .ok_or_else(|| "no such contestant".to_owned())
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

pub(super) fn milliseconds(text: &str) -> Result<f64, String> {
    let number = number(text);
    if (0.001..=86_400_000.0).contains(&number) {
        Ok(number)
    } else {
        Err("a frame takes 0.001 to 86400000 milliseconds, such as `--frame-ms 8`".to_owned())
    }
}

pub(super) fn warm_up(text: &str) -> Result<WarmUp, String> {
    if let Ok(frames) = text.parse() {
        return Ok(WarmUp::Frames(frames));
    }
    // The longer unit comes first, because both end in the same letter.
    let units = [("ms", 1e-3), ("s", 1.0)];
    let with_unit = units.iter().find_map(|&(unit, seconds)| {
        let number = text.strip_suffix(unit)?.trim().parse::<f64>().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    });
    with_unit.map(WarmUp::Time).ok_or_else(|| {
        "a time such as `--warm-up 2s` or `--warm-up 500ms`, or a number of frames such as `--warm-up 120`".to_owned()
    })
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let number = number(text);
    if (0.5..=86_400.0).contains(&number) {
        Ok(number)
    } else {
        Err("a run takes 0.5 to 86400 seconds, such as `--seconds 20`".to_owned())
    }
}

pub(super) fn leaks(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number <= 100_000);
    number.ok_or_else(|| {
        "a whole number of buffers a second, from 0 to 100000, such as `--leak 20`".to_owned()
    })
}

pub(super) fn pools(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (1..=MOST_POOLS).contains(number))
        .ok_or_else(|| format!("a whole number from 1 to {MOST_POOLS}, such as `--pools 3`"))
}

pub(super) fn rounds(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number <= 1_000);
    number.ok_or_else(|| "a whole number from 0 to 1000, such as `--rounds 11`".to_owned())
}

pub(super) fn leak_after(text: &str) -> Result<u64, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (1..=1_000_000).contains(number))
        .ok_or_else(|| {
            "a whole number of frames from 1 to 1000000, such as `--leak-after 4`".to_owned()
        })
}

pub(super) fn speed(text: &str) -> Result<f64, String> {
    let number = number(text);
    if number == 0.0 || (0.001..=1e9).contains(&number) {
        Ok(number)
    } else {
        Err("a speed is 0, for as fast as possible, or from 0.001 to 1000000000, such as `--speed 2`".to_owned())
    }
}

#[cfg(feature = "dashboard")]
pub(super) fn one_in(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| {
        "a whole number from 1 to 4294967295, such as `--backtraces 16` for one buffer in 16"
            .to_owned()
    })
}

pub(super) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse::<NonZeroUsize>()
        .ok()
        .filter(|threads| threads.get() <= 4_096)
        .ok_or_else(|| "a whole number from 1 to 4096, such as `--threads 4`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_is_a_time_or_frames() {
        assert_eq!(warm_up("120"), Ok(WarmUp::Frames(120)));
        let time = |ms| Ok(WarmUp::Time(Duration::from_millis(ms)));
        assert_eq!(
            (warm_up("2s"), warm_up("1.5 s"), warm_up("500ms")),
            (time(2_000), time(1_500), time(500))
        );
        for wrong in ["", "s", "-1", "-1s", "2m", "nans", "1e99s"] {
            assert!(warm_up(wrong).is_err(), "{wrong}");
        }
    }
}

//! Rounds, and ages in time.

use super::*;
use crate::clock;

/// The rounds after frames of these threads ended.
fn rounds(threads: impl IntoIterator<Item = u64>) -> u64 {
    let mut rounds = Rounds::new();
    let ends = threads.into_iter().map(|thread| rounds.end_frame(thread).0);
    ends.last().unwrap()
}

/// The age of each round differs by a quarter at most from the time since the next one began.
fn assert_ages(times: &RoundTimes, origin: Time, now: Duration, begun: &[Duration]) {
    for taken in 0..begun.len() - 1 {
        let truly = now.saturating_sub(begun[taken + 1]);
        let age = times.age(taken as u64, origin + now);
        let most = truly.mul_f64(0.25) + Duration::from_millis(1);
        assert!(age.abs_diff(truly) <= most, "{taken}: {age:?}, {truly:?}");
    }
}

#[test]
fn every_frame_of_one_thread_is_a_round() {
    assert_eq!(rounds((0..50).map(|_| 7)), 50);
}

#[test]
fn frames_at_the_same_pace_are_one_round() {
    for threads in [2, 8, 31] {
        let ends = (0..100).flat_map(|_| 0..threads);
        assert_eq!(rounds(ends), 100, "{threads} threads");
    }
    // With a different order in each tick there may be fewer, never more.
    let shuffled = (0..100).flat_map(|tick| (0..8).map(move |turn| (tick * 3 + turn * 5) % 8));
    assert!((50..=100).contains(&rounds(shuffled)));
}

#[test]
fn the_fastest_thread_sets_the_rounds() {
    let ends = (0..1000).flat_map(|end| {
        let slow = (end % 10 == 0).then_some(2);
        std::iter::once(1).chain(slow)
    });
    assert_eq!(rounds(ends), 1000);
}

#[test]
fn threads_beyond_the_tracked_number_complete_rounds() {
    let ends = (0..100).flat_map(|_| 0..3 * MAX_THREADS as u64);
    assert_eq!(rounds(ends), 300);
}

#[test]
fn threads_are_told_apart() {
    let own = this_thread();
    assert_eq!(own, this_thread());
    let other = std::thread::spawn(this_thread).join().unwrap();
    assert_ne!(own, other);
}

/// The times of this many frames of one length, the start, and the time since then in the middle of the next frame.
fn after_equal_frames(frame_us: u64, frames: u64) -> (RoundTimes, Time, Duration) {
    let origin = clock::now();
    let begun = |round: u64| Duration::from_micros(round * frame_us);
    let mut times = RoundTimes::new(origin);
    for round in 1..=frames {
        times.note(round, origin + begun(round));
    }
    (
        times,
        origin,
        begun(frames) + Duration::from_micros(frame_us / 2),
    )
}

#[test]
fn age_is_exact_while_frames_are_equally_long() {
    for (frame_us, frames) in [(16_980_u64, 45_000_u64), (500, 100_000), (1_000_000, 9_000)] {
        let begun = |round: u64| Duration::from_micros(round * frame_us);
        let (times, origin, now) = after_equal_frames(frame_us, frames);
        for taken in (0..frames).step_by(37) {
            let truly = now.saturating_sub(begun(taken + 1));
            let age = times.age(taken, origin + now);
            // Times are whole nanoseconds.
            let off = age.abs_diff(truly);
            assert!(
                off <= Duration::from_nanos(1),
                "{taken}: {age:?}, {truly:?}"
            );
        }
    }
}

#[test]
fn age_is_at_most_a_quarter_off() {
    // Loops that change their pace at random, by up to 200 times.
    let mut random = 7_u64;
    let mut next = || {
        random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        random >> 33
    };
    let origin = clock::now();
    let mut times = RoundTimes::new(origin);
    let mut begun = vec![Duration::ZERO];
    let (mut now, mut frame) = (Duration::ZERO, Duration::ZERO);
    for round in 1..=60_000 {
        if next() % 100 == 0 {
            frame = Duration::from_micros(500 * (1 + next() % 200));
        }
        now += frame;
        times.note(round, origin + now);
        begun.push(now);
    }
    assert_ages(&times, origin, now, &begun);
}

#[test]
fn old_before_proves_the_age() {
    for (frame_us, frames) in [(16_667_u64, 20_000_u64), (500, 100_000), (1_000_000, 9_000)] {
        let begun = |round: u64| Duration::from_micros(round * frame_us);
        let (times, origin, now) = after_equal_frames(frame_us, frames);
        for taken in (0..frames).step_by(37) {
            let truly = now.saturating_sub(begun(taken + 1));
            let limit = Duration::from_secs(1);
            let is_old = taken < times.old_before(limit, origin + now).unwrap();
            assert!(!is_old || truly >= limit, "round {taken}: {truly:?}");
            // Late by a quarter of the limit, or by one frame.
            let late = limit.mul_f64(1.35) + begun(1);
            assert!(is_old || truly <= late, "round {taken}: {truly:?}");
        }
        assert_eq!(times.age(frames, origin + now), Duration::ZERO);
        assert_eq!(times.old_before(Duration::ZERO, origin + now), None);
    }
}

#[test]
fn a_pause_between_frames_counts_in_ages() {
    let origin = clock::now();
    let mut times = RoundTimes::new(origin);
    let mut begun = vec![Duration::ZERO];
    let mut now = Duration::ZERO;
    // Pauses of one second to an hour, in loops at 1 to 240 frames a second.
    for (at, pause) in [1, 3600, 20, 600, 5].into_iter().enumerate() {
        let frame = Duration::from_micros([16_667, 4_167, 1_000_000, 33_333, 500][at]);
        for _ in 0..3000 {
            now += frame;
            times.note(begun.len() as u64, origin + now);
            begun.push(now);
        }
        now += Duration::from_secs(pause);
        assert_ages(&times, origin, now, &begun);
    }
}

#[test]
fn an_age_goes_on_without_frame_ends() {
    let origin = clock::now();
    let mut times = RoundTimes::new(origin);
    let ms = Duration::from_millis;
    for round in 1..=6 {
        times.note(round, origin + ms(100) + Duration::from_micros(round));
    }
    let later = origin + ms(100) + ms(5000);
    assert!(times.age(0, later) >= ms(4999));
    // No level keeps the sixth frame end, but it was the latest.
    assert!(times.age(5, later) >= ms(4999));
    assert_eq!(times.old_before(ms(1000), later), Some(6));
    assert_eq!(times.old_before(ms(6000), later), Some(0));
}

#[test]
fn a_round_of_four_usual_ones_stalls() {
    let origin = clock::now();
    let at = |ms| origin + Duration::from_millis(ms);
    let mut times = RoundTimes::new(origin);
    times.note(1, at(100));
    times.note(2, at(116));
    assert!(!times.is_stalled(at(1_116)));
    assert!(times.is_stalled(at(1_117)));
    // Batches of three seconds.
    times.note(3, at(3_116));
    assert!(!times.is_stalled(at(15_116)));
    assert!(times.is_stalled(at(15_117)));
}

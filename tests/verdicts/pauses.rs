//! Leaks of programs that hitch, pause, or stop ending frames.

use std::time::Duration;

use framepool::{Alert, HealthSnapshot, Rule};

use crate::bench::{Bench, Dice, TICK};
use crate::leak::{Leak, is_leak};

fn leak_alert(health: &HealthSnapshot) -> Option<&Alert> {
    let mut alerts = health.active.iter();
    alerts.find(|alert| alert.rule == Rule::Leak && alert.site.is_some_and(is_leak))
}

/// The number of the first frame after which the leak is named, while the program hitches every `gap` frames.
fn named_after(every: u64, gap: u64, hitch: Duration) -> Option<u64> {
    let mut bench = Bench::new();
    let mut leak = Leak::new(2_000, every);
    for frame in 0..12_000 {
        if frame % gap == gap / 2 {
            bench.pause(hitch);
        }
        let health = bench.frame(|pool, frame| {
            leak.step(pool, frame);
            TICK
        });
        if health.as_ref().and_then(leak_alert).is_some() {
            return Some(frame - 2_000);
        }
    }
    None
}

#[test]
fn a_leak_is_named_across_hitches() {
    let hitch = Duration::from_millis(1_500);
    let named = named_after(60, 600, hitch).expect("an alert");
    assert!(named <= 3_600 + 600, "{named}");
    let named = named_after(3_600, 3_600, Duration::from_secs(20)).expect("an alert");
    assert!(named <= 2 * 3_600 + 600, "{named}");
}

#[test]
fn a_pause_hides_no_fast_leak() {
    // A pause after each number of frames of the leak.
    for after in 2..40 {
        let mut bench = Bench::new();
        let mut leak = Leak::new(2_000, 2);
        let named = (0..2_200).find(|&frame| {
            if frame == 2_000 + after {
                bench.pause(Duration::from_secs(300));
            }
            let health = bench.frame(|pool, frame| {
                leak.step(pool, frame);
                TICK
            });
            health.as_ref().and_then(leak_alert).is_some()
        });
        assert!(named.is_some(), "a pause after {after} frames");
    }
}

#[test]
fn a_leak_after_the_last_frame_is_named() {
    let mut bench = Bench::new();
    bench.quiet(2_000);
    let mut kept = Vec::new();
    let mut named = false;
    for second in 0..300 {
        if second % 3 == 0 {
            kept.push(bench.pool.alloc::<u8>(100));
        }
        drop(bench.pool.alloc::<u8>(100));
        bench.now += Duration::from_secs(1);
        let health = bench.monitor.emit_at(&bench.pool, bench.now);
        named |= health.is_some_and(|health| {
            let mut alerts = health.active.iter();
            alerts.any(|alert| alert.rule == Rule::Leak)
        });
    }
    assert!(named);
}

#[test]
fn a_pause_is_no_part_of_the_rate() {
    let mut bench = Bench::new();
    bench.quiet(2_000);
    let mut leak = Leak::new(2_000, 4);
    let mut rate = 0.0;
    for frame in 0..3_000 {
        let health = bench.frame(|pool, frame| {
            leak.step(pool, frame);
            if frame == 3_500 {
                Duration::from_hours(8)
            } else {
                TICK
            }
        });
        let alert = health.as_ref().and_then(leak_alert);
        if let Some(verdict) = alert.and_then(|alert| alert.verdict.as_ref()) {
            rate = verdict.growth.unwrap().buffers_per_minute;
            assert!(frame < 2_000 || rate > 750.0, "frame {frame}: {rate}");
        }
    }
    assert!((750.0..915.0).contains(&rate), "{rate}");
}

/// Seconds from the first leaked buffer to its alert, of a leak of a buffer in `every` frames in play, with menus between. Turns are up to
/// a third longer or shorter.
fn named_in_turns(every: u64, play: u64, menu: u64) -> u64 {
    let (mut bench, mut dice) = (Bench::new(), Dice(every + play + menu));
    let mut leak = Leak::new(0, every);
    let (mut in_play, mut left, mut played) = (false, 5_000, 0);
    for frame in 0..400_000 {
        if left == 0 {
            in_play = !in_play;
            let seconds = if in_play { play } else { menu };
            left = 40 * seconds + dice.below(40 * seconds);
        }
        left -= 1;
        let health = bench.frame(|pool, _| {
            if in_play {
                leak.step(pool, played);
                played += 1;
            }
            drop(pool.alloc::<u8>(100));
            TICK
        });
        if health.as_ref().and_then(leak_alert).is_some() {
            return (frame - 5_000) / 60;
        }
    }
    panic!("no alert")
}

#[test]
fn a_leak_that_pauses_goes_on_growing() {
    // One in `every` frames, in turns of `play` and `menu` seconds: an alert in the turn in which the play takes two and a half minutes.
    let cases = [
        (12, 30, 60),
        (60, 45, 60),
        (60, 45, 600),
        (60, 20, 60),
        (240, 45, 180),
        (600, 90, 300),
    ];
    // Without optimisation, only the quick one.
    let cases = if cfg!(debug_assertions) {
        &cases[..1]
    } else {
        &cases[..]
    };
    for &(every, play, menu) in cases {
        let named = named_in_turns(every, play, menu);
        let turns = 150_u64.div_ceil(play);
        println!("one in {every} frames, {play} s of play, {menu} s of menu: {named} s");
        assert!(
            named <= turns * (play + menu),
            "{every} {play} {menu}: {named} s"
        );
    }
}

#[test]
fn the_whole_growth_with_pauses_is_reported() {
    let mut bench = Bench::new();
    bench.quiet(4_800);
    let (mut leak, mut played) = (Leak::new(0, 60), 0);
    for frame in 0..40_000_u64 {
        let health = bench.frame(|pool, _| {
            if frame % 9_000 < 3_000 {
                leak.step(pool, played);
                played += 1;
            }
            TICK
        });
        if let Some(alert) = health.as_ref().and_then(leak_alert) {
            let growth = alert.verdict.as_ref().unwrap().growth.unwrap();
            // Of the last second some are too young to count.
            let missing = played.div_ceil(60) - growth.buffers;
            assert!(missing <= 2 && frame > 18_000, "frame {frame}: {growth:?}");
            assert!(growth.lasted && growth.rises > 80, "{growth:?}");
            assert!((50.0..70.0).contains(&growth.buffers_per_minute));
            return;
        }
    }
    panic!("no alert");
}

/// Parts of a fill are no growth that goes on if each is slower, if all of them take less than the fill time, or if there are two.
#[test]
fn fills_in_parts_are_healthy() {
    let is_named = |seed: u64, play: u64, gap: fn(u64) -> u64, capacity: usize| {
        let (mut bench, mut dice) = (Bench::new(), Dice(seed));
        let (mut kept, mut next) = (Vec::new(), 0);
        let turn = play + 4_200;
        let (named, _) = bench.run(60_000, TICK, |pool, frame| {
            // 70 s between the turns.
            if frame > 5_000 && frame % turn < play && frame >= next && kept.len() < capacity {
                let gap = gap(frame / turn);
                next = frame + gap - gap / 8 + dice.below(gap / 4);
                kept.push(pool.alloc::<u8>(500));
            }
        });
        named.is_some()
    };
    let seeds = if cfg!(debug_assertions) { 1 } else { 8 };
    for seed in 1..=seeds {
        // A gap is a third longer in each turn; a history of 90 s; one that is full after two turns of 100 s.
        assert!(!is_named(
            seed,
            1_800,
            |turn| 30 * 4_u64.pow(turn as u32) / 3_u64.pow(turn as u32),
            1_000
        ));
        assert!(!is_named(seed, 1_800, |_| 60, 90));
        assert!(!is_named(seed, 6_000, |_| 420, 27));
    }
}

/// A fill of 17 buffers in 96 s, and four times four in 30 s.
#[test]
fn bumps_after_a_fill_are_healthy() {
    let (mut bench, mut kept) = (Bench::new(), Vec::new());
    let (named, _) = bench.run(60_000, TICK, |pool, frame| {
        let is_one = |from: u64, gap: u64, many: u64| {
            frame >= from && (frame - from).is_multiple_of(gap) && (frame - from) / gap < many
        };
        let is_bump = [20_000, 30_000, 40_000, 50_000]
            .iter()
            .any(|&from| is_one(from, 600, 4));
        if is_one(5_000, 360, 17) || is_bump {
            kept.push(pool.alloc::<u8>(500));
        }
    });
    assert_eq!(named, None);
}

/// One buffer a second in each turn, all released after it; each turn is 45 s longer than the one before.
#[test]
fn turns_that_release_are_no_growth() {
    let (mut bench, mut kept) = (Bench::new(), Vec::new());
    let (mut turn, mut began) = (1, 5_000);
    let (named, _) = bench.run(60_000, TICK, |pool, frame| {
        match frame.checked_sub(began).map(|played| played / 60) {
            Some(second) if second >= 45 * turn + 90 => {
                (turn, began) = (turn + 1, frame);
            }
            Some(second) if second >= 45 * turn + 30 => kept.clear(),
            Some(second) if second < 45 * turn && frame % 60 == 0 => {
                kept.push(pool.alloc::<u8>(500));
            }
            _ => (),
        }
    });
    assert_eq!(named, None);
}

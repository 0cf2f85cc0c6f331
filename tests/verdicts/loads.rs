//! Healthy programs whose buffers increase for a while: a load, a start-up, an even fill, a cache of random keys, a full
//! cache, a map around a player.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use framepool::{Buffer, BufferPool, Rule};

use crate::bench::{Bench, Dice, TICK, leaks};

/// Runs frames of a step, none of which may raise a leak alert.
fn healthy(
    bench: &mut Bench,
    frames: u64,
    period: Duration,
    mut step: impl FnMut(&BufferPool, u64),
) {
    for frame in 0..frames {
        let health = bench.frame(|pool, _| {
            step(pool, frame);
            period
        });
        if let Some(health) = health {
            assert!(leaks(&health).is_empty(), "frame {frame}: {health}");
        }
    }
}

#[test]
fn a_load_after_a_menu_is_no_leak() {
    // Three buffers a frame for 5 s; six a frame at two frames a second for 90 s.
    for (frames, a_frame, period) in [(300, 3, TICK), (180, 6, Duration::from_millis(500))] {
        let mut bench = Bench::new();
        let mut level = Vec::new();
        bench.quiet(3_600);
        healthy(&mut bench, frames, period, |pool, _| {
            level.extend((0..a_frame).map(|_| pool.alloc::<u8>(30_000)));
        });
        healthy(&mut bench, 4_000, TICK, |pool, _| drop(pool.alloc::<u8>(1)));
    }
}

#[test]
fn a_ring_that_fills_later_is_healthy() {
    // A buffer a frame up to 1,000, after a menu of more than a minute: of 17, 33 and 42 s.
    for rate in [60, 30, 24] {
        let mut bench = Bench::new();
        let mut ring = VecDeque::new();
        let period = Duration::from_secs(1) / rate;
        healthy(&mut bench, 90 * u64::from(rate), period, |pool, _| {
            drop(pool.alloc::<u8>(1));
        });
        healthy(&mut bench, 4_000, period, |pool, _| {
            ring.push_back(pool.alloc::<u8>(700));
            if ring.len() > 1_000 {
                ring.pop_front();
            }
        });
    }
}

#[test]
fn a_load_that_skips_frames_is_healthy() {
    // For five seconds a buffer a frame, but for one frame in 9 or 200. The last window has fewer.
    for skips in [9, 200] {
        for length in 290..310 {
            let mut bench = Bench::new();
            let mut level = Vec::new();
            bench.quiet(4_200);
            healthy(&mut bench, 900, TICK, |pool, frame| {
                if frame < length && frame % skips != 0 {
                    level.push(pool.alloc::<u8>(700));
                }
            });
        }
    }
}

#[test]
fn bursts_at_random_are_healthy() {
    // Six buffers a second at random, for 20 s; each lives for 45 s.
    for seed in 1..=40 {
        let mut bench = Bench::new();
        let mut dice = Dice(seed);
        let mut decals = VecDeque::new();
        bench.quiet(4_200);
        healthy(&mut bench, 6_000, TICK, |pool, frame| {
            if frame < 1_200 && dice.below(10) == 0 {
                decals.push_back((frame, pool.alloc::<u8>(700)));
            }
            while decals.front().is_some_and(|(from, _)| from + 2_700 < frame) {
                decals.pop_front();
            }
        });
    }
}

#[test]
fn fill_of_a_line_that_gives_back() {
    // At one line, sets of 50 buffers that come and go for a while; then one of 120, loaded one in two frames.
    let mut bench = Bench::new();
    let mut set = Vec::new();
    healthy(&mut bench, 8_000, TICK, |pool, frame| {
        let wanted = match frame {
            0..6_000 => 50 * u64::from(frame % 300 < 150),
            _ => 120.min((frame - 6_000) / 2),
        };
        set.truncate(wanted as usize);
        while (set.len() as u64) < wanted {
            set.push(pool.alloc::<u8>(500));
        }
    });
}

#[test]
fn load_of_a_line_that_gives_back() {
    // A burst of 40 buffers, and later 400 at once and then a buffer in every second frame, for 3 s.
    let mut bench = Bench::new();
    let mut kept = Vec::new();
    bench.quiet(3_600);
    healthy(&mut bench, 1_500, TICK, |pool, frame| {
        let more = match frame {
            60 => 40,
            900 => 400,
            901..1_080 => frame % 2,
            _ => 0,
        };
        kept.extend((0..more).map(|_| pool.alloc::<u8>(700)));
        if frame == 300 {
            kept.clear();
        }
    });
}

#[test]
fn a_second_fill_is_a_new_one() {
    // 90 keys at random, often used ones first; from 100 s on 90 other ones. The two together are rarely taken for one growth.
    let alarms = (1..=16).filter(|&seed| {
        let mut dice = Dice(seed);
        let mut cache = HashMap::new();
        let (named, _) = Bench::new().run(9_000, TICK, |pool, frame| {
            if dice.below(5) == 0 {
                let key = dice.below(90) * dice.below(90) / 90 + 1_000 * (frame / 6_000);
                cache.entry(key).or_insert_with(|| pool.alloc::<u8>(500));
            }
        });
        named.is_some()
    });
    let alarms = alarms.count();
    assert!(alarms <= 5, "{alarms} of 16");
}

#[test]
fn slow_fill_of_seconds_is_healthy() {
    // A buffer every few frames, for some seconds, at a frame rate: 2.5 or five buffers a second.
    for (every, seconds, rate) in [
        (12, 3, 60),
        (12, 1, 60),
        (8, 3, 20),
        (4, 3, 20),
        (29, 3, 144),
    ] {
        let mut bench = Bench::new();
        let period = Duration::from_secs(1) / rate;
        let mut samples = Vec::new();
        healthy(
            &mut bench,
            4 * u64::from(60 * rate),
            period,
            |pool, frame| {
                let begin = u64::from(90 * rate);
                let fills = begin..begin + u64::from(seconds * rate);
                if fills.contains(&frame) && frame % every == 0 {
                    samples.push(pool.alloc::<u8>(1_000));
                }
            },
        );
    }
}

#[test]
fn an_even_fill_of_a_minute_is_healthy() {
    // The last 55 samples, one a second, of a view that is opened after a minute.
    let mut bench = Bench::new();
    bench.quiet(3_600);
    let mut samples = VecDeque::new();
    healthy(&mut bench, 20_000, TICK, |pool, frame| {
        if frame % 60 == 0 {
            samples.push_back(pool.alloc::<u8>(100));
        }
        if samples.len() > 55 {
            samples.pop_front();
        }
    });
}

/// It gains ever less: most keys are known after a while.
#[test]
fn a_cache_of_random_keys_is_healthy() {
    for seed in 0..6 {
        let mut dice = Dice(1_000 * seed);
        let mut cache = HashMap::new();
        let mut bench = Bench::new();
        healthy(&mut bench, 30_000, TICK, |pool, frame| {
            if frame % 10 == 0 {
                let key = dice.below(500);
                cache.entry(key).or_insert_with(|| pool.alloc::<u8>(4_000));
            }
        });
    }
}

#[test]
fn buffers_of_the_start_are_no_gain() {
    let mut bench = Bench::new();
    let mut held = Vec::new();
    let mut step = |pool: &BufferPool, frame: u64| {
        let now = match frame {
            60 => 300,
            3_600 | 6_000 => 1,
            11_000.. if frame.is_multiple_of(600) => 1,
            _ => 0,
        };
        held.extend((0..now).map(|_| pool.alloc::<u8>(3000)));
    };
    // A late texture and a late font are no leak.
    healthy(&mut bench, 11_000, TICK, &mut step);
    // A leak at the same line is, and the buffers of the start are no part of it.
    let mut gained = 0.0;
    for frame in 11_000..22_000 {
        let health = bench.frame(|pool, _| {
            step(pool, frame);
            TICK
        });
        let alerts = health.iter().flat_map(|health| &health.active);
        gained = alerts
            .filter(|alert| alert.rule == Rule::Leak)
            .fold(gained, |_, alert| alert.value);
    }
    assert!((10.0..25.0).contains(&gained), "{gained}");
}

/// A cache limited in bytes, with hot and cold keys and buffers of random lengths. Its number of buffers drifts.
#[test]
fn a_full_cache_that_drifts_is_healthy() {
    for seed in 0..6 {
        let mut dice = Dice(7 + 1_000 * seed);
        let mut cache: VecDeque<(u64, Buffer<u8>)> = VecDeque::new();
        let mut bytes = 0;
        let mut bench = Bench::new();
        healthy(&mut bench, 8_000, TICK, |pool, _| {
            for _ in 0..2 {
                let cold = dice.below(3_000);
                let key = cold * cold / 3_000;
                let entry = if let Some(at) = cache.iter().position(|entry| entry.0 == key) {
                    cache.remove(at).unwrap()
                } else {
                    let len = 1_000 + dice.below(60_000) as usize;
                    bytes += len;
                    (key, pool.alloc::<u8>(len))
                };
                cache.push_back(entry);
                while bytes > 16 << 20 {
                    bytes -= cache.pop_front().unwrap().1.len();
                }
            }
        });
    }
}

/// A map that loads chunks around a player, who begins to walk after 40 s, and drops those far away.
#[test]
fn chunks_around_a_player_are_healthy() {
    for seed in 0..6 {
        let mut dice = Dice(7 + 1_000 * seed);
        let mut map: HashMap<(i64, i64), Buffer<u8>> = HashMap::new();
        let mut queue: VecDeque<(i64, i64)> = VecDeque::new();
        let (mut x, mut z, mut direction) = (0.0_f64, 0.0_f64, 0.3_f64);
        let mut bench = Bench::new();
        healthy(&mut bench, 20_000, TICK, |pool, frame| {
            if frame > 2_400 {
                if dice.below(600) == 0 {
                    direction = dice.below(628) as f64 / 100.0;
                }
                x += direction.cos() * 0.12;
                z += direction.sin() * 0.12;
            }
            if frame % 10 == 0 {
                let (at_x, at_z) = ((x / 16.0).floor() as i64, (z / 16.0).floor() as i64);
                let near = (-6..=6).flat_map(|dx| (-6..=6).map(move |dz| (at_x + dx, at_z + dz)));
                for key in near {
                    if !map.contains_key(&key) && !queue.contains(&key) {
                        queue.push_back(key);
                    }
                }
                map.retain(|key, _| (key.0 - at_x).abs() <= 8 && (key.1 - at_z).abs() <= 8);
            }
            if let Some(key) = queue.pop_front() {
                map.insert(key, pool.alloc::<u8>(16_384));
            }
        });
    }
}

//! Ten healthy programs.

use std::collections::VecDeque;
use std::time::Duration;

use framepool::{Buffer, BufferPool};

use crate::bench::{Dice, Step, TICK};

/// All of them by name. Random ones differ with the seed.
pub(crate) fn all(seed: u64) -> [(&'static str, Step); 10] {
    [
        ("pipelines of 1 to 8 frames", pipelines()),
        ("caches with eviction", caches(seed)),
        ("level changes", levels(seed)),
        ("start-up and shutdown", restarts()),
        ("bursts", bursts(seed)),
        ("pauses", pauses(seed)),
        ("thread pools", thread_pools(seed)),
        ("double buffering", double_buffering()),
        ("ring of 1,000", ring()),
        ("frame rates of 240 to 1", frame_rates(seed)),
    ]
}

type Held = VecDeque<Buffer<u8>>;

fn pipelines() -> Step {
    let mut stages: Vec<Held> = (0..8).map(|_| Held::new()).collect();
    Box::new(move |pool, _| {
        for (stage, depth) in stages.iter_mut().zip(1..) {
            stage.push_back(pool.alloc::<u8>(256 * depth));
            if stage.len() > depth {
                stage.pop_front();
            }
        }
        TICK
    })
}

/// One cache that replaces its oldest entry, one that replaces any, and one that drops half of its entries when it is full.
fn caches(seed: u64) -> Step {
    let mut dice = Dice(seed + 1);
    let (mut oldest, mut any, mut half) = (Held::new(), Held::new(), Held::new());
    Box::new(move |pool, frame| {
        if dice.below(3) > 0 {
            oldest.push_back(pool.alloc::<u8>(2048));
            if oldest.len() > 512 {
                oldest.pop_front();
            }
        }
        if dice.below(10) == 0 {
            any.push_back(pool.alloc::<u8>(512));
            if any.len() > 256 {
                let at = dice.below(256) as usize;
                any.swap_remove_back(at);
            }
        }
        if frame % 5 == 0 {
            half.push_back(pool.alloc::<u8>(1024));
            if half.len() == 300 {
                half.drain(..150);
            }
        }
        TICK
    })
}

/// Levels of different sizes, loaded at once or over two seconds, the old one dropped before or after.
fn levels(seed: u64) -> Step {
    let mut dice = Dice(seed + 2);
    let mut level = Held::new();
    let mut old = Held::new();
    let (mut to_load, mut a_frame) = (0, 1);
    Box::new(move |pool, frame| {
        if frame % 4_000 == 0 {
            old = std::mem::take(&mut level);
            if dice.below(2) == 0 {
                old.clear();
            }
            to_load = 100 + dice.below(300);
            a_frame = [to_load, 3, 5][dice.below(3) as usize];
        }
        let now = a_frame.min(to_load);
        level.extend((0..now).map(|_| pool.alloc::<u8>(8192)));
        to_load -= now;
        if to_load == 0 {
            old.clear();
        }
        TICK
    })
}

/// A program that allocates its permanent buffers at the start, works, releases all of them, and starts again.
fn restarts() -> Step {
    let mut forever: Vec<Held> = Vec::new();
    Box::new(move |pool, frame| {
        match frame % 25_000 {
            // The systems start one after the other.
            at @ 0..600 if at % 30 == 0 => {
                forever.push((0..7).map(|_| pool.alloc::<u8>(300)).collect());
                forever.push((0..at / 10).map(|_| pool.alloc::<u8>(4000)).collect());
            }
            at @ 24_000.. if at % 30 == 0 => {
                forever.pop();
                forever.pop();
            }
            24_999 => forever.clear(),
            _ => drop(pool.alloc::<u8>(100)),
        }
        TICK
    })
}

fn bursts(seed: u64) -> Step {
    let mut dice = Dice(seed + 3);
    let mut burst = Held::new();
    let (mut ends, mut a_frame) = (0, 0);
    Box::new(move |pool, frame| {
        if frame % 500 == 100 {
            a_frame = dice.below(20);
            ends = frame + 60;
        }
        if frame + 40 < ends {
            burst.extend((0..a_frame).map(|_| pool.alloc::<u8>(700)));
        } else if frame >= ends {
            burst.clear();
        }
        TICK
    })
}

/// Work that pauses for minutes, or continues at one frame a second, also while a cache is half full.
fn pauses(seed: u64) -> Step {
    let mut dice = Dice(seed + 4);
    let mut cache = Held::new();
    Box::new(move |pool, frame| {
        match frame % 3_000 {
            0 => cache.clear(),
            at @ 1..1000 if at % 4 == 0 => cache.push_back(pool.alloc::<u8>(900)),
            _ => drop(pool.alloc::<u8>(900)),
        }
        match frame % 1_500 {
            500 => Duration::from_secs(30 + dice.below(600)),
            700..760 => Duration::from_secs(1),
            _ => TICK,
        }
    })
}

/// Workers that keep a few buffers each; their number follows the load.
fn thread_pools(seed: u64) -> Step {
    let mut dice = Dice(seed + 5);
    let (mut steady, mut random): (Vec<[Buffer<u8>; 3]>, Vec<Buffer<u8>>) = Default::default();
    Box::new(move |pool, frame| {
        let wanted = 1 + (frame / 900 % 8) as usize;
        steady.truncate(wanted);
        while steady.len() < wanted {
            steady.push(std::array::from_fn(|_| pool.alloc::<u8>(5000)));
        }
        if frame % 200 == 0 {
            if dice.below(2) == 0 && random.len() < 16 {
                random.push(pool.alloc::<u8>(6000));
            } else {
                random.pop();
            }
        }
        TICK
    })
}

/// Two targets that are swapped, and sometimes reallocated at another size.
fn double_buffering() -> Step {
    let take = |pool: &BufferPool, bytes: usize| pool.alloc::<u8>(bytes);
    let mut targets: Vec<Buffer<u8>> = Vec::new();
    Box::new(move |pool, frame| {
        if frame % 5_000 == 0 {
            let bytes = 10_000 + frame as usize % 7 * 1_000;
            targets = vec![take(pool, bytes), take(pool, bytes)];
        }
        targets.swap(0, 1);
        targets[0][0] = frame as u8;
        TICK
    })
}

fn ring() -> Step {
    let mut ring = Held::new();
    Box::new(move |pool, _| {
        ring.push_back(pool.alloc::<u8>(640));
        if ring.len() > 1_000 {
            ring.pop_front();
        }
        TICK
    })
}

/// The frame rate changes all the time; a cache fills meanwhile, and a pipeline works.
fn frame_rates(seed: u64) -> Step {
    let mut dice = Dice(seed + 6);
    let (mut cache, mut pipeline) = (Held::new(), Held::new());
    let mut period = TICK;
    Box::new(move |pool, frame| {
        if frame % 400 == 0 {
            let rates = [240, 144, 60, 30, 1];
            period = Duration::from_secs(1) / rates[dice.below(5) as usize];
        }
        if cache.len() < 400 && frame % 3 == 0 {
            cache.push_back(pool.alloc::<u8>(1500));
        }
        pipeline.push_back(pool.alloc::<u8>(800));
        if pipeline.len() > 6 {
            pipeline.pop_front();
        }
        period
    })
}

//! Advice: its code compiles, and its figures are counted.

use std::sync::RwLock;
use std::thread;
use std::time::{Duration, Instant};

use framepool::health::{Advice, AdviceKind, Basis, Measure, PrewarmSize, settings_code};
use framepool::telemetry::ThreadHolding;
use framepool::{Alignment, Buffer, BufferPool, ConfigError, Frame, HealthMonitor, Thresholds};

use crate::common::Gate;

/// Code, and the same code as text without spaces.
macro_rules! pasted {
    ($name:ident($($argument:ident: $type:ty),*) -> $result:ty { $($code:tt)* } $value:expr) => {{
        fn $name($($argument: $type),*) -> $result {
            $($code)*
            $value
        }
        ($name, stringify!($($code)*).replace(char::is_whitespace, ""))
    }};
}

fn without_spaces(code: &str) -> String {
    code.replace(char::is_whitespace, "")
}

fn prewarm(block_bytes: u64, count: u64) -> Advice {
    let size = PrewarmSize { block_bytes, count };
    Advice::prewarm(vec![size], Basis::Replayed, 400, 12)
}

#[test]
fn settings_code_compiles_as_it_is_pasted() {
    let (follow, code) = pasted!(follow() -> Result<BufferPool, ConfigError> {
        let pool = framepool::BufferPool::builder()
            .thread_cache_bytes(8_388_608)
            .build()?;
        pool.prewarm::<u8>(65_536, 12);
    } Ok(pool));
    let advice = [
        prewarm(65_536, 12),
        Advice::thread_cache(2 << 20, 8 << 20, 500, 20),
    ];
    assert_eq!(without_spaces(&settings_code(&advice)), code);
    let pool = follow().unwrap();
    let ready: Vec<Buffer<u8>> = (0..12).map(|_| pool.alloc(65_536)).collect();
    assert_eq!(pool.stats().totals.counts.misses(), 0);
    drop(ready);
}

#[test]
fn frame_buffer_code_compiles_as_it_is_pasted() {
    let (follow, code) = pasted!(follow(frame: &framepool::Frame, len: usize) -> usize {
        let buffer = frame.alloc::<u8>(len);
    } buffer.len());
    let advice = Advice::frame_buffers("a.rs:1:2\n}", (100, 1), 10, 4096, (90.0, 30.0));
    let (statement, comment) = advice.code.split_once("//").unwrap();
    assert_eq!(without_spaces(statement), code);
    assert_eq!(comment, " at a.rs:1:2}");
    assert_eq!(follow(&BufferPool::new().begin_frame(), 100), 100);
    assert_eq!(
        advice.sentence,
        "take the buffers of a.rs:1:2\n} with `Frame::alloc`: 99 of 100 were released in their frame, by the thread that allocated \
         them; leave the 1 that were not as pooled buffers; saves 60 ns a frame, 6.1 ns for each buffer, as measured on one thread of \
         this machine; a frame then holds 4.00 KiB for them at most"
    );
}

#[test]
fn sizes_count_their_misses_and_most_blocks() {
    let pool = BufferPool::new();
    let sizes = || {
        let sizes = pool.outstanding().sizes;
        let of =
            |it: &framepool::telemetry::SizeHolding| (it.block_bytes, it.misses, it.peak_blocks);
        sizes.iter().map(of).collect::<Vec<_>>()
    };
    pool.prewarm::<u8>(1_000, 2);
    assert_eq!(sizes(), [(Some(1_024), 0, 2)], "prewarming is no miss");
    let buffers: Vec<Buffer<u8>> = (0..5).map(|_| pool.alloc(1_000)).collect();
    drop(pool.alloc::<u8>(70_000));
    let counted = [(Some(1_024), 3, 5), (Some(81_920), 1, 1)];
    assert_eq!(sizes(), counted);
    drop(buffers);
    pool.trim();
    assert_eq!(sizes(), counted, "what went back is still counted");
    let misses: u64 = sizes().iter().map(|size| size.1).sum();
    assert_eq!(misses, pool.stats().totals.counts.misses());
}

/// Runs `frames` frames under a monitor, and returns its advice.
fn advised(pool: &BufferPool, frames: u64, mut frame: impl FnMut(u64)) -> Vec<Advice> {
    let mut monitor = HealthMonitor::new(Thresholds::default());
    for number in 0..frames {
        frame(number);
        monitor.record(&pool.end_frame());
        if number % 10 == 0 {
            monitor.emit_now(pool);
        }
    }
    monitor.emit_now(pool).advice.to_vec()
}

#[test]
fn advised_prewarming_would_have_avoided_counted_misses() {
    // In frame 150 a level is loaded and kept.
    let level = |pool: &BufferPool| {
        let mut kept: Vec<Buffer<u8>> = Vec::new();
        let advice = advised(pool, 200, |number| {
            if number == 150 {
                kept.extend((0..240).map(|_| pool.alloc(16_384)));
                kept.extend((0..4).map(|_| pool.alloc(100_000)));
            }
            drop(pool.alloc::<u8>(500));
        });
        (advice, pool.stats().totals.counts.misses())
    };
    let (advice, misses) = level(&BufferPool::new());
    let [advice] = &advice[..] else {
        panic!("one piece of advice: {advice:?}");
    };
    assert_eq!(misses, 245);
    assert_eq!(
        advice.sentence,
        "prewarm 240 × 16.0 KiB, 3.75 MiB in all: would have removed up to 98 % of the misses since the warm-up, 240 of 244"
    );
    let pool = BufferPool::new();
    for size in &advice.sizes {
        pool.prewarm::<u8>(size.block_bytes as usize, size.count as usize);
    }
    let (advice, misses) = level(&pool);
    assert_eq!((advice, misses), (Vec::new(), 5));
}

#[test]
fn advice_on_prewarming_keeps_up_with_the_misses() {
    let pool = BufferPool::new();
    let mut kept: Vec<Buffer<u8>> = Vec::new();
    let advice = advised(&pool, 200, |number| {
        let loaded = match number {
            150 => 200,
            170 => 600,
            _ => 0,
        };
        kept.extend((0..loaded).map(|_| pool.alloc(16_384)));
    });
    assert!(advice[0].sentence.ends_with("800 of 800"), "{advice:?}");
}

/// A prewarmed block is kept for its class, and pages round four classes up to 16 KiB.
#[test]
fn sizes_of_several_classes_are_not_advised() {
    let level = |bytes: usize| {
        let pool = BufferPool::builder()
            .alignment(Alignment::Bytes4096)
            .build()
            .unwrap();
        let mut kept: Vec<Buffer<u8>> = Vec::new();
        advised(&pool, 200, |number| {
            if number == 150 {
                kept.extend((0..240).map(|_| pool.alloc(bytes)));
            }
        })
    };
    assert_eq!(level(16 << 10), []);
    let [advice] = &level(20 << 10)[..] else {
        panic!("one piece of advice");
    };
    assert_eq!(advice.sizes, prewarm(20 << 10, 240).sizes);
}

/// Prewarming the blocks of a leak would only make the leak begin earlier.
#[test]
fn prewarm_advice_leaves_out_leaking_lines() {
    let leak = |level: usize| {
        let pool = BufferPool::new();
        let thresholds = Thresholds::default().leak_warm_up(0, Duration::ZERO);
        let mut monitor = HealthMonitor::new(thresholds);
        let (start, period) = (Instant::now(), Duration::from_millis(16));
        let (mut kept, mut advice): (Vec<Buffer<u8>>, _) = (Vec::new(), Vec::new());
        for number in 0..600 {
            if number == 300 {
                kept.extend((0..level).map(|_| pool.alloc(16_384)));
            }
            // Of three sizes, at one line.
            kept.push(pool.alloc(1_000 << (number % 3)));
            monitor.record_frame(&pool.end_frame(), period);
            if let Some(health) = monitor.emit_at(&pool, start + number * period) {
                advice = health.advice.to_vec();
            }
        }
        advice
    };
    assert_eq!(leak(0), []);
    let [advice] = &leak(240)[..] else {
        panic!("one piece of advice");
    };
    assert_eq!(advice.sizes, prewarm(16_384, 240).sizes);
    assert!((advice.before - advice.after - 240.0).abs() < f64::EPSILON);
}

#[test]
fn warm_up_misses_need_no_advice() {
    let pool = BufferPool::new();
    let mut kept: Vec<Buffer<u8>> = Vec::new();
    let advice = advised(&pool, 200, |number| {
        if number == 20 {
            kept.extend((0..500).map(|_| pool.alloc(16_384)));
        }
    });
    assert_eq!(advice, []);
}

/// Eight threads allocate `bytes` in each frame; the bytes that they hold for frame buffers, and the advice.
fn eight_threads(pool: &BufferPool, bytes: usize) -> (u64, Vec<Advice>) {
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let (turn, open) = (Gate::new(9), RwLock::new(None::<Frame>));
    let work = || {
        for _ in 0..FRAMES {
            turn.wait();
            let open = open.read().unwrap();
            open.as_ref().unwrap().alloc::<u8>(bytes).fill(1);
            drop(open);
            turn.wait();
        }
        // A thread that ends leaves its slot to the next.
        turn.wait();
    };
    thread::scope(|scope| {
        let workers = [(); 8].map(|()| scope.spawn(work));
        for _ in 0..FRAMES {
            *open.write().unwrap() = Some(pool.begin_frame());
            turn.wait();
            turn.wait();
            let frame = open.write().unwrap().take().unwrap();
            monitor.record(&frame.release_all());
        }
        let threads = pool.outstanding().threads;
        let held = |it: &ThreadHolding| it.frame_bytes + it.frame_idle_bytes;
        let advice = monitor.emit_now(pool).advice.to_vec();
        turn.wait();
        for worker in workers {
            worker.join().unwrap();
        }
        (threads.iter().map(held).sum(), advice)
    })
}

/// More than 600 after the warm-up.
const FRAMES: u64 = 730;

#[test]
fn advised_smaller_frame_block_holds_what_it_said() {
    let (held, advice) = eight_threads(&BufferPool::new(), 1_000);
    let [advice] = &advice[..] else {
        panic!("one piece of advice: {advice:?}");
    };
    assert_eq!(
        (advice.kind, advice.before),
        (AdviceKind::FrameBlockBytes, held as f64)
    );
    assert_eq!(advice.code, ".frame_block_bytes(16_384)");
    let pool = BufferPool::builder()
        .frame_block_bytes(16_384)
        .build()
        .unwrap();
    let (held, advised_again) = eight_threads(&pool, 1_000);
    assert_eq!(held, advice.after as u64, "{advice}");
    assert_eq!(advised_again, []);
    // Frames of which one thread could need half a block.
    assert_eq!(eight_threads(&BufferPool::new(), 10_000).1, []);
}

#[test]
fn site_met_only_within_frames_is_advised() {
    let met = |between: &dyn Fn(&BufferPool), is_apart: bool| {
        let pool = BufferPool::new();
        let mut monitor = HealthMonitor::new(Thresholds::default());
        if is_apart {
            monitor = monitor.on_its_own_thread();
        }
        let mut kept = None;
        let mut advice = Vec::new();
        for _ in 0..64 {
            let within = pool.alloc::<u8>(100);
            drop(kept.take());
            kept = Some(pool.alloc::<u8>(200));
            advice = monitor.emit_now(&pool).advice.to_vec();
            drop(within);
            monitor.record(&pool.end_frame());
            monitor.emit_now(&pool);
            between(&pool);
        }
        (advice, line!() - 9)
    };
    // A monitor in the program's own loop would see each buffer at one age.
    assert_eq!(met(&|_| (), false).0, []);
    let (advice, line) = met(&|_| (), true);
    let [advice] = &advice[..] else {
        panic!("one piece of advice: {advice:?}");
    };
    let site = advice.site.as_ref().unwrap();
    assert!(
        site.contains(&format!("advice.rs:{line}:")),
        "{line}: {site}"
    );
    assert!(
        advice.sentence.contains("64 were out in 64 looks"),
        "{advice}"
    );
    // Frames of another thread end too, so an age of zero does not always show whether a frame ended.
    let other = |pool: &BufferPool| {
        let end = || drop(pool.end_frame());
        thread::scope(|scope| scope.spawn(end).join().unwrap());
    };
    assert_eq!(met(&other, true).0, []);
}

#[test]
fn usage_is_counted_to_the_frame_when_asked() {
    let pool = BufferPool::new();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    for frames in [10, 13] {
        while pool.snapshot().frame.get() < frames {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(1_000);
            monitor.record(&frame.release_all());
        }
        let usage = monitor.emit_now(&pool).usage;
        let of_frames = usage.iter().find(|it| it.measure == Measure::FrameBytes);
        assert_eq!(of_frames.unwrap().histogram.count(), frames);
    }
}

#[test]
fn usage_has_frames_and_ages_by_tag() {
    let pool = BufferPool::new();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let frame = pool.begin_frame();
    frame.alloc::<u8>(1_000).fill(0);
    monitor.record(&frame.release_all());
    let kept = (pool.alloc::<u8>(100), pool.tag("sky").alloc::<u8>(100));
    for _ in 0..2 {
        monitor.record(&pool.end_frame());
    }
    let usage = monitor.emit_now(&pool).usage;
    let found: Vec<_> = usage
        .iter()
        .map(|it| {
            (
                it.measure,
                &*it.tag,
                it.histogram.buckets().collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        found[0],
        (
            Measure::FrameBytes,
            "",
            vec![(0..=0, 2), (1_024..=2_047, 1)]
        )
    );
    assert_eq!((found[1].0, found[1].1), (Measure::PooledBytes, ""));
    assert_eq!(found[2], (Measure::AgeFrames, "", vec![(2..=3, 1)]));
    assert_eq!(found[3], (Measure::AgeFrames, "sky", vec![(2..=3, 1)]));
    drop(kept);
}

//! Ages of buffers and open frames, in frames and in time, and the limits on them.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use framepool::{BufferPool, FrameError};

use crate::common::{TELEMETRY, rounds};

const LONG: Duration = Duration::from_secs(100_000);

/// The suspects after ten frame ends.
fn suspects_of(pool: &BufferPool) -> u64 {
    let buffer = pool.alloc::<u8>(100);
    for _ in 0..10 {
        pool.end_frame();
    }
    let suspects = pool.outstanding().suspects;
    drop(buffer);
    suspects
}

#[test]
fn suspect_is_old_in_frames_and_time() {
    let build = |frames, time| {
        let builder = BufferPool::builder();
        let pool = builder.leak_after_frames(frames).leak_after(time).build();
        pool.unwrap()
    };
    let suspected = u64::from(TELEMETRY);
    assert_eq!(suspects_of(&build(4, Duration::ZERO)), suspected);
    assert_eq!(suspects_of(&build(4, LONG)), 0);
    assert_eq!(suspects_of(&build(10, Duration::ZERO)), 0);

    let pool = build(4, Duration::from_millis(5));
    let buffer = pool.alloc::<u8>(100);
    for _ in 0..10 {
        pool.end_frame();
    }
    // No frame ends from now on, but time passes.
    while TELEMETRY && pool.outstanding().suspects == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let out = pool.outstanding();
    if TELEMETRY {
        assert!(out.sites[0].oldest_age >= Duration::from_millis(5));
        assert_eq!(out.sites[0].oldest_age_frames, 10);
    }
    drop(buffer);
}

#[test]
fn frames_alone_count_where_only_they_are_set() {
    let second = Duration::from_secs(1);
    let builder = BufferPool::builder;
    for (builder, frames, time) in [
        (builder(), 4, second),
        (builder().leak_after_frames(4), 4, Duration::ZERO),
        (builder().leak_after(LONG), 4, LONG),
        (builder().leak_after_frames(7).leak_after(LONG), 7, LONG),
        (builder().leak_after(LONG).leak_after_frames(7), 7, LONG),
    ] {
        let pool = builder.build().unwrap();
        assert_eq!(
            (pool.leak_after_frames(), pool.leak_after()),
            (frames, time)
        );
    }
    assert_eq!(BufferPool::new().leak_after(), second);
}

/// The ages of a buffer held while eight threads end five frames each at the same pace.
fn ages_beside_eight_threads(end: impl Fn(&BufferPool) + Sync) -> Vec<u64> {
    let pool = BufferPool::builder()
        .max_frames_in_flight(16)
        .leak_after_frames(4)
        .build()
        .unwrap();
    let tick = Barrier::new(9);
    let mut ages = Vec::new();
    let mut suspects = Vec::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..6 {
                    end(&pool);
                    tick.wait();
                    tick.wait();
                }
            });
        }
        tick.wait();
        let held = pool.alloc::<u8>(100);
        for _ in 0..5 {
            tick.wait();
            tick.wait();
            let out = pool.outstanding();
            ages.extend(out.sites.iter().map(|site| site.oldest_age_frames));
            suspects.push(out.suspects);
        }
        drop(held);
        tick.wait();
    });
    assert_eq!(pool.snapshot().frame.get(), 48);
    let expected = [0, 0, 0, 0, u64::from(TELEMETRY)];
    assert_eq!(suspects, expected, "{ages:?}");
    ages
}

#[test]
fn frame_ends_in_one_tick_count_as_one() {
    let expected: Vec<u64> = if TELEMETRY { (1..=5).collect() } else { vec![] };
    let ends = |pool: &BufferPool| drop(pool.end_frame());
    assert_eq!(ages_beside_eight_threads(ends), expected);
    let frames = |pool: &BufferPool| drop(pool.begin_frame());
    assert_eq!(ages_beside_eight_threads(frames), expected);
}

#[test]
fn open_frame_is_listed_with_line_and_ages() {
    let pool = BufferPool::new();
    assert!(pool.open_frames().is_empty());
    let frames = [pool.begin_frame(), pool.try_begin_frame().unwrap()];
    let line = line!() - 1;
    for _ in 0..7 {
        pool.begin_frame().release_all();
    }
    let open = pool.open_frames();
    let ids: Vec<_> = open.iter().map(|frame| frame.id).collect();
    assert_eq!(ids, frames.each_ref().map(framepool::Frame::id));
    for frame in &open {
        assert_eq!(
            (frame.location.file(), frame.location.line()),
            (file!(), line)
        );
        assert_eq!(frame.age_frames, 7);
    }
    assert!(open[0].age >= open[1].age);
    let before = open[0].age;
    thread::sleep(Duration::from_millis(2));
    assert!(pool.open_frames()[0].age >= before + Duration::from_millis(2));
    let told = open[0].to_string();
    assert!(told.contains(&open[0].location.to_string()), "{told}");
    drop(frames);
    assert!(pool.open_frames().is_empty());
}

#[test]
fn refused_frame_begin_ages_the_open_frames() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(1)
        .build()
        .unwrap();
    let open = pool.begin_frame();
    for _ in 0..20 {
        assert!(pool.try_begin_frame().is_err());
    }
    assert_eq!(pool.open_frames()[0].age_frames, 20);
    drop(open);
    let next = pool.begin_frame();
    assert_eq!(pool.open_frames()[0].age_frames, 0);
    drop(next);
}

#[test]
fn too_many_frames_says_where_the_oldest_began() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(2)
        .build()
        .unwrap();
    let oldest = pool.begin_frame();
    let line = line!() - 1;
    let _other = pool.begin_frame();
    let error = pool.try_begin_frame().unwrap_err();
    let FrameError::TooManyInFlight {
        oldest: id,
        oldest_site,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    let site = oldest_site.unwrap();
    assert_eq!((id, site.file(), site.line()), (oldest.id(), file!(), line));
    let text = error.to_string();
    assert!(text.starts_with("2 of 2 frames are open"), "{text}");
    assert!(
        text.contains(&site.to_string()) && text.contains("ago"),
        "{text}"
    );
}

#[test]
fn a_refusal_never_claims_that_there_was_room() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(3)
        .build()
        .unwrap();
    let refusals = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..rounds(200_000) {
                    match pool.try_begin_frame() {
                        Ok(frame) => drop(frame),
                        Err(FrameError::TooManyInFlight { open, limit, .. }) => {
                            assert_eq!((open, limit), (3, 3));
                            refusals.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    assert!(refusals.into_inner() > 0);
}

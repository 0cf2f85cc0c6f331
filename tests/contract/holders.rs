//! Holders: call sites, ages, threads, suspects, long-lived buffers, and the report of `assert_no_leaks`.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::thread;

use framepool::{Attribution, Buffer, BufferPool, Outstanding};

use crate::common::{TELEMETRY, panic_text, pooled_bytes};

fn ends(pool: &BufferPool, frames: usize) {
    for _ in 0..frames {
        pool.end_frame();
    }
}

#[track_caller]
fn taken(pool: &BufferPool, len: usize) -> Buffer<u8> {
    pool.alloc(len)
}

#[test]
fn outstanding_lists_lines_largest_first_with_age() {
    let pool = BufferPool::new();
    let few = [5000, 1].map(|len| pool.alloc::<u8>(len));
    let few_line = line!() - 1;
    ends(&pool, 3);
    let many: Vec<_> = (0..10).map(|_| pool.alloc_zeroed::<u32>(1000)).collect();
    let many_line = line!() - 1;
    ends(&pool, 1);
    let copied = pool.alloc_copy(&[1_u8; 100]);
    let copied_line = line!() - 1;
    let tried = pool.try_alloc::<u8>(90).unwrap();
    let tried_line = line!() - 1;
    let out = pool.outstanding();
    if !TELEMETRY {
        assert_eq!(out, Outstanding::default());
        return;
    }
    let lines: Vec<_> = out.sites.iter().map(|site| site.location.line()).collect();
    assert_eq!(lines, [many_line, few_line, copied_line, tried_line]);
    assert!(out.sites.iter().all(|site| site.location.file() == file!()));
    assert_eq!(
        out.sites
            .iter()
            .map(|site| site.buffers)
            .collect::<Vec<_>>(),
        [10, 2, 1, 1]
    );
    assert_eq!(out.sites[0].bytes, 10 * pooled_bytes(4000, 64));
    assert_eq!(out.sites[1].bytes, pooled_bytes(5000, 64) + 64);
    let ages: Vec<_> = out
        .sites
        .iter()
        .map(|site| site.oldest_age_frames)
        .collect();
    assert_eq!(ages, [1, 4, 0, 0]);
    assert_eq!(
        (out.buffers, out.bytes),
        (14, out.sites.iter().map(|site| site.bytes).sum())
    );
    assert_eq!(out.bytes, pool.stats().in_use_bytes);
    let text = out.to_string();
    assert_eq!(text.matches("holders.rs").count(), 4, "{text}");
    assert!(text.contains("14 buffers"), "{text}");
    drop((few, many, copied, tried));
    let out = pool.outstanding();
    assert_eq!((out.buffers, &out.sites[..]), (0, &[][..]));
    assert!(!out.to_string().is_empty());
}

#[test]
fn site_is_the_callers_with_track_caller() {
    let pool = BufferPool::new();
    let buffer = taken(&pool, 1);
    if TELEMETRY {
        assert_eq!(pool.outstanding().sites[0].location.line(), line!() - 2);
    }
    drop(buffer);
}

/// A wrapper that hides its caller, unless it gets the location.
fn hidden(pool: &BufferPool, len: usize) -> Buffer<u8> {
    pool.alloc(len)
}

#[test]
fn a_location_that_is_given_is_the_site() {
    let pool = BufferPool::new();
    let here = Location::caller();
    let kept = (
        pool.alloc_at::<u8>(5000, here),
        pool.alloc_zeroed_at::<u32>(2000, here),
        pool.try_alloc_at::<u8>(1, here).unwrap(),
    );
    assert!(kept.1.iter().all(|&element| element == 0));
    assert!(pool.try_alloc_at::<u64>(usize::MAX, here).is_err());
    let out = pool.outstanding();
    if TELEMETRY {
        assert_eq!((out.sites.len(), out.buffers), (1, 3));
        assert_eq!(out.sites[0].location, here);
    }
}

#[test]
fn a_hidden_call_site_has_a_cure() {
    let pool = BufferPool::new();
    let site = || pool.outstanding().sites[0].location;
    let pointer: fn(&BufferPool, usize) -> Buffer<u8> = BufferPool::alloc::<u8>;
    let buffer = pointer(&pool, 1);
    if TELEMETRY {
        assert_ne!(site().file(), file!());
    }
    drop(buffer);
    let closure: fn(&BufferPool, usize) -> Buffer<u8> = |pool, len| pool.alloc::<u8>(len);
    let line = line!() - 1;
    let buffer = closure(&pool, 1);
    if TELEMETRY {
        assert_eq!((site().file(), site().line()), (file!(), line));
    }
    drop(buffer);
    let buffer = hidden(&pool, 1);
    if TELEMETRY {
        assert!(site().line() < line!() - 30, "the wrapper's line");
    }
    drop(buffer);
}

#[test]
fn sizes_and_threads_of_one_line_share_entry() {
    let pool = BufferPool::new();
    let mut kept = vec![];
    for round in 0..3 {
        let taken = |pool: BufferPool| move || pool.alloc::<u8>(1000 * (round + 1));
        let worker = thread::Builder::new().name(format!("worker-{round}"));
        kept.push(worker.spawn(taken(pool.clone())).unwrap().join().unwrap());
        ends(&pool, 1);
    }
    let out = pool.outstanding();
    if TELEMETRY {
        assert_eq!(out.sites.len(), 1);
        assert_eq!(
            (out.sites[0].buffers, out.sites[0].oldest_age_frames),
            (3, 3)
        );
        assert_eq!(out.sites[0].thread, "worker-0", "the oldest one's");
    }
    drop(kept.remove(0));
    let out = pool.outstanding();
    if TELEMETRY {
        assert_eq!(out.sites[0].thread, "worker-1");
    }
}

/// A thread of this name allocates a buffer, and ends.
fn taken_by(pool: &BufferPool, name: String) -> Buffer<u8> {
    let pool = pool.clone();
    let thread = thread::Builder::new().name(name);
    let taking = thread.spawn(move || pool.alloc::<u8>(10)).unwrap();
    taking.join().unwrap()
}

#[test]
fn the_last_of_many_threads_has_its_name() {
    const THREADS: usize = if cfg!(miri) { 300 } else { 5_000 };
    let pool = BufferPool::new();
    // So that this thread keeps as many blocks from the beginning as at the end.
    pool.prewarm::<u8>(10, 64);
    // The first frame end makes what ages are judged by.
    pool.end_frame();
    let kept = taken_by(&pool, "the first".to_owned());
    let mut most = 0;
    for number in 0..THREADS {
        drop(taken_by(
            &pool,
            format!("a thread with the number {number}"),
        ));
        if number == 200 {
            most = pool.stats().telemetry_bytes;
        }
    }
    let last = taken_by(&pool, "the last".to_owned());
    if TELEMETRY {
        assert_eq!(pool.outstanding().sites[0].thread, "the first");
        pool.end_frame();
        drop(kept);
        assert_eq!(pool.outstanding().sites[0].thread, "the last");
        let bytes = pool.stats().telemetry_bytes;
        assert!(bytes <= most + 2_000, "{bytes} bytes after {most}");
    }
    drop(last);
}

#[test]
fn reported_thread_is_the_one_that_allocated() {
    let pool = BufferPool::new();
    let shared = pool.clone();
    let named = thread::Builder::new()
        .name("mesher".into())
        .spawn(move || shared.alloc::<u8>(100))
        .unwrap()
        .join()
        .unwrap();
    let shared = pool.clone();
    let unnamed = thread::spawn(move || shared.alloc::<u8>(10))
        .join()
        .unwrap();
    let out = pool.outstanding();
    if TELEMETRY {
        let threads: Vec<_> = out.sites.iter().map(|site| site.thread.as_str()).collect();
        assert_eq!(threads, ["mesher", "unnamed"]);
        assert!(out.to_string().contains("mesher"));
    }
    drop((named, unnamed));
}

#[test]
fn long_lived_or_young_buffers_are_no_suspects() {
    for leak_age in [0, 1, 4] {
        let pool = BufferPool::builder()
            .leak_after_frames(leak_age)
            .build()
            .unwrap();
        let buffer = pool.alloc::<u8>(1000);
        let long_lived = pool.alloc::<u8>(100_000);
        Buffer::mark_long_lived(&long_lived);
        for age in 0..10 {
            let out = pool.outstanding();
            if TELEMETRY {
                let suspected = u64::from(age > leak_age);
                assert_eq!((out.buffers, out.long_lived), (2, 1));
                assert_eq!(out.suspects, suspected, "age {age}, leak age {leak_age}");
                assert_eq!(out.suspect_bytes, suspected * 1024);
                assert_eq!(out.suspect_sites().count() as u64, suspected);
                assert_eq!(
                    (out.sites[0].suspects, out.sites[1].suspects),
                    (0, suspected)
                );
                assert_eq!(out.sites[1].oldest_age_frames, age);
            }
            ends(&pool, 1);
        }
        drop(buffer);
        let out = pool.outstanding();
        assert_eq!((out.suspects, out.suspect_bytes), (0, 0));
        drop(long_lived);
    }
}

#[test]
fn reused_memory_is_new_and_not_long_lived() {
    let pool = BufferPool::builder().leak_after_frames(4).build().unwrap();
    let first = pool.alloc::<u8>(1000);
    Buffer::mark_long_lived(&first);
    Buffer::mark_long_lived(&first);
    ends(&pool, 9);
    drop(first);
    let second = pool.alloc::<u8>(1000);
    let out = pool.outstanding();
    if TELEMETRY {
        assert_eq!(
            (out.long_lived, out.suspects, out.sites[0].oldest_age_frames),
            (0, 0, 0)
        );
    }
    ends(&pool, 5);
    if TELEMETRY {
        assert_eq!(pool.outstanding().suspects, 1);
    }
    drop(second);
}

#[test]
fn frame_buffers_are_in_no_list() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    frame.alloc::<u8>(1000);
    let out = pool.outstanding();
    assert_eq!((out.buffers, out.sites), (0, Vec::new()));
    pool.assert_no_leaks();
}

#[test]
fn assert_no_leaks_panics_with_the_holders_report() {
    let pool = BufferPool::builder().name("strict").build().unwrap();
    pool.assert_no_leaks();
    let long_lived = pool.alloc::<u8>(10);
    Buffer::mark_long_lived(&long_lived);
    pool.assert_no_leaks();
    let leaked = pool.alloc::<u8>(10_000);
    let outcome = catch_unwind(AssertUnwindSafe(|| pool.assert_no_leaks()));
    if TELEMETRY {
        let panic = outcome.unwrap_err();
        let text = panic_text(&*panic);
        for part in ["strict", "holders.rs", &(line!() - 5).to_string(), "1"] {
            assert!(text.contains(part), "no `{part}` in: {text}");
        }
    } else {
        assert!(outcome.is_ok(), "nothing is known");
    }
    drop(leaked);
    pool.assert_no_leaks();
    drop(long_lived);
}

#[test]
fn without_attribution_buffers_are_counted_and_not_listed() {
    let pool = BufferPool::builder()
        .attribution(Attribution::Off)
        .build()
        .unwrap();
    let unlisted = pool.alloc::<u8>(100);
    assert_eq!(pool.outstanding().buffers, 0);
    if TELEMETRY {
        assert_eq!(pool.stats().in_use_buffers, 1);
        let panic = catch_unwind(AssertUnwindSafe(|| pool.assert_no_leaks())).unwrap_err();
        let text = panic_text(&*panic);
        assert!(text.contains("`Attribution::CallSites`"), "{text}");
    }
    pool.set_attribution(Attribution::CallSites);
    assert_eq!(pool.attribution(), Attribution::CallSites);
    let listed = pool.alloc::<u8>(100);
    pool.set_attribution(Attribution::Off);
    if TELEMETRY {
        assert_eq!(pool.outstanding().buffers, 1);
    }
    drop((unlisted, listed));
    assert_eq!(pool.outstanding().buffers, 0);
    pool.assert_no_leaks();
}

#[test]
fn an_earlier_list_can_be_filled_again() {
    let pool = BufferPool::new();
    let mut out = Outstanding::default();
    for round in 0..4 {
        let a: Vec<_> = (0..round).map(|_| pool.alloc::<u8>(100)).collect();
        let b: Vec<_> = (0..4 - round).map(|_| pool.alloc::<u8>(200)).collect();
        ends(&pool, round);
        pool.outstanding_into(&mut out);
        assert_eq!(out, pool.outstanding());
        drop((a, b));
    }
    pool.outstanding_into(&mut out);
    assert_eq!((out.buffers, out.sites), (0, Vec::new()));
}

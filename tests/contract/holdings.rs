//! Every field of a call site's holdings, and the table that shows them.

use std::thread;
use std::time::Duration;

use framepool::telemetry::HeldBy;
use framepool::{Buffer, BufferPool, Outstanding};

/// Allocates four buffers at one line: two are suspects and one is long-lived.
fn hold(pool: &BufferPool) -> Vec<Buffer<u8>> {
    let take = |bytes| pool.alloc::<u8>(bytes);
    let mut kept = vec![take(1000), take(5000)];
    for _ in 0..2 {
        pool.end_frame();
    }
    kept.extend([take(100), take(60)]);
    Buffer::mark_long_lived(&kept[2]);
    kept
}

fn pool() -> BufferPool {
    BufferPool::builder()
        .leak_after_frames(1)
        .leak_after(Duration::ZERO)
        .build()
        .unwrap()
}

/// The buffers of `hold`, on a thread of this name.
fn held_by(pool: &BufferPool, name: &str) -> Vec<Buffer<u8>> {
    let shared = pool.clone();
    let holder = thread::Builder::new().name(name.to_owned());
    holder.spawn(move || hold(&shared)).unwrap().join().unwrap()
}

const HELD: u64 = 1024 + 5120 + 128 + 64;
const SUSPECTED: u64 = 1024 + 5120;

#[test]
fn idle_memory_of_many_threads_adds_up() {
    let (pool, threads) = (BufferPool::new(), 7);
    let rest = std::sync::Barrier::new(threads + 1);
    thread::scope(|scope| {
        for place in 0..threads {
            let (pool, rest) = (&pool, &rest);
            scope.spawn(move || {
                drop(pool.alloc::<u8>(10 * (place + 1)));
                rest.wait();
                rest.wait();
            });
        }
        rest.wait();
        let parts = pool.holdings();
        let idle = parts.iter().filter(|part| part.by.state() == "idle");
        let sum: u64 = idle.map(|part| part.bytes).sum();
        let all = pool.stats().idle_bytes;
        rest.wait();
        assert_eq!(sum, all, "{parts:?}");
        assert!(parts.iter().any(|part| part.by == HeldBy::OtherThreads));
    });
}

#[test]
fn every_field_of_a_call_site_is_exact() {
    let pool = pool();
    let kept = held_by(&pool, "holder");
    let out = pool.outstanding();
    assert_eq!((out.buffers, out.bytes), (4, HELD));
    assert_eq!((out.long_lived, out.long_lived_bytes), (1, 128));
    assert_eq!((out.suspects, out.suspect_bytes), (2, SUSPECTED));
    let [site] = &out.sites[..] else {
        panic!("one line took them all: {out}");
    };
    assert_eq!((site.buffers, site.bytes), (4, HELD));
    assert_eq!((site.long_lived, site.long_lived_bytes), (1, 128));
    assert_eq!((site.suspects, site.suspect_bytes), (2, SUSPECTED));
    assert_eq!(
        (site.oldest_age_frames, site.thread.as_str()),
        (2, "holder")
    );
    drop(kept);
}

#[test]
fn a_list_filled_again_keeps_nothing_of_before() {
    let pool = pool();
    let mut kept = held_by(&pool, "holder");
    let mut out = pool.outstanding();
    // Only the youngest, of the same line.
    kept.drain(..3);
    pool.outstanding_into(&mut out);
    assert_eq!(out, pool.outstanding());
    assert_eq!((out.suspects, out.suspect_bytes), (0, 0));
    assert_eq!((out.long_lived, out.long_lived_bytes), (0, 0));
    let site = &out.sites[0];
    assert_eq!((site.buffers, site.bytes), (1, 64));
    assert_eq!((site.suspects, site.suspect_bytes), (0, 0));
    assert_eq!((site.long_lived, site.long_lived_bytes), (0, 0));
    assert_eq!(site.oldest_age_frames, 0);
    kept.clear();
    pool.outstanding_into(&mut out);
    let nothing = Outstanding::default();
    assert_eq!((out.buffers, out.bytes), (0, 0));
    assert_eq!((out.suspects, out.long_lived), (0, 0));
    assert_eq!(out.sites, nothing.sites);
    assert!(out.sizes.iter().all(|size| size.buffers + size.bytes == 0));
    assert!(out.threads.iter().all(|it| it.buffers + it.bytes == 0));
}

#[test]
fn first_of_equally_old_buffers_names_its_thread() {
    let pool = pool();
    let take = |name: &str| {
        let shared = pool.clone();
        let taker = thread::Builder::new().name(name.to_owned());
        let taken = taker.spawn(move || shared.alloc::<u8>(1));
        taken.unwrap().join().unwrap()
    };
    let kept = [take("first"), take("second")];
    assert_eq!(pool.outstanding().sites[0].thread, "first");
    drop(kept);
}

#[test]
fn the_table_shows_what_the_fields_say() {
    let pool = pool();
    let kept = held_by(&pool, "holder");
    let out = pool.outstanding();
    let text = format!("{out:200}");
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("4 buffers out, 6.19 KiB; 2 of them leak suspects, 6.00 KiB; 1 long-lived, 128 B")
    );
    let site = out.sites[0].location.to_string();
    let row = lines.find(|line| line.contains(&site)).unwrap();
    let cells: Vec<_> = row
        .split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect();
    assert_eq!(cells[..6], [&*site, "4", "6.19 KiB", "2", "1", "2"]);
    assert_eq!(cells.last(), Some(&"holder"));
    drop(kept);
    let text = pool.outstanding().to_string();
    assert!(text.starts_with("no pooled buffer is out\n"), "{text}");
    let one = pool.alloc::<u8>(1);
    assert!(
        pool.outstanding()
            .to_string()
            .starts_with("1 buffer out, 64 B;")
    );
    drop(one);
}

#[test]
fn parts_in_use_and_idle_add_up() {
    let pool = pool();
    let kept = held_by(&pool, "holder");
    let frame = pool.begin_frame();
    frame.alloc::<u8>(10_000).fill(1);
    drop(pool.alloc::<u8>(70_000));
    let parts = pool.holdings();
    let sum = |state: &str| {
        let parts = parts.iter().filter(|part| part.by.state() == state);
        parts.map(|part| part.bytes).sum::<u64>()
    };
    let stats = pool.stats();
    assert_eq!(sum("in_use"), stats.in_use_bytes);
    assert_eq!(sum("idle"), stats.idle_bytes);
    assert!(sum("idle") > 70_000 && sum("in_use") > HELD);
    drop(kept);
}

#[test]
fn batch_in_depot_no_longer_counts_for_thread() {
    let pool = pool();
    let rest = std::sync::Barrier::new(3);
    thread::scope(|scope| {
        // Two sizes: one would take what is made in advance for the other.
        for (name, buffers, bytes) in [("busy", 5_000, 128), ("small", 4, 64)] {
            let (pool, rest) = (&pool, &rest);
            let work = move || {
                let taken: Vec<_> = (0..buffers).map(|_| pool.alloc::<u8>(bytes)).collect();
                // One would reuse the other's buffers.
                rest.wait();
                drop(taken);
                rest.wait();
                rest.wait();
            };
            let named = thread::Builder::new().name(name.to_owned());
            named.spawn_scoped(scope, work).unwrap();
        }
        rest.wait();
        rest.wait();
        let parts = pool.holdings();
        rest.wait();
        let small = HeldBy::Thread("small".to_owned());
        let bytes = parts
            .iter()
            .find(|part| part.by == small)
            .map(|part| part.bytes);
        assert_eq!(bytes, Some(256), "{parts:?}");
    });
}

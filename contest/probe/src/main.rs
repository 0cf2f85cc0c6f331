//! framepool's hot paths as separate functions.
//!
//! ```text
//! contest-probe count PATH TIMES    runs the path this many times, for callgrind
//! contest-probe time PATH MILLIS [unattributed | backtraces]
//!                                   prints nanoseconds per operation: the median of short runs; the shortest goes to stderr
//! ```
//!
//! callgrind counts the functions named `probe_…`. The check of the machine code disassembles those that allocate or release.

mod attribution;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use attribution::attribution;
use framepool::{Alignment, Attribution, Buffer, BufferPool, Frame, FrameArena};

const PER_FRAME: u64 = 1024;
const HELD: usize = 64;

/// Allocates a pooled buffer, writes its first byte, and releases it.
#[inline(never)]
fn probe_pooled_pair(pool: &BufferPool, bytes: usize) {
    touch(pool.alloc::<u8>(bytes).as_mut_ptr());
}

/// Only the alloc.
#[inline(never)]
fn probe_pooled_alloc(pool: &BufferPool, bytes: usize) -> Buffer<u8> {
    let mut buffer = pool.alloc::<u8>(bytes);
    touch(buffer.as_mut_ptr());
    buffer
}

/// Only the drop.
#[inline(never)]
fn probe_pooled_drop(buffer: Buffer<u8>) {
    drop(buffer);
}

/// Changes the elements of a pooled buffer by index; this must cost no more than for a slice.
#[inline(never)]
fn probe_index_loop(buffer: &mut Buffer<u32>) {
    for at in 0..buffer.len() {
        buffer[at] = buffer[at].wrapping_add(at as u32);
    }
}

/// Allocates `times` frame buffers from the thread's arena and writes the first byte of each.
#[inline(never)]
fn probe_arena_loop(arena: FrameArena<'_, '_>, bytes: usize, times: u64) {
    for _ in 0..times {
        touch(arena.alloc::<u8>(bytes).as_mut_ptr());
    }
}

/// Allocates a frame buffer and writes its first byte.
#[inline(never)]
fn probe_frame_alloc(frame: &Frame, bytes: usize) {
    touch(frame.alloc::<u8>(bytes).as_mut_ptr());
}

#[inline(always)]
fn touch(start: *mut u8) {
    // SAFETY: the callers pass the start of a new buffer, which has at least one byte.
    unsafe { start.write_volatile(1) }
}

/// A pool whose frame blocks are large enough for all counted operations.
fn roomy_pool() -> BufferPool {
    BufferPool::builder()
        .frame_block_bytes(64 << 20)
        .build()
        .expect("valid settings")
}

fn count(path: &str, times: u64) -> Option<()> {
    let pool = roomy_pool();
    let (small, large) = (black_box(256), black_box(4096));
    match path {
        "pooled-pair" => (0..times).for_each(|_| probe_pooled_pair(&pool, small)),
        "pooled-alloc" | "pooled-drop" => {
            (0..times).for_each(|_| probe_pooled_drop(probe_pooled_alloc(&pool, small)));
        }
        "index-loop" => probe_index_loop(&mut pool.alloc(usize::try_from(times).ok()?)),
        "arena-loop" => {
            let frame = pool.begin_frame();
            frame.with_arena(|arena| probe_arena_loop(arena, small, times));
        }
        "frame-alloc" => {
            let frame = pool.begin_frame();
            (0..times).for_each(|_| probe_frame_alloc(&frame, small));
        }
        "frame-alloc-sampled" => {
            pool.set_frame_sampling(1);
            let frame = pool.begin_frame();
            (0..times).for_each(|_| probe_frame_alloc(&frame, small));
        }
        "frame-alloc-coloured" => {
            let frame = pool.begin_frame();
            (0..times).for_each(|_| probe_frame_alloc(&frame, large));
        }
        _ => return None,
    }
    Some(())
}

/// The same paths, inlined as in users' code, and the number of operations per call.
fn operation<'p>(path: &str, pool: &'p BufferPool) -> Option<(u64, Box<dyn FnMut() + 'p>)> {
    // The paths of small blocks run in a pool with an alignment of 16 bytes.
    let bytes = black_box(if path.ends_with("-small") { 16 } else { 256 });
    Some(match path {
        "pooled-pair" | "pooled-pair-small" => (
            PER_FRAME,
            Box::new(move || {
                for _ in 0..PER_FRAME {
                    touch(pool.alloc::<u8>(bytes).as_mut_ptr());
                }
            }),
        ),
        // The tag changes with each pair.
        "pooled-pair-tags" => {
            let tags = [pool.tag("a"), pool.tag("b")];
            (
                PER_FRAME,
                Box::new(move || {
                    for _ in 0..PER_FRAME / 2 {
                        for tag in &tags {
                            touch(tag.alloc::<u8>(bytes).as_mut_ptr());
                        }
                    }
                }),
            )
        }
        // Every other pair has a tag.
        "pooled-pair-half-tagged" => {
            let tag = pool.tag("a");
            (
                PER_FRAME,
                Box::new(move || {
                    for _ in 0..PER_FRAME / 2 {
                        touch(tag.alloc::<u8>(bytes).as_mut_ptr());
                        touch(pool.alloc::<u8>(bytes).as_mut_ptr());
                    }
                }),
            )
        }
        "pooled-pair-tagged" => {
            let tag = pool.tag("tag");
            (
                PER_FRAME,
                Box::new(move || {
                    for _ in 0..PER_FRAME {
                        touch(tag.alloc::<u8>(bytes).as_mut_ptr());
                    }
                }),
            )
        }
        "pooled-held" | "pooled-held-small" => {
            let bytes = if bytes == 16 { bytes } else { 4 * bytes };
            let mut held = Vec::with_capacity(HELD);
            (
                HELD as u64,
                Box::new(move || {
                    for _ in 0..HELD {
                        let mut buffer = pool.alloc::<u8>(bytes);
                        touch(buffer.as_mut_ptr());
                        held.push(buffer);
                    }
                    held.clear();
                }),
            )
        }
        "arena-loop" => (
            PER_FRAME,
            Box::new(move || {
                let frame = pool.begin_frame();
                frame.with_arena(|arena| {
                    for _ in 0..PER_FRAME {
                        touch(arena.alloc::<u8>(bytes).as_mut_ptr());
                    }
                });
                frame.release_all();
            }),
        ),
        "frame-alloc" => (
            PER_FRAME,
            Box::new(move || {
                let frame = pool.begin_frame();
                for _ in 0..PER_FRAME {
                    touch(frame.alloc::<u8>(bytes).as_mut_ptr());
                }
                frame.release_all();
            }),
        ),
        // Every frame is sampled; by default only one in 64.
        "frame-alloc-sampled" => {
            pool.set_frame_sampling(1);
            return operation("frame-alloc", pool);
        }
        _ => return None,
    })
}

/// Nanoseconds per operation in each of many short runs, the shortest first. All runs together take about the given time.
fn time(path: &str, millis: u64, attribution: Attribution) -> Option<Vec<f64>> {
    let alignment = if path.ends_with("-small") {
        Alignment::Bytes16
    } else {
        Alignment::default()
    };
    let pool = BufferPool::builder().alignment(alignment).build().ok()?;
    pool.set_attribution(attribution);
    let (per_call, mut operation) = operation(path, &pool)?;
    let span = Duration::from_millis(millis);
    let mut run = |span: Duration| {
        let mut nanos = Vec::new();
        let began = Instant::now();
        while nanos.is_empty() || began.elapsed() < span {
            let begun = Instant::now();
            operation();
            nanos.push(begun.elapsed().as_secs_f64() * 1e9 / per_call as f64);
        }
        nanos
    };
    run(span / 4);
    let mut nanos = run(span);
    nanos.sort_by(f64::total_cmp);
    Some(nanos)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["count", path, times] => times.parse().ok().and_then(|times| count(path, times)),
        ["time", path, millis, more @ ..] => millis
            .parse()
            .ok()
            .zip(attribution(more))
            .and_then(|(millis, attribution)| time(path, millis, attribution))
            .map(|nanos| {
                println!("{}", nanos[nanos.len() / 2]);
                eprintln!("shortest {:.3}", nanos[0]);
            }),
        _ => None,
    };
    if done.is_some() {
        ExitCode::SUCCESS
    } else {
        eprintln!(
            "usage: contest-probe count PATH TIMES | time PATH MILLIS [unattributed | backtraces]"
        );
        ExitCode::from(2)
    }
}

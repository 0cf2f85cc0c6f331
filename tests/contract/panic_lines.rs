//! A refused request panics at the line that made it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Once;

use framepool::{BufferPool, Frame, FrameVec};

thread_local! {
    /// Where this thread's latest panic says that it happened.
    static PANICKED_AT: Cell<Option<(String, u32)>> = const { Cell::new(None) };
}

/// Asserts that the request panics, and names its line: at most two below the line of this call.
#[track_caller]
fn panics_there<T>(request: impl FnOnce() -> T) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let at = panic.location().map(|at| (at.file().to_owned(), at.line()));
            PANICKED_AT.set(at);
            usual(panic);
        }));
    });
    let here = Location::caller();
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(request())));
    assert!(outcome.is_err(), "no panic at {here}");
    let (file, line) = PANICKED_AT.take().expect("a place");
    let is_there = file == here.file() && (here.line()..here.line() + 3).contains(&line);
    assert!(is_there, "{file}:{line} instead of {here}");
}

const TOO_MUCH: usize = 1 << 14;

#[test]
fn refused_request_panics_at_its_line() {
    let pool = BufferPool::builder()
        .max_bytes(1 << 13)
        .max_frames_in_flight(1)
        .build()
        .unwrap();
    let tag = pool.tag("tag");
    let here = Location::caller();
    let source = vec![0_u8; TOO_MUCH];
    panics_there(|| pool.alloc::<u8>(TOO_MUCH));
    panics_there(|| pool.alloc_zeroed::<u8>(TOO_MUCH));
    panics_there(|| pool.alloc_copy::<u8>(&source));
    panics_there(|| pool.alloc_at::<u8>(TOO_MUCH, here));
    panics_there(|| pool.alloc_zeroed_at::<u8>(TOO_MUCH, here));
    panics_there(|| pool.prewarm::<u8>(TOO_MUCH, 1));
    panics_there(|| tag.alloc::<u8>(TOO_MUCH));
    panics_there(|| tag.alloc_zeroed::<u8>(TOO_MUCH));
    panics_there(|| tag.alloc_copy::<u8>(&source));
    panics_there(|| tag.alloc_at::<u8>(TOO_MUCH, here));
    panics_there(|| tag.alloc_zeroed_at::<u8>(TOO_MUCH, here));
    let frame: Frame = pool.begin_frame();
    panics_there(|| pool.begin_frame());
    panics_there(|| tag.begin_frame());
    panics_there(|| frame.alloc::<u8>(TOO_MUCH));
    panics_there(|| frame.alloc_zeroed::<u8>(TOO_MUCH));
    panics_there(|| frame.alloc_copy::<u8>(&source));
    panics_there(|| frame.alloc_value([0_u8; TOO_MUCH]));
    panics_there(|| frame.alloc_iter(source.iter().copied()));
    panics_there(|| frame.alloc_str(&String::from_utf8(source.clone()).unwrap()));
    panics_there(|| FrameVec::<u8>::with_capacity_in(TOO_MUCH, &frame));
    panics_there(|| FrameVec::<u8>::new_in(&frame).reserve(TOO_MUCH));
    panics_there(|| FrameVec::new_in(&frame).push([0_u8; TOO_MUCH]));
    panics_there(|| frame.with_arena(|arena| arena.alloc::<u8>(TOO_MUCH).len()));
    panics_there(|| frame.with_arena(|arena| arena.alloc_zeroed::<u8>(TOO_MUCH).len()));
    panics_there(|| frame.with_arena(|arena| arena.alloc_copy::<u8>(&source).len()));
    panics_there(|| frame.with_arena(|arena| arena.alloc_value([0_u8; TOO_MUCH])[0]));
}

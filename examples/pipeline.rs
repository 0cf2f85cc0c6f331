//! A pipeline with two frames in flight: one thread simulates frame N while another renders frame N - 1.
//!
//! The frame itself travels with its results: the simulation begins it, the renderer ends it, and the scratch memory that both
//! take from it is released in one go. The positions go along in a pooled buffer, which comes back to the pool on the
//! renderer's thread. A pool of two frames in flight is the pipeline's whole flow control.
//!
//!     cargo run --release --example pipeline

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use framepool::{Buffer, BufferPool, Frame, FrameError};

const FRAMES: u32 = 120;
const BODIES: usize = 2_000;

/// What goes from the simulation to the renderer.
struct Scene {
    frame: Frame,
    number: u32,
    positions: Buffer<f32>,
}

fn main() {
    let pool = BufferPool::builder()
        .name("pipeline")
        .max_frames_in_flight(2)
        .build()
        .expect("a valid configuration");

    // A frame too many is an error that says what to do, not a wait that never ends.
    let (first, second) = (pool.begin_frame(), pool.begin_frame());
    let Err(FrameError::TooManyInFlight { open, limit, .. }) = pool.try_begin_frame() else {
        panic!("a third frame was begun");
    };
    assert_eq!((open, limit), (2, 2));
    drop((first, second));

    // Scenes go one way; word that a frame has ended comes back, so that never more than two are open.
    let (scenes, to_render) = sync_channel::<Scene>(1);
    let (ended, may_begin) = sync_channel::<()>(2);
    for _ in 0..2 {
        ended.send(()).expect("room for two");
    }
    let simulation = {
        let pool = pool.clone();
        thread::spawn(move || simulate(&pool, &scenes, &may_begin))
    };
    let rendering = thread::spawn(move || render(&to_render, &ended));
    simulation.join().expect("the simulation ends well");
    let (frames, most_open) = rendering.join().expect("the renderer ends well");

    assert_eq!(frames, FRAMES);
    assert!(
        most_open <= 1,
        "when a frame ends, at most the other one is open"
    );
    let last = pool.end_frame();
    assert_eq!(
        last.totals.counts.pooled_allocs(),
        u64::from(FRAMES),
        "one buffer a frame"
    );
    assert_eq!(
        last.totals.allocs, last.totals.releases,
        "and all of it came back"
    );
    assert_eq!(last.open_frames, 0);
    println!(
        "{frames} frames went through; {} allocs, {} of them new memory, at most {} KiB pooled",
        last.totals.allocs,
        last.totals.counts.misses(),
        last.peak_bytes / 1024,
    );
}

fn simulate(pool: &BufferPool, scenes: &SyncSender<Scene>, may_begin: &Receiver<()>) {
    for number in 0..FRAMES {
        may_begin.recv().expect("the renderer is there");
        let frame = pool.begin_frame();
        let mut positions = pool.alloc::<f32>(BODIES);
        // Scratch that only this frame's simulation needs.
        let forces = frame.alloc::<f32>(BODIES);
        for (body, force) in forces.iter_mut().enumerate() {
            *force = (body % 7) as f32;
        }
        for (position, force) in positions.iter_mut().zip(&*forces) {
            *position = number as f32 + *force;
        }
        let scene = Scene {
            frame,
            number,
            positions,
        };
        scenes.send(scene).expect("the renderer is there");
    }
}

/// Renders until the simulation has gone; returns how many frames, and the most frames open at any frame end.
fn render(scenes: &Receiver<Scene>, ended: &SyncSender<()>) -> (u32, u32) {
    let (mut frames, mut most_open) = (0, 0);
    for scene in scenes {
        // The renderer's own scratch lives in the same frame.
        let picture = scene.frame.alloc_zeroed::<u32>(8);
        for &position in &scene.positions {
            picture[(position as usize - scene.number as usize) % 8] += 1;
        }
        assert_eq!(picture.iter().sum::<u32>(), BODIES as u32);
        assert_eq!(
            picture[7], 0,
            "seven kinds of force, seven kinds of position"
        );

        // The pooled buffer is dropped here, not where it was taken; the frame and all its scratch end here too.
        drop(scene.positions);
        let snapshot = scene.frame.release_all();
        most_open = most_open.max(snapshot.open_frames);
        frames += 1;
        // The simulation has gone when it has sent its last scene.
        let _ = ended.send(());
    }
    (frames, most_open)
}

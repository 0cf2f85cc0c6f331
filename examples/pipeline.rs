//! A pipeline with two frames in flight: one thread simulates frame N while another renders frame N - 1.
//!
//! The frame itself travels with its results: the simulation begins it, the renderer ends it, and this releases all scratch
//! memory of both at once. The positions are in a pooled buffer, which returns to the pool on the renderer's thread. The
//! pool's limit of two frames in flight is the pipeline's only flow control.
//!
//!     cargo run --release --example pipeline

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use framepool::{Buffer, BufferPool, Frame, FrameError};

const FRAMES: u32 = 120;
const BODIES: usize = 2_000;

/// The data that goes from the simulation to the renderer.
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

    // One frame too many is an error with a next step, not an endless wait.
    let (first, second) = (pool.begin_frame(), pool.begin_frame());
    let Err(FrameError::TooManyInFlight { open, limit, .. }) = pool.try_begin_frame() else {
        panic!("a third frame was begun");
    };
    assert_eq!((open, limit), (2, 2));
    drop((first, second));

    // Scenes go one way, and the ends of frames are reported back, so that at most two frames are open.
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
        // Scratch memory for this frame's simulation only.
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

/// Renders until the simulation ends; returns the number of frames, and the most frames open at any frame end.
fn render(scenes: &Receiver<Scene>, ended: &SyncSender<()>) -> (u32, u32) {
    let (mut frames, mut most_open) = (0, 0);
    for scene in scenes {
        // The renderer's own scratch memory is in the same frame.
        let picture = scene.frame.alloc_zeroed::<u32>(8);
        for &position in &scene.positions {
            picture[(position as usize - scene.number as usize) % 8] += 1;
        }
        assert_eq!(picture.iter().sum::<u32>(), BODIES as u32);
        assert_eq!(
            picture[7], 0,
            "seven kinds of force, seven kinds of position"
        );

        // The pooled buffer is dropped here, on another thread than its alloc; the frame and all its scratch memory end
        // here too.
        drop(scene.positions);
        let snapshot = scene.frame.release_all();
        most_open = most_open.max(snapshot.open_frames);
        frames += 1;
        // The simulation ends after its last scene, so this may fail.
        let _ = ended.send(());
    }
    (frames, most_open)
}

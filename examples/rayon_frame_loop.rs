//! A frame loop on rayon: parallel jobs use frame buffers for scratch memory and pooled buffers for data that outlives the
//! frame.
//!
//! Each frame blurs every tile of an image. A tile's scratch rows are frame buffers: the frame end releases them, and the
//! borrow checker proves that none is used afterwards. The finished tile is a pooled buffer: it is an input of the next
//! frame, on any thread of rayon.
//!
//!     cargo run --release --example rayon_frame_loop

use framepool::{Buffer, BufferPool, Frame};
use rayon::prelude::*;

const TILES: usize = 32;
const SIDE: usize = 64;
const FRAMES: u64 = 60;

fn main() {
    let pool = BufferPool::builder()
        .name("tiles")
        .build()
        .expect("a pool with default settings");

    // Frame 0's input: one bright pixel in the middle of each tile.
    let mut tiles: Vec<Buffer<f32>> = (0..TILES)
        .map(|_| {
            let mut tile = pool.alloc_zeroed::<f32>(SIDE * SIDE);
            tile[SIDE * SIDE / 2 + SIDE / 2] = 1.0;
            tile
        })
        .collect();

    for number in 1..=FRAMES {
        let frame = pool.begin_frame();
        // Each old tile is dropped as soon as its successor exists, by the same thread. So that thread's magazine has a
        // buffer of the right size for its next tile.
        tiles = tiles
            .into_par_iter()
            .map(|tile| blurred(&pool, &frame, &tile))
            .collect();
        let snapshot = frame.release_all();

        assert_eq!(snapshot.frame.get(), number);
        assert_eq!(
            snapshot.in_use_buffers, TILES as u64,
            "only the tiles outlive the frame"
        );
        if number % 20 == 0 {
            println!(
                "frame {number}: {} frame buffers, {} tiles, {} misses, {} KiB pooled",
                snapshot.frame_allocs,
                snapshot.pooled_allocs,
                snapshot.misses,
                snapshot.pooled_bytes / 1024,
            );
        }
    }

    // Blurring moves light and loses none, except at the edges, which hardly any light has reached.
    let light: f32 = tiles.iter().flat_map(|tile| tile.iter()).sum();
    assert!(
        (light - TILES as f32).abs() < 0.1 * TILES as f32,
        "light was {light}"
    );

    drop(tiles);
    let last = pool.end_frame();
    assert_eq!(
        last.totals.allocs, last.totals.releases,
        "all of it came back"
    );
    println!("{} buffers were lent and all came back", last.totals.allocs);
}

/// The tile, blurred in both directions. The pass between them lives in a frame buffer.
fn blurred(pool: &BufferPool, frame: &Frame, tile: &[f32]) -> Buffer<f32> {
    let half = frame.alloc::<f32>(SIDE * SIDE);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let at = |x: usize| tile[y * SIDE + x.min(SIDE - 1)];
            half[y * SIDE + x] = (at(x.saturating_sub(1)) + at(x) * 2.0 + at(x + 1)) / 4.0;
        }
    }
    let mut result = pool.alloc::<f32>(SIDE * SIDE);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let at = |y: usize| half[y.min(SIDE - 1) * SIDE + x];
            result[y * SIDE + x] = (at(y.saturating_sub(1)) + at(y) * 2.0 + at(y + 1)) / 4.0;
        }
    }
    result
}

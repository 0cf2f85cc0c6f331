//! The further pools of `--pools`: each with a thread, a frame rate and a load of its own, as in a program with several
//! pools.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use framepool::{Buffer, BufferPool};

/// What the thread of a pool does in each of its frames.
#[derive(Clone, Copy, Debug)]
struct Load {
    name: &'static str,
    frames_a_second: u32,
    /// Pooled buffers of a frame, and the bytes of each.
    buffers: usize,
    bytes: usize,
    /// The latest buffers that are kept, as by a cache.
    kept: usize,
}

const LOADS: [Load; 3] = [
    Load {
        name: "audio",
        frames_a_second: 100,
        buffers: 4,
        bytes: 4 << 10,
        kept: 0,
    },
    Load {
        name: "assets",
        frames_a_second: 10,
        buffers: 1,
        bytes: 256 << 10,
        kept: 12,
    },
    Load {
        name: "network",
        frames_a_second: 30,
        buffers: 16,
        bytes: 1_500,
        kept: 64,
    },
];

/// The most pools of a demo.
pub(crate) const MOST_POOLS: usize = 1 + LOADS.len();

/// The pools and their threads.
#[derive(Debug)]
pub(crate) struct Others {
    pools: Vec<BufferPool>,
    threads: Vec<JoinHandle<Kept>>,
    is_over: Arc<AtomicBool>,
}

/// The latest buffers of a pool.
type Kept = VecDeque<Buffer<u8>>;

impl Others {
    /// Starts this many pools.
    pub(crate) fn start(number: usize) -> io::Result<Self> {
        let mut others = Self {
            pools: Vec::new(),
            threads: Vec::new(),
            is_over: Arc::default(),
        };
        for load in &LOADS[..number.min(LOADS.len())] {
            let pool = BufferPool::builder().name(load.name).build();
            let pool = pool.map_err(io::Error::other)?;
            let (own, is_over) = (pool.clone(), Arc::clone(&others.is_over));
            let thread = Builder::new().name(load.name.to_owned());
            // The cache is full before the pool is watched, so that it does not look like a leak.
            let mut kept = Kept::new();
            load.frame(&pool, &mut kept, load.kept);
            let thread = thread.spawn(move || load.work(&own, kept, &is_over))?;
            others.pools.push(pool);
            others.threads.push(thread);
        }
        Ok(others)
    }

    pub(crate) fn pools(&self) -> &[BufferPool] {
        &self.pools
    }

    /// Ends the threads. What they keep is released when the result is dropped.
    pub(crate) fn stop(self) -> Vec<Kept> {
        // Relaxed: no other data depends on it.
        self.is_over.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        // A thread that panicked has reported it on standard error.
        threads.filter_map(|thread| thread.join().ok()).collect()
    }
}

impl Load {
    fn work(self, pool: &BufferPool, mut kept: Kept, is_over: &AtomicBool) -> Kept {
        let period = Duration::from_secs(1) / self.frames_a_second;
        let mut next = Instant::now();
        // Relaxed: see `stop`.
        while !is_over.load(Ordering::Relaxed) {
            self.frame(pool, &mut kept, self.buffers);
            // A late frame is not made up for.
            next = (next + period).max(Instant::now());
            std::thread::sleep(next - Instant::now().min(next));
        }
        kept
    }

    /// One frame: it mixes into frame memory, and writes the result into pooled buffers.
    fn frame(self, pool: &BufferPool, kept: &mut Kept, buffers: usize) {
        let frame = pool.begin_frame();
        for value in 0..buffers {
            let mixed = frame.alloc::<u8>(self.bytes);
            mixed.fill(value as u8);
            let mut buffer = pool.alloc::<u8>(self.bytes);
            buffer.copy_from_slice(mixed);
            kept.push_back(buffer);
        }
        while kept.len() > self.kept {
            kept.pop_front();
        }
        frame.release_all();
    }
}

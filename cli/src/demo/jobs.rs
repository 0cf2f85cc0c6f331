//! The demo's job system: workers that step particles in frame buffers and hand the result to their neighbour.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use framepool::{Buffer, BufferPool, Frame};

/// Particles that one job steps.
const PARTICLES: usize = 4 * 1024;
/// Jobs of one worker in one frame.
const JOBS: usize = 8;
/// Bytes of all results of one frame when buffers are large.
const LARGE_BYTES: usize = 80 << 20;

/// How large the buffers of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// As large as their content.
    Usual,
    /// As large as an imagined worst case.
    Large,
}

/// An order for a worker. The frame is shared and can end when the last worker has dropped it.
struct Order {
    frame: Arc<Frame>,
    elements: usize,
}

/// Worker threads in a ring. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct JobSystem {
    pool: BufferPool,
    orders: Vec<Sender<Order>>,
    done: Receiver<f64>,
    threads: Vec<JoinHandle<()>>,
    stepped: u64,
    mean_height: f64,
}

/// The workers' results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Particles stepped in this frame.
    pub(crate) particles_stepped: u64,
    /// The mean height of the particles of the last frame: what all of it was computed for.
    pub(crate) mean_height: f64,
}

impl JobSystem {
    pub(crate) fn start(pool: &BufferPool, threads: usize) -> io::Result<Self> {
        let (report, done) = channel();
        let (mut to_neighbour, mut from_neighbour): (Vec<_>, Vec<_>) =
            (0..threads).map(|_| channel::<Buffer<f32>>()).unzip();
        // Worker i sends through channel i and receives through channel i - 1, the first through the last.
        from_neighbour.rotate_right(1);
        let mut system = Self {
            pool: pool.clone(),
            orders: Vec::new(),
            done,
            threads: Vec::new(),
            stepped: 0,
            mean_height: 0.0,
        };
        for (index, (send, receive)) in to_neighbour.drain(..).zip(from_neighbour).enumerate() {
            let (order, orders) = channel::<Order>();
            let (pool, report) = (pool.clone(), report.clone());
            let worker = Worker {
                pool,
                send,
                receive,
                seed: index as f32,
            };
            let thread = Builder::new()
                .name(format!("worker {index}"))
                .spawn(move || worker.work(&orders, &report))?;
            system.orders.push(order);
            system.threads.push(thread);
        }
        Ok(system)
    }

    /// Runs one frame on all workers. Returns the bytes in use just before the frame ends.
    pub(crate) fn frame(&mut self, load: Load) -> Result<u64, String> {
        let workers = self.orders.len();
        let elements = match load {
            Load::Usual => PARTICLES,
            Load::Large => (LARGE_BYTES / size_of::<f32>() / JOBS / workers).max(PARTICLES),
        };
        let frame = Arc::new(
            self.pool
                .try_begin_frame()
                .map_err(|error| error.to_string())?,
        );
        let lost = || "a worker of the demo ended early".to_owned();
        for orders in &self.orders {
            let frame = Arc::clone(&frame);
            orders.send(Order { frame, elements }).map_err(|_| lost())?;
        }
        let mut sum = 0.0;
        for _ in 0..workers {
            sum += self.done.recv().map_err(|_| lost())?;
        }
        let jobs = (workers * JOBS) as f64;
        self.mean_height = sum / jobs;
        self.stepped += (workers * JOBS * PARTICLES) as u64;
        // The frame's buffers are in use until it ends, and all pooled buffers except leaked ones have been released.
        let in_use_bytes = self.pool.stats().in_use_bytes;
        // Every worker has dropped the frame before it reported.
        if let Some(frame) = Arc::into_inner(frame) {
            frame.release_all();
        }
        Ok(in_use_bytes)
    }

    /// Ends the workers.
    pub(crate) fn stop(self) -> Work {
        drop(self.orders);
        for thread in self.threads {
            // A worker that panicked has reported it on standard error.
            let _ = thread.join();
        }
        Work {
            particles_stepped: self.stepped,
            mean_height: self.mean_height,
        }
    }
}

/// One worker's ends of the channels.
struct Worker {
    pool: BufferPool,
    send: Sender<Buffer<f32>>,
    receive: Receiver<Buffer<f32>>,
    seed: f32,
}

impl Worker {
    fn work(self, orders: &Receiver<Order>, report: &Sender<f64>) {
        for Order { frame, elements } in orders {
            for job in 0..JOBS {
                let mut result = self.pool.alloc::<f32>(elements);
                step(&frame, self.seed + job as f32, &mut result[..PARTICLES]);
                // This fails only when the demo is ending.
                let _ = self.send.send(result);
            }
            let mut sum = 0.0;
            for _ in 0..JOBS {
                let Ok(result) = self.receive.recv() else {
                    return;
                };
                let heights = result[..PARTICLES].iter();
                sum += heights.map(|&height| f64::from(height)).sum::<f64>() / PARTICLES as f64;
            }
            drop(frame);
            if report.send(sum).is_err() {
                return;
            }
        }
    }
}

/// Lets particles fall for a moment: positions and speeds live in buffers of the frame, the heights go to `result`.
fn step(frame: &Frame, seed: f32, result: &mut [f32]) {
    const GRAVITY: f32 = -9.81;
    const STEP: f32 = 1.0 / 240.0;
    let heights = frame.alloc::<f32>(result.len());
    let speeds = frame.alloc::<f32>(result.len());
    for (index, (height, speed)) in heights.iter_mut().zip(speeds.iter_mut()).enumerate() {
        *height = 10.0 + (seed + index as f32 * 0.37).sin();
        *speed = (seed * 0.5 + index as f32 * 0.11).cos();
    }
    for _ in 0..4 {
        for (height, speed) in heights.iter_mut().zip(speeds.iter_mut()) {
            *speed += GRAVITY * STEP;
            *height += *speed * STEP;
            if *height < 0.0 {
                *height = -*height;
                *speed = -*speed * 0.8;
            }
        }
    }
    result.copy_from_slice(heights);
}

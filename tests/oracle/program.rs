//! Programs: operations on pools by threads, run in order on the real library and in the models.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use framepool::{Alignment, AllocError, Buffer, BufferPool, Frame, FrameError, TagSettings};

use crate::common::assert_empty;
use crate::model::Account;

pub(crate) const POOLS: usize = 3;
pub(crate) const THREADS: usize = 3;
const IN_FLIGHT: u32 = 2;
const ALIGNMENTS: [Alignment; POOLS] =
    [Alignment::Bytes64, Alignment::Bytes16, Alignment::Bytes256];
const LEAK_AGES: [u64; POOLS] = [4, 0, 2];

/// One step. Numbers choose among existing items, modulo their count.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Alloc {
        pool: usize,
        thread: usize,
        site: usize,
        bytes: usize,
    },
    Overflow {
        pool: usize,
        thread: usize,
    },
    Drop {
        buffer: usize,
        thread: usize,
    },
    Retain {
        buffer: usize,
    },
    Begin {
        pool: usize,
        thread: usize,
    },
    AllocFramed {
        frame: usize,
        thread: usize,
        bytes: usize,
    },
    End {
        frame: usize,
        thread: usize,
    },
    EndPool {
        pool: usize,
        thread: usize,
    },
    Trim {
        pool: usize,
        thread: usize,
    },
    Prewarm {
        pool: usize,
        thread: usize,
        bytes: usize,
    },
    Replace {
        thread: usize,
    },
}

/// Allocates a buffer at its own line.
pub(crate) type Site = fn(&BufferPool, usize) -> Buffer<u8>;
pub(crate) const SITES: [(Site, u32, &str); 6] = [
    (|pool, len| pool.alloc(len), line!(), ""),
    (|pool, len| pool.alloc_zeroed(len), line!(), ""),
    (|pool, len| pool.try_alloc(len).unwrap(), line!(), ""),
    (|pool, len| pool.tag("a").alloc(len), line!(), "a"),
    (|pool, len| pool.tag("a/b").alloc(len), line!(), "a/b"),
    (|pool, len| pool.tag("c").alloc(len), line!(), "c"),
];
/// The tags of frames, in turn. The budget of `c` is never used up, so it must not change any number.
const FRAME_TAGS: [&str; 3] = ["", "a/b", "c"];

type Task = Box<dyn FnOnce() + Send>;

/// A thread that runs tasks.
struct Worker {
    tasks: Sender<Task>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
    id: usize,
    name: String,
}

impl Worker {
    fn new(id: usize) -> Self {
        let (tasks, todo) = channel::<Task>();
        let (report, done) = channel();
        let name = format!("worker {id}");
        let thread = Builder::new()
            .name(name.clone())
            .spawn(move || {
                for task in todo {
                    task();
                    report.send(()).unwrap();
                }
            })
            .unwrap();
        Self {
            tasks,
            done,
            thread,
            id,
            name,
        }
    }

    /// Runs `task` on the thread, to its end.
    fn run<R: Send + 'static>(&self, task: impl FnOnce() -> R + Send + 'static) -> R {
        let (result, answer) = channel();
        let task = Box::new(move || result.send(task()).unwrap());
        self.tasks.send(task).unwrap();
        self.done.recv().expect("the task ended without a panic");
        answer.recv().unwrap()
    }

    fn exit(self) {
        drop(self.tasks);
        self.thread.join().unwrap();
    }
}

/// A running program.
struct Run {
    pools: Vec<(BufferPool, Account)>,
    workers: Vec<Worker>,
    spawned: usize,
    buffers: BTreeMap<usize, (usize, Buffer<u8>)>,
    frames: BTreeMap<usize, (usize, Arc<Frame>)>,
    next: usize,
}

/// The key that a number selects, if there is any.
fn choose<V>(among: &BTreeMap<usize, V>, number: usize) -> Option<usize> {
    let at = number.checked_rem(among.len())?;
    among.keys().nth(at).copied()
}

pub(crate) fn run(operations: &[Operation]) {
    let mut run = Run::new();
    for operation in operations {
        run.step(operation);
        for (pool, account) in &run.pools {
            account.compare_stats(&pool.stats());
            account.compare_tags(&pool.tags());
        }
    }
    run.end();
}

impl Run {
    fn new() -> Self {
        let pools = (0..POOLS).map(|at| {
            let pool = BufferPool::builder()
                .alignment(ALIGNMENTS[at])
                .leak_after_frames(LEAK_AGES[at])
                .max_frames_in_flight(IN_FLIGHT)
                .thread_cache_bytes([2 << 20, 10_000, 0][at])
                .frame_block_bytes(16 << 10)
                .tag("c", TagSettings::new().max_bytes(1 << 40))
                .build()
                .unwrap();
            (
                pool,
                Account::new(ALIGNMENTS[at].bytes() as u64, LEAK_AGES[at]),
            )
        });
        Self {
            pools: pools.collect(),
            workers: (0..THREADS).map(Worker::new).collect(),
            spawned: THREADS,
            buffers: BTreeMap::new(),
            frames: BTreeMap::new(),
            next: 0,
        }
    }

    fn step(&mut self, operation: &Operation) {
        self.next += 1;
        match *operation {
            Operation::Alloc {
                pool,
                thread,
                site,
                bytes,
            } => {
                let worker = &self.workers[thread];
                let (handle, account) = &mut self.pools[pool];
                let handle = handle.clone();
                let (take, line, tag) = SITES[site];
                let buffer = worker.run(move || take(&handle, bytes));
                assert_eq!(buffer.len(), bytes);
                let thread = (worker.id, worker.name.as_str());
                account.lend(self.next, thread, (line, tag), bytes as u64);
                self.buffers.insert(self.next, (pool, buffer));
            }
            Operation::Overflow { pool, thread } => {
                let worker = &self.workers[thread];
                let (handle, account) = &mut self.pools[pool];
                let handle = handle.clone();
                let outcome = worker.run(move || handle.try_alloc::<u64>(usize::MAX / 4).map(drop));
                let expected = AllocError::SizeOverflow {
                    len: usize::MAX / 4,
                    element_bytes: 8,
                };
                assert_eq!(outcome, Err(expected));
                account.refuse_overflow(worker.id);
            }
            Operation::Drop { buffer, thread } => {
                let Some(key) = choose(&self.buffers, buffer) else {
                    return;
                };
                let (pool, buffer) = self.buffers.remove(&key).unwrap();
                self.workers[thread].run(move || drop(buffer));
                self.pools[pool].1.release(key, self.workers[thread].id);
            }
            Operation::Retain { buffer } => {
                let Some(key) = choose(&self.buffers, buffer) else {
                    return;
                };
                let (pool, buffer) = &self.buffers[&key];
                Buffer::mark_long_lived(buffer);
                self.pools[*pool].1.mark_long_lived(key);
            }
            Operation::Begin { pool, thread } => self.begin(pool, thread),
            Operation::AllocFramed {
                frame,
                thread,
                bytes,
            } => {
                let Some(key) = choose(&self.frames, frame) else {
                    return;
                };
                let (pool, frame) = &self.frames[&key];
                let frame = Arc::clone(frame);
                self.workers[thread].run(move || frame.alloc::<u8>(bytes).fill(1));
                self.pools[*pool]
                    .1
                    .lend_framed(key, self.workers[thread].id, bytes as u64);
            }
            Operation::End { frame, thread } => {
                let Some(key) = choose(&self.frames, frame) else {
                    return;
                };
                let (pool, frame) = self.frames.remove(&key).unwrap();
                let frame = Arc::into_inner(frame).expect("no thread has it any more");
                let snapshot = self.workers[thread].run(move || frame.release_all());
                self.ended(pool, Some(key), self.workers[thread].id, &snapshot);
            }
            Operation::EndPool { pool, thread } => {
                let handle = self.pools[pool].0.clone();
                let snapshot = self.workers[thread].run(move || handle.end_frame());
                self.ended(pool, None, self.workers[thread].id, &snapshot);
            }
            Operation::Trim { pool, thread } => {
                let (handle, account) = &mut self.pools[pool];
                let handle = handle.clone();
                self.workers[thread].run(move || handle.trim());
                account.enter(self.workers[thread].id);
            }
            Operation::Prewarm {
                pool,
                thread,
                bytes,
            } => self.prewarm(pool, thread, bytes),
            Operation::Replace { thread } => {
                let gone = std::mem::replace(&mut self.workers[thread], Worker::new(self.spawned));
                self.spawned += 1;
                for (_, account) in &mut self.pools {
                    account.thread_gone(gone.id);
                }
                gone.exit();
            }
        }
    }

    fn prewarm(&mut self, pool: usize, thread: usize, bytes: usize) {
        let (handle, account) = &mut self.pools[pool];
        let handle = handle.clone();
        self.workers[thread].run(move || handle.prewarm::<u8>(bytes, 2));
        // Buffers without bytes need no preparation, and so no slot.
        if bytes > 0 {
            account.enter(self.workers[thread].id);
        }
    }

    fn begin(&mut self, pool: usize, thread: usize) {
        let (handle, account) = &mut self.pools[pool];
        let asked = handle.clone();
        let tag = FRAME_TAGS[self.next % FRAME_TAGS.len()];
        let begin = move || match tag {
            "" => asked.try_begin_frame(),
            tag => asked.tag(tag).try_begin_frame(),
        };
        match self.workers[thread].run(begin) {
            Ok(frame) => {
                assert!(account.open_frames() < IN_FLIGHT);
                assert_eq!(
                    frame.id().get(),
                    account.begin(self.next, self.workers[thread].id, tag)
                );
                self.frames.insert(self.next, (pool, Arc::new(frame)));
            }
            Err(FrameError::TooManyInFlight {
                open,
                limit,
                oldest,
                ..
            }) => {
                assert_eq!((open, limit), (IN_FLIGHT, IN_FLIGHT));
                assert_eq!(account.open_frames(), IN_FLIGHT);
                let of_pool = self.frames.values().filter(|(owner, _)| *owner == pool);
                let first = of_pool.map(|(_, frame)| frame.id()).min();
                assert_eq!(Some(oldest), first);
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    fn ended(
        &mut self,
        pool: usize,
        frame: Option<usize>,
        thread: usize,
        snapshot: &framepool::FrameSnapshot,
    ) {
        let (handle, account) = &mut self.pools[pool];
        account.end(frame, thread, snapshot);
        assert_eq!(
            *handle.snapshot(),
            *snapshot,
            "what was returned is what was published"
        );
        let out = handle.outstanding();
        account.compare_holders(&out);
        account.compare_breakdown(&out, &handle.stats());
    }

    fn end(mut self) {
        while let Some((key, (pool, frame))) = self.frames.pop_first() {
            let snapshot = Arc::into_inner(frame).unwrap().release_all();
            self.ended(pool, Some(key), usize::MAX, &snapshot);
        }
        self.buffers.clear();
        for worker in self.workers {
            worker.exit();
        }
        for (pool, _) in &self.pools {
            assert_empty(pool);
        }
    }
}

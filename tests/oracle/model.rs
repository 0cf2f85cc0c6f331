//! The model: the numbers that a pool must report, computed in the simplest way on one thread.

// The path is the same for `fuzz/`, which includes this file.
#[path = "compare.rs"]
mod compare;

use std::collections::{BTreeMap, BTreeSet};

use framepool::FrameSnapshot;

use crate::common::{frame_bytes, pooled_bytes};

/// The counts of one kind of buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    allocs: u64,
    alloc_bytes: u64,
    requested: u64,
    releases: u64,
    release_bytes: u64,
    released_requested: u64,
}

impl Kind {
    fn lend(&mut self, bytes: u64, requested: u64) {
        self.allocs += 1;
        self.alloc_bytes += bytes;
        self.requested += requested;
    }

    fn release(&mut self, buffers: u64, bytes: u64, requested: u64) {
        self.releases += buffers;
        self.release_bytes += bytes;
        self.released_requested += requested;
    }
}

/// A pooled buffer in use.
#[derive(Clone, Debug)]
struct Held {
    line: u32,
    tag: &'static str,
    thread: String,
    bytes: u64,
    requested: u64,
    since: u64,
    long_lived: bool,
}

/// An open frame: buffers allocated, their bytes and requested bytes, and the thread that began it.
type OpenFrame = (u64, u64, u64, usize, &'static str);

/// The numbers that one pool must report.
#[derive(Debug)]
pub(crate) struct Account {
    alignment: u64,
    leak_age: u64,
    pooled: Kind,
    framed: Kind,
    overflows: u64,
    /// The allocs with each tag, of both kinds.
    tags: BTreeMap<&'static str, Kind>,
    before: (Kind, Kind, u64),
    frames: u64,
    /// The number of rounds, and the threads whose frames have ended in the current one.
    rounds: u64,
    enders: BTreeSet<usize>,
    begun: u64,
    held: BTreeMap<usize, Held>,
    open: BTreeMap<usize, OpenFrame>,
    takers: BTreeSet<usize>,
    tenants: BTreeSet<usize>,
    most_tenants: usize,
}

impl Account {
    pub(crate) fn new(alignment: u64, leak_age: u64) -> Self {
        Self {
            alignment,
            leak_age,
            pooled: Kind::default(),
            framed: Kind::default(),
            overflows: 0,
            tags: BTreeMap::new(),
            before: Default::default(),
            frames: 0,
            rounds: 0,
            enders: BTreeSet::new(),
            begun: 0,
            held: BTreeMap::new(),
            open: BTreeMap::new(),
            takers: BTreeSet::new(),
            tenants: BTreeSet::new(),
            most_tenants: 0,
        }
    }

    /// A thread used the pool in a way that needs a slot.
    pub(crate) fn enter(&mut self, thread: usize) {
        self.tenants.insert(thread);
        self.most_tenants = self.most_tenants.max(self.tenants.len());
    }

    pub(crate) fn thread_gone(&mut self, thread: usize) {
        self.tenants.remove(&thread);
    }

    pub(crate) fn lend(
        &mut self,
        buffer: usize,
        thread: (usize, &str),
        (line, tag): (u32, &'static str),
        requested: u64,
    ) {
        self.enter(thread.0);
        self.takers.insert(thread.0);
        let bytes = pooled_bytes(requested, self.alignment);
        self.pooled.lend(bytes, requested);
        self.tags.entry(tag).or_default().lend(bytes, requested);
        let held = Held {
            line,
            tag,
            thread: thread.1.to_owned(),
            bytes,
            requested,
            since: self.rounds,
            long_lived: false,
        };
        self.held.insert(buffer, held);
    }

    pub(crate) fn mark_long_lived(&mut self, buffer: usize) {
        self.held.get_mut(&buffer).unwrap().long_lived = true;
    }

    pub(crate) fn release(&mut self, buffer: usize, thread: usize) {
        self.enter(thread);
        let held = self.held.remove(&buffer).unwrap();
        self.pooled.release(1, held.bytes, held.requested);
        let of_tag = self.tags.get_mut(held.tag).unwrap();
        of_tag.release(1, held.bytes, held.requested);
    }

    pub(crate) fn refuse_overflow(&mut self, thread: usize) {
        self.enter(thread);
        self.overflows += 1;
    }

    /// The number the frame must have.
    pub(crate) fn begin(&mut self, frame: usize, thread: usize, tag: &'static str) -> u64 {
        self.open.insert(frame, (0, 0, 0, thread, tag));
        self.begun += 1;
        self.begun
    }

    pub(crate) fn open_frames(&self) -> u32 {
        self.open.len() as u32
    }

    pub(crate) fn lend_framed(&mut self, frame: usize, thread: usize, requested: u64) {
        self.enter(thread);
        self.takers.insert(thread);
        let bytes = if requested == 0 {
            0
        } else {
            frame_bytes(requested, self.alignment)
        };
        self.framed.lend(bytes, requested);
        let open = self.open.get_mut(&frame).unwrap();
        (open.0, open.1, open.2) = (open.0 + 1, open.1 + bytes, open.2 + requested);
        let of_tag = self.tags.entry(open.4).or_default();
        of_tag.lend(bytes, requested);
    }

    /// A frame end by a thread, of an open frame or of none; compares the published snapshot.
    pub(crate) fn end(&mut self, frame: Option<usize>, thread: usize, snapshot: &FrameSnapshot) {
        let mut whose = thread;
        if let Some(frame) = frame {
            let (buffers, bytes, requested, begun_by, tag) = self.open.remove(&frame).unwrap();
            self.framed.release(buffers, bytes, requested);
            let of_tag = self.tags.entry(tag).or_default();
            of_tag.release(buffers, bytes, requested);
            whose = begun_by;
        }
        self.frames += 1;
        if self.enders.is_empty() || self.enders.contains(&whose) {
            self.rounds += 1;
            self.enders.clear();
        }
        self.enders.insert(whose);
        assert!(self.enders.len() < 32, "more threads are not told apart");
        self.compare(snapshot);
        self.before = (self.pooled, self.framed, self.overflows);
        self.takers.clear();
    }

    fn is_suspect(&self, held: &Held) -> bool {
        !held.long_lived && self.rounds - held.since > self.leak_age
    }
}
